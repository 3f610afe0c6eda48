"""The same reservations asked of others: Redis with a script, PostgreSQL with functions, and
TigerBeetle's own benchmark. Everyone checks a reservation id, then availability, holds with an end,
answers each operation by its outcome, and answers when it is on the disk.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED

from ..harness import packed_traffic
from ..harness.figures import Figure, figure, percentile, ratios
from ..harness.load import Call, Load, closed_loop
from ..harness.node_server import connect, node_server
from ..harness.plan import ROOT, BenchError, Plan
from ..harness.workload import PLENTY, RESERVE_PATH, SEED, Orders, expect, put_stock, rows
from ..peers import tigerbeetle
from ..peers.peer_servers import MissingError, postgres_server, redis_server
from ..peers.wires import (
    INT4_OID,
    INT8_OID,
    Connection,
    Pool,
    postgres_answer,
    postgres_array,
    postgres_execute,
    postgres_greet,
    postgres_int8,
    postgres_prepare,
    postgres_query,
    redis_answer,
    redis_command,
)

SKUS = 1_000
MANY = rows(SKUS)

#: Stretches of each peer in a round: forwards, then backwards.
STRETCHES = 2


@dataclass(frozen=True, slots=True)
class Regime:
    """How much travels in one message, and how many messages at once."""

    key: str
    name: str
    size: int
    in_flight: int
    messages: int
    """In a stretch."""
    skus: int = SKUS


REGIMES = (
    Regime("alone", "one by one, 1 caller", 1, 1, 200),
    Regime("callers", "one by one, 64 callers", 1, 64, 2_000),
    Regime("hot", "one by one, 64 callers, one SKU", 1, 64, 1_000, skus=1),
    Regime("batch512", "512 a message, 8 in flight", 512, 8, 40),
    Regime("batch8190", "8,190 a message, 4 in flight", 8_190, 4, 8),
)


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody who takes reservations."""

    call: Callable[[Regime], Call]
    build: Callable[[Regime], list[bytes]]
    """Builds the messages of a stretch, none of which was sent before."""
    check: Callable[[Regime, Sequence[bytes]], None]
    settle: Callable[[], Awaitable[object]] | None = None
    """Done once it is warm."""


#: Peer -> rates and latencies of a round, by regime.
Round = dict[tuple[str, str], tuple[float, list[float]]]


async def run(plan: Plan) -> list[Figure]:
    """Put the same load on all that are there, by turns. A peer that fails has no figures; the
    others keep theirs.
    """
    peers: dict[str, Peer] = {}
    async with AsyncExitStack() as stack:
        for name in MAKERS:
            await _start(plan, name, peers, stack)
        regimes = _regimes(plan)
        await _one_round(plan, peers, regimes)  # warms connections and caches, and is forgotten
        await _settle(plan, peers)
        rounds = [await _one_round(plan, peers, regimes) for _ in plan.each_round("peers")]
    figures = _figures(peers, regimes, rounds)
    with _spared(plan, "tigerbeetle", peers):
        figures += await tigerbeetle.figures(plan)
    return figures


NAMES = {
    "holdfast": "Holdfast",
    "redis": "Redis",
    "postgres": "PostgreSQL",
    "tigerbeetle": "TigerBeetle",
}


@contextmanager
def _spared(plan: Plan, name: str, peers: dict[str, Peer]) -> Iterator[None]:
    """Report a peer that fails and ask it no more, so that the others go on."""
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


def _regimes(plan: Plan) -> list[Regime]:
    return [
        Regime(
            each.key,
            each.name,
            each.size,
            each.in_flight,
            plan.count(each.messages, max(each.in_flight, each.messages // 10)),
            each.skus,
        )
        for each in REGIMES
    ]


async def _one_round(plan: Plan, peers: dict[str, Peer], regimes: Sequence[Regime]) -> Round:
    loads: defaultdict[tuple[str, str], list[Load]] = defaultdict(list)
    for number in range(STRETCHES):
        for regime in regimes:
            for name in reversed(list(peers)) if number % 2 else list(peers):
                with _spared(plan, name, peers):
                    load = await _stretch(peers[name], regime)
                    loads[name, regime.key].append(load)
    sizes = {regime.key: regime.size for regime in regimes}
    return {key: _sum(stretches, sizes[key[1]]) for key, stretches in loads.items()}


async def _stretch(peer: Peer, regime: Regime) -> Load:
    load = await closed_loop(peer.call(regime), peer.build(regime), regime.in_flight)
    peer.check(regime, load.answers)
    return load


def _sum(stretches: Sequence[Load], size: int) -> tuple[float, list[float]]:
    """Operations a second, and the latency of each message."""
    latencies_s = [latency for load in stretches for latency in load.latencies_s]
    seconds = sum(load.seconds for load in stretches)
    return len(latencies_s) * size / seconds, latencies_s


def _figures(
    peers: Mapping[str, Peer], regimes: Sequence[Regime], rounds: Sequence[Round]
) -> list[Figure]:
    figures = []
    for regime in regimes:
        rates = {name: [each[name, regime.key][0] for each in rounds] for name in peers}
        for name, samples in rates.items():
            key, label = f"peers.{name}_{regime.key}", NAMES[name]
            p99 = [percentile(each[name, regime.key][1], 99) * 1e3 for each in rounds]
            figures += [
                figure(f"{key}_rate", f"{label}: reserves", "/s", samples, note=regime.name),
                figure(f"{key}_p99", f"{label}: p99 of a message", "ms", p99, note=regime.name),
            ]
            if name != "holdfast" and "holdfast" in rates:
                figures.append(
                    figure(
                        f"{key}_ratio",
                        f"Holdfast ÷ {label}",
                        "x",
                        ratios(rates["holdfast"], samples),
                        note=regime.name,
                    )
                )
    return figures


class _Traffic:
    """Ids, and SKUs by number."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(SEED)

    def ids(self, size: int) -> np.ndarray:
        """Two halves of so many ids, as signed numbers."""
        low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
        return self._random.integers(low, high, (2, size), dtype=np.int64)

    def skus(self, regime: Regime) -> np.ndarray:
        """SKUs chosen evenly."""
        return self._random.integers(0, regime.skus, regime.size)


def _check_digits(regime: Regime, answers: Sequence[bytes]) -> None:
    right = b"1" * regime.size
    for answer in answers:
        if answer != right:
            raise BenchError(f"{regime.key} was answered with digits {sorted(set(answer))}")


# Holdfast


async def _holdfast(folder: Path) -> AsyncIterator[Peer]:
    orders, batches = Orders(), packed_traffic.Batches()
    async with node_server(folder) as node, connect(node) as client:
        await put_stock(client, MANY, PLENTY)
        handles = await packed_traffic.resolve(node, MANY)
        single, many = node.call(RESERVE_PATH), node.call(packed_traffic.RESERVE_PATH)

        def build(regime: Regime) -> list[bytes]:
            if regime.size == 1:
                return orders.reserves(regime.messages, MANY[: regime.skus])
            ids = batches.ids(regime.messages, regime.size)
            return batches.reserves(ids, handles[: regime.skus])

        def check(regime: Regime, answers: Sequence[bytes]) -> None:
            if regime.size == 1:
                expect(answers, OUTCOME_ACCEPTED)
            else:
                packed_traffic.expect_all(answers, regime.size, reservation.BATCH_OUTCOME_ACCEPTED)

        yield Peer(lambda regime: single if regime.size == 1 else many, build, check)


# Redis


async def _redis(folder: Path) -> AsyncIterator[Peer]:
    traffic = _Traffic()
    script = (ROOT / "bench" / "peers" / "redis.lua").read_bytes()
    async with redis_server(folder) as server, Pool(server.port, redis_answer) as pool:
        digest = await pool.call(redis_command(b"SCRIPT", b"LOAD", script))
        levels = [word for sku in range(SKUS) for word in (b"%d" % sku, b"%d" % PLENTY)]
        await pool.call(redis_command(b"HSET", b"free", *levels))
        spell = partial(_redis_reserve, traffic, digest)
        yield Peer(lambda _regime: pool.call, partial(_repeat, spell), _check_digits)


def _redis_reserve(traffic: _Traffic, digest: bytes, regime: Regime) -> bytes:
    ids = traffic.ids(regime.size).T.tobytes()
    words = [b"EVALSHA", digest, b"0", b"%d" % packed_traffic.HOLD_MS]
    for number, sku in enumerate(traffic.skus(regime).tolist()):
        words += (ids[16 * number : 16 * number + 16], b"%d" % sku, b"1")
    return redis_command(*words)


def _repeat(spell: Callable[[Regime], bytes], regime: Regime) -> list[bytes]:
    return [spell(regime) for _ in range(regime.messages)]


# PostgreSQL


_POSTGRES_STOCK = (
    f"INSERT INTO stock (sku, on_hand) SELECT sku, {PLENTY} "  # noqa: S608 - numbers of ours
    f"FROM generate_series(0, {SKUS - 1}) AS sku"
)


async def _postgres(folder: Path) -> AsyncIterator[Peer]:
    traffic = _Traffic()
    schema = (ROOT / "bench" / "peers" / "postgres.sql").read_text("utf-8")
    async with (
        postgres_server(folder) as server,
        Pool(server.port, postgres_answer, greet_postgres) as pool,
    ):
        async with Pool(server.port, postgres_answer, postgres_greet) as first:
            await first.call(postgres_query(schema))
            await first.call(postgres_query(_POSTGRES_STOCK))
        spell = partial(_postgres_reserve, traffic)
        # Plans made for an empty table would be kept for a full one.
        analyze = partial(pool.call, postgres_query("ANALYZE"))
        yield Peer(lambda _regime: pool.call, partial(_repeat, spell), _check_digits, analyze)


async def greet_postgres(connection: Connection) -> None:
    """Log on and prepare both statements."""
    await postgres_greet(connection)
    for name, types in (
        (b"one", "bigint, bigint, int, bigint, bigint"),
        (b"many", "bigint[], bigint[], int[], bigint[], bigint"),
    ):
        function = "reserve" if name == b"one" else "reserve_many"
        casts = ", ".join(f"${n}::{kind}" for n, kind in enumerate(types.split(", "), 1))
        connection.writer.write(postgres_prepare(name, f"SELECT {function}({casts})"))
        await postgres_answer(connection.reader)


def _postgres_reserve(traffic: _Traffic, regime: Regime) -> bytes:
    (high, low), skus = traffic.ids(regime.size), traffic.skus(regime)
    hold = postgres_int8(packed_traffic.HOLD_MS)
    if regime.size == 1:
        return postgres_execute(
            b"one",
            postgres_int8(int(high[0])),
            postgres_int8(int(low[0])),
            int(skus[0]).to_bytes(4, "big"),
            postgres_int8(1),
            hold,
        )
    return postgres_execute(
        b"many",
        postgres_array(INT8_OID, high),
        postgres_array(INT8_OID, low),
        postgres_array(INT4_OID, skus),
        postgres_array(INT8_OID, np.ones(regime.size)),
        hold,
    )


MAKERS: Mapping[str, Callable[[Path], AsyncIterator[Peer]]] = {
    "holdfast": _holdfast,
    "redis": _redis,
    "postgres": _postgres,
}
