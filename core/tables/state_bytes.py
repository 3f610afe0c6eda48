"""The state of a shard as bytes: for snapshots, seals and hashes.

`columns` lists the whole state by name; same state, same bytes. What it leaves out (slots, chains,
the heap) is derived, and rebuilding.py makes it anew.
"""

from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any, Protocol

import numpy as np

from .. import kernels
from ..kernels.arguments import FREE_RESERVATIONS, HEADER_SIZE
from .id_texts import load_earlier
from .names import NameTable
from .recent import History
from .remembered import Remembered
from .ring import Ring
from .schema import migrate_table
from .shard import Shard
from .sku_names import text_of
from .source_numbers import load_earlier_sources
from .table import Array, Table
from .text_blocks import TextBlocks

_NAME_TABLES = ("skus", "locations", "sources", "principals", "statuses", "display_names")
_TABLES = (
    *("location_records", "source_records", "gaps", "numbered"),
    *("levels", "last_counts", "latest", "unavailable", "awaited", "quarantined"),
    *("quarantined_skus", "sku_name_records"),
    *("supply_heads", "supplies", "supply_texts", "backorders"),
    *("reservations", "lines", "splits", "id_texts", "ended", "ended_marks"),
)
_MEMORIES = ("requests", "events", "reversed")
_HISTORIES = ("facts", "shipments")

#: Stock levels, or lines, that are hashed at a time: a millisecond of a slow core, so that a
#: serving node can go on between two parts.
HASH_STEP = 2_048


class Columns(Protocol):
    """A state by name: what `columns` gave, or a file that it was written to."""

    def __contains__(self, name: object, /) -> bool:
        """Whether the state has a column."""

    def __getitem__(self, name: str, /) -> Array:
        """A column."""


def columns(shard: Shard) -> dict[str, Array]:
    """The whole state by name, as views."""
    listed = {"position": np.array([shard.sequence, shard.now_ns], np.int64)}
    listed["free"] = shard.header[FREE_RESERVATIONS:HEADER_SIZE]
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
    for name in _HISTORIES:
        for part, column in getattr(shard, name).columns().items():
            listed[f"{name}.{part}"] = column
    return {**listed, "keeping": shard.keeping.figures}


def load(shard: Shard, listed: Columns) -> None:
    """Take over a state that `columns` gave, also in an earlier schema: a table that it does not
    have stays empty. What is derived is still to be rebuilt.
    """
    shard.sequence, shard.now_ns = (int(figure) for figure in listed["position"])
    if "free" in listed:
        free = listed["free"]  # earlier schemas have less that is used again
        shard.header[FREE_RESERVATIONS : FREE_RESERVATIONS + len(free)] = free
    _load_names(shard, listed)
    for name in _TABLES:
        records: Table | TextBlocks | Ring = getattr(shard, name)
        if name in listed:
            found = migrate_table(listed[name], name, records.records.dtype)
            records.load(_widened(found, records))
    _load_earlier(shard, listed)
    shard.last_counts.extend(len(shard.levels) - len(shard.last_counts))
    _load_histories(shard, listed)
    _load_memories(shard, listed)


def _load_names(shard: Shard, listed: Columns) -> None:
    for name in _NAME_TABLES:
        if f"{name}.arena" not in listed:
            continue
        table: NameTable = getattr(shard, name)
        table.arena.load(listed[f"{name}.arena"])
        table.offsets.load(listed[f"{name}.offsets"])
        table.removed.load(listed[f"{name}.removed"])


def _load_earlier(shard: Shard, listed: Columns) -> None:
    """What earlier schemas kept in another form."""
    if "id_texts.arena" in listed:
        load_earlier(shard, listed["id_texts.arena"], listed["id_texts.offsets"])
    if "source_sequences" in listed:
        since_schema_3 = "source_gaps" in listed
        gaps = listed["source_gaps"] if since_schema_3 else np.zeros((0, 2), np.uint64)
        load_earlier_sources(shard, listed["source_sequences"], gaps)


def _load_histories(shard: Shard, listed: Columns) -> None:
    if "keeping" not in listed:
        return
    shard.keeping.figures[:] = listed["keeping"]
    for name in _HISTORIES:
        history: History = getattr(shard, name)
        history.load({part: listed[f"{name}.{part}"] for part in history.columns()})


def _load_memories(shard: Shard, listed: Columns) -> None:
    for name in _MEMORIES:
        if f"{name}.current" not in listed:
            continue
        memory: Remembered = getattr(shard, name)
        parts = {part: listed[f"{name}.{part}"] for part in memory.columns()}
        for part in ("current", "previous"):
            parts[part] = migrate_table(parts[part], name, memory.dtype)
        memory.load(parts)


def _widened(found: Array, table: Table | TextBlocks | Ring) -> Array:
    """Rows as wide as the table's: a schema that has fewer states has no units in the others."""
    width = table.records.shape[1:]
    if found.shape[1:] == width:
        return found
    wide = np.zeros((len(found), *width), found.dtype)
    wide[:, : found.shape[1]] = found
    return wide


def digest(shard: Shard) -> tuple[int, int]:
    """A hash of the exact state, order and times included: BLAKE2b, 16 bytes, as two halves."""
    hasher = blake2b(digest_size=16)
    for name, column in columns(shard).items():
        hasher.update(f"{name}:{column.nbytes};".encode())
        hasher.update(np.ascontiguousarray(column).view(np.uint8).data)
    bits = int.from_bytes(hasher.digest(), "big")
    return bits >> 64, bits & 0xFFFF_FFFF_FFFF_FFFF


def content_hashes(shard: Shard) -> Iterator[tuple[int, int]]:
    """Hashes of the content by name and quantity, under two seeds, a part at a time; their sums
    over all shards are the two hashes of the whole.
    """
    levels, names = shard.levels.records, (shard.skus.arrays, shard.locations.arrays)
    for start in range(0, len(shard.levels), HASH_STEP):
        end = min(start + HASH_STEP, len(shard.levels))
        yield _under_both_seeds(kernels.hash_levels, start, end, levels, names)
    unavailable = shard.unavailable.used
    for start in range(0, len(unavailable), HASH_STEP):
        yield _under_both_seeds(
            kernels.hash_unavailable,
            unavailable[start : start + HASH_STEP],
            levels,
            (*names, shard.statuses.arrays),
        )
    supplies = shard.supplies.used
    for start in range(0, len(supplies), HASH_STEP):
        some = supplies[start : start + HASH_STEP]
        yield _under_both_seeds(kernels.hash_supplies, some, levels, names)
    backorders = shard.backorders.used
    for start in range(0, len(backorders), HASH_STEP):
        some = backorders[start : start + HASH_STEP]
        yield _under_both_seeds(
            kernels.hash_backorders, some, shard.reservations.records, levels, names
        )
    records = shard.sku_name_records.used
    for start in range(0, len(records), HASH_STEP):
        yield _hash_names(shard, records[start : start + HASH_STEP])
    start = 0
    while start < len(shard.reservations):
        end = kernels.end_of_lines(start, len(shard.reservations), HASH_STEP, shard.book)
        yield _under_both_seeds(kernels.hash_lines, start, end, shard.book, levels, names)
        start = end


def _hash_names(shard: Shard, records: Array) -> tuple[int, int]:
    """Hashes of other names of SKUs (SKU_NAME), each with the first one of its SKU."""
    first = second = 0
    for record in records:
        said = shard.skus.text(int(record["sku"])), text_of(record), int(record["is_present"])
        bits = int.from_bytes(blake2b(repr(said).encode(), digest_size=16).digest(), "big")
        first, second = first + (bits >> 64), second + (bits & 0xFFFF_FFFF_FFFF_FFFF)
    return first, second


def _under_both_seeds(kernel: Callable[..., Any], *arguments: Any) -> tuple[int, int]:
    *content, names = arguments
    first, second = (int(kernel(*content, np.uint64(seed), *names)) for seed in (1, 2))
    return first, second
