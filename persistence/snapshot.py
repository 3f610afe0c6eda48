"""Snapshots: the state of all shards at a journal position, so that a restart need not replay everything.

A snapshot is made by a second process that loads the newest snapshot, replays the journal behind it
and writes the next one (`python -m holdfast.persistence.snapshot DIRECTORY`): the serving node does
not pause. The file is a NumPy .npz (a zip archive, each member with its CRC-32), and carries each
shard's digest: a snapshot that does not hash to it is not used. No snapshot is ever needed, because
the journal is whole; a bad one costs time only.
"""

import json
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from holdfast.core.node import Node

from .codec import Chain
from .directory import DataDirectory, rename_durably

KEPT = 2


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state that was loaded, and where the journal goes on from it."""

    node: Node
    position: int
    epoch: int
    chain: Chain


def write_snapshot(directory: DataDirectory, snapshot: Snapshot) -> Path:
    """Write a snapshot durably, and drop all but the newest few."""
    path = directory.snapshots / f"snapshot-{snapshot.position:012}.npz"
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, **dict(_columns(snapshot)))
        file.flush()
        os.fsync(file.fileno())
    rename_durably(partial, path)
    for old in snapshot_paths(directory)[KEPT:]:
        old.unlink()
    return path


def _columns(snapshot: Snapshot) -> Iterator[tuple[str, np.ndarray]]:
    head = {
        "position": snapshot.position,
        "epoch": snapshot.epoch,
        "chain": {str(shard): digest.hex() for shard, digest in snapshot.chain.items()},
        "digests": [list(shard.digest()) for shard in snapshot.node.shards],
    }
    yield "head", np.frombuffer(json.dumps(head).encode(), np.uint8)
    for shard in snapshot.node.shards:
        for name, column in shard.columns().items():
            yield f"{shard.number}/{name}", column


def snapshot_paths(directory: DataDirectory) -> list[Path]:
    """All snapshots, newest first."""
    return sorted(directory.snapshots.glob("snapshot-*.npz"), reverse=True)


def load_newest(
    directory: DataDirectory, make_node: Callable[[], Node], on_bad: Callable[[Path, str], None]
) -> Snapshot | None:
    """Load the newest snapshot that is good; report each that is not."""
    for path in snapshot_paths(directory):
        try:
            return load_snapshot(path, make_node())
        except (SnapshotError, OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            on_bad(path, str(error))
    return None


class SnapshotError(Exception):
    """A snapshot is not what was written."""


def load_snapshot(path: Path, node: Node) -> Snapshot:
    """Load one snapshot into a new node and check every shard's digest."""
    with np.load(path, allow_pickle=False) as archive:
        head = json.loads(archive["head"].tobytes())
        columns = {name: archive[name] for name in archive.files if name != "head"}
    if path.stem != f"snapshot-{head['position']:012}" or len(head["digests"]) != len(node.shards):
        raise SnapshotError("its head does not fit its name or the directory")
    for shard, digest in zip(node.shards, head["digests"], strict=True):
        prefix = f"{shard.number}/"
        shard.load(
            {
                name.removeprefix(prefix): column
                for name, column in columns.items()
                if name.startswith(prefix)
            }
        )
        if list(shard.digest()) != digest:
            raise SnapshotError(f"shard {shard.number} does not hash to the digest in its head")
    node.loaded()
    chain = {int(shard): bytes.fromhex(digest) for shard, digest in head["chain"].items()}
    return Snapshot(node, head["position"], head["epoch"], chain)


def main() -> None:
    """Write the next snapshot of a directory, beside the node that serves it."""
    # Import here: recovery uses this module.
    from .recovery import read_only_recovery

    os.nice(10)
    directory, snapshot = read_only_recovery(Path(sys.argv[1]))
    path = write_snapshot(directory, snapshot)
    sys.stdout.write(f"{path.name}\n")


if __name__ == "__main__":
    main()
