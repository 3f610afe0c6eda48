"""The JSON of a twin of Amazon: notifications, orders, errors and reports.

Sources: amzn/selling-partner-api-models 34dc93f: OrderChangeNotification.json,
ListingsItemMfnQuantityChange.json, orders_2026-01-01.json, and the example of a processing report.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from .amazon_shelf import Listing, SoldOrder
from .faults import Delivery

#: Status in notifications -> status in the Orders API.
_STATUSES: Final = {
    "Unshipped": "UNSHIPPED",
    "PartiallyShipped": "PARTIALLY_SHIPPED",
    "Shipped": "SHIPPED",
    "Canceled": "CANCELLED",
}


def time_text(seconds: float) -> str:
    """An instant as Amazon writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def errors(code: str, message: str, details: str = "") -> dict[str, Any]:
    """An ErrorList."""
    return {"errors": [{"code": code, "message": message, "details": details}]}


def order_change(order: SoldOrder, seller: str, marketplace: str, number: int) -> bytes:
    """An ORDER_CHANGE notification."""
    item = order.item
    change = {
        "NotificationLevel": "OrderLevel",
        "SellerId": seller,
        "AmazonOrderId": order.id,
        "OrderChangeType": "OrderStatusChange",
        "OrderChangeTrigger": {
            "TimeOfOrderChange": time_text(order.updated),
            "ChangeReason": "Order Status Change",
        },
        "Summary": {
            "MarketplaceId": marketplace,
            "OrderStatus": _status(order),
            "PurchaseDate": time_text(order.created),
            "DestinationPostalCode": "48110",
            "FulfillmentType": "MFN",
            "OrderType": "StandardOrder",
            "NumberOfItemsShipped": item.shipped,
            "NumberOfItemsUnshipped": item.open,
            "OrderItems": [
                {
                    "OrderItemId": item.id,
                    "SellerSKU": item.sku,
                    "SupplySourceId": None if item.node == "DEFAULT" else item.node,
                    "Quantity": item.ordered,
                    "QuantityShipped": item.shipped,
                }
            ],
        },
    }
    payload = {"OrderChangeNotification": change}
    return _notification("ORDER_CHANGE", payload, order.updated, number)


def quantity_change(listing: Listing, node: str, seller: str, now: float, number: int) -> bytes:
    """A LISTINGS_ITEM_MFN_QUANTITY_CHANGE notification."""
    payload = {
        "SellerId": seller,
        "FulfillmentChannelCode": node,
        "Sku": listing.sku,
        "Quantity": listing.shown[node],
    }
    return _notification("LISTINGS_ITEM_MFN_QUANTITY_CHANGE", payload, now, number)


def _notification(kind: str, payload: Mapping[str, Any], now: float, number: int) -> bytes:
    document = {
        "NotificationVersion": "1.0",
        "NotificationType": kind,
        "PayloadVersion": "1.0",
        "EventTime": time_text(now),
        "Payload": payload,
        "NotificationMetadata": {
            "ApplicationId": "amzn1.sellerapps.app.twin",
            "SubscriptionId": f"{UUID(int=1)}",
            "PublishTime": time_text(now),
            "NotificationId": f"{UUID(int=number)}",
        },
    }
    return json.dumps(document).encode()


def _status(order: SoldOrder) -> str:
    item = order.item
    if item.open:
        return "PartiallyShipped" if item.shipped else "Unshipped"
    return "Shipped" if item.shipped else "Canceled"


def searched_order(order: SoldOrder, marketplace: str) -> dict[str, Any]:
    """An order as searchOrders returns it with its fulfillment."""
    item = order.item
    return {
        "orderId": order.id,
        "createdTime": time_text(order.created),
        "lastUpdatedTime": time_text(order.updated),
        "salesChannel": {"channelName": "AMAZON", "marketplaceId": marketplace},
        "fulfillment": {
            "fulfillmentStatus": _STATUSES[_status(order)],
            "fulfilledBy": "MERCHANT",
        },
        "orderItems": [
            {
                "orderItemId": item.id,
                "quantityOrdered": item.ordered,
                "product": {"sellerSku": item.sku},
                "fulfillment": {
                    "quantityFulfilled": item.shipped,
                    "quantityUnfulfilled": item.open,
                },
            }
        ],
    }


def processing_report(
    seller: str, feed: str, messages: int, issues: Sequence[Mapping[str, Any]]
) -> bytes:
    """The report of a feed; each issue is an error of a message."""
    invalid = len({issue["messageId"] for issue in issues})
    document = {
        "header": {"sellerId": seller, "version": "2.0", "feedId": feed},
        "issues": issues,
        "summary": {
            "errors": len(issues),
            "warnings": 0,
            "messagesProcessed": messages,
            "messagesAccepted": messages - invalid,
            "messagesInvalid": invalid,
        },
    }
    return json.dumps(document).encode()


def to_queue(queue_url: str, region: str) -> Callable[[bytes], Delivery]:
    """What makes a notification a message of an SQS queue, over SQS's JSON protocol. It is not
    signed: this is for stand-ins of SQS, which read the region and no more of it.
    """
    parts = urlsplit(queue_url)
    headers = {
        "x-amz-target": "AmazonSQS.SendMessage",
        "content-type": "application/x-amz-json-1.0",
        "authorization": f"AWS4-HMAC-SHA256 Credential=twin/20261126/{region}/sqs/aws4_request",
    }

    def delivery(body: bytes) -> Delivery:
        message = json.dumps({"QueueUrl": queue_url, "MessageBody": body.decode()})
        return Delivery(f"{parts.scheme}://{parts.netloc}/", message.encode(), headers)

    return delivery
