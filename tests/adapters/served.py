"""Serves a fake partner of the tests over HTTP."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from holdfast.edge.serving import serve_http

STARTED_S = 10.0


@contextmanager
def served(answer: Callable[[Request], Awaitable[Response]]) -> Iterator[int]:
    """Answer every GET and POST on a thread of its own; the loopback port, which was free."""
    ports: list[int] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
        async with serve_http(app, "127.0.0.1", 0) as port:
            ports.append(port)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(STARTED_S)
    try:
        yield ports[0]
    finally:
        stop.set()
        thread.join(STARTED_S)
