"""The plan of a run: what every bench is given."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

REPORT_FOLDER = ROOT / "bench" / "report"

#: Where servers keep their data, on a disk as good as the checkout's: a temporary folder of the
#: system may be in memory, where a sync costs nothing.
WORK_FOLDER = ROOT / "build"


class BenchError(Exception):
    """Something could not be run, or a server did not do as it was asked; the text says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure, and where."""

    folder: Path
    """Where servers keep their data; it is emptied after the run."""
    rounds: int = 5
    is_quick: bool = False
    """Whether just to see that everything runs: the figures of a quick run mean little."""

    left_out: dict[str, str] = field(default_factory=dict)
    """What a bench could not measure -> why. The report says it."""
    failures: dict[str, str] = field(default_factory=dict)
    """What failed, a bench or a part of one -> why."""

    def leave_out(self, what: str, why: str) -> None:
        """Note what a bench goes on without, and why."""
        self.left_out[what] = why
        tell(f"{what} left out: {why}")

    def fail(self, what: str, error: Exception) -> None:
        """Note what failed while the rest goes on; the run then ends with exit code 1."""
        first = error
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        self.failures[what] = f"{type(first).__name__}: {first}"
        tell(f"{what} failed: {self.failures[what]}")

    def count(self, full: int, quick: int) -> int:
        """The size to use: `quick` in a quick run."""
        return quick if self.is_quick else full

    def each_round(self, bench: str) -> Iterator[int]:
        """The numbers of the rounds, telling each on the terminal."""
        for number in range(self.rounds):
            tell(f"{bench}: round {number + 1} of {self.rounds}")
            yield number


def tell(text: str) -> None:
    """Print progress on stderr, apart from the report."""
    print(text, file=sys.stderr, flush=True)
