"""Rehearses a day of a shop against a node, and says whether the node is up to it:
`python -m bench.rehearsal --help`, or `make load`.

It puts stock of its own on the node, lets Locust send the visitors, takes stock when all holds have
ended, and judges. The exit code is the verdict: 0 pass, 1 FAIL, 2 it could not be run.
"""

import argparse
import asyncio
import json
import math
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from holdfast.edge.client import Client, HoldfastError

from ..harness.conditions import load_average
from ..harness.node_server import node_server
from ..harness.plan import ROOT, BenchError, tell
from .objectives import OBJECTIVES, Objectives, read_objectives
from .profiles import PROFILES, Run
from .stocktaking import Stocktake, stocked, take_stock
from .verdict import Verdict, judge, render

EXIT_PASS, EXIT_FAIL, EXIT_NOT_RUN = 0, 1, 2
EXIT_STOPPED = 130  # as shells have it

REPORT = ROOT / "bench" / "report"

#: A disk as good as the checkout's; see __main__.py.
FOLDER = ROOT / "build"

#: What one Locust process can drive without being the limit itself.
USERS_MAX = 500
RATE_MAX = 1_000.0
SECONDS_MAX = 86_400.0

#: A visit under way at the end may still wait for three answers of five seconds.
STOP_TIMEOUT_S = 20

#: Locust has to be over by then; it starts in a few seconds on an idle machine.
HANGS_AFTER_S = 120.0

TIMEOUT_S = 5.0

#: Between calls only gRPC's backup poller looks whether a connection has come back, every 5 s. To a
#: node that was back after 3 s, calls went on failing until 11 s.
QUICK_RECONNECT = {"GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS": "100"}


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a run reports."""

    html: Path
    verdict: Path
    log: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Rehearse, report, and return the exit code."""
    options = _parser().parse_args(arguments)
    stem = options.report / f"load-{options.profile}"
    paths = Paths(*(stem.with_suffix(suffix) for suffix in (".html", ".json", ".log")))
    try:
        objectives = read_objectives(options.objectives)
        options.report.mkdir(parents=True, exist_ok=True)
        paths.verdict.unlink(missing_ok=True)  # nobody shall take the last verdict for this run's
        verdict = asyncio.run(_rehearse(options, objectives, paths))
    except (BenchError, HoldfastError, OSError) as error:
        tell(f"not run: {error}")
        return EXIT_NOT_RUN
    except (KeyboardInterrupt, asyncio.CancelledError):
        tell("stopped; there is no verdict")
        return EXIT_STOPPED
    text = json.dumps(verdict.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    paths.verdict.write_text(text + "\n", "utf-8")
    Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(render(verdict))
    print(f"Report: {paths.html}\nVerdict as JSON: {paths.verdict}")
    return EXIT_FAIL if verdict.reasons else EXIT_PASS


async def _rehearse(options: argparse.Namespace, objectives: Objectives, paths: Paths) -> Verdict:
    _stop_on_sigterm()
    started = datetime.now(UTC)
    # The process number keeps two engineers apart who start in the same second.
    name = f"{started:%Y%m%dT%H%M%S}-{os.getpid()}"
    run = Run(name, options.profile, options.users, options.rate, options.duration)
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="load-", dir=FOLDER) as folder:
        async with _node(options.target, Path(folder)) as target, Client(target) as client:
            conditions = await _conditions(client, run, options.target, started)
            async with stocked(client, run):
                tell(f"{run.profile_name} against {target} for {run.seconds:g} s ...")
                record = await _locust(run, target, Path(folder), paths)
                tell(f"waiting {run.hold_s:g} s for the last holds to end ...")
                stocktake = await _take_stock(client, run, record)
    return judge(run, objectives, record, stocktake, conditions)


def _stop_on_sigterm() -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


@asynccontextmanager
async def _node(target: str | None, folder: Path) -> AsyncIterator[str]:
    """Name the node to ask; start one when none is given."""
    if target is not None:
        yield target
        return
    tell("starting a node ...")
    async with node_server(folder) as server:
        yield server.address


async def _conditions(
    client: Client, run: Run, target: str | None, started: datetime
) -> dict[str, str]:
    try:
        status = await client.get_status(timeout_s=TIMEOUT_S)
    except HoldfastError as error:
        message = f"no node answers at {client.target} ({error}): expected TARGET=host:port of one"
        raise BenchError(message) from None
    return {
        "profile": f"{run.profile_name}, {run.seconds:g} s, from {started:%Y-%m-%d %H:%M:%S} UTC",
        "load": f"{run.rate:g} visits a second at the peak, by {run.users} users",
        "stock": f"{run.hot_stock:,} units of each hot SKU, holds of {run.hold_s:g} s, "
        f"names with {run.name}",
        "node": f"{status.version} at {client.target}"
        + ("" if target else ", on this machine, started for the run"),
        "load average before": load_average(),
    }


async def _locust(run: Run, target: str, folder: Path, paths: Paths) -> dict[str, Any]:
    """Let Locust send the visitors, in a process of its own: gevent and asyncio do not mix."""
    run_file, record_file = folder / "run.json", folder / "record.json"
    run_file.write_text(json.dumps(asdict(run)), "utf-8")
    command = (
        *(sys.executable, "-m", "locust", "-f", "bench/rehearsal/locustfile.py", "--headless"),
        *("--host", target, "--html", str(paths.html.resolve())),
        *("--stop-timeout", str(STOP_TIMEOUT_S), "--only-summary"),
        *("--run-file", str(run_file), "--record-file", str(record_file)),
    )
    with paths.log.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env={**os.environ, **QUICK_RECONNECT},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            async with asyncio.timeout(run.seconds + HANGS_AFTER_S):
                await process.wait()
        except TimeoutError:
            raise BenchError(f"Locust has hung; see {paths.log}") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if not record_file.exists():
        raise BenchError(f"Locust ended with {process.returncode} and no record; see {paths.log}")
    record: dict[str, Any] = json.loads(record_file.read_text("utf-8"))
    return record


async def _take_stock(client: Client, run: Run, record: dict[str, Any]) -> Stocktake | str:
    """Take stock. A node that does not answer any more has failed, and gets its verdict."""
    try:
        return await take_stock(client, record["books"], run.hold_s)
    except HoldfastError as error:
        return str(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m bench.rehearsal",
        description="Rehearse a day against a node; bench/README.md says what the verdict means.",
    )
    parser.add_argument(
        "profile", nargs="?", choices=list(PROFILES), default="promotion", metavar="PROFILE",
        help=", ".join(PROFILES),
    )  # fmt: skip
    parser.add_argument("--target", type=_address, metavar="HOST:PORT", help="a node that runs")
    parser.add_argument("--users", type=_users, default=60, help="at the same time, at the peak")
    parser.add_argument("--rate", type=_rate, default=150.0, help="visits a second at the peak")
    parser.add_argument("--duration", type=_seconds, default=60.0, metavar="SECONDS")
    parser.add_argument("--objectives", type=Path, default=OBJECTIVES, metavar="TOML")
    parser.add_argument("--report", type=Path, default=REPORT, metavar="FOLDER")
    return parser


def _address(text: str) -> str:
    if not re.fullmatch(r"\S+:\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r}: expected host:port")
    return text


def _users(text: str) -> int:
    return int(_between(text, int, 1, USERS_MAX))


def _rate(text: str) -> float:
    return _between(text, float, 0.1, RATE_MAX)


def _seconds(text: str) -> float:
    return _between(text, float, 1, SECONDS_MAX)


def _between(text: str, kind: type[float], least: float, most: float) -> float:
    try:
        number = kind(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text}: expected {least:g} to {most:g}")
    return number


if __name__ == "__main__":
    sys.exit(main())
