"""Walmart's purchase orders, asked for page by page, and acknowledged.

Sources: Walmart's models of orders (see marketplace.py): PurchaseOrderTypeV3List and MetaType;
"Get all orders" for lastModifiedStartDate and for nextCursor, which is the query of the next page.

An answer bears neither its own time nor when an order was modified, so a sweep begins `overlap_s`
before the newest status that was seen. Names, addresses and phone numbers of customers are left out
of what is kept.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ...contract import Adapter, Message, Page, Poll, Request, Response, Undecodable
from ...events import Decoded
from ...intake import fields
from .acknowledging import ACKNOWLEDGEMENTS
from .marketplace import BUDGETS, LOGIN, SECRETS, call, document_of, granted, refusal_of
from .purchase_orders import moment, state_of

#: Orders of one page, Walmart's bound.
PAGE_ORDERS: Final = 200


class WalmartOrdersOptions(BaseModel):
    """Which of Walmart's orders are asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: AwareDatetime
    """From when on orders count, by their last modification. Earlier ones come by a count."""
    node: str = ""
    """The ship node of orders that name none."""
    overlap_s: int = Field(900, ge=0, le=86_400)
    """How long an order may take until Walmart lists it, by the time of its status."""


def decode(message: Message, options: WalmartOrdersOptions) -> Iterator[Decoded]:
    """How an order stands."""
    order = fields.mapping(fields.json_of(message.body, exact=True), "body")
    yield state_of(order, "", options.node, f"state/{fields.hash_of(message)}")


def request(cursor: str, options: WalmartOrdersOptions) -> Request:
    """A page of orders that were modified since the cursor's time."""
    at_work = _at_work(cursor, options)
    query = at_work["next"]
    if not query:
        since = datetime.fromisoformat(at_work["since"]).astimezone(UTC)
        wanted = {
            "lastModifiedStartDate": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "limit": f"{PAGE_ORDERS}",
        }
        query = f"?{urlencode(wanted)}"
    return call("GET", f"/v3/orders{query}", "orders")


def page(response: Response, cursor: str, options: WalmartOrdersOptions) -> Page:
    """The orders, each a message. Raises Undecodable, Throttled, SessionExpired, Refused."""
    if _has_none(response):
        return Page([], _later(_at_work(cursor, options), options))
    listed = fields.mapping(document_of(response).get("list"), "list")
    elements = fields.mapping(listed.get("elements") or {}, "list.elements")
    at_work = _at_work(cursor, options)
    messages = []
    for at, each in enumerate(fields.array(elements.get("order") or [], _ORDER, PAGE_ORDERS)):
        order = fields.mapping(each, f"{_ORDER}[{at}]")
        at_work = {**at_work, "newest": max(at_work["newest"], _newest(order))}
        body = json.dumps(_kept(order), sort_keys=True, default=str).encode()
        messages.append(Message(body, {"content-type": "application/json"}))
    query = _next_query(fields.mapping(listed.get("meta") or {}, "list.meta"))
    if query and query != at_work["next"]:
        return Page(messages, json.dumps({**at_work, "next": query}), has_more=True)
    return Page(messages, _later(at_work, options))


_ORDER: Final = "list.elements.order"


def _has_none(response: Response) -> bool:
    """Whether it says that there are no orders, which Walmart does with a status of 404."""
    return response.status == 404 and "CONTENT_NOT_FOUND" in refusal_of(response)[0]


def _at_work(cursor: str, options: WalmartOrdersOptions) -> dict[str, str]:
    """Where a sweep is: when its orders begin, the query of its next page, the newest status."""
    if cursor:
        at_work: dict[str, str] = json.loads(cursor)
        return at_work
    since = _written(options.since)
    return {"since": since, "next": "", "newest": since}


def _later(at_work: Mapping[str, str], options: WalmartOrdersOptions) -> str:
    """The cursor of the next sweep."""
    newest = datetime.fromisoformat(at_work["newest"]) - timedelta(seconds=options.overlap_s)
    since = max(at_work["since"], _written(newest))
    return json.dumps({"since": since, "next": "", "newest": at_work["newest"]})


def _next_query(meta: Mapping[str, Any]) -> str:
    query = fields.any_text(meta.get("nextCursor") or "", "list.meta.nextCursor", 4_096)
    if query and not query.startswith("?"):
        raise Undecodable("list.meta.nextCursor", query, "a query that begins with ?")
    return query


def _newest(order: Mapping[str, Any]) -> str:
    """When the newest status of an order was. A time that cannot be read is passed over: it must
    not hold up the page.
    """
    newest = ""
    for value in (order.get("orderDate"), *(line.get("statusDate") for line in _lines(order))):
        with suppress(Undecodable):
            newest = max(newest, _written(moment(value, "statusDate")))
    return newest


def _written(time: datetime) -> str:
    """A time so that later ones are greater as texts."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds")


def _lines(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines of an order, as far as there are any: decoding reports what is wrong with them."""
    held = order.get("orderLines")
    lines = held.get("orderLine") if isinstance(held, dict) else None
    return [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []


def _kept(order: Mapping[str, Any]) -> dict[str, Any]:
    """What of an order concerns stock."""
    kept: dict[str, Any] = {name: order.get(name) for name in ("purchaseOrderId", "orderDate")}
    if isinstance(order.get("shipNode"), dict):
        kept["shipNode"] = {"id": order["shipNode"].get("id")}
    kept["orderLines"] = {"orderLine": [_kept_line(line) for line in _lines(order)]}
    return kept


def _kept_line(line: Mapping[str, Any]) -> dict[str, Any]:
    item, held = line.get("item"), line.get("orderLineStatuses")
    entries = held.get("orderLineStatus") if isinstance(held, dict) else None
    statuses = [
        {name: each.get(name) for name in ("status", "statusQuantity")}
        for each in (entries if isinstance(entries, list) else ())
        if isinstance(each, dict)
    ]
    return {
        "lineNumber": line.get("lineNumber"),
        "item": {"sku": item.get("sku")} if isinstance(item, dict) else None,
        "orderLineQuantity": line.get("orderLineQuantity"),
        "orderLineStatuses": {"orderLineStatus": statuses},
    }


ADAPTER: Final = Adapter(
    name="walmart-orders",
    reads="Purchase orders of Walmart Marketplace (US), polled; acknowledges them.",
    dedupe="a hash of how an order stands",
    order="none is needed: each message has the whole order, and old states change nothing",
    key=fields.hash_of,
    decode=decode,
    options=WalmartOrdersOptions,
    secrets=SECRETS,
    login=LOGIN,
    poll=Poll(request, page),
    outbound=ACKNOWLEDGEMENTS,
    budgets=BUDGETS,
    granted=granted,
    flow="order_sync",
)
