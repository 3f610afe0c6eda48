"""Channels of a process: who hears of whose orders, and which are away."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

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
from tests.adapters.one_lane import MAP_BYTES

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


def channels_of(
    *configured: Configured, partners: Mapping[str, Partner], store: Store | None = None
) -> Channels:
    return Channels(
        configured,
        store=cast(Store, store),
        client=cast(Client, None),
        partners=partners,
        figures=cast(Figures, None),
        now=lambda: NOW,
        clock=NOW.timestamp,
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty one."""
    store = Store(tmp_path, MAP_BYTES)
    yield store
    store.close()


def test_a_channel_is_away_while_it_or_who_brings_its_orders_is_paused(store: Store) -> None:
    """It goes on selling what it shows, and nobody tells it or hears of it."""
    channels = channels_of(partners={}, store=store)
    store.write_now(lambda tables: tables.controls.put(b"orders", b"{}"))
    assert channels.is_away({"market", "orders"})
    assert not channels.is_away({"market"})
    store.write_now(lambda tables: tables.controls.delete(b"orders"))
    assert not channels.is_away({"market", "orders"})


async def test_a_channel_is_away_when_it_or_who_brings_its_orders_cannot_be_reached(
    store: Store,
) -> None:
    partners = {name: Reached(Gate(name, (OSError,))) for name in ("market", "orders")}
    channels = channels_of(partners=cast(Mapping[str, Partner], partners), store=store)
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
