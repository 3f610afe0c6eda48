"""Visits are due at a fixed interval, whatever earlier ones took."""

from bench.rehearsal.pacing import Pacing


def test_a_quick_visit_waits_for_the_next_one_to_be_due() -> None:
    pacing = Pacing(10.0, 0.5)
    assert 0.25 == pacing.next_wait_s(10.25)
    assert 10.5 == pacing.due


def test_a_slow_visit_moves_nothing_that_is_due_after_it() -> None:
    """After a stall of two seconds, four visits follow at once, each timed from when it was due."""
    pacing = Pacing(10.0, 0.5)
    waits = []
    dues = []
    for _ in range(5):
        waits.append(pacing.next_wait_s(12.0))
        dues.append(pacing.due)
    assert [0, 0, 0, 0, 0.5] == waits
    assert [10.5, 11, 11.5, 12, 12.5] == dues


def test_what_was_due_and_never_began_is_counted() -> None:
    pacing = Pacing(10.0, 0.5)
    assert 0 == pacing.backlog(9.0)
    assert 0 == pacing.backlog(10.25)
    assert 4 == pacing.backlog(12.0)
