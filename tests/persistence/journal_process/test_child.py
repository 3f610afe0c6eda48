"""The process that writes the journal: what it answers for is there, and it ends with its node."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import IO

import pytest

from holdfast.persistence.codec import lay_out_group
from holdfast.persistence.directory_lock import DirectoryInUseError, DirectoryLock
from holdfast.persistence.hash_chain import Chain
from holdfast.persistence.journal import JournalError
from holdfast.persistence.journal_process.protocol import (
    ANSWER_BYTES_MAX,
    Answer,
    Hello,
    pack_head,
    pack_hello,
    unpack_answer,
)
from holdfast.persistence.lmdb.pages import check_pages
from tests.persistence.journals import MAP_BYTES, JournalWriter, group_of, open_journal, sequences

TIMEOUT_S = 30


def greeting(path: Path) -> bytes:
    """To write a journal from its beginning."""
    return pack_hello(Hello(path, 0, MAP_BYTES, 0, Chain()))


class Writer:
    """The process, and our ends of its pipes."""

    def __init__(self, path: Path, pass_fds: tuple[int, ...] = ()) -> None:
        self.process = subprocess.Popen(
            (sys.executable, "-m", "holdfast.persistence.journal_process.child"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=pass_fds,
        )
        self.source: IO[bytes] = self.process.stdin  # type: ignore[assignment]
        self.answers: IO[bytes] = self.process.stdout  # type: ignore[assignment]
        self.position, self.epoch = 0, 7
        self.send(greeting(path))

    def send(self, data: bytes) -> None:
        self.source.write(data)
        self.source.flush()

    def append(self, size: int, sequence: int, forget: int = 0) -> Answer:
        """Raises JournalError, as the node's end does."""
        self.send(self.spell(size, sequence, forget))
        data = os.read(self.answers.fileno(), ANSWER_BYTES_MAX)
        answer = unpack_answer(data, self.position + 1)
        self.position = answer.position
        return answer

    def spell(self, size: int, sequence: int, forget: int = 0) -> bytes:
        group = lay_out_group(self.position + 1, self.epoch, group_of(size, sequence))
        return pack_head(len(group), forget) + group

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        with suppress(BrokenPipeError):
            self.source.close()
        self.answers.close()

    def end(self) -> int:
        self.source.close()
        return self.process.wait(TIMEOUT_S)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.mdb"


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    writer = Writer(path)
    yield writer
    writer.close()


def test_what_it_answers_for_is_in_the_journal(writer: Writer, path: Path) -> None:
    """Hashed and chained: reading checks both. Also what is larger than a pipe."""
    sizes = (10, 100_000, 3_000_000, 10)
    answers = [writer.append(size, number) for number, size in enumerate(sizes, 1)]
    assert [1, 2, 3, 4] == [answer.position for answer in answers]
    assert all(answer.headroom_bytes > 0 and answer.seconds > 0 for answer in answers)
    journal = open_journal(path)
    assert [[1], [2], [3], [4]] == sequences(journal)
    journal.close()
    assert 0 == writer.end()


def test_each_append_takes_its_bytes_off_the_headroom(writer: Writer) -> None:
    """Whether or not the disk was looked at since the one before it."""
    left = [writer.append(100_000, number).headroom_bytes for number in range(1, 31)]
    assert all(before - after >= 100_000 for before, after in pairwise(left))
    assert left[0] <= MAP_BYTES - 100_000


def test_it_forgets_a_few_of_the_oldest_with_every_append(writer: Writer, path: Path) -> None:
    """Up to what it may, in order; the file does not grow meanwhile."""
    for number in range(1, 21):
        writer.append(100_000, number)
    journal = open_journal(path)
    firsts, sizes = [], []
    for number in range(21, 31):
        writer.append(100_000, number, forget=15)
        firsts.append(journal.first)
        sizes.append(journal.size_bytes())
    journal.close()
    assert sorted(firsts) == firsts
    assert 5 == firsts[0]
    assert 16 == firsts[-1]
    assert 1 == len(set(sizes[2:]))
    assert 16 == check_pages(path, consecutive_keys=True).first_key


def test_it_keeps_what_it_appends(writer: Writer, path: Path) -> None:
    for number in range(1, 10):
        writer.append(10, number, forget=1_000)
    journal = open_journal(path)
    assert [9] == [position for position, _ in journal.read(journal.first - 1)]
    journal.close()


def test_it_goes_on_after_what_is_there(writer: Writer, path: Path) -> None:
    """The chain comes with the greeting."""
    writer.append(10, 1)
    writer.end()
    journal = open_journal(path)
    chain = Chain()
    assert [[1]] == sequences(journal, 0, chain)
    JournalWriter(journal, chain, epoch=8).append(group_of(10, 2))
    assert [[1], [2]] == sequences(journal)
    journal.close()


def test_an_error_is_reported_and_ends_it(writer: Writer, path: Path) -> None:
    """No second try: the process is gone."""
    writer.append(10, 1)
    limit = path.stat().st_size + 100_000
    resource.prlimit(writer.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    with pytest.raises(
        JournalError, match=f"the journal can't be written: {path}: append 2 failed: "
    ):
        writer.append(300_000, 2)
    assert b"" == writer.answers.read()
    assert 0 == writer.process.wait(TIMEOUT_S)
    journal = open_journal(path)
    assert [[1]] == sequences(journal)
    journal.close()


def test_a_journal_that_is_not_what_the_node_read_is_an_error(path: Path) -> None:
    """Or the next append would be hashed and numbered for another place."""
    journal = open_journal(path)
    JournalWriter(journal).append(group_of(10))
    journal.close()
    command = (sys.executable, "-m", "holdfast.persistence.journal_process.child")
    result = subprocess.run(command, input=greeting(path), capture_output=True, check=True)
    with pytest.raises(JournalError, match="ends at position 1, not at 0"):
        unpack_answer(result.stdout, 1)


@pytest.mark.parametrize("missing", [1, 60, 99_999])
def test_an_append_that_did_not_come_in_whole_is_dropped(
    writer: Writer, path: Path, missing: int
) -> None:
    """The node was killed while it sent it."""
    writer.append(10, 1)
    writer.send(writer.spell(100_000, 2)[:-missing])
    assert 0 == writer.end()
    journal = open_journal(path)
    assert [[1]] == sequences(journal)
    journal.close()


def test_a_node_that_is_gone_wants_no_answer(writer: Writer, path: Path) -> None:
    """What it had handed over is durable, and its log has no complaint."""
    writer.append(10, 1)
    writer.answers.close()
    writer.send(writer.spell(10, 2))
    assert 0 == writer.process.wait(TIMEOUT_S)
    journal = open_journal(path)
    assert [[1], [2]] == sequences(journal)
    journal.close()


def test_signals_to_all_processes_of_a_node_do_not_end_it(writer: Writer) -> None:
    """It ends with its input, so that the node can drain."""
    writer.append(10, 1)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(writer.process.pid, number)
    assert 2 == writer.append(10, 2).position
    assert 0 == writer.end()


def test_the_next_node_waits_until_the_last_ones_writer_has_ended(tmp_path: Path) -> None:
    """A writer may be in an append when its node is killed."""
    lock = DirectoryLock(tmp_path)
    writer = Writer(tmp_path / "journal.mdb", (lock.descriptor,))
    writer.append(10, 1)
    lock.release()
    # The node that is named in the lock lives: there is nothing to wait for.
    with pytest.raises(DirectoryInUseError, match=str(os.getpid())):
        DirectoryLock(tmp_path)
    ended = subprocess.Popen((sys.executable, "-c", ""))
    # It has ended, and its parent has not asked for it yet.
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    (tmp_path / "lock").write_text(str(ended.pid))
    writer.source.close()
    DirectoryLock(tmp_path).release()
    ended.wait()
    assert 0 == writer.process.wait(TIMEOUT_S)
    writer.close()


def test_it_loads_little() -> None:
    """It starts with every node: no NumPy, no compiler, nothing of the engine."""
    script = "import sys, holdfast.persistence.journal_process.child; print(*sys.modules)"
    command = (sys.executable, "-c", script)
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert "lmdb" in loaded
    assert not loaded & {"numpy", "numba", "grpc", "asyncio", "holdfast.core"}
