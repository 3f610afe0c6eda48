"""Figures: what a bench measured, round by round, and the bar it is held against.

Pure: nothing here measures, prints or reads a clock.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit that a figure has to keep."""

    limit: float
    is_minimum: bool

    def is_kept(self, value: float) -> bool:
        """Whether a value is on the right side of the limit, or on it."""
        return value >= self.limit if self.is_minimum else value <= self.limit


def at_least(limit: float) -> Bar:
    """A bar to reach."""
    return Bar(limit, is_minimum=True)


def at_most(limit: float) -> Bar:
    """A bar to stay under."""
    return Bar(limit, is_minimum=False)


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured, once in each round."""

    key: str
    """Its name for programs, `bench.figure`; it does not change, so that runs can be compared."""
    name: str
    """Its name for people."""
    unit: str
    """"/s", "ms", "us", "s", "B", "x" for a plain number, or "%" for a ratio, which is kept as a
    fraction.
    """
    samples: tuple[float, ...]
    """The figure of each round, in the order of rounds."""
    bar: Bar | None = None
    note: str = ""
    """What else has to be known to read it."""

    @property
    def value(self) -> float:
        """The median of the rounds: one disturbed round does not move it."""
        return median(self.samples)

    @property
    def is_missed(self) -> bool:
        """Whether there is a bar and the median does not keep it."""
        return self.bar is not None and not self.bar.is_kept(self.value)

    def to_json(self) -> dict[str, Any]:
        """Everything about the figure."""
        return {
            "key": self.key,
            "name": self.name,
            "unit": self.unit,
            "median": self.value,
            "min": min(self.samples),
            "max": max(self.samples),
            "samples": list(self.samples),
            "bar": self.bar and {"limit": self.bar.limit, "is_minimum": self.bar.is_minimum},
            "is_missed": self.is_missed,
            "note": self.note,
        }


def figure(
    key: str,
    name: str,
    unit: str,
    samples: Sequence[float],
    bar: Bar | None = None,
    note: str = "",
) -> Figure:
    """A figure with at least one sample, all finite. Raises ValueError otherwise."""
    if not samples or not all(map(math.isfinite, samples)):
        raise ValueError(
            f"{key} has samples {list(samples)}: expected finite numbers, at least one"
        )
    return Figure(key, name, unit, tuple(map(float, samples)), bar, note)


def latencies(
    key: str,
    name: str,
    rounds_s: Sequence[Sequence[float]],
    *,
    of: str = "",
    percents: Sequence[int] = (50, 99),
    bars: Mapping[int, Bar] | None = None,
    note: str = "",
) -> list[Figure]:
    """Figures in milliseconds: percentiles of the latencies of each round, given in seconds."""
    suffix = f" of {of}" if of else ""
    return [
        figure(
            f"{key}_p{percent}",
            f"{name}: p{percent}{suffix}",
            "ms",
            [percentile(each_s, percent) * 1e3 for each_s in rounds_s],
            (bars or {}).get(percent),
            note,
        )
        for percent in percents
    ]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the values do not exceed (nearest rank): a
    latency that some caller really had, not one between two.
    """
    if not values or not 0 < percent <= 100:
        raise ValueError(
            f"{percent} % of {len(values)} values: expected 0 < percent <= 100, a value"
        )
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[rank - 1]


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """The quotients, round by round, so that what slowed a whole round cancels out."""
    return [one / other for one, other in zip(above, below, strict=True)]
