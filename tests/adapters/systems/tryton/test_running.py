"""The adapters as they run, between a real node and a real Tryton, while each of them is killed."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from bench.harness.erp_user import PASSWORD, Erp, ErpError
from bench.harness.tryton_server import TrytonServer
from holdfast.edge.client import BlockingClient
from tests.adapters.adapters_process import AdaptersProcess
from tests.adapters.tryton_here import running_tryton
from tests.edge.node_process import NodeProcess, running_node
from tests.real_time import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

OPTIONS = """
database = "erp"
user = "admin"
since = 2020-01-01T00:00:00Z
part_of = { IN = "WH", STO = "WH", OUT = "WH", ST42-S = "ST42" }
customer = "SHOPPERS"
longest_transaction_s = 1
count = ["WH", "ST42", "ST43"]
"""

#: Kills of a run; `HOLDFAST_TRYTON_KILLS` takes more.
KILLS = int(os.environ.get("HOLDFAST_TRYTON_KILLS", "12"))
SETTLE_S = 120.0
PLACES = {"WH": ("IN", "STO", "OUT"), "ST42": ("ST42-S",), "ST43": ("ST43",)}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TrytonServer]:
    with running_tryton(tmp_path / "tryton") as server:
        yield server


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    with running_node(tmp_path / "node", ledger="on") as running:
        with BlockingClient(**running.targets) as client:
            for place in PLACES:
                client.create_location(place)
        yield running


@pytest.fixture
def adapters(
    node: NodeProcess, server: TrytonServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AdaptersProcess]:
    monkeypatch.setitem(os.environ, "TRYTON_PASSWORD", PASSWORD)
    tables = [
        f'[adapters.{name}]\nkind = "{name}"\nurl = "{server.url}"\nevery_s = {every_s}\n'
        'calls_per_s = 200\nsecrets.password = { env = "TRYTON_PASSWORD" }\n'
        f"[adapters.{name}.options]{OPTIONS}"
        for name, every_s in (("tryton", 0.5), ("tryton-stock", 2))
    ]
    with AdaptersProcess(tmp_path / "adapters", node.target, "\n".join(tables)) as running:
        yield running


def on_hand(node: NodeProcess, sku: str) -> dict[str, int]:
    """Units on hand here, by location."""
    with BlockingClient(**node.targets) as client:
        found = client.batch_get_availability([sku])
        levels = [level for each in found.availabilities for level in each.levels]
    return {level.location: level.on_hand for level in levels if level.on_hand}


def in_books(erp: Erp, sku: str) -> dict[str, int]:
    """Units in Tryton's books, by location."""
    found = {place: erp.quantity(sku, *parts) for place, parts in PLACES.items()}
    return {place: quantity for place, quantity in found.items() if quantity}


def ship(node: NodeProcess, order: str, place: str, quantity: int) -> None:
    """Sell and ship units here."""
    with BlockingClient(**node.targets) as client:
        client.reserve(order, [("TS-A", place, quantity)])
        client.commit(order)
        client.fulfill(order, request_id="1")


def test_stock_here_and_in_the_books_comes_out_equal_through_kills_of_each(
    node: NodeProcess, server: TrytonServer, adapters: AdaptersProcess
) -> None:
    erp, chance = server.user(), Random(0)
    for place in ("STO", "ST42-S", "ST43"):
        erp.receive("TS-A", 1_000, place)
    start = dict.fromkeys(PLACES, 1_000)
    wait_until(lambda: on_hand(node, "TS-A") == start, adapters.report(), SETTLE_S)

    expected = dict(start)
    for number in range(KILLS):
        place = chance.choice(sorted(PLACES))
        quantity = chance.randint(1, 3)
        ship(node, f"R-{number}", place, quantity)
        expected[place] -= quantity
        for _ in range(chance.randint(0, 2)):
            received = chance.choice(("STO", "ST42-S", "ST43"))
            with_session(server, lambda erp, to=received: erp.receive("TS-A", 1, to))
            expected[{"STO": "WH", "ST42-S": "ST42"}.get(received, received)] += 1
        wait_until(lambda: chance.random() < 0.02, "a while")
        kill(chance.choice((node, server, adapters)))

    erp = server.user()
    wait_until(lambda: in_books(erp, "TS-A") == expected, state_of(node, erp, adapters), SETTLE_S)
    wait_until(lambda: on_hand(node, "TS-A") == expected, state_of(node, erp, adapters), SETTLE_S)
    adapters.wait_idle(SETTLE_S)
    letters = adapters.command("dead-letters").stdout
    assert all(each["dead_letters"] == 0 for each in adapters.status()["adapters"]), letters
    assert expected == in_books(erp, "TS-A")
    assert expected == on_hand(node, "TS-A")
    unfinished = [["state", "not in", ["done", "cancelled"]]]
    assert [] == erp.call("stock.shipment.out.search", unfinished, 0, 10, None)


def test_an_order_that_tryton_ships_itself_is_not_shipped_again(
    node: NodeProcess, server: TrytonServer, adapters: AdaptersProcess
) -> None:
    erp = server.user()
    erp.receive("TS-A", 10, "STO")
    wait_until(lambda: on_hand(node, "TS-A") == {"WH": 10}, adapters.report(), SETTLE_S)
    with BlockingClient(**node.targets) as client:
        client.reserve("R-17", [("TS-A", "WH", 4)])
        client.commit("R-17")
    erp.ship_to_customer("TS-A", 4, "holdfast:R-17")
    wait_until(lambda: on_hand(node, "TS-A") == {"WH": 6}, adapters.report(), SETTLE_S)
    ship(node, "R-18", "WH", 1)
    wait_until(lambda: in_books(erp, "TS-A") == {"WH": 5}, adapters.report(), SETTLE_S)
    adapters.wait_idle()

    references = erp.call("stock.shipment.out.search_read", [], 0, 9, None, ["reference"])
    shipped = [row["reference"].split(" ")[0] for row in references]
    assert ["holdfast:R-17", "holdfast:R-18"] == sorted(shipped)
    assert {"WH": 5} == on_hand(node, "TS-A")


def with_session(server: TrytonServer, act: Any) -> None:
    """Work in Tryton in a session of its own."""
    act(server.user())


def kill(victim: NodeProcess | TrytonServer | AdaptersProcess) -> None:
    """Take the power away, and let it come back."""
    victim.kill()
    victim.start()


def state_of(node: NodeProcess, erp: Erp, adapters: AdaptersProcess) -> str:
    """What it is, for the message of a failure."""
    with suppress(httpx.HTTPError, ErpError):
        return f"{on_hand(node, 'TS-A')} {in_books(erp, 'TS-A')} {adapters.status()}"
    return adapters.report()
