"""Reserves at a fixed rate from a process of their own, beside what else a bench does to a node:
what becomes of those who buy meanwhile.

The process counts from when each call was due, until its standard input ends. Its clock is that of
the whole machine, so its times can be laid beside those of the bench.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Final, NamedTuple

import grpc.aio

from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED

from .load import Ticker
from .plan import BenchError
from .workload import RESERVE_PATH, Orders, expect, rows

#: It ends then, whoever forgets it.
SECONDS_MAX: Final = 900
REQUESTS_AT_ONCE: Final = 1_000

#: Where it reserves. The bench puts the stock there.
LEVELS: Final = rows(1_000, prefix="PROBE")


class Sample(NamedTuple):
    """One call, in seconds."""

    due: float
    """By perf_counter."""
    late: float
    """How long it was not sent then: the process had no core."""
    took: float
    """From when it was due until it was answered."""


class Probe:
    """A probe that runs; it has samples once it has stopped."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.samples: list[Sample] = []

    async def stop(self) -> None:
        """Let it end, and read what it measured."""
        output, _ = await self._process.communicate(b"")  # closes its input
        if self._process.returncode:
            raise BenchError(f"the probe ended with {self._process.returncode}")
        self.samples = [Sample(*each) for each in json.loads(output)]

    def between(self, start: float, end: float) -> list[Sample]:
        """Calls that were due in a time."""
        return [each for each in self.samples if start <= each.due < end]


@asynccontextmanager
async def probing(address: str, rate: float) -> AsyncIterator[Probe]:
    """Reserve so many times a second at LEVELS of a node, in another process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, address, str(rate)), stdin=PIPE, stdout=PIPE
    )
    try:
        yield Probe(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _reserve(address: str, rate: float) -> list[Sample]:
    """Reserve until standard input ends; the samples."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    orders = Orders()
    samples: list[Sample] = []
    async with grpc.aio.insecure_channel(address) as channel, asyncio.TaskGroup() as group:
        call = channel.unary_unary(RESERVE_PATH)

        async def reserve(request: bytes, due: float) -> None:
            late = perf_counter() - due
            answer = await call(request)
            samples.append(Sample(due, late, perf_counter() - due))
            expect([answer], OUTCOME_ACCEPTED)

        with Ticker(1 / rate) as ticker:
            requests: list[bytes] = []
            for number in range(int(SECONDS_MAX * rate)):
                requests = requests or orders.reserves(REQUESTS_AT_ONCE, LEVELS)
                await ticker.wait_tick(number)
                if ended.is_set():
                    break
                group.create_task(reserve(requests.pop(), ticker.due(number)))
    return samples


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_reserve(sys.argv[1], float(sys.argv[2])))))
