"""States of orders: whatever comes late, twice or not at all, the reservations come to the same."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.contract import Undecodable
from holdfast.adapters.events import OrderEvent, OrderKind
from holdfast.adapters.runtime.facts import Dead, Settled
from holdfast.adapters.runtime.order_states import ATTEMPTS, LINES_NAMED, RESERVATION_LINES_MAX
from holdfast.core.commands import Line as CoreLine
from holdfast.core.commands import Move, RecordStockEvents, RenameSku, StockEvent
from holdfast.core.commands.stock import RESERVATION, Reference
from holdfast.core.ids import key_from_text
from holdfast.core.limits import LINES_MAX
from holdfast.core.model import EventKind, Remainder, Verb
from holdfast.edge.client import InvalidArgument
from tests.adapters.core_client import CoreClient, Killed, orders_in_memory
from tests.adapters.one_lane import NOW
from tests.adapters.order_shop import PLACES, Line, Shop, new_core

DAY_NS = 24 * 3_600 * 10**9


@pytest.fixture(scope="module")
def core() -> CoreClient:
    """A core for all of them: each has a SKU and an order of its own."""
    return new_core()


#: A channel whose quantities fall: what it says, one state after another.
FALLING: tuple[tuple[Line, ...], ...] = (
    (Line("1", "A", 3), Line("2", "B", 2)),
    (Line("1", "A", 2), Line("2", "B", 2, 1)),
    (Line("1", "A", 2), Line("2", "B", 1, 1)),
    (Line("1", "A", 0), Line("2", "B", 1, 1)),
)
FALLEN = {("1", "A"): (0, 0, 3), ("2", "B"): (0, 1, 1)}


async def tell_current(shop: Shop, *minutes: int) -> None:
    """Tell states of a channel whose quantities fall, by the minutes in which they were."""
    for minute in minutes:
        state, time = shop.state(*FALLING[minute]), NOW + timedelta(minutes=minute)
        done = await shop.orders.apply(replace(state, is_current=True, time=time))
        assert isinstance(done, Settled)


async def test_what_is_no_longer_of_a_line_is_cancelled(core: CoreClient) -> None:
    shop = Shop(core)
    await tell_current(shop, 0, 1)
    assert {("1", "A"): (2, 0, 1), ("2", "B"): (1, 1, 0)} == await shop.units()
    await tell_current(shop, 2, 3)
    assert FALLEN == await shop.units()


async def test_an_item_that_a_channel_had_cancelled_in_part_before_falls_by_the_rest(
    core: CoreClient,
) -> None:
    shop = Shop(core)
    for number, line in enumerate((Line("1", "A", 3, 0, 1), Line("1", "A", 2), Line("1", "A", 1))):
        time = NOW + timedelta(minutes=number)
        await shop.orders.apply(replace(shop.state(line), is_current=True, time=time))
    assert {("1", "A"): (1, 0, 2)} == await shop.units()


async def ship(shop: Shop, units: int) -> None:
    """The warehouse ships units of line 1, which the channel does not know yet."""
    await shop.core.fulfill(shop.order, [(shop.sku, "A", units, "1")])


@pytest.mark.parametrize(
    ("shipped", "left", "cancelled"), [(3, 0, 0), (2, 1, 1), (2, 0, 1)], ids=["all", "some", "none"]
)
@pytest.mark.parametrize("is_current", [True, False])
async def test_a_cancellation_that_crosses_a_shipment_takes_what_is_open_once(
    core: CoreClient, shipped: int, left: int, cancelled: int, is_current: bool
) -> None:
    shop = Shop(core)
    await shop.tell(Line("1", "A", 3), Line("2", "B", 1))
    await ship(shop, shipped)
    line = Line("1", "A", left) if is_current else Line("1", "A", 3, 0, 3 - left)
    outcomes = []
    for _ in range(3):
        state = replace(shop.state(line, Line("2", "B", 1)), is_current=is_current)
        done = await shop.orders.apply(state)
        assert isinstance(done, Settled)
        outcomes.append(done.outcome)
        assert {("1", "A"): (0, shipped, cancelled), ("2", "B"): (1, 0, 0)} == await shop.units()
        assert done.case
        assert ("cancelled_but_shipped", shop.order) == (done.case.kind, done.case.subject)
        assert f"{shipped - left} of {shop.sku} (line 1)" in done.case.text
    assert ["APPLIED" if cancelled else "UNCHANGED", "UNCHANGED", "UNCHANGED"] == outcomes


async def test_cancelled_units_that_were_shipped_and_came_back_are_no_case(
    core: CoreClient,
) -> None:
    shop = Shop(core)
    await shop.tell(Line("1", "A", 3))
    await ship(shop, 3)
    back = StockEvent(
        *(key_from_text(f"{shop.order}/back"), 0, shop.sku, "A", EventKind.RETURN, 2),
        reference=Reference(RESERVATION, shop.order, "1"),
    )
    core.engine.turn([RecordStockEvents("wms", (back,))], core.now_ns)
    for left, has_case in ((1, False), (0, True)):
        done = await shop.orders.apply(replace(shop.state(Line("1", "A", left)), is_current=True))
        assert isinstance(done, Settled)
        assert ("UNCHANGED", has_case) == (done.outcome, done.case is not None)


async def test_the_case_of_many_lines_names_the_first_and_says_that_there_are_more(
    core: CoreClient,
) -> None:
    shop = Shop(core)
    ids = [f"{number}" for number in range(LINES_NAMED + 1)]
    await shop.tell(*(Line(each, "A", 1, 1) for each in ids))
    left = replace(shop.state(*(Line(each, "A", 0) for each in ids)), is_current=True)
    done = await shop.orders.apply(left)
    assert isinstance(done, Settled)
    assert done.case
    assert LINES_NAMED == done.case.text.count("(line ")
    assert done.case.text.endswith(", and more")


@st.composite
def _states(draw: st.DrawFn) -> tuple[int, Line, bool]:
    """Units that a warehouse ships, the state of a line that crosses it, and whether its quantity
    is what is left.
    """
    line = Line("1", "A", draw(st.integers(0, 4)))
    shipped = draw(st.integers(0, line.ordered))
    cancelled = draw(st.integers(0, line.ordered - shipped))
    line = line._replace(shipped=shipped, cancelled=cancelled)
    return draw(st.integers(0, 3)), line, draw(st.booleans())


@settings(max_examples=40)
@given(st.lists(_states(), min_size=1, max_size=4))
async def test_a_state_that_comes_again_changes_nothing(
    core: CoreClient, states: list[tuple[int, Line, bool]]
) -> None:
    shop = Shop(core)
    await shop.tell(Line("1", "A", 3), Line("2", "B", 1))
    for units, line, is_current in states:
        still_open = (await shop.units())["1", "A"][0]
        if taken := min(units, still_open):
            await ship_open(shop, taken)
        both = line, Line("2", "B", 1)
        await shop.orders.apply(replace(shop.state(*both), is_current=is_current))
        before = await shop.units()
        again = await shop.orders.apply(replace(shop.state(*both), is_current=is_current))
        assert isinstance(again, Settled)
        assert ("UNCHANGED", before) == (again.outcome, await shop.units())


async def ship_open(shop: Shop, units: int) -> None:
    """The same of an order that may have several reservations."""
    event = replace(shop.state(Line("1", "A", units)), kind=OrderKind.SHIPPED)
    assert Settled("APPLIED") == await shop.orders.apply(event)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3), max_size=6))
async def test_old_states_do_not_order_again_what_was_taken_off(
    core: CoreClient, before: list[int]
) -> None:
    shop = Shop(core)
    await tell_current(shop, *before, 3)
    open_units = [figures[0] for figures in (await shop.units()).values()]
    assert 0 == sum(open_units)
    after = await shop.units()
    await tell_current(shop, *before)
    assert after == await shop.units()
    assert 1 == after["2", "B"][1]


async def test_a_state_is_placed_then_shipped_and_cancelled_line_by_line(core: CoreClient) -> None:
    shop = Shop(core)
    assert Settled("APPLIED") == await shop.tell(Line("1", "A", 3), Line("2", "B", 2))
    assert Settled("APPLIED") == await shop.tell(Line("1", "A", 3, 1, 1), Line("2", "B", 2, 2))
    assert {("1", "A"): (1, 1, 1), ("2", "B"): (0, 2, 0)} == await shop.units()
    assert Settled("UNCHANGED") == await shop.tell(Line("1", "A", 3), Line("2", "B", 2, 2))
    assert Settled("UNCHANGED") == await shop.tell(Line("2", "B", 2, 1))


async def test_what_was_shipped_before_it_was_heard_of_is_placed_and_shipped(
    core: CoreClient,
) -> None:
    shop = Shop(core)
    await shop.tell(Line("1", "A", 3, 2, 1))
    assert {("1", "A"): (0, 2, 1)} == await shop.units()


async def test_what_is_ordered_later_is_a_further_reservation(core: CoreClient) -> None:
    shop = Shop(core)
    await shop.tell(Line("1", "A", 1, 1))
    await shop.tell(Line("1", "A", 3, 1), Line("2", "B", 1))
    assert {("1", "A"): (2, 1, 0), ("2", "B"): (1, 0, 0)} == await shop.units()
    further = (await core.get_reservation(f"{shop.order}+1")).reservation
    assert [("1", 2), ("2", 1)] == [(line.line_id, line.quantity) for line in further.lines]
    await shop.tell(Line("1", "A", 3, 3), Line("2", "B", 1, 0, 1))
    assert {("1", "A"): (0, 3, 0), ("2", "B"): (0, 0, 1)} == await shop.units()


async def test_a_line_moves_with_what_is_open_and_does_not_move_back(core: CoreClient) -> None:
    shop = Shop(core)
    await shop.tell(Line("1", "A", 4, 1))
    await shop.tell(Line("1", "B", 4, 1))
    moved = {("1", "A"): (0, 1, 3), ("1", "B"): (3, 0, 0)}
    assert moved == await shop.units()
    # An old state, and a channel that does not know where an operator has put it.
    assert Settled("UNCHANGED") == await shop.tell(Line("1", "A", 4, 1))
    await shop.tell(Line("1", "A", 5, 2, 1))
    assert {("1", "A"): (0, 1, 3), ("1", "B"): (2, 1, 1)} == await shop.units()
    await shop.tell(Line("1", "C", 4, 1))
    assert {("1", "A"): (0, 1, 3), ("1", "B"): (2, 1, 1)} == await shop.units()
    await shop.tell(Line("1", "C", 5, 4, 1))
    assert {("1", "A"): (0, 1, 3), ("1", "B"): (0, 1, 3), ("1", "C"): (0, 2, 1)} == (
        await shop.units()
    )


async def test_what_a_warehouse_has_shipped_is_not_shipped_again(core: CoreClient) -> None:
    shop = Shop(core)
    await shop.tell(Line("1", "A", 2))
    await core.fulfill(shop.order, [(shop.sku, "A", 1, "1")])
    await shop.tell(Line("1", "A", 2, 2))
    assert {("1", "A"): (0, 2, 0)} == await shop.units()


async def test_what_a_warehouse_ships_meanwhile_is_seen_at_the_next_look(core: CoreClient) -> None:
    rounds: list[str] = []
    shop = Shop(core)
    await shop.tell(Line("1", "A", 9))

    def ship(name: str) -> None:
        if name == "fulfill" and len(rounds) < ATTEMPTS - 1:
            rounds.append(name)
            line = CoreLine(shop.sku, "A", 1, "1")
            move = Move(Verb.FULFILL, key_from_text(shop.order), None, (line,), Remainder.KEEP)
            core.engine.turn([move], core.now_ns)

    core.before = ship
    try:
        assert Settled("APPLIED") == await shop.tell(Line("1", "A", 9, 9))
    finally:
        core.before = lambda _: None
    assert {("1", "A"): (0, 9, 0)} == await shop.units()
    assert ATTEMPTS - 1 == len(rounds)


async def test_what_was_cancelled_and_is_shipped_after_all_is_shipped(core: CoreClient) -> None:
    shop = Shop(core)
    await shop.tell(Line("1", "A", 2, 0, 2))
    await shop.tell(Line("1", "A", 2, 2, 0))
    assert {("1", "A"): (0, 2, 2)} == await shop.units()


async def test_what_is_sold_and_not_there_is_held_and_a_case(core: CoreClient) -> None:
    shop = Shop(core, stock=1)
    done = await shop.tell(Line("1", "A", 3), Line("2", "B", 1))
    assert isinstance(done, Settled)
    assert done.case
    assert ("order_short", shop.order) == (done.case.kind, done.case.subject)
    assert f"sold, but not in stock: 2 of {shop.sku} at A" == done.case.text
    # A channel that asks first is refused.
    refused = await Shop(core, stock=1).tell(Line("1", "A", 3), is_sold=False)
    assert isinstance(refused, Dead)
    assert "INSUFFICIENT_STOCK" == refused.reason


async def test_the_case_is_reported_also_after_a_crash_and_not_for_orders_before(
    core: CoreClient,
) -> None:
    shop = Shop(core, stock=2)
    await shop.tell(Line("1", "A", 2))
    core.now_ns += 1
    later = Shop(core)
    later.sku = shop.sku
    event = later.state(Line("1", "A", 1))
    core.calls_left = 1
    with pytest.raises(Killed):
        await later.orders.apply(event)
    core.calls_left = None
    assert "reserve" == core.asked[-1]
    done = await later.orders.apply(event)
    assert isinstance(done, Settled)
    assert done.case
    assert f"sold, but not in stock: 1 of {shop.sku} at A" == done.case.text
    assert Settled("UNCHANGED") == await shop.tell(Line("1", "A", 2))


async def test_a_known_line_of_another_sku_is_refused(core: CoreClient) -> None:
    shop = Shop(core)
    await shop.tell(Line("1", "A", 2), Line("2", "B", 1))
    state = shop.state(Line("2", "B", 1, 1), Line("1", "A", 2, 2))
    changed = replace(state.lines[1], sku="JUG")
    refused = await shop.orders.apply(replace(state, lines=(state.lines[0], changed)))
    assert isinstance(refused, Dead)
    assert ("LINE_DIFFERS", "lines[1].sku", "JUG") == (refused.reason, refused.field, refused.value)
    assert {("1", "A"): (2, 0, 0), ("2", "B"): (1, 0, 0)} == await shop.units()


@pytest.mark.parametrize("impossible", ["", "x" * 2_000])
@pytest.mark.parametrize("added", [1, 7])
async def test_of_names_beside_a_renamed_one_the_impossible_one_is_named(
    core: CoreClient, impossible: str, added: int
) -> None:
    shop = Shop(core)
    await shop.tell(Line("1", "A", 2), Line("2", "B", 1))
    core.engine.turn([RenameSku(shop.sku, f"{shop.sku}-new")], core.now_ns)
    new = [Line(f"{number}", "A", 2) for number in range(3, 3 + added)]
    state = shop.state(Line("1", "A", 2), Line("2", "B", 1), *new)
    lines = [*state.lines[:-1], replace(state.lines[-1], sku=impossible)]
    with pytest.raises(InvalidArgument) as wrong:
        await shop.orders.apply(replace(state, lines=tuple(lines)))
    assert f"lines[{added - 1}].sku" == wrong.value.metadata["field"]
    assert {("1", "A"): (2, 0, 0), ("2", "B"): (1, 0, 0)} == await shop.units()


async def test_an_order_whose_lines_have_left_is_not_begun_anew() -> None:
    core = new_core()
    shop = Shop(core)
    await shop.tell(Line("1", "A", 2, 2), Line("2", "A", 1))
    await shop.tell(Line("1", "A", 2, 2), Line("2", "A", 3))
    await core.fulfill(shop.order)
    for _ in range(3):  # it is seen to have ended, then its lines leave
        core.now_ns += DAY_NS
        core.engine.turn([], core.now_ns)
    assert not (await core.get_reservation(shop.order)).reservation.lines
    shop.orders = orders_in_memory(core)  # nothing is known of what was seen
    # All that is said to be done was done under it; the rest is under the second one.
    ended = Line("1", "A", 2, 2)
    assert Settled("UNCHANGED") == await shop.tell(ended, Line("2", "A", 3, 1))
    assert Settled("APPLIED") == await shop.tell(ended, Line("2", "A", 3, 2, 1))
    assert {("2", "A"): (0, 1, 1)} == await shop.units()
    more = await shop.tell(ended, Line("2", "A", 3, 2, 1), Line("3", "A", 1))
    assert isinstance(more, Dead)
    assert ("RESERVATION_ENDED", "order", shop.order) == (more.reason, more.field, more.value)


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ((), "lines"),
        ((Line("", "A", 1),), "lines[0].id"),
        ((Line("1", "A", 1), Line("1", "B", 1)), "lines[1].id"),
    ],
)
async def test_a_state_has_lines_that_their_ids_tell_apart(
    core: CoreClient, lines: Sequence[Line], field: str
) -> None:
    with pytest.raises(Undecodable) as wrong:
        await Shop(core).tell(*lines)
    assert field == wrong.value.field


@st.composite
def _histories(draw: st.DrawFn) -> list[tuple[Line, ...]]:
    """The states of an order as it goes on: lines come, grow, are shipped and cancelled."""
    now: dict[str, Line] = {}
    states: list[tuple[Line, ...]] = []
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.sampled_from(("1", "2", "3")))
        line = now.setdefault(at, Line(at, PLACES[int(at) - 1], draw(st.integers(1, 4))))
        open_units = line.ordered - line.shipped - line.cancelled
        shipped = draw(st.integers(0, open_units))
        cancelled = draw(st.integers(0, open_units - shipped))
        grown = draw(st.integers(0, 2))
        now[at] = line._replace(
            ordered=line.ordered + grown,
            shipped=line.shipped + shipped,
            cancelled=line.cancelled + cancelled,
        )
        states.append(tuple(now.values()))
    return states


@settings(max_examples=40)
@given(_histories(), st.data())
async def test_states_that_come_in_any_order_twice_or_never_lead_to_the_last(
    core: CoreClient, history: list[tuple[Line, ...]], data: st.DataObject
) -> None:
    lost = data.draw(st.sets(st.integers(0, len(history) - 1)))
    kept = [each for at, each in enumerate(history) if at not in lost or each == history[-1]]
    twice = data.draw(st.lists(st.sampled_from(kept), max_size=3))
    shuffled = data.draw(st.permutations([*kept, *twice]))
    in_order, disturbed = Shop(core), Shop(core)
    for state in history:
        await in_order.tell(*state)
    for event in [disturbed.state(*state) for state in shuffled]:
        await killed_at(data.draw(st.integers(0, 6)), core, disturbed, event)
    expected = {
        (line.id, line.location): (
            *(line.ordered - line.shipped - line.cancelled, line.shipped, line.cancelled),
        )
        for line in history[-1]
    }
    assert expected == await in_order.units()
    assert expected == await disturbed.units()


async def killed_at(calls: int, core: CoreClient, shop: Shop, event: OrderEvent) -> None:
    """Carry out an event; be killed after so many calls, and begin again."""
    core.calls_left = calls or None
    try:
        await shop.orders.apply(event)
    except Killed:
        core.calls_left = None
        await shop.orders.apply(event)
    core.calls_left = None


@pytest.mark.parametrize("kind", [OrderKind.CANCELLED, OrderKind.REFUNDED, OrderKind.SHIPPED])
async def test_an_event_of_a_whole_order_is_of_all_its_reservations(
    core: CoreClient, kind: OrderKind
) -> None:
    shop = Shop(core)
    await shop.tell(Line("1", "A", 1), Line("2", "A", 1))
    await shop.tell(Line("1", "B", 3), Line("2", "A", 1))  # the first moves, and grows
    whole = OrderEvent(source="amazon", id=f"{shop.order}/whole", kind=kind, order=shop.order)
    assert Settled("APPLIED") == await shop.orders.apply(whole)

    units = await shop.units()
    assert 0 == sum(is_open for is_open, _, _ in units.values())
    left = sum(shipped for _, shipped, _ in units.values())
    assert left == (4 if kind is OrderKind.SHIPPED else 0)
    again = await shop.orders.apply(replace(whole, id=f"{shop.order}/again"))
    assert await shop.units() == units
    assert isinstance(again, Dead if kind is OrderKind.SHIPPED else Settled)


async def test_an_order_of_more_lines_than_a_reservation_has_is_placed(core: CoreClient) -> None:
    shop = Shop(core)
    lines = [Line(f"{number}", "A", 1) for number in range(RESERVATION_LINES_MAX + 2)]
    done = await shop.tell(*lines)
    assert isinstance(done, Settled)
    assert len(lines) == sum(is_open for is_open, _, _ in (await shop.units()).values())
    assert RESERVATION_LINES_MAX == LINES_MAX
