"""Inbound supply of stock levels: what effects do to it, and what is read of it."""

from typing import Final

import numpy as np

from .. import kernels
from ..ids import Key
from ..kernels.codes import NEVER_NS
from ..limits import SUPPLIES_CLOSED_MAX, SUPPLIES_OPEN_MAX, SUPPLY_TEXTS_EACH
from .shard import Shard
from .table import Array, TableFullError

#: Supplies of one level at most, open and closed.
OF_LEVEL_MAX: Final = SUPPLIES_OPEN_MAX + SUPPLIES_CLOSED_MAX


def apply_supplies(shard: Shard, effects: Array, texts: Array) -> None:
    """Store what is said of supply, and what has come of it, with the texts of what is new.
    Raises TableFullError.
    """
    shard.supply_heads.extend(len(shard.levels) - len(shard.supply_heads))
    count = kernels.apply_supplies(
        effects,
        texts,
        shard.supply_heads.records,
        shard.supplies.records,
        len(shard.supplies),
        shard.header,
        shard.supply_texts.arrays,
        shard.source_records.records,
        shard.now_ns,
    )
    if count < 0:
        raise TableFullError(f"supplies of shard {shard.number}: {shard.supplies.rows_max} at most")
    shard.supplies.count = count


def drop_supplies(shard: Shard, sku: int) -> None:
    """Drop all supplies of a SKU that has ended."""
    if not len(shard.supplies):
        return
    rows = np.empty(len(shard.levels), np.int64)
    for row in rows[: shard.list_levels(np.array([sku]), rows)[0]].tolist():
        shard.supplies.count = kernels.drop_supplies(
            row,
            shard.supply_heads.records,
            shard.supplies.records,
            len(shard.supplies),
            shard.header,
            shard.supply_texts.records,
        )


def find_supply(shard: Shard, row: int, key: Key) -> Array | None:
    """The supply of a level with this key, if there is one; -1 is no level."""
    if not len(shard.supplies) or row < 0:
        return None
    tables = shard.supply_heads.records, shard.supplies.records
    number = kernels.find_supply(*tables, row, np.uint64(key.hi), np.uint64(key.lo))
    return None if number < 0 else shard.supplies.records[number]


def has_room(shard: Shard) -> bool:
    """Whether there is room for another supply."""
    return shard.supplies.room > 0 and shard.supply_texts.room >= SUPPLY_TEXTS_EACH


def count_open(shard: Shard, row: int) -> int:
    """Supplies of a level that are open; -1 is no level."""
    if not len(shard.supplies) or row < 0:
        return 0
    return int(kernels.count_open(shard.supply_heads.records, shard.supplies.records, row))


def is_known_open(supply: Array | None) -> bool:
    """Whether a supply is known, and open."""
    return supply is not None and bool(kernels.is_supply_open(supply))


def known_to_come(supply: Array | None) -> int:
    """Units of a supply that have not come; 0 of one that is not known."""
    return 0 if supply is None else int(kernels.still_to_come(supply))


def sum_incoming(shard: Shard, rows: Array, before_ns: int = NEVER_NS) -> Array:
    """Units (int64) that are still to come to rows (int64), and were expected before an instant."""
    incoming = np.zeros(len(rows), np.int64)
    if len(shard.supplies):
        tables = shard.supply_heads.records, shard.supplies.records
        kernels.sum_incoming(rows, *tables, before_ns, incoming)
    return incoming


def list_open(shard: Shard, rows: Array, most: int) -> tuple[Array, Array, int]:
    """Open supplies (SUPPLY) of rows (int64), the index of the row of each, and of how many rows:
    of the last one all, and of none after it when they are `most`.
    """
    if not len(shard.supplies):
        return shard.supplies.records[:0], np.zeros(0, np.int64), len(rows)
    numbers, places = np.empty((2, most + OF_LEVEL_MAX), np.int64)
    tables = shard.supply_heads.records, shard.supplies.records
    count, row_count = kernels.list_open(rows, *tables, most, numbers, places)
    return shard.supplies.records[numbers[:count]], places[:count], row_count


def names_of(shard: Shard, supply: Array) -> tuple[str, str]:
    """Document and line of a supply."""
    document, line = shard.supply_texts.read(int(supply["text"]), SUPPLY_TEXTS_EACH)
    return document, line
