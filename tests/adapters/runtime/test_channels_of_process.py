"""Channels of a process: who hears of whose orders."""

from datetime import UTC, datetime
from typing import cast

from holdfast.adapters.publishing.publish_options import PublishOptions
from holdfast.adapters.runtime.channels import Channels
from holdfast.adapters.runtime.flow_metrics import Figures
from holdfast.adapters.runtime.publisher import Publisher
from holdfast.adapters.runtime.settings import AdapterSettings, Configured
from holdfast.adapters.runtime.store import Store
from holdfast.edge.client import Client
from tests.adapters.mini_channel import ADAPTER

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


class Hearing:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.sold: list[datetime] = []

    def hear_sale(self, sold: datetime) -> None:
        self.sold.append(sold)


def channel(name: str, *orders: str) -> Configured:
    publish = PublishOptions(nodes={"DEFAULT": ("dc-1",)}, orders=orders)
    settings = AdapterSettings(kind="", publish=publish)
    return Configured(name, ADAPTER, settings, ADAPTER.options(), {})


def test_a_channel_hears_of_its_own_orders_whoever_brings_them() -> None:
    channels = Channels(
        [channel("market", "orders-of-market"), channel("shop")],
        store=cast(Store, None),
        client=cast(Client, None),
        figures=cast(Figures, None),
        now=lambda: NOW,
    )
    market, shop = Hearing(), Hearing()
    channels.publishers = {"market": cast(Publisher, market), "shop": cast(Publisher, shop)}
    for name in ("market", "orders-of-market", "erp"):
        channels.hear_sale(name, NOW)

    assert [NOW, NOW] == market.sold
    assert [] == shop.sold
