"""The longest delay of the loop is reported for as long as two scrapes may lie apart."""

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.edge.server.heartbeat import BEAT_S, WINDOW_S, Heartbeat


class Loop:
    """A loop whose time a test moves, with one call that is due."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.due: Callable[[], None] | None = None

    def time(self) -> float:
        return self.now_s

    def call_at(self, when_s: float, callback: Callable[[], None]) -> Any:
        self.due_s, self.due = when_s, callback
        return self

    def cancel(self) -> None:
        self.due = None

    def beat(self, late_s: float = 0.0) -> None:
        """Let the next beat come, late by so much."""
        assert self.due is not None
        self.now_s = self.due_s + late_s
        self.due()


def heart_of(loop: Any, on_beat: Callable[[], None] = lambda: None) -> Heartbeat:
    return Heartbeat(loop, on_beat)


def test_a_beat_that_is_late_is_reported_until_two_windows_have_passed() -> None:
    loop = Loop()
    heartbeat = heart_of(loop)
    loop.beat()
    assert 0.0 == heartbeat.lag_s()
    loop.beat(late_s=0.8)
    assert 0.8 == pytest.approx(heartbeat.lag_s())
    loop.beat(late_s=0.2)
    beats_of_a_window = round(WINDOW_S / BEAT_S)
    for _ in range(beats_of_a_window):
        loop.beat()
    assert 0.8 == pytest.approx(heartbeat.lag_s())
    for _ in range(beats_of_a_window + 1):
        loop.beat()
    assert pytest.approx(0.0, abs=1e-6) == heartbeat.lag_s()


def test_it_beats_until_it_is_stopped() -> None:
    loop = Loop()
    beats: list[int] = []
    heartbeat = heart_of(loop, lambda: beats.append(1))
    loop.beat()
    heartbeat.stop()
    assert 2 == len(beats)
    assert loop.due is None
