"""What a twin of Amazon shows and has sold: listings with quantities, and orders.

Rules of this file: no HTTP and no JSON. What is to happen later waits here and happens when
somebody looks, in the order of its time.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from .faults import Clock


@dataclass(slots=True)
class Listing:
    """An item on sale. Its nodes are fulfillment channel codes, or locations."""

    sku: str
    shown: dict[str, int] = field(default_factory=dict)
    """Node -> quantity."""
    numbers: dict[str, int] = field(default_factory=dict)
    """Node -> the highest number that came with a quantity, where quantities have numbers."""
    is_blocked: bool = False
    """Whether changes of it are refused."""


@dataclass(slots=True)
class SoldItem:
    """A line of an order."""

    id: str
    sku: str
    node: str
    ordered: int
    shipped: int = 0
    cancelled: int = 0

    @property
    def open(self) -> int:
        """Units that are still to be shipped."""
        return self.ordered - self.shipped - self.cancelled


@dataclass(slots=True)
class SoldOrder:
    """An order of one item, as this twin sells them."""

    id: str
    created: float
    updated: float
    item: SoldItem


@dataclass(frozen=True, slots=True)
class AmazonBooks:
    """What a twin knows, by item and node; the units of orders since it began."""

    shown: dict[tuple[str, str], int]
    ordered: dict[tuple[str, str], int]
    shipped: dict[tuple[str, str], int]
    cancelled: dict[tuple[str, str], int]


class Shelf:
    """Listings and orders. `tell_quantity` and `tell_order` are called after each change."""

    def __init__(
        self,
        clock: Clock,
        tell_quantity: Callable[[Listing, str], None],
        tell_order: Callable[[SoldOrder], None],
    ) -> None:
        self.clock = clock
        self.listings: dict[str, Listing] = {}
        self.orders: dict[str, SoldOrder] = {}
        self._tell_quantity = tell_quantity
        self._tell_order = tell_order
        self._numbers = count(1)
        self._later: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, seconds: float, happen: Callable[[], None]) -> None:
        """Have something happen later."""
        at = self.clock() + seconds
        heapq.heappush(self._later, (at, next(self._numbers), happen))

    def advance(self) -> None:
        """Let happen what is due."""
        while self._later and self._later[0][0] <= self.clock():
            heapq.heappop(self._later)[2]()

    def show(self, sku: str, node: str, quantity: int) -> None:
        """Show a quantity from now on, whatever was sold since it was sent."""
        listing = self.listings[sku]
        listing.shown[node] = quantity
        self._tell_quantity(listing, node)

    def sell(self, sku: str, node: str, quantity: int) -> str | None:
        """Sell what is shown: the order's id, or None where too little is."""
        listing = self.listings[sku]
        if listing.shown.get(node, 0) < quantity:
            return None
        number = next(self._numbers)
        order_id = f"902-{number:07d}-{number * 7919 % 10**7:07d}"
        item = SoldItem(f"{number:014d}", sku, node, quantity)
        order = SoldOrder(order_id, self.clock(), self.clock(), item)
        self.orders[order_id] = order
        listing.shown[node] -= quantity
        self._tell_quantity(listing, node)
        self._tell_order(order)
        return order_id

    def ship(self, order_id: str, quantity: int) -> None:
        """Units of an order leave."""
        self._change(order_id, shipped=quantity)

    def cancel(self, order_id: str, quantity: int) -> None:
        """Units of an order will not leave. They do not go back on the listing by themselves."""
        self._change(order_id, cancelled=quantity)

    def _change(self, order_id: str, *, shipped: int = 0, cancelled: int = 0) -> None:
        order = self.orders[order_id]
        if shipped + cancelled > order.item.open:
            raise ValueError(f"order {order_id} has {order.item.open} units open")
        order.item.shipped += shipped
        order.item.cancelled += cancelled
        order.updated = self.clock()
        self._tell_order(order)

    def books(self) -> AmazonBooks:
        """What is shown, and what was sold."""
        books = AmazonBooks({}, {}, {}, {})
        for listing in self.listings.values():
            for node, quantity in listing.shown.items():
                books.shown[listing.sku, node] = quantity
        for order in self.orders.values():
            item = order.item
            pair = (item.sku, item.node)
            books.ordered[pair] = books.ordered.get(pair, 0) + item.ordered
            books.shipped[pair] = books.shipped.get(pair, 0) + item.shipped
            books.cancelled[pair] = books.cancelled.get(pair, 0) + item.cancelled
        return books
