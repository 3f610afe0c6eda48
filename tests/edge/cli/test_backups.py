"""backup, restore and rebuild as an operator meets them: what they print, refuse and take."""

import json
from pathlib import Path

import pytest
import typer

from holdfast.edge.cli.backups import parse_time
from holdfast.persistence.data_directory import read_node_json
from holdfast.persistence.time_texts import exact_time_text
from holdfast.persistence.verify import verify
from tests.edge.cli.commands import flat, run
from tests.persistence.lives import flip_in_last_value, live_on, snapshot_of


@pytest.fixture
def data(tmp_path: Path) -> Path:
    live_on(tmp_path / "data", turns=20, seed=1)
    snapshot_of(tmp_path / "data")
    live_on(tmp_path / "data", turns=5, seed=2)
    return tmp_path / "data"


def test_a_backup_says_where_it_ends(data: Path, tmp_path: Path) -> None:
    report = verify(data)
    result = run("backup", data, tmp_path / "backup")
    assert 0 == result.exit_code, result.output
    end = f"position {report.position:,} ({exact_time_text(report.now_ns)})"
    assert f"It ends at {end}, state hash {report.state_hash}." in flat(result.stdout)
    assert "is a good backup." in flat(result.stdout)

    answer = json.loads(run("backup", data, tmp_path / "again", "--json").stdout)
    assert {
        "path": str(tmp_path / "again"),
        "position": report.position,
        "time": exact_time_text(report.now_ns),
        "state_hash": report.state_hash,
        "notes": [],
    } == answer


def test_verify_and_journal_read_a_backup_too(data: Path, tmp_path: Path) -> None:
    run("backup", data, tmp_path / "backup")
    for command in ("verify", "journal"):
        results = [run(command, path, "--json") for path in (data, tmp_path / "backup")]
        assert [0, 0] == [result.exit_code for result in results]
        texts = [result.stdout.replace(str(tmp_path / "backup"), str(data)) for result in results]
        assert texts[0] == texts[1]


def test_a_backup_that_exists_is_not_overwritten(data: Path, tmp_path: Path) -> None:
    run("backup", data, tmp_path / "backup")
    result = run("backup", data, tmp_path / "backup")
    assert 1 == result.exit_code
    assert "nothing is overwritten" in flat(result.stderr)


def test_a_restore_says_what_it_takes_back(data: Path, tmp_path: Path) -> None:
    run("backup", data, tmp_path / "backup")
    end = verify(data)
    result = run("restore", tmp_path / "backup", tmp_path / "old", "--position", 10)
    assert 0 == result.exit_code, result.output
    said = flat(result.stdout)
    restored = verify(tmp_path / "old")
    times = f"{exact_time_text(restored.now_ns)} to {exact_time_text(end.now_ns)}"
    assert f"Taken back: all answers that rest on positions 11 to {end.position:,}, {times}" in said
    timeline = f"{read_node_json(tmp_path / 'old').timeline:016x}"
    assert f"position 10 ({exact_time_text(restored.now_ns)}), timeline {timeline}." in said

    report = json.loads(run("restore", tmp_path / "backup", tmp_path / "new", "--json").stdout)
    timeline = f"{read_node_json(tmp_path / 'new').timeline:016x}"
    assert {
        "path": str(tmp_path / "new"),
        "timeline": timeline,
        "position": end.position,
        "time": exact_time_text(end.now_ns),
        "source_position": end.position,
        "source_time": exact_time_text(end.now_ns),
        "state_hash": end.state_hash,
    } == report


def test_a_time_that_was_printed_leads_back_to_it(data: Path, tmp_path: Path) -> None:
    """To the nanosecond, as `restore` and `backup` print it."""
    report = json.loads(run("restore", data, tmp_path / "10", "--position", 10, "--json").stdout)
    again = run("restore", data, tmp_path / "again", "--at", report["time"], "--json")
    assert report["time"] == json.loads(again.stdout)["time"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--at", "yesterday"), "'yesterday' is no time: expected one of RFC 3339"),
        (("--at", "2026-11-26"), "is no time"),
        (("--at", "2026-11-26T02:30:00"), "with a zone"),
        (("--at", "2026-02-30T02:30:00Z"), "is no time"),
        (("--position", "0"), "greater than or equal to 1"),
        (("--position", "3", "--at", "2026-11-26T02:30:00Z"), "give one of them"),
    ],
)
def test_a_point_that_is_none_is_refused(
    words: tuple[str, ...], expected: str, data: Path, tmp_path: Path
) -> None:
    result = run("restore", data, tmp_path / "restored", *words)
    assert 2 == result.exit_code
    assert expected in flat(result.stderr)
    assert not (tmp_path / "restored").exists()


def test_a_point_out_of_reach_is_refused_with_what_there_is(data: Path, tmp_path: Path) -> None:
    for words in (("--at", "1969-12-31T00:00:00Z"), ("--position", 1_000)):
        result = run("restore", data, tmp_path / "restored", *words)
        assert 1 == result.exit_code
        assert "There is positions 1 (1970-01-01T" in flat(result.stderr)


def test_times_are_read_to_the_nanosecond_and_in_any_zone() -> None:
    assert 0 == parse_time("1970-01-01T00:00:00Z")
    assert 1 == parse_time("1970-01-01T00:00:00.000000001Z")
    assert 1_500_000_000 == parse_time("1970-01-01t00:00:01.5z")
    assert 0 == parse_time("1970-01-01T02:00:00+02:00")
    assert -1 == parse_time("1969-12-31T23:59:59.999999999Z")
    with pytest.raises(typer.BadParameter):
        parse_time("1970-01-01T00:00:00.0000000001Z")


def test_a_rebuilt_state_is_compared_and_written(data: Path) -> None:
    report = verify(data)
    result = run("rebuild", data, "--verify")
    assert 0 == result.exit_code, result.output
    assert (
        f"state at position {report.position:,}, state hash {report.state_hash}." in result.stdout
    )
    assert "leads to, to the byte." in flat(result.stdout)

    result = run("rebuild", data)
    assert 0 == result.exit_code, result.output
    assert f"Written as snapshot-{report.position:012}.npz." in flat(result.stdout)
    answer = json.loads(run("rebuild", data, "--verify", "--json").stdout)
    assert (f"snapshot-{report.position:012}.npz", []) == (
        answer["snapshot"],
        answer["differences"],
    )


def test_a_damaged_journal_is_not_rebuilt_and_can_be_restored_up_to_there(
    data: Path, tmp_path: Path
) -> None:
    flip_in_last_value(data / "journal.mdb")
    result = run("rebuild", data, "--verify")
    assert 1 == result.exit_code
    assert "journal.mdb: damaged at byte" in flat(result.stderr)
    result = run("restore", data, tmp_path / "restored")
    assert 1 == result.exit_code
    advice = flat(result.stderr).rpartition("`--position ")[2].split("`")[0]
    assert 0 == run("restore", data, tmp_path / "restored", "--position", advice).exit_code
