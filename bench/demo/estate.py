"""What the demonstration starts: a node, the adapters, an ERP and the twins of three channels.

Rules of this file: it starts, connects and stops.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import Final

from holdfast.adapters.twins.faults import Faults
from holdfast.adapters.twins.serving import serving
from holdfast.edge.client import Client

from ..harness.adapters_server import ADAPTERS_COMMAND, probe
from ..harness.erp_user import PASSWORD, Erp
from ..harness.node_server import connect, node_server
from ..harness.plan import tell
from ..harness.processes import Server, free_port
from ..harness.tryton_server import NotInstalledError, TrytonServer, python, serving_tryton
from . import channels
from .channels import CREDENTIALS, MARKETPLACE, SELLER, SHOP, SHOPIFY_NODES, WALMART_HEADER, Channel
from .day import SKUS, STORES, WAREHOUSE, Day

#: Seconds until the doors open, in which stock comes in and channels begin to show it.
FILLING_S: Final = 15.0

#: Locations that are created at a time.
CREATED_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class Estate:
    """All that runs."""

    opened: float
    """When the doors open, by time.time()."""
    node: Server
    client: Client
    adapters: Server
    channels: tuple[Channel, ...]
    erp: TrytonServer | None


@asynccontextmanager
async def running(folder: Path, day: Day, *, with_erp: bool = True) -> AsyncIterator[Estate]:
    """Start everything; stop it when the block ends. Raises BenchError."""
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(node_server(folder / "node", ledger="on"))
        client = await stack.enter_async_context(connect(node))
        await _create_locations(client)
        erp = await _started_erp(stack, folder / "erp") if with_erp else None
        opened, port = time.time() + FILLING_S, free_port()
        sold_at = await _started_channels(stack, day, opened, f"http://127.0.0.1:{port}/in")
        adapters = _adapters(folder / "adapters", port, node, sold_at, erp)
        await stack.enter_async_context(adapters)
        yield Estate(opened, node, client, adapters, tuple(sold_at), erp)


async def _create_locations(client: Client) -> None:
    places = [WAREHOUSE, *STORES]
    for start in range(0, len(places), CREATED_AT_ONCE):
        chosen = places[start : start + CREATED_AT_ONCE]
        await asyncio.gather(*(client.create_location(place) for place in chosen))


async def _started_erp(stack: AsyncExitStack, folder: Path) -> TrytonServer | None:
    """A Tryton with our products; None where it cannot be had."""
    try:
        interpreter = await asyncio.to_thread(python)
    except NotInstalledError as error:
        tell(f"{error}: the demonstration goes on without an ERP.")
        return None
    server = await asyncio.to_thread(stack.enter_context, serving_tryton(folder, interpreter))
    await asyncio.to_thread(_add_products, server.user())
    return server


def _add_products(erp: Erp) -> None:
    known = {"TS-A", "TS-B", "TS-C"}
    erp.add_products(*(sku[2:] for sku in SKUS if sku not in known))


async def _started_channels(
    stack: AsyncExitStack, day: Day, opened: float, intake: str
) -> dict[Channel, str]:
    """The channels, and where each is reached."""
    outage = (opened + day.outage[0], opened + day.outage[1])
    usual = Faults(seed=day.seed, duplicates=0.1, delay_s=0.5, lost=0.02, throttled=0.02)
    made = (
        channels.amazon(time.time, usual, f"{intake}/amazon"),
        channels.walmart(time.time, replace(usual, outages=(outage,)), f"{intake}/walmart"),
        channels.shopify(time.time, usual, f"{intake}/shopify"),
    )
    return {each: await stack.enter_async_context(serving(each.twin)) for each in made}


def _adapters(
    folder: Path, port: int, node: Server, urls: dict[Channel, str], erp: TrytonServer | None
) -> Server:
    """The adapters' process, with its files."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {each.name: url for each, url in urls.items()}
    nodes = ", ".join(f'"{node}" = ["{place}"]' for place, node in SHOPIFY_NODES.items())
    filled = {
        **names,
        "node": node.address,
        "port": port,
        "seller": SELLER,
        "marketplace": MARKETPLACE,
        "header": WALMART_HEADER,
        "shop": SHOP,
        "nodes": f"{{ {nodes} }}",
        "warehouse": WAREHOUSE,
    }
    text = _filled("adapters.toml", filled)
    if erp is not None:
        text += _filled("erp.toml", {"erp": erp.url, "warehouse": WAREHOUSE})
    (folder / "adapters.toml").write_text(text, "utf-8")
    (folder / "amazon.csv").write_text(_rows([("location", "DEFAULT", WAREHOUSE)]), "utf-8")
    (folder / "shopify.csv").write_text(_rows(_shopify_names(list(urls)[2])), "utf-8")
    return Server(folder, port, ADAPTERS_COMMAND, probe, {**os.environ, **_secrets()})


def _filled(name: str, names: Mapping[str, object]) -> str:
    """A file that stands beside this one, with its names filled in."""
    return Template(Path(__file__).with_name(name).read_text("utf-8")).substitute(names)


def _shopify_names(shopify: Channel) -> list[tuple[str, str, str]]:
    places = [("location", node, place) for place, node in SHOPIFY_NODES.items()]
    items = {pair.item: pair.level[0] for pair in shopify.pairs}
    return [*places, *(("item", item, sku) for item, sku in items.items())]


def _rows(rows: list[tuple[str, str, str]]) -> str:
    lines = [f"{table},{theirs},{ours},,,," for table, theirs, ours in rows]
    return "\n".join(["table,theirs,ours,factor,sku,from,until", *lines, ""])


def _secrets() -> dict[str, str]:
    named = {f"DEMO_{name.upper()}": value for name, value in CREDENTIALS.items()}
    return {**named, "DEMO_ERP_PASSWORD": PASSWORD}
