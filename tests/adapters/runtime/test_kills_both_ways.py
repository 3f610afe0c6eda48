"""Orders come in and quantities go out while adapters and core are killed at random moments: after
each kill a channel comes to show what the core says, each order counts once, nothing is published
out of order, and the channel's budget is kept.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import httpx
import pytest

from holdfast.adapters.twins.faults import Allowance
from holdfast.edge.client import BlockingClient
from holdfast.v1 import stock_service_pb2 as stock
from tests.adapters.adapters_process import SHOP, AdaptersProcess, signed
from tests.adapters.mini_channel import ADAPTER, MiniChannel, running_mini_channel
from tests.edge.node_process import NodeProcess, running_node
from tests.real_time import let_pass_now, wait_until, wall_s

SKUS = [f"SKU-{number}" for number in range(20)]
UNITS = 1_000
SENDERS = 3
RECOVERY_S = 90.0

#: Orders and receipts of a burst, in which one kill falls.
BURST = 30
#: Seconds of a burst until it is killed, at most.
KILL_WITHIN_S = 0.6

MARKET = """\
[adapters.market]
kind = "tests.adapters.mini_channel:ADAPTER"
url = "{url}"
publish = {{ nodes = {{ DEFAULT = ["STORE-1"] }}, buffer_max = 0 }}
"""


@dataclass(slots=True)
class Stream:
    """What a shop and a warehouse send, and what it has to come to."""

    chance: Random
    available: Counter[str]
    orders: dict[str, tuple[str, int]]
    """Order -> its SKU and units, those that were not cancelled."""
    count: int = 0

    def burst(self) -> list[bytes]:
        """The next messages."""
        return [self._message() for _ in range(BURST)]

    def _message(self) -> bytes:
        self.count += 1
        sku, pieces = self.chance.choice(SKUS), self.chance.randint(1, 3)
        if self.chance.random() < 0.3:
            self.available[sku] += pieces
            message = {"type": "receipt", "item": sku, "store": "STORE-1", "pieces": pieces}
        else:
            self.available[sku] -= pieces
            order = f"order-{self.count}"
            self.orders[order] = sku, pieces
            message = {"type": "order", "order": order, "lines": [{"item": sku, "pieces": pieces}]}
        return json.dumps({"id": f"m{self.count}", **message}).encode()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    with running_node(tmp_path / "node") as running:
        events = [
            stock.StockEvent(
                event_id=sku, sku=sku, location="STORE-1", quantity=UNITS,
                kind=stock.STOCK_EVENT_KIND_ADJUSTMENT,
            )
            for sku in SKUS
        ]  # fmt: skip
        with BlockingClient(**running.targets) as client:
            client.create_location("STORE-1")
            client.record_stock_events("test", events)
        yield running


@pytest.fixture
def channel() -> Iterator[MiniChannel]:
    with running_mini_channel() as running:
        budget = ADAPTER.budgets["put"]
        running.allowance = Allowance(budget.rate, budget.burst, wall_s)
        yield running


def send(adapters: AdaptersProcess, bodies: Sequence[bytes]) -> list[threading.Thread]:
    """Send each message until it is taken, and some once more, on threads of their own."""
    parts = [bodies[first::SENDERS] for first in range(SENDERS)]
    threads = [threading.Thread(target=send_each, args=(adapters, part)) for part in parts]
    for thread in threads:
        thread.start()
    return threads


def send_each(adapters: AdaptersProcess, bodies: Sequence[bytes]) -> None:
    with httpx.Client(timeout=10) as http:
        for place, body in enumerate(bodies):
            for _ in range(2 if place % 5 == 0 else 1):
                wait_until(partial(is_taken, http, adapters, body), "it is not taken", RECOVERY_S)


def is_taken(http: httpx.Client, adapters: AdaptersProcess, body: bytes) -> bool:
    try:
        answer = http.post(adapters.url("/in/shop"), content=body, headers=signed(body))
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.ACCEPTED


def kill_both_ways(
    node: NodeProcess, channel: MiniChannel, folder: Path, kills: int, seed: int
) -> None:
    chance = Random(seed)
    stream = Stream(Random(f"{seed} stream"), Counter(dict.fromkeys(SKUS, UNITS)), {})
    tables = f"{SHOP}rate_max = 100000\n{MARKET.format(url=channel.url)}"
    with AdaptersProcess(folder / "adapters", node.target, tables) as adapters:
        for _ in range(kills):
            threads = send(adapters, stream.burst())
            let_pass_now(chance.uniform(0, KILL_WITHIN_S))
            victim = chance.choice((adapters, adapters, node))
            victim.kill()
            victim.start()
            for thread in threads:
                thread.join(RECOVERY_S)
                assert not thread.is_alive()
            expected = {f"{sku}@DEFAULT": units for sku, units in stream.available.items()}
            wait_until(partial(has, node, stream.available), "the core has not all", RECOVERY_S)
            wait_until(partial(shows, channel, expected), "it shows something else", RECOVERY_S)
        adapters.wait_idle(RECOVERY_S)
        assert "" == adapters.command("dead-letters", "--json").stdout

    assert [] == channel.backwards
    assert 0 == channel.refused
    with BlockingClient(**node.targets) as client:
        for order, (sku, pieces) in stream.orders.items():
            [line] = client.get_reservation(order).reservation.lines
            assert (sku, pieces) == (line.sku, line.committed)


def shows(channel: MiniChannel, units: dict[str, int]) -> bool:
    return channel.shown == units


def has(node: NodeProcess, units: dict[str, int]) -> bool:
    with BlockingClient(**node.targets) as client:
        found = client.batch_get_availability(SKUS).availabilities
    return units == {each.sku: sum(level.available for level in each.levels) for each in found}


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(10))
def test_a_channel_ends_with_what_the_core_says_over_hundreds_of_kills(
    node: NodeProcess, channel: MiniChannel, tmp_path: Path, seed: int
) -> None:
    kill_both_ways(node, channel, tmp_path, kills=30, seed=seed)
