"""Snapshots: each is the state at its position, and a bad one costs time only."""

import hashlib
import os
import random
import shutil
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from holdfast.core.node import Node
from holdfast.persistence import durable_files
from holdfast.persistence.data_directory import DirectoryError
from holdfast.persistence.snapshots.file import (
    SnapshotError,
    load_snapshot,
    snapshot_position,
    write_snapshot,
)
from tests.persistence.lives import (
    SHARDS,
    close,
    digests,
    flip,
    full_replay,
    live_on,
    read_back,
    reopen,
    snapshot_of,
    snapshot_paths,
)

# --- what it is ---


def test_a_snapshot_is_the_state_that_was_written(path: Path) -> None:
    """Every column of every shard, and what the journal goes on from."""
    directory, written = read_back(path)
    loaded = load_snapshot(write_snapshot(directory, written), Node(SHARDS))
    assert digests(written.node) == digests(loaded.node)
    assert written.node.state_hash() == loaded.node.state_hash()
    assert written.node.now_ns == loaded.node.now_ns
    assert written.node.index.slots.count == loaded.node.index.slots.count
    for field in ("position", "epoch", "chain"):
        assert getattr(written, field) == getattr(loaded, field)


def test_recovery_from_a_snapshot_comes_to_the_same_as_a_full_replay(path: Path) -> None:
    """Bit by bit, and also in what is done next."""
    newest = snapshot_paths(path)[0]
    expected = full_replay(path)
    recovered = reopen(path)
    assert newest.name == f"snapshot-{recovered.snapshot_position:012}.npz"
    assert 0 < recovered.replayed == recovered.journal.position - recovered.snapshot_position
    assert digests(expected) == digests(recovered.node)
    close(recovered)
    assert live_on(path, turns=5, seed=9) == live_on(path.with_name("alone"), turns=5, seed=9)


def test_only_the_newest_are_kept(path: Path) -> None:
    """With one in reserve, in case the newest is damaged."""
    old = snapshot_paths(path)
    newest = snapshot_of(path)
    assert [newest, old[0]] == snapshot_paths(path)


def test_what_a_killed_snapshot_process_left_is_removed(path: Path) -> None:
    """Or it would fill the disk in the end."""
    partial = path / "snapshots" / "snapshot-000000000001.partial"
    partial.write_bytes(b"half")
    snapshot_of(path)
    assert not partial.exists()
    assert not list(path.rglob("*.partial"))


def test_a_snapshot_leaves_room_on_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal needs it more."""
    directory, written = read_back(path)
    before = snapshot_paths(path)
    disk = type("Disk", (), {"f_bavail": 10, "f_frsize": 4_096})
    monkeypatch.setattr("os.statvfs", lambda _: disk)
    with pytest.raises(SnapshotError, match="bytes would be too much, 40960 are free"):
        write_snapshot(directory, written)
    assert before == snapshot_paths(path)


def test_little_of_a_snapshot_is_ever_on_its_way_to_the_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the node's next append would wait for all of it."""
    sizes = [0]

    def fdatasync(descriptor: int) -> None:
        sizes.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(durable_files, "SYNC_EVERY_BYTES", 1_000)
    monkeypatch.setattr(os, "fdatasync", fdatasync)
    written = snapshot_of(path)
    assert max(after - before for before, after in pairwise(sizes)) < 2_000
    assert written.stat().st_size - sizes[-1] < 2_000
    monkeypatch.undo()
    assert digests(load_snapshot(written, Node(SHARDS)).node) == digests(full_replay(path))


# --- a bad one ---


def damages(data: bytes, rng: random.Random) -> list[bytes]:
    """Flipped bits, truncations and other losses, all over a file."""
    flips = [flip(data, rng.randrange(8 * len(data))) for _ in range(300)]
    ends = [flip(data, bit) for at in (0, len(data) - 1) for bit in range(8 * at, 8 * at + 8)]
    cuts = [data[: rng.randrange(len(data))] for _ in range(50)]
    cuts += [data[:size] for size in (0, 1, 15, 16, 17, len(data) - 1)]
    page = 4_096 * rng.randrange(len(data) // 4_096)
    zeroed = data[:page] + bytes(4_096) + data[page + 4_096 :]
    return [*flips, *ends, *cuts, zeroed, bytes(len(data)), data + b"\0"]


def test_every_damage_is_found(path: Path) -> None:
    """Before anything is parsed or handed to a kernel."""
    newest = snapshot_paths(path)[0]
    for damaged in damages(newest.read_bytes(), random.Random(1)):
        newest.write_bytes(damaged)
        with pytest.raises(SnapshotError, match="its bytes do not hash to the digest at its end"):
            load_snapshot(newest, Node(SHARDS))


@pytest.mark.parametrize("bad_count", [1, 2])
def test_a_bad_one_is_passed_over_and_reported(path: Path, bad_count: int) -> None:
    """The one before it serves, or none, and the state is the same."""
    paths = snapshot_paths(path)
    expected = digests(full_replay(path))
    for bad in paths[:bad_count]:
        bad.write_bytes(flip(bad.read_bytes(), 8 * 1_000))
    recovered = reopen(path)
    good = [*paths, None][bad_count]
    position = snapshot_position(good) if good else 0
    assert position == recovered.snapshot_position
    assert [
        f"{bad.name}: its bytes do not hash to the digest at its end" for bad in paths[:bad_count]
    ] == recovered.bad_snapshots
    assert expected == digests(recovered.node)
    close(recovered)


def test_one_that_cannot_be_read_is_passed_over(path: Path) -> None:
    """Here, because it is a folder."""
    newest = snapshot_paths(path)[0]
    newest.unlink()
    newest.mkdir()
    recovered = reopen(path)
    assert [f"{newest.name}: [Errno 21] Is a directory: '{newest}'"] == recovered.bad_snapshots
    close(recovered)


def test_one_under_another_name_is_passed_over(path: Path) -> None:
    """A copy that says another position than it is of."""
    newest = snapshot_paths(path)[0]
    newest.rename(newest.with_name("snapshot-000000000999.npz"))
    recovered = reopen(path)
    assert [
        "snapshot-000000000999.npz: its head does not fit its name or the directory"
    ] == recovered.bad_snapshots
    close(recovered)


def test_one_whose_state_was_tampered_with_is_passed_over(path: Path) -> None:
    """The hash over its bytes is right, but they are not what the shards hashed to."""
    written = write_snapshot(*read_back(path))
    with np.load(written) as opened:
        columns = dict(opened)
    columns["1/levels"] = columns["1/levels"].copy()
    columns["1/levels"]["on_hand"][0] += 1
    with written.open("w+b") as file:
        np.savez(file, **columns)
        file.seek(0)
        file.write(hashlib.file_digest(file, lambda: blake2b(digest_size=16)).digest())
    with pytest.raises(SnapshotError, match="shard 1 does not hash to the digest in its head"):
        load_snapshot(written, Node(SHARDS))


def test_one_that_is_ahead_of_the_journal_stops_recovery(path: Path) -> None:
    """Somebody restored an older journal: what is missing was promised to callers."""
    end = reopen(path)
    close(end)
    snapshot_of(path)
    older = path.with_name("older")
    live_on(older, turns=5, seed=1)
    shutil.copy(older / "journal.mdb", path / "journal.mdb")
    with pytest.raises(DirectoryError) as caught:
        reopen(path)
    assert (
        f"but a snapshot reaches {end.journal.position}: entries are missing; "
        "restore the journal from a backup"
    ) in str(caught.value)
    assert f"{path / 'journal.mdb'}: ends at position" in str(caught.value)
