"""The adapters for Shopify, driven by hand against its twin over HTTP: each request one by one."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from holdfast.adapters.contract import Adapter, Offer, OfferVerdict, Page, Request, Response
from holdfast.adapters.events import OrderEvent, Shown
from holdfast.adapters.runtime.buckets import TokenBucket
from holdfast.adapters.runtime.partner import Partner, http_client
from holdfast.adapters.systems.shopify import fulfillment_orders as polled
from holdfast.adapters.systems.shopify.fulfillment_orders import POLL, OrdersOptions
from holdfast.adapters.systems.shopify.kinds import SHOP
from holdfast.adapters.systems.shopify.read_back import READ_BACK
from holdfast.adapters.systems.shopify.set_quantities import PATH
from holdfast.adapters.systems.shopify.webhooks import WebhookOptions
from holdfast.adapters.twins.serving import serving
from holdfast.adapters.twins.shopify import ShopifyTwin

DOMAIN = "twin.myshopify.com"
OPTIONS = WebhookOptions(shop=DOMAIN)


class HandClock:
    """Seconds since 1970, which go on when they are told to."""

    def __init__(self) -> None:
        self.now = 1_795_651_200.0  # 2026-11-26, noon

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def partner_of(twin: ShopifyTwin, adapter: Adapter = SHOP) -> AsyncIterator[Partner]:
    """The adapters' side of a twin that is served."""
    secrets = {
        "access_token": twin.secrets.access_token,
        "client_id": twin.secrets.client_id,
        "client_secret": twin.secrets.client_secret,
    }
    async with serving(twin) as url, http_client(url) as http:
        bucket = TokenBucket(10_000, 10_000, time.monotonic)
        # Its own budget would wait in real time for points that the twin grants by its hand clock.
        adapter = replace(adapter, budgets={})
        yield Partner("shop", http, bucket, adapter=adapter, options=OPTIONS, secrets=secrets)


async def walked(partner: Partner, offers: Sequence[Offer]) -> Sequence[OfferVerdict]:
    """The verdicts on offers. Raises what the partner raises."""
    responses: list[Response] = []

    def read(response: Response) -> Any:
        responses.append(response)
        return PATH.next(offers, responses, OPTIONS)

    step: Any = PATH.next(offers, responses, OPTIONS)
    while isinstance(step, Request):
        step = await partner.ask_once(step, read)
    return list(step)


async def read_back(partner: Partner) -> list[Shown]:
    """All that the shop shows."""
    shown: list[Shown] = []
    cursor = ""
    while True:
        found, cursor = await partner.ask_once(
            READ_BACK.request(cursor, OPTIONS), lambda response: READ_BACK.page(response, OPTIONS)
        )
        shown += found
        if not cursor:
            return shown


class Sweeps:
    """The polls of orders: the latest state of each, and the cursor after the last page."""

    def __init__(self, partner: Partner, options: OrdersOptions) -> None:
        self.states: dict[str, OrderEvent] = {}
        self._partner = partner
        self._options = options
        self._cursor = ""

    async def sweep(self) -> int:
        """Sweep, and return how many orders were asked for. Raises what the partner raises."""
        asked, has_more = 0, True
        while has_more:
            page = await self._partner.ask_once(
                POLL.request(self._cursor, self._options), self._page
            )
            self._cursor, has_more = page.cursor, page.has_more
            asked += len(page.messages)
            for message in page.messages:
                (event,) = polled.decode(message, self._options)
                assert isinstance(event, OrderEvent)
                self.states[event.order] = event
        return asked

    def _page(self, response: Response) -> Page:
        return POLL.page(response, self._cursor, self._options)
