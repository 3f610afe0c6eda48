"""Every unit by which the node's books and ours differ is found."""

import pytest

from bench.rehearsal.stocktaking import REMARKS_MAX, Stocktake, compare
from holdfast.v1.availability_service_pb2 import StockLevel

ROW = ("MUG", "STORE")


def taken(level: StockLevel | None, oversold: int = 0) -> Stocktake:
    """Compare with books that say 10 on hand, of which 4 are committed."""
    found = Stocktake()
    compare(found, ROW, 10, 4, oversold, level)
    return found


def test_a_level_that_is_as_it_has_to_be() -> None:
    assert Stocktake() == taken(StockLevel(on_hand=10, committed=4, available=6))


@pytest.mark.parametrize(
    ("level", "differing"),
    [
        (StockLevel(on_hand=9, committed=4, available=5), 1),
        (StockLevel(on_hand=10, committed=3, available=7), 1),
        (StockLevel(on_hand=10, committed=4, reserved=2, available=4), 2),
        (StockLevel(on_hand=10, committed=4, available=7), 1),
        (StockLevel(on_hand=9, committed=5, available=4), 2),
        (None, 14),
    ],
    ids=["unit lost", "order lost", "hold without end", "does not add up", "moved", "gone"],
)
def test_what_differs_is_counted_and_reported(level: StockLevel | None, differing: int) -> None:
    found = taken(level)
    assert differing == found.differing_units
    assert "MUG/STORE" in found.remarks[0]


def test_oversold_is_what_was_promised_twice_at_some_time_or_is_short_now() -> None:
    good = StockLevel(on_hand=10, committed=4, available=6)
    assert 3 == taken(good, oversold=3).oversold_units
    short = StockLevel(on_hand=3, committed=4, available=-1, shortfall=1)
    assert 1 == taken(short).oversold_units


def test_some_differences_are_reported_and_all_are_counted() -> None:
    found = Stocktake()
    for _ in range(REMARKS_MAX + 5):
        compare(found, ROW, 1, 0, 0, StockLevel())
    assert REMARKS_MAX == len(found.remarks)
    assert REMARKS_MAX + 5 == found.differing_units
