"""The channels of the demonstration, each before its twin.

Rules of this file: what differs between channels stands here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from holdfast.adapters.twins.amazon import AmazonTwin
from holdfast.adapters.twins.faults import Clock, Deliveries, Delivery, Faults
from holdfast.adapters.twins.shopify import ShopifyTwin
from holdfast.adapters.twins.walmart import Subscription
from holdfast.adapters.twins.walmart_http import WalmartTwin

from .books import Level
from .day import COLLECTING_STORE, SKUS, WAREHOUSE

#: What the web shop calls the warehouse, and the store whose shelf it sells from.
SHOPIFY_NODES: Final = {WAREHOUSE: "7001", COLLECTING_STORE: "7002"}

#: The secrets of the twins, by the names that their adapters have for them.
CREDENTIALS: Final = {
    "client_id": "made-up-id",
    "client_secret": "made-up-secret",
    "refresh_token": "made-up-token",
    "access_token": "shpat_made-up",
}
#: Amazon writes to a queue, which offers again what was not taken; here it posts what it writes.
QUEUED_S: Final = (1.0,) * 600

SELLER: Final = "A3TWIN"
MARKETPLACE: Final = "ATVPDKIKX0DER"
SHOP: Final = "twin.myshopify.com"
WALMART_HEADER: Final = "x-walmart-signature"


@dataclass(frozen=True, slots=True)
class Pair:
    """An item of a channel at one of its nodes, and what it is here."""

    item: str
    node: str
    level: Level


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, as its customers see it. Orders are named by its own ids."""

    name: str
    twin: Any
    prefix: str
    """What the reservations of its orders begin with."""
    pairs: tuple[Pair, ...]
    shown: Callable[[], Mapping[tuple[str, str], int]]
    ship: Callable[[str, int], object]
    cancel: Callable[[str, int], object]

    def sell(self, pair: Pair, quantity: int) -> str | None:
        """A customer buys: the reservation of the order, or None where too little is shown."""
        order = self.twin.sell(pair.item, pair.node, quantity)
        return None if order is None else f"{self.prefix}{order}"

    def order(self, reservation: str) -> str:
        """The channel's own id of an order."""
        return reservation.removeprefix(self.prefix)


def amazon(clock: Clock, faults: Faults, webhook_url: str) -> Channel:
    """Amazon, with the warehouse as its one node."""
    twin = AmazonTwin(
        faults,
        clock,
        seller=SELLER,
        marketplace=MARKETPLACE,
        credentials=CREDENTIALS,
        tell=lambda body: Delivery(webhook_url, body, {"content-type": "application/json"}),
        effect_s=0.5,
        feed_s=10.0,
    )
    twin.deliveries = Deliveries(twin.schedule, clock, QUEUED_S)
    pairs = tuple(Pair(sku, "DEFAULT", (sku, WAREHOUSE)) for sku in SKUS)
    for pair in pairs:
        twin.list_item(pair.item, **{pair.node: 0})
    return Channel(
        "amazon", twin, "amazon/", pairs,
        lambda: twin.books().shown, twin.shelf.ship, twin.shelf.cancel,
    )  # fmt: skip


def walmart(clock: Clock, faults: Faults, webhook_url: str) -> Channel:
    """Walmart, with the warehouse as its ship node."""
    secret = CREDENTIALS["client_secret"]
    subscription = Subscription(webhook_url, header=WALMART_HEADER, secret=secret)
    secrets = (CREDENTIALS["client_id"], secret)
    twin = WalmartTwin(clock, faults, subscription, secrets=secrets, feed_s=10.0)
    pairs = tuple(Pair(sku, WAREHOUSE, (sku, WAREHOUSE)) for sku in SKUS)
    for pair in pairs:
        twin.market.list_item(pair.item, pair.node)
    return Channel(
        "walmart", twin, "walmart/", pairs,
        lambda: twin.books()["shown"], twin.market.ship, twin.market.cancel,
    )  # fmt: skip


def shopify(clock: Clock, faults: Faults, webhook_url: str) -> Channel:
    """The web shop, which sells from the warehouse and from the shelf of a store."""
    twin = ShopifyTwin(clock, domain=SHOP, faults=faults)
    twin.subscribe(webhook_url)
    items = {sku: f"{9_000 + place}" for place, sku in enumerate(SKUS)}
    pairs = tuple(
        Pair(items[sku], node, (sku, place))
        for place, node in SHOPIFY_NODES.items()
        for sku in SKUS
    )
    for pair in pairs:
        twin.shop.stock(pair.item, pair.level[0], pair.node)
    return Channel(
        "shopify", twin, "shopify/", pairs,
        lambda: twin.books()["shown"], twin.shop.ship, twin.shop.cancel,
    )  # fmt: skip
