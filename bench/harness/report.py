"""The report: figures as a table for people and as JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .figures import Figure

#: Goes up when a program that reads the JSON would have to change.
FORMAT = 1

UNITS = {"us": "µs", "x": ""}


@dataclass(slots=True)
class Report:
    """What a run found."""

    started: str
    conditions: dict[str, str]
    figures: list[Figure] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    """A bench, or a part of one -> why it failed."""

    def values(self) -> dict[str, float]:
        """Medians by key."""
        return {figure.key: figure.value for figure in self.figures}

    @property
    def missed(self) -> list[Figure]:
        """Figures that miss their bar."""
        return [figure for figure in self.figures if figure.is_missed]


def to_json(report: Report) -> dict[str, Any]:
    """Everything in the report."""
    return {
        "format": FORMAT,
        "started": report.started,
        "conditions": report.conditions,
        "figures": [figure.to_json() for figure in report.figures],
        "failures": report.failures,
    }


def write_json(report: Report, path: Path) -> None:
    """Write the report as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(to_json(report), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", "utf-8")


def render(report: Report) -> RenderableType:
    """The report for people: figures, what failed, conditions."""
    return Group(
        _figures(report.figures),
        *(Text(f"{bench} failed: {why}", "red") for bench, why in report.failures.items()),
        _conditions(report.conditions),
    )


def _figures(figures: Sequence[Figure]) -> Table:
    table = Table(title="Figures: the median of all rounds", title_justify="left")
    table.add_column("figure")
    table.add_column("median", justify="right")
    table.add_column("min … max", justify="right")
    table.add_column("bar", justify="right")
    table.add_column("")
    table.add_column("note", style="dim")
    bench = ""
    for figure in figures:
        if bench not in ("", figure.key.partition(".")[0]):
            table.add_section()
        bench = figure.key.partition(".")[0]
        table.add_row(*row(figure))
    return table


def row(figure: Figure) -> tuple[str | Text, ...]:
    """The cells of one figure."""
    low, high = min(figure.samples), max(figure.samples)
    return (
        figure.name,
        show(figure.value, figure.unit),
        f"{show(low, figure.unit)} … {show(high, figure.unit)}" if len(figure.samples) > 1 else "",
        _bar(figure),
        _verdict(figure),
        figure.note,
    )


def show(value: float, unit: str) -> str:
    """A value with three significant digits, or all of its digits before the point."""
    if unit == "%":
        return f"{value * 100:.1f} %"
    magnitude = abs(value)
    places = 0 if magnitude >= 100 or value == int(value) else 1 if magnitude >= 10 else 2
    return f"{value:,.{places}f} {UNITS.get(unit, unit)}".rstrip()


def _bar(figure: Figure) -> str:
    if figure.bar is None:
        return ""
    return f"{'≥' if figure.bar.is_minimum else '≤'} {show(figure.bar.limit, figure.unit)}"


def _verdict(figure: Figure) -> Text:
    if figure.bar is None:
        return Text("")
    return Text("miss", "bold red") if figure.is_missed else Text("pass", "green")


def _conditions(conditions: Mapping[str, str]) -> Table:
    table = Table(title="Conditions", title_justify="left", show_header=False)
    for name, value in conditions.items():
        table.add_row(name, value)
    return table
