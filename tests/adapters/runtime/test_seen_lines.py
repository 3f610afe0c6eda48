"""Lines that the core has dropped are known as they were last seen, also by the process after."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.adapters.events import OrderKind
from holdfast.adapters.runtime.facts import Settled
from holdfast.adapters.runtime.seen_lines import SeenLines, recalled
from holdfast.adapters.runtime.store import Store
from holdfast.core.commands import RenameSku
from holdfast.v1 import reservation_service_pb2 as reservation
from tests.adapters.core_client import CoreClient
from tests.adapters.one_lane import MAP_BYTES, NOW
from tests.adapters.order_shop import Line, Shop, new_core

DAY_NS = 86_400 * 10**9


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty one."""
    store = Store(tmp_path, MAP_BYTES)
    yield store
    store.close()


def order_of(name: str, state: str = "UNSPECIFIED", **units: int) -> reservation.Reservation:
    line = reservation.ReservationLine(sku="MUG", location="A", line_id="1")
    for field, count in units.items():
        setattr(line, field, count)
    return reservation.Reservation(
        reservation_id=name,
        state=f"RESERVATION_STATE_{state}",
        lines=[line] if units else [],
    )


async def test_lines_are_kept_by_order_and_reservation(store: Store) -> None:
    seen = SeenLines(store, lambda: NOW)
    assert {} == seen.of("o")
    await seen.note("o", [order_of("o", quantity=3, committed=3)])
    whole = [order_of("o", quantity=3, committed=3), order_of("o+1", quantity=1, fulfilled=1)]
    await seen.note("o", whole)
    assert {each.reservation_id: each for each in whole} == SeenLines(store, lambda: NOW).of("o")
    assert {} == seen.of("o+1")


@pytest.mark.parametrize(
    ("end", "units"),
    [
        ("FULFILLED", {"fulfilled": 4, "cancelled": 1}),
        ("RETURNED", {"fulfilled": 4, "cancelled": 1}),
        ("UNSPECIFIED", {"fulfilled": 4, "cancelled": 1}),  # the core has forgotten it
        ("CANCELLED", {"fulfilled": 1, "cancelled": 4}),
        ("RELEASED", {"fulfilled": 1, "cancelled": 1, "released": 3}),
        ("EXPIRED", {"fulfilled": 1, "cancelled": 1, "expired": 3}),
    ],
)
def test_units_that_were_open_went_where_their_reservation_ended(
    end: str, units: dict[str, int]
) -> None:
    seen = {"o": order_of("o", quantity=5, committed=2, held=1, fulfilled=1, cancelled=1)}
    known, unseen = order_of("p", quantity=1, committed=1), order_of("q")
    [whole, *others] = recalled([order_of("o", end), known, unseen], seen)
    assert order_of("o", end, quantity=5, **units) == whole
    assert [known, unseen] == others


def pass_days(core: CoreClient) -> None:
    for _ in range(3):  # it is seen to have ended, then its lines leave
        core.now_ns += DAY_NS
        core.engine.turn([], core.now_ns)


@pytest.mark.parametrize("kind", [OrderKind.SHIPPED, OrderKind.CANCELLED])
async def test_what_others_have_ended_unseen_is_not_done_again(kind: OrderKind) -> None:
    shop = Shop(new_core())
    await shop.tell(Line("1", "A", 2))
    await shop.orders.apply(replace(shop.state(Line("1", "A", 2)), kind=kind))
    pass_days(shop.core)
    is_shipped = kind is OrderKind.SHIPPED
    done = Line("1", "A", 2, 2) if is_shipped else Line("1", "A", 2, 0, 2)
    assert Settled("UNCHANGED") == await shop.tell(done)
    assert Settled("APPLIED") == await shop.tell(done, Line("2", "B", 1, 1))
    levels = [(await shop.core.get_shortfall(shop.sku, at)).shortfall for at in ("A", "B")]
    left = [(level.on_hand, level.available) for level in levels]
    assert [(3, 3) if is_shipped else (5, 5), (4, 4)] == left


@pytest.mark.parametrize("called", ["old", "new"])
@pytest.mark.parametrize("others", [(), (Line("2", "B", 1),)])
async def test_lines_that_were_seen_under_an_old_name_are_those_of_the_new_one(
    called: str, others: tuple[Line, ...]
) -> None:
    shop = Shop(new_core())
    ended = Line("1", "A", 2, 2)
    await shop.tell(ended)
    if others:
        await shop.tell(ended, *others)
    pass_days(shop.core)
    old, new = shop.sku, f"{shop.sku}-new"
    shop.core.engine.turn([RenameSku(old, new)], shop.core.now_ns)
    shop.sku = new if called == "new" else old
    assert Settled("UNCHANGED") == await shop.tell(ended, *others)
    assert Settled("APPLIED") == await shop.tell(ended, *others, Line("3", "C", 1, 1))
