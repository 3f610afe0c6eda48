"""Tills that were offline for a day come back at once, while a second process goes on reserving.

Each till posts its receipts one after the other, as a store does that kept them, and waits where
it is asked to. Some messages are posted twice, and some repeat the receipt before. In the end every
stock level is compared with plain books, so that each sale has counted once.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

from ..harness import reserve_probe
from ..harness.adapters_server import Intake, adapters_server, posted
from ..harness.figures import Figure, at_most, figure, latencies
from ..harness.node_server import connect, node_server
from ..harness.plan import Plan
from ..harness.reserve_probe import Probe, Sample, probing
from ..harness.sales_traffic import XML, Sales, Till, document, expect_sold
from ..harness.workload import PLENTY, SEED, put_stock, rows

TILLS: Final = 300
LEVELS: Final = rows(100, 30)
LINES: Final = 2

#: Shares of messages that are posted twice, and of those that repeat the receipt before theirs.
TWICE: Final = 0.05
REPEATING: Final = 0.05

#: Reserves a second of the other process, of stock that no till sells.
RESERVES_A_SECOND: Final = 100

#: The objective of deploy/adapters.toml: in the core within a minute.
DRAIN_BAR_S: Final = 60
#: That of the other benches for a Reserve among others.
RESERVE_BAR_MS: Final = 10

#: Seconds between two looks at what waits; tenths are what is reported.
LOOK_S: Final = 0.2
TENTHS: Final = range(10)

#: That of deploy/adapters.toml.
ADAPTERS: Final = """
[adapters.tills]
kind = "poslog"
rate_max = 2_000
"""

#: Seconds, by perf_counter, and messages that are not in the core.
Look = tuple[float, int]


@dataclass(slots=True)
class Return:
    """What one return came to."""

    facts: int
    start: float = 0.0
    end: float = 0.0
    looks: list[Look] = field(default_factory=list)
    waits: int = 0
    before: list[Sample] = field(default_factory=list)
    after: list[Sample] = field(default_factory=list)
    tenths: list[list[Sample]] = field(default_factory=list)

    @property
    def during(self) -> list[Sample]:
        """Reserves meanwhile."""
        return [sample for tenth in self.tenths for sample in tenth]

    @property
    def seconds(self) -> float:
        """Until everything is in the core."""
        return self.end - self.start

    def backlog(self, tenth: int) -> int:
        """What waited when so many tenths of the time had passed, by the last look before."""
        at = self.start + self.seconds * tenth / len(TENTHS)
        return [backlog for time, backlog in self.looks if time <= at][-1]


class Day:
    """What the tills have sold while they were offline."""

    def __init__(self, sales: Sales, receipts: int, chance: random.Random) -> None:
        stores = sales.stores
        tills = [Till(stores[at % len(stores)], at) for at in range(TILLS)]
        self.queues = [_queue(sales, till, receipts, chance) for till in tills]
        self.facts = TILLS * receipts * LINES
        self.left = sum(map(len, self.queues))

    async def post(self, intake: Intake) -> None:
        """Post everything, all tills side by side."""
        async with asyncio.TaskGroup() as group:
            for queue in self.queues:
                group.create_task(self._post(intake, queue))

    async def _post(self, intake: Intake, queue: Sequence[bytes]) -> None:
        for request in queue:
            await intake.post(request)
            self.left -= 1


async def run(plan: Plan) -> list[Figure]:
    """Let the tills come back once a round, each time with another day."""
    sales, chance, folder = Sales(LEVELS), random.Random(SEED), plan.folder / "tills"
    returns: list[Return] = []
    async with node_server(folder / "node") as node, connect(node) as client:
        await put_stock(client, [*LEVELS, *reserve_probe.LEVELS], PLENTY)
        async with adapters_server(folder / "adapters", node, ADAPTERS) as adapters:
            for _ in plan.each_round("tills"):
                day = Day(sales, plan.count(50, 5), chance)
                calm_s = plan.count(10, 3)
                async with (
                    Intake(adapters.port) as intake,
                    probing(node.address, RESERVES_A_SECOND) as probe,
                ):
                    returns.append(await _return(day, intake, probe, calm_s))
        await expect_sold(client, LEVELS, sales.sold)
    return _figures(returns)


async def _return(day: Day, intake: Intake, probe: Probe, calm_s: int) -> Return:
    found = Return(day.facts)
    await asyncio.sleep(calm_s + 1)  # the probe's process starts meanwhile
    found.start = perf_counter()
    found.looks.append((found.start, day.left))
    looking = asyncio.create_task(_look(day, intake, found.looks))
    await day.post(intake)
    await looking
    found.end = found.looks[-1][0]
    await asyncio.sleep(calm_s)
    await probe.stop()
    found.waits = intake.waits
    found.before = probe.between(0.0, found.start)
    found.after = probe.between(found.end, perf_counter())
    step_s = found.seconds / len(TENTHS)
    starts = [found.start + tenth * step_s for tenth in TENTHS]
    found.tenths = [probe.between(start, start + step_s) for start in starts]
    return found


async def _look(day: Day, intake: Intake, looks: list[Look]) -> None:
    """Note what waits, at the tills and in the inbox, until nothing does. A message that is being
    answered is at both.
    """
    while looks[-1][1]:
        await asyncio.sleep(LOOK_S)
        looks.append((perf_counter(), day.left + await intake.backlog()))


def _queue(sales: Sales, till: Till, receipts: int, chance: random.Random) -> list[bytes]:
    """A till's messages of a day, in their order."""
    queue: list[bytes] = []
    before = ""
    for _ in range(receipts):
        receipt = sales.receipt(till, LINES)
        repeated = [before] if before and chance.random() < REPEATING else []
        request = posted("tills", XML, document([*repeated, receipt]))
        queue += [request] * (2 if chance.random() < TWICE else 1)
        before = receipt
    return queue


def _figures(returns: Sequence[Return]) -> list[Figure]:
    first = returns[0]
    messages, note = first.looks[0][1], f"{RESERVES_A_SECOND} a second, from when each was due"
    return [
        figure(
            "tills.drain",
            f"{TILLS} tills come back: until all is in the core",
            "s",
            [each.seconds for each in returns],
            at_most(DRAIN_BAR_S),
            f"{first.facts:,} sales in {messages:,} messages, one a receipt",
        ),
        figure("tills.rate", "Sales", "/s", [each.facts / each.seconds for each in returns]),
        figure("tills.waits", "Asked to wait", "x", [each.waits for each in returns]),
        *_reserves("before", [each.before for each in returns], note),
        *_reserves("during", [each.during for each in returns], note),
        *_reserves("after", [each.after for each in returns], note),
        *(each for tenth in TENTHS for each in _of_tenth(tenth, returns)),
    ]


def _reserves(when: str, rounds: Sequence[Sequence[Sample]], note: str) -> list[Figure]:
    bars = {99: at_most(RESERVE_BAR_MS)}
    took_s = [[sample.took for sample in each] for each in rounds]
    late_s = [[sample.late for sample in each] for each in rounds]
    late = "of that, until its caller had a core to send it"
    return [
        *latencies(f"tills.{when}", f"Reserve {when}", took_s, bars=bars, note=note),
        *latencies(f"tills.{when}_late", f"Sent late {when}", late_s, percents=(99,), note=late),
    ]


def _of_tenth(tenth: int, returns: Sequence[Return]) -> list[Figure]:
    percent = tenth * 100 // len(TENTHS)
    name = f"{percent} % of it over"
    backlogs = [each.backlog(tenth) for each in returns]
    reserves_s = [[sample.took for sample in each.tenths[tenth]] for each in returns]
    return [
        figure(f"tills.{percent}_backlog", f"{name}: messages that wait", "x", backlogs),
        *latencies(f"tills.{percent}_reserve", f"{name}: Reserve", reserves_s),
    ]
