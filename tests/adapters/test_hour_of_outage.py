"""An hour in which a channel, the core or the adapters are down while customers go on buying, by a
clock that runs faster: every order counts once, what is shown converges, the ERP hears it once, the
breaker opens and closes, the backlog drains in time, and no more is oversold than is stated.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from holdfast.adapters.twins.amazon import AmazonTwin
from holdfast.adapters.twins.faults import Faults
from holdfast.adapters.twins.serving import running
from holdfast.adapters.twins.walmart_http import WalmartTwin
from holdfast.edge.client import BlockingClient
from holdfast.v1 import stock_service_pb2 as stock
from tests.adapters.adapters_process import AdaptersProcess
from tests.adapters.hurried import Hurried
from tests.adapters.mini_erp import MiniErp, running_mini_erp
from tests.adapters.outage_markets import PLACE, Market, amazon, market_of, walmart
from tests.adapters.outage_trade import STOCK, OutageTrade, Promised, stands
from tests.edge.node_process import NodeProcess, running_node
from tests.real_time import let_pass_now, wait_until, wall_s

SPEED: Final = 30.0
HOUR_S: Final = 3_600.0

#: From the start of the clock until the outage, and from its end until customers stop.
BEFORE_S, AFTER_S = 1_000.0, 300.0

#: From the end of the outage until nothing waits that has waited through it. Amazon's orders are
#: asked for every five minutes, and are found two minutes after their sale. The rest is for the
#: work, each second of which counts for 30.
CAUGHT_UP_S: Final = 900.0

LOOK_S: Final = 0.05
PATIENCE_S: Final = 120.0

TABLES: Final = """\
[adapters.events]
kind = "cloudevents"

[adapters.erp]
kind = "tests.adapters.mini_erp:ADAPTER"
url = "{erp}"
calls_per_s = 100
secrets.password = {{ env = "SHOP_KEY" }}

[adapters.walmart]
kind = "walmart"
url = "{walmart}"
options.verify.like = "walmart_hmac"
options.verify.headers = ["x-walmart-signature"]
options.verify.secret = "client_secret"
publish = {{ nodes = {{ DEFAULT = ["DEFAULT"] }}, orders = ["walmart-orders"], outage_s = 3600 }}
secrets.client_id = {{ env = "SHOP_KEY" }}
secrets.client_secret = {{ env = "SHOP_KEY" }}

[adapters.walmart-orders]
kind = "walmart-orders"
url = "{walmart}"
every_s = 60
options.since = 2020-01-01T00:00:00Z
secrets.client_id = {{ env = "SHOP_KEY" }}
secrets.client_secret = {{ env = "SHOP_KEY" }}

[adapters.amazon]
kind = "amazon"
url = "{amazon}"
options.seller_id = "A3TWIN"
options.marketplace_id = "ATVPDKIKX0DER"
options.token_url = "{amazon}/auth/o2/token"
publish = {{ nodes = {{ DEFAULT = ["DEFAULT"] }}, orders = ["amazon-orders"], outage_s = 3600 }}
secrets.client_id = {{ env = "SHOP_KEY" }}
secrets.client_secret = {{ env = "SHOP_KEY" }}
secrets.refresh_token = {{ env = "SHOP_KEY" }}

[adapters.amazon-orders]
kind = "amazon-orders"
url = "{amazon}"
every_s = 300
options.marketplace_ids = ["ATVPDKIKX0DER"]
options.since = 2020-01-01T00:00:00Z
options.token_url = "{amazon}/auth/o2/token"
secrets.client_id = {{ env = "SHOP_KEY" }}
secrets.client_secret = {{ env = "SHOP_KEY" }}
secrets.refresh_token = {{ env = "SHOP_KEY" }}
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    with running_node(tmp_path / "node", ledger="on") as running_:
        with BlockingClient(**running_.targets) as client:
            client.create_location(PLACE)
        yield running_


@pytest.fixture
def erp() -> Iterator[MiniErp]:
    with running_mini_erp() as running_:
        yield running_


@contextmanager
def trading(
    node: NodeProcess, erp: MiniErp, folder: Path, clock: Hurried, faults: Faults
) -> Iterator[OutageTrade]:
    """All systems, once both channels show what is there. Walmart has the faults."""
    usual = Faults(seed=3, duplicates=0.1, delay_s=20.0, lost=0.02)
    adapters = AdaptersProcess(folder / "adapters", node.target, "", clock=clock)
    twins: tuple[AmazonTwin | WalmartTwin, ...] = (
        amazon(clock, usual, adapters.url("/in/amazon")),
        walmart(clock, faults, adapters.url("/in/walmart")),
    )
    with ExitStack() as stack:
        runs = [stack.enter_context(running(twin)) for twin in twins]
        urls = {"erp": erp.url, "amazon": runs[0].url, "walmart": runs[1].url}
        with adapters.config.open("a") as config:
            config.write(TABLES.format(**urls))
        stack.enter_context(adapters)
        markets = [market_of(twin, run) for twin, run in zip(twins, runs, strict=True)]
        promised = stack.enter_context(Promised(node))
        trade = OutageTrade(clock, markets, adapters, node, promised, Random(5))
        receive(node)
        for market in markets:
            wait_until(partial(shows_stock, market), f"{market.name} shows it", PATIENCE_S)
        yield trade


def shows_stock(market: Market) -> bool:
    return market.shown() == STOCK


def receive(node: NodeProcess) -> None:
    events = [
        stock.StockEvent(
            event_id=sku, sku=sku, location=PLACE, quantity=units,
            kind=stock.STOCK_EVENT_KIND_ADJUSTMENT,
        )
        for sku, units in STOCK.items()
    ]  # fmt: skip
    with BlockingClient(**node.targets) as client:
        client.record_stock_events("test", events)


def trade_until(trade: OutageTrade, at: float) -> None:
    while trade.clock() < at:
        trade.step()
        let_pass_now(LOOK_S)


def caught_up_s(trade: OutageTrade, since: float) -> float:
    """Trade on until nothing waits that has waited since then; seconds that it took."""
    while waits := list(waiting(trade, since)):
        assert trade.clock() < since + 4 * CAUGHT_UP_S, waits
        trade.step()
        let_pass_now(LOOK_S)
    return trade.clock() - since


def waiting(trade: OutageTrade, since: float) -> Iterator[str]:
    """What waits that has waited since then."""
    status = trade.adapters.status()
    adapters: list[Any] = status["adapters"]
    for name, gate in [
        ("core", status["core"]),
        *((each["name"], each["partner"]) for each in adapters if "partner" in each),
    ]:
        if gate["breaker"] != "closed":
            yield f"{name} is {gate['breaker']}: {gate['last_error']}"
    for each in adapters:
        if "channel" in each and each["channel"]["oldest_dirty_s"] >= trade.clock() - since:
            yield f"{each['name']} is behind: {each['channel']['dirty']}"
    if unpromised := trade.unpromised(since):
        yield f"{len(unpromised)} orders, such as {unpromised[0]}"


@contextmanager
def core_down(trade: OutageTrade) -> Iterator[None]:
    trade.is_core_up = False
    trade.node.kill()
    yield
    trade.node.start()
    trade.is_core_up = True


@contextmanager
def adapters_down(trade: OutageTrade) -> Iterator[None]:
    trade.adapters.kill()
    yield
    trade.adapters.start()


def assert_all_agree(trade: OutageTrade, erp: MiniErp) -> dict[str, int]:
    """Wait until all is delivered, compare everyone with everyone, and return what is oversold."""

    def is_settled() -> bool:
        trade.settle()
        adapters = trade.adapters.status()["adapters"]
        waits = any(
            each["inbox"] or each.get("outbox") or each.get("channel", {}).get("dirty")
            for each in adapters
        )
        return not waits and not trade.open_units() and not trade.unpromised(trade.clock())

    wait_until(is_settled, f"something waits: {trade.adapters.report()}", PATIENCE_S)
    assert "" == trade.adapters.command("dead-letters", "--json").stdout
    with BlockingClient(**trade.node.targets) as client:
        for order, sold in trade.orders.items():
            found = stands(client, order)
            assert found == sold.stands() or (sold.is_cancelled and not found), order
        levels = {
            each.sku: each.levels[0]
            for each in client.batch_get_availability(list(STOCK)).availabilities
        }
    assert trade.on_hand() == {sku: level.on_hand for sku, level in levels.items()}
    assert 0 == sum(level.committed + level.reserved for level in levels.values())
    shipped = sum(sold.quantity for sold in trade.orders.values() if sold.is_shipped)
    wait_until(lambda: shipped_units(erp) == shipped, "the ERP was not told of all", PATIENCE_S)
    assert 0 == erp.posted_twice
    # Buffers fall while it is asked, and with them what is to be shown.
    wait_until(lambda: not wrongly_shown(trade), "channels show something else", PATIENCE_S)
    return {sku: level.shortfall for sku, level in levels.items()}


def shipped_units(erp: MiniErp) -> int:
    """Units that the ERP was told to have left."""
    return sum(each["quantity"] for each in list(erp.shipments.values()))


def wrongly_shown(trade: OutageTrade) -> list[str]:
    """Channels that show more than is there, or less by more than their buffers."""
    available = trade.available()
    statuses = {each["name"]: each for each in trade.adapters.status()["adapters"]}
    wrong = []
    for market in trade.markets:
        shown, buffers = market.shown(), statuses[market.name]["channel"]["buffer_units"]
        withheld = [max(0, available[sku]) - shown[sku] for sku in STOCK]
        if min(withheld) < 0 or sum(withheld) > buffers:
            wrong.append(f"{market.name} is not shown {withheld}, its buffers are {buffers}")
    return wrong


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("down", "breaker"),
    [(nullcontext, "walmart"), (core_down, "core"), (adapters_down, None)],
    ids=["channel", "core", "adapters"],
)
def test_all_agree_after_an_hour_of_outage(
    node: NodeProcess,
    erp: MiniErp,
    tmp_path: Path,
    down: Callable[[OutageTrade], Any],
    breaker: str | None,
) -> None:
    clock = Hurried(SPEED, wall_s())
    begin = clock() + BEFORE_S
    end = begin + HOUR_S
    is_channel = breaker == "walmart"
    outages = ((begin, end),) if is_channel else ()
    faults = Faults(seed=4, duplicates=0.1, delay_s=20.0, lost=0.02, outages=outages)
    with trading(node, erp, tmp_path, clock, faults) as trade:
        assert clock() < begin, "they took too long to begin"
        trade_until(trade, begin)
        stated = trade.may_oversell()
        trade.exposed_units = 0
        with down(trade):
            trade_until(trade, end)
        took_s = caught_up_s(trade, clock())
        trade_until(trade, end + AFTER_S)
        if breaker is not None:
            assert {(breaker, "opened"), (breaker, "closed")} <= trade.breakers
        assert took_s <= CAUGHT_UP_S
        oversold = assert_all_agree(trade, erp)
        if is_channel:
            assert sum(oversold.values()) <= trade.exposed_units
        else:
            assert all(oversold[sku] <= stated[sku] for sku in STOCK)
