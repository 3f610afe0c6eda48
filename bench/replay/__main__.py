"""Plays a shop's orders through a node and checks every unit: `python -m bench.replay --help`, or
`make run` and `make replay`.

The exit code: 0 all checks are good, 1 one is not or the replay failed, 2 the command line makes no
sense, 130 it was stopped.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvloop

from holdfast.edge.client import TARGET, HoldfastError

from ..harness.command_line import EXIT_STOPPED, address, whole
from ..harness.plan import BenchError, tell
from .driver import CALLERS_DEFAULT
from .job import Job, run
from .order_generator import INVOICES_DEFAULT, SEED_DEFAULT
from .order_rows import OrderFileError

EXIT_GOOD, EXIT_FAILED = 0, 1

DATA_DIR: Final = Path("data")


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay and report; the exit code."""
    job = _job(arguments)
    try:
        return EXIT_GOOD if uvloop.run(run(job, job.plan())) else EXIT_FAILED
    except (HoldfastError, BenchError, OrderFileError) as error:
        tell(str(error))
    except OSError as error:
        tell(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except (KeyboardInterrupt, asyncio.CancelledError):
        tell("Stopped. The same command again goes on where it stopped.")
        return EXIT_STOPPED
    return EXIT_FAILED


def _job(arguments: Sequence[str] | None) -> Job:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.target is not None and (options.serve or options.shards or options.data_dir):
        parser.error(
            "--serve, --shards and --data-dir are for a node that is started: leave --target away"
        )
    if options.target not in (None, TARGET) and options.admin_target is None:
        parser.error("--target needs --admin-target as well")
    options.data_dir = options.data_dir or DATA_DIR
    return Job(**vars(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m bench.replay",
        description="Play orders through a node and check every unit. A replay that was cut off "
        "goes on where it stopped when it is run again.",
    )
    add = parser.add_argument
    add("--orders", type=Path, metavar="FILE", help="orders, .csv or .csv.gz; else made up")
    add(
        "--invoices", type=whole(1), default=INVOICES_DEFAULT, metavar="N",
        help="invoices to make up (default: %(default)s)",
    )  # fmt: skip
    add(
        "--seed", type=whole(0), default=SEED_DEFAULT, metavar="N",
        help="seed to make them up from (default: %(default)s)",
    )  # fmt: skip
    add(
        "--callers", type=whole(1), default=CALLERS_DEFAULT, metavar="N",
        help="calls at a time (default: %(default)s)",
    )  # fmt: skip
    add("--target", type=address, metavar="HOST:PORT", help="a running node; else one is started")
    add(
        "--beside-others", action="store_true",
        help="write made-up stock and orders into a node that is not empty, too",
    )  # fmt: skip
    add("--admin-target", type=address, metavar="HOST:PORT", help="its admin_address")
    add("--data-dir", type=Path, metavar="DIR", help=f"its data directory (default: {DATA_DIR})")
    add("--shards", type=whole(1), metavar="N", help="shards of a new data directory")
    add("--serve", action="store_true", help="go on serving afterwards, until Ctrl-C")
    add("--json", action="store_true", dest="as_json", help="print the report as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
