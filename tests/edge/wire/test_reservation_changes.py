"""Tokens of WatchReservations that are ahead of the ledger."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.edge.wire.reservation_changes import _TOKEN, token_from, watch_reservations
from holdfast.v1.watch_service_pb2 import WatchReservationsRequest
from tests.edge.wire.builders import fault


@dataclass
class Empty:
    """The index of a ledger that has come to a position."""

    position: int
    timeline: int = 7
    begun: int = 0
    oldest: int = 0
    count: int = 3
    opened_ns: int = 0
    parts: tuple[Any, ...] = ()


#: The requests name no SKU, so names do not matter.
NODE = SimpleNamespace(sku_names=())


@dataclass
class Following:
    """A follower that has come so far, and may have more to do."""

    index: Empty
    has_more: bool = False
    replica: Any = field(default_factory=lambda: SimpleNamespace(node=NODE))

    def step(self, _seconds: float) -> bool:
        return self.has_more


@pytest.mark.parametrize(
    ("position", "has_more", "reason"),
    [
        (9, False, "INVALID_VALUE"),
        (8, False, "LEDGER_UNAVAILABLE"),
        (9, True, "LEDGER_UNAVAILABLE"),
    ],
)
def test_a_token_ahead_of_the_ledger_is_refused_at_once(
    position: int, has_more: bool, reason: str
) -> None:
    """Where the ledger has yet to take something in, it may be sent again; else nobody gave it."""
    follower: Any = Following(Empty(position), has_more)
    token = urlsafe_b64encode(_TOKEN.pack(7, 0, 4)).decode()
    request = WatchReservationsRequest(resume_token=token)
    assert reason == fault(watch_reservations, request, follower, 9).reason


def test_a_token_of_an_instant_waits_for_a_ledger_that_is_behind() -> None:
    """What it has yet to take in may have happened before."""
    request = WatchReservationsRequest(resume_token=token_from(7, 5_000))
    behind: Any = Following(Empty(8))
    assert "LEDGER_UNAVAILABLE" == fault(watch_reservations, request, behind, 9).reason


@pytest.mark.parametrize(("opened_ns", "is_reset"), [(0, False), (5_000, False), (5_001, True)])
def test_a_token_of_an_instant_that_the_ledger_does_not_know_is_a_reset(
    opened_ns: int, is_reset: bool
) -> None:
    request = WatchReservationsRequest(resume_token=token_from(7, 5_000))
    follower: Any = Following(Empty(9, opened_ns=opened_ns))
    response = watch_reservations(request, follower, 9)
    assert is_reset == response.reset
    assert [] == list(response.changes)
