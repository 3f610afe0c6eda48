"""An HTTP server on the caller's event loop, for the node and for the adapters.

Rules of this file: it knows addresses and no application. It leaves signals to the owner of the
process, and writes no access log: scrapers and load balancers ask every few seconds. Connections
are bounded in number, and so is the time that one may take for the head of a request. That for its
body is bounded by the application that reads it.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from math import ceil
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from .addresses import can_be_dual_stack

#: Seconds. Scrapes end within milliseconds; one that hangs must not hold up a restart.
GRACE_S = 2

#: Connections at once: half of the 1,024 open files that a process has by default.
CONNECTIONS_MAX: Final = 512

#: Seconds from when a connection is made, or its last answer, until the head of a request is there.
HEAD_S: Final = 10.0

#: For whoever comes when there are that many; the request is not waited for.
_NO_ROOM: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\n"
    b"content-type: application/json\r\ncontent-length: 45\r\n\r\n"
    b'{"error":"as many connections as it takes"}\r\n'
)


@contextlib.asynccontextmanager
async def serve_http(app: Any, host: str, port: int) -> AsyncIterator[int]:
    """Serve until the block ends; yields the port, which the system picks for a `port` of 0.

    Raises OSError when the address is taken or is not this machine's.
    """
    listeners = await _listen(host, port)
    server = _Server(config_of(app))
    task = asyncio.create_task(server.serve(sockets=listeners), name="http")
    try:
        await server.wait_started(task)
        yield listeners[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


def config_of(app: Any) -> uvicorn.Config:
    """How uvicorn serves an application."""
    return uvicorn.Config(
        app,
        http=_Connection,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
        # _Connection ends idle ones: who was asked to come back after 5 s would find them closed.
        timeout_keep_alive=ceil(2 * HEAD_S),
        timeout_graceful_shutdown=GRACE_S,
    )


async def _listen(host: str, port: int) -> list[socket.socket]:
    """Bind here: uvicorn would end the process when the port is taken.

    Every address of a host is listened on, and `::` takes IPv4 as well, as gRPC does both.
    """
    loop = asyncio.get_running_loop()
    listeners: list[socket.socket] = []
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in found:
            # Of a port 0 the system picks one; the other addresses of the host have to share it.
            picked = listeners[0].getsockname()[1] if listeners else port
            listeners.append(_bind(family, (address[0], picked, *address[2:])))
    except OSError as error:
        for listener in listeners:
            listener.close()
        message = f"cannot listen on {host}:{port}: {error.strerror or error}"
        raise OSError(error.errno, message) from error
    return listeners


def _bind(family: int, address: Any) -> socket.socket:
    dualstack = can_be_dual_stack(family)
    return socket.create_server(address, family=family, dualstack_ipv6=dualstack)


class _Connection(H11Protocol):
    """A connection that ends when nobody asks for anything on it.

    uvicorn waits for heads without end once their first byte is there.
    """

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.write(_NO_ROOM)
            transport.close()
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_waiting()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._await_head()

    def _await_head(self) -> None:
        self._stop_waiting()
        self._head_timer = self.loop.call_later(HEAD_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()

    def _give_up(self) -> None:
        # None before the first request, though uvicorn does not declare that.
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            self.transport.close()


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals alone and says when it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._has_started = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # uvicorn's own would take SIGTERM away from `Server.stop_on_signals`

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._has_started.set()

    async def wait_started(self, task: "asyncio.Task[None]") -> None:
        """Wait until it accepts connections; raises what ended the task before that."""
        started = asyncio.create_task(self._has_started.wait())
        await asyncio.wait((started, task), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            started.cancel()
            task.result()
