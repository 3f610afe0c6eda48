"""Load on a server: callers who wait for their answers, or calls at a fixed rate.

A closed loop finds the peak. An open loop finds the latency: its calls leave when they are due,
whether or not earlier ones were answered, and are timed from when they were due. A closed loop
would wait together with a server that stalls, and count the stall once instead of for every caller
who came meanwhile (coordinated omission).
"""

import asyncio
import ctypes
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any, Self

Call = Callable[[bytes], Awaitable[bytes]]

#: No stretch of load lasts longer, whatever the machine is doing.
TIMEOUT_S = 120.0

CLOCK_MONOTONIC = 1  # the clock of perf_counter


@dataclass(frozen=True, slots=True)
class Load:
    """What a stretch of load came to."""

    seconds: float
    latencies_s: list[float]
    answers: list[bytes]
    client_cpu_s: float
    """Processor time of this process."""


async def closed_loop(
    call: Call, requests: Sequence[bytes], callers: int, timeout_s: float = TIMEOUT_S
) -> Load:
    """Send requests from several callers, each sending its next as soon as it has an answer."""
    answers = [b""] * len(requests)
    latencies_s = [0.0] * len(requests)
    numbers = iter(range(len(requests)))

    async def caller() -> None:
        for number in numbers:
            sent = perf_counter()
            answers[number] = await call(requests[number])
            latencies_s[number] = perf_counter() - sent

    cpu_before, started = process_time(), perf_counter()
    async with _all_or_first_error(timeout_s) as group:
        for _ in range(callers):
            group.create_task(caller())
    seconds = perf_counter() - started
    return Load(seconds, latencies_s, answers, process_time() - cpu_before)


async def streamed(
    stream: Any, requests: Sequence[bytes], in_flight: int, timeout_s: float = TIMEOUT_S
) -> Load:
    """Send requests over one stream, at most `in_flight` ahead of the answers."""
    answers: list[bytes] = []
    sent: list[float] = []
    latencies_s: list[float] = []
    places = asyncio.Semaphore(in_flight)

    async def write() -> None:
        for request in requests:
            await places.acquire()
            sent.append(perf_counter())
            await stream.write(request)
        await stream.done_writing()

    async def read() -> None:
        for number in range(len(requests)):
            answers.append(await stream.read())
            latencies_s.append(perf_counter() - sent[number])
            places.release()

    cpu_before, started = process_time(), perf_counter()
    async with _all_or_first_error(timeout_s) as group:
        group.create_task(write())
        group.create_task(read())
    seconds = perf_counter() - started
    return Load(seconds, latencies_s, answers, process_time() - cpu_before)


async def open_loop(
    call: Call, requests: Sequence[bytes], rate: float, timeout_s: float = TIMEOUT_S
) -> Load:
    """Send requests at a fixed rate; latencies count from when a request was due."""
    answers = [b""] * len(requests)
    latencies_s = [0.0] * len(requests)

    async def send(number: int, due: float) -> None:
        answers[number] = await call(requests[number])
        latencies_s[number] = perf_counter() - due

    cpu_before, started = process_time(), perf_counter()
    with Ticker(1 / rate) as ticker:
        async with _all_or_first_error(timeout_s) as group:
            for number in range(len(requests)):
                await ticker.wait_tick(number)
                group.create_task(send(number, ticker.due(number)))
    seconds = perf_counter() - started
    return Load(seconds, latencies_s, answers, process_time() - cpu_before)


@asynccontextmanager
async def _all_or_first_error(timeout_s: float) -> AsyncIterator[asyncio.TaskGroup]:
    """A group of tasks whose first error is raised as it is: one failed call spoils the figure."""
    try:
        async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as group:
            yield group
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


class Ticker:
    """Ticks at a fixed interval by a timer of the kernel: event loops round to milliseconds, which
    would be most of the latency to be measured.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._ticks = 0
        self._ticked = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._started = perf_counter()
        self._descriptor = _timer(interval_s)
        self._loop.add_reader(self._descriptor, self._read)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def due(self, number: int) -> float:
        """When a tick is due, by perf_counter; the first is number 0."""
        return self._started + (number + 1) * self._interval_s

    async def wait_tick(self, number: int) -> None:
        """Wait for a tick; returns at once when it has passed."""
        while self._ticks <= number:
            self._ticked.clear()
            await self._ticked.wait()

    def _read(self) -> None:
        self._ticks += int.from_bytes(os.read(self._descriptor, 8), "little")
        self._ticked.set()


def _timer(interval_s: float) -> int:
    """The descriptor of a running timerfd, which Python 3.11 does not offer. It reads as the number
    of ticks since the last read.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    whole, rest = divmod(round(interval_s * 1e9), 1_000_000_000)
    interval_then_first = (ctypes.c_long * 4)(whole, rest, whole, rest)
    descriptor: int = libc.timerfd_create(CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0 or libc.timerfd_settime(descriptor, 0, interval_then_first, None) < 0:
        raise OSError(ctypes.get_errno(), "no timer")
    return descriptor
