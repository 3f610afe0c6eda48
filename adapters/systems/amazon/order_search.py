"""Asks Amazon for orders that changed, since notifications do not reach everybody.

Source: orders_2026-01-01.json, searchOrders. A page token lives for 24 hours. An answer says until
when its orders were updated, and the next search begins there.
"""

import json
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

from pydantic import AwareDatetime, BaseModel, ConfigDict

from ...contract import Message, Page, Poll, Request, Response
from ...events import Decoded
from ...intake import fields
from .parts import Part
from .sold_orders import of_search
from .sp_api import HEADERS, TOKEN_URL, Channel, HttpUrl, Name, document

PATH: Final = "/orders/2026-01-01/orders"
PAGE_SIZE: Final = 100


class OrderSearchOptions(BaseModel):
    """Whose orders are asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    marketplace_ids: tuple[Name, ...]
    since: AwareDatetime
    """Orders that changed from then on are taken in; older ones come by their next change."""
    channel: Channel = "amazon"
    """The same as the channel's that takes notifications: reservation ids begin with it."""
    location: Name = "DEFAULT"
    """Amazon's name of where orders ship from: this API does not give it."""
    token_url: HttpUrl = TOKEN_URL
    """Where Login with Amazon is."""


def _request(cursor: str, options: OrderSearchOptions) -> Request:
    since, token = _position(cursor, options)
    query = {
        "lastUpdatedAfter": since,
        "marketplaceIds": ",".join(options.marketplace_ids),
        "fulfilledBy": "MERCHANT",
        "includedData": "FULFILLMENT",
        "maxResultsPerPage": PAGE_SIZE,
        **({"paginationToken": token} if token else {}),
    }
    return Request("GET", f"{PATH}?{urlencode(query)}", HEADERS, operation="searchOrders")


def _page(response: Response, cursor: str, options: OrderSearchOptions) -> Page:
    since, token = _position(cursor, options)
    if response.status == 400 and token:  # it is too old: the search begins again
        return Page([], _cursor(since, ""), has_more=True)
    answer = Part(document(response))
    orders = [order.values for order in answer.parts("orders")]
    messages = [Message(json.dumps(order, sort_keys=True).encode()) for order in orders]
    if following := answer.next_token():
        return Page(messages, _cursor(since, following), has_more=True)
    if answer.get("lastUpdatedBefore") is not None:
        since = answer.time("lastUpdatedBefore").isoformat()
    return Page(messages, _cursor(since, ""))


def _position(cursor: str, options: OrderSearchOptions) -> tuple[str, str]:
    """Since when the search is, and the token of its next page."""
    if not cursor:
        return options.since.isoformat(), ""
    since, _, token = cursor.partition(" ")
    return since, token


def _cursor(since: str, token: str) -> str:
    return f"{since} {token}"


POLL: Final = Poll(_request, _page)


def key(message: Message) -> str:
    """A hash of the order: it comes again when it has changed."""
    return fields.hash_of(message)


def decode(message: Message, options: OrderSearchOptions) -> Iterator[Decoded]:
    """The state of the order."""
    yield of_search(Part(fields.mapping(fields.json_of(message.body), "body")), options)
