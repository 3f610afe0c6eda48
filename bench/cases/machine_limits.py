"""What the machine allows: the terms of the limit model, each measured alone.

    calls a second = min(1 / (call + messages + turn + append / callers), callers / commit)

`call` is the processor time of an empty echo, which `unary` measures; the other terms stand here.
The first half is one core that does everything, since Python runs on one; the second is a disk that
never idles. What the node reaches of it is what its own code leaves.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time

from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED

from ..harness.commits import SMALL, commit_seconds
from ..harness.conditions import sync_seconds
from ..harness.figures import Figure, figure
from ..harness.plan import Plan
from ..harness.turns import Engine
from ..harness.workload import CALLERS, Orders, rows

LARGE = 300_000  # bytes of the entry of a full turn


async def run(plan: Plan) -> list[Figure]:
    """Measure each term, all of them once a round."""
    plan.folder.mkdir(exist_ok=True)
    engine = Engine()
    repeats = plan.count(200, 20)
    terms: list[tuple[str, str, str, Callable[[], float]]] = [
        ("sync", "fdatasync of 4 KiB", "ms", lambda: _sync_ms(plan.folder, repeats)),
        ("commit_small", "LMDB commit, 2 KB", "ms", lambda: _commit_ms(plan, SMALL, repeats)),
        ("commit_large", "LMDB commit, 300 KB", "ms", lambda: _commit_ms(plan, LARGE, repeats)),
        ("append_cpu", "Processor an append, 2 KB", "us", lambda: _append_us(plan, repeats)),
        ("messages", "Protobuf, request and answer", "us", lambda: _messages_us(repeats)),
        ("turn_of_1", "Turn of 1 Reserve", "us", lambda: engine.reserve_us(1, repeats)),
        ("turn_of_64", "Turn of 64: a Reserve", "us", lambda: engine.reserve_us(64, repeats)),
        ("turn_of_1024", "Turn of 1,024: a Reserve", "us", lambda: engine.reserve_us(1_024, 10)),
    ]
    samples = [[measure() for *_, measure in terms] for _ in plan.each_round("limits")]
    return [
        figure(f"limits.{key}", name, unit, column)
        for (key, name, unit, _), column in zip(terms, zip(*samples, strict=True), strict=True)
    ]


def unary_limit(values: Mapping[str, float]) -> list[Figure]:
    """The node against the terms put together; nothing when a term is missing."""
    try:
        call, messages = values["unary.echo_cpu"], values["limits.messages"]
        turn, append = values["limits.turn_of_64"], values["limits.append_cpu"]
        commit_ms = values["limits.commit_small"]
        rate, cpu = values["unary.reserve_rate"], values["unary.reserve_cpu"]
    except KeyError:
        return []
    least_cpu = call + messages + turn + append / CALLERS
    limit = min(1e6 / least_cpu, CALLERS / commit_ms * 1e3)
    note = "echo + messages + turn of 64 + append shared by 64"
    return [
        figure("limits.unary_rate", "Limit model: Reserve", "/s", [limit], note=note),
        figure("limits.unary_share", "Reserve ÷ limit model", "%", [rate / limit]),
        figure("limits.unary_cpu", "Limit model: processor a call", "us", [least_cpu]),
        figure("limits.unary_cpu_share", "Limit model ÷ Reserve, cpu", "%", [least_cpu / cpu]),
    ]


def _sync_ms(folder: Path, repeats: int) -> float:
    return median(sync_seconds(folder, repeats)) * 1e3


def _commit_ms(plan: Plan, size: int, repeats: int) -> float:
    return median(commit_seconds(plan.folder, size, repeats, perf_counter)) * 1e3


def _append_us(plan: Plan, repeats: int) -> float:
    return median(commit_seconds(plan.folder, SMALL, repeats, thread_time)) * 1e6


def _messages_us(repeats: int) -> float:
    """Microseconds to parse a Reserve and serialize its response, as the wire itself demands."""
    requests = Orders().reserves(100, rows(100))
    seconds = []
    for _ in range(repeats):
        started = perf_counter()
        for data in requests:
            request = reservation.ReserveRequest.FromString(data)
            [(line.sku, line.location, line.quantity) for line in request.lines]
            reservation.ReserveResponse(
                outcome=OUTCOME_ACCEPTED,
                expire_time={"seconds": 1, "nanos": 1},
                revisions=[{"shard": 1, "sequence": 1}],
            ).SerializeToString()
        seconds.append(perf_counter() - started)
    return median(seconds) / len(requests) * 1e6
