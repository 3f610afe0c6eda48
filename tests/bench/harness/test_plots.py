"""The page shows every figure, and draws what there is to draw."""

import json
from pathlib import Path

import pytest

from bench.harness import plots
from bench.harness.figures import at_least, figure
from bench.harness.report import Report, to_json

FIGURES = [
    figure("batches.8190x4_reserve_rate", "Large", "/s", [5e5, 6e5], at_least(2e6)),
    figure("batches.1x64_reserve_rate", "Single", "/s", [7e3, 8e3]),
    figure("batches.1x1_reserve_rate", "Alone", "/s", [1e3]),
    figure("peers.redis_batch512_rate", "Redis", "/s", [2e4]),
    figure("peers.redis_callers_rate", "Redis", "/s", [1e4]),
    figure("rates.50_offered", "Offered", "/s", [4e3]),
    figure("rates.50_p99", "p99 <of a call>", "ms", [3, 5]),
]


def report(*failures: str) -> dict[str, object]:
    return to_json(Report("today", {"disk": "slow"}, FIGURES, dict.fromkeys(failures, "it broke")))


def test_lines_are_of_figures_with_a_size_or_a_rate() -> None:
    throughput, latency = plots.pictures(report())
    lines = {line.name: [point[:2] for point in line.points] for line in throughput.lines}
    assert {
        "Holdfast": [(1, 7_500), (8_190, 550_000)],
        "Redis": [(1, 10_000), (512, 20_000)],
    } == lines
    assert [("p99", ((4_000, 4, 3, 5),))] == [(line.name, line.points) for line in latency.lines]


def test_kinds_of_figures_become_lines() -> None:
    """By what stands in their keys, at the number that does."""
    keys = ("batches.512x8_hot_share", "stock.512x8_named_bytes", "memory.1000_hold_own")
    figures = [{"key": key, "median": 2.0, "min": 1.0, "max": 3.0} for key in keys]
    drawn = plots.pictures({"figures": figures})
    assert {
        "shares.png": [("one SKU", ((512, 2, 1, 3),))],
        "journal.png": [("stock fact by id", ((512, 2, 1, 3),))],
        "memory.png": [("hold", ((1_000, 2, 1, 3),))],
    } == {each.file: [(line.name, line.points) for line in each.lines] for each in drawn}


def test_what_waits_over_time_is_drawn_on_plain_axes() -> None:
    """It ends at 0, which a logarithm has not."""
    figures = [
        {"key": f"tills.{percent}_backlog", "median": left, "min": left, "max": left}
        for percent, left in ((0, 900), (90, 0))
    ]
    [picture] = plots.pictures({"figures": figures})

    assert "linear" == picture.scale
    assert ((0, 900, 900, 900), (90, 0, 0, 0)) == picture.lines[0].points


def test_a_picture_without_figures_is_left_out() -> None:
    assert [] == plots.pictures({"figures": []})


@pytest.mark.slow
def test_the_page_has_every_figure_and_what_failed(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="`make bench` installs matplotlib")
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(report("peers")), "utf-8")
    assert 0 == plots.main(["--json", str(path)])
    assert {"bench.json", "index.html", "latency.png", "throughput.png"} == {
        each.name for each in tmp_path.iterdir()
    }
    page = (tmp_path / "index.html").read_text("utf-8")
    assert len(FIGURES) == page.count("<tr><td>") - 1  # and one condition
    assert "p99 &lt;of a call&gt;" in page
    assert "peers failed: it broke" in page
    assert 1 == page.count('<b class="miss">')


def test_without_a_report_it_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 1 == plots.main(["--json", str(tmp_path / "none.json")])
    assert "expected a report" in capsys.readouterr().err
