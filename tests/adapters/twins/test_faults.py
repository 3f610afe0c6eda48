"""What goes wrong at a twin is the same each time, and what waits to be sent goes in its order."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.twins.faults import (
    Allowance,
    Deliveries,
    Delivery,
    Faults,
    RequestFault,
    Schedule,
)


@dataclass(slots=True)
class Clock:
    """A clock that the test sets."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


def notice(number: int) -> Delivery:
    return Delivery("http://127.0.0.1/notices", f"{number}".encode())


def drained(deliveries: Deliveries) -> list[bytes]:
    return [delivery.body for _, delivery in deliveries.due()]


def test_the_same_seed_gives_the_same_faults() -> None:
    faults = Faults(seed=7, throttled=0.2, lost=0.2, expired=0.2, partial=0.5, duplicates=0.5)
    one, other = (Schedule(faults, Clock()) for _ in range(2))

    assert [one.of_request() for _ in range(50)] == [other.of_request() for _ in range(50)]
    assert [one.is_item_put_off() for _ in range(50)] == [
        other.is_item_put_off() for _ in range(50)
    ]
    assert [one.sendings() for _ in range(50)] == [other.sendings() for _ in range(50)]


def test_one_more_request_changes_no_notification() -> None:
    faults = Faults(seed=7, throttled=0.5, duplicates=0.5, delay_s=10)
    one, other = (Schedule(faults, Clock()) for _ in range(2))
    one.of_request()

    assert [one.sendings() for _ in range(20)] == [other.sendings() for _ in range(20)]


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(), RequestFault.NONE),
        (Faults(throttled=1), RequestFault.THROTTLED),
        (Faults(lost=1), RequestFault.LOST),
        (Faults(expired=1), RequestFault.EXPIRED),
        (Faults(outages=((999, 1_001),), lost=1), RequestFault.OUTAGE),
        (Faults(outages=((999, 1_000),)), RequestFault.NONE),
    ],
)
def test_each_fault_comes_where_it_is_sure(faults: Faults, expected: RequestFault) -> None:
    assert expected == Schedule(faults, Clock()).of_request()


def test_nothing_is_sent_in_an_outage_and_all_of_it_after() -> None:
    clock = Clock()
    deliveries = Deliveries(Schedule(Faults(outages=((1_000, 1_010),)), clock), clock)
    for number in range(3):
        deliveries.post(notice(number))

    assert [] == drained(deliveries)
    clock.now = 1_010
    assert [b"0", b"1", b"2"] == drained(deliveries)
    assert not deliveries


def test_notifications_come_twice_late_out_of_order_or_never() -> None:
    clock = Clock()
    twice = Deliveries(Schedule(Faults(duplicates=1, delay_s=60), clock), clock)
    silent = Deliveries(Schedule(Faults(dropped=1), clock), clock)
    for number in range(20):
        twice.post(notice(number))
        silent.post(notice(number))
    clock.now += 60

    came = drained(twice)
    assert sorted(came) == sorted([f"{number}".encode() for number in range(20)] * 2)
    assert sorted(came, key=int) != came
    assert [] == drained(silent)


def test_it_tells_how_many_notifications_are_sent_soon() -> None:
    clock = Clock()
    deliveries = Deliveries(Schedule(Faults(), clock), clock)
    deliveries.post(notice(1))
    deliveries.failed(3, notice(2))

    assert (1, 1, 2) == tuple(deliveries.within(seconds) for seconds in (0.0, 599.0, 600.0))


def test_what_is_not_taken_is_sent_again_and_then_given_up() -> None:
    clock = Clock()
    deliveries = Deliveries(Schedule(Faults(), clock), clock, retries_s=(5.0, 50.0))
    deliveries.post(notice(1))
    for wait in (0, 5, 50):
        clock.now += wait
        for tries, delivery in deliveries.due():
            deliveries.failed(tries, delivery)

    assert (0, 1) == (len(deliveries), deliveries.given_up)


@given(st.lists(st.floats(0, 5), max_size=60))
def test_an_allowance_grants_no_more_than_its_rate(waits: list[float]) -> None:
    clock = Clock()
    allowance = Allowance(2, 3, clock)
    granted = 0
    for wait in waits:
        clock.now += wait
        granted += allowance.take()
        assert 0 <= allowance.left <= 3

    assert granted <= 3 + 2 * sum(waits) + 1e-6
