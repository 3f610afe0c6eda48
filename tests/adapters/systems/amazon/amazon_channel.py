"""A channel of Amazon as the tests have it: options, offers, and a walk against a twin."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from holdfast.adapters.contract import (
    Adapter,
    Offer,
    OfferVerdict,
    PublishPath,
    Request,
    Response,
    Wait,
)
from holdfast.adapters.runtime.buckets import TokenBucket
from holdfast.adapters.runtime.partner import Partner, PartnerAway, http_client
from holdfast.adapters.systems.amazon.channel import LISTINGS
from holdfast.adapters.systems.amazon.sp_api import AmazonOptions
from holdfast.adapters.twins.amazon import AmazonTwin
from holdfast.adapters.twins.faults import Delivery, Faults
from holdfast.edge.serving import serve_http

SECRETS: Final = {"client_id": "c", "client_secret": "s", "refresh_token": "r"}
OPTIONS: Final = AmazonOptions(seller_id="A3TWIN", marketplace_id="ATVPDKIKX0DER")
NOON: Final = 1_795_694_400.0
#: Requests for one step of a walk before a test gives up.
TRIES: Final = 50

Result = TypeVar("Result")


def offer(item: str = "MUG", quantity: int = 5, node: str = "DEFAULT", sequence: int = 1) -> Offer:
    return Offer(item, node, quantity, None, sequence, f"{item}/{node}/{sequence}")


def answer(status: int, body: bytes = b"{}", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, named, body)


def kept(body: bytes) -> Delivery:
    """A notification that nobody sends."""
    return Delivery("", body)


@dataclass(slots=True)
class HandClock:
    """A clock that the test sets."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class AmazonChannel:
    """A channel that talks to a twin through the runtime's own partner."""

    twin: AmazonTwin
    clock: HandClock
    partner: Partner
    options: Any
    asked: list[Request] = field(default_factory=list)
    away: int = 0

    async def publish(self, path: PublishPath, *offers: Offer) -> Sequence[OfferVerdict]:
        """Walk a path to its end, and let time pass where it waits."""
        responses: list[Response] = []
        step = path.next(offers, responses, self.options)
        while isinstance(step, Request | Wait):
            if isinstance(step, Wait):
                self.clock.now += step.seconds
            request = step.request if isinstance(step, Wait) else step

            def read(response: Response) -> tuple[Response, Any]:
                return response, path.next(offers, [*responses, response], self.options)

            response, step = await self.ask(request, read)
            responses.append(response)
        return step

    async def ask(self, request: Request, read: Callable[[Response], Result]) -> Result:
        """What an answer says; time passes while the twin is away or throttles."""
        for _ in range(TRIES):
            self.asked.append(request)
            try:
                return await self.partner.ask_once(request, read)
            except PartnerAway:
                self.away += 1
                self.clock.now += 60
        raise AssertionError(f"{request.method} {request.url} was tried {TRIES} times")


@asynccontextmanager
async def connected(
    faults: Faults | None = None,
    adapter: Adapter = LISTINGS,
    options: Any = OPTIONS,
    **twin: Any,
) -> AsyncIterator[AmazonChannel]:
    """A channel and its twin over loopback."""
    clock = HandClock()
    amazon = AmazonTwin(faults or Faults(), clock, credentials=SECRETS, tell=kept, **twin)
    # Without its sender: tests take the notifications themselves.
    async with serve_http(amazon.app, "127.0.0.1", 0) as port:
        url = f"http://127.0.0.1:{port}"
        here = options.model_copy(update={"token_url": f"{url}/auth/o2/token"})
        bucket = TokenBucket(1e6, 1e6, lambda: 0.0)
        async with http_client(url) as http:
            partner = Partner(
                "amazon", http, bucket, adapter=adapter, options=here, secrets=SECRETS
            )
            yield AmazonChannel(amazon, clock, partner, here)
