"""A directory whose history has left the journal starts, is verified, and damage is found."""

import shutil
from pathlib import Path

import pytest

from holdfast.persistence.archive.segments import archive, archived_to, limit, segments
from holdfast.persistence.data_directory import DirectoryError, read_node_json
from holdfast.persistence.lmdb.store import LmdbJournal
from holdfast.persistence.past import Wanted
from holdfast.persistence.restore import restore
from holdfast.persistence.verify import verify
from tests.persistence.journals import open_journal
from tests.persistence.lives import close, digests, flip, live_on, reopen, snapshot_of


def forget(journal: LmdbJournal, up_to: int) -> None:
    """Delete what a busy node would have by now, without an append of its own."""
    with journal._env.begin(write=True) as transaction, transaction.cursor() as cursor:
        while cursor.first() and int.from_bytes(cursor.key(), "big") <= up_to:
            cursor.delete()


def trim(path: Path) -> int:
    """Archive the appends up to the older snapshot and let the journal forget it."""
    directory = read_node_json(path)
    older = min(int(each.stem.removeprefix("snapshot-")) for each in directory.snapshots.iterdir())
    journal = open_journal(directory.journal)
    archive(directory, journal, older)
    assert older == archived_to(directory)
    forget(journal, older)
    assert older + 1 == journal.first
    journal.close()
    return older


@pytest.fixture
def trimmed(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    for seed in range(3):
        live_on(path, 30, seed)
        if seed < 2:
            snapshot_of(path)
    trim(path)
    return path


def test_it_starts_as_if_nothing_had_left(trimmed: Path) -> None:
    recovered = reopen(trimmed)
    close(recovered)
    assert recovered.snapshot_position
    assert recovered.node.state_hash() == verify(trimmed).state_hash


def test_it_is_verified_from_the_first_append_on(trimmed: Path) -> None:
    report = verify(trimmed)
    assert ([], []) == (report.findings, report.notes)
    recovered = reopen(trimmed)
    close(recovered)
    assert recovered.journal.position == report.appends
    assert 2 == report.snapshots


def test_without_snapshots_it_starts_from_the_archive(trimmed: Path) -> None:
    recovered = reopen(trimmed)
    close(recovered)
    for each in (trimmed / "snapshots").iterdir():
        each.unlink()
    replayed = reopen(trimmed)
    close(replayed)
    assert 0 == replayed.snapshot_position
    assert digests(replayed.node) == digests(recovered.node)


def test_life_goes_on_after_a_trim(trimmed: Path) -> None:
    for seed in range(10, 14):
        expected = live_on(trimmed, 20, seed)
        snapshot_of(trimmed)
        trim(trimmed)
        report = verify(trimmed)
        assert ([], expected) == (report.findings, report.state_hash)


def test_where_history_was_dropped_it_starts_and_is_verified_from_a_snapshot(trimmed: Path) -> None:
    before = verify(trimmed)
    limit(read_node_json(trimmed), 0)
    recovered = reopen(trimmed)
    close(recovered)
    report = verify(trimmed)
    assert ([], before.state_hash) == (report.findings, report.state_hash)
    assert "was dropped" in report.notes[0]
    assert recovered.node.state_hash() == report.state_hash


def test_where_history_was_dropped_and_no_snapshot_is_good_it_says_so(trimmed: Path) -> None:
    limit(read_node_json(trimmed), 0)
    for each in (trimmed / "snapshots").iterdir():
        each.unlink()
    with pytest.raises(DirectoryError, match="was dropped"):
        reopen(trimmed)
    assert "no good snapshot" in verify(trimmed).findings[0].reason


@pytest.fixture
def older(trimmed: Path, tmp_path: Path) -> tuple[Path, int, str]:
    """A directory into which an older journal was put, the position that its archive reaches, and
    the state hash of that.
    """
    path = tmp_path / "older"
    shutil.copytree(trimmed, path, ignore=shutil.ignore_patterns("archive"))
    for seed in (20, 21):
        live_on(trimmed, 10, seed)
        snapshot_of(trimmed)
        expected = live_on(trimmed, 10, seed)
        snapshot_of(trimmed)
    live_on(trimmed, 10, 22)
    snapshot_of(trimmed)
    reached = trim(trimmed)
    shutil.copytree(trimmed / "archive", path / "archive")
    return path, reached, expected


def test_an_archive_that_goes_on_past_the_journal_is_reported(
    older: tuple[Path, int, str],
) -> None:
    """Appends of the new history must not be taken for those that are archived."""
    with pytest.raises(DirectoryError, match=r"the archive reaches \d+: .* `holdfast restore`"):
        reopen(older[0])


def test_a_restore_goes_as_far_as_such_an_archive(
    older: tuple[Path, int, str], tmp_path: Path
) -> None:
    path, reached, expected = older
    made = restore(path, tmp_path / "restored", Wanted())
    assert (reached, expected) == (made.position, made.report.state_hash)
    for seed in range(30, 33):
        expected = live_on(tmp_path / "restored", 20, seed)
        snapshot_of(tmp_path / "restored")
        trim(tmp_path / "restored")
        report = verify(tmp_path / "restored")
        assert ([], [], expected) == (report.findings, report.notes, report.state_hash)


def test_damage_in_a_segment_names_the_segment(trimmed: Path) -> None:
    segment = segments(read_node_json(trimmed))[0].path
    written = segment.read_bytes()
    segment.write_bytes(flip(written, 8 * len(written) // 2))
    finding = verify(trimmed).findings[0]
    assert (segment, "its bytes do not hash to the digest at its end") == (
        finding.file,
        finding.reason,
    )
    recovered = reopen(trimmed)  # the snapshots are good, and nothing reads the archive
    close(recovered)
