"""The journal on disk: what was put is there, in order, and any doubt is an error."""

import itertools
import random
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.persistence.codec import read_appends
from holdfast.persistence.hash_chain import Chain
from holdfast.persistence.journal import JournalError
from tests.persistence.journals import JournalWriter, group_of, open_journal, sequences

KIB, MIB = 1 << 10, 1 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.mdb"


def test_a_reopened_journal_goes_on_in_a_new_epoch(path: Path) -> None:
    """The chain leads over the restart."""
    writer = JournalWriter(open_journal(path))
    writer.append(group_of(10))
    writer.journal.close()

    journal = open_journal(path)
    assert 1 == journal.position
    JournalWriter(journal, writer.chain, epoch=2).append(group_of(10, 2))
    recorded = [item for _, group in read_appends(journal, 0, Chain()) for item in group]
    assert [(1, 1), (2, 2)] == [(item.entry.sequence, item.epoch) for item in recorded]
    journal.close()


def test_many_appends_are_read_in_parts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No matter where the parts end."""
    monkeypatch.setattr("holdfast.persistence.lmdb.store._READ_CHUNK_BYTES", 1_000)
    journal = open_journal(path)
    writer = JournalWriter(journal)
    for number in range(1, 31):
        writer.append(group_of(number * 50, number))
    assert [[number] for number in range(1, 31)] == sequences(journal)
    journal.close()


def test_a_reader_ends_where_the_journal_ended_when_it_was_opened(path: Path) -> None:
    """So that it comes to an end beside a node that writes faster than it reads."""
    writer = JournalWriter(open_journal(path))
    writer.append(group_of(10))
    script = f"""if True:
        import sys
        from pathlib import Path
        from holdfast.persistence.lmdb.store import LmdbJournal
        journal = LmdbJournal(Path({str(path)!r}), 1 << 40, 0, read_only=True)
        print("open", flush=True)
        sys.stdin.readline()
        print([position for position, _ in journal.read(0)])
    """
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout
        assert "open\n" == reader.stdout.readline()
        writer.append(group_of(10, 2))
        assert "[1]\n" == reader.communicate("\n")[0]
    writer.journal.close()


def test_a_taken_position_is_never_written_over(path: Path) -> None:
    """Two writers can't both go on: the second one stops."""
    journal = open_journal(path)
    writer = JournalWriter(journal)
    writer.append(group_of(10))
    writer.append(group_of(10, 2))
    before = path.read_bytes()
    for position in (0, 1):
        journal.position = position
        journal._has_failed = False
        with pytest.raises(JournalError, match=f"position {position + 1} is taken"):
            writer.append(group_of(20))
    journal.close()
    assert before == path.read_bytes()


def test_a_missing_append_is_named(path: Path) -> None:
    """At the front, in the middle, or at the end."""
    journal = open_journal(path)
    writer = JournalWriter(journal)
    for number in range(1, 4):
        writer.append(group_of(10, number))
    for missing in (3, 2, 1):
        with journal._env.begin(write=True) as transaction:
            transaction.delete(missing.to_bytes(8, "big"))
        with pytest.raises(JournalError, match=f"position {missing} is missing"):
            sequences(journal)
    journal.close()


def test_a_file_that_is_no_journal_is_named(path: Path) -> None:
    """Recovery checks the pages first and would refuse it there."""
    path.write_bytes(b"not a journal" * 1_000)
    with pytest.raises(JournalError, match=r"journal\.mdb: cannot be opened"):
        open_journal(path)


# --- fail-stop ---


def test_a_full_map_is_an_error_and_the_last(path: Path) -> None:
    """After a failed append nothing may be appended: what the failed one decided is lost."""
    journal = open_journal(path, map_size=MIB)
    writer = JournalWriter(journal)
    writer.append(group_of(10))
    with pytest.raises(JournalError, match=r"append 2 failed: .*MDB_MAP_FULL"):
        writer.append(group_of(2 * MIB, 2))
    with pytest.raises(JournalError, match="append 2 after one that failed"):
        writer.append(group_of(10, 3))
    assert 1 == journal.position
    assert [[1]] == sequences(journal)
    journal.close()


def test_an_error_of_the_disk_is_an_error_and_the_last(path: Path) -> None:
    """A limit on the size of files, in a process of its own, stands for a full disk."""
    script = f"""if True:
        import resource, signal
        from pathlib import Path
        from holdfast.persistence.journal import JournalError
        from tests.persistence.journals import JournalWriter, group_of, open_journal
        writer = JournalWriter(open_journal(Path({str(path)!r})))
        writer.append(group_of(10))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        for size in (200_000, 10):
            try:
                writer.append(group_of(size, 2))
            except JournalError as error:
                print(error)
    """
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    first, second = result.stdout.splitlines()
    assert first.startswith(f"{path}: append 2 failed: ")
    assert f"{path}: append 2 after one that failed" == second
    journal = open_journal(path)
    assert [[1]] == sequences(journal)
    journal.close()


# --- headroom ---


@pytest.mark.parametrize(
    ("group_bytes", "map_size", "reserve_bytes"),
    [
        (200, 96 * KIB, 48 * KIB),
        (5 * KIB, 256 * KIB, 64 * KIB),
        (400 * KIB, 8 * MIB, 2 * MIB),
        (2 * MIB, 32 * MIB, 7 * MIB),
    ],
)
def test_headroom_ends_before_the_map_does(
    path: Path, group_bytes: int, map_size: int, reserve_bytes: int
) -> None:
    """With a reserve of three groups: the append that uses up the headroom may be followed by two
    that were under way, one being written and one turn that waits for it.
    """
    journal = open_journal(path, map_size, reserve_bytes)
    writer = JournalWriter(journal)
    numbers = itertools.count(1)
    while journal.headroom_bytes() > 0:
        writer.append(group_of(group_bytes, next(numbers)))
    assert journal.position > 1
    for _ in range(2):
        writer.append(group_of(group_bytes, next(numbers)))
    assert [[number] for number in range(1, next(numbers))] == sequences(journal)
    journal.close()


def test_a_journal_that_forgets_does_not_run_out(path: Path) -> None:
    """Appends go on for many times what the map holds, large and small."""
    journal = open_journal(path, 8 * MIB, 2 * MIB)
    rng = random.Random(1)
    written = 0
    while written < 100 * MIB:
        assert journal.headroom_bytes() > 0
        value = rng.randbytes(rng.choice((100, 5 * KIB, 300 * KIB)))
        written += len(value)
        journal.put(value, forget=journal.position - 5)
    journal.close()


def test_headroom_sees_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A map may be larger than the disk under it."""
    journal = open_journal(path, map_size=1 << 40, reserve_bytes=MIB)
    disk = type("Disk", (), {"f_bavail": 3 * 256, "f_frsize": 4_096})
    monkeypatch.setattr("os.statvfs", lambda _: disk)
    assert 2 * MIB <= journal.headroom_bytes() < 2 * MIB + 8 * 4_096  # with the file's few pages
    journal.close()
