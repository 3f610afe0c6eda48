"""Servers as processes of their own: start, wait until they answer, ask what they cost, kill.

They listen on loopback, keep their files in the run's folder, and are killed with all their
children when the bench leaves, however it leaves.
"""

import asyncio
import os
import random
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import grpc
import grpc.aio
import psutil

from .load import Call
from .plan import BenchError

START_TIMEOUT_S = 120.0  # kernels may have to be compiled
PROBE_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.002
LOG_TAIL = 2_000

#: Below the ports that systems hand out by themselves: there, a connection attempt to a port that
#: nobody serves yet can meet itself and succeed. Nor are they those of the tests' own nodes.
PORTS = range(10_000, 20_000)

Probe = Callable[["Server"], Awaitable[object]]


class Server:
    """A server process, and a channel to it. `async with` starts and kills it."""

    def __init__(
        self,
        folder: Path,
        port: int,
        command: Sequence[str],
        probe: Probe,
        environment: Mapping[str, str],
        stop_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.folder = folder
        self.address = f"127.0.0.1:{port}"
        self.port = port
        self._command = command
        self._probe = probe
        self.environment = environment
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Any = None

    def __repr__(self) -> str:
        return f"<Server {' '.join(self._command[1:])} on {self.address}>"

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.kill()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def start(self, probe: Probe | None = None) -> float:
        """Start the process and wait until it answers a probe; the seconds that took."""
        started = perf_counter()
        self._process = self._spawn()
        await self._until(self._is_listening, started)
        self._channel = grpc.aio.insecure_channel(self.address)  # connects with the first call
        await self._until(lambda: self._answers(probe or self._probe), started)
        return perf_counter() - started

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._log_path.open("ab") as log:
            return subprocess.Popen(
                self._command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that it can be killed with its children
            )

    async def _until(self, is_so: Callable[[], Awaitable[bool]], started: float) -> None:
        while not await is_so():
            assert self._process is not None
            if self._process.poll() is not None:
                raise BenchError(f"{self!r} ended by itself:\n{self._log_tail()}")
            if perf_counter() - started > START_TIMEOUT_S:
                raise BenchError(f"{self!r} does not answer:\n{self._log_tail()}")
            await asyncio.sleep(POLL_S)

    async def _is_listening(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    async def _answers(self, probe: Probe) -> bool:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                await probe(self)
        except (grpc.RpcError, BenchError, TimeoutError, OSError):
            return False
        return True

    async def kill(self) -> None:
        """Kill the process and its children, in the middle of whatever they do."""
        if self._channel is not None:
            await self._channel.close()
        if self._process is not None:
            await self._stop_children(self._process)
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._channel = self._process = None

    async def _stop_children(self, process: subprocess.Popen[bytes]) -> None:
        """Ask a server to stop when its children have sessions of their own and would live on."""
        if self._stop_signal != signal.SIGKILL and process.poll() is None:
            process.send_signal(self._stop_signal)
            with suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(process.wait, STOP_TIMEOUT_S)

    def call(self, path: str) -> Call:
        """A gRPC method that takes and returns bytes."""
        method: Call = self._channel.unary_unary(path)
        return method

    def call_over(self, connections: int, path: str) -> Call:
        """The same method over several connections by turns, which processes that share the port
        have dealt out among them. They end with this process.
        """
        alone = (("grpc.use_local_subchannel_pool", 1),)
        channels = (
            grpc.aio.insecure_channel(self.address, options=alone) for _ in range(connections)
        )
        methods = cycle([channel.unary_unary(path) for channel in channels])

        def call(request: bytes) -> Awaitable[bytes]:
            answer: Awaitable[bytes] = next(methods)(request)
            return answer

        return call

    def cpu_seconds(self) -> float:
        """Processor time that the process and its children have used in all threads, in steps of a
        hundredth of a second.
        """
        assert self._process is not None
        process = psutil.Process(self._process.pid)
        living = [child.cpu_times() for child in process.children()]
        own = process.cpu_times()
        ended = own.children_user + own.children_system
        return float(ended + sum(each.user + each.system for each in (own, *living)))

    def own_cpu_seconds(self) -> float:
        """The same of the process alone, without its children."""
        assert self._process is not None
        own = psutil.Process(self._process.pid).cpu_times()
        return float(own.user + own.system)

    def core_wait_seconds(self) -> float:
        """Seconds for which the main thread, that of the event loop, was ready and had no core; 0
        where the system does not say.
        """
        assert self._process is not None
        path = Path(f"/proc/{self._process.pid}/schedstat")
        return int(path.read_text("utf-8").split()[1]) / 1e9 if path.exists() else 0.0

    def memory_bytes(self) -> Counter[str]:
        """Resident memory of the process and its children, in bytes: VmRSS is the sum of RssAnon,
        RssFile and RssShmem.
        """
        assert self._process is not None
        total: Counter[str] = Counter()
        children = psutil.Process(self._process.pid).children()
        for pid in (self._process.pid, *(child.pid for child in children)):
            text = Path(f"/proc/{pid}/status").read_text("utf-8")
            for name, _, value in (line.partition(":") for line in text.splitlines()):
                if name in ("VmRSS", "RssAnon", "RssFile", "RssShmem"):
                    total[name] += int(value.removesuffix("kB")) * 1024
        return total

    @property
    def _log_path(self) -> Path:
        return self.folder / "log"

    def _log_tail(self) -> str:
        return self._log_path.read_text("utf-8", "replace")[-LOG_TAIL:]


def free_port() -> int:
    """A port of the loopback interface that nobody uses."""
    for port in random.sample(PORTS, 100):
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                server.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise BenchError("no port is free")
