"""Orders that come line by line, are named again, or are sold after their hold has run out."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest

from holdfast.adapters.events import OrderEvent, OrderKind, OrderLine
from holdfast.adapters.runtime.facts import Dead, Settled
from holdfast.adapters.runtime.order_states import ATTEMPTS
from holdfast.core.commands import Location, RecordStockEvents, StockEvent, UpdateLocation
from holdfast.core.ids import key_from_text
from holdfast.core.model import EventKind, LocationKind
from holdfast.edge.client import AlreadyExists
from tests.adapters.core_client import CoreClient, Killed, orders_in_memory
from tests.core.engine import NodeEngine
from tests.core.script_answers import START_NS

MINUTE_NS = 60 * 10**9
DAY_NS = 24 * 60 * MINUTE_NS
_NUMBERS = count(1)


@pytest.fixture(scope="module")
def core() -> CoreClient:
    """Many of two SKUs at two places, for orders of which each has an id of its own."""
    engine = NodeEngine(1)
    for place in ("dc-1", "dc-2"):
        location = Location(place, LocationKind.STORE, "", enabled=True)
        engine.turn([UpdateLocation(location)], START_NS)
        counts = tuple(
            StockEvent(key_from_text(f"{sku}{place}"), 0, sku, place, EventKind.COUNT, 10_000)
            for sku in ("A1", "B1")
        )
        engine.turn([RecordStockEvents("wms", counts)], START_NS)
    return CoreClient(engine, START_NS)


class Order:
    """An order of a system that names lines as "A1*2", or "A1*2@dc-2", by their ids."""

    def __init__(self, core: CoreClient) -> None:
        self.core, self.orders = core, orders_in_memory(core)
        self.name, self.events = f"oms/{next(_NUMBERS)}", count(1)

    def event(self, kind: OrderKind, is_sold: bool = False, **lines: str) -> OrderEvent:
        return OrderEvent(
            source="oms",
            id=f"{self.name}/{next(self.events)}",
            kind=kind,
            order=self.name,
            lines=tuple(_line(id_, text) for id_, text in lines.items()),
            is_sold=is_sold,
            hold=timedelta(minutes=15) if kind is OrderKind.HELD else None,
        )

    async def tell(self, kind: OrderKind, is_sold: bool = False, **lines: str) -> Settled | Dead:
        return await self.orders.apply(self.event(kind, is_sold, **lines))

    def overtaken_by(self, *others: OrderEvent) -> None:
        """Let another feed apply one before each of the next commands that reserve."""
        left = list(others)

        def apply(method: str) -> None:
            if method != "reserve" or not left:
                return
            other, self.core.before = left.pop(0), lambda _: None
            with pytest.raises(StopIteration):  # the core of a test answers at once
                orders_in_memory(self.core).apply(other).send(None)
            self.core.before = apply

        self.core.before = apply

    async def units(self) -> list[str]:
        """Lines with open units: those that are held have a question mark."""
        found = []
        for each in await self.orders.states.find(self.name):
            for line in each.lines:
                if line.held or line.committed:
                    units = f"{line.held}?" if line.held else f"{line.committed}"
                    found.append(f"{line.line_id} {line.sku}*{units}@{line.location}")
        return found


@pytest.fixture(autouse=True)
def _alone(core: CoreClient) -> Iterator[None]:
    """Others that a test lets come in between do so for that test."""
    yield
    core.before = lambda _: None


def _line(id_: str, text: str) -> OrderLine:
    sku, _, rest = text.partition("*")
    units, _, place = rest.partition("@")
    return OrderLine(id_.strip("_"), sku, place or "dc-1", Decimal(units))


BOTH = ["1 A1*2@dc-1", "2 B1*3@dc-1"]


async def test_lines_of_an_order_that_come_one_by_one_are_all_placed(core: CoreClient) -> None:
    """As rows of a file and records of a webhook do."""
    order = Order(core)
    assert Settled("APPLIED") == await order.tell(OrderKind.PLACED, _1="A1*2")
    assert Settled("APPLIED") == await order.tell(OrderKind.PLACED, _2="B1*3")
    assert BOTH == await order.units()
    for lines in ({"_1": "A1*2"}, {"_2": "B1*3"}, {"_1": "A1*2", "_2": "B1*3"}, {}):
        assert Settled("ALREADY_PLACED") == await order.tell(OrderKind.PLACED, False, **lines)
    assert BOTH == await order.units()


async def test_a_line_that_comes_after_another_was_shipped_is_placed(core: CoreClient) -> None:
    order = Order(core)
    await order.tell(OrderKind.PLACED, _1="A1*2")
    await order.tell(OrderKind.SHIPPED, _1="A1*2")
    assert Settled("ALREADY_PLACED") == await order.tell(OrderKind.PLACED, _1="A1*2")
    await order.tell(OrderKind.PLACED, _2="B1*3")
    assert BOTH[1:] == await order.units()


async def test_lines_that_are_held_one_by_one_are_all_held_and_placed(core: CoreClient) -> None:
    order = Order(core)
    await order.tell(OrderKind.HELD, _1="A1*2")
    assert Settled("APPLIED") == await order.tell(OrderKind.HELD, _2="B1*3")
    assert Settled("ALREADY_HELD") == await order.tell(OrderKind.HELD, _2="B1*3")
    assert ["1 A1*2?@dc-1", "2 B1*3?@dc-1"] == await order.units()
    assert Settled("APPLIED") == await order.tell(OrderKind.PLACED)
    assert BOTH == await order.units()


async def test_a_hold_that_is_repeated_for_somebody_else_is_refused(core: CoreClient) -> None:
    order = Order(core)
    await order.tell(OrderKind.HELD, _1="A1*2")
    with pytest.raises(AlreadyExists):
        await order.orders.apply(replace(order.event(OrderKind.HELD, _1="A1*2"), owner="other"))


@pytest.mark.parametrize("first", [OrderKind.HELD, OrderKind.PLACED])
@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("A1*1", "the order has 2 of A1 at dc-1 where 1 are named"),
        ("A1*3", "the order has 2 of A1 at dc-1 where 3 are named"),
        ("B1*2", "the order has line 1 as another SKU or at another location"),
        ("A1*2@dc-2", "the order has line 1 as another SKU or at another location"),
    ],
)
async def test_a_line_that_differs_is_refused_with_all_others_of_its_event(
    core: CoreClient, first: OrderKind, line: str, text: str
) -> None:
    order = Order(core)
    await order.tell(first, _1="A1*2")
    before = await order.units()
    for kind in (OrderKind.HELD, OrderKind.PLACED):
        refused = await order.tell(kind, _1=line, _2="B1*5")
        assert isinstance(refused, Dead)
        assert ("LINE_DIFFERS", text) == (refused.reason, refused.text)
    assert before == await order.units()


async def test_what_is_not_there_of_further_lines_leaves_the_hold_as_it_is(
    core: CoreClient,
) -> None:
    order = Order(core)
    await order.tell(OrderKind.HELD, _1="A1*2")
    refused = await order.tell(OrderKind.PLACED, _1="A1*2", _2="B1*1000000")
    assert isinstance(refused, Dead)
    assert "INSUFFICIENT_STOCK" == refused.reason
    assert ["1 A1*2?@dc-1"] == await order.units()


@pytest.mark.parametrize("calls", range(1, 7))
async def test_lines_are_placed_once_whenever_the_process_dies(
    core: CoreClient, calls: int
) -> None:
    order = Order(core)
    await order.tell(OrderKind.HELD, _1="A1*2")
    event = order.event(OrderKind.PLACED, _1="A1*2", _2="B1*3")
    core.calls_left = calls
    try:
        await order.orders.apply(event)
    except Killed:
        core.calls_left = None
        await order.orders.apply(event)
    core.calls_left = None
    assert BOTH == await order.units()


#: What was there, what is sold, and what the order is of then; whether a person is to look.
SOLD: list[tuple[str, str, Sequence[str], bool]] = [
    ("A1*2", "A1*4", ["1 A1*2@dc-1", "1 A1*2@dc-1"], False),
    ("A1*2", "A1*1", ["1 A1*2@dc-1"], True),
    ("A1*2", "B1*1", ["1 A1*2@dc-1", "1 B1*1@dc-1"], True),
]


@pytest.mark.parametrize("first", [OrderKind.HELD, OrderKind.PLACED])
@pytest.mark.parametrize(("before", "sold", "after", "is_case"), SOLD)
async def test_what_is_sold_is_added_and_what_is_too_much_is_a_case(
    core: CoreClient,
    first: OrderKind,
    before: str,
    sold: str,
    after: Sequence[str],
    is_case: bool,
) -> None:
    order = Order(core)
    await order.tell(first, _1=before)
    done = await order.tell(OrderKind.PLACED, is_sold=True, _1=sold)
    assert isinstance(done, Settled)
    assert after == await order.units()
    case = done.case and (done.case.kind, done.case.subject)
    assert case == (("order_differs", order.name) if is_case else None)


@pytest.mark.parametrize("days", [1, 4])
async def test_what_is_sold_after_its_hold_has_run_out_is_placed(
    core: CoreClient, days: int
) -> None:
    order = Order(core)
    await order.tell(OrderKind.HELD, _1="A1*2", _2="B1*3")
    for _ in range(days):  # it is seen to have ended, then its lines leave
        core.now_ns += DAY_NS
        core.engine.turn([], core.now_ns)
    late = await order.tell(OrderKind.PLACED, _1="A1*2", _2="B1*3")
    assert isinstance(late, Dead)
    for outcome in ("APPLIED", "ALREADY_PLACED"):
        sold = await order.tell(OrderKind.PLACED, is_sold=True, _1="A1*2", _2="B1*3")
        assert Settled(outcome) == sold
    assert BOTH == await order.units()


async def test_what_is_sold_while_its_hold_runs_out_is_placed(core: CoreClient) -> None:
    order = Order(core)
    await order.tell(OrderKind.HELD, _1="A1*2", _2="B1*3")

    def run_out(method: str) -> None:
        if method == "commit":
            core.now_ns += DAY_NS
            core.before = lambda _: None

    core.before = run_out
    sold = await order.tell(OrderKind.PLACED, is_sold=True, _1="A1*2", _2="B1*3")
    assert Settled("APPLIED") == sold
    assert BOTH == await order.units()


async def _held_apart(core: CoreClient) -> Order:
    """An order whose first line has run out, and whose second is still held."""
    order = Order(core)
    await order.tell(OrderKind.HELD, _1="A1*2")
    core.now_ns += 10 * MINUTE_NS
    await order.tell(OrderKind.HELD, _2="B1*3")
    core.now_ns += 10 * MINUTE_NS
    return order


#: The core itself refuses to hold again what the first reservation held, and has ended.
TOO_LATE = {"EXPIRED", "RESERVATION_ENDED"}
GIVEN_BACK = {"WRONG_STATE", "RESERVATION_ENDED"}


def _reason(done: Settled | Dead) -> str:
    return done.reason if isinstance(done, Dead) else done.outcome


@pytest.mark.parametrize("kind", [OrderKind.HELD, OrderKind.PLACED])
@pytest.mark.parametrize("lines", [{"_1": "A1*2"}, {"_1": "A1*2", "_2": "B1*3"}])
async def test_a_line_that_has_run_out_is_refused_beside_one_that_is_held(
    core: CoreClient, kind: OrderKind, lines: dict[str, str]
) -> None:
    order = await _held_apart(core)
    for _ in range(2):
        assert _reason(await order.tell(kind, False, **lines)) in TOO_LATE
    assert ["2 B1*3?@dc-1"] == await order.units()


async def test_each_line_is_committed_by_the_event_that_names_it(core: CoreClient) -> None:
    order = await _held_apart(core)
    await order.tell(OrderKind.HELD, _3="A1*1")
    assert "APPLIED" == _reason(await order.tell(OrderKind.PLACED, _2="B1*3"))
    assert ["2 B1*3@dc-1", "3 A1*1?@dc-1"] == await order.units()
    assert "ALREADY_PLACED" == _reason(await order.tell(OrderKind.PLACED, _2="B1*3"))
    assert "EXPIRED" == _reason(await order.tell(OrderKind.PLACED, _1="A1*2"))
    assert "APPLIED" == _reason(await order.tell(OrderKind.PLACED, _3="A1*1"))
    assert ["2 B1*3@dc-1", "3 A1*1@dc-1"] == await order.units()


async def test_a_line_that_has_run_out_is_refused_also_after_its_order_has_left(
    core: CoreClient,
) -> None:
    order = Order(core)
    await order.tell(OrderKind.HELD, _1="A1*2")
    await order.tell(OrderKind.PLACED, is_sold=True, _2="B1*3")
    assert ["1 A1*2?@dc-1", "2 B1*3@dc-1"] == await order.units()
    for _ in range(4):
        core.now_ns += DAY_NS
        core.engine.turn([], core.now_ns)
        for kind in (OrderKind.HELD, OrderKind.PLACED):
            assert _reason(await order.tell(kind, _1="A1*2")) in TOO_LATE
        assert "ALREADY_PLACED" == _reason(await order.tell(OrderKind.PLACED, _2="B1*3"))


@pytest.mark.parametrize("first", [OrderKind.HELD, OrderKind.PLACED])
@pytest.mark.parametrize("is_sold", [False, True])
async def test_a_line_that_was_given_back_is_refused_beside_one_that_is_there(
    core: CoreClient, first: OrderKind, is_sold: bool
) -> None:
    order = Order(core)
    await order.tell(first, _1="A1*2")
    await order.tell(first, _2="B1*3")
    await order.tell(OrderKind.CANCELLED, _1="A1*2")
    before = await order.units()
    for kind in (OrderKind.HELD, OrderKind.PLACED):
        for lines in ({"_1": "A1*2"}, {"_1": "A1*2", "_2": "B1*3"}):
            assert _reason(await order.tell(kind, is_sold, **lines)) in GIVEN_BACK
    assert before == await order.units()


async def test_of_a_line_that_is_held_for_less_now_that_much_is_placed(core: CoreClient) -> None:
    order = Order(core)
    await order.tell(OrderKind.HELD, _1="A1*2")
    await order.tell(OrderKind.CANCELLED, _1="A1*1")
    assert "WRONG_STATE" == _reason(await order.tell(OrderKind.PLACED, _1="A1*2"))
    assert "APPLIED" == _reason(await order.tell(OrderKind.PLACED, _1="A1*1"))
    assert ["1 A1*1@dc-1"] == await order.units()


async def test_a_repeat_after_some_units_were_cancelled_is_one(core: CoreClient) -> None:
    order = Order(core)
    await order.tell(OrderKind.PLACED, _1="A1*2")
    await order.tell(OrderKind.CANCELLED, _1="A1*1")
    assert "ALREADY_PLACED" == _reason(await order.tell(OrderKind.PLACED, _1="A1*2"))


async def test_an_event_that_comes_again_after_its_line_was_cancelled_is_answered_as_before(
    core: CoreClient,
) -> None:
    """The process ended before it could note that the core has it."""
    order = Order(core)
    await order.tell(OrderKind.PLACED, _1="A1*2")
    event = order.event(OrderKind.PLACED, _2="B1*3")
    for _ in range(2):
        assert "APPLIED" == _reason(await order.orders.apply(event))
        await order.tell(OrderKind.CANCELLED, _2="B1*3")
    assert ["1 A1*2@dc-1"] == await order.units()


@pytest.mark.parametrize("kind", [OrderKind.HELD, OrderKind.PLACED, OrderKind.STATE])
@pytest.mark.parametrize("before", [0, 1])
async def test_lines_that_two_feeds_place_at_once_are_all_there(
    core: CoreClient, kind: OrderKind, before: int
) -> None:
    """Another feed takes the name of the next reservation after it was looked for."""
    order = Order(core)
    for number in range(before):
        await order.tell(kind, False, **{f"_{number}": "A1*1"})
    order.overtaken_by(order.event(kind, _3="A1*3"), order.event(kind, _4="A1*4"))
    assert "APPLIED" == _reason(await order.tell(kind, _5="A1*5"))
    units = {line.replace("?", "") for line in await order.units()}
    assert {"3 A1*3@dc-1", "4 A1*4@dc-1", "5 A1*5@dc-1"} <= units


async def test_a_name_that_is_taken_again_and_again_is_given_up(core: CoreClient) -> None:
    order = Order(core)
    lines = ({f"_{number}": "A1*1"} for number in range(ATTEMPTS))
    others = [order.event(OrderKind.PLACED, False, **each) for each in lines]
    order.overtaken_by(*others)
    with pytest.raises(AlreadyExists):
        await order.tell(OrderKind.PLACED, _9="A1*9")


@pytest.mark.parametrize("gives_back", [False, True])
async def test_a_line_without_an_id_that_is_sold_elsewhere_as_well_is_a_case(
    core: CoreClient, gives_back: bool
) -> None:
    order = Order(core)
    await order.tell(OrderKind.PLACED, True, _="A1*2")
    if gives_back:
        await order.tell(OrderKind.CANCELLED, _="A1*2")
    done = await order.tell(OrderKind.PLACED, True, _="A1*2@dc-2")
    assert isinstance(done, Settled)
    assert gives_back is (done.case is None)
    assert done.case is None or "order_differs" == done.case.kind
    assert " A1*2@dc-2" == (await order.units())[-1]


async def test_lines_without_ids_at_two_places_in_one_event_are_no_case(core: CoreClient) -> None:
    order = Order(core)
    event = order.event(OrderKind.PLACED, True, _="A1*2", __="A1*3@dc-2")
    assert Settled("APPLIED") == await order.orders.apply(event)
    assert [" A1*2@dc-1", " A1*3@dc-2"] == await order.units()
