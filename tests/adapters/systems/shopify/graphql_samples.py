"""Answers of Shopify's Admin API, made up by its schema."""

import json
from typing import Any, Final

from holdfast.adapters.contract import Offer, Request, Response
from holdfast.adapters.systems.shopify.fulfillment_orders import OrdersOptions
from tests.adapters.systems.shopify.rest_samples import DOMAIN

SINCE: Final = "2026-11-26T00:00:00Z"
ORDERS: Final = OrdersOptions(shop=DOMAIN, since=SINCE)
LAST_PAGE: Final = {"hasNextPage": False, "endCursor": None}


def gid(kind: str, number: object) -> str:
    return f"gid://shopify/{kind}/{number}"


def nodes(*found: Any, has_more: bool = False, cursor: str | None = None) -> dict[str, Any]:
    return {"nodes": list(found), "pageInfo": {"hasNextPage": has_more, "endCursor": cursor}}


def answered(data: Any, status: int = 200, **more: Any) -> Response:
    return Response(
        status,
        {"date": "Fri, 27 Nov 2026 00:00:00 GMT"},
        json.dumps({"data": data, **more}).encode(),
    )


def cost(requested: int = 10, left: float = 1_000) -> dict[str, Any]:
    status = {"maximumAvailable": 2_000, "currentlyAvailable": left, "restoreRate": 100}
    reported = {"requestedQueryCost": requested, "actualQueryCost": None, "throttleStatus": status}
    return {"extensions": {"cost": reported}}


def failed(code: str, **more: Any) -> Response:
    error = {"message": "no", "extensions": {"code": code}}
    return answered(None, errors=[error], **more)


def variables(request: object) -> dict[str, Any]:
    assert isinstance(request, Request)
    return dict(json.loads(request.body)["variables"])


def line(number: int = 1, quantity: int = 5, **changes: Any) -> dict[str, Any]:
    variant = {"id": gid("ProductVariant", number + 1_000)}
    found = {"sku": f"SKU-{number}", "quantity": quantity, "variant": variant}
    return {"id": gid("LineItem", number), **found, **changes}


def group(location: int | None, units: dict[int, int], **changes: Any) -> dict[str, Any]:
    """A fulfilment order."""
    return {
        "status": "OPEN",
        "updatedAt": "2026-11-26T12:00:00Z",
        "assignedLocation": {"location": location and {"id": gid("Location", location)}},
        "lineItems": nodes(
            *(
                {"lineItem": {"id": gid("LineItem", number)}, "remainingQuantity": quantity}
                for number, quantity in units.items()
            )
        ),
        **changes,
    }


def shipment(location: int, units: dict[int, int], **changes: Any) -> dict[str, Any]:
    """A fulfilment."""
    return {
        "status": "SUCCESS",
        "location": {"id": gid("Location", location)},
        "fulfillmentLineItems": nodes(
            *(
                {"lineItem": {"id": gid("LineItem", number)}, "quantity": quantity}
                for number, quantity in units.items()
            )
        ),
        **changes,
    }


def order(
    lines: list[dict[str, Any]] | None = None,
    groups: list[dict[str, Any]] | None = None,
    shipments: list[dict[str, Any]] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    return {
        "id": gid("Order", 7),
        "updatedAt": "2026-11-26T11:00:00Z",
        "lineItems": nodes(*(lines or [line()])),
        "fulfillmentOrders": nodes(*(groups or [])),
        "fulfillments": shipments or [],
        **changes,
    }


def changed(number: int, order: int, at: str) -> dict[str, Any]:
    """A fulfilment order in a page of those that changed."""
    return {"id": gid("FulfillmentOrder", number), "orderId": gid("Order", order), "updatedAt": at}


def offer(item: int = 1, quantity: int = 5, shown: int | None = 3, node: int = 100) -> Offer:
    return Offer(str(item), str(node), quantity, shown, sequence=1, id=f"offer-{item}-{node}")


def payload(*errors: Any, is_set: bool = False) -> Response:
    adjusted = {"id": gid("InventoryAdjustmentGroup", 1)} if is_set else None
    result = {"inventoryAdjustmentGroup": adjusted, "userErrors": list(errors)}
    return answered({"inventorySetQuantities": result})


def error(code: str | None, *path: str) -> dict[str, Any]:
    return {"code": code, "field": list(path) or None, "message": "no"}
