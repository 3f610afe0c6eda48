"""Whether a call that failed is tried again, and when: decided without server and without time."""

import gc
import math
import weakref

import pytest

from holdfast.edge.client import DeadlineExceeded, Overloaded, Retries, Unavailable
from holdfast.edge.client.retries import Attempts, may_retry
from holdfast.edge.wire import faults
from tests.edge.client.failures import (
    DROPPED,
    GONE,
    LATE,
    OVERLOADED,
    STORAGE_FULL,
    TOO_LARGE,
    failed,
)


@pytest.mark.parametrize(
    ("fault", "when_repeatable", "otherwise"),
    [
        (OVERLOADED, True, True),
        (faults.draining(), True, True),
        (faults.starting(), True, True),
        # Nobody knows whether something was done.
        (GONE, True, False),
        (DROPPED, True, False),
        (LATE, True, False),
        # Waiting would not help.
        (STORAGE_FULL, False, False),
        (TOO_LARGE, False, False),
        (faults.not_found("sku", "S1"), False, False),
        (faults.internal(), False, False),
    ],
)
def test_only_what_can_help_and_cannot_act_twice_is_tried_again(
    fault: faults.Fault, when_repeatable: bool, otherwise: bool
) -> None:
    error = failed(fault)
    assert when_repeatable == may_retry(error, is_repeatable=True)
    assert otherwise == may_retry(error, is_repeatable=False)


class Story:
    """One call on a clock that only waiting moves."""

    def __init__(
        self, retries: Retries | None, timeout_s: float, *, is_repeatable: bool = True
    ) -> None:
        self.now_s = 1_000.0
        self.attempts = Attempts(
            retries, timeout_s, lambda: self.now_s, is_repeatable=is_repeatable
        )

    def fail(self, fault: faults.Fault, after_s: float = 0.0) -> float:
        self.now_s += after_s
        wait_s = self.attempts.wait_s(failed(fault))
        self.now_s += wait_s
        return round(wait_s, 9)


def test_waits_double_up_to_the_cap() -> None:
    story = Story(Retries(base_s=0.1, cap_s=0.5, chance=lambda: 1.0), timeout_s=60)
    assert [0.1, 0.2, 0.4, 0.5, 0.5] == [story.fail(GONE) for _ in range(5)]


def test_jitter_draws_from_nothing_to_all_of_the_wait() -> None:
    draws = iter([0.0, 0.5, 0.25])
    story = Story(Retries(base_s=0.1, cap_s=1.0, chance=lambda: next(draws)), timeout_s=60)
    assert [0.0, 0.1, 0.1] == [story.fail(GONE) for _ in range(3)]


def test_a_thousand_failures_do_not_overflow() -> None:
    assert 1.0 == Retries(chance=lambda: 1.0).backoff_s(10_000)


def test_a_delay_that_the_server_asks_for_is_waited_in_full() -> None:
    """Jitter comes on top, or all that were refused together would come back together."""
    story = Story(Retries(base_s=0.1, chance=lambda: 0.5), timeout_s=60)
    assert 0.05 + 0.05 == story.fail(OVERLOADED)
    assert 1.0 + 0.1 == story.fail(faults.draining())


def test_a_wait_that_would_reach_the_deadline_is_not_begun() -> None:
    story = Story(Retries(chance=lambda: 0.0), timeout_s=1.0)
    with pytest.raises(Unavailable, match="DRAINING"):
        story.fail(faults.draining())
    assert 1_000.0 == story.now_s


def test_attempts_and_waits_together_keep_to_the_deadline() -> None:
    """Each attempt here hangs for as long as it may."""
    story = Story(Retries(chance=lambda: 1.0), timeout_s=5.0)
    assert 2.5 == story.attempts.timeout_s()
    story.fail(LATE, after_s=2.5)
    left_s = 5.0 - 2.5 - 0.025
    assert left_s == pytest.approx(story.attempts.timeout_s())
    with pytest.raises(DeadlineExceeded) as raised:
        story.fail(LATE, after_s=left_s)
    assert 1_005.0 == pytest.approx(story.now_s)
    assert 2 == raised.value.attempts


@pytest.mark.parametrize(
    ("retries", "is_repeatable"), [(None, True), (None, False), (Retries(), False)]
)
def test_the_only_attempt_may_take_all_the_time(
    retries: Retries | None, is_repeatable: bool
) -> None:
    story = Story(retries, timeout_s=5.0, is_repeatable=is_repeatable)
    assert 5.0 == story.attempts.timeout_s()
    with pytest.raises(DeadlineExceeded):
        story.fail(LATE, after_s=5.0)


def test_without_retries_there_is_one_attempt() -> None:
    with pytest.raises(Overloaded) as raised:
        Story(None, timeout_s=60).fail(OVERLOADED)
    assert 1 == raised.value.attempts


def test_a_raised_error_needs_no_collector() -> None:
    """A node that refuses thousands of calls a second would have callers collect all the time."""
    gc.collect()
    gc.disable()
    try:
        story = Story(None, timeout_s=math.inf)
        try:
            story.fail(OVERLOADED)
        except Overloaded as error:
            gone = weakref.ref(error)
        assert gone() is None
    finally:
        gc.enable()
