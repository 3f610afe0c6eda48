"""The process that writes a snapshot beside the node."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from holdfast.edge.server.snapshots import APPENDS_MAX, is_due, write_snapshot
from holdfast.persistence.data_directory import DataDirectory
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
    assert uvloop.run(write_snapshot(served.path))
    assert 1 == len(snapshot_paths(served))


def test_a_failure_is_told_and_does_no_harm(data_dir: Path) -> None:
    """As when the node that asked for it is gone."""
    assert not uvloop.run(write_snapshot(data_dir))


def test_no_process_stays_when_the_node_stops(served: DataDirectory) -> None:
    """It is killed, and leaves no snapshot that is not whole."""

    async def stop_at_once() -> None:
        writing = asyncio.create_task(write_snapshot(served.path))
        await asyncio.sleep(0)
        assert _children()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert not _children()

    uvloop.run(stop_at_once())
    assert [] == snapshot_paths(served)


def _children() -> str:
    """Processes that this thread has started, or any other one of ours."""
    tasks = Path("/proc/self/task").iterdir()
    return "".join((task / "children").read_text() for task in tasks)


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
