"""Runs a twin: its HTTP server, and the sender of its notifications.

Rules of this file: it knows no channel. A twin belongs to one event loop, and whoever is on another
thread hands over what is to be done there.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.edge.serving import serve_http

from ..intake.bodies import BodyLate, BodyTooLong, read_body
from .faults import Deliveries

#: Bytes of a request's body: those of a feed of some ten thousand items.
BODY_BYTES_MAX: Final = 16_777_216

#: Seconds between two looks for what is to be sent.
LOOK_S: Final = 0.02

#: Seconds that the receiver may take; after that the notification was not taken.
ANSWER_S: Final = 10.0

#: Seconds that starting and stopping may take.
_START_S: Final = 10.0

Result = TypeVar("Result")


class Twin(Protocol):
    """What is run here."""

    @property
    def app(self) -> ASGIApp:
        """What answers its requests."""

    @property
    def deliveries(self) -> Deliveries:
        """Its notifications."""


@contextlib.asynccontextmanager
async def serving(twin: Twin, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve a twin and send its notifications until the block ends; yields its address. The system
    picks a port for a `port` of 0. Raises OSError when the address is taken.
    """
    async with serve_http(bounded(twin.app), host, port) as bound, _http() as http:
        sender = asyncio.create_task(_send(twin.deliveries, http), name="twin")
        try:
            yield f"http://{host}:{bound}"
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender


def bounded(app: ASGIApp) -> ASGIApp:
    """An application that is asked once the body of its request is there, and for none that is too
    long or does not come.
    """

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(Request(scope, receive), BODY_BYTES_MAX)
        except BodyTooLong as error:
            await Response(str(error), 413)(scope, receive, send)
        except BodyLate as error:
            await Response(str(error), 408, {"connection": "close"})(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody waits for an answer
        else:
            await app(scope, _received(body, receive), send)

    return asked


def _received(body: bytes, receive: Receive) -> Receive:
    """What a request with this body brings, then what comes after it."""
    whole = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def following() -> Message:
        return next(whole, None) or await receive()

    return following


@dataclass(frozen=True, slots=True)
class Running:
    """A twin that runs on a thread of its own."""

    url: str
    _loop: asyncio.AbstractEventLoop

    def do(self, function: Callable[[], Result]) -> Result:
        """Call a function where the twin lives, and return what it returns."""

        async def called() -> Result:
            return function()

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result()


@contextlib.contextmanager
def running(twin: Twin, host: str = "127.0.0.1", port: int = 0) -> Iterator[Running]:
    """The same on a thread of its own, for callers that have no event loop."""
    started: Future[Running] = Future()
    stop = threading.Event()

    async def serve() -> None:
        try:
            async with serving(twin, host, port) as url:
                started.set_result(Running(url, asyncio.get_running_loop()))
                await asyncio.to_thread(stop.wait)
        except OSError as error:
            started.set_exception(error)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="twin", daemon=True)
    thread.start()
    try:
        yield started.result(_START_S)
    finally:
        stop.set()
        thread.join(_START_S)


async def send_due(deliveries: Deliveries, http: httpx.AsyncClient) -> int:
    """Send what is due, in its order, and return how many were taken."""
    taken = 0
    for tries, delivery in deliveries.due():
        try:
            answer = await http.request(
                delivery.method, delivery.url, content=delivery.body, headers=delivery.headers
            )
            is_taken = answer.is_success
        except httpx.TransportError:
            is_taken = False
        if is_taken:
            taken += 1
        else:
            deliveries.failed(tries, delivery)
    return taken


def _http() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=ANSWER_S, follow_redirects=False)


async def _send(deliveries: Deliveries, http: httpx.AsyncClient) -> None:
    while True:
        await send_due(deliveries, http)
        await asyncio.sleep(LOOK_S)
