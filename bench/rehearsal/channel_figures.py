"""What a rehearsal with channels came to: each line of its verdict.

Pure: it is given what was seen and what differed in the end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..demo.comparisons import Line
from ..harness.figures import Bar, Figure, at_least, at_most, figure
from .objectives import Objectives
from .seen import Seen
from .trials import Trial

#: Of what differs, so much is reported in words.
REMARKS_MAX = 10


@dataclass(frozen=True, slots=True)
class Found:
    """Figures beside those of the visitors, and what is to be said of them."""

    figures: list[Figure] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """What keeps the run from passing, besides missed objectives."""
    remarks: list[str] = field(default_factory=list)


def found(seen: Seen, lines: Sequence[Line], throttled: int, objectives: Objectives) -> Found:
    """All of it. `throttled` counts the requests for which Shopify had no points."""
    figures = [_oversold(seen), *(_caught_up(seen, each, objectives) for each in seen.trials)]
    outage = seen.trials[0]
    is_shut_again = outage.key in seen.opened and outage.key in seen.caught_up_s
    name = "breaker opened, and closed again"
    figures.append(_count("outage.breaker", name, is_shut_again, f"while {outage.what}, and after"))
    figures.append(_count("limit.throttled", "requests throttled", throttled, "by Shopify"))
    figures += _compared(lines)
    differences = [f"{line.what}: {each}" for line in lines for each in line.differences]
    failures = [
        f"{trial.key}: something still waited in the end"
        for trial in seen.trials
        if trial.key not in seen.caught_up_s
    ]
    return Found(figures, failures, differences[:REMARKS_MAX])


def _oversold(seen: Seen) -> Figure:
    note = "at any moment; the limit is what the adapters said that channels might oversell"
    bar = at_most(seen.exposed_units)
    return _figure("oversold", "units oversold by channels", "x", seen.oversold_units, bar, note)


def _caught_up(seen: Seen, trial: Trial, objectives: Objectives) -> Figure:
    """Seconds from a trial's end; where it was not so by the last look, those until that."""
    limit = objectives.caught_up_s_max
    seconds = seen.caught_up_s.get(trial.key, max(0.0, seen.at - trial.end))
    note = f"after {trial.what}"
    bar = None if limit is None else at_most(limit)
    return _figure(f"{trial.key}.caught_up", f"{trial.key}: caught up", "s", seconds, bar, note)


def _compared(lines: Sequence[Line]) -> Iterator[Figure]:
    for number, line in enumerate(lines):
        note = f"{line.compared:,} compared"
        differences = len(line.differences)
        yield _figure(f"compared.{number}", line.what, "x", differences, at_most(0), note)


def _count(key: str, name: str, value: int, note: str) -> Figure:
    return _figure(key, name, "x", value, at_least(1), note)


def _figure(key: str, name: str, unit: str, value: float, bar: Bar | None, note: str) -> Figure:
    return figure(f"channels.{key}", name, unit, [value], bar, note)
