"""Snapshots: the state of all shards at a journal position, so that a restart replays less.

The file is a NumPy .npz, followed by a BLAKE2b of all its bytes. That is checked before anything is
parsed, because kernels trust the columns they get. Inside are the digests of all shards: a state
that does not hash to them is not used. The journal is whole without snapshots, so a bad one costs
time, not data. process.py writes them.
"""

import json
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import numpy as np

from holdfast.core.node import Node
from holdfast.core.tables import schema, state_bytes

from ..data_directory import DataDirectory, NewerSchemaError
from ..durable_files import PacedFile, rename_durably
from ..hash_chain import Chain
from ..trailing_digest import ends_with_digest, new_digest

#: The newest, and one in reserve in case that is damaged.
KEPT = 2

MakeNode = Callable[[DataDirectory], Node]
"""An empty node for a directory."""


class SnapshotError(Exception):
    """A snapshot is not what was written, or can't be written."""


#: Why a snapshot may be passed over. All but the first two come from the disk, or from NumPy over a
#: file that is not one of ours.
LOAD_ERRORS = (
    SnapshotError,
    NewerSchemaError,
    OSError,
    ValueError,
    KeyError,
    zipfile.BadZipFile,
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state at a journal position, and what the entries after it follow."""

    node: Node
    position: int
    """0 for a node that nothing has happened to."""
    epoch: int
    """Of the last entry."""
    chain: Chain


def write_snapshot(directory: DataDirectory, snapshot: Snapshot) -> Path:
    """Write a snapshot durably, drop all but the newest two, and return its path.

    Raises SnapshotError when the disk would be left too full, OSError as the disk does.
    """
    path = directory.snapshots / snapshot_name(snapshot.position)
    path.parent.mkdir(exist_ok=True)
    for left_over in directory.snapshots.glob("*.partial"):
        left_over.unlink()
    columns = dict(_columns(snapshot))
    _expect_room(directory.snapshots, sum(column.nbytes for column in columns.values()))
    partial = path.with_suffix(".partial")
    with PacedFile(partial, "w+") as file:
        np.savez(file, **columns)  # type: ignore[arg-type]
        file.seek(0)
        file.write(file_digest(file, new_digest).digest())
        os.fsync(file.fileno())
    rename_durably(partial, path)
    for old in snapshot_paths(directory)[KEPT:]:
        old.unlink()
    return path


def _expect_room(folder: Path, size: int) -> None:
    """Raise SnapshotError unless as much stays free as the snapshot takes: the journal needs the
    disk more.
    """
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    if free < 2 * size:
        raise SnapshotError(f"{folder}: {size} bytes would be too much, {free} are free")


def _columns(snapshot: Snapshot) -> Iterator[tuple[str, np.ndarray]]:
    head = {
        "schema": schema.SCHEMA,
        "position": snapshot.position,
        "epoch": snapshot.epoch,
        "chain": {str(shard): digest.hex() for shard, digest in snapshot.chain.items()},
        "digests": [list(state_bytes.digest(shard)) for shard in snapshot.node.shards],
    }
    yield "head", np.frombuffer(json.dumps(head).encode(), np.uint8)
    for shard in snapshot.node.shards:
        for name, column in state_bytes.columns(shard).items():
            yield f"{shard.number}/{name}", column


def snapshot_name(position: int) -> str:
    """The name of a snapshot, in which the order of names is that of positions."""
    return f"snapshot-{position:012}.npz"


def snapshot_paths(directory: DataDirectory) -> list[Path]:
    """All snapshots, newest first."""
    # The padded position in the name makes the order of names that of positions.
    return sorted(directory.snapshots.glob("snapshot-*.npz"), reverse=True)


def snapshot_position(path: Path) -> int:
    """The journal position that a snapshot's name says it is of."""
    return int(path.stem.removeprefix("snapshot-"))


def is_whole(path: Path) -> bool:
    """Whether a snapshot's bytes are those that were written."""
    try:
        _check_bytes(path)
    except (SnapshotError, OSError):
        return False
    return True


def load_newest(directory: DataDirectory, make_node: MakeNode) -> tuple[Snapshot, list[str]]:
    """The newest good snapshot, or an empty node's when there is none; and file and reason of each
    that was passed over.
    """
    passed_over: list[str] = []
    for path in snapshot_paths(directory):
        try:
            return load_snapshot(path, make_node(directory)), passed_over
        except LOAD_ERRORS as error:
            passed_over.append(f"{path.name}: {error}")
    return Snapshot(make_node(directory), 0, 0, {}), passed_over


def load_snapshot(path: Path, node: Node) -> Snapshot:
    """One snapshot, loaded into a new node.

    Raises SnapshotError when its bytes or a shard's state do not hash to their digests, or it does
    not belong under its name or to this many shards, NewerSchemaError when a newer build wrote it;
    otherwise one of LOAD_ERRORS. Digests of an earlier schema are of other columns, and are not
    compared.
    """
    _check_bytes(path)
    with np.load(path, allow_pickle=False) as archive:
        head = json.loads(archive["head"].tobytes())
        written_by = head.get("schema", 1)
        if written_by > schema.SCHEMA:
            raise NewerSchemaError("the snapshot", written_by, schema.SCHEMA)
        if path.name != snapshot_name(head["position"]) or len(head["digests"]) != len(node.shards):
            raise SnapshotError("its head does not fit its name or the directory")
        for shard, digest in zip(node.shards, head["digests"], strict=True):
            state_bytes.load(shard, _ShardColumns(archive, shard.number))
            if written_by == schema.SCHEMA and list(state_bytes.digest(shard)) != digest:
                raise SnapshotError(f"shard {shard.number} does not hash to the digest in its head")
    node.loaded()
    chain = {int(shard): bytes.fromhex(digest) for shard, digest in head["chain"].items()}
    return Snapshot(node, head["position"], head["epoch"], chain)


class _ShardColumns:
    """The columns of one shard, each read when it is asked for: beside the state, memory holds one
    column.
    """

    def __init__(self, archive: Any, number: int) -> None:
        self._archive = archive
        self._prefix = f"{number}/"

    def __getitem__(self, name: str) -> np.ndarray:
        column: np.ndarray = self._archive[self._prefix + name]
        return column

    def __contains__(self, name: object) -> bool:
        return f"{self._prefix}{name}" in self._archive


def _check_bytes(path: Path) -> None:
    with path.open("rb") as file:
        if not ends_with_digest(file):
            raise SnapshotError("its bytes do not hash to the digest at its end")
