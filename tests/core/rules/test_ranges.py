"""No legal command takes a stock level, or a sum over levels, out of its range.

Stock facts are the guard: one that would leave a level with a larger shortfall than ON_HAND_MAX is
refused, so every promise can still be fulfilled.
"""

from typing import Any

import numpy as np
import pytest

from holdfast.core.audit import check_invariants
from holdfast.core.commands import (
    Command,
    DeleteOutcome,
    DeleteSku,
    GetAvailability,
    Line,
    Location,
    Move,
    MoveBatch,
    MoveOutcome,
    OutOfRange,
    RecordStockEvents,
    Reserve,
    ResolveLevels,
    StockBatch,
    StockCodes,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.handles import split_handles
from holdfast.core.ids import Key
from holdfast.core.kernels.codes import ACCEPTED, EVENT_APPLIED, EVENT_OUT_OF_RANGE
from holdfast.core.limits import BATCH_MAX, HOLD_MS_MIN, ON_HAND_MAX, QUANTITY_MAX, TOTAL_MAX
from holdfast.core.model import EventKind, EventOutcome, LocationKind, Remainder, Verb
from holdfast.core.node import Node
from holdfast.core.statistics import read_statistics
from holdfast.core.tables import state_bytes
from holdfast.core.tables.layouts import OPERATION, STOCK_EVENT
from tests.core.engine import Ticket

PLACES = tuple(f"W{number}" for number in range(10))
KEY = Key(0, 1, None)
ADJUSTMENT, COUNT = EventKind.ADJUSTMENT, EventKind.COUNT

#: Facts of one message, and messages, that take a level from one limit to the other.
PER_LIMIT = ON_HAND_MAX // QUANTITY_MAX


class Shop:
    """A node that answers one command at a time."""

    def __init__(self, shard_count: int = 1) -> None:
        self.node = Node(shard_count)
        for place in PLACES:
            self.ask(UpdateLocation(Location(place, LocationKind.STORE, place, enabled=True)))

    def ask(self, command: Command) -> Any:
        self.node.post(command, Ticket(command))
        answers = self.node.turn(1).answers
        while not answers:  # whom a shortfall endangers is looked for in further turns
            answers = self.node.turn(1).answers
        ((_, outcome),) = answers
        return outcome

    def record(
        self, sku: str, kind: EventKind, quantity: int, times: int = 1, at: str = "W0"
    ) -> Any:
        event = StockEvent(Key(7, 7, None) if kind is COUNT else None, 0, sku, at, kind, quantity)
        while times > 0:
            events = (event,) * min(times, BATCH_MAX)
            outcome = self.ask(RecordStockEvents("erp", events))
            times -= BATCH_MAX
        return outcome

    def outcome(self, sku: str, kind: EventKind, quantity: int) -> EventOutcome:
        """What became of one fact."""
        found: EventOutcome = self.record(sku, kind, quantity).results[0].outcome
        return found

    def columns(self, sku: str, quantity: int) -> StockCodes:
        events = np.zeros(1, STOCK_EVENT)
        handles = self.ask(ResolveLevels(((sku, "W0"),))).handles
        events["shard"], events["row"] = split_handles(self.node.timeline, handles)
        events["kind"], events["quantity"] = ADJUSTMENT, quantity
        outcome: StockCodes = self.ask(StockBatch("erp", events))
        return outcome

    def sell_and_lose(self, skus: tuple[str, ...], quantity: int) -> None:
        """Commit some units of SKUs, and let all there is of them be lost, as far as it goes."""
        for sku in skus:
            self.record(sku, ADJUSTMENT, quantity)
        lines = tuple(Line(sku, "W0", quantity) for sku in skus)
        assert self.ask(Reserve(KEY, lines, HOLD_MS_MIN)).refusal is None
        self.move(Verb.COMMIT)
        for sku in skus:
            self.record(sku, ADJUSTMENT, -QUANTITY_MAX, PER_LIMIT)
            assert EventOutcome.OUT_OF_RANGE == self.outcome(sku, ADJUSTMENT, -quantity)

    def move(self, verb: Verb) -> MoveOutcome:
        outcome: MoveOutcome = self.ask(Move(verb, KEY, None, None, Remainder.KEEP))
        return outcome

    def level(self, sku: str) -> Any:
        return self.ask(GetAvailability((sku,))).views[0].levels[0]

    def digests(self) -> list[tuple[int, int]]:
        return [state_bytes.digest(shard) for shard in self.node.shards]


def fulfill_alone(shop: Shop) -> None:
    assert shop.move(Verb.FULFILL).refusal is None


def fulfill_by_batch(shop: Shop) -> None:
    operations = np.zeros(1, OPERATION)
    operations["key_lo"] = KEY.lo
    assert [ACCEPTED] == shop.ask(MoveBatch(Verb.FULFILL, operations)).codes.tolist()


@pytest.mark.parametrize("fulfill", [fulfill_alone, fulfill_by_batch])
@pytest.mark.parametrize("skus", [("Tea",), ("Tea", "Mug", "Pot", "Cup")])
def test_what_is_promised_can_be_fulfilled_at_the_lower_limit(
    fulfill: Any, skus: tuple[str, ...]
) -> None:
    """In one shard and over several, by itself and in a batch; the state is sound before and
    after.
    """
    shop = Shop(shard_count=4)
    shop.sell_and_lose(skus, 5)
    for sku in skus:
        level = shop.level(sku)
        assert (5 - ON_HAND_MAX, -ON_HAND_MAX) == (level.on_hand, level.available)
    assert [] == check_invariants(shop.node)
    fulfill(shop)
    for sku in skus:
        assert -ON_HAND_MAX == shop.level(sku).on_hand == shop.level(sku).available
    assert [] == check_invariants(shop.node)


def test_a_fact_that_leaves_too_large_a_shortfall_is_refused() -> None:
    """By name and in columns; nothing changes."""
    shop = Shop()
    shop.sell_and_lose(("Tea",), 5)
    before = shop.digests()
    assert EventOutcome.OUT_OF_RANGE == shop.outcome("Tea", ADJUSTMENT, -1)
    assert [EVENT_OUT_OF_RANGE] == shop.columns("Tea", -1).codes.tolist()
    assert before == shop.digests()
    assert [EVENT_APPLIED] == shop.columns("Tea", 1).codes.tolist()
    assert [EVENT_APPLIED] == shop.columns("Tea", -1).codes.tolist()


def test_a_fact_that_leaves_too_much_on_hand_is_refused() -> None:
    """Whatever is promised of it."""
    shop = Shop()
    shop.record("Tea", ADJUSTMENT, QUANTITY_MAX, PER_LIMIT)
    shop.ask(Reserve(KEY, (Line("Tea", "W0", 5),), HOLD_MS_MIN))
    assert EventOutcome.OUT_OF_RANGE == shop.outcome("Tea", ADJUSTMENT, 1)
    assert [EVENT_OUT_OF_RANGE] == shop.columns("Tea", 1).codes.tolist()


def test_a_sku_whose_units_no_answer_can_tell_is_not_deleted() -> None:
    """Five levels at their limit are more than an int64. Counted down first, it can end."""
    shop = Shop()
    for place in PLACES[:5]:
        shop.record("Tea", ADJUSTMENT, QUANTITY_MAX, PER_LIMIT, place)
    _tell_totals(shop)
    before = shop.digests()
    outcome = shop.ask(DeleteSku("Tea"))
    assert (
        OutOfRange("sku", "Tea", "its total on_hand, 10000000000000000000,", TOTAL_MAX) == outcome
    )
    assert before == shop.digests()
    shop.record("Tea", COUNT, 0)
    outcome = shop.ask(DeleteSku("Tea"))
    assert isinstance(outcome, DeleteOutcome)
    assert 4 * ON_HAND_MAX == outcome.on_hand


def _tell_totals(shop: Shop) -> None:
    """The running totals are exact, live and after a load, and no damage."""
    (shard,) = shop.node.shards
    loaded = Node(1)
    columns = {name: column.copy() for name, column in state_bytes.columns(shard).items()}
    state_bytes.load(loaded.shards[0], columns)
    loaded.loaded()
    for node in (shop.node, loaded):
        assert 5 * ON_HAND_MAX == read_statistics(node.shards[0].header).on_hand > TOTAL_MAX
        assert [] == check_invariants(node)
