"""The state of a shard as bytes: for snapshots, seals and hashes.

`columns` lists the whole state by name; same state, same bytes. What it leaves out (slots, chains,
the heap) is derived, and `load` rebuilds it.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from .. import kernels
from .layouts import Array, NameTable, slots_size

if TYPE_CHECKING:
    from .shard import Shard

_NAME_TABLES = ("skus", "locations", "sources", "display_names", "id_texts")
_TABLES = ("location_records", "source_sequences", "levels", "reservations", "lines", "splits")
_MEMORIES = ("requests", "events")


def columns(shard: Shard) -> dict[str, Array]:
    """List the whole state, by name."""
    listed = {"position": np.array([shard.sequence, shard.now_ns], np.int64)}
    for name in _NAME_TABLES:
        table: NameTable = getattr(shard, name)
        listed[f"{name}.arena"] = table.arena.used
        listed[f"{name}.offsets"] = table.offsets.used
        listed[f"{name}.removed"] = table.removed.used
    for name in _TABLES:
        listed[name] = getattr(shard, name).used
    for name in _MEMORIES:
        for part, column in getattr(shard, name).columns().items():
            listed[f"{name}.{part}"] = column
    return listed


def load(shard: Shard, listed: dict[str, Array]) -> None:
    """Take over a state that `columns` gave, and rebuild what is derived.

    All but the directory, which spans shards: Node.loaded rebuilds it.
    """
    shard.sequence, shard.now_ns = (int(figure) for figure in listed["position"])
    for name in _NAME_TABLES:
        table: NameTable = getattr(shard, name)
        table.arena.load(listed[f"{name}.arena"])
        table.offsets.load(listed[f"{name}.offsets"])
        table.removed.load(listed[f"{name}.removed"])
        table.reindex()
    for name in _TABLES:
        getattr(shard, name).load(listed[name])
    for name in _MEMORIES:
        prefix = f"{name}."
        parts = {key.removeprefix(prefix): listed[key] for key in listed if key.startswith(prefix)}
        getattr(shard, name).load(parts)
    _rebuild(shard)


def _rebuild(shard: Shard) -> None:
    shard.id_texts_used = len(shard.id_texts)
    shard.has_disabled_locations = not shard.location_records["enabled"].all()
    shard.level_slots = np.zeros(slots_size(len(shard.levels), 64), np.int32)
    shard.level_chain.load(np.zeros(len(shard.levels), np.int32))
    shard.sku_levels.load(np.zeros((len(shard.skus), 2), np.int32))
    shard.index_levels(0)
    shard.expirations.rebuild(shard.reservations, shard.lines, shard.splits)


def digest(shard: Shard) -> tuple[int, int]:
    """Hash the exact state: order, times and all (BLAKE2b, 16 bytes, as two halves)."""
    hasher = blake2b(digest_size=16)
    for name, column in columns(shard).items():
        hasher.update(f"{name}:{column.nbytes};".encode())
        hasher.update(np.ascontiguousarray(column).view(np.uint8).data)
    bits = int.from_bytes(hasher.digest(), "big")
    return bits >> 64, bits & 0xFFFF_FFFF_FFFF_FFFF


def content_hash(shard: Shard, seed: int) -> int:
    """Hash the content by name and quantity; sums over shards are hashes of the whole."""
    names = (
        np.uint64(seed),
        shard.skus.offsets.records,
        shard.skus.arena.records,
        shard.locations.offsets.records,
        shard.locations.arena.records,
    )
    levels = kernels.hash_levels(shard.levels.records, len(shard.levels), *names)
    lines = kernels.hash_lines(
        shard.reservations.records,
        len(shard.reservations),
        shard.lines.records,
        shard.splits.records,
        shard.levels.records,
        *names,
    )
    return int(levels) + int(lines)
