"""The node over HTTP: metrics for Prometheus, health for load balancers, an index for people.

Rules of this file: it reads figures and changes nothing. The server runs on the caller's event
loop, leaves signals to the owner of the process, and writes no access log: scrapers and load
balancers ask every few seconds.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from enum import StrEnum

import uvicorn
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from .metrics import metrics_registry
from .statistics import NodeStatistics

INDEX = """\
Holdfast

/metrics  figures of this node, in the text formats of Prometheus and OpenMetrics
/healthz  200 while the node serves; 503 with the reason while it starts or drains
"""

#: Seconds. Scrapes end within milliseconds; one that hangs must not hold up a restart.
GRACE_S = 2


class Phase(StrEnum):
    """Where in its life a node is."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"


def build_app(
    statistics: Callable[[], NodeStatistics | None], phase: Callable[[], Phase]
) -> Starlette:
    """The application. `statistics` returns None as long as there is no node to ask."""
    registry = metrics_registry(statistics)

    # All are async: starlette runs plain functions on threads, where figures may change mid-turn.
    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type})

    async def healthz(_: Request) -> Response:
        now = phase()
        if now is Phase.SERVING:
            return PlainTextResponse("serving\n")
        return PlainTextResponse(f"not serving: {now}\n", status_code=503)

    async def index(_: Request) -> Response:
        return PlainTextResponse(INDEX)

    return Starlette(
        routes=[Route("/", index), Route("/metrics", metrics), Route("/healthz", healthz)]
    )


@contextlib.asynccontextmanager
async def serve_http(app: Starlette, host: str, port: int) -> AsyncIterator[int]:
    """Serve until the block ends; yields the port, which the system picks for a `port` of 0.

    Raises OSError when the address is taken or is not this machine's.
    """
    listener = await _listen(host, port)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    try:
        await server.wait_started(task)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def _listen(host: str, port: int) -> socket.socket:
    """Bind here: uvicorn would end the process when the port is taken."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        message = f"cannot listen on {host}:{port}: {error.strerror or error}"
        raise OSError(error.errno, message) from error


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
