"""Bodies of Shopify's webhooks, made up by its documents, and the messages that have them."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any, Final

from holdfast.adapters.contract import Message
from holdfast.adapters.systems.shopify.kinds import SHOP
from holdfast.adapters.systems.shopify.webhooks import WebhookOptions

DOMAIN: Final = "example.myshopify.com"
SOURCE: Final = f"shopify/{DOMAIN}"
SECRET: Final = "hush"
NOON: Final = datetime(2026, 11, 26, 12, tzinfo=UTC)
OPTIONS: Final = WebhookOptions(shop=DOMAIN, location="100")
SPREAD: Final = WebhookOptions(shop=DOMAIN)


def line(number: int = 1, quantity: int = 5, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "sku": f"SKU-{number}",
        "variant_id": number + 1_000,
        "quantity": quantity,
        "fulfillable_quantity": quantity,
        **changes,
    }


def fulfillment(quantity: int, location: int | None = 200, **changes: Any) -> dict[str, Any]:
    return {
        "id": 9,
        "status": "success",
        "location_id": location,
        "line_items": [{"id": 1, "quantity": quantity}],
        **changes,
    }


def order(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "updated_at": "2026-11-26T12:00:00Z",
        "cancelled_at": None,
        "location_id": None,
        "line_items": list(lines or [line()]),
        "fulfillments": [],
        **changes,
    }


def refund(restock_type: object, **changes: Any) -> dict[str, Any]:
    returned = {
        "id": 33,
        "quantity": 2,
        "restock_type": restock_type,
        "location_id": 200,
        "line_item": line(),
        **changes,
    }
    return {
        "id": 3,
        "order_id": 7,
        "processed_at": "2026-11-26T12:00:00Z",
        "refund_line_items": [returned],
    }


def message(topic: str, body: Any, prefix: str = "x-shopify-", **headers: str) -> Message:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    digest = base64.b64encode(hmac.digest(SECRET.encode(), raw, hashlib.sha256)).decode()
    named = {
        "hmac-sha256": digest,
        "topic": topic,
        "shop-domain": DOMAIN,
        "webhook-id": "delivery-1",
        "event-id": "event-1",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return Message(raw, {f"{prefix}{name}": value for name, value in named.items()})


def decoded(topic: str, body: Any, options: WebhookOptions = OPTIONS) -> list[Any]:
    return list(SHOP.decode(message(topic, body), options))
