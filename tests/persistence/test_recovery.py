"""Recovery: what was acknowledged comes back exactly, or recovery stops and says where."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from holdfast.core.kernels.hash_slots import SEED_0, SEED_1
from holdfast.core.limits import NS_PER_S
from holdfast.core.node import Node
from holdfast.core.tables import state_bytes
from holdfast.core.tables.apply.reservations import keep_shipments
from holdfast.core.tables.effects import Entry, Section
from holdfast.core.tables.rebuilding import rebuild
from holdfast.edge.server.lifecycle import _recover_node
from holdfast.edge.server.settings import Settings
from holdfast.persistence.codec import read_appends
from holdfast.persistence.data_directory import DataDirectory, write_node_json
from holdfast.persistence.hash_chain import Chain
from holdfast.persistence.lmdb.data_file import DamagedFileError
from holdfast.persistence.lmdb.pages import iterate_values
from holdfast.persistence.recovery import (
    empty_node,
    recover,
    replay_group,
)
from holdfast.persistence.verify import verify
from tests.persistence.journals import MAP_BYTES, JournalWriter, MemoryJournal
from tests.persistence.lives import (
    RESERVE_BYTES,
    SHARDS,
    Life,
    close,
    digests,
    flip,
    life_of,
    live_on,
    reopen,
    snapshot_of,
)


@pytest.mark.parametrize("seed", range(3))
def test_many_restarts_come_to_the_same_as_none(tmp_path: Path, seed: int) -> None:
    """Each start takes up exactly what the one before left, with and without snapshots."""
    never_restarted = Life(Node(SHARDS), JournalWriter(MemoryJournal()), random.Random(seed))
    rng = random.Random(seed)
    life: Life | None = None
    for start in range(6):
        recovered = reopen(tmp_path)
        assert digests(never_restarted.node) == digests(recovered.node)
        assert never_restarted.node.state_hash() == recovered.node.state_hash()
        assert never_restarted.journal.position == recovered.journal.position
        life = life_of(recovered, rng, life)
        for each in (life, never_restarted):
            each.live(turns=10)
            each.journal.append(each.node.seal())
        close(recovered)
        if start in (1, 2, 4):
            snapshot_of(tmp_path)


def test_every_prefix_of_the_journal_is_the_state_at_that_time() -> None:
    """Whichever append was the last durable one, replay comes to what was so then."""
    journal = MemoryJournal()
    life = Life(Node(SHARDS), JournalWriter(journal), random.Random(1))
    hashes = {}
    while journal.position < 40:
        life.live(turns=1)
        hashes[journal.position] = life.node.state_hash()
    replayed, compared = Node(SHARDS), 0
    for position, group in read_appends(journal, 0, Chain()):
        replay_group(replayed, position, group)
        if position in hashes:
            assert hashes[position] == replayed.state_hash()
            compared += 1
    assert len(hashes) == compared


@pytest.mark.parametrize("seed", range(30, 33))
def test_a_state_that_was_loaded_goes_on_as_one_that_was_not(seed: int) -> None:
    """To the byte: nothing rests on what a table held before, which is in no snapshot."""
    journal = MemoryJournal()
    life = Life(Node(SHARDS), JournalWriter(journal), random.Random(seed))
    states = {}
    for _ in range(90):
        life.live(turns=1)
        states[journal.position] = contents(life.node)
    replayed = Node(SHARDS)
    for position, group in read_appends(journal, 0, Chain()):
        replay_group(replayed, position, group)
        assert states.get(position) in (None, contents(replayed))
        if position % 7 == 0:
            loaded = Node(SHARDS)
            for shard, before in zip(loaded.shards, replayed.shards, strict=True):
                state_bytes.load(shard, copies(state_bytes.columns(before)))
                rebuild(shard)
            replayed = loaded


def copies(listed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: column.copy() for name, column in listed.items()}


def contents(node: Node) -> list[dict[str, bytes]]:
    """All but the time, which goes on in a shard without an entry."""
    listed = [state_bytes.columns(shard) for shard in node.shards]
    return [{n: c.tobytes() for n, c in each.items() if n != "position"} for each in listed]


def test_each_start_that_appends_is_a_new_epoch(tmp_path: Path) -> None:
    """So that two writers could be distinguished in the journal."""
    for seed in range(3):
        live_on(tmp_path, turns=2, seed=seed)
    recovered = reopen(tmp_path)
    appends = list(read_appends(recovered.journal, 0, Chain()))
    epochs = [item.epoch for _, group in appends for item in group]
    close(recovered)
    assert {1, 2, 3} == set(epochs)
    assert sorted(epochs) == epochs
    assert 4 == recovered.epoch


def test_progress_is_reported_to_the_end(tmp_path: Path) -> None:
    """A long recovery is not a silent one."""
    live_on(tmp_path, turns=5, seed=1)
    progress: list[tuple[int, int]] = []
    recovered = recover(
        tmp_path,
        SHARDS,
        MAP_BYTES,
        RESERVE_BYTES,
        empty_node,
        lambda *figures: progress.append(figures),
    )
    end = recovered.journal.position
    assert [(done, end) for done in range(1, end + 1)] == progress
    close(recovered)


def test_the_lock_file_of_lmdb_holds_nothing_of_value(tmp_path: Path) -> None:
    """It may be lost or full of anything."""
    expected = live_on(tmp_path, turns=5, seed=1)
    lock = tmp_path / "journal.mdb-lock"
    size = lock.stat().st_size
    for content in (b"", b"\xff" * 100, b"\xff" * size, random.Random(1).randbytes(2 * size)):
        lock.write_bytes(content)
        recovered = reopen(tmp_path)
        assert expected == recovered.node.state_hash()
        close(recovered)
    lock.unlink()
    close(reopen(tmp_path))


# --- what replay may not come to ---

Tamper = Callable[[list[Entry]], list[Entry]]


def tampered_last_append(path: Path, seed: int, tamper: Tamper) -> int:
    """Let a node write a journal whose last append is a seal, but another one than it should be.

    Return where in the file it lies.
    """
    recovered = reopen(path)
    life = life_of(recovered, random.Random(seed))
    life.live(turns=5)
    life.journal.append(tamper(recovered.node.seal()))
    close(recovered)
    places = {key: offset for key, offset, _ in iterate_values(path / "journal.mdb")}
    return places[recovered.journal.position]


def with_another_digest(entries: list[Entry]) -> list[Entry]:
    seal = entries[2].effects(Section.SEAL)
    seal["digest_lo"] ^= np.uint64(1)
    return [*entries[:2], replace(entries[2], sections=[(Section.SEAL, seal)]), entries[3]]


def with_a_gap(entries: list[Entry]) -> list[Entry]:
    return [entries[0], replace(entries[1], sequence=entries[1].sequence + 1), *entries[2:]]


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (with_another_digest, r"shard 2: the state after entry \d+ is not what the journal sealed"),
        (with_a_gap, r"sequence \d+ of shard 1 is not the next"),
    ],
)
def test_a_journal_that_contradicts_itself_stops_recovery(
    tmp_path: Path, tamper: Tamper, reason: str
) -> None:
    """Its bytes are whole, but replay does not come to what the writer had."""
    offset = tampered_last_append(tmp_path, 1, tamper)
    match = rf"journal\.mdb: damaged at byte {offset}: journal position \d+: {reason}"
    with pytest.raises(DamagedFileError, match=match):
        reopen(tmp_path)


def test_a_state_that_changed_without_an_effect_is_found_by_the_next_seal(tmp_path: Path) -> None:
    """A fault of memory, or a bug: what the node answered from is not what its journal says."""
    recovered = reopen(tmp_path)
    life = life_of(recovered, random.Random(2))
    life.live(turns=3)
    recovered.node.shards[3].levels.records["on_hand"][0] += 1
    life.journal.append(life.node.seal())
    close(recovered)
    with pytest.raises(DamagedFileError, match=r"shard 3: the state after entry \d+ is not what"):
        reopen(tmp_path)


def test_a_journal_of_more_shards_stops_recovery(tmp_path: Path) -> None:
    """A node.json of another directory."""
    live_on(tmp_path, turns=3, seed=1)
    write_node_json(DataDirectory(tmp_path, shard_count=2))
    match = r"damaged at byte \d+: journal position 1: it has a shard 2, node\.json says 2 shards"
    with pytest.raises(DamagedFileError, match=match):
        reopen(tmp_path, shard_count=2)


def test_a_damaged_directory_is_left_as_it_is(tmp_path: Path) -> None:
    """Somebody may have to look at it: nothing is repaired, moved or dropped."""
    live_on(tmp_path, turns=5, seed=1)
    snapshot, journal = snapshot_of(tmp_path), tmp_path / "journal.mdb"
    _, offset, size = next(iterate_values(journal))
    for file, byte in ((snapshot, 1_000), (journal, offset + size - 1)):
        file.write_bytes(flip(file.read_bytes(), 8 * byte))
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and "lock" not in path.name]
    before = {path: path.read_bytes() for path in kept}

    with pytest.raises(DamagedFileError):
        reopen(tmp_path)

    assert before == {path: path.read_bytes() for path in kept}


def test_what_failed_can_be_tried_again(tmp_path: Path) -> None:
    """In the same process: neither the lock nor the file is left open."""
    live_on(tmp_path, turns=5, seed=1)
    expected = live_on(tmp_path, turns=5, seed=2)
    node_json = (tmp_path / "node.json").read_bytes()
    for _ in range(2):
        write_node_json(DataDirectory(tmp_path, shard_count=1))
        with pytest.raises(DamagedFileError):
            reopen(tmp_path, shard_count=1)
        (tmp_path / "node.json").write_bytes(node_json)
        recovered = reopen(tmp_path)
        assert expected == recovered.node.state_hash()
        close(recovered)


def test_whoever_reads_a_directory_draws_a_seed(tmp_path: Path) -> None:
    """Strangers chose what is in it: the node that serves it, the snapshot's process and `verify`
    keep it in hash tables that those could not know. The state is the same under any seed.
    """
    live_on(tmp_path, turns=30, seed=1)
    served = _recover_node(Settings(data_dir=tmp_path))
    close(served)
    read = reopen(tmp_path, served.directory.shard_count)
    close(read)
    assert 3 == len({seed_of(node) for node in (served.node, read.node, Node(SHARDS))})
    assert digests(read.node) == digests(served.node)
    assert read.node.state_hash() == served.node.state_hash()
    assert not verify(tmp_path).findings


def seed_of(node: Node) -> bytes:
    layout: np.ndarray = node.index.arrays[1]
    return layout[SEED_0 : SEED_1 + 1].tobytes()


def test_what_ships_nothing_leaves_a_shard_as_it_was(tmp_path: Path) -> None:
    """As a BatchFulfill does in all shards that it does not touch. What changes without an effect
    is missing from replay, and the seal of a clean stop then stops the next start.
    """
    recovered = reopen(tmp_path)
    before = digests(recovered.node)
    for shard in recovered.node.shards:
        shard.keeping.set(NS_PER_S, is_used=False)
        shard.now_ns = NS_PER_S
        keep_shipments(shard, shard.effects[Section.MOVES].used)
        shard.keeping.set(0, is_used=False)
        shard.now_ns = 0
    assert before == digests(recovered.node)
    close(recovered)
