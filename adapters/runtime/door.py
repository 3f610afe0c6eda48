"""The door: what partners send over HTTP, and figures and status for operators.

Rules of this file: a partner is answered after its message is durable. Bodies, rates and depth are
bounded, and what is over them is refused early, with how long to wait. Nothing is decoded here,
unless the adapter refuses what it cannot decode. The memory that strangers can fill is BODIES_MAX
times body_max_kib for each adapter.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from holdfast.edge.exposition import exposition

from ..contract import Message, Undecodable, Unverified
from ..intake.bodies import BodyLate, BodyTooLong, read_body
from ..intake.verification import without_proof
from .buckets import TokenBucket
from .flow_metrics import Figures
from .inbox import Arrival, Inbox, InboxFull, Keyed, keyed
from .settings import Configured
from .store import StoreFailed, StoreFull

#: Seconds that a partner is asked to wait when there is no room for its message; and when there is
#: none for its body, since others are being read.
WAIT_S: Final = 5
BODY_WAIT_S: Final = 1

#: Bodies of an adapter that are read and kept at once, if all have the length that it takes at the
#: most. Of shorter ones as many as have this length together: 300 tills may come at once.
BODIES_MAX: Final = 64


@dataclass(slots=True)
class Door:
    """Where one adapter's partner comes in."""

    configured: Configured
    inbox: Inbox
    bucket: TokenBucket
    reserved_bytes: int = 0
    """Of the bodies that are being read, or kept."""

    @contextmanager
    def reading(self, size: int) -> Iterator[None]:
        """Room for one more body of this size, until the block ends. Raises the refusal where there
        is none.
        """
        room = BODIES_MAX * self.configured.settings.body_bytes_max
        if self.reserved_bytes + size > room:
            text = f"the bodies that are being read have {self.reserved_bytes:,} bytes of {room:,}"
            raise _Refusal(503, text, BODY_WAIT_S)
        self.reserved_bytes += size
        try:
            yield
        finally:
            self.reserved_bytes -= size


class _Refusal(Exception):  # noqa: N818 - an answer, not an error
    def __init__(
        self,
        status: int,
        text: str,
        wait_s: float | None = None,
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, text)
        self.status = status
        self.content = {"error": text, **(details or {})}
        self.headers = {} if wait_s is None else {"retry-after": f"{max(1, round(wait_s))}"}


def build_app(
    doors: Mapping[str, Door],
    figures: Figures,
    status: Callable[[], Mapping[str, Any]],
    now: Callable[[], datetime],
    fail: Callable[[StoreFailed], None],
    more: Sequence[Route] = (),
) -> Starlette:
    """The application, with `more` routes beside its own. `fail` is called when the store has
    failed, so that the process stops.
    """

    async def receive(request: Request) -> Response:
        try:
            door = doors.get(request.path_params["name"])
            if door is None:
                raise _Refusal(404, "no adapter of this name takes messages here")
            with door.reading(_stated_size(request, door.configured.settings.body_bytes_max)):
                arrival = await _take_in(door, request, now)
        except _Refusal as refusal:
            figures.arrivals.labels(_name(request, doors), f"http_{refusal.status}").inc()
            return JSONResponse(refusal.content, refusal.status, refusal.headers)
        except StoreFailed as error:
            fail(error)
            return JSONResponse({"error": "the store failed"}, 500)
        figures.arrivals.labels(door.configured.name, arrival).inc()
        return JSONResponse({"outcome": arrival}, 202)

    async def metrics(request: Request) -> Response:
        return exposition(figures.registry, request)

    async def tell_status(_: Request) -> Response:
        return Response(json.dumps(status()), media_type="application/json")

    async def healthz(_: Request) -> Response:
        return Response("serving\n", media_type="text/plain")

    app = Starlette(
        routes=[
            Route("/in/{name}", receive, methods=["POST", "PUT"]),
            Route("/metrics", metrics),
            Route("/status", tell_status),
            Route("/healthz", healthz),
            *more,
        ]
    )
    # Partners do not follow a redirect of a POST, and take it for an answer.
    app.router.redirect_slashes = False
    return app


async def _take_in(door: Door, request: Request, now: Callable[[], datetime]) -> Arrival:
    if wait_s := door.bucket.take():
        raise _Refusal(429, "more requests a second than this adapter takes", wait_s)
    configured = door.configured
    _check_coding(request)
    body = await _body(request, configured.settings.body_bytes_max)
    message = Message(body, _attributes(request), now())
    adapter, options = configured.adapter, configured.options
    try:
        adapter.verify(message, configured.secrets, options)
        message = without_proof(message, configured.secrets, getattr(options, "verify", None))
        if adapter.refuses:
            adapter.key(message)
            _check(adapter.decode(message, options))
    except Unverified as error:
        raise _Refusal(401, f"not verified: {error}") from error
    except Undecodable as error:
        blamed = {"field": error.field, "value": error.value, "expected": error.expected}
        raise _Refusal(400, str(error), details=blamed) from error
    return await _keep(door.inbox, keyed(configured.name, adapter, message), now())


async def _keep(inbox: Inbox, arrival: Keyed, at: datetime) -> Arrival:
    try:
        [outcome] = await inbox.put([arrival], at)
    except (InboxFull, StoreFull) as error:
        raise _Refusal(503, str(error), WAIT_S) from error
    return outcome


def _stated_size(request: Request, bytes_max: int) -> int:
    """How long a body says to be; the most where it does not say, or comes in chunks, beside which
    its length does not count (RFC 9112, 6.3). Raises the refusal of one that is too long.
    """
    headers = request.headers
    length = "" if "transfer-encoding" in headers else headers.get("content-length", "")
    size = int(length) if length.isdigit() else bytes_max
    if size > bytes_max:
        raise _Refusal(413, str(BodyTooLong(bytes_max)))
    return size


def _check_coding(request: Request) -> None:
    """Raises the refusal of a compressed body (RFC 9110, 15.5.16): to an adapter it is no JSON and
    no XML, and a dead letter would blame its first bytes.
    """
    given = ", ".join(request.headers.getlist("content-encoding"))
    if {each.strip().lower() for each in given.split(",")} - {"", "identity"}:
        refusal = _Refusal(415, f"content-encoding is {given!r}: expected a body as it is")
        refusal.headers["accept-encoding"] = "identity"
        raise refusal


async def _body(request: Request, bytes_max: int) -> bytes:
    try:
        return await read_body(request, bytes_max)
    except BodyTooLong as error:
        raise _Refusal(413, str(error)) from error
    except BodyLate as error:
        late = _Refusal(408, str(error))
        late.headers["connection"] = "close"
        raise late from error
    except ClientDisconnect as error:
        raise _Refusal(400, "the connection ended before the body did") from error


def _attributes(request: Request) -> dict[str, str]:
    query = request.url.query
    target = request.url.path + (f"?{query}" if query else "")
    kept: dict[str, str] = {}
    for name, value in request.headers.items():  # in one go: by name, each is sought among all
        kept.setdefault(name, value)
    return kept | {":method": request.method, ":target": target}


def _check(decoded: Any) -> None:
    for each in decoded:
        if isinstance(each, Undecodable):
            raise each


def _name(request: Request, doors: Mapping[str, Door]) -> str:
    """The adapter's name for figures: a stranger makes no label."""
    name: str = request.path_params["name"]
    return name if name in doors else ""
