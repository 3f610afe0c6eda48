"""What a run measured: every call by its name, its time and its end.

Pure: Locust tells it what happened. Every latency is kept, since Locust's own percentiles are of
rounded times.
"""

from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..harness.figures import percentile

PERCENTILES = (50, 95, 99, 100)

#: Of faults and wrong answers, so many are reported in words.
REMARKS_MAX = 20


class End(StrEnum):
    """How a call ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """A business no: sold out, expired. No failure."""
    REFUSED_EARLY = "refused early"
    """The node had too much to do, or no space; it did nothing, and said when to come back."""
    FAULT = "fault"
    """Any other status. Whether the command took effect is not known."""


def _latencies() -> defaultdict[str, "array[float]"]:
    return defaultdict(lambda: array("d"))


@dataclass(slots=True)
class Tally:
    """What happened so far."""

    latencies_ms: defaultdict[str, "array[float]"] = field(default_factory=_latencies)
    """Call -> its latencies; of those that the node served, refusals included."""
    ends: defaultdict[str, Counter[End]] = field(default_factory=lambda: defaultdict(Counter))
    remarks: Counter[str] = field(default_factory=Counter)
    """Faults and wrong answers in words, the first of them; and how often each came."""
    wrong_answers: int = 0
    visits: int = 0
    visits_missed: int = 0
    """Due, and not begun."""
    wake_late_ms: "array[float]" = field(default_factory=lambda: array("d"))
    """How late visits began though their user was free: the load generator's own delay."""

    def call(self, name: str, end: End, latency_ms: float, error: object) -> None:
        """A call is over."""
        self.ends[name][end] += 1
        if end in (End.ANSWERED, End.REFUSED):
            self.latencies_ms[name].append(latency_ms)
        else:
            self.tell(f"{name}: {error}")

    def wrong(self, error: object) -> None:
        """An answer cannot be right, or a visit broke off for no known reason."""
        self.wrong_answers += 1
        self.tell(f"{type(error).__name__}: {error}")

    def tell(self, text: str) -> None:
        """Count a text, on one line; new ones up to REMARKS_MAX."""
        line = " ".join(text.split())
        if line in self.remarks or len(self.remarks) < REMARKS_MAX:
            self.remarks[line] += 1

    def to_json(self) -> dict[str, Any]:
        """What the verdict needs."""
        return {
            "calls": {name: self._call_to_json(name) for name in sorted(self.ends)},
            "remarks": [f"{count:,} x {text}" for text, count in self.remarks.items()],
            "wrong_answers": self.wrong_answers,
            "visits": self.visits,
            "visits_missed": self.visits_missed,
            "wake_late_p99_ms": percentile(self.wake_late_ms, 99) if self.wake_late_ms else 0.0,
        }

    def _call_to_json(self, name: str) -> dict[str, Any]:
        ends = {end.value: self.ends[name][end] for end in End}
        latencies = sorted(self.latencies_ms[name])
        if not latencies:
            return ends
        return ends | {f"p{percent}_ms": percentile(latencies, percent) for percent in PERCENTILES}
