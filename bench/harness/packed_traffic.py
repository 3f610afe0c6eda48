"""Traffic of the fast lane: batches as packed columns, repeated from a seed.

Messages are built before a stretch of load begins: what a client spends on building them is not in
the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import reservation_service_pb2 as reservation

from .plan import BenchError
from .processes import Server
from .workload import SEED, Row

SERVICE = "/holdfast.v1.ReservationService/"
RESERVE_PATH = SERVICE + "BatchReserve"
COMMIT_PATH = SERVICE + "BatchCommit"
FULFILL_PATH = SERVICE + "BatchFulfill"
RELEASE_PATH = SERVICE + "BatchRelease"
RESOLVE_PATH = "/holdfast.v1.AvailabilityService/ResolveStockLevels"

#: Operations of one batch; stated in the comments of holdfast.v1.
OPERATIONS_MAX = 8_190

HOLD_MS = 15 * 60 * 1_000


@dataclass(frozen=True, slots=True)
class Ids:
    """The reservation ids of one batch, by halves."""

    high: list[int]
    low: list[int]


class Batches:
    """An endless stream of batches. No two reservation ids are the same."""

    def __init__(self, seed: int = SEED) -> None:
        self._random = np.random.default_rng(seed)

    def ids(self, batches: int, size: int) -> list[Ids]:
        """New ids for a number of batches."""
        return [Ids(self._halves(size), self._halves(size)) for _ in range(batches)]

    def _halves(self, size: int) -> list[int]:
        halves: list[int] = self._random.integers(0, 1 << 64, size, dtype=np.uint64).tolist()
        return halves

    def reserves(
        self,
        batches: Sequence[Ids],
        handles: Sequence[int],
        hold_ms: tuple[int, int] = (HOLD_MS, HOLD_MS),
    ) -> list[bytes]:
        """BatchReserve messages of one unit an operation, over stock levels drawn evenly, for holds
        drawn evenly from the shortest to the longest.
        """
        choice = np.array(handles, np.uint64)
        return [self._reserve(ids, choice, *hold_ms) for ids in batches]

    def _reserve(self, ids: Ids, choice: Any, shortest_ms: int, longest_ms: int) -> bytes:
        size = len(ids.high)
        durations = [shortest_ms]
        if longest_ms > shortest_ms:
            durations = self._random.integers(shortest_ms, longest_ms, size).tolist()
        request = reservation.BatchReserveRequest(
            id_high=ids.high,
            id_low=ids.low,
            stock_levels=self._random.choice(choice, size).tolist(),
            quantities=[1] * size,
            hold_milliseconds=durations,
        )
        return request.SerializeToString()


def commits(batches: Sequence[Ids]) -> list[bytes]:
    """BatchCommit messages for what was reserved."""
    return [
        reservation.BatchCommitRequest(id_high=ids.high, id_low=ids.low).SerializeToString()
        for ids in batches
    ]


def fulfills(batches: Sequence[Ids]) -> list[bytes]:
    """BatchFulfill messages for what was committed."""
    return [
        reservation.BatchFulfillRequest(id_high=ids.high, id_low=ids.low).SerializeToString()
        for ids in batches
    ]


def releases(batches: Sequence[Ids]) -> list[bytes]:
    """BatchRelease messages for what was reserved."""
    return [
        reservation.BatchReleaseRequest(id_high=ids.high, id_low=ids.low).SerializeToString()
        for ids in batches
    ]


def expect_all(answers: Sequence[bytes], size: int, outcome: int) -> None:
    """Check every outcome of every batch; all responses have theirs in field 1."""
    right = bytes([outcome]) * size
    for answer in answers:
        outcomes = reservation.BatchReserveResponse.FromString(answer).outcomes
        if outcomes != right:
            names = sorted({reservation.BatchOutcome.Name(each) for each in set(outcomes)})
            raise BenchError(f"{len(outcomes)} operations of {size} were answered with {names}")


async def resolve(node: Server, levels: Sequence[Row]) -> list[int]:
    """The handles of stock levels."""
    handles: list[int] = []
    for start in range(0, len(levels), OPERATIONS_MAX):
        request = availability.ResolveStockLevelsRequest(
            stock_levels=[
                {"sku": sku, "location": location}
                for sku, location in levels[start : start + OPERATIONS_MAX]
            ]
        )
        answer = await node.call(RESOLVE_PATH)(request.SerializeToString())
        handles += availability.ResolveStockLevelsResponse.FromString(answer).handles
    if not all(handles):
        raise BenchError("a stock level has no handle")
    return handles
