"""The archive: what left the journal is read as if it had not."""

import random
from pathlib import Path

import pytest

from holdfast.persistence.archive import segments as segments_module
from holdfast.persistence.archive.segment import open_segment, read_segment
from holdfast.persistence.archive.segments import (
    History,
    MissingHistoryError,
    archive,
    archived_to,
    limit,
    segments,
)
from holdfast.persistence.data_directory import DataDirectory, NewerSchemaError
from holdfast.persistence.lmdb.data_file import DamagedFileError
from tests.persistence.journals import MemoryJournal
from tests.persistence.lives import flip


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path, 4)


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments_module, "SEGMENT_BYTES", 1_000)


def journal_of(count: int) -> MemoryJournal:
    rng = random.Random(count)
    journal = MemoryJournal()
    for _ in range(count):
        journal.put(rng.randbytes(rng.randint(1, 300)) * rng.randint(1, 3))
    return journal


def everything(journal: MemoryJournal) -> list[tuple[int, bytes]]:
    return list(enumerate(journal.values, 1))


def test_the_archive_and_the_journal_after_it_read_as_one(directory: DataDirectory) -> None:
    journal = journal_of(60)
    archive(directory, journal, 40)
    assert 40 == archived_to(directory)
    journal.first = 31  # it has not forgotten all that is archived
    history = History(directory, journal)
    assert (1, 60) == (history.first, history.position)
    for after in (0, 1, 29, 30, 31, 40, 59, 60):
        assert everything(journal)[after:] == list(history.read(after))


def test_archiving_goes_on_where_it_stopped(directory: DataDirectory) -> None:
    journal = journal_of(60)
    for up_to in (1, 17, 17, 40):
        archive(directory, journal, up_to)
        assert up_to == archived_to(directory)
        journal.first = up_to + 1
    found = segments(directory)
    assert (1, 1) == (found[0].first, found[0].last)
    assert 40 == found[-1].last
    assert everything(journal) == list(History(directory, journal).read(0))


def test_a_cut_off_segment_is_written_again(directory: DataDirectory) -> None:
    journal = journal_of(10)
    directory.archive.mkdir()
    (directory.archive / "segment.partial").write_bytes(b"half of")
    archive(directory, journal, 10)
    assert everything(journal) == list(History(directory, journal).read(0))


def test_a_node_that_archives_meanwhile_does_not_disturb_a_reader(
    directory: DataDirectory,
) -> None:
    journal = journal_of(60)
    read = History(directory, journal).read(0)
    found = [next(read) for _ in range(5)]
    archive(directory, journal, 50)
    journal.first = 51
    found += read
    assert everything(journal) == found


def test_the_oldest_segments_are_dropped_first(directory: DataDirectory) -> None:
    journal = journal_of(60)
    archive(directory, journal, 60)
    journal.first = 61
    before = segments(directory)
    dropped = limit(directory, sum(s.path.stat().st_size for s in before) // 2)
    assert [s.path for s in before[: len(dropped)]] == dropped
    kept = segments(directory)
    history = History(directory, journal)
    assert history.first == kept[0].first > 1
    assert list(history.read(kept[0].first - 1)) == everything(journal)[kept[0].first - 1 :]
    with pytest.raises(MissingHistoryError, match="position 1 is in neither"):
        list(history.read(0))


def test_every_flipped_bit_is_found(directory: DataDirectory) -> None:
    journal = journal_of(6)
    archive(directory, journal, 6)
    journal.first = 7
    path = segments(directory)[0].path
    written = path.read_bytes()
    for bit in range(0, 8 * len(written), 3):
        path.write_bytes(flip(written, bit))
        with pytest.raises((DamagedFileError, NewerSchemaError)):
            list(read_segment(open_segment(path)))


def test_a_cut_segment_is_found(directory: DataDirectory) -> None:
    archive(directory, journal_of(6), 6)
    path = segments(directory)[0].path
    written = path.read_bytes()
    for size in range(len(written)):
        path.write_bytes(written[:size])
        with pytest.raises(DamagedFileError):
            list(read_segment(open_segment(path)))


def test_a_missing_segment_is_found(directory: DataDirectory) -> None:
    archive(directory, journal_of(60), 60)
    segments(directory)[1].path.unlink()
    with pytest.raises(DamagedFileError, match="does not follow"):
        segments(directory)


def test_a_segment_of_another_directory_is_found(directory: DataDirectory, tmp_path: Path) -> None:
    other = DataDirectory(tmp_path / "other", 4)
    archive(directory, journal_of(60), 60)
    rng = random.Random(1)
    journal = MemoryJournal()
    for value in journal_of(60).values:
        journal.put(rng.randbytes(len(value)))
    archive(other, journal, 60)
    mine = segments(directory)[1]
    theirs = other.archive / mine.path.name
    assert theirs.exists(), "both have segments of the same positions"
    mine.path.write_bytes(theirs.read_bytes())
    with pytest.raises(DamagedFileError, match="does not follow"):
        segments(directory)


def test_a_newer_schema_is_newer_and_not_damaged(directory: DataDirectory) -> None:
    archive(directory, journal_of(2), 2)
    path = segments(directory)[0].path
    written = bytearray(path.read_bytes())
    written[4] += 1
    path.write_bytes(written)
    with pytest.raises(NewerSchemaError, match="upgrade"):
        segments(directory)
