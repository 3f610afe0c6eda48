"""The two forms of the journal: what was appended is there, in order, and in the same bytes."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import lmdb
import pytest

from holdfast.core.node import Node
from holdfast.persistence.codec import read_appends
from holdfast.persistence.hash_chain import Chain
from tests.persistence.journals import (
    JournalWriter,
    MemoryJournal,
    group_of,
    open_journal,
    sequences,
)
from tests.persistence.lives import Life

KIB = 1 << 10


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.mdb"


@pytest.fixture(params=["lmdb", "memory"])
def writer(request: pytest.FixtureRequest, path: Path) -> Iterator[JournalWriter]:
    journal = open_journal(path) if request.param == "lmdb" else MemoryJournal()
    yield JournalWriter(journal)
    journal.close()


def test_what_is_appended_is_read_in_order(writer: JournalWriter) -> None:
    """After any position, with the chain up to there."""
    journal = writer.journal
    for number in range(1, 6):
        assert number == writer.append(group_of(100 * number, number))
    assert 5 == journal.position
    assert [[1], [2], [3], [4], [5]] == sequences(journal)
    chain = Chain()
    for _ in itertools.islice(read_appends(journal, 0, chain), 3):
        pass
    assert [[4], [5]] == sequences(journal, 3, chain)
    assert writer.chain == chain
    assert [] == sequences(journal, 5)


def test_a_reader_may_start_again(writer: JournalWriter) -> None:
    """Reading leaves nothing behind, and sees what was appended since."""
    writer.append(group_of(10))
    assert [[1]] == sequences(writer.journal) == sequences(writer.journal)
    writer.append(group_of(10, 2))
    assert [[1], [2]] == sequences(writer.journal)


def test_entries_of_several_turns_may_share_an_append(writer: JournalWriter) -> None:
    """Also several of the same shard: each follows the one before it."""
    writer.append([*group_of(10, 1), *group_of(10, 2)])
    writer.append([*group_of(10, 3)])
    assert [[1, 2], [3]] == sequences(writer.journal)


def test_an_append_has_entries(writer: JournalWriter) -> None:
    """An empty one would be in no chain."""
    with pytest.raises(AssertionError):
        writer.append([])


def test_size_grows_and_headroom_shrinks(writer: JournalWriter) -> None:
    """The figures that operators see."""
    journal = writer.journal
    size, headroom = journal.size_bytes(), journal.headroom_bytes()
    writer.append(group_of(100 * KIB))
    assert journal.size_bytes() >= size + 100 * KIB
    assert isinstance(journal, MemoryJournal) or journal.headroom_bytes() <= headroom - 100 * KIB


def test_the_journals_write_the_same_bytes(path: Path) -> None:
    """One codec, so that the one in memory proves something about the other."""
    memory, on_disk = MemoryJournal(), open_journal(path)
    for journal in (memory, on_disk):
        Life(Node(4), JournalWriter(journal), random.Random(1)).live(turns=5)
    on_disk.close()
    with (
        lmdb.open(str(path), subdir=False, readonly=True) as env,
        env.begin() as transaction,
    ):
        assert memory.values == [value for _, value in transaction.cursor()]
