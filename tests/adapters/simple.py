"""The adapter that docs/adapters.md builds: a web shop that tells sales and orders as JSON.

{"id": "s1", "type": "sale", "item": "MUG", "store": "STORE-1", "pieces": 2,
 "at": "2026-11-27T09:00:00Z"}
{"id": "o1", "type": "order", "order": "W-17", "lines": [{"item": "MUG", "pieces": 1}]}
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from holdfast.adapters.contract import Adapter, Message, Undecodable, Unverified
from holdfast.adapters.events import (
    Decoded,
    FactKind,
    Ignored,
    OrderEvent,
    OrderKind,
    OrderLine,
    StockFact,
)
from holdfast.adapters.intake import fields

SOURCE: Final = "webshop"
LINES_MAX: Final = 2_000

ORDERS: Final = {
    "order": OrderKind.PLACED,
    "shipped": OrderKind.SHIPPED,
    "cancelled": OrderKind.CANCELLED,
}


class ShopOptions(BaseModel):
    """The shop's options in adapters.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    warehouse: str = "STORE-1"
    """Where orders are shipped from."""


def verify(message: Message, secrets: Mapping[str, str], _options: ShopOptions) -> None:
    """The shop signs each body: HMAC-SHA256 in hex, in the header x-shop-signature."""
    signature = hmac.new(secrets["key"].encode(), message.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature, message.attributes.get("x-shop-signature", "")):
        raise Unverified("x-shop-signature is not that of the body")


def key(message: Message) -> str:
    """The shop's id of the message."""
    return fields.text(_document(message).get("id"), "id", 128)


def decode(message: Message, options: ShopOptions) -> Iterator[Decoded]:
    """What a message says: one fact, one event of an order, or nothing about stock."""
    document = _document(message)
    kind = document.get("type")
    if kind in ORDERS:
        yield _order(document, ORDERS[kind], options)
    elif kind in ("sale", "receipt"):
        yield _fact(document, FactKind(kind))
    elif kind == "newsletter":
        yield Ignored("newsletter")
    else:
        raise Undecodable("type", kind, "sale, receipt, order, shipped, cancelled or newsletter")


def _fact(document: Mapping[str, Any], kind: FactKind) -> StockFact:
    at = document.get("at")
    return StockFact(
        source=SOURCE,
        id=fields.text(document.get("id"), "id", 128),
        kind=kind,
        sku=fields.text(document.get("item"), "item"),
        location=fields.text(document.get("store"), "store"),
        quantity=fields.quantity(document.get("pieces"), "pieces"),
        unit=fields.any_text(document.get("unit", ""), "unit"),
        time=None if at is None else fields.instant(at, "at"),
    )


def _order(document: Mapping[str, Any], kind: OrderKind, options: ShopOptions) -> OrderEvent:
    lines = fields.array(document.get("lines", []), "lines", LINES_MAX)
    return OrderEvent(
        source=SOURCE,
        id=fields.text(document.get("id"), "id", 128),
        kind=kind,
        order=fields.text(document.get("order"), "order", 128),
        lines=tuple(_line(each, f"lines[{place}]", options) for place, each in enumerate(lines)),
    )


def _line(value: object, path: str, options: ShopOptions) -> OrderLine:
    line = fields.mapping(value, path)
    return OrderLine(
        id="",
        sku=fields.text(line.get("item"), f"{path}.item"),
        location=options.warehouse,
        quantity=fields.quantity(line.get("pieces"), f"{path}.pieces"),
    )


def _document(message: Message) -> Mapping[str, Any]:
    return fields.mapping(fields.json_of(message.body), "body")


ADAPTER: Final = Adapter(
    name="webshop",
    reads="Sales and orders of the web shop, as JSON over HTTP.",
    dedupe="the id of the message",
    order="none",
    key=key,
    decode=decode,
    verify=verify,
    secrets=("key",),
    options=ShopOptions,
    flow="order_sync",
)
