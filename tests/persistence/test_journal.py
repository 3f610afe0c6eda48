"""The journal: what was appended is there, in order, and any doubt is an error."""

import itertools
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import lmdb
import numpy as np
import pytest

from holdfast.core.node import Node
from holdfast.core.tables.effects import DTYPES, Entry, Section
from holdfast.persistence.hash_chain import Chain
from holdfast.persistence.journal import Journal, LmdbJournal, MemoryJournal
from holdfast.persistence.lmdb.store import JournalError
from tests.persistence.history import MAP_SIZE, Life

KIB, MIB = 1 << 10, 1 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.mdb"


def open_journal(path: Path, map_size: int = MAP_SIZE, reserve_bytes: int = 0) -> LmdbJournal:
    return LmdbJournal(path, map_size, reserve_bytes)


def group_of(size: int, sequence: int = 1) -> list[Entry]:
    """An append of about so many bytes."""
    count = max(1, size // DTYPES[Section.ENDED_SKUS].itemsize)
    return [
        Entry(0, sequence, 1, {Section.ENDED_SKUS: np.zeros(count, "i4").view([("sku", "i4")])})
    ]


def sequences(journal: Journal, after: int = 0, chain: Chain | None = None) -> list[list[int]]:
    chain = Chain() if chain is None else chain
    return [[item.entry.sequence for item in group] for _, group in journal.read(after, chain)]


# --- both journals ---


@pytest.fixture(params=["lmdb", "memory"])
def journal(request: pytest.FixtureRequest, path: Path) -> Iterator[Journal]:
    journal = open_journal(path) if request.param == "lmdb" else MemoryJournal()
    yield journal
    journal.close()


def test_what_is_appended_is_read_in_order(journal: Journal) -> None:
    """From any position on, with the chain that led there."""
    for number in range(1, 6):
        assert number == journal.append(group_of(100 * number, number))
    assert 5 == journal.position
    assert [[1], [2], [3], [4], [5]] == sequences(journal)
    chain = Chain()
    for _ in itertools.islice(journal.read(0, chain), 3):
        pass
    assert [[4], [5]] == sequences(journal, 3, chain)
    assert journal.chain == chain
    assert [] == sequences(journal, 5)


def test_a_reader_may_start_again(journal: Journal) -> None:
    """Reading leaves nothing behind, and sees what was appended since."""
    journal.append(group_of(10))
    assert [[1]] == sequences(journal) == sequences(journal)
    journal.append(group_of(10, 2))
    assert [[1], [2]] == sequences(journal)


def test_entries_of_several_turns_may_share_an_append(journal: Journal) -> None:
    """Also several of the same shard: each follows the one before it."""
    journal.append([*group_of(10, 1), *group_of(10, 2)])
    journal.append([*group_of(10, 3)])
    assert [[1, 2], [3]] == sequences(journal)


def test_an_append_has_entries(journal: Journal) -> None:
    """An empty one would be in no chain."""
    with pytest.raises(AssertionError):
        journal.append([])


def test_size_grows_and_headroom_shrinks(journal: Journal) -> None:
    """The figures that operators see."""
    size, headroom = journal.size_bytes(), journal.headroom_bytes()
    journal.append(group_of(100 * KIB))
    assert journal.size_bytes() >= size + 100 * KIB
    assert isinstance(journal, MemoryJournal) or journal.headroom_bytes() <= headroom - 100 * KIB


def test_the_journals_write_the_same_bytes(path: Path) -> None:
    """One codec, so that the one in memory proves something about the other."""
    memory, on_disk = MemoryJournal(), open_journal(path)
    for journal in (memory, on_disk):
        Life(Node(4), journal, random.Random(1)).live(turns=5)
    on_disk.close()
    with (
        lmdb.open(str(path), subdir=False, readonly=True) as env,
        env.begin() as transaction,
    ):
        assert memory.values == [value for _, value in transaction.cursor()]


# --- the one on disk ---


def test_a_reopened_journal_goes_on_in_a_new_epoch(path: Path) -> None:
    """The chain leads over the restart."""
    journal = open_journal(path)
    journal.append(group_of(10))
    chain = journal.chain
    journal.close()

    journal = open_journal(path)
    assert 1 == journal.position
    journal.continue_from(chain, last_epoch=1)
    journal.append(group_of(10, 2))
    recorded = [item for _, group in journal.read(0, Chain()) for item in group]
    assert [(1, 1), (2, 2)] == [(item.entry.sequence, item.epoch) for item in recorded]
    journal.close()


def test_many_appends_are_read_in_parts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No matter where the parts end."""
    monkeypatch.setattr("holdfast.persistence.lmdb.store._READ_CHUNK_BYTES", 1_000)
    journal = open_journal(path)
    for number in range(1, 31):
        journal.append(group_of(number * 50, number))
    assert [[number] for number in range(1, 31)] == sequences(journal)
    journal.close()


def test_a_reader_ends_where_the_journal_ended_when_it_was_opened(path: Path) -> None:
    """So that it comes to an end beside a node that writes faster than it reads."""
    writer = open_journal(path)
    writer.append(group_of(10))
    script = f"""if True:
        import sys
        from pathlib import Path
        from holdfast.persistence.journal import LmdbJournal
        journal = LmdbJournal(Path({str(path)!r}), 1 << 40, 0, read_only=True)
        print("open", flush=True)
        sys.stdin.readline()
        print([position for position, _ in journal.read(0, {{}})])
    """
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout
        assert reader.stdout.readline() == "open\n"
        writer.append(group_of(10, 2))
        assert reader.communicate("\n")[0] == "[1]\n"
    writer.close()


def test_a_taken_position_is_never_written_over(path: Path) -> None:
    """Two writers can't both go on: the second one stops."""
    journal = open_journal(path)
    journal.append(group_of(10))
    journal.append(group_of(10, 2))
    before = path.read_bytes()
    for position in (0, 1):
        journal.position = position
        journal._has_failed = False
        with pytest.raises(JournalError, match=f"position {position + 1} is taken"):
            journal.append(group_of(20))
    journal.close()
    assert before == path.read_bytes()


def test_a_missing_append_is_named(path: Path) -> None:
    """At the front, in the middle, or at the end."""
    journal = open_journal(path)
    for number in range(1, 4):
        journal.append(group_of(10, number))
    for missing in (3, 2, 1):
        with journal._env.begin(write=True) as transaction:
            transaction.delete(missing.to_bytes(8, "big"))
        with pytest.raises(JournalError, match=f"position {missing} is missing"):
            sequences(journal)
    journal.close()


def test_a_file_that_is_no_journal_is_named(path: Path) -> None:
    """Recovery never comes so far, because it checks the pages first."""
    path.write_bytes(b"not a journal" * 1_000)
    with pytest.raises(JournalError, match=r"journal\.mdb: cannot be opened"):
        open_journal(path)


# --- fail-stop ---


def test_a_full_map_is_an_error_and_the_last(path: Path) -> None:
    """After a failed append nothing may be appended: what the failed one decided is lost."""
    journal = open_journal(path, map_size=MIB)
    journal.append(group_of(10))
    with pytest.raises(JournalError, match=r"append 2 failed: .*MDB_MAP_FULL"):
        journal.append(group_of(2 * MIB, 2))
    with pytest.raises(JournalError, match="append 2 after one that failed"):
        journal.append(group_of(10, 3))
    assert 1 == journal.position
    assert [[1]] == sequences(journal)
    journal.close()


def test_an_error_of_the_disk_is_an_error_and_the_last(path: Path) -> None:
    """A limit on the size of files, in a process of its own, stands for a full disk."""
    script = f"""if True:
        import resource, signal
        from pathlib import Path
        from holdfast.persistence.lmdb.store import JournalError
        from tests.persistence.test_journal import group_of, open_journal
        journal = open_journal(Path({str(path)!r}))
        journal.append(group_of(10))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        for size in (200_000, 10):
            try:
                journal.append(group_of(size, 2))
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
    numbers = itertools.count(1)
    while journal.headroom_bytes() > 0:
        journal.append(group_of(group_bytes, next(numbers)))
    assert journal.position > 1
    for _ in range(2):
        journal.append(group_of(group_bytes, next(numbers)))
    assert [[number] for number in range(1, next(numbers))] == sequences(journal)
    journal.close()


def test_headroom_sees_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A map may be larger than the disk under it."""
    journal = open_journal(path, map_size=1 << 40, reserve_bytes=MIB)
    disk = type("Disk", (), {"f_bavail": 3 * 256, "f_frsize": 4_096})
    monkeypatch.setattr("os.statvfs", lambda _: disk)
    assert 2 * MIB == journal.headroom_bytes()
    journal.close()
