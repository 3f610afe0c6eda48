"""A twin of Walmart Marketplace (US): what it shows, sells and reserves, and how it reports
that.

Written from Walmart's published models of orders and inventory (highsidelabs/walmart-api-php,
575b611) and from its pages "Get and update item inventory per ship node", "Order management event"
and "Inventory OOS event". A seller sets `inputQty`; an order reserves units; a shipment takes them
out of both; customers see what is input and not reserved. Its HTTP side is in walmart_http.py.

Rules of this file: no HTTP, no clock of its own. Times are milliseconds since 1970.
"""

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, Literal, TypeAlias

from .faults import Clock, Deliveries, Delivery, Faults, Schedule

#: After which a notification that was not taken is sent again: 5, 15 and 45 minutes.
RETRIES_S: Final = (300.0, 900.0, 2_700.0)

Pair: TypeAlias = tuple[str, str]
"""A SKU and a ship node."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where notifications go, and how they prove who sends them: authDetails of a subscription."""

    url: str
    method: Literal["BASIC_AUTH", "HMAC", "OAUTH"] = "HMAC"
    header: str = "x-walmart-signature"
    secret: str = "walmart"  # noqa: S105 - made up
    """The client's secret, user:password, or the token."""
    is_legacy: bool = False
    """Whether orders come as PO_CREATED and so on, instead of as ORDER_UPDATES."""


@dataclass(slots=True)
class Level:
    """What Walmart has of a SKU at a ship node."""

    input: int = 0
    reserved: int = 0

    @property
    def for_sale(self) -> int:
        """What a customer sees."""
        return max(0, self.input - self.reserved)


@dataclass(slots=True)
class PurchaseOrder:
    """An order of one line."""

    number: str
    item: str
    node: str
    quantity: int
    ordered: int
    modified: int
    statuses: dict[str, int] = field(default_factory=dict)
    """Units by status."""

    def open_units(self) -> int:
        """Units that are neither shipped nor cancelled."""
        return self.statuses.get("Created", 0) + self.statuses.get("Acknowledged", 0)


class WalmartMarket:
    """Walmart with one seller."""

    def __init__(
        self,
        clock: Clock,
        faults: Faults = Faults(),  # noqa: B008 - a value
        subscription: Subscription | None = None,
    ) -> None:
        self.clock = clock
        self.schedule = Schedule(faults, clock)
        self.deliveries = Deliveries(self.schedule, clock, RETRIES_S)
        self.levels: dict[Pair, Level] = {}
        self.orders: dict[str, PurchaseOrder] = {}
        self._subscription = subscription
        self._numbers = count(1)

    def list_item(self, item: str, node: str, quantity: int = 0) -> None:
        """Have an item at a ship node."""
        self.levels[item, node] = Level(quantity)

    def set_input(self, item: str, node: str, quantity: int) -> None:
        """What the seller says it has."""
        self._change(item, node, input_by=quantity - self.levels[item, node].input)

    def sell(self, item: str, node: str, quantity: int = 1) -> str | None:
        """A customer orders; the order's number, or None where there is not enough for sale."""
        level = self.levels.get((item, node))
        if level is None or level.for_sale < quantity:
            return None
        number, now = f"{1_000_000_000_000 + next(self._numbers)}", self.now()
        order = PurchaseOrder(number, item, node, quantity, now, now, {"Created": quantity})
        self.orders[number] = order
        self._change(item, node, reserved_by=quantity)
        self._tell_order("PO_CREATED", order)
        return number

    def acknowledge(self, number: str) -> PurchaseOrder:
        """The seller will ship what is new of an order."""
        order = self.orders[number]
        self._move(order, "Acknowledged", order.statuses.get("Created", 0))
        return order

    def ship(self, number: str, quantity: int | None = None) -> None:
        """The seller ships units of an order, all that are open by default."""
        order = self.orders[number]
        units = self._move(order, "Shipped", quantity)
        self._change(order.item, order.node, input_by=-units, reserved_by=-units)

    def cancel(self, number: str, quantity: int | None = None) -> None:
        """Walmart cancels units of an order that were not shipped in time."""
        order = self.orders[number]
        units = self._move(order, "Cancelled", quantity)
        self._change(order.item, order.node, reserved_by=-units)
        self._tell_order("PO_LINE_AUTOCANCELLED", order)

    def wish_to_cancel(self, number: str) -> None:
        """The customer would like an order to be cancelled."""
        self._tell_order("INTENT_TO_CANCEL", self.orders[number])

    def books(self) -> dict[str, Any]:
        """What it shows by item and node, and units of each order by status."""
        return {
            "shown": {pair: level.for_sale for pair, level in self.levels.items()},
            "orders": {
                number: {"item": each.item, "node": each.node, **each.statuses}
                for number, each in self.orders.items()
            },
        }

    def now(self) -> int:
        """The time, in milliseconds."""
        return int(self.clock() * 1_000)

    def _move(self, order: PurchaseOrder, status: str, quantity: int | None) -> int:
        """Give open units of an order a status; how many there were of them."""
        left = units = min(order.open_units(), order.quantity if quantity is None else quantity)
        for name in ("Created", "Acknowledged"):
            taken = min(left, order.statuses.get(name, 0))
            order.statuses[name] = order.statuses.get(name, 0) - taken
            left -= taken
        order.statuses[status] = order.statuses.get(status, 0) + units
        order.statuses = {name: count for name, count in order.statuses.items() if count}
        order.modified = self.now()
        return units

    def _change(self, item: str, node: str, input_by: int = 0, reserved_by: int = 0) -> None:
        """Change a level, and report when the item has run out by that."""
        level = self.levels[item, node]
        before = level.for_sale
        level.input += input_by
        level.reserved += reserved_by
        if before and not level.for_sale:
            ran_out = {"availToSellQty": 0, "shipNode": node, "shipNodeName": node}
            payload = {"partnerId": "10", "itemId": "1", "sku": item, "shipNodes": [ran_out]}
            self._tell("INVENTORY_OOS", payload)

    # Notifications

    def _tell_order(self, kind: str, order: PurchaseOrder) -> None:
        subscription = self._subscription
        if subscription is None:
            return
        document = order_document(order)
        if subscription.is_legacy:
            self._tell(kind, {"partnerId": "10", **_event_order(order)})
        else:
            self._tell("ORDER_UPDATES", {"subEventType": kind, "order": document})

    def _tell(self, kind: str, payload: Mapping[str, Any]) -> None:
        subscription = self._subscription
        if subscription is None:
            return
        source = {
            "eventType": kind,
            "eventTime": iso(self.now()),
            "eventId": f"00000000-0000-4000-8000-{next(self._numbers):012d}",
        }
        body = json.dumps({"source": source, "payload": payload}).encode()
        headers = {
            "content-type": "application/json",
            subscription.header: _proof(subscription, body),
        }
        self.deliveries.post(Delivery(subscription.url, body, headers))


def order_document(order: PurchaseOrder) -> dict[str, Any]:
    """An order as the API has it: GetOrderResponseRecord."""
    statuses = [
        {"status": name, "statusQuantity": _amount(units)} for name, units in order.statuses.items()
    ]
    price = {"currency": "USD", "amount": 5}
    charge = {"chargeType": "PRODUCT", "chargeName": "ItemPrice", "chargeAmount": price}
    line = {
        "lineNumber": "1",
        "item": {"productName": order.item, "sku": order.item},
        "charges": {"charge": [charge]},
        "orderLineQuantity": _amount(order.quantity),
        "statusDate": order.modified,
        "orderLineStatuses": {"orderLineStatus": statuses},
    }
    return {
        "purchaseOrderId": order.number,
        "customerOrderId": f"2{order.number}",
        "customerEmailId": "customer@relay.example",
        "orderDate": order.ordered,
        "shippingInfo": _shipping_info(order.ordered),
        "orderLines": {"orderLine": [line]},
        "shipNode": {"type": "SellerFulfilled", "id": order.node},
    }


def _shipping_info(ordered: int) -> dict[str, Any]:
    day = 86_400_000
    address = {"name": "Ann Example", "address1": "1 Main Street", "city": "Springfield"}
    return {
        "phone": "5550100",
        "estimatedDeliveryDate": ordered + 4 * day,
        "estimatedShipDate": ordered + day,
        "methodCode": "Value",
        "postalAddress": {**address, "state": "IL", "postalCode": "62701", "country": "USA"},
    }


def _event_order(order: PurchaseOrder) -> dict[str, Any]:
    """An order as the events have it that ORDER_UPDATES replaces: one status a line."""
    status = max(order.statuses, key=lambda name: order.statuses[name])
    quantity = {"unitOfMeasure": "EACH", "measurementValue": f"{order.quantity}"}
    line = {"lineNumber": "1", "sku": order.item, "productName": order.item, "quantity": quantity}
    return {
        "purchaseOrderId": order.number,
        "customerOrderId": f"2{order.number}",
        "orderDate": iso(order.ordered),
        "estimatedShipDate": iso(order.ordered + 86_400_000),
        "orderLines": [{**line, "status": status.upper(), "statusDate": iso(order.modified)}],
    }


def _amount(units: int) -> dict[str, str]:
    return {"unitOfMeasurement": "EACH", "amount": f"{units}"}


def iso(milliseconds: int) -> str:
    """A time in UTC by ISO 8601."""
    time = datetime.fromtimestamp(milliseconds / 1_000, UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _proof(subscription: Subscription, body: bytes) -> str:
    secret = subscription.secret.encode()
    match subscription.method:
        case "HMAC":
            return hmac.new(secret, body, "sha256").hexdigest()
        case "BASIC_AUTH":
            return base64.b64encode(secret).decode()
    return f"Bearer {subscription.secret}"
