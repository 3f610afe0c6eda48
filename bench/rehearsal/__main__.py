"""Rehearses a day of a shop against a node, and says whether the node is up to it:
`python -m bench.rehearsal --help`, or `make load`.

The exit code is the verdict: 0 pass, 1 FAIL, 2 it could not be run, 130 it was stopped.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from holdfast.edge.client import HoldfastError

from ..harness.command_line import EXIT_STOPPED, address, number, whole
from ..harness.plan import REPORT_FOLDER, BenchError, tell
from .objectives import OBJECTIVES, read_objectives
from .profiles import PROFILES, Run
from .rehearse import rehearse
from .verdict import render

EXIT_PASS, EXIT_FAIL, EXIT_NOT_RUN = 0, 1, 2

#: What one Locust process can drive without being the limit itself.
USERS_MAX = 500
RATE_MAX = 1_000.0
SECONDS_MAX = 86_400.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Rehearse and report; the exit code, which is the verdict."""
    options = _parser().parse_args(arguments)
    # Absolute, since Locust runs in another folder.
    stem = options.report.resolve() / f"load-{options.profile}"
    document = stem.with_suffix(".json")
    try:
        objectives = read_objectives(options.objectives)
        options.report.mkdir(parents=True, exist_ok=True)
        document.unlink(missing_ok=True)  # so that the last verdict is not taken for this run's
        verdict = asyncio.run(rehearse(_run(options), options.target, objectives, stem))
    except (BenchError, HoldfastError, OSError) as error:
        tell(f"not run: {error}")
        return EXIT_NOT_RUN
    except (KeyboardInterrupt, asyncio.CancelledError):
        tell("stopped; there is no verdict")
        return EXIT_STOPPED
    text = json.dumps(verdict.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    document.write_text(text + "\n", "utf-8")
    Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(render(verdict))
    print(f"Report: {stem.with_suffix('.html')}\nVerdict as JSON: {document}")
    return EXIT_FAIL if verdict.reasons else EXIT_PASS


def _run(options: argparse.Namespace) -> Run:
    # The process number keeps two engineers apart who start in the same second.
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
    profile = PROFILES[options.profile]
    seconds = profile.seconds if options.duration is None else options.duration
    if seconds < profile.seconds_min:
        least = f"at least {profile.seconds_min:g} s"
        raise BenchError(f"duration is {seconds:g}: {options.profile} takes {least}")
    if profile.has_channels and options.target is not None:
        raise BenchError(
            f"target is {options.target}: {options.profile} starts a node of its own, since it "
            "brings locations and stock"
        )
    return Run(name, options.profile, options.users, options.rate, seconds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m bench.rehearsal",
        description="Rehearse a day against a node; bench/README.md says what the verdict means.",
    )
    add = parser.add_argument
    add(
        "profile", nargs="?", choices=PROFILES, default="promotion", metavar="PROFILE",
        help=f"{', '.join(PROFILES)} (default: %(default)s)",
    )  # fmt: skip
    add("--target", type=address, metavar="HOST:PORT", help="a running node; else one is started")
    add(
        "--users", type=whole(1, USERS_MAX), default=60, metavar="N",
        help="visitors at the same time, at the peak (default: %(default)s)",
    )  # fmt: skip
    add(
        "--rate", type=number(0.1, RATE_MAX), default=150.0, metavar="N",
        help="visits a second, at the peak (default: %(default)g)",
    )  # fmt: skip
    add(
        "--duration", type=number(1, SECONDS_MAX), metavar="SECONDS",
        help="length of the run (default: 60, of channels 180)",
    )  # fmt: skip
    add("--objectives", type=Path, default=OBJECTIVES, metavar="TOML", help="limits to judge by")
    add("--report", type=Path, default=REPORT_FOLDER, metavar="FOLDER", help="where to report")
    return parser


if __name__ == "__main__":
    sys.exit(main())
