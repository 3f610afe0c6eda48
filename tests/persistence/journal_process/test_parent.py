"""The node's end: appends come back durable, and the end of the child is a failure."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.persistence.codec import RecordedEntry, read_appends
from holdfast.persistence.directory_lock import DirectoryLock
from holdfast.persistence.hash_chain import Chain
from holdfast.persistence.journal import JournalError
from holdfast.persistence.journal_process.parent import JournalProcess
from tests.persistence.journals import group_of, open_journal


class Parent:
    """The node's end, and a future for what it reports next."""

    def __init__(self, journal: JournalProcess) -> None:
        self.journal = journal
        self.reported: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        journal.start(self._appended, self._failed)

    def _appended(self, seconds: float, headroom_bytes: int) -> None:
        assert seconds > 0 < headroom_bytes
        self.reported.set_result(self.journal.position)

    def _failed(self, error: BaseException) -> None:
        self.reported.set_exception(error)

    async def append(self, size: int, sequence: int) -> int:
        self.reported = asyncio.get_running_loop().create_future()
        self.journal.append(group_of(size, sequence))
        return await self.reported

    def signal_child(self, number: signal.Signals) -> None:
        os.kill(self.journal._process.pid, number)

    def wait_for_child(self) -> None:
        """Leave it to be asked for its end."""
        os.waitid(os.P_PID, self.journal._process.pid, os.WEXITED | os.WNOWAIT)


@contextmanager
def started(folder: Path) -> Iterator[Parent]:
    """Go on after what a journal holds, until the block ends."""
    chain = Chain()
    last_epoch = max((item.epoch for item in read_all(folder, chain)), default=0)
    journal, lock = open_journal(folder / "journal.mdb"), DirectoryLock(folder)
    parent = Parent(JournalProcess(journal, chain, last_epoch + 1, lock))
    yield parent
    parent.journal.close()
    journal.close()
    lock.release()


def read_all(folder: Path, chain: Chain) -> list[RecordedEntry]:
    journal = open_journal(folder / "journal.mdb")
    entries = [item for _, group in read_appends(journal, 0, chain) for item in group]
    journal.close()
    return entries


async def test_what_is_reported_is_in_the_journal(tmp_path: Path) -> None:
    """Also what does not fit into the pipe. The next start goes on after it."""
    with started(tmp_path) as first:
        assert 1 == await first.append(10, 1)
        assert 2 == await first.append(3_000_000, 2)
        assert first.journal.size_bytes() > 3_000_000
        assert first.journal.headroom_bytes() > 0
        assert "at 2" in repr(first.journal)
    with started(tmp_path) as second:
        assert 3 == await second.append(10, 3)

    found = [(item.entry.sequence, item.epoch) for item in read_all(tmp_path, Chain())]
    assert [(1, 1), (2, 1), (3, 2)] == found


async def test_an_append_larger_than_the_pipe_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    """A child that reads nothing costs its node no more than the answer."""
    with started(tmp_path) as parent:
        parent.signal_child(signal.SIGSTOP)
        appending = asyncio.create_task(parent.append(3_000_000, 1))
        await asyncio.sleep(0)
        assert not appending.done()
        parent.signal_child(signal.SIGCONT)
        assert 1 == await appending
        assert 2 == await parent.append(10, 2)


async def test_the_end_of_a_child_that_has_not_read_all_is_a_failure(tmp_path: Path) -> None:
    with started(tmp_path) as parent:
        parent.signal_child(signal.SIGSTOP)
        appending = asyncio.create_task(parent.append(3_000_000, 1))
        await asyncio.sleep(0)
        parent.signal_child(signal.SIGKILL)
        with pytest.raises(JournalError, match="its process has ended"):
            await appending


async def test_an_append_of_very_many_parts_is_sent(tmp_path: Path) -> None:
    """More than one call of the system takes."""
    with started(tmp_path) as parent:
        parent.reported = asyncio.get_running_loop().create_future()
        (entry,) = group_of(10)
        many = replace(entry, sections=list(entry.sections) * 1_000)
        parent.journal.append([many])
        assert 1 == await parent.reported
    (found,) = read_all(tmp_path, Chain())
    assert 1_000 == len(found.entry.sections)


async def test_the_end_of_the_child_is_a_failure(tmp_path: Path) -> None:
    """Nobody waits for an answer that can't come."""
    with started(tmp_path) as parent:
        parent.signal_child(signal.SIGKILL)
        with pytest.raises(JournalError, match="its process has ended"):
            await parent.reported


async def test_an_append_to_a_child_that_is_gone_is_a_failure(tmp_path: Path) -> None:
    """The pipe is broken before the loop has heard of the end."""
    with started(tmp_path) as parent:
        parent.signal_child(signal.SIGKILL)
        parent.wait_for_child()
        with pytest.raises(JournalError, match="its process has ended"):
            await parent.append(10, 1)
