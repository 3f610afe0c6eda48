"""A channel beside a real node: it comes to show what is there, through outages and kills."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import pytest

from holdfast.edge.client import BlockingClient
from holdfast.v1 import stock_service_pb2 as stock
from tests.adapters.adapters_process import SHOP, AdaptersProcess
from tests.adapters.mini_channel import FEED_MAX, MiniChannel, running_mini_channel
from tests.edge.node_process import NodeProcess, running_node
from tests.real_time import wait_until, wall_s

RECOVERY_S = 60.0

TABLES = """\
[adapters.market]
kind = "tests.adapters.mini_channel:{adapter}"
url = "{url}"
[adapters.market.publish]
nodes = {{ DEFAULT = ["dc-1"] }}
buffer_max = 0
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with running_node(tmp_path_factory.mktemp("node")) as running:
        with BlockingClient(**running.targets) as client:
            client.create_location("dc-1")
        yield running


@pytest.fixture
def channel() -> Iterator[MiniChannel]:
    with running_mini_channel() as running:
        yield running


@pytest.fixture
def adapters(node: NodeProcess, channel: MiniChannel, tmp_path: Path) -> Iterator[AdaptersProcess]:
    tables = TABLES.format(url=channel.url, adapter="ADAPTER")
    with AdaptersProcess(tmp_path / "adapters", node.target, tables) as running:
        yield running


def receive(node: NodeProcess, units: dict[str, int]) -> None:
    """Let units come in of many SKUs."""
    events = [
        stock.StockEvent(
            event_id=f"{sku}/{uuid.uuid4()}",
            sku=sku,
            location="dc-1",
            kind=stock.STOCK_EVENT_KIND_ADJUSTMENT,
            quantity=quantity,
        )
        for sku, quantity in units.items()
    ]
    with BlockingClient(**node.targets) as client:
        for first in range(0, len(events), 1_000):
            client.record_stock_events("test", events[first : first + 1_000])


def shows(channel: MiniChannel, units: dict[str, int]) -> bool:
    return all(channel.shown.get(f"{sku}@DEFAULT") == count for sku, count in units.items())


@pytest.mark.slow
def test_a_channel_shows_what_is_there(
    node: NodeProcess, channel: MiniChannel, adapters: AdaptersProcess
) -> None:
    channel.rejects = "blocked"
    receive(node, {"mug": 5, "pen": 2, "blocked": 7})
    wait_until(lambda: shows(channel, {"mug": 5, "pen": 2}), "it does not show it", RECOVERY_S)

    with BlockingClient(**node.targets) as client:
        client.reserve("order", [("mug", "dc-1", 5)])
    wait_until(lambda: shows(channel, {"mug": 0}), "it still shows it", RECOVERY_S)

    cases = adapters.command("cases")
    assert "offer_rejected" in cases.stdout
    assert "market: blocked at DEFAULT" in cases.stdout.replace("\n", " ")

    channel.rejects = ""
    assert "offered again" in adapters.command("republish", "market").stdout
    wait_until(lambda: shows(channel, {"blocked": 7}), "it is not offered again", RECOVERY_S)

    channel.shown["pen@DEFAULT"] = 9
    body = json.dumps({"id": "n1", "name": "pen@DEFAULT", "quantity": 9}).encode()
    assert httpx.post(adapters.url("/in/market"), content=body).status_code == httpx.codes.ACCEPTED
    wait_until(lambda: shows(channel, {"pen": 2}), "what differs stays", RECOVERY_S)

    status = json.loads(adapters.command("channels", "--json").stdout)["market"]
    assert (0, 0, 0) == (status["dirty"], status["rejected"], status["exposed_units"])
    assert [] == channel.backwards


TWO = """\
[adapters.market]
kind = "tests.adapters.mini_channel:ADAPTER"
url = "{first}"
publish = {{ nodes = {{ DEFAULT = ["dc-1"] }}, buffer_max = 0, outage_s = 600 }}
[adapters.shop]
kind = "tests.adapters.mini_channel:ADAPTER"
url = "{second}"
publish = {{ nodes = {{ DEFAULT = ["dc-1"] }}, buffer_max = 0 }}
"""


@pytest.mark.slow
def test_a_channel_that_was_down_is_told_once_what_it_missed(
    node: NodeProcess, channel: MiniChannel, tmp_path: Path
) -> None:
    """The other channel says when the process has heard all that happened meanwhile."""
    skus = [f"down-{number}" for number in range(500)]
    units = 3
    with running_mini_channel() as other:
        tables = TWO.format(first=channel.url, second=other.url)
        with AdaptersProcess(tmp_path / "adapters", node.target, tables) as adapters:
            receive(node, dict.fromkeys(skus, units))
            wait_until(lambda: shows(other, dict.fromkeys(skus, 3)), "it hides it", RECOVERY_S)
            wait_until(lambda: shows(channel, dict.fromkeys(skus, 3)), "it hides it", RECOVERY_S)

            channel.is_down = True
            for more in (4, 1, 2):
                receive(node, dict.fromkeys(skus, more))
                units += more
            wait_until(lambda: shows(other, dict.fromkeys(skus, units)), "it hides it", RECOVERY_S)
            # The other has taken the last call before its answer is here.
            wait_until(lambda: dirty(adapters) == len(skus), "others are behind too", RECOVERY_S)
            channel.puts.clear()
            channel.is_down = False
            wait_until(lambda: dirty(adapters) == 0, "it stays behind", RECOVERY_S)

    assert shows(channel, dict.fromkeys(skus, 10))
    assert [250, 250] == channel.puts
    assert [] == channel.backwards


@pytest.mark.slow
def test_others_leave_a_channel_that_is_down_what_it_may_sell(
    node: NodeProcess, channel: MiniChannel, tmp_path: Path
) -> None:
    name = "left@DEFAULT"

    def both_show(units: int) -> bool:
        return channel.shown.get(name) == other.shown.get(name) == units

    def sell_one() -> None:
        with BlockingClient(**node.targets) as client:
            client.reserve(str(uuid.uuid4()), [("left", "dc-1", 1)])

    with running_mini_channel() as other:
        tables = TWO.format(first=channel.url, second=other.url)
        with AdaptersProcess(tmp_path / "adapters", node.target, tables):
            receive(node, {"left": 100})
            wait_until(lambda: both_show(100), "they do not show it", RECOVERY_S)
            sell_one()
            wait_until(lambda: both_show(99), "they still show it", RECOVERY_S)
            channel.is_down = True
            sell_one()
            wait_until(lambda: 80 < other.shown[name] < 98, "nothing is left to it", RECOVERY_S)
            channel.is_down = False
            wait_until(lambda: both_show(98), "it is left to it for ever", RECOVERY_S)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kills_leave_no_channel_behind_and_no_sequence_back(
    node: NodeProcess, channel: MiniChannel, adapters: AdaptersProcess
) -> None:
    chance = Random(7)
    units = {f"kill-{number}": 0 for number in range(50)}
    for _ in range(8):
        for _ in range(10):
            some = {sku: chance.randint(1, 5) for sku in chance.sample(sorted(units), 10)}
            receive(node, some)
            units = {sku: count + some.get(sku, 0) for sku, count in units.items()}
        adapters.kill()
        adapters.start()
    wait_until(lambda: shows(channel, units), "it does not show it", RECOVERY_S)
    wait_until(lambda: dirty(adapters) == 0, "it stays behind", RECOVERY_S)

    assert [] == channel.backwards


@pytest.mark.slow
@pytest.mark.usefixtures("adapters")
def test_a_sale_is_seen_within_a_second(node: NodeProcess, channel: MiniChannel) -> None:
    skus = [f"sale-{number}" for number in range(300)]
    receive(node, dict.fromkeys(skus, 3))
    wait_until(lambda: shows(channel, dict.fromkeys(skus, 3)), "it does not show it", RECOVERY_S)

    sold: dict[str, float] = {}
    with BlockingClient(**node.targets) as client:
        for sku in skus:
            client.reserve(f"order-{sku}", [(sku, "dc-1", 1)])
            sold[f"{sku}@DEFAULT"] = wall_s()
    wait_until(lambda: shows(channel, dict.fromkeys(skus, 2)), "it still shows it", RECOVERY_S)

    ages = sorted(channel.shown_at[name] - at for name, at in sold.items())
    assert ages[296] <= 1.0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_changes_take_few_calls(
    node: NodeProcess, channel: MiniChannel, tmp_path: Path
) -> None:
    """By feeds, where a call takes one offer; the walk on a feed goes on after a kill."""
    units = {f"many-{number}": 4 for number in range(100_000)}
    channel.feed_is_done = False
    tables = TABLES.format(url=channel.url, adapter="ONE_BY_ONE")
    with AdaptersProcess(tmp_path / "adapters", node.target, tables) as adapters:
        receive(node, units)
        wait_until(lambda: len(channel.feeds) >= 3, "no feeds come", 4 * RECOVERY_S)
        feeds = len(channel.feeds)
        asked = channel.polls + 10 * feeds
        wait_until(lambda: channel.polls > asked, "nobody asks for the feeds", RECOVERY_S)
        adapters.kill()
        adapters.start()
        asked = channel.polls
        wait_until(lambda: channel.polls > asked + feeds, "it does not go on", RECOVERY_S)
        channel.feed_is_done = True
        wait_until(lambda: shows(channel, units), "it does not show it", 4 * RECOVERY_S)
        sizes = [len(offers) for offers in channel.feeds.values()]
    # The first feed has what had come when it began, and those beside it are full. What is left is
    # no full feed, so it waits until one of them has landed.
    assert [FEED_MAX] * 2 == sizes[1:3]


def dirty(adapters: AdaptersProcess) -> int:
    statuses = adapters.status()["adapters"]
    return sum(each["channel"]["dirty"] for each in statuses if "channel" in each)


@pytest.mark.slow
def test_a_channel_that_is_removed_is_reported_until_it_is_withdrawn(
    node: NodeProcess, channel: MiniChannel, adapters: AdaptersProcess
) -> None:
    receive(node, {"removed-1": 5, "removed-2": 2})
    both = {"removed-1": 5, "removed-2": 2}
    wait_until(lambda: shows(channel, both), "it does not show it", RECOVERY_S)
    wait_until(lambda: dirty(adapters) == 0, "it stays behind", RECOVERY_S)
    settings = adapters.config.read_text()
    without = settings.partition("[adapters.market]")[0] + SHOP

    adapters.stop()
    adapters.config.write_text(without)
    adapters.start()
    pairs = len([units for units in channel.shown.values() if units])
    assert {"market: offers": pairs} == adapters.status()["stranded"]
    assert "channel_removed" in adapters.command("cases").stdout
    assert f"Nobody delivers {pairs} of market: offers" in adapters.command("status").stdout

    adapters.stop()
    adapters.config.write_text(settings.replace('{ DEFAULT = ["dc-1"] }', "{}"))
    adapters.start()
    wait_until(lambda: not any(channel.shown.values()), "it is not withdrawn", RECOVERY_S)
    wait_until(lambda: dirty(adapters) == 0, "it stays behind", RECOVERY_S)
    assert (0, {}) == (adapters.status()["open_cases"], adapters.status()["stranded"])

    adapters.stop()
    adapters.config.write_text(without)
    adapters.start()
    assert (0, {}) == (adapters.status()["open_cases"], adapters.status()["stranded"])
