"""The demonstration: `python -m bench.demo --help`, or `make demo`.

The exit code: 0 all systems agree in the end, 1 some do not or it failed, 130 it was stopped.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from ..harness.command_line import EXIT_STOPPED, whole
from ..harness.plan import BenchError, tell
from ..replay.terminal import console
from .show import show
from .together import first_failure

EXIT_GOOD, EXIT_FAILED = 0, 1

SECONDS: Final = 90


def main(arguments: Sequence[str] | None = None) -> int:
    """Play and judge; the exit code."""
    parser = argparse.ArgumentParser(
        "python -m bench.demo",
        description="One stock, three marketplaces, 300 stores, a warehouse and an ERP: a "
        "promotion, an outage, and a reconciliation of every system against every other.",
    )
    parser.add_argument("--seed", type=whole(0), default=1, help="(default: %(default)s)")
    parser.add_argument(
        "--seconds", type=whole(20), default=SECONDS, help="how long (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    return ended(show(options.seed, options.seconds, console()))


def ended(play: Coroutine[Any, Any, bool]) -> int:
    """Play, and say in a sentence what ended it early; the exit code."""
    # Told to terminate, it also stops what it has started.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return EXIT_GOOD if asyncio.run(play) else EXIT_FAILED
    except KeyboardInterrupt:
        tell("Stopped.")
        return EXIT_STOPPED
    except Exception as failed:  # noqa: BLE001 - whatever it is, it is reported in a sentence
        first = first_failure(failed)
        kind = "" if isinstance(first, BenchError) else f"{type(first).__name__}: "
        tell(f"The demonstration failed: {kind}{first}")
        return EXIT_FAILED
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    sys.exit(main())
