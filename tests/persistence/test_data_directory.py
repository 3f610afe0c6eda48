"""The data directory: how it comes to be, and what happens when it is damaged."""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from zlib import crc32

import lmdb
import pytest

from holdfast.persistence.data_directory import (
    DataDirectory,
    DirectoryError,
    NewerSchemaError,
    NoDataDirectoryError,
    read_node_json,
    write_node_json,
)
from holdfast.persistence.lmdb.data_file import DamagedFileError
from holdfast.persistence.lmdb.store import LmdbJournal
from holdfast.persistence.recovery import empty_node
from tests.persistence.journals import MAP_BYTES
from tests.persistence.lives import SHARDS, close, flip, live_on, reopen, snapshot_of

# --- how it comes to be ---


def test_a_directory_is_made_with_the_folders_above_it(tmp_path: Path) -> None:
    """The first start needs no preparation."""
    path = tmp_path / "some" / "where"
    recovered = reopen(path)
    assert recovered.directory == read_node_json(path)
    assert SHARDS == recovered.directory.shard_count
    assert recovered.directory.timeline == recovered.node.timeline != 0
    assert 0 == recovered.journal.position
    close(recovered)


def test_the_shard_count_is_that_of_the_first_start(tmp_path: Path) -> None:
    """A SKU's shard depends on it, so that another setting is refused and not overlooked."""
    close(reopen(tmp_path, shard_count=2))
    with pytest.raises(DirectoryError, match=r"made with shard_count 2, .* set shard_count = 2"):
        reopen(tmp_path, shard_count=8)
    recovered = reopen(tmp_path, shard_count=2)
    assert 2 == len(recovered.node.shards) == recovered.directory.shard_count
    close(recovered)


def only_the_lock(path: Path) -> None:
    for name in ("journal.mdb", "journal.mdb-lock", "node.json"):
        (path / name).unlink()
    (path / "snapshots").rmdir()


def empty_journal(path: Path) -> None:
    (path / "node.json").unlink()
    os.truncate(path / "journal.mdb", 0)


def half_a_journal(path: Path) -> None:
    (path / "node.json").unlink()
    os.truncate(path / "journal.mdb", 5_000)


def zeroed_journal(path: Path) -> None:
    (path / "node.json").unlink()
    (path / "journal.mdb").write_bytes(bytes(8_192))


def no_snapshots_folder(path: Path) -> None:
    (path / "node.json").unlink()
    (path / "snapshots").rmdir()


def node_json_half_written(path: Path) -> None:
    text = (path / "node.json").read_bytes()
    (path / "node.json").unlink()
    (path / "node.json.partial").write_bytes(text[:10])


@pytest.mark.parametrize(
    "step",
    [
        only_the_lock,
        empty_journal,
        half_a_journal,
        zeroed_journal,
        no_snapshots_folder,
        node_json_half_written,
    ],
)
def test_a_directory_that_was_not_finished_is_made_anew(
    tmp_path: Path, step: Callable[[Path], None]
) -> None:
    """Whatever a crash or a power loss left of the first start."""
    close(reopen(tmp_path))
    step(tmp_path)
    expected = live_on(tmp_path, turns=3, seed=1)
    recovered = reopen(tmp_path)
    assert expected == recovered.node.state_hash()
    assert recovered.directory.snapshots.is_dir()
    close(recovered)


# --- its timeline ---


def test_a_timeline_outlives_starts(tmp_path: Path) -> None:
    """Whoever remembers handles and revisions can tell what they are of."""
    live_on(tmp_path, turns=3, seed=1)
    first = read_node_json(tmp_path)
    live_on(tmp_path, turns=3, seed=1)
    assert first == read_node_json(tmp_path)


def test_a_directory_of_the_first_format_gets_a_timeline_at_its_start(tmp_path: Path) -> None:
    """Once and for good, and its SKUs stay in the shards where they lie."""
    for shard_count in (1, 3, 4, 7, 256):
        path = tmp_path / str(shard_count)
        path.mkdir()
        figures: dict[str, object] = {"format": 1, "shard_count": shard_count}
        text = json.dumps(figures, sort_keys=True).encode()
        figures["checksum"] = blake2b(text, digest_size=8).hexdigest()
        (path / "node.json").write_text(json.dumps(figures))
        directory = read_node_json(path)
        assert 0 == directory.timeline

        homes = empty_node(directory).homes
        names = [f"SKU {number}" for number in range(500)]
        assert [crc32(name.encode()) % shard_count for name in names] == list(
            map(homes.of_sku, names)
        )

        LmdbJournal(directory.journal, MAP_BYTES, 0).close()
        recovered = reopen(path, shard_count)
        close(recovered)
        assert recovered.directory.timeline
        assert replace(directory, timeline=recovered.directory.timeline) == read_node_json(path)


def test_skus_of_a_new_directory_fall_to_4096_slots(tmp_path: Path) -> None:
    """Also where the shards do not divide them, so that slots can be moved one by one later."""
    recovered = reopen(tmp_path, shard_count=3)
    close(recovered)
    assert 4_096 == recovered.directory.slot_count
    names = [f"SKU {number}" for number in range(500)]
    expected = [crc32(name.encode()) % 4_096 % 3 for name in names]
    assert expected == list(map(recovered.node.homes.of_sku, names))


@pytest.mark.parametrize("step", [only_the_lock, half_a_journal, node_json_half_written])
def test_a_directory_that_was_not_finished_is_refused_as_such(
    tmp_path: Path, step: Callable[[Path], None]
) -> None:
    """Whoever looks into it learns that nothing is lost, and not that a backup is needed."""
    close(reopen(tmp_path))
    step(tmp_path)
    with pytest.raises(NoDataDirectoryError, match="a first start that did not finish"):
        read_node_json(tmp_path)


def test_a_folder_of_something_else_is_refused_as_such(tmp_path: Path) -> None:
    """A mistyped path."""
    with pytest.raises(NoDataDirectoryError, match="not a data directory"):
        read_node_json(tmp_path)


def synced_by_a_start(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a start makes durable by fsync, in order; paths from the folder above on."""
    synced: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), path.parent))
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", noted)
        close(reopen(path))
    return synced


def test_every_start_makes_the_names_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start before may have died when it had given them, and before it had synced them."""
    path = tmp_path / "data"
    close(reopen(path))
    assert [".", "data/snapshots", "data"] == synced_by_a_start(path, monkeypatch)


def test_the_journal_has_a_durable_name_before_there_is_a_node_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a node.json without a journal is never what a first start left."""
    names = synced_by_a_start(tmp_path / "data", monkeypatch)
    steps = ["data/journal.mdb", "data", "data/node.json.partial", "data"]
    assert ["..", ".", *steps, "data/snapshots", "data"] == names


# --- what is damaged or missing ---


def test_a_journal_is_never_made_anew(tmp_path: Path) -> None:
    """Without node.json, but with appends, somebody lost a file: nothing is touched."""
    live_on(tmp_path, turns=1, seed=1)
    (tmp_path / "node.json").unlink()
    before = (tmp_path / "journal.mdb").read_bytes()
    with pytest.raises(DirectoryError, match=r"node\.json: missing, but there is a journal"):
        reopen(tmp_path)
    assert before == (tmp_path / "journal.mdb").read_bytes()


def test_snapshots_without_the_rest_are_not_taken_for_a_new_directory(tmp_path: Path) -> None:
    """Somebody lost the journal and node.json: an empty node would forget everything."""
    live_on(tmp_path, turns=1, seed=1)
    snapshot_of(tmp_path)
    for name in ("node.json", "journal.mdb"):
        (tmp_path / name).unlink()
    with pytest.raises(DirectoryError, match=r"node\.json: missing, but there are snapshots"):
        reopen(tmp_path)


def test_a_missing_journal_is_named(tmp_path: Path) -> None:
    """A finished directory has one; an empty node in its place would forget everything."""
    live_on(tmp_path, turns=1, seed=1)
    (tmp_path / "journal.mdb").unlink()
    with pytest.raises(DirectoryError, match=r"journal\.mdb: missing; restore it from a backup"):
        reopen(tmp_path)


def test_an_empty_journal_is_named(tmp_path: Path) -> None:
    """LMDB would take a file of no bytes for a new one."""
    live_on(tmp_path, turns=1, seed=1)
    os.truncate(tmp_path / "journal.mdb", 0)
    with pytest.raises(
        DamagedFileError, match=r"journal\.mdb: damaged at byte 0: the file ends here"
    ):
        reopen(tmp_path)


def test_every_flipped_bit_of_node_json_is_found_or_harmless(tmp_path: Path) -> None:
    """Its checksum covers what it says."""
    good = write_node_json(DataDirectory(tmp_path, SHARDS))
    text = (tmp_path / "node.json").read_bytes()
    found = harmless = 0
    for bit in range(8 * len(text)):
        (tmp_path / "node.json").write_bytes(flip(text, bit))
        try:
            assert good == read_node_json(tmp_path)
        except DirectoryError as error:
            found += f"{tmp_path / 'node.json'}: damaged" in str(error)
        else:
            harmless += 1
    assert 8 * len(text) == found + harmless
    assert harmless < 8


def test_every_truncation_of_node_json_is_found(tmp_path: Path) -> None:
    """Down to no bytes at all."""
    write_node_json(DataDirectory(tmp_path, SHARDS))
    text = (tmp_path / "node.json").read_bytes()
    for size in range(len(text)):
        (tmp_path / "node.json").write_bytes(text[:size])
        with pytest.raises(DirectoryError, match=r"node\.json: damaged"):
            read_node_json(tmp_path)


@pytest.mark.parametrize("text", ["[]", "7", "null", '{"format": {}}'])
def test_json_of_another_shape_is_damage(tmp_path: Path, text: str) -> None:
    """Something else under this name."""
    (tmp_path / "node.json").write_text(text)
    with pytest.raises(DirectoryError, match=r"node\.json: damaged"):
        read_node_json(tmp_path)


def test_a_newer_format_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever goes back to an older build learns why it can't read."""
    with monkeypatch.context() as patch:
        patch.setattr("holdfast.persistence.data_directory.FORMAT", 9)
        write_node_json(DataDirectory(tmp_path, SHARDS))
    assert 9 == json.loads((tmp_path / "node.json").read_bytes())["format"]
    with pytest.raises(NewerSchemaError, match=r"schema 9; .* Nothing is damaged: upgrade"):
        read_node_json(tmp_path)


def test_what_a_later_build_adds_is_read_over(tmp_path: Path) -> None:
    """As long as the format is the same; the checksum covers it all the same."""
    write_node_json(DataDirectory(tmp_path, SHARDS))
    good = (tmp_path / "node.json").read_bytes()
    document = json.loads(good)
    del document["checksum"]
    document["more"] = {"of": "it"}
    document["checksum"] = blake2b(
        json.dumps(document, sort_keys=True).encode(), digest_size=8
    ).hexdigest()
    (tmp_path / "node.json").write_text(json.dumps(document))
    assert SHARDS == read_node_json(tmp_path).shard_count

    document["more"] = {"of": "that"}
    (tmp_path / "node.json").write_text(json.dumps(document))
    with pytest.raises(DirectoryError, match=r"node\.json: damaged"):
        read_node_json(tmp_path)


def test_a_journal_in_another_format_of_lmdb_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build with a later LMDB wrote the directory, or somebody put its journal into this one."""
    close(reopen(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr("holdfast.persistence.data_directory.LMDB_DATA_VERSION", 3)
        write_node_json(DataDirectory(tmp_path, SHARDS))
    with pytest.raises(DirectoryError, match="LMDB's file format 3, and this build reads 1"):
        reopen(tmp_path)

    write_node_json(DataDirectory(tmp_path, SHARDS))
    journal = tmp_path / "journal.mdb"
    journal.unlink()
    lmdb.open(str(journal), subdir=False, lib_version=1).close()
    with pytest.raises(
        DirectoryError, match=r"byte 28 says LMDB's file format 3, node\.json says 1"
    ):
        reopen(tmp_path)


def test_a_disk_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At any step of a start: the directory, and what the system says."""
    steps = len(synced_by_a_start(tmp_path / "first", monkeypatch))
    fsync = os.fsync
    for failing in range(steps):
        path, left = tmp_path / f"disk{failing}", iter(range(steps))

        def fail(descriptor: int, left: Iterator[int] = left, failing: int = failing) -> None:
            if next(left) == failing:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            fsync(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(DirectoryError, match=f"{path}: cannot be .*: Input/output error"):
                reopen(path)
        close(reopen(path))


def test_a_file_in_the_place_of_the_directory_is_named(tmp_path: Path) -> None:
    """A wrong setting."""
    path = tmp_path / "data"
    path.write_text("a file")
    with pytest.raises(DirectoryError, match="data: cannot be made: File exists"):
        reopen(path)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Here a folder lies where the lock has to be: that stops even the superuser."""
    (tmp_path / "lock").mkdir()
    with pytest.raises(DirectoryError, match=f"{tmp_path}: cannot be used: Is a directory"):
        reopen(tmp_path)


def test_a_node_json_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """As above."""
    (tmp_path / "node.json").mkdir()
    with pytest.raises(DirectoryError, match=r"node\.json: cannot be read: Is a directory"):
        reopen(tmp_path)


def test_a_copied_directory_opens_elsewhere(tmp_path: Path) -> None:
    """A backup: nothing in it names its place."""
    expected = live_on(tmp_path / "first", turns=3, seed=1)
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    recovered = reopen(tmp_path / "second")
    assert expected == recovered.node.state_hash()
    close(recovered)


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    """And nobody is told to restore it from a backup."""
    (tmp_path / "file").touch()
    with pytest.raises(NoDataDirectoryError, match="file: not a data directory"):
        read_node_json(tmp_path / "file")
