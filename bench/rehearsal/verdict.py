"""The verdict on a run: every objective with what was measured, and what it all comes to.

Pure: it is given what Locust recorded and what the stocktake found.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..harness.figures import Bar, Figure, at_least, at_most, figure
from ..harness.report import show
from .channel_figures import Found
from .objectives import Objectives
from .profiles import Run
from .stocktaking import Stocktake
from .tally import End

#: Goes up when a program that reads the JSON would have to change.
FORMAT = 1

#: Above these a load generator is short of processor time, and a missed latency may be its own. One
#: core is all it has; on an idle machine it wakes up within a few milliseconds.
BUSY_CPU_RATIO = 0.8
BUSY_LATE_MS = 25.0


#: Figures that a busy load generator spoils.
_TIMED = ("calls.", "run.achieved")
_DOUBT = (
    "The load generator was short of processor time: repeat on an idle machine, or send from "
    "another one, before you blame the node"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run came to."""

    run: Run
    conditions: Mapping[str, str]
    figures: list[Figure]
    failures: list[str]
    """What keeps the run from passing, besides missed objectives."""
    is_generator_busy: bool
    remarks: list[str]
    """Faults, wrong answers and differences in words, the first of them."""

    @property
    def reasons(self) -> list[str]:
        """Why it fails; none when it passes."""
        return [each.name for each in self.figures if each.is_missed] + self.failures

    @property
    def doubt(self) -> str:
        """Why a run that fails may be no fault of the node; empty when there is no such reason."""
        slow = any(each.is_missed and each.key.startswith(_TIMED) for each in self.figures)
        return _DOUBT if slow and self.is_generator_busy else ""

    def to_json(self) -> dict[str, Any]:
        """Everything, for programs."""
        return {
            "format": FORMAT,
            "verdict": "fail" if self.reasons else "pass",
            "reasons": self.reasons,
            "doubt": self.doubt,
            "profile": self.run.profile_name,
            "conditions": dict(self.conditions),
            "figures": [each.to_json() for each in self.figures],
            "remarks": self.remarks,
        }


def judge(
    run: Run,
    objectives: Objectives,
    record: Mapping[str, Any],
    stocktake: Stocktake | str,
    conditions: Mapping[str, str],
    of_channels: Found | None = None,
) -> Verdict:
    """The verdict on a run. A stocktake that failed is a text that says why."""
    figures = [*_run_figures(objectives, record), *_call_figures(objectives, record)]
    failures = list(_never_answered(run, record))
    remarks = list(record["remarks"])
    if of_channels is not None:
        figures += of_channels.figures
        failures += of_channels.failures
        remarks += of_channels.remarks
    if isinstance(stocktake, str):
        failures.append(f"the stock could not be read after the run: {stocktake}")
    else:
        figures[:0] = _stock_figures(objectives, record, stocktake)
        remarks += stocktake.remarks
    return Verdict(run, conditions, figures, failures, _is_generator_busy(record), remarks)


def _stock_figures(
    objectives: Objectives, record: Mapping[str, Any], stocktake: Stocktake
) -> Iterator[Figure]:
    bar = at_most(objectives.oversold_units_max)
    note = "promised beyond supply, at the worst moment of the run"
    yield _figure("stock.oversold", "units oversold", "x", stocktake.oversold_units, bar, note)
    bar = at_most(objectives.differing_units_max)
    note = f"{len(record['books']['levels']):,} stock levels, read when all holds had ended"
    name = "units that node and books differ by"
    yield _figure("stock.differing", name, "x", stocktake.differing_units, bar, note)


def _run_figures(objectives: Objectives, record: Mapping[str, Any]) -> Iterator[Figure]:
    bar = at_most(objectives.wrong_answers_max)
    yield _figure("run.wrong_answers", "wrong answers", "x", record["wrong_answers"], bar)
    calls = max(1, sum(_count(call, *End) for call in record["calls"].values()))
    for key, name, end, limit in (
        ("run.errors", "calls failed", End.FAULT, objectives.error_ratio_max),
        (
            "run.refused_early",
            "calls refused early",
            End.REFUSED_EARLY,
            objectives.refused_early_ratio_max,
        ),
    ):
        count = sum(_count(call, end) for call in record["calls"].values())
        note = f"{count:,} of {calls:,}"
        yield _figure(key, name, "%", count / calls, _at_most(limit), note)
    yield _achieved(objectives, record)
    yield _figure("run.hot_calls", "calls on hot SKUs", "%", record["hot_calls_ratio"], None)
    cpu, late = record["generator_cpu_ratio"], record["wake_late_p99_ms"]
    yield _figure("run.generator_cpu", "load generator's core", "%", cpu, None)
    note = "visits begun late though their user was free; it is in the latencies"
    yield _figure("run.generator_late", "load generator's delay p99", "ms", late, None, note)


def _achieved(objectives: Objectives, record: Mapping[str, Any]) -> Figure:
    visits, seconds = record["visits"], record["seconds"]
    due = visits + record["visits_missed"]
    calls = sum(_count(call, *End) for call in record["calls"].values())
    note = (
        f"{due / seconds:,.1f} a second due, {visits / seconds:,.1f} begun: "
        f"{calls / seconds:,.0f} calls a second"
    )
    limit = objectives.achieved_ratio_min
    bar = None if limit is None else at_least(limit)
    return _figure("run.achieved", "visits begun", "%", visits / max(1, due), bar, note)


def _call_figures(objectives: Objectives, record: Mapping[str, Any]) -> Iterator[Figure]:
    for name, call in record["calls"].items():
        limits = objectives.calls.get(name)
        if "p50_ms" not in call:
            continue
        answered, refused = _count(call, End.ANSWERED), _count(call, End.REFUSED)
        note = f"{answered:,} answered" + (f", {refused:,} refused" if refused else "")
        for percent in (50, 99):
            bar = _at_most(getattr(limits, f"p{percent}_ms_max", None))
            key = f"calls.{name}.p{percent}"
            yield _figure(key, f"{name} p{percent}", "ms", call[f"p{percent}_ms"], bar, note)
            note = f"slowest {show(call['p100_ms'], 'ms')}"


def _never_answered(run: Run, record: Mapping[str, Any]) -> Iterator[str]:
    """What has no latency keeps every limit: a run without answers must not pass."""
    names = ["GetAvailability", "Reserve", *(["RecordStockEvents"] if run.profile.feeds else [])]
    for name in names:
        if "p50_ms" not in record["calls"].get(name, {}):
            yield f"no {name} was answered"


def _is_generator_busy(record: Mapping[str, Any]) -> bool:
    cpu, late_ms = record["generator_cpu_ratio"], record["wake_late_p99_ms"]
    return bool(cpu > BUSY_CPU_RATIO or late_ms > BUSY_LATE_MS)


def _count(call: Mapping[str, Any], *ends: End) -> int:
    return sum(int(call[end]) for end in ends)


def _at_most(limit: float | None) -> Bar | None:
    return None if limit is None else at_most(limit)


def _figure(
    key: str, name: str, unit: str, value: float, bar: Bar | None, note: str = ""
) -> Figure:
    return figure(key, name, unit, [value], bar, note)


def render(verdict: Verdict) -> RenderableType:
    """The verdict for people: conditions, measurements, what went wrong."""
    conditions = Table(show_header=False, box=None)
    for name, value in verdict.conditions.items():
        conditions.add_row(name, value)
    table = Table()
    for name in ("objective", "measured", "limit"):
        table.add_column(name, justify="left" if name == "objective" else "right")
    table.add_column("")
    table.add_column("", style="dim")
    for each in verdict.figures:
        table.add_row(*_row(each))
    return Group(conditions, table, *(Text(text) for text in verdict.remarks), _sentence(verdict))


def _row(each: Figure) -> tuple[str | Text, ...]:
    value = show(each.value, each.unit)
    if each.bar is None:
        return each.name, value, "", "", each.note
    limit = f"{'≥' if each.bar.is_minimum else '≤'} {show(each.bar.limit, each.unit)}"
    judged = Text("FAIL", "bold red") if each.is_missed else Text("pass", "green")
    return each.name, value, limit, judged, each.note


def _sentence(verdict: Verdict) -> Text:
    if not verdict.reasons:
        return Text(f"PASS: {verdict.run.profile_name} keeps its objectives", "bold green")
    text = Text(f"FAIL: {'; '.join(verdict.reasons)}", "bold red")
    return text.append(f". {verdict.doubt}" if verdict.doubt else "")
