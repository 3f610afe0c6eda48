"""A small marketplace of the tests over HTTP, and the adapters for it: one that may send many at
once, and one that may send one, or a feed.

It takes quantities a few at once, or many by a feed that it works on, and remembers every call. Its
answers fail on demand.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse
from starlette.responses import Response as HttpResponse

from holdfast.adapters.contract import (
    Accepted,
    Adapter,
    Budget,
    Deferred,
    Message,
    Offer,
    OfferVerdict,
    Publish,
    PublishPath,
    ReadBack,
    Rejected,
    Request,
    Response,
    Undecodable,
    Wait,
)
from holdfast.adapters.events import Shown
from holdfast.adapters.twins.faults import Allowance
from tests.adapters.served import served
from tests.real_time import wall_s

FEED_MAX: Final = 25_000
PUT_MAX: Final = 250


@dataclass(slots=True)
class MiniChannel:
    """What it shows, and what it was asked."""

    shown: dict[str, int] = field(default_factory=dict)
    shown_at: dict[str, float] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    puts: list[int] = field(default_factory=list)
    """How many offers each call had."""
    feeds: dict[str, list[Any]] = field(default_factory=dict)
    polls: int = 0
    feed_is_done: bool = True
    feed_is_lost: bool = False
    """Whether it fails when it is asked for a feed."""
    is_down: bool = False
    hangs: bool = False
    """Whether it takes what it is offered, and does not answer."""
    rejects: str = ""
    backwards: list[str] = field(default_factory=list)
    """What was offered with a sequence that is not new."""
    allowance: Allowance | None = None
    """How often quantities may be put; without one, as often as one likes."""
    refused: int = 0
    """Calls beyond it."""
    port: int = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer over HTTP."""
        status, body = self._answer(request.method, request.url.path, await request.body())
        return JSONResponse(body, status)

    async def take(self, request: httpx.Request) -> httpx.Response:
        """Answer in memory."""
        status, body = self._answer(request.method, request.url.path, request.content)
        if self.hangs:
            await asyncio.Event().wait()
        return httpx.Response(status, json=body)

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if self.is_down:
            return 503, "down"
        if path == "/quantities" and method == "GET":
            return 200, {"shown": self.shown}
        if path == "/quantities":
            if self.allowance is not None and not self.allowance.take():
                self.refused += 1
                return 429, "too fast"
            offers = json.loads(body)
            self.puts.append(len(offers))
            return 200, self._verdicts(offers)
        if path == "/feeds":
            number = str(len(self.feeds) + 1)
            self.feeds[number] = json.loads(body)
            return 200, {"feed": number}
        self.polls += 1
        if self.feed_is_lost:
            return 500, "no such luck"
        if not self.feed_is_done:
            return 200, {"done": False}
        return 200, self._verdicts(self.feeds[path.rpartition("/")[2]])

    def _verdicts(self, offers: list[Any]) -> dict[str, Any]:
        return {"done": True, "verdicts": [self._take(*each) for each in offers]}

    def _take(self, name: str, quantity: int, sequence: int) -> str:
        if self.rejects and self.rejects in name:
            return "no"
        if sequence <= self.sequences.get(name, 0):
            self.backwards.append(name)
        self.sequences[name], self.shown[name] = sequence, quantity
        self.shown_at[name] = wall_s()
        return "yes"


@contextmanager
def running_mini_channel() -> Iterator[MiniChannel]:
    """Run one on a thread of its own, on a free loopback port."""
    channel = MiniChannel()
    with served(channel.answer) as channel.port:
        yield channel


# Its adapter


def key(message: Message) -> str:
    return str(json.loads(message.body)["id"])


def decode(message: Message, _options: Any) -> list[Shown]:
    document = json.loads(message.body)
    item, node = document["name"].split("@")
    return [Shown(item=item, node=node, quantity=document["quantity"])]


def put(
    offers: Sequence[Offer], responses: Sequence[Response], _options: Any
) -> Request | Sequence[OfferVerdict]:
    if not responses:
        return Request("POST", "/quantities", body=_body(offers), operation="put")
    return _read(responses[-1])


def feed(
    offers: Sequence[Offer], responses: Sequence[Response], _options: Any
) -> Request | Wait | Sequence[OfferVerdict]:
    if not responses:
        return Request("POST", "/feeds", body=_body(offers), operation="feed")
    number = json.loads(responses[0].body)["feed"]
    ask = Request("GET", f"/feeds/{number}")
    if len(responses) == 1 or not json.loads(responses[-1].body)["done"]:
        return Wait(0.2, ask)
    return _read(responses[-1])


def _body(offers: Sequence[Offer]) -> bytes:
    rows = [[f"{each.item}@{each.node}", each.quantity, each.sequence] for each in offers]
    return json.dumps(rows).encode()


def _read(response: Response) -> list[OfferVerdict]:
    verdicts: dict[str, OfferVerdict] = {
        "yes": Accepted(),
        "no": Rejected("it is blocked"),
        "later": Deferred(),
    }
    try:
        return [verdicts[each] for each in json.loads(response.body)["verdicts"]]
    except (KeyError, ValueError) as error:
        raise Undecodable("verdicts", response.body, "yes, no or later") from error


def _page(response: Response, _options: Any) -> tuple[list[Shown], str]:
    shown = [
        Shown(item=name.split("@")[0], node="DEFAULT", quantity=quantity)
        for name, quantity in json.loads(response.body)["shown"].items()
    ]
    return shown, ""


ADAPTER: Final = Adapter(
    name="mini-channel",
    reads="What a small marketplace shows.",
    dedupe="its id",
    order="none",
    key=key,
    decode=decode,
    publish=Publish(
        paths=(PublishPath("put", PUT_MAX, put), PublishPath("feed", FEED_MAX, feed)),
        read_back=ReadBack(lambda _cursor, _options: Request("GET", "/quantities"), _page),
    ),
    budgets={"put": Budget(20.0, 20.0), "feed": Budget(0.5, 5.0)},
)

#: The same where a call takes one offer: what is more goes by feeds.
ONE_BY_ONE: Final = replace(
    ADAPTER,
    publish=Publish(paths=(PublishPath("put", 1, put), PublishPath("feed", FEED_MAX, feed))),
    budgets={"put": Budget(5.0, 5.0), "feed": Budget(0.5, 5.0)},
)
