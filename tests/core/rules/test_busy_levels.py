"""Reversals at a level with more facts than a count looks through."""

import pytest

from holdfast.core.model import CountBasis, EventKind, EventOutcome
from tests.core.rules.test_reversals import Shop


@pytest.mark.parametrize("basis", CountBasis)
@pytest.mark.parametrize("is_late", [False, True])
def test_at_a_busy_level_the_last_count_decides_as_elsewhere(
    basis: CountBasis, is_late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much was sold since: a count of the shelf had seen the wrong sale, also where that
    came after it.
    """
    monkeypatch.setattr("holdfast.core.rules.level_history.HISTORY_READ_MAX", 5)
    shop = Shop()
    happened_ns = shop.now_ns + 1
    if is_late:
        shop.count(10, 0, basis, "count")
    shop.tell(EventKind.SALE, 2, "wrong", occur_time_ns=happened_ns)
    if not is_late:
        shop.count(10, 0, basis, "count")
    for number in range(10):
        shop.tell(EventKind.SALE, 1, f"sold {number}")
    shop.node.restart()
    shop.reverse(EventKind.SALE, 2, "wrong")
    assert (2 if basis is CountBasis.BOOKS else 0) == shop.on_hand


def test_a_search_for_a_fact_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the time at which it came is compared with the count's."""
    monkeypatch.setattr("holdfast.core.rules.level_history.SEARCHED_MAX", 5)
    shop = Shop()
    shop.tell(EventKind.SALE, 2, "wrong")
    shop.tell(EventKind.COUNT, 10, "shelf")
    for number in range(10):
        shop.tell(EventKind.SALE, 1, f"sold {number}")
    assert EventOutcome.ALREADY_COUNTED == shop.reverse(EventKind.SALE, 2, "wrong")
