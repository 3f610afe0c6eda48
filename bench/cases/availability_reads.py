"""Reads: a thousand stock levels in one message, and the total over ten million of them."""

from collections.abc import Sequence
from functools import partial
from statistics import median
from time import perf_counter, thread_time
from typing import Any

import numpy as np

from holdfast.core import kernels
from holdfast.core.kernels.arguments import (
    HEADER_SIZE,
    UNITS_COMMITTED,
    UNITS_ON_HAND,
    UNITS_RESERVED,
)
from holdfast.core.tables.layouts import LEVEL
from holdfast.v1 import availability_service_pb2 as availability

from ..harness.figures import Figure, at_most, figure, latencies
from ..harness.load import closed_loop
from ..harness.node_server import connect, node_server
from ..harness.packed_traffic import resolve
from ..harness.plan import BenchError, Plan
from ..harness.rounds import Kind, Round, one_round
from ..harness.workload import put_stock, rows

PATH = "/holdfast.v1.AvailabilityService/BatchGetAvailability"
MANY = rows(1_000)
ON_HAND = 1_000
TOTAL_ROWS = 10_000_000
SUMS = 7  # in a round, which has their median


async def run(plan: Plan) -> list[Figure]:
    """Read by handle and by name over gRPC, then sum with the kernel alone."""
    reads: list[Round] = []
    async with node_server(plan.folder / "availability") as node, connect(node) as client:
        await put_stock(client, MANY, ON_HAND)
        handles = await resolve(node, MANY)
        by_handle = availability.BatchGetAvailabilityRequest(stock_levels=handles)
        by_name = availability.BatchGetAvailabilityRequest(skus=[sku for sku, _ in MANY])
        call = node.call(PATH)
        kinds = {
            "handles": Kind(node, call, partial(_repeat, by_handle), _check_columns),
            "names": Kind(node, call, partial(_repeat, by_name), _check_rows),
        }
        drive = partial(closed_loop, callers=1)
        await one_round(kinds, 20, drive)
        for _ in plan.each_round("availability"):
            reads.append(await one_round(kinds, plan.count(400, 40), drive))  # noqa: PERF401
    return [*_figures(reads), *_totals(plan)]


def _repeat(request: availability.BatchGetAvailabilityRequest, count: int) -> Sequence[bytes]:
    return [request.SerializeToString()] * count


def _check_columns(answers: Sequence[bytes]) -> None:
    for answer in set(answers):
        response = availability.BatchGetAvailabilityResponse.FromString(answer)
        if list(response.on_hand) != [ON_HAND] * len(MANY) or any(response.reserved):
            raise BenchError("a BatchGetAvailability by handle was answered wrongly")


def _check_rows(answers: Sequence[bytes]) -> None:
    for answer in set(answers):
        found = availability.BatchGetAvailabilityResponse.FromString(answer).availabilities
        if [each.network_available for each in found] != [ON_HAND] * len(MANY):
            raise BenchError("a BatchGetAvailability by name was answered wrongly")


def _figures(reads: Sequence[Round]) -> list[Figure]:
    return [
        figure(
            "availability.handles_cpu",
            "1,000 handles: processor a call",
            "us",
            [each["handles"].server_us for each in reads],
            at_most(1_000),
            "the node's, with gRPC",
        ),
        figure(
            "availability.names_cpu",
            "1,000 SKUs by name: processor a call",
            "us",
            [each["names"].server_us for each in reads],
        ),
        *_latencies(reads, "handles", "1,000 handles"),
        *_latencies(reads, "names", "1,000 SKUs by name"),
    ]


def _latencies(reads: Sequence[Round], kind: str, name: str) -> list[Figure]:
    rounds_s = [each[kind].latencies_s for each in reads]
    return latencies(f"availability.{kind}", name, rounds_s, note="one caller, over the wire")


def _totals(plan: Plan) -> list[Figure]:
    """Sums by the kernel that the node uses, on one core, over rows laid out as in its memory."""
    levels = np.zeros(TOTAL_ROWS, LEVEL)
    levels["on_hand"], levels["reserved"], levels["committed"] = 7, 2, 1
    kernels.sum_levels(levels, 1, np.zeros(HEADER_SIZE, np.int64))  # compiled now
    sums = [
        [_total_ms(levels) for _ in range(SUMS)] for _ in plan.each_round("availability, total")
    ]
    passed, used = ([median(each[n] for each in some) for some in sums] for n in (0, 1))
    name, note = "Network total of 10 M rows", "kernel, one core"
    return [
        figure("availability.total", name, "ms", passed, at_most(30), note),
        figure("availability.total_cpu", f"{name}: processor", "ms", used, note=note),
    ]


def _total_ms(levels: Any) -> tuple[float, float]:
    """Time and processor time of one sum, in milliseconds."""
    header = np.zeros(HEADER_SIZE, np.int64)
    started, cpu_before_s = perf_counter(), thread_time()
    kernels.sum_levels(levels, TOTAL_ROWS, header)
    seconds, cpu_s = perf_counter() - started, thread_time() - cpu_before_s
    totals = (UNITS_ON_HAND, UNITS_RESERVED, UNITS_COMMITTED)
    found = [int(header[at]) + (int(header[at + 1]) << 32) for at in totals]
    if found != [7 * TOTAL_ROWS, 2 * TOTAL_ROWS, TOTAL_ROWS]:
        raise BenchError(f"sum_levels found {found}")
    return seconds * 1e3, cpu_s * 1e3
