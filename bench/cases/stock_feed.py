"""The feed of stock facts: packed columns over one RecordStockEventsStream, by number and by id; by
id once more, as a source that lost its place sends them; single events; what the journal keeps.
"""

from collections import defaultdict
from collections.abc import Sequence

from holdfast.edge.client import Client

from ..harness.fact_traffic import APPLIED, DUPLICATE, Feed
from ..harness.figures import Figure, at_least, at_most, figure, latencies, ratios
from ..harness.node_server import NO_SNAPSHOTS_MIB, connect, node_server
from ..harness.plan import Plan
from ..harness.regimes import Regime, Total

#: Facts a second that the design asks for: packed, and as single events.
BAR = 300_000
OBJECTS_BAR = 40_000

REGIMES = (Regime(8_190, 4, 40), Regime(512, 8, 200))

#: The form of single events; the node takes its messages one by one.
OBJECTS = Regime(1_000, 4, 20)


#: Kind of load -> what it came to.
Totals = dict[str, Total]


async def run(plan: Plan) -> list[Figure]:
    """Measure all regimes, then the journal of a node that nothing trims."""
    regimes = [Regime(each.size, each.in_flight, plan.count(each.messages, 8)) for each in REGIMES]
    rounds: list[dict[str, Totals]] = []
    async with node_server(plan.folder / "stock") as node, connect(node) as client:
        feed = await Feed.prepare(node, client)
        await _one_round(
            feed, [Regime(512, 8, 8)]
        )  # warms connections and caches, and is forgotten
        for _ in plan.each_round("stock"):
            rounds.append(await _one_round(feed, regimes))  # noqa: PERF401 - it awaits
        await feed.close()
    return [
        *(each for regime in regimes for each in _of_regime(regime, rounds)),
        *_of_objects([each["objects"] for each in rounds]),
        *await _journal(plan, regimes),
    ]


async def _one_round(feed: Feed, regimes: Sequence[Regime]) -> dict[str, Totals]:
    """Send every kind of facts in every regime."""
    totals: dict[str, Totals] = {}
    for regime in regimes:
        kinds = totals[regime.key] = defaultdict(Total)
        named, numbered = feed.facts.named(regime), feed.facts.numbered(regime)
        await feed.send(regime, numbered, APPLIED, kinds["numbered"])
        await feed.send(regime, named, APPLIED, kinds["named"])
        await feed.send(regime, feed.facts.documented(regime), APPLIED, kinds["documented"])
        await feed.send(regime, named, DUPLICATE, kinds["again"])
    objects = totals["objects"] = defaultdict(Total)
    for kind in ("objects", "objects_numbered"):
        messages = feed.facts.objects(OBJECTS, numbered=kind != "objects")
        await feed.send(OBJECTS, messages, APPLIED, objects[kind])
    return totals


async def _journal(plan: Plan, regimes: Sequence[Regime]) -> list[Figure]:
    growths: dict[str, list[dict[str, float]]] = {regime.key: [] for regime in regimes}
    server = node_server(plan.folder / "stock-journal", snapshot_every_mib=NO_SNAPSHOTS_MIB)
    async with server as node, connect(node) as client:
        feed = await Feed.prepare(node, client)
        for _ in plan.each_round("stock, journal"):
            for regime in regimes:
                growths[regime.key].append(await _growth(feed, client, regime))
        await feed.close()
    return [
        figure(
            f"stock.{regime.key}_{kind}_bytes",
            f"{regime.name}: journal, one fact {label}",
            "B",
            [each[kind] for each in growths[regime.key]],
            at_most(48),
        )
        for regime in regimes
        for kind, label in (("numbered", "by number"), ("named", "by id"))
    ]


async def _growth(feed: Feed, client: Client, regime: Regime) -> dict[str, float]:
    """Bytes by which the journal grows for a fact with a number, and for one with an id."""
    sizes = [(await client.get_status()).journal_size_bytes]
    for messages in (feed.facts.numbered(regime), feed.facts.named(regime)):
        await feed.send(regime, messages, APPLIED)
        sizes.append((await client.get_status()).journal_size_bytes)
    count = regime.messages * regime.size
    return {"numbered": (sizes[1] - sizes[0]) / count, "named": (sizes[2] - sizes[1]) / count}


def _of_regime(regime: Regime, rounds: Sequence[dict[str, Totals]]) -> list[Figure]:
    totals = [each[regime.key] for each in rounds]
    rates = {kind: [each[kind].rate for each in totals] for kind in totals[0]}
    rounds_s = [each["named"].latencies_s for each in totals]
    key, name = f"stock.{regime.key}", regime.name
    note = f"{regime.size:,} a message, {regime.in_flight} ahead of their answers"
    return [
        *(
            figure(f"{key}_{kind}_rate", f"{name}: facts {label}", "/s", rates[kind], bar, note)
            for kind, label, bar in (
                ("numbered", "by number", at_least(BAR)),
                ("named", "by id", at_least(BAR)),
                ("documented", "by number, with time and document", at_least(BAR)),
            )
        ),
        figure(
            f"{key}_again_share",
            f"{name}: sent again ÷ first",
            "%",
            ratios(rates["again"], rates["named"]),
        ),
        *latencies(f"{key}_named", name, rounds_s, of="a message"),
        *(
            figure(
                f"{key}_{kind}_cpu",
                f"{name}: processor a fact {label}",
                "us",
                [each[kind].cpu_us for each in totals],
            )
            for kind, label in (
                ("numbered", "by number"),
                ("named", "by id"),
                ("documented", "by number, with time and document"),
            )
        ),
    ]


def _of_objects(rounds: Sequence[Totals]) -> list[Figure]:
    note = f"{OBJECTS.size:,} a message, worked one message at a time"
    return [
        each
        for kind, label in (("objects", "by id"), ("objects_numbered", "by number"))
        for each in (
            figure(
                f"stock.{kind}_rate",
                f"Objects: facts {label}",
                "/s",
                [totals[kind].rate for totals in rounds],
                at_least(OBJECTS_BAR),
                note,
            ),
            figure(
                f"stock.{kind}_cpu",
                f"Objects: processor a fact {label}",
                "us",
                [totals[kind].cpu_us for totals in rounds],
            ),
        )
    ]
