"""Walmart's notifications: orders that were placed or cancelled, wishes to cancel, items that ran
out; and the quantities that Walmart is told to show.

Sources: Walmart's models of notifications (see marketplace.py) for authDetails; "Purchase order
created event", "Purchase order line auto-canceled event", "Order intent to cancel event",
"Inventory OOS event" and "Return notifications" for the payloads; "Order management event" for
ORDER_UPDATES, which replaces the first three on 2026-12-15. What its `order` holds is not published
as a model: it is read as an order of the API, or with lines as those events have them. Not run
against Walmart.

A notification may be lost, so `walmart-orders` asks for orders as well. One that does not say which
ship node an order belongs to is left to it, unless the option `node` does.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from ...contract import Adapter, Message, Publish
from ...events import Decoded, Exceptional, Ignored, Shown
from ...intake import fields
from ...intake.verification import VerificationOption, verify
from .inventory import NODES_MAX, PUT, READ_BACK
from .inventory_feed import FEED
from .marketplace import BUDGETS, LOGIN, SECRETS, granted
from .purchase_orders import LINES_MAX, ORDER_PREFIX, state_of


class WalmartOptions(BaseModel):
    """How notifications prove who sends them, and where orders are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verify: VerificationOption
    """As the subscription's authDetails say: { like = "walmart_basic", headers = ["..."] } and so
    on. There is no default: what moves stock is not taken from strangers by mistake.
    """
    node: str = ""
    """The ship node of sellers with one, for notifications that name none."""


def key(message: Message) -> str:
    """The id of the event, which Walmart repeats."""
    return fields.text(_source(_document(message)).get("eventId"), "source.eventId", 128)


def decode(message: Message, options: WalmartOptions) -> Iterator[Decoded]:
    """What a notification says."""
    document = _document(message)
    source = _source(document)
    payload = fields.mapping(document.get("payload"), "payload")
    kind = fields.text(source.get("eventType"), "source.eventType", 128)
    if kind == "ORDER_UPDATES":
        kind = _sub_event(payload)
    read = _READ.get(kind)
    if read is None:
        yield Ignored("return" if kind.startswith("RETURN") else "other_event")
        return
    yield from read(source, payload, options)


def _document(message: Message) -> Mapping[str, Any]:
    return fields.mapping(fields.json_of(message.body, exact=True), "body")


def _source(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return fields.mapping(document.get("source"), "source")


def _sub_event(payload: Mapping[str, Any]) -> str:
    """Which of the order updates it is: beside the order, or under "meta"."""
    meta = fields.mapping(payload.get("meta") or {}, "payload.meta")
    sub_event = payload.get("subEventType") or meta.get("subEventType")
    return fields.text(sub_event, "payload.subEventType", 128)


def _event_id(source: Mapping[str, Any]) -> str:
    return fields.identifier(source.get("eventId"), "source.eventId")


# Orders


def _order_of(payload: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """The order of a notification, and the path of its fields."""
    if payload.get("order") is None:
        return payload, "payload."
    return fields.mapping(payload["order"], "payload.order"), "payload.order."


def _order_state(
    source: Mapping[str, Any], payload: Mapping[str, Any], options: WalmartOptions
) -> Iterator[Decoded]:
    order, path = _order_of(payload)
    if not options.node and order.get("shipNode") is None:
        yield Ignored("left_to_the_poll")
        return
    lines = order.get("orderLines")
    if isinstance(lines, list):
        lines = {"orderLine": _lines_of_event(lines, f"{path}orderLines")}
    yield state_of({**order, "orderLines": lines}, path, options.node, _event_id(source))


def _lines_of_event(lines: list[Any], path: str) -> list[dict[str, Any]]:
    """Lines of an event as those of the API: an event gives one status, for all units of a line."""
    found = []
    for at, each in enumerate(fields.array(lines, path, LINES_MAX)):
        line = fields.mapping(each, f"{path}[{at}]")
        measured = fields.mapping(line.get("quantity"), f"{path}[{at}].quantity")
        quantity = {"amount": measured.get("measurementValue")}
        status = {"status": line.get("status"), "statusQuantity": quantity}
        found.append(
            {
                "lineNumber": line.get("lineNumber"),
                "item": {"sku": line.get("sku")},
                "orderLineQuantity": quantity,
                "orderLineStatuses": {"orderLineStatus": [status]},
            }
        )
    return found


def _wish_to_cancel(
    source: Mapping[str, Any], payload: Mapping[str, Any], _options: WalmartOptions
) -> Iterator[Decoded]:
    """A customer wants to cancel: nothing changes until the seller cancels or ships."""
    order, path = _order_of(payload)
    number = fields.text(order.get("purchaseOrderId"), f"{path}purchaseOrderId", 64)
    yield Exceptional(
        source="walmart",
        id=_event_id(source),
        kind="intent_to_cancel",
        subject=f"{ORDER_PREFIX}{number}",
        text=f"the customer wants to cancel order {number}: cancel it at Walmart, or ship it",
    )


# Stock


def _ran_out(
    source: Mapping[str, Any], payload: Mapping[str, Any], _options: WalmartOptions
) -> Iterator[Decoded]:
    sku = fields.text(payload.get("sku"), "payload.sku")
    path = "payload.shipNodes"
    for at, each in enumerate(fields.array(payload.get("shipNodes"), path, NODES_MAX)):
        node = fields.mapping(each, f"{path}[{at}]")
        units = fields.whole_quantity(node.get("availToSellQty"), f"{path}[{at}].availToSellQty")
        yield Shown(
            item=sku,
            node=fields.text(node.get("shipNode"), f"{path}[{at}].shipNode"),
            quantity=max(0, units),
            time=fields.instant(source.get("eventTime"), "source.eventTime"),
        )


_Read = Callable[[Mapping[str, Any], Mapping[str, Any], WalmartOptions], Iterator[Decoded]]
_READ: Final[Mapping[str, _Read]] = {
    "PO_CREATED": _order_state,
    "PO_LINE_AUTOCANCELLED": _order_state,
    "FRAUD_CANCEL": _order_state,
    "INTENT_TO_CANCEL": _wish_to_cancel,
    "ORDER_INTENT_TO_CANCEL": _wish_to_cancel,
    "INVENTORY_OOS": _ran_out,
}

ADAPTER: Final = Adapter(
    name="walmart",
    reads="Notifications of Walmart Marketplace (US); publishes quantities.",
    dedupe="source.eventId",
    order="none is needed: orders say how they stand, and old states change nothing",
    key=key,
    decode=decode,
    verify=verify,
    options=WalmartOptions,
    secrets=SECRETS,
    login=LOGIN,
    publish=Publish(paths=(PUT, FEED), read_back=READ_BACK),
    budgets=BUDGETS,
    granted=granted,
    flow="order_sync",
)
