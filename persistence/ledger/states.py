"""States from which history leads on: where a follower or an export may begin."""

from collections.abc import Iterator

from ..archive.segments import History
from ..data_directory import DataDirectory, DirectoryError
from ..recovery import empty_node
from ..snapshots.file import (
    LOAD_ERRORS,
    Snapshot,
    load_snapshot,
    snapshot_paths,
    snapshot_position,
)


def states(directory: DataDirectory, history: History) -> Iterator[Snapshot]:
    """Good snapshots since which history is complete, newest first, and the beginning of all if it
    is known.
    """
    for path in snapshot_paths(directory):
        if snapshot_position(path) >= history.first - 1:
            try:
                yield load_snapshot(path, empty_node(directory))
            except LOAD_ERRORS:
                continue
    if history.first == 1:
        yield _beginning(directory)


def first_state(directory: DataDirectory, history: History) -> Snapshot:
    """The oldest of them. Raises DirectoryError when there is none."""
    if history.first == 1:
        return _beginning(directory)
    found = list(states(directory, history))
    if not found:
        raise DirectoryError(
            f"{directory.path}: history begins at position {history.first}, and there is no "
            "snapshot of what was before"
        )
    return found[-1]


def _beginning(directory: DataDirectory) -> Snapshot:
    return Snapshot(empty_node(directory), 0, 0, {})
