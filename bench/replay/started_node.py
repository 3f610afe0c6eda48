"""A node of the replay's own: started as a process of its own, stopped when the replay ends.

The process is `python -m holdfast.edge serve --json`, which reports on its output how far the start
is, and where it listens. What it logs goes into a file beside its data.
"""

import asyncio
import contextlib
import json
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, NoReturn

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from holdfast.edge.client import TARGET

from ..harness.plan import BenchError

#: Where a node that people are to play with listens, if nobody else does: the defaults of the
#: settings, so that commands find it without being told.
GRPC_ADDRESS: Final = TARGET
ADMIN_ADDRESS: Final = "127.0.0.1:50052"
HTTP_ADDRESS: Final = "127.0.0.1:8080"
ANY_PORT: Final = "127.0.0.1:0"

LOG_NAME: Final = "node.log"

#: A node that is told to stop drains at once, since nobody calls it any more.
STOP_TIMEOUT_S: Final = 30.0

HEALTHY_TIMEOUT_S: Final = 10.0

#: Lines of the log that are shown when a node did not start.
LOG_TAIL_LINES: Final = 8


@dataclass(frozen=True, slots=True)
class StartedNode:
    """A node that serves."""

    grpc_address: str
    admin_address: str
    http_address: str
    data_dir: Path
    process: Process
    log_start: int

    @property
    def log(self) -> Path:
        """The file that it logs into."""
        return self.data_dir / LOG_NAME

    async def wait_stopped(self) -> NoReturn:
        """Wait until it stops by itself, which is an error."""
        code = await self.process.wait()
        tail = _tail(self.log, self.log_start)
        raise BenchError(f"the node stopped with exit code {code}:\n{tail}")


@contextlib.asynccontextmanager
async def started_node(
    data_dir: Path,
    shards: int | None,
    *,
    on_default_ports: bool,
    on_progress: Callable[[int, int], None],
) -> AsyncIterator[StartedNode]:
    """A node that is stopped when the block ends. Raises BenchError when it does not start.

    It listens on the default ports if they are asked for and free, else on any.
    """
    with _open_log(data_dir) as log:
        log_start = log.tell()
        process = await asyncio.create_subprocess_exec(
            *_command(data_dir, shards, on_default_ports=on_default_ports),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=log,
            # Ctrl-C is for the replay, which then stops the node in good order.
            start_new_session=True,
        )
    try:
        ready = await _read_ready(process, on_progress)
        if ready is None:
            tail = _tail(data_dir / LOG_NAME, log_start)
            raise BenchError(f"the node did not start:\n{tail}")
        addresses = ready["grpc_address"], ready["admin_address"], ready["http_address"]
        yield StartedNode(*addresses, data_dir, process, log_start)
    finally:
        await _stop(process)


def _open_log(data_dir: Path) -> IO[bytes]:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        return (data_dir / LOG_NAME).open("ab")
    except OSError as error:
        raise BenchError(f"{data_dir}: cannot be used: {error.strerror}") from error


def _command(data_dir: Path, shards: int | None, *, on_default_ports: bool) -> list[str]:
    grpc_address, admin_address, http_address = (
        address if on_default_ports and _is_free(address) else ANY_PORT
        for address in (GRPC_ADDRESS, ADMIN_ADDRESS, HTTP_ADDRESS)
    )
    return [
        *(sys.executable, "-m", "holdfast.edge", "serve", "--json", "--log-format", "console"),
        *("--data-dir", str(data_dir)),
        *([] if shards is None else ["--shard-count", str(shards)]),
        *("--grpc-address", grpc_address, "--admin-address", admin_address),
        *("--http-address", http_address),
    ]


def _is_free(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError), socket.create_server((host, int(port))):
        return True
    return False


async def _read_ready(
    process: Process, on_progress: Callable[[int, int], None]
) -> dict[str, Any] | None:
    """What a node reports when it serves; None when it ends before that."""
    assert process.stdout is not None
    async for line in process.stdout:
        document: dict[str, Any] = json.loads(line)
        if document["event"] == "serving":
            return document
        on_progress(document["done"], document["all"])
    await process.wait()
    return None


def _tail(log: Path, start: int) -> str:
    """The last lines of a log, where the reason stands, from where this node began."""
    lines = log.read_bytes()[start:].decode(errors="replace").splitlines()
    return "\n".join(lines[-LOG_TAIL_LINES:])


async def _stop(process: Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def wait_until_healthy(target: str) -> None:
    """Wait until a node says over gRPC that it serves. Raises BenchError when none does."""
    async with grpc.aio.insecure_channel(target) as channel:
        request = health_pb2.HealthCheckRequest()
        try:
            answer = await health_pb2_grpc.HealthStub(channel).Check(
                request, timeout=HEALTHY_TIMEOUT_S, wait_for_ready=True
            )
        except grpc.aio.AioRpcError as error:
            raise BenchError(f"no node answers at {target} ({error.code().name})") from error
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise BenchError(f"the node at {target} does not serve yet; try again in a moment")
