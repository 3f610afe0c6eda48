"""Facts and events of orders that have several reservations reach those that they concern."""

from dataclasses import replace
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.events import (
    FactKind,
    OrderEvent,
    OrderKind,
    OrderLine,
    Reference,
    Reversed,
    StockFact,
)
from holdfast.adapters.runtime.store import StoreFailed, StoreFull
from holdfast.core.commands import (
    Location,
    RecordStockEvents,
    RenameSku,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import key_from_text
from holdfast.core.model import EventKind, LocationKind
from tests.adapters.core_client import CoreClient
from tests.adapters.one_lane import NOW, deliver, letters_in, wait_in_vain
from tests.core.engine import NodeEngine
from tests.core.script_answers import START_NS

#: Line, location and units: what an order is of in the end, by its reservations.
ORDER = [[("1", "A", 2), ("2", "B", 1)], [("1", "A", 3), ("2", "C", 1)]]
_NUMBERS = count(1)


@pytest.fixture(scope="module", params=["MUG", "CUP"])
def core(request: pytest.FixtureRequest) -> CoreClient:
    """Many of a SKU at each place, for orders of which each has an id of its own. It was renamed,
    unless it is called as facts and orders call it.
    """
    engine = NodeEngine(1)
    for place in "ABC":
        location = Location(place, LocationKind.STORE, "", enabled=True)
        engine.turn([UpdateLocation(location)], START_NS)
        counted = StockEvent(key_from_text(place), 0, "MUG", place, EventKind.COUNT, 1_000_000)
        engine.turn([RecordStockEvents("wms", (counted,))], START_NS)
    engine.turn([RenameSku("MUG", request.param)], START_NS)
    return CoreClient(engine, START_NS)


class Order:
    """An order of two reservations, and a till or an ERP that tells of it."""

    def __init__(self, core: CoreClient, folder: Path) -> None:
        self.core, self.folder = core, folder
        self.name = f"web/{next(_NUMBERS)}"
        self.names = [self.name, f"{self.name}+1"]

    async def placed(self, is_shipped: bool = True) -> "Order":
        for name, lines in zip(self.names, ORDER, strict=True):
            await self.core.reserve(name, [("MUG", at, units, id_) for id_, at, units in lines])
            await self.core.commit(name, request_id="commit")
            if is_shipped:
                await self.core.fulfill(name, None, request_id="fulfill")
        return self

    def fact(
        self, kind: FactKind, units: int, place: str, line: str = "", id_: str = "1"
    ) -> StockFact:
        return StockFact(
            source=self.name,
            id=id_,
            kind=kind,
            sku="MUG",
            location=place,
            quantity=Decimal(units),
            time=NOW,
            reference=Reference("reservation", self.name, line),
        )

    async def units(self) -> list[str]:
        """Of each reservation the lines that are not as they were placed: committed, fulfilled and
        returned units.
        """
        found = []
        for name in self.names:
            for line in (await self.core.get_reservation(name)).reservation.lines:
                figures = f"{line.committed}/{line.fulfilled}/{line.returned}"
                found.append(f"{line.line_id}{line.location} {figures}")
        return found


#: Kind, what the fact says, and how the lines of both reservations stand then.
FACTS = [
    (FactKind.RETURN, (1, "C", "2"), ["1A 0/2/0", "2B 0/0/1", "1A 0/3/0", "2C 0/1/0"]),
    (FactKind.RETURN, (4, "C", ""), ["1A 0/2/0", "2B 0/1/0", "1A 0/0/3", "2C 0/0/1"]),
    (FactKind.RETURN, (5, "B", "1"), ["1A 0/0/2", "2B 0/1/0", "1A 0/0/3", "2C 0/1/0"]),
    (FactKind.RETURN, (7, "B", ""), ["1A 0/0/2", "2B 0/0/1", "1A 0/0/3", "2C 0/0/1"]),
    (FactKind.RETURN, (8, "B", ""), ["1A 0/2/0", "2B 0/1/0", "1A 0/3/0", "2C 0/1/0"]),
    (FactKind.SHIPMENT_REVERSAL, (1, "C", ""), ["1A 0/2/0", "2B 0/1/0", "1A 0/3/0", "2C 1/0/0"]),
    (FactKind.SHIPMENT_REVERSAL, (5, "A", ""), ["1A 2/0/0", "2B 0/1/0", "1A 3/0/0", "2C 0/1/0"]),
]  # fmt: skip
ISSUED = [
    ((1, "C", ""), ["1A 2/0/0", "2B 1/0/0", "1A 3/0/0", "2C 0/1/0"]),
    ((3, "A", ""), ["1A 2/0/0", "2B 1/0/0", "1A 0/3/0", "2C 1/0/0"]),
    ((4, "A", "1"), ["1A 0/2/0", "2B 1/0/0", "1A 1/2/0", "2C 1/0/0"]),
    ((6, "A", ""), ["1A 2/0/0", "2B 1/0/0", "1A 3/0/0", "2C 1/0/0"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "arguments", "expected"), FACTS)
async def test_a_fact_reaches_the_reservations_that_have_its_units(
    core: CoreClient,
    tmp_path: Path,
    kind: FactKind,
    arguments: tuple[int, str, str],
    expected: list[str],
) -> None:
    order = await Order(core, tmp_path).placed()
    await deliver(tmp_path, core, order.fact(kind, *arguments))

    assert expected == await order.units()
    await refused_at_last(tmp_path, core, 1 if arguments[0] == 8 else 0)


@pytest.mark.parametrize(("arguments", "expected"), ISSUED)
async def test_a_goods_issue_ships_what_is_committed_in_any_of_them(
    core: CoreClient, tmp_path: Path, arguments: tuple[int, str, str], expected: list[str]
) -> None:
    order = await Order(core, tmp_path).placed(is_shipped=False)
    await deliver(tmp_path, core, order.fact(FactKind.GOODS_ISSUE, *arguments))

    assert expected == await order.units()
    await refused_at_last(tmp_path, core, 1 if arguments[0] == 6 else 0)


@pytest.mark.parametrize("error", [StoreFull("full"), StoreFailed("the disk is gone")])
async def test_a_fact_whose_parts_cannot_be_kept_says_so_and_is_delivered_later(
    core: CoreClient, tmp_path: Path, error: StoreFull | StoreFailed
) -> None:
    kind, arguments, expected = FACTS[1]
    order = await Order(core, tmp_path).placed()
    with pytest.raises(type(error), match=str(error)):
        await deliver(tmp_path, core, order.fact(kind, *arguments), fails=error)

    await deliver(tmp_path, core)
    assert expected == await order.units()


@settings(deadline=None, max_examples=12)
@given(st.integers(1, 12), st.sampled_from(FACTS[:4]))
async def test_a_fact_is_delivered_once_whenever_the_process_dies(
    core: CoreClient,
    tmp_path_factory: pytest.TempPathFactory,
    calls: int,
    case: tuple[FactKind, tuple[int, str, str], list[str]],
) -> None:
    kind, arguments, expected = case
    folder = tmp_path_factory.mktemp("killed")
    order = await Order(core, folder).placed()
    fact = order.fact(kind, *arguments)
    await killed_after(calls, core, folder, fact)

    assert expected == await order.units()
    # What the inbox has forgotten is known to the core; a replay is such a message.
    await deliver(folder, core, replace(fact, correlation_id="again"))
    assert (expected, []) == (await order.units(), letters_in(folder))


@pytest.mark.parametrize(("kind", "arguments", "expected"), FACTS[:4])
async def test_a_reversal_undoes_all_parts_of_a_fact(
    core: CoreClient,
    tmp_path: Path,
    kind: FactKind,
    arguments: tuple[int, str, str],
    expected: list[str],
) -> None:
    order = await Order(core, tmp_path).placed()
    before = await order.units()
    await deliver(tmp_path, core, order.fact(kind, *arguments))
    assert expected == await order.units()
    undone = Reversed("1", kind, NOW)
    reversal = replace(order.fact(FactKind.REVERSAL, *arguments, id_="2"), reverses=undone)
    await deliver(tmp_path, core, reversal)

    assert (before, []) == (await order.units(), letters_in(tmp_path))


async def test_a_fact_whose_reversal_came_with_it_changes_nothing(
    core: CoreClient, tmp_path: Path
) -> None:
    order = await Order(core, tmp_path).placed()
    before = await order.units()
    fact = order.fact(FactKind.RETURN, 4, "C")
    reversal = replace(fact, id="2", kind=FactKind.REVERSAL, reverses=Reversed("1", fact.kind, NOW))
    await deliver(tmp_path, core, fact, reversal)

    assert before == await order.units()


async def test_an_id_that_is_used_again_for_other_units_is_a_dead_letter(
    core: CoreClient, tmp_path: Path
) -> None:
    order = await Order(core, tmp_path).placed()
    await deliver(tmp_path, core, order.fact(FactKind.RETURN, 4, "C"))
    after = await order.units()
    # An id that another message has, as of a batch of events.
    await deliver(tmp_path / "other", core, order.fact(FactKind.RETURN, 5, "C"))

    assert after == await order.units()
    assert ["ID_REUSED"] == [letter.reason for letter in letters_in(tmp_path / "other")]


@settings(deadline=None, max_examples=12)
@given(st.integers(1, 12), st.sampled_from([OrderKind.SHIPPED, OrderKind.CANCELLED]))
async def test_lines_of_an_event_are_delivered_once_whenever_the_process_dies(
    core: CoreClient, tmp_path_factory: pytest.TempPathFactory, calls: int, kind: OrderKind
) -> None:
    folder = tmp_path_factory.mktemp("killed")
    order = await Order(core, folder).placed(is_shipped=False)
    lines = tuple(
        OrderLine(id_, "MUG", place, Decimal(units))
        for id_, place, units in (("1", "A", 4), ("2", "C", 1))
    )
    event = OrderEvent(source=order.name, id="1", kind=kind, order=order.name, lines=lines)
    await killed_after(calls, core, folder, event)

    shipped = kind is OrderKind.SHIPPED
    expected = [
        f"1A 0/{2 * shipped}/0",
        "2B 1/0/0",
        f"1A 1/{2 * shipped}/0",
        f"2C 0/{1 * shipped}/0",
    ]
    assert (expected, []) == (await order.units(), letters_in(folder))


async def refused_at_last(folder: Path, core: CoreClient, count: int) -> None:
    """So many of them are dead letters, after they have waited for more of their order."""
    if count:
        await wait_in_vain(folder, core)
    assert count == len(letters_in(folder))


async def killed_after(
    calls: int, core: CoreClient, folder: Path, event: StockFact | OrderEvent
) -> None:
    """Deliver an event; be killed after so many calls, and begin again."""
    core.calls_left = calls
    try:
        await deliver(folder, core, event)
    except BaseExceptionGroup:
        core.calls_left = None
        await deliver(folder, core)
    core.calls_left = None
