"""Notifications of Amazon, out of an SQS queue: bare, or in an event of EventBridge.

Sources: schemas/notifications of the models; "Set up notifications with Amazon EventBridge", whose
events have the notification as their detail. They come more than once and in any order, and bear no
signature: whoever may send to the queue is trusted.

Rules of this file: pure. What is not for stock is ignored by name, and so is what is not known,
since Amazon adds types.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ...contract import Message, Undecodable
from ...events import Decoded, Ignored, Shown
from ...intake import fields
from .parts import Part
from .sold_orders import of_notification
from .sp_api import AmazonOptions


def key(message: Message) -> str:
    """Amazon's id of the notification."""
    return _id(_notification(message))


def decode(message: Message, options: AmazonOptions) -> Iterator[Decoded]:
    """The state of an order, or what a listing shows."""
    notification = _notification(message)
    read = _READ.get(notification.text("notificationType"))
    yield read(notification, options) if read is not None else Ignored("other_notification")


def _notification(message: Message) -> Part:
    body = Part(fields.mapping(fields.json_of(message.body), "body"))
    return body.part("detail") if body.get("detail-type") is not None else body


def _id(notification: Part) -> str:
    metadata = notification.part("notificationMetadata")
    found = metadata.text("notificationId")
    return fields.identifier(found, metadata.field("notificationId"))


def _order(notification: Part, options: AmazonOptions) -> Decoded:
    change = notification.part("payload").part("orderChangeNotification")
    _check_seller(change, options)
    return of_notification(change, _id(notification), notification.time("eventTime"), options)


def _quantity(notification: Part, options: AmazonOptions) -> Decoded:
    payload = notification.part("payload")
    _check_seller(payload, options)
    return Shown(
        item=payload.text("sku"),
        node=payload.text("fulfillmentChannelCode"),
        quantity=payload.units("quantity"),
        time=notification.time("eventTime"),
    )


def _check_seller(part: Part, options: AmazonOptions) -> None:
    """A queue may be another seller's by mistake: as a dead letter its orders are not lost."""
    if (seller := part.text("sellerId")) != options.seller_id:
        raise Undecodable(part.field("sellerId"), seller, f"the seller {options.seller_id}")


def _ignored(reason: str) -> Callable[[Part, AmazonOptions], Decoded]:
    return lambda _notification, _options: Ignored(reason)


_READ: Final[Mapping[str, Callable[[Part, Any], Decoded]]] = {
    "ORDER_CHANGE": _order,
    "LISTINGS_ITEM_MFN_QUANTITY_CHANGE": _quantity,
    "FBA_INVENTORY_AVAILABILITY_CHANGES": _ignored("fulfilled_by_amazon"),
    "FEED_PROCESSING_FINISHED": _ignored("feed_finished"),
}
