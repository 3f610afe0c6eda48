"""The same reservations asked of others: Redis with a script, PostgreSQL with functions of ours and
of a library, and TigerBeetle's own benchmark.

Each checks the reservation id and what is available, holds units until a time, reports every
operation by its outcome, and answers when it is on disk.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED

from ..harness import packed_traffic
from ..harness.figures import Figure, at_least, figure, latencies, ratios
from ..harness.load import Load, closed_loop
from ..harness.node_server import connect, node_server
from ..harness.plan import Plan
from ..harness.workload import PLENTY, RESERVE_PATH, Orders, expect, put_stock, rows
from ..peers import checkout, neveroversell, postgres, redis, tigerbeetle
from ..peers.peer import SKUS, Demand, MissingError, Peer

MANY = rows(SKUS)

#: Stretches of each peer in a round: forwards, then backwards.
STRETCHES = 2

DEMANDS = (
    Demand("alone", "one by one, 1 caller", 1, 1, 200),
    Demand("callers", "one by one, 64 callers", 1, 64, 2_000),
    Demand("hot", "one by one, 64 callers, one SKU", 1, 64, 1_000, skus=1),
    Demand("batch512", "512 a message, 8 in flight", 512, 8, 40),
    Demand("batch8190", "8,190 a message, 4 in flight", 8_190, 4, 8),
)

#: Peer and demand -> how many times its rate Holdfast has to have.
BARS = {
    ("checkout", "callers"): at_least(1),
    ("checkout", "hot"): at_least(5),
    ("tigerbeetle", "batch512"): at_least(4),
    ("tigerbeetle", "batch8190"): at_least(8),
}

#: Peer and demand -> operations a second and latencies of a round.
Round = dict[tuple[str, str], tuple[float, list[float]]]


async def run(plan: Plan) -> list[Figure]:
    """Put the same load on all that are installed, by turns. A peer that fails has no figures; the
    others keep theirs.
    """
    peers: dict[str, Peer] = {}
    async with AsyncExitStack() as stack:
        for name in MAKERS:
            await _start(plan, name, peers, stack)
        demands = _demands(plan)
        await _one_round(plan, peers, demands)  # warms connections and caches, and is forgotten
        await _settle(plan, peers)
        beetle = _Beetle(plan, peers)
        rounds = []
        for _ in plan.each_round("peers"):
            rounds.append(await _one_round(plan, peers, demands))
            await beetle.one_round()
    return [*_figures(peers, demands, rounds), *beetle.figures(rounds)]


class _Beetle:
    """TigerBeetle's own program, run once in each round: it takes no messages of ours."""

    def __init__(self, plan: Plan, peers: dict[str, Peer]) -> None:
        self._plan = plan
        self._peers = peers
        self._rates: list[dict[str, float]] = []
        self._program: str | None = None
        try:
            self._program = tigerbeetle.binary()
        except MissingError as why:
            plan.leave_out(NAMES["tigerbeetle"], str(why))

    async def one_round(self) -> None:
        """Measure it, where it is there and has not failed."""
        if self._program is None:
            return
        before = len(self._rates)
        with _spared(self._plan, "tigerbeetle", self._peers):
            self._rates.append(await tigerbeetle.one_round(self._plan, self._program))
        if len(self._rates) == before:
            self._program = None

    def figures(self, rounds: Sequence[Round]) -> list[Figure]:
        """Its rates, and how many times as fast Holdfast was in the same round."""
        if self._program is None:
            return []
        figures = []
        for demand, (size, _) in tigerbeetle.RUNS.items():
            samples = [rates[demand] for rates in self._rates]
            note = f"{size:,} a message, its own benchmark"
            key, ours = f"peers.tigerbeetle_{demand}", ("holdfast", demand)
            figures.append(
                figure(f"{key}_rate", "TigerBeetle: pending transfers", "/s", samples, note=note)
            )
            if all(ours in each for each in rounds):
                figures.append(
                    _ratio("tigerbeetle", demand, [each[ours][0] for each in rounds], samples, note)
                )
        return figures


NAMES = {
    "holdfast": "Holdfast",
    "redis": "Redis",
    "postgres": "PostgreSQL",
    "neveroversell": "neveroversell on PostgreSQL",
    "checkout": "PostgreSQL behind gRPC in Python",
    "tigerbeetle": "TigerBeetle",
}


@contextmanager
def _spared(plan: Plan, name: str, peers: dict[str, Peer]) -> Iterator[None]:
    """Report a peer that fails and drop it, so that the others go on."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this peer's
        plan.fail(f"peers, {NAMES[name]}", error)
        peers.pop(name, None)


async def _start(plan: Plan, name: str, peers: dict[str, Peer], stack: AsyncExitStack) -> None:
    with _spared(plan, name, peers):
        try:
            manager = asynccontextmanager(MAKERS[name])(plan.folder / f"peer-{name}")
            peers[name] = await stack.enter_async_context(manager)
        except MissingError as why:
            plan.leave_out(NAMES[name], str(why))


async def _settle(plan: Plan, peers: dict[str, Peer]) -> None:
    for name, peer in list(peers.items()):
        with _spared(plan, name, peers):
            if peer.settle is not None:
                await peer.settle()


def _demands(plan: Plan) -> list[Demand]:
    return [
        replace(each, messages=plan.count(each.messages, max(each.in_flight, each.messages // 10)))
        for each in DEMANDS
    ]


async def _one_round(plan: Plan, peers: dict[str, Peer], demands: Sequence[Demand]) -> Round:
    loads: defaultdict[tuple[str, str], list[Load]] = defaultdict(list)
    for number in range(STRETCHES):
        for demand in demands:
            able = [name for name, peer in peers.items() if demand.size <= peer.size_max]
            for name in reversed(able) if number % 2 else able:
                with _spared(plan, name, peers):
                    load = await _stretch(peers[name], demand)
                    loads[name, demand.key].append(load)
    sizes = {demand.key: demand.size for demand in demands}
    return {key: _sum(stretches, sizes[key[1]]) for key, stretches in loads.items()}


async def _stretch(peer: Peer, demand: Demand) -> Load:
    load = await closed_loop(peer.call(demand), peer.build(demand), demand.in_flight)
    peer.check(demand, load.answers)
    return load


def _sum(stretches: Sequence[Load], size: int) -> tuple[float, list[float]]:
    """Operations a second, and the latency of each message."""
    latencies_s = [latency for load in stretches for latency in load.latencies_s]
    seconds = sum(load.seconds for load in stretches)
    return len(latencies_s) * size / seconds, latencies_s


def _figures(
    peers: Mapping[str, Peer], demands: Sequence[Demand], rounds: Sequence[Round]
) -> list[Figure]:
    figures = []
    for demand in demands:
        able = [name for name, peer in peers.items() if demand.size <= peer.size_max]
        rates = {name: [each[name, demand.key][0] for each in rounds] for name in able}
        for name, samples in rates.items():
            key, label = f"peers.{name}_{demand.key}", NAMES[name]
            rounds_s = [each[name, demand.key][1] for each in rounds]
            note = demand.name
            figures += [
                figure(f"{key}_rate", f"{label}: reserves", "/s", samples, note=note),
                *latencies(key, label, rounds_s, of="a message", percents=(99,), note=note),
            ]
            if name != "holdfast" and "holdfast" in rates:
                figures.append(_ratio(name, demand.key, rates["holdfast"], samples, note))
    return figures


def _ratio(
    name: str, demand: str, ours: Sequence[float], its: Sequence[float], note: str
) -> Figure:
    return figure(
        f"peers.{name}_{demand}_ratio",
        f"Holdfast ÷ {NAMES[name]}",
        "x",
        ratios(ours, its),
        BARS.get((name, demand)),
        note=note,
    )


async def _holdfast(folder: Path) -> AsyncIterator[Peer]:
    orders, batches = Orders(), packed_traffic.Batches()
    async with node_server(folder) as node, connect(node) as client:
        await put_stock(client, MANY, PLENTY)
        handles = await packed_traffic.resolve(node, MANY)
        single, many = node.call(RESERVE_PATH), node.call(packed_traffic.RESERVE_PATH)

        def build(demand: Demand) -> list[bytes]:
            if demand.size == 1:
                return orders.reserves(demand.messages, MANY[: demand.skus])
            ids = batches.ids(demand.messages, demand.size)
            return batches.reserves(ids, handles[: demand.skus])

        def check(demand: Demand, answers: Sequence[bytes]) -> None:
            if demand.size == 1:
                expect(answers, OUTCOME_ACCEPTED)
            else:
                packed_traffic.expect_all(answers, demand.size, reservation.BATCH_OUTCOME_ACCEPTED)

        yield Peer(lambda demand: single if demand.size == 1 else many, build, check)


MAKERS: Mapping[str, Callable[[Path], AsyncIterator[Peer]]] = {
    "holdfast": _holdfast,
    "redis": redis.running,
    "postgres": postgres.running,
    "neveroversell": neveroversell.running,
    "checkout": checkout.running,
}
