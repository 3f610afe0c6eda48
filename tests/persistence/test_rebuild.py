"""The state from the journal alone, compared to the byte with that of a start."""

from pathlib import Path

import pytest

from holdfast.persistence.archive.segments import MissingHistoryError, limit
from holdfast.persistence.backup import back_up
from holdfast.persistence.data_directory import DirectoryError, read_node_json
from holdfast.persistence.lmdb.data_file import DamagedFileError
from holdfast.persistence.rebuild import verify_rebuilt, write_rebuilt
from holdfast.persistence.recovery import empty_node
from holdfast.persistence.snapshots.file import load_snapshot, write_snapshot
from tests.persistence.archive.test_trimmed import trim
from tests.persistence.lives import (
    digests,
    flip,
    flip_in_last_value,
    full_replay,
    read_back,
    snapshot_paths,
)


def test_the_journal_leads_to_the_state_of_the_newest_snapshot(path: Path) -> None:
    """Also from the archive on; every append is reported."""
    newest = snapshot_paths(path)[0].name
    _, expected = read_back(path)
    progress: list[tuple[int, int]] = []
    for is_trimmed in (False, True):
        if is_trimmed:
            trim(path)
        rebuilt = verify_rebuilt(path, lambda done, total: progress.append((done, total)))
        assert ([], newest) == (rebuilt.differences, rebuilt.snapshot)
        assert (expected.position, expected.node.state_hash()) == (
            rebuilt.position,
            rebuilt.state_hash,
        )
    assert 2 * [(n, expected.position) for n in range(1, expected.position + 1)] == progress


def test_a_state_that_the_journal_does_not_lead_to_is_found(path: Path) -> None:
    """A snapshot that is whole, and of another state: the column is named."""
    directory, state = read_back(path)
    state.node.shards[2].levels.records["on_hand"][0] += 1
    write_snapshot(directory, state)
    assert ["levels of shard 2"] == verify_rebuilt(path).differences


def test_a_bad_snapshot_is_passed_over(path: Path) -> None:
    newest, older = snapshot_paths(path)
    newest.write_bytes(flip(newest.read_bytes(), 4_000))
    assert older.name == verify_rebuilt(path).snapshot
    older.unlink()
    assert ("", []) == (verify_rebuilt(path).snapshot, verify_rebuilt(path).differences)


def test_a_backup_is_rebuilt_in_the_same_way_and_stays_as_it_is(path: Path, tmp_path: Path) -> None:
    back_up(path, tmp_path / "backup")
    before = {each: each.read_bytes() for each in (tmp_path / "backup").rglob("*.*")}
    assert [] == verify_rebuilt(tmp_path / "backup").differences
    with pytest.raises(DirectoryError, match="a backup, which stays as it is"):
        write_rebuilt(tmp_path / "backup")
    assert before == {each: each.read_bytes() for each in (tmp_path / "backup").rglob("*.*")}


def test_where_history_was_dropped_it_says_what_it_needs(path: Path) -> None:
    first = trim(path) + 1
    limit(read_node_json(path), 0)
    for rebuild in (verify_rebuilt, write_rebuilt):
        with pytest.raises(
            MissingHistoryError,
            match=rf"before position {first} was dropped, .* raise archive_max_mib .* backup whose",
        ):
            rebuild(path)


def test_damage_in_the_journal_is_named(path: Path) -> None:
    flip_in_last_value(path / "journal.mdb")
    with pytest.raises(DamagedFileError, match=r"journal.mdb: damaged at byte \d+"):
        verify_rebuilt(path)


def test_the_rebuilt_state_is_written_as_the_newest_snapshot(path: Path) -> None:
    expected = full_replay(path)
    for each in snapshot_paths(path):
        each.unlink()
    rebuilt = write_rebuilt(path)
    (written,) = snapshot_paths(path)
    assert rebuilt.snapshot == written.name
    node = load_snapshot(written, empty_node(read_node_json(path))).node
    assert digests(expected) == digests(node)
