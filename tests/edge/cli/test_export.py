"""Files for other programs: they contain what the directory holds."""

import csv
import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from holdfast.core.commands import (
    AvailabilitiesView,
    GetAvailability,
    LevelView,
    Location,
    UpdateLocation,
)
from holdfast.core.model import LocationKind, SourceState
from holdfast.core.node import Node
from holdfast.edge.cli.main import app
from holdfast.persistence.ledger import export
from holdfast.persistence.ledger.movements import LEVEL_COLUMNS
from tests.edge.cli.commands import flat
from tests.persistence.lives import PLACES, Nobody, close, life_of, live_on, read_back, reopen
from tests.persistence.test_earlier_builds import unpacked


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that has lived."""
    path = tmp_path_factory.mktemp("export") / "data"
    live_on(path, turns=30, seed=4)
    return path


def exported(what: str, path: Path, file: Path, form: str = "csv") -> Any:
    done = CliRunner().invoke(app, ["export", what, str(path), str(file), "--format", form])
    assert 0 == done.exit_code, done.output
    return done


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def levels_of(node: Node) -> dict[tuple[str, str], list[int]]:
    """The levels of SKUs that have not ended."""
    return {
        shard.name_row(row): [int(record[name]) for name in LEVEL_COLUMNS]
        for shard in node.shards
        for row, record in enumerate(shard.levels.used)
        if shard.is_open(row)
    }


def reads_of(node: Node) -> dict[tuple[str, str], LevelView]:
    """What a read answers of every level of every SKU, by the name that it has now."""
    names = {node.sku_names.current_name(sku) for sku, _ in levels_of(node)}
    assert node.post(GetAvailability(tuple(sorted(names))), Nobody())
    ((_, answer),) = node.turn(node.now_ns).answers
    assert isinstance(answer, AvailabilitiesView)
    views = [view for view in answer.views if view is not None]
    return {(view.sku, level.location): level for view in views for level in view.levels}


def test_the_state_is_what_reads_answer(tmp_path: Path) -> None:
    """Of levels with units under statuses, in quarantine, on order and promised of that, of sources
    that are silent, of SKUs that have another name now and of a location that is disabled.
    """
    path = unpacked("schema-16", tmp_path)
    recovered = reopen(path, 3)
    closed = Location(PLACES[0], LocationKind.STORE, "", enabled=False)
    assert life_of(recovered, random.Random(1)).turn([UpdateLocation(closed)])
    close(recovered)
    exported("state", path, tmp_path / "state.csv")
    found = {}
    for row in rows_of(tmp_path / "state.csv"):
        by_status = json.loads(row["unavailable_by_status"])
        assert int(row["unavailable"]) == sum(by_status.values())
        found[row["sku"], row["location"]] = LevelView(
            location=row["location"],
            on_hand=int(row["on_hand"]),
            reserved=int(row["reserved"]),
            committed=int(row["committed"]),
            available=int(row["available"]),
            enabled=bool(int(row["enabled"])),
            unavailable=by_status,
            incoming=int(row["incoming"]),
            is_quarantined=bool(int(row["quarantined"])),
            state=SourceState[row["source_state"]],
            backordered=int(row["backordered"]),
        )
    expected = reads_of(recovered.node)
    assert expected == found
    for name in ("unavailable", "incoming", "is_quarantined", "backordered"):
        assert any(getattr(level, name) for level in expected.values()), name
    assert 2 == len({level.enabled for level in expected.values()})
    assert 1 < len({level.state for level in expected.values()})


def test_the_ledger_leads_to_the_state(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Movement by movement, in small batches."""
    monkeypatch.setattr(export, "BATCH_ROWS", 50)
    exported("ledger", path, tmp_path / "ledger.csv")
    rows = rows_of(tmp_path / "ledger.csv")
    assert [str(number) for number in range(len(rows))] == [row["number"] for row in rows]
    last: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        name = row["sku"], row["location"]
        last[name] = [int(row[f"{column}_after"]) for column in LEVEL_COLUMNS]
    _, state = read_back(path)
    levels = levels_of(state.node)
    ended = {row["sku"] for row in rows if row["kind"] == "SKU_ENDED"}
    assert len(levels) > 10
    for name, figures in levels.items():
        if name[0] not in ended:
            assert figures == last[name]
    assert {"RECEIPT", "RESERVE", "COMMIT"} <= {row["kind"] for row in rows}
    assert {"damaged", "inspect"} <= {row["status"] for row in rows}
    assert all((row["kind"] == "UNAVAILABLE") == bool(row["status"]) for row in rows)


@pytest.mark.parametrize("what", ["ledger", "state"])
def test_parquet_has_what_csv_has(what: str, path: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    exported(what, path, tmp_path / "out.csv")
    exported(what, path, tmp_path / "out.parquet", "parquet")
    table = parquet.read_table(tmp_path / "out.parquet")
    rows = rows_of(tmp_path / "out.csv")
    assert list(rows[0]) == table.column_names
    for name in table.column_names:
        if "time" not in name:
            assert [row[name] for row in rows] == list(map(str, table[name].to_pylist()))


def test_nothing_is_left_of_an_export_that_is_stopped(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BATCH_ROWS", 0)  # of which no range is made
    done = CliRunner().invoke(app, ["export", "state", str(path), str(tmp_path / "out.csv")])
    assert isinstance(done.exception, ValueError)
    assert [] == list(tmp_path.iterdir())


def test_what_cannot_be_written_is_reported(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "no such folder" / "out.csv"
    done = CliRunner().invoke(app, ["export", "state", str(path), str(file)])
    assert 1 == done.exit_code
    assert "cannot be written: No such file or directory" in flat(done.output)


def test_a_missing_library_is_named(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    arguments = ["export", "state", str(path), str(tmp_path / "out"), "--format", "parquet"]
    done = CliRunner().invoke(app, arguments)
    assert 1 == done.exit_code
    assert "pip install 'holdfast[parquet]'" in flat(done.output)
    assert [] == list(tmp_path.iterdir())
