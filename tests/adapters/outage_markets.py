"""Two marketplaces by a clock that runs faster: their twins, and what their customers see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.adapters.twins.amazon import AmazonTwin
from holdfast.adapters.twins.faults import Delivery, Faults
from holdfast.adapters.twins.serving import Running
from holdfast.adapters.twins.walmart import Subscription
from holdfast.adapters.twins.walmart_http import WalmartTwin
from tests.adapters.adapters_process import SHOP_KEY
from tests.adapters.hurried import Hurried

#: Both channels and the core call it so.
PLACE: Final = "DEFAULT"

SKUS: Final = [f"SKU-{number:02}" for number in range(20)]


@dataclass(frozen=True, slots=True)
class Market:
    """A channel, as its customers see it. Orders are named as in the core."""

    name: str
    run: Running
    sell_: Callable[[str, str, int], str | None]
    ship_: Callable[[str, int], object]
    cancel_: Callable[[str, int], object]
    shown_: Callable[[], Mapping[tuple[str, str], int]]

    def sell(self, sku: str, quantity: int) -> str | None:
        """A customer buys: the reservation, or None where too little is shown."""
        order = self.run.do(lambda: self.sell_(sku, PLACE, quantity))
        return order and f"{self.name}/{order}"

    def ship(self, order: str, quantity: int) -> None:
        """It is told that an order has left."""
        self.run.do(lambda: self.ship_(order.partition("/")[2], quantity))

    def cancel(self, order: str, quantity: int) -> None:
        """The customer does not want it any more."""
        self.run.do(lambda: self.cancel_(order.partition("/")[2], quantity))

    def shown(self) -> dict[str, int]:
        """What it shows of each SKU."""
        return {sku: units for (sku, _), units in self.run.do(self.shown_).items()}


def amazon(clock: Hurried, faults: Faults, notify_url: str) -> AmazonTwin:
    """Amazon with our items."""
    names = ("client_id", "client_secret", "refresh_token")
    twin = AmazonTwin(
        faults,
        clock,
        credentials=dict.fromkeys(names, SHOP_KEY),
        tell=lambda body: Delivery(notify_url, body, {"content-type": "application/json"}),
    )
    for sku in SKUS:
        twin.list_item(sku, **{PLACE: 0})
    return twin


def walmart(clock: Hurried, faults: Faults, notify_url: str) -> WalmartTwin:
    """Walmart with our items."""
    subscription = Subscription(notify_url, secret=SHOP_KEY)
    twin = WalmartTwin(clock, faults, subscription, secrets=(SHOP_KEY, SHOP_KEY))
    for sku in SKUS:
        twin.market.list_item(sku, PLACE)
    return twin


def market_of(twin: AmazonTwin | WalmartTwin, run: Running) -> Market:
    """The channel of a twin that runs."""
    if isinstance(twin, AmazonTwin):
        shelf = twin.shelf
        return Market(
            "amazon", run, twin.sell, shelf.ship, shelf.cancel, lambda: twin.books().shown
        )
    market = twin.market
    return Market(
        "walmart", run, twin.sell, market.ship, market.cancel, lambda: twin.books()["shown"]
    )
