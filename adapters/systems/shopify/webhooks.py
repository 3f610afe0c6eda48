"""Shopify's webhooks: orders as they stand, goods that came back, and what the shop shows.

Sources: "Webhooks" and "Verify webhook deliveries" (shopify.dev); headers as in Shopify's own
library (Shopify/shopify-app-js, packages/apps/shopify-api/lib/types.ts), whose newer deliveries
leave out the X-; bodies as the REST Admin API's resources of the same names. A retry has the body
that was sent first, so what comes late may be old: orders are reported as they stood then, and a
level has the time when Shopify counted it.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from ...contract import Message, Undecodable, Unverified
from ...events import Decoded, FactKind, Ignored, Reference, Shown, StockFact
from ...intake import fields
from ...intake.verification import Verification, check
from .access import Shop, source
from .rest_orders import LINES_MAX, QUANTITY_MAX, number, order_state, sku_of
from .sold_orders import reservation

#: Topics whose body is the whole order.
ORDERS: Final = (
    *("orders/create", "orders/updated", "orders/cancelled", "orders/paid"),
    *("orders/fulfilled", "orders/partially_fulfilled"),
)
#: Topics of what changes an order: Shopify sends orders/updated as well, with all of it.
COVERED_BY_ORDER: Final = ("orders/edited", "fulfillments/create", "fulfillments/update")


class WebhookOptions(BaseModel):
    """What is taken in of a shop's webhooks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shop: Shop
    """Its domain at Shopify, "example.myshopify.com"."""
    location: str = ""
    """The location of orders that were not taken at one; empty leaves them to the poll."""
    returns: bool = True
    """Whether refunds that restock are returns here. False where a till or a warehouse reports
    them.
    """


_SIGNED: Final = Verification(
    scheme="hmac",
    secret="client_secret",  # noqa: S106 - a name
    headers=("x-shopify-hmac-sha256", "shopify-hmac-sha256"),
)


def verify(message: Message, secrets: Mapping[str, str], options: WebhookOptions) -> None:
    """Raises `Unverified`. The secret is the app's, at all shops, so the shop counts as well."""
    check(message, secrets, _SIGNED)
    if _header(message, "shop-domain") != options.shop:
        raise Unverified(f"shopify-shop-domain is not {options.shop}")


def key(message: Message) -> str:
    """The id of a delivery, which its retries have too; a hash where there is none."""
    return _header(message, "webhook-id") or fields.hash_of(message, "x-shopify-topic")


def decode(message: Message, options: WebhookOptions) -> Iterator[Decoded | Undecodable]:
    """What a delivery says."""
    topic = fields.text(_header(message, "topic"), "x-shopify-topic")
    if topic in ORDERS:
        yield order_state(_body(message), _id(message), options, _header(message, "event-id"))
    elif topic == "refunds/create":
        yield from _refund(_body(message), options)
    elif topic == "inventory_levels/update":
        yield _level(_body(message))
    else:
        yield Ignored("covered_by_order" if topic in COVERED_BY_ORDER else "other_topic")


def _header(message: Message, name: str) -> str:
    attributes = message.attributes
    return attributes.get(f"x-shopify-{name}") or attributes.get(f"shopify-{name}") or ""


def _body(message: Message) -> Mapping[str, Any]:
    return fields.mapping(fields.json_of(message.body, exact=True), "body")


def _id(message: Message) -> str:
    return fields.identifier(key(message), "x-shopify-webhook-id")


def _level(level: Mapping[str, Any]) -> Decoded:
    """What the shop shows of an item at a location."""
    if level.get("available") is None:
        return Ignored("not_tracked")
    return Shown(
        item=number(level.get("inventory_item_id"), "inventory_item_id"),
        node=number(level.get("location_id"), "location_id"),
        quantity=fields.whole(level["available"], "available", -QUANTITY_MAX, QUANTITY_MAX),
        time=fields.instant(level.get("updated_at"), "updated_at"),
    )


def _refund(refund: Mapping[str, Any], options: WebhookOptions) -> Iterator[Decoded | Undecodable]:
    """What came back; one line that is wrong does not hold up the others."""
    order = number(refund.get("order_id"), "order_id")
    time = fields.instant(refund.get("processed_at") or refund.get("created_at"), "created_at")
    path = "refund_line_items"
    for at, line in enumerate(fields.array(refund.get(path, []), path, LINES_MAX)):
        try:
            yield _returned(
                fields.mapping(line, f"{path}[{at}]"), f"{path}[{at}]", order, time, options
            )
        except Undecodable as wrong:
            yield wrong


def _returned(
    line: Mapping[str, Any], path: str, order: str, time: datetime, options: WebhookOptions
) -> Decoded:
    restock = line.get("restock_type")
    if restock == "cancel":
        return Ignored("covered_by_order")
    if restock == "no_restock":
        return Ignored("not_restocked")
    if restock != "return":
        raise Undecodable(f"{path}.restock_type", restock, "return, cancel or no_restock")
    if not options.returns:
        return Ignored("returns")
    sku = sku_of(fields.mapping(line.get("line_item"), f"{path}.line_item"), f"{path}.line_item")
    if not sku:
        return Ignored("no_item")
    return StockFact(
        source=source(options),
        id=f"refund/{number(line.get('id'), f'{path}.id')}",
        kind=FactKind.RETURN,
        sku=sku,
        location=_location(line, path, options),
        quantity=Decimal(fields.whole(line.get("quantity"), f"{path}.quantity", 1, QUANTITY_MAX)),
        reference=Reference("reservation", reservation(order)),
        time=time,
    )


def _location(line: Mapping[str, Any], path: str, options: WebhookOptions) -> str:
    """Where it was put; there may be none for an item that the shop has nowhere."""
    location = line.get("location_id")
    if location is not None:
        return number(location, f"{path}.location_id")
    if not options.location:
        raise Undecodable(f"{path}.location_id", None, "a location, or the option location")
    return options.location
