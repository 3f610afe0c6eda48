"""What was answered counts once, whichever of adapters and core is killed, and whenever."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import httpx
import pytest

from holdfast.edge.client import BlockingClient
from tests.adapters.adapters_process import SHOP, AdaptersProcess, signed
from tests.edge.node_process import NodeProcess, running_node
from tests.real_time import wait_until

ADAPTERS = f"{SHOP}rate_max = 100000\n"
SKUS = 20
SENDERS = 4
RECOVERY_S = 90.0


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    with running_node(tmp_path / "node") as running:
        with BlockingClient(**running.targets) as client:
            client.create_location("STORE-1")
        yield running


def fact(number: int, sku: int, pieces: int) -> bytes:
    document = {
        "id": f"m{number}", "type": "receipt", "item": f"SKU-{sku}", "store": "STORE-1",
        "pieces": pieces,
    }  # fmt: skip
    return json.dumps(document).encode()


class Senders:
    """Partners that send each message until it is answered, and sometimes once more."""

    def __init__(self, adapters: AdaptersProcess, count: int, seed: int) -> None:
        chance = Random(seed)
        self.sent: dict[int, int] = dict.fromkeys(range(SKUS), 0)
        self.messages = []
        for number in range(count):
            sku, pieces = chance.randrange(SKUS), chance.randint(1, 9)
            self.sent[sku] += pieces
            self.messages.append(fact(number, sku, pieces))
        self._adapters = adapters
        self._next = iter(enumerate(self.messages))
        self._lock = threading.Lock()
        self.answered = 0
        self._threads = [threading.Thread(target=self._send) for _ in range(SENDERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(RECOVERY_S)
            assert not thread.is_alive()

    def have_sent(self, count: int) -> bool:
        """Whether so many messages have been answered."""
        return self.answered >= count

    def _send(self) -> None:
        # One client a thread: to make one takes longer than to answer a message.
        with httpx.Client(timeout=10) as http:
            while True:
                with self._lock:
                    number, body = next(self._next, (0, b""))
                if not body:
                    return
                for _ in range(2 if number % 5 == 0 else 1):
                    wait_until(partial(self._is_taken, http, body), "it is not taken", RECOVERY_S)
                with self._lock:
                    self.answered += 1

    def _is_taken(self, http: httpx.Client, body: bytes) -> bool:
        try:
            answer = http.post(self._adapters.url("/in/shop"), content=body, headers=signed(body))
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.ACCEPTED


def kill_while_they_send(
    node: NodeProcess, folder: Path, messages: int, kills: int, seed: int
) -> None:
    chance = Random(seed)
    with AdaptersProcess(folder / "adapters", node.target, ADAPTERS) as adapters:
        senders = Senders(adapters, messages, seed)
        senders.start()
        for number in range(kills):
            goal = (number + 1) * messages // (kills + 1)
            wait_until(partial(senders.have_sent, goal), adapters.report(), RECOVERY_S)
            victim = chance.choice((adapters, adapters, node))
            victim.kill()
            victim.start()
        senders.join()
        adapters.wait_idle(RECOVERY_S)
        assert "" == adapters.command("dead-letters", "--json").stdout
    with BlockingClient(**node.targets) as client:
        found = client.batch_get_availability([f"SKU-{sku}" for sku in range(SKUS)])
    on_hand = {
        each.sku: sum(level.on_hand for level in each.levels) for each in found.availabilities
    }

    assert {f"SKU-{sku}": pieces for sku, pieces in senders.sent.items()} == on_hand


def test_nothing_is_lost_or_doubled_over_kills(node: NodeProcess, tmp_path: Path) -> None:
    kill_while_they_send(node, tmp_path, messages=150, kills=2, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_lost_or_doubled_over_hundreds_of_kills(
    node: NodeProcess, tmp_path: Path, seed: int
) -> None:
    kill_while_they_send(node, tmp_path, messages=3_000, kills=30, seed=seed)


def test_messages_wait_while_the_core_is_away(node: NodeProcess, tmp_path: Path) -> None:
    with AdaptersProcess(tmp_path / "adapters", node.target, ADAPTERS) as adapters:
        node.kill()
        for number in range(20):
            body = fact(number, 0, 1)
            answer = httpx.post(adapters.url("/in/shop"), content=body, headers=signed(body))
            assert httpx.codes.ACCEPTED == answer.status_code
        assert 20 == adapters.status()["adapters"][0]["inbox"]
        node.start()
        adapters.wait_idle()
    with BlockingClient(**node.targets) as client:
        [level] = client.get_availability("SKU-0").availability.levels

    assert 20 == level.on_hand
