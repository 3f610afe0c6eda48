"""The process that writes the journal: it keeps what it answers for, and never outlives its use."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest

from holdfast.persistence.codec import lay_out_group
from holdfast.persistence.directory_lock import DirectoryInUseError, DirectoryLock
from holdfast.persistence.hash_chain import Chain
from holdfast.persistence.journal_process.child import ANSWER, LENGTH, hello
from tests.persistence.test_journal import group_of, open_journal, sequences

TIMEOUT_S = 30


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
        journal = open_journal(path)
        self.position, self.epoch = journal.position, 7
        self.send(hello(journal, Chain()))
        journal.close()

    def send(self, data: bytes) -> None:
        self.source.write(data)
        self.source.flush()

    def append(self, size: int, sequence: int) -> tuple[int, int, float]:
        self.send(self.spell(size, sequence))
        position, headroom_bytes, seconds = ANSWER.unpack(self.answers.read(ANSWER.size))
        self.position = max(self.position, position)
        return position, headroom_bytes, seconds

    def spell(self, size: int, sequence: int) -> bytes:
        value = lay_out_group(self.position + 1, self.epoch, group_of(size, sequence))
        return LENGTH.pack(len(value)) + value

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
    assert [1, 2, 3, 4] == [position for position, _, _ in answers]
    assert all(headroom > 0 and seconds > 0 for _, headroom, seconds in answers)
    journal = open_journal(path)
    assert [[1], [2], [3], [4]] == sequences(journal)
    journal.close()
    assert 0 == writer.end()


def test_it_goes_on_behind_what_is_there(writer: Writer, path: Path) -> None:
    """The chain comes with the greeting."""
    writer.append(10, 1)
    writer.end()
    journal = open_journal(path)
    chain = Chain()
    assert [[1]] == sequences(journal, 0, chain)
    journal.continue_from(chain, 7)
    journal.append(group_of(10, 2))
    assert [[1], [2]] == sequences(journal)
    journal.close()


def test_an_error_is_told_and_the_end(writer: Writer, path: Path) -> None:
    """No second try: the process is gone."""
    writer.append(10, 1)
    limit = path.stat().st_size + 100_000
    resource.prlimit(writer.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    assert 0 == writer.append(300_000, 2)[0]
    assert writer.answers.read().startswith(f"{path}: append 2 failed: ".encode())
    assert 0 == writer.process.wait(TIMEOUT_S)
    journal = open_journal(path)
    assert [[1]] == sequences(journal)
    journal.close()


def test_a_journal_that_is_not_what_the_node_read_is_an_error(path: Path) -> None:
    """Else the next append would be hashed and numbered for another place."""
    journal = open_journal(path)
    greeting = hello(journal, Chain())
    journal.append(group_of(10))
    journal.close()
    command = (sys.executable, "-m", "holdfast.persistence.journal_process.child")
    result = subprocess.run(command, input=greeting, capture_output=True, check=True)
    assert b"ends at position 1, not at 0" in result.stdout


@pytest.mark.parametrize("missing", [1, 60, 99_999])
def test_an_append_that_did_not_come_in_whole_is_none(
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
    assert 2 == writer.append(10, 2)[0]
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
    """It starts with every node: no NumPy, no compiler."""
    script = "import sys, holdfast.persistence.journal_process.child; print(*sys.modules)"
    command = (sys.executable, "-c", script)
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert "lmdb" in loaded
    assert not loaded & {"numpy", "numba", "grpc", "asyncio"}
