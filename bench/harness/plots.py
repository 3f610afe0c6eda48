"""Pictures of a report: `python -m bench.harness.plots`, after a run. Needs matplotlib, which
`make bench` installs.
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .plan import REPORT_FOLDER
from .report_page import page

REPORT = REPORT_FOLDER / "bench.json"

#: Kinds of figures, by key, with what to call them.
SHARES = {"hot": "one SKU", "commit": "commit", "release": "release", "refused": "sold out"}
BYTES = {
    "reserve": "reserve",
    "commit": "commit",
    "numbered": "stock fact by number",
    "named": "stock fact by id",
}
HELD = {"level": "stock level", "hold": "hold"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a picture: medians, with lowest and highest round."""

    name: str
    points: tuple[tuple[float, float, float, float], ...]
    """x, median, lowest and highest round."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What to draw."""

    file: str
    title: str
    x: str
    y: str
    lines: tuple[Line, ...]
    scale: str = "log"
    """Of both axes."""


def pictures(report: Mapping[str, Any]) -> list[Picture]:
    """The pictures that the report has figures for."""
    figures: dict[str, Any] = {each["key"]: each for each in report["figures"]}
    found = [
        Picture(
            "throughput.png",
            "Durable reserves a second against batch size",
            "operations a message",
            "reserves a second",
            _throughput(figures),
        ),
        Picture(
            "latency.png",
            "Latency of a Reserve against offered rate",
            "calls offered a second",
            "ms from when the call was due",
            _latency(figures),
        ),
        Picture(
            "shares.png",
            "Other loads beside reserves over many SKUs",
            "operations a message",
            "share of the rate of reserves",
            _of(figures, r"batches\.(\d+)x(?!1_)\d+_{}_share", SHARES),
        ),
        Picture(
            "journal.png",
            "What an operation adds to the journal",
            "operations a message",
            "bytes",
            _of(figures, r"(?:batches|stock)\.(\d+)x\d+_{}_bytes", BYTES),
        ),
        Picture(
            "memory.png",
            "Memory of a node, for one",
            "of them on the node",
            "bytes, without pages of files",
            _of(figures, r"memory\.(\d+)_{}_own", HELD),
        ),
        Picture(
            "tills-backlog.png",
            "Tills come back: messages that are not in the core yet",
            "% of the time until all are in",
            "messages",
            _of(figures, r"tills\.(\d+)_{}", {"backlog": "backlog"}),
            "linear",
        ),
        Picture(
            "tills-reserve.png",
            "Tills come back: Reserve meanwhile",
            "% of the time until all are in",
            "ms from when the call was due",
            _of(figures, r"tills\.(\d+)_reserve_{}", {"p50": "p50", "p99": "p99"}),
            "linear",
        ),
    ]
    return [each for each in found if each.lines]


def _throughput(figures: Mapping[str, Any]) -> tuple[Line, ...]:
    kinds = [
        ("Holdfast", r"batches\.(\d+)x(?!1_)\d+_reserve_rate"),
        ("Holdfast, by turns with the others", r"peers\.holdfast_(?:batch(\d+)|callers)_rate"),
        ("Redis", r"peers\.redis_(?:batch(\d+)|callers)_rate"),
        ("PostgreSQL", r"peers\.postgres_(?:batch(\d+)|callers)_rate"),
        ("TigerBeetle, its own benchmark", r"peers\.tigerbeetle_batch(\d+)_rate"),
    ]
    return _lines([(name, _matching(figures, pattern)) for name, pattern in kinds])


def _latency(figures: Mapping[str, Any]) -> tuple[Line, ...]:
    lines = []
    for percent in (50, 95, 99):
        points = []
        for share, each in _matching(figures, rf"rates\.(\d+)_p{percent}"):
            offered = figures.get(f"rates.{share:.0f}_offered")
            if offered is not None:
                points.append((offered["median"], each))
        lines.append((f"p{percent}", points))
    return _lines(lines)


def _of(figures: Mapping[str, Any], pattern: str, kinds: Mapping[str, str]) -> tuple[Line, ...]:
    """A line for each kind, whose key stands in the pattern."""
    return _lines([(name, _matching(figures, pattern.format(key))) for key, name in kinds.items()])


def _matching(figures: Mapping[str, Any], pattern: str) -> list[tuple[float, Any]]:
    """Figures by the number in their key; 1 where it has none."""
    found = [(re.fullmatch(pattern, key), each) for key, each in figures.items()]
    return [(float(match[1] or 1), each) for match, each in found if match]


def _lines(named: Sequence[tuple[str, Sequence[tuple[float, Any]]]]) -> tuple[Line, ...]:
    return tuple(
        Line(name, tuple(sorted((x, f["median"], f["min"], f["max"]) for x, f in points)))
        for name, points in named
        if points
    )


def draw(picture: Picture, folder: Path) -> None:
    """Draw one picture; bars reach from the lowest round to the highest."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only who draws needs it

    drawing = Figure(figsize=(8, 5), layout="constrained")
    axes = drawing.subplots()
    for line in picture.lines:
        x, middle, low, high = zip(*line.points, strict=True)
        below = [one - other for one, other in zip(middle, low, strict=True)]
        above = [one - other for one, other in zip(high, middle, strict=True)]
        axes.errorbar(x, middle, (below, above), marker="o", capsize=3, label=line.name)
    axes.set(
        title=picture.title,
        xlabel=picture.x,
        ylabel=picture.y,
        xscale=picture.scale,
        yscale=picture.scale,
    )
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    drawing.savefig(folder / picture.file, dpi=120)


def write(report: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw the pictures and write the page; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = pictures(report)
    for picture in drawn:
        draw(picture, folder)
    index = folder / "index.html"
    index.write_text(page(report, {each.file: each.title for each in drawn}), "utf-8")
    return [*(folder / each.file for each in drawn), index]


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the report of the last run; the exit code."""
    parser = argparse.ArgumentParser("python -m bench.harness.plots", description=__doc__)
    parser.add_argument("--json", type=Path, default=REPORT, metavar="PATH", help="the report")
    options = parser.parse_args(arguments)
    try:
        report = json.loads(options.json.read_text("utf-8"))
        files = write(report, options.json.parent)
    except FileNotFoundError:
        print(f"{options.json} is missing: expected a report of `python -m bench`", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f"{error.name} is missing: `make bench` installs it", file=sys.stderr)
        return 1
    for path in files:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
