"""Channels of a process: who hears of whose orders, and which are away."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

from holdfast.adapters.publishing.publish_options import PublishOptions
from holdfast.adapters.runtime.channels import Channels
from holdfast.adapters.runtime.flow_metrics import Figures
from holdfast.adapters.runtime.gate import THRESHOLD, Gate
from holdfast.adapters.runtime.partner import Partner
from holdfast.adapters.runtime.publisher import Publisher
from holdfast.adapters.runtime.read_back import Reader
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


def channels_of(*configured: Configured, partners: Mapping[str, Partner]) -> Channels:
    return Channels(
        configured,
        store=cast(Store, None),
        client=cast(Client, None),
        partners=partners,
        figures=cast(Figures, None),
        now=lambda: NOW,
        clock=NOW.timestamp,
    )


async def test_a_channel_is_away_when_it_or_who_brings_its_orders_cannot_be_reached() -> None:
    partners = {name: Reached(Gate(name, (OSError,))) for name in ("market", "orders")}
    channels = channels_of(partners=cast(Mapping[str, Partner], partners))
    asked = {"market", "orders", "webhooks"}
    assert not channels.is_away(asked)

    for _ in range(THRESHOLD):
        with suppress(OSError):
            await partners["orders"].gate.once(no_route)
    assert channels.is_away(asked)
    assert not channels.is_away({"market"})


@dataclass
class Reached:
    """A partner as far as its gate."""

    gate: Gate


async def no_route() -> None:
    raise OSError("no route")


def test_a_channel_hears_of_its_own_orders_whoever_brings_them() -> None:
    channels = channels_of(channel("market", "orders-of-market"), channel("shop"), partners={})
    market, shop = Hearing(), Hearing()
    channels.publishers = {"market": cast(Publisher, market), "shop": cast(Publisher, shop)}
    for name in ("market", "orders-of-market", "erp"):
        channels.hear_sale(name, NOW)

    assert [NOW, NOW] == market.sold
    assert [] == shop.sold


def test_a_channel_says_first_what_keeps_it_from_being_updated() -> None:
    channels = channels_of(channel("market"), partners={})
    publisher, read = SimpleNamespace(problem=""), SimpleNamespace(last_error="")
    channels.publishers["market"] = cast(Publisher, publisher)
    assert "" == channels.problem("market")

    channels.readers["market"] = cast(Reader, read)
    assert "" == channels.problem("market")
    read.last_error = "status is 404: expected 200"
    assert "it is not read back: status is 404: expected 200" == channels.problem("market")
    publisher.problem = "it answers 401"
    assert "it answers 401" == channels.problem("market")
