"""The adapters' intake: sales posted over HTTP until they are durable in the core, as CloudEvents
and as POSLog; how long a till's single sale takes; what adapters cost that have nothing to do; and
whether a million events leave anything in memory.

Node and adapters are processes of their own with default settings. The bench plays the partners:
it posts from a bounded number of connections, each sending its next message as soon as it has an
answer. A stretch ends when nothing waits any more, and the bench ends by comparing every stock
level with what was sold. The bare parse of the same bodies stands beside each stretch.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import Final
from xml.etree import ElementTree as ET

from holdfast.edge.client import Client

from ..harness.adapters_server import Intake, adapters_server, posted
from ..harness.figures import Figure, at_least, at_most, figure, latencies, ratios
from ..harness.load import closed_loop, open_loop
from ..harness.node_server import connect, node_server
from ..harness.plan import Plan, tell
from ..harness.processes import Server
from ..harness.sales_traffic import BATCH, XML, Sales, Till, expect_sold
from ..harness.workload import PLENTY, put_stock, rows

#: Events a second of one process that the design asks for.
RATE_BAR: Final = 5_000
#: From a till's post until its sale is durable in the core.
LATENCY_BAR_MS: Final = 200
#: Of a core, for adapters that have nothing to do.
IDLE_BAR: Final = 0.01
#: Growth over a million events that still counts as flat.
GROWTH_BAR_MB: Final = 16

LEVELS: Final = rows(1_000, 4)
CONNECTIONS: Final = 4
EVENTS_A_BATCH: Final = 500
RECEIPTS_A_DOCUMENT: Final = 100
LINES_A_RECEIPT: Final = 3

#: Stretches in which the events of the memory figure are posted.
STRETCHES: Final = 10

#: Single sales a second: a store on a quiet morning.
SINGLES_A_SECOND: Final = 20

ADAPTERS: Final = """
[adapters.events]
kind = "cloudevents"
rate_max = 100_000
[adapters.tills]
kind = "poslog"
rate_max = 100_000
"""
#: Eight that wait for partners, and one that looks into a folder.
IDLE_ADAPTERS: Final = "".join(
    f'\n[adapters.{kind}-{number}]\nkind = "{kind}"\n'
    for kind in ("cloudevents", "poslog", "epcis", "x12")
    for number in range(2)
) + ('\n[adapters.dropped]\nkind = "poslog"\nfolder = { path = "drop", complete = "unchanged" }\n')


@dataclass(frozen=True, slots=True)
class Form:
    """A form in which sales are posted."""

    key: str
    name: str
    adapter: str
    content_type: str
    events_a_message: int
    write: Callable[[Sales, Till], bytes]
    parse: Callable[[bytes], object]
    """The bare parser that its decoding cannot be faster than."""


FORMS: Final = (
    Form(
        *("cloudevents", "CloudEvents", "events", BATCH, EVENTS_A_BATCH),
        lambda sales, till: sales.cloudevents(till, EVENTS_A_BATCH),
        json.loads,
    ),
    Form(
        *("poslog", "POSLog", "tills", XML, RECEIPTS_A_DOCUMENT * LINES_A_RECEIPT),
        lambda sales, till: sales.poslog(till, RECEIPTS_A_DOCUMENT, LINES_A_RECEIPT),
        ET.fromstring,
    ),
)


@dataclass(slots=True)
class Rates:
    """What one form came to, round by round: events a second of each kind of time."""

    by_clock: list[float] = field(default_factory=list)
    by_processor: list[float] = field(default_factory=list)
    node_us: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


class Shop:
    """Tills that post to adapters beside a node, and the books of what they sold."""

    def __init__(self, client: Client, node: Server, adapters: Server) -> None:
        self.client = client
        self.node = node
        self.adapters = adapters
        self.sales = Sales(LEVELS)

    async def post(self, form: Form, events: int, rates: Rates | None = None) -> None:
        """Post so many events of a form, and wait until the core has them."""
        bodies = [
            form.write(self.sales, Till(self.sales.stores[number % 4], number % 8))
            for number in range(max(1, events // form.events_a_message))
        ]
        requests = [posted(form.adapter, form.content_type, body) for body in bodies]
        before_s, node_before_s = self.adapters.cpu_seconds(), self.node.cpu_seconds()
        started = perf_counter()
        async with Intake(self.adapters.port) as intake:
            await closed_loop(intake.post, requests, CONNECTIONS)
            await intake.drained()
        seconds = perf_counter() - started
        if rates is None:
            return
        count = len(bodies) * form.events_a_message
        rates.by_clock.append(count / seconds)
        rates.by_processor.append(count / (self.adapters.cpu_seconds() - before_s))
        rates.node_us.append((self.node.cpu_seconds() - node_before_s) / count * 1e6)
        rates.bare.append(count / _parse_s(form, bodies))


async def run(plan: Plan) -> list[Figure]:
    """Measure on one node: rates and latencies round by round, then memory, then the idle."""
    rates = {form.key: Rates() for form in FORMS}
    singles: list[list[float]] = []
    idle: list[float] = []
    events = plan.count(60_000, 6_000)
    async with _shop(plan) as shop:
        for form in FORMS:
            await shop.post(form, events // 4)  # warms both processes, and is forgotten
        for number in plan.each_round("intake"):
            for form in FORMS[:: -1 if number % 2 else 1]:
                await shop.post(form, events, rates[form.key])
            singles.append(await _single_sales(shop, number, plan.count(200, 60)))
        growth = await _growth(shop, plan)
        await expect_sold(shop.client, LEVELS, shop.sales.sold)
        async with adapters_server(plan.folder / "idle", shop.node, IDLE_ADAPTERS) as adapters:
            for _ in plan.each_round("intake, idle"):
                idle.append(await _idle_share(adapters, plan.count(10, 3)))  # noqa: PERF401
    return [
        *(each for form in FORMS for each in _of_form(form, rates[form.key])),
        *latencies(
            "intake.single",
            "A till's single sale, from its post until it is durable in the core",
            singles,
            bars={99: at_most(LATENCY_BAR_MS)},
            note=f"{SINGLES_A_SECOND} a second",
        ),
        figure("intake.idle", "9 idle adapters: of a core", "%", idle, at_most(IDLE_BAR)),
        growth,
    ]


@asynccontextmanager
async def _shop(plan: Plan) -> AsyncIterator[Shop]:
    folder = plan.folder / "intake"
    async with node_server(folder / "node") as node, connect(node) as client:
        await put_stock(client, LEVELS, PLENTY)
        async with adapters_server(folder / "adapters", node, ADAPTERS) as adapters:
            yield Shop(client, node, adapters)


def _parse_s(form: Form, bodies: Sequence[bytes]) -> float:
    """Processor seconds that the bare parser takes for the same bodies."""
    started = process_time()
    for body in bodies:
        form.parse(body)
    return process_time() - started


async def _single_sales(shop: Shop, number: int, count: int) -> list[float]:
    """Seconds from when each of so many single sales was due until a watcher was told that the core
    has it. Each is the first of a level of its own, at a till of its own.
    """
    levels = rows(count, prefix=f"SINGLE-{number}")
    await put_stock(shop.client, levels, PLENTY)
    tills = [Till(level[1], 1_000 * (number + 1) + at) for at, level in enumerate(levels)]
    bodies = [Sales([level]).poslog(till, 1, 1) for level, till in zip(levels, tills, strict=True)]
    requests = [posted("tills", XML, body) for body in bodies]
    sold = {sku: asyncio.Event() for sku, _ in levels}
    of_request = dict(zip(requests, sold, strict=True))

    async def sell(request: bytes) -> bytes:
        answer = await intake.post(request)
        await sold[of_request[request]].wait()
        return answer

    async with _watching(shop.client, sold), Intake(shop.adapters.port) as intake:
        return (await open_loop(sell, requests, SINGLES_A_SECOND)).latencies_s


@asynccontextmanager
async def _watching(client: Client, changed: Mapping[str, asyncio.Event]) -> AsyncIterator[None]:
    """Set the event of each SKU when it is reported to have changed, from now on."""
    started = asyncio.Event()

    async def read() -> None:
        async with aclosing(client.watch_availability(list(changed), from_now=True)) as responses:
            async for response in responses:
                started.set()
                for update in response.levels:
                    changed[update.sku].set()

    task = asyncio.create_task(read())
    await started.wait()
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def _growth(shop: Shop, plan: Plan) -> Figure:
    """By how much the process's own memory grows over many events, posted in several stretches."""
    events = plan.count(1_000_000, 20_000)
    before = shop.adapters.memory_bytes()["RssAnon"]
    for at in range(STRETCHES):
        tell(f"intake, memory: {at * events // STRETCHES:,} of {events:,} events")
        await shop.post(FORMS[0], events // STRETCHES)
    grown = shop.adapters.memory_bytes()["RssAnon"] - before
    return figure(
        "intake.growth",
        f"Own memory: growth over {events:,} events",
        "MB",
        [grown / 1e6],
        at_most(GROWTH_BAR_MB),
        f"{before / 1e6:.0f} MB before",
    )


async def _idle_share(adapters: Server, seconds: int) -> float:
    before_s, started = adapters.cpu_seconds(), perf_counter()
    await asyncio.sleep(seconds)
    return (adapters.cpu_seconds() - before_s) / (perf_counter() - started)


def _of_form(form: Form, rates: Rates) -> list[Figure]:
    key, name = f"intake.{form.key}", form.name
    note = f"{form.events_a_message} a message, {CONNECTIONS} messages under way"
    return [
        figure(f"{key}_rate", f"{name}: events", "/s", rates.by_clock, at_least(RATE_BAR), note),
        figure(
            f"{key}_cpu_rate",
            f"{name}: events a processor second of the adapters",
            "/s",
            rates.by_processor,
        ),
        figure(
            f"{key}_bare_share",
            f"{name}: of the bare parser's, a processor second",
            "%",
            ratios(rates.by_processor, rates.bare),
        ),
        figure(f"{key}_node_cpu", f"{name}: processor an event, node", "us", rates.node_us),
    ]
