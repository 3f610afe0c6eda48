"""The process that writes a snapshot beside the node."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from holdfast.edge.server.snapshots import (
    APPENDS_MAX,
    SnapshotFailedError,
    SnapshotKeeper,
    is_due,
    retry_s,
    write_snapshot,
)
from holdfast.persistence.data_directory import DataDirectory, read_node_json
from holdfast.persistence.snapshots.file import snapshot_paths
from tests.persistence.lives import close, live_on, reopen


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    live_on(tmp_path / "data", turns=20, seed=1)
    return tmp_path / "data"


@pytest.fixture
def served(data_dir: Path) -> Iterator[DataDirectory]:
    """A directory that a node has locked."""
    recovered = reopen(data_dir)
    yield recovered.directory
    close(recovered)


def test_a_snapshot_is_written_while_the_loop_goes_on(served: DataDirectory) -> None:
    """The loop only waits."""
    uvloop.run(write_snapshot(served.path, None))
    assert 1 == len(snapshot_paths(served))


def test_a_failure_is_reported_and_does_no_harm(data_dir: Path) -> None:
    """As when the node that asked for it is gone."""
    with pytest.raises(SnapshotFailedError, match="no node serves it"):
        uvloop.run(write_snapshot(data_dir, None))


def test_no_process_stays_when_the_node_stops(served: DataDirectory) -> None:
    """It is killed, and leaves no snapshot that is not whole."""

    before = _children()

    async def stop_at_once() -> None:
        writing = asyncio.create_task(write_snapshot(served.path, None))
        await asyncio.sleep(0)
        assert before < _children()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert before == _children()

    uvloop.run(stop_at_once())
    assert [] == snapshot_paths(served)


def _children() -> set[str]:
    """Processes that this thread has started, or any other one of ours."""
    tasks = Path("/proc/self/task").iterdir()
    return {pid for task in tasks for pid in (task / "children").read_text().split()}


@pytest.mark.parametrize(
    ("grown_bytes", "appends", "newest_bytes", "expected"),
    [
        (99, 1, 0, False),
        (100, 1, 0, True),
        (100, 1, 200, True),
        (100, 1, 202, False),
        (101, 1, 202, True),
        (1, APPENDS_MAX - 1, 1_000, False),
        (1, APPENDS_MAX, 1_000, True),
    ],
)
def test_a_snapshot_is_due(
    grown_bytes: int, appends: int, newest_bytes: int, expected: bool
) -> None:
    """After 100 bytes, half of the newest one, or many appends."""
    assert expected == is_due(grown_bytes, appends, 100, newest_bytes)


class GrownJournal:
    """A journal that has grown enough for a snapshot, and grows no more."""

    position, reserve_bytes, appended_bytes = APPENDS_MAX, 0, 0

    def size_bytes(self) -> int:
        return 1

    def headroom_bytes(self) -> int:
        return 1

    def start(self, *_: object) -> None: ...

    def append(self, *_: object) -> None: ...

    def forget(self, _up_to: int) -> None: ...

    def close(self) -> None: ...


async def test_a_snapshot_that_failed_is_still_due(data_dir: Path) -> None:
    """No node serves the directory, so that none is written; the next try does not wait until the
    journal has grown as much again.
    """
    keeper = SnapshotKeeper(read_node_json(data_dir), GrownJournal(), 1 << 40, None, APPENDS_MAX)
    for _ in range(2):
        with pytest.raises(SnapshotFailedError):
            await keeper.write_if_due()


def test_one_that_was_written_is_due_no_more(served: DataDirectory) -> None:
    keeper = SnapshotKeeper(served, GrownJournal(), 1 << 40, None, APPENDS_MAX)
    uvloop.run(keeper.write_if_due())
    (written,) = snapshot_paths(served)
    written.unlink()
    uvloop.run(keeper.write_if_due())
    assert [] == snapshot_paths(served)


class Sleeps:
    """Passes at once and notes for how long, so many times."""

    def __init__(self, times: int) -> None:
        self.seconds: list[float] = []
        self._times = times

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) > self._times:
            raise asyncio.CancelledError


@pytest.mark.parametrize("error", [OSError(28, "No space left"), MemoryError(), KeyError("x")])
async def test_no_error_ends_the_keeping_of_snapshots(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Each is counted and tried again, later each time."""
    sleeps = Sleeps(4)
    keeper = SnapshotKeeper(
        read_node_json(data_dir), GrownJournal(), 1 << 40, None, APPENDS_MAX, sleeps.sleep
    )

    def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(subprocess, "Popen", failing)
    with pytest.raises(asyncio.CancelledError):
        await keeper.run()
    assert [2.0, 10.0, 20.0, 40.0, 80.0] == sleeps.seconds
    assert 4 == keeper.failures


def test_the_wait_for_the_next_try_has_an_end() -> None:
    assert 600.0 == retry_s(7) == retry_s(100_000)
