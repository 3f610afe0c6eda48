"""Two marketplaces and a warehouse around a core, by a clock that runs faster: customers buy what
is shown, receipts come in, and what is promised is shipped. It keeps plain books.
"""

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Self

import httpx

from holdfast.edge.client import BlockingClient, HoldfastError, NotFound
from holdfast.v1 import reservation_service_pb2 as reservation
from tests.adapters.adapters_process import ONE_CALL_EACH, AdaptersProcess
from tests.adapters.hurried import Hurried
from tests.adapters.outage_markets import PLACE, SKUS, Market
from tests.edge.node_process import NodeProcess
from tests.real_time import let_pass_now

#: The first SKUs are short: they are sold out soon.
SHORT, SHORT_UNITS, UNITS = 4, 10, 400
STOCK: Final = {sku: SHORT_UNITS if n < SHORT else UNITS for n, sku in enumerate(SKUS)}

#: Seconds between sales of a channel, between receipts, and from a sale to its shipment.
SALE_EVERY_S, RECEIPT_EVERY_S, PICKING_S = 40.0, 60.0, 120.0

#: One order in so many is cancelled by its customer.
CANCELLED_EVERY: Final = 10

#: Orders that are shipped before customers get their turn.
SHIPPED_AT_ONCE: Final = 10

#: Real seconds until a watch that broke is begun again.
AGAIN_S: Final = 0.2


@dataclass(slots=True)
class Sold:
    """An order that a channel took."""

    market: Market
    sku: str
    quantity: int
    at: float
    is_cancelled: bool = False
    is_shipped: bool = False

    def stands(self) -> dict[str, int]:
        """Its units by what has become of them."""
        state = "cancelled" if self.is_cancelled else "shipped" if self.is_shipped else "open"
        return {state: self.quantity}


@dataclass(slots=True)
class OutageTrade:
    """What is done, step by step, and what has come of it."""

    clock: Hurried
    markets: list[Market]
    adapters: AdaptersProcess
    node: NodeProcess
    promised: "Promised"
    chance: Random
    is_core_up: bool = True
    orders: dict[str, Sold] = field(default_factory=dict)
    received: Counter[str] = field(default_factory=lambda: Counter(STOCK))
    breakers: set[tuple[str, str]] = field(default_factory=set)
    """Of adapters, and of the core, which was seen in which state."""
    exposed_units: int = 0
    """The most that the adapters said to be exposed to."""
    _due: dict[str, float] = field(default_factory=dict)
    _receipts: list[bytes] = field(default_factory=list)
    """Those that were not taken yet."""
    _http: httpx.Client = field(
        default_factory=lambda: httpx.Client(timeout=2.0, limits=ONE_CALL_EACH)
    )

    def step(self) -> None:
        """Do what is due."""
        for market in self.markets:
            if self._is_due(market.name, SALE_EVERY_S):
                self._sell(market)
        if self._is_due("receipts", RECEIPT_EVERY_S):
            self._receive()
        self.settle()

    def settle(self) -> None:
        """Ship what is promised, post what was not taken, and look."""
        self._post()
        if self.is_core_up:
            self._ship()
        self._look()

    def unpromised(self, until: float) -> list[str]:
        """Orders sold until then that the core has not reported. One that was cancelled need not
        come to it.
        """
        return [
            order
            for order, sold in self.orders.items()
            if sold.at <= until and not sold.is_cancelled and order not in self.promised.orders
        ]

    def on_hand(self) -> dict[str, int]:
        """Units that have to be there."""
        shipped = Counter[str]()
        for sold in self.orders.values():
            shipped[sold.sku] += sold.quantity * sold.is_shipped
        return {sku: self.received[sku] - shipped[sku] for sku in SKUS}

    def open_units(self) -> int:
        """Units that are sold and have neither left nor been cancelled."""
        return sum(sold.stands().get("open", 0) for sold in self.orders.values())

    def may_oversell(self) -> dict[str, int]:
        """Units of each SKU that channels show beyond what is there: all that they can oversell by
        what they show now.
        """
        available = self.available()
        shown = Counter[str]()
        for market in self.markets:
            shown.update(market.shown())
        return {sku: max(0, shown[sku] - max(0, available[sku])) for sku in SKUS}

    def available(self) -> dict[str, int]:
        """What the core says."""
        with BlockingClient(**self.node.targets) as client:
            found = client.batch_get_availability(SKUS).availabilities
        return {each.sku: sum(level.available for level in each.levels) for each in found}

    def _is_due(self, what: str, every_s: float) -> bool:
        now = self.clock()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + self.chance.expovariate(1 / every_s)
        return True

    def _sell(self, market: Market) -> None:
        sku, quantity = self.chance.choice(SKUS), self.chance.choice((1, 1, 2))
        order = market.sell(sku, quantity)
        if order is None:
            return
        self.orders[order] = sold = Sold(market, sku, quantity, self.clock())
        if len(self.orders) % CANCELLED_EVERY == 0:
            sold.is_cancelled = True
            market.cancel(order, quantity)

    def _receive(self) -> None:
        sku, units = self.chance.choice(SKUS[SHORT:]), self.chance.randint(1, 5)
        self.received[sku] += units
        number = self.received.total()
        event = {
            "specversion": "1.0", "id": f"receipt/{number}", "source": "wms",
            "type": "inventory.holdfast.stock.receipt.v1", "datacontenttype": "application/json",
            "data": {"sku": sku, "location": PLACE, "quantity": str(units)},
        }  # fmt: skip
        self._receipts.append(json.dumps(event).encode())

    def _post(self) -> None:
        headers = {"content-type": "application/cloudevents+json"}
        while self._receipts:
            url = self.adapters.url("/in/events")
            try:
                answer = self._http.post(url, content=self._receipts[0], headers=headers)
            except httpx.TransportError:
                return
            assert answer.status_code == httpx.codes.ACCEPTED, answer.text
            self._receipts.pop(0)

    def _ship(self) -> None:
        picked_until = self.clock() - PICKING_S
        due = [
            (order, sold)
            for order, sold in self.orders.items()
            if sold.at < picked_until and order in self.promised.orders
            if not sold.is_cancelled and not sold.is_shipped
        ]
        if not due:
            return
        with BlockingClient(**self.node.targets) as client:
            for order, sold in due[:SHIPPED_AT_ONCE]:
                client.fulfill(order, request_id="ship")
                sold.is_shipped = True
                sold.market.ship(order, sold.quantity)

    def _look(self) -> None:
        try:
            status = self.adapters.status()
        except httpx.TransportError:
            return
        adapters: list[Any] = status["adapters"]
        self.breakers.add(("core", status["core"]["breaker"]))
        for each in adapters:
            self.breakers.add((each["name"], each.get("partner", {}).get("breaker", "")))
        exposed = sum(each["channel"]["exposed_units"] for each in adapters if "channel" in each)
        self.exposed_units = max(self.exposed_units, exposed)


class Promised:
    """Orders that the core has reported as promised."""

    def __init__(self, node: NodeProcess) -> None:
        self.orders: set[str] = set()
        self._node = node
        self._over = threading.Event()

    def follow(self) -> None:
        """Listen until the end of the block, also through times when the core is down."""
        token = ""
        while not self._over.is_set():
            try:
                with BlockingClient(**self._node.targets) as client:
                    for response in client.watch_reservations(resume_token=token):
                        token = response.resume_token
                        self.orders.update(
                            each.reservation_id
                            for each in response.changes
                            if each.state == reservation.RESERVATION_STATE_COMMITTED
                        )
                        if self._over.is_set():
                            return
            except HoldfastError:
                let_pass_now(AGAIN_S)

    def __enter__(self) -> Self:
        threading.Thread(target=self.follow, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()


def stands(client: BlockingClient, order: str) -> dict[str, int]:
    """Units of an order in the core by what has become of them; none where it is not there."""
    try:
        lines = client.get_reservation(order).reservation.lines
    except NotFound:
        return {}
    units = {
        "open": sum(line.held + line.committed for line in lines),
        "shipped": sum(line.fulfilled for line in lines),
        "cancelled": sum(line.cancelled + line.released for line in lines),
    }
    return {name: quantity for name, quantity in units.items() if quantity}
