"""What a peer is: somebody who takes the same reservations as Holdfast, and what is asked of all.

A peer reports every operation by a digit: 1 accepted, 2 repeated, 3 insufficient stock, 6 id
reused.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..harness.load import Call
from ..harness.plan import BenchError
from ..harness.workload import SEED

SKUS: Final = 1_000


class MissingError(Exception):
    """A peer cannot be run on this machine."""


@dataclass(frozen=True, slots=True)
class Demand:
    """How much travels in one message, and how many messages at once."""

    key: str
    name: str
    size: int
    in_flight: int
    messages: int
    """In a stretch."""
    skus: int = SKUS


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that takes reservations, and how to ask it."""

    call: Callable[[Demand], Call]
    build: Callable[[Demand], list[bytes]]
    """The messages of a stretch, none of which was sent before."""
    check: Callable[[Demand, Sequence[bytes]], None]
    settle: Callable[[], Awaitable[object]] | None = None
    """Called once, when it is warm."""
    size_max: int = 8_190
    """Operations of a message at most; demands of more are not for it."""


class Traffic:
    """Random ids, and SKUs by number, repeated from a seed."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(SEED)

    def ids(self, size: int) -> np.ndarray:
        """The high and the low halves of a number of ids, as signed numbers."""
        low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
        return self._random.integers(low, high, (2, size), dtype=np.int64)

    def skus(self, demand: Demand) -> np.ndarray:
        """The SKUs of a message, drawn evenly."""
        return self._random.integers(0, demand.skus, demand.size)


def check_digits(demand: Demand, answers: Sequence[bytes]) -> None:
    """Raise unless every operation was accepted: a fast wrong answer is not a figure."""
    right = b"1" * demand.size
    for answer in answers:
        if answer != right:
            raise BenchError(f"{demand.key} was answered with digits {sorted(set(answer))}")


def repeat(spell: Callable[[Demand], bytes], demand: Demand) -> list[bytes]:
    """The messages of a stretch, each spelled anew."""
    return [spell(demand) for _ in range(demand.messages)]
