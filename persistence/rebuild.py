"""The state from the journal alone: `holdfast rebuild`.

Every append is replayed, from the first. What comes out is compared, byte for byte, with what a
start comes to from the newest snapshot, or takes its place.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from holdfast.core.node import Node
from holdfast.core.tables import state_bytes

from .archive.segments import History, MissingHistoryError
from .data_directory import DataDirectory, DirectoryError
from .kept_history import directory_of, open_history, read_folder
from .recovery import Progress, empty_node, no_progress, replay
from .snapshots.file import LOAD_ERRORS, Snapshot, load_snapshot, snapshot_paths, write_snapshot


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What the journal leads to, and how it compares."""

    position: int
    state_hash: str
    state_bytes: int
    snapshot: str
    """Name of the snapshot that it was compared with, or that was written; empty for none."""
    differences: list[str]
    """Columns that are not the same, each with its shard."""


def verify_rebuilt(
    path: Path, rebuilding: Progress = no_progress, replaying: Progress = no_progress
) -> Rebuilt:
    """Compare the rebuilt state with what the newest good snapshot leads to. A node may serve the
    directory. Takes the memory of two nodes.

    Raises RECOVERY_ERRORS, among them MissingHistoryError when history was dropped.
    """
    folder = read_folder(path)
    directory = directory_of(folder)
    # Before the journal is opened, which then reaches as far as it does.
    name, start = _newest(directory)
    with open_history(folder) as (history, _):
        rebuilt = _rebuild(directory, history, rebuilding)
        if start is None:
            return _report(rebuilt, "", [])
        reached = replay(directory, history, start, replaying)
    return _report(rebuilt, name, _differences(rebuilt.node, reached.node))


def write_rebuilt(path: Path, rebuilding: Progress = no_progress) -> Rebuilt:
    """Write the rebuilt state as the newest snapshot of a directory that no node serves.

    Raises RECOVERY_ERRORS, SnapshotError, OSError.
    """
    folder = read_folder(path)
    if not isinstance(folder, DataDirectory):
        raise DirectoryError(f"{path}: a backup, which stays as it is; use --verify")
    with open_history(folder) as (history, is_served):
        if is_served:
            raise DirectoryError(f"{path}: a node serves it; stop it first, or use --verify")
        rebuilt = _rebuild(folder, history, rebuilding)
        folder.snapshots.mkdir(exist_ok=True)
        written = write_snapshot(folder, rebuilt) if rebuilt.position else None
    return _report(rebuilt, written.name if written else "", [])


def _rebuild(directory: DataDirectory, history: History, progress: Progress) -> Snapshot:
    if history.first != 1:
        raise MissingHistoryError(
            f"{directory.path}: history before position {history.first} was dropped, and a state "
            "is rebuilt from the first append on: raise archive_max_mib to keep it from now on, or "
            "rebuild from a backup whose archive begins at position 1"
        )
    return replay(directory, history, Snapshot(empty_node(directory), 0, 0, {}), progress)


def _newest(directory: DataDirectory) -> tuple[str, Snapshot | None]:
    for path in snapshot_paths(directory):
        try:
            return path.name, load_snapshot(path, empty_node(directory))
        except LOAD_ERRORS:
            continue  # verify judges it
    return "", None


def _differences(rebuilt: Node, reached: Node) -> list[str]:
    return [
        f"{name} of shard {one.number}"
        for one, other in zip(rebuilt.shards, reached.shards, strict=True)
        for name in _different_columns(state_bytes.columns(one), state_bytes.columns(other))
    ]


def _different_columns(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> list[str]:
    assert one.keys() == other.keys()
    return [name for name in one if not _are_same_bytes(one[name], other[name])]


def _are_same_bytes(one: np.ndarray, other: np.ndarray) -> bool:
    return one.dtype == other.dtype and one.tobytes() == other.tobytes()


def _report(rebuilt: Snapshot, snapshot: str, differences: list[str]) -> Rebuilt:
    size = sum(
        column.nbytes
        for shard in rebuilt.node.shards
        for column in state_bytes.columns(shard).values()
    )
    return Rebuilt(rebuilt.position, rebuilt.node.state_hash(), size, snapshot, differences)
