"""Whether a call that failed is tried again, and when: decided without server and without time."""

import gc
import math
import weakref
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from holdfast.edge.client import (
    DeadlineExceeded,
    HoldfastError,
    Overloaded,
    Retries,
    Unavailable,
)
from holdfast.edge.client.errors import PUSHBACK_KEY, error_from_rpc
from holdfast.edge.client.retries import TIMEOUT_COST, Attempts, Budget, may_retry
from holdfast.edge.wire import faults
from tests.edge.client.failures import (
    DROPPED,
    GONE,
    LATE,
    OVERLOADED,
    STORAGE_FULL,
    TABLE_FULL,
    TOO_LARGE,
    RpcError,
    failed,
)


@pytest.mark.parametrize(
    ("fault", "when_repeatable", "otherwise"),
    [
        (OVERLOADED, True, True),
        (faults.draining(), True, True),
        # Nobody knows whether something was done.
        (GONE, True, False),
        (DROPPED, True, False),
        (LATE, True, False),
        # Waiting would not help.
        (STORAGE_FULL, False, False),
        (TABLE_FULL, False, False),
        (TOO_LARGE, False, False),
        (faults.not_found("sku", "S1"), False, False),
        (faults.internal(), False, False),
        # A proxy, which does not know what was done, asks to wait.
        (faults.Fault(grpc.StatusCode.UNAVAILABLE, "", "busy", {}, 0.1), True, False),
    ],
)
def test_only_what_can_help_and_cannot_act_twice_is_tried_again(
    fault: faults.Fault, when_repeatable: bool, otherwise: bool
) -> None:
    error = failed(fault)
    assert when_repeatable == may_retry(error, is_repeatable=True)
    assert otherwise == may_retry(error, is_repeatable=False)


class Story:
    """One call on a clock that waiting moves."""

    def __init__(
        self,
        retries: Retries | None,
        timeout_s: float,
        *,
        is_repeatable: bool = True,
        budget: Budget | None = None,
    ) -> None:
        self.now_s = 1_000.0
        budget = budget or (retries or Retries()).budget()
        self.attempts = Attempts(
            retries, budget, timeout_s, lambda: self.now_s, is_repeatable=is_repeatable
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


@pytest.mark.parametrize(
    ("pushback", "wait_s"), [("0", 0.0), ("250", 0.25), ("3000", 3.0), ("9999999999", None)]
)
def test_a_pushback_is_waited_in_full(pushback: str, wait_s: float | None) -> None:
    """gRFC A6: milliseconds, in the trailer."""
    story = Story(Retries(chance=lambda: 0.0), timeout_s=60)
    error = error_from_rpc(RpcError(GONE, (PUSHBACK_KEY, pushback)))
    if wait_s is None:  # 115 days
        with pytest.raises(Unavailable):
            story.attempts.wait_s(error)
    else:
        assert wait_s == story.attempts.wait_s(error)


@pytest.mark.parametrize("values", [["-1"], ["soon"], [""], ["1.5"], [b"7"], ["5", "5"], ["٣"]])
def test_a_pushback_that_is_no_time_asks_for_no_retry(values: list[str | bytes]) -> None:
    """gRFC A6: negative, or impossible to parse."""
    error = error_from_rpc(RpcError(GONE, *((PUSHBACK_KEY, value) for value in values)))
    assert math.inf == error.retry_after_s
    with pytest.raises(Unavailable):
        Story(Retries(), timeout_s=60).attempts.wait_s(error)


def test_the_longer_of_pushback_and_delay_is_waited() -> None:
    details = ("grpc-status-details-bin", OVERLOADED.to_status().SerializeToString())
    for pushback, expected in (("10", 0.05), ("200", 0.2)):
        error = error_from_rpc(RpcError(OVERLOADED, details, (PUSHBACK_KEY, pushback)))
        assert (Overloaded, expected) == (type(error), error.retry_after_s)


# The budget


def retried(budget: Budget, fault: faults.Fault, calls: int) -> int:
    """How many of so many calls are tried again when they fail, each once."""
    count = 0
    for _ in range(calls):
        story = Story(Retries(chance=lambda: 0.0), timeout_s=60, budget=budget)
        try:
            story.fail(fault)
        except HoldfastError:
            continue
        count += 1
    return count


def test_retries_end_when_the_budget_is_used_up() -> None:
    """All calls of a client share it; those that time out pay more."""
    assert 500 == retried(Retries().budget(), OVERLOADED, 10_000)
    assert 500 == retried(Retries().budget(), GONE, 10_000)
    assert 500 // TIMEOUT_COST == retried(Retries().budget(), LATE, 10_000)


def test_what_is_not_tried_again_costs_nothing() -> None:
    budget = Budget(1, 0.1)
    assert 0 == retried(budget, STORAGE_FULL, 100)
    assert 1 == retried(budget, GONE, 100)


def test_successes_pay_for_a_tenth_as_many_retries() -> None:
    budget = Budget(5, 0.1)
    retried(budget, GONE, 100)
    for successes in (10, 15, 25):
        for _ in range(successes):
            budget.earn()
    assert 5 == retried(budget, GONE, 100)


def test_a_budget_does_not_grow_beyond_its_size() -> None:
    budget = Budget(5, 0.1)
    for _ in range(1_000):
        budget.earn()
    assert 5 == retried(budget, GONE, 100)


def test_threads_pay_from_one_budget() -> None:
    budget = Budget(500, 0)
    with ThreadPoolExecutor(8) as threads:
        counts = threads.map(lambda _: retried(budget, GONE, 500), range(8))
    assert 500 == sum(counts)


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
