"""Fronts, kept running: a transport of several processes on one port.

Each speaks gRPC and carries calls to this process, the engine; the kernel spreads connections
over them. One that ends takes its own calls along, and is started again.
"""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog

from holdfast.persistence.journal_process.protocol import IGNORED_SIGNALS

from ..endpoints import Endpoint
from ..transports.listening import free_port, taken
from .engine_end import EngineEnd

log = structlog.get_logger()

COMMAND: Final = (sys.executable, "-m", "holdfast.edge.server.fronts.front")

#: Seconds before a front is started again that ended before it listened: what keeps it from
#: listening will not be over at once.
RETRY_S: Final = 1.0

#: For how long the port is tried: that of a node that was killed comes free when its fronts have
#: seen that and ended.
PORT_TRIES: Final = 100
PORT_PAUSE_S: Final = 0.02

#: Seconds that a front has to open its port; a start takes two of processor time.
START_S: Final = 60.0

#: Seconds from one question to a front, whether it is there, to the next; and after how many that
#: it did not answer it is ended. Questions are counted and not seconds: a machine or an engine that
#: stood still blames no front for that.
BEAT_S: Final = 1.0
BEATS_MISSED_MAX: Final = 5

#: Seconds that a front has for its own end, after those for its calls.
LAST_S: Final = 2.0


class Fronts:
    """A transport through `count` processes."""

    def __init__(
        self,
        count: int,
        endpoints: Sequence[Endpoint],
        address: str,
        message_bytes_max: int,
        transport: str,
    ) -> None:
        """`transport` is the name of what each process speaks gRPC with."""
        self.restarts = 0
        self._count = count
        self._endpoints = endpoints
        self._address = address
        self._message_bytes_max = message_bytes_max
        self._transport = transport
        self._is_serving = False
        self._fronts: set[_Front] = set()
        self._keepers: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"<Fronts at {self._address}: {len(self._fronts)} of {self._count}>"

    async def start(self) -> int:
        """Listen, and return the port. Raises OSError when the address is taken, or a front ends
        before it listens.
        """
        self._port = await self._reserve_port()
        port: int = self._port.getsockname()[1]
        self._address = f"{self._address.rpartition(':')[0]}:{port}"
        first = await asyncio.gather(*(self._start_front() for _ in range(self._count)))
        if None in first:
            raise OSError(f"cannot listen on {self._address}: a front ended before it did")
        self._keepers = [asyncio.create_task(self._keep(front)) for front in first]
        return port

    def set_serving(self, *, is_serving: bool) -> None:
        """Let the health service of all fronts say so."""
        self._is_serving = is_serving
        for front in self._fronts:
            front.end.set_serving(is_serving=is_serving)

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, and wait that long for those under way."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*(front.stop(grace_s) for front in self._fronts))
        self._port.close()

    async def _reserve_port(self) -> socket.socket:
        for _ in range(PORT_TRIES):
            port = free_port(self._address)
            if port is not None:
                return port
            await asyncio.sleep(PORT_PAUSE_S)
        raise taken(self._address)

    async def _start_front(self) -> "_Front | None":
        """A front that listens; None when the machine has no process to give, or it ends first."""
        front = _Front(self._endpoints)
        try:
            await front.start(self._address, self._message_bytes_max, self._transport)
        except OSError as error:
            log.warning("front did not start", reason=str(error))
            return None
        # Before it listens: nobody may be told that a node that serves does not.
        front.end.set_serving(is_serving=self._is_serving)
        self._fronts.add(front)
        if not await front.listens():
            self._fronts.discard(front)
            log.warning("front did not start", code=await front.stop(0.0))
            return None
        return front

    async def _keep(self, front: "_Front | None") -> None:
        """Start a front again whenever it has ended."""
        while True:
            if front is None:
                await asyncio.sleep(RETRY_S)
            else:
                code = await front.ended()
                self._fronts.discard(front)
                log.warning("front ended", code=code)
            self.restarts += 1
            front = await self._start_front()


class _Front:
    """A process, and the engine's end of the connection to it."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self.end = EngineEnd(endpoints)

    async def start(self, address: str, message_bytes_max: int, transport: str) -> None:
        """Start the process, and be connected to it. Raises OSError when there can be none."""
        ours, its = socket.socketpair()
        command = (*COMMAND, address, str(message_bytes_max), transport)
        with its:
            try:
                self._process = await asyncio.to_thread(start_process, command, its)
            except BaseException:
                ours.close()  # which ends a front that comes all the same
                raise
        await asyncio.get_running_loop().create_unix_connection(lambda: self.end, sock=ours)

    async def listens(self) -> bool:
        """Wait until it has opened its port; return whether it has."""
        waiting = [
            asyncio.create_task(event.wait())
            for event in (self.end.is_listening, self.end.has_ended)
        ]
        await asyncio.wait(waiting, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()
        return self.end.is_listening.is_set()

    async def ended(self) -> int:
        """Wait for its end, and return the exit code. One that hangs is ended."""
        missed = 0
        while not await self._ends_within(BEAT_S):
            missed = 0 if self.end.ping() else missed + 1
            if missed == BEATS_MISSED_MAX:
                log.warning("front hangs", process=self._process.pid)
                self._process.kill()
        return await asyncio.to_thread(self._process.wait)

    async def _ends_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.end.has_ended.wait()
        return self.end.has_ended.is_set()

    async def stop(self, grace_s: float) -> int:
        """Let it end with its calls, and after that long end it. Returns the exit code."""
        self.end.stop(grace_s)
        if not await self._ends_within(grace_s + LAST_S):
            self._process.kill()
        return await asyncio.to_thread(self._process.wait)


def start_process(command: Sequence[str], connection: socket.socket) -> subprocess.Popen[bytes]:
    """Start a front with its end of the connection. See snapshots.py for why not uvloop."""
    # A signal that reaches all processes of the node while it starts would end it, and waits until
    # it is ignored instead: a blocked signal stays blocked over exec.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, IGNORED_SIGNALS)
    try:
        return subprocess.Popen(command, stdin=connection.fileno())  # noqa: S603 - our own program
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
