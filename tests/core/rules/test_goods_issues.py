"""Goods issues and shipments that were none, and counts around them: in all orders of arrival."""

from collections.abc import Iterable, Sequence
from itertools import permutations
from typing import Any

import pytest

from holdfast.core.commands import (
    Command,
    EventsOutcome,
    Line,
    Location,
    Move,
    RecordStockEvents,
    Reference,
    Reserve,
    Reversed,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.commands.stock import RESERVATION
from holdfast.core.ids import key_from_parts, key_from_text
from holdfast.core.limits import NS_PER_DAY
from holdfast.core.model import CountBasis, EventKind, EventOutcome, LocationKind, Remainder, Verb
from tests.core.engine import ModelEngine, NodeEngine

HOUR_NS = 3_600 * 10**9
NOON_NS = 1_767_268_800 * 10**9
LAST_NS = NOON_NS + 20 * HOUR_NS
WINDOW_NS = 7 * NS_PER_DAY

#: Commands that a mailbox has room for.
A_TURN = 60

#: When each thing happened, in hours after noon: a parcel is packed at one and posted by the ERP at
#: four; at eight it is found that it has not left. Counts are of two, six and ten.
HAPPENED = {"post": 4, "undo": 8, "before": 2, "between": 6, "after": 10}


class Shops:
    """A node and the model with ten units of each of some SKUs, one of which is ordered."""

    def __init__(self, count: int) -> None:
        self.node = NodeEngine(4, window_ns=WINDOW_NS)
        self.model = ModelEngine(window_ns=WINDOW_NS)
        place = Location("W", LocationKind.WAREHOUSE, "", enabled=True)
        self.ask([UpdateLocation(place)], NOON_NS)
        skus = range(count)
        self.ask([record(sku, "opening", EventKind.COUNT, 10) for sku in skus], NOON_NS)
        self.ask([Reserve(order(sku), (Line(str(sku), "W", 1),), 60_000) for sku in skus], NOON_NS)
        self.ask([move(Verb.COMMIT, sku) for sku in skus], NOON_NS)

    def ask(self, commands: Sequence[Command], now_ns: int) -> list[Any]:
        answers: list[Any] = []
        for start in range(0, len(commands), A_TURN):
            some = commands[start : start + A_TURN]
            expected = self.model.turn(some, now_ns)
            assert expected == self.node.turn(some, now_ns)
            answers += expected
        return answers

    def arrive(self, whats: Iterable[tuple[int, str]], basis: CountBasis, now_ns: int) -> list[int]:
        """Let something arrive of each of some SKUs; return those of which it has to come again,
        because what it is about has not come.
        """
        asked = list(whats)
        outcomes = self.ask([tell(sku, what, basis) for sku, what in asked], now_ns)
        exceeds = EventOutcome.EXCEEDS_SHIPPED
        return [
            sku
            for (sku, _), outcome in zip(asked, outcomes, strict=True)
            if isinstance(outcome, EventsOutcome) and outcome.results[0].outcome is exceeds
        ]

    def on_hand(self, sku: int) -> int:
        return self.model.model.skus[str(sku)]["W"].on_hand


def order(sku: int) -> Any:
    return key_from_text(f"order {sku}")


def move(verb: Verb, sku: int) -> Move:
    return Move(verb, order(sku), None, None, Remainder.KEEP)


def record(sku: int, what: str, kind: EventKind, quantity: int, **more: Any) -> RecordStockEvents:
    key = key_from_parts("erp", what, str(sku))
    event = StockEvent(key, 0, str(sku), "W", kind, quantity, **more)
    return RecordStockEvents("erp", (event,))


def tell(sku: int, what: str, basis: CountBasis) -> Command:
    """What the node is told. A balance of the books is one less once the parcel is posted; on the
    shelf there were ten all the time.
    """
    if what == "ship":
        return move(Verb.FULFILL, sku)
    at_ns = NOON_NS + HAPPENED[what] * HOUR_NS
    more: dict[str, Any] = {"occur_time_ns": at_ns}
    kinds = {"post": EventKind.GOODS_ISSUE, "undo": EventKind.SHIPMENT_REVERSAL}
    if what in kinds:
        more["reference"] = Reference(RESERVATION, f"order {sku}", "")
        return record(sku, what, kinds[what], 1, **more)
    is_posted = basis is CountBasis.BOOKS and what != "before"
    return record(sku, what, EventKind.COUNT, 10 - is_posted, basis=basis, **more)


def arrivals(whats: Iterable[str]) -> list[tuple[str, ...]]:
    """All orders in which something may arrive: a parcel is packed before it is found."""
    orders = permutations(whats)
    return [each for each in orders if each.index("ship") < each.index("undo")]


@pytest.mark.parametrize("basis", CountBasis)
def test_a_shipment_that_was_none_leaves_what_there_was_in_all_orders(basis: CountBasis) -> None:
    """Ten were there and none left, whatever comes first: 360 orders."""
    orders = arrivals(("ship", "undo", *HAPPENED.keys() - {"undo"}))
    shops = Shops(len(orders))
    late: list[int] = []
    for hours in range(6):
        arriving = [(sku, each[hours]) for sku, each in enumerate(orders)]
        late += shops.arrive(arriving, basis, LAST_NS + hours * HOUR_NS)
    assert [] == shops.arrive([(sku, "undo") for sku in late], basis, LAST_NS + 6 * HOUR_NS)
    wrong = {
        each: on_hand for sku, each in enumerate(orders) if (on_hand := shops.on_hand(sku)) != 10
    }
    assert {} == wrong
    shops.node.restart()


@pytest.mark.parametrize("basis", CountBasis)
def test_a_posting_that_is_taken_back_leaves_the_shipment_in_all_orders(basis: CountBasis) -> None:
    """One of ten left, and was posted; that was taken back in the books, where it is ten again."""
    whats = ("post", "back", "before", "between", "after")
    orders = [each for each in permutations(whats) if each.index("post") < each.index("back")]
    shops = Shops(len(orders))
    shops.ask([move(Verb.FULFILL, sku) for sku in range(len(orders))], NOON_NS + HOUR_NS)
    for hours in range(len(whats)):
        facts = [tell_posting(sku, each[hours], basis) for sku, each in enumerate(orders)]
        shops.ask(facts, LAST_NS + hours * HOUR_NS)
    wrong = {
        each: on_hand for sku, each in enumerate(orders) if (on_hand := shops.on_hand(sku)) != 9
    }
    assert {} == wrong
    shops.node.restart()


def tell_posting(sku: int, what: str, basis: CountBasis) -> Command:
    """What the node is told of a parcel that left, and whose posting was taken back at eight."""
    if what == "post":
        return tell(sku, what, basis)
    hours = HAPPENED["undo" if what == "back" else what]
    more: dict[str, Any] = {"occur_time_ns": NOON_NS + hours * HOUR_NS}
    if what == "back":
        key = key_from_parts("erp", "post", str(sku))
        more["reverses"] = Reversed("erp", "post", key, EventKind.GOODS_ISSUE)
        more["reference"] = Reference(RESERVATION, f"order {sku}", "")
        return record(sku, what, EventKind.REVERSAL, 1, **more)
    has_ten = basis is CountBasis.BOOKS and what != "between"
    return record(sku, what, EventKind.COUNT, 9 + has_ten, basis=basis, **more)
