"""Runs the benches one after another and reports: `python -m bench --help`."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import uvloop
from rich.console import Console

from .cases import (
    audit_cost,
    availability_reads,
    behind_fronts,
    coalesced_reserves,
    each_transport,
    expiry_lag,
    intake_events,
    journal_growth,
    latency_at_rates,
    ledger_queries,
    machine_limits,
    memory_per_row,
    packed_batches,
    peer_comparison,
    restart_time,
    snapshot_pauses,
    stock_feed,
    tills_return,
    turn_weights,
    unary_reserve,
    unused_features,
    watch_feed,
)
from .harness.command_line import EXIT_STOPPED, stop_on_sigterm, whole
from .harness.conditions import conditions, load_average
from .harness.figures import Figure
from .harness.plan import REPORT_FOLDER, WORK_FOLDER, Plan, tell
from .harness.report import Report, render, write_json

Bench = Callable[[Plan], Awaitable[list[Figure]]]

#: In the order in which they run. The restart needs a journal without a snapshot, which the next
#: one writes.
BENCHES: dict[str, Bench] = {
    "limits": machine_limits.run,
    "weights": turn_weights.run,
    "unused": unused_features.run,
    "unary": unary_reserve.run,
    "fronts": behind_fronts.run,
    "transports": each_transport.run,
    "rates": latency_at_rates.run,
    "batches": packed_batches.run,
    "stock": stock_feed.run,
    "watch": watch_feed.run,
    "intake": intake_events.run,
    "tills": tills_return.run,
    "coalescing": coalesced_reserves.run,
    "availability": availability_reads.run,
    "peers": peer_comparison.run,
    "storage": journal_growth.run,
    "restart": restart_time.run,
    "snapshot": snapshot_pauses.run,
    "audit": audit_cost.run,
    "ledger": ledger_queries.run,
    "expiry": expiry_lag.run,
    "memory": memory_per_row.run,
}

#: A bench that takes longer has hung.
TIMEOUT_S = 1_800.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benches and report; the exit code."""
    options = _parser().parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="bench-", dir=options.folder) as folder:
        plan = Plan(Path(folder), options.rounds or (2 if options.quick else 5), options.quick)
        names = [name for name in BENCHES if not options.only or name in options.only]
        report = Report(datetime.now(UTC).isoformat(timespec="seconds"), conditions(plan.folder))
        report.conditions["rounds"] = f"{plan.rounds}{', quick' if plan.is_quick else ''}"
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_run(plan, names, report))
        except (KeyboardInterrupt, asyncio.CancelledError):
            tell("stopped; there is no report")
            return EXIT_STOPPED
    report.failures |= plan.failures
    report.conditions |= {f"left out: {what}": why for what, why in plan.left_out.items()}
    report.conditions["load average after"] = load_average()
    write_json(report, options.json)
    Console(width=None if sys.stdout.isatty() else 140).print(render(report))
    return 1 if report.failures or (options.strict and report.missed) else 0


async def _run(plan: Plan, names: Sequence[str], report: Report) -> None:
    stop_on_sigterm()
    for name in names:
        started = perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                report.figures += await BENCHES[name](plan)
        except Exception as error:  # noqa: BLE001 - the other benches still run
            plan.fail(name, error)
        tell(f"{name}: {perf_counter() - started:.0f} s")
    report.figures += machine_limits.unary_limit(report.values())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m bench", description="Measure a node; bench/README.md says what figures mean."
    )
    parser.add_argument("--quick", action="store_true", help="just see that everything runs")
    parser.add_argument(
        "--rounds", type=whole(1, 100), help="rounds of each bench (5, or 2 if quick)"
    )
    parser.add_argument(
        "--only", action="append", choices=list(BENCHES), metavar="NAME", help=", ".join(BENCHES)
    )
    parser.add_argument(
        "--json", type=Path, default=REPORT_FOLDER / "bench.json", metavar="PATH", help="the report"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=WORK_FOLDER,
        metavar="PATH",
        help="a folder on the disk to measure",
    )
    parser.add_argument("--strict", action="store_true", help="fail when a bar is missed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
