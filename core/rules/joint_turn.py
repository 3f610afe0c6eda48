"""The joint turn: one reservation over several shards, decided on all, then written on all.

All actors of a node share one event loop and a turn does not await, so nothing can come between the
decision and the write. Across nodes a tentative hold with presumed abort would replace this file.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .. import kernels
from ..commands import Line, Reserve, Revision, Unknown
from ..ids import Key
from ..kernels.codes import (
    FLAG_LATER_PART,
    FLAG_LINE_IDS,
    FLAG_TEXT,
    NO_LEVEL,
    NO_PART,
    UNKNOWN_LOCATION,
    UNKNOWN_SKU,
)
from ..tables.effects import Section
from ..tables.layouts import OPERATION
from ..tables.names import pack_name
from ..tables.reservation_index import pack_part, unpack_part
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record, record_name, record_reservation
from .homes import Homes


@dataclass(frozen=True, slots=True)
class Part:
    """The part of an existing reservation that lives in one shard."""

    shard: Shard
    number: int


def find_lines(homes: Homes, lines: Sequence[Line]) -> Array | Unknown:
    """Lines as OPERATION records, with the shards and rows that their names lead to; or all names
    that lead nowhere.
    """
    operations = []
    unknown: list[Unknown] = []
    for position, line in enumerate(lines):
        shard = homes.shard_of_sku(line.sku)
        row = shard.find_row(line.sku, line.location)
        if row == UNKNOWN_SKU:
            unknown.append(Unknown(f"lines[{position}].sku", line.sku))
        if row in (UNKNOWN_SKU, UNKNOWN_LOCATION) and shard.locations.find(line.location) < 0:
            unknown.append(Unknown(f"lines[{position}].location", line.location))
        place = location_field(shard, row, line.location)
        operations.append((0, 0, line.quantity, row, 0, shard.number, 0, place))
    if unknown:
        return replace(unknown[0], more=tuple(unknown[1:]))
    return np.array(operations, OPERATION)


def location_field(shard: Shard, row: int, location: str) -> int:
    """OPERATION's `location` for a line given by name. A level that exists knows its own."""
    return shard.locations.find(location) + 1 if row == NO_LEVEL else 0


def shards_of(operations: Array) -> list[int]:
    """Numbers of the shards that operations touch; that of the first comes first."""
    return list(dict.fromkeys(operations["shard"].tolist()))


def decide(shards: Iterable[Shard], operations: Array, codes: Array) -> Array:
    """Answer, in `codes` (uint8), the PENDING lines among those that are to be had all or none,
    each against what the ones before it would leave; what was available of each (int64). Nothing is
    written.
    """
    count = len(operations)
    available, taken = np.zeros((2, count), np.int64)
    places = None
    for shard in shards:
        places = places or shard.index.slots.scratch(count)
        kernels.decide_lines(operations, codes, available, taken, places, shard.arrays)
    return available


def hold(touched: Sequence[Shard], operations: Array, command: Reserve) -> None:
    """Write the reservation on every shard that its lines touch; the first line's is its home."""
    parts = [pack_part(shard.number, len(shard.reservations)) for shard in touched]
    lines: dict[int, list[tuple[int, ...]]] = {shard.number: [] for shard in touched}
    columns = (operations[field].tolist() for field in ("shard", "quantity", "row"))
    for position, (number, quantity, row) in enumerate(zip(*columns, strict=True)):
        lines[number].append((quantity, row, position, 0))
    has_line_ids = any(line.line_id for line in command.lines)
    texts = (FLAG_TEXT if command.key.text is not None else 0) | has_line_ids * FLAG_LINE_IDS
    for index, shard in enumerate(touched):
        flags = texts | (FLAG_LATER_PART if index else 0)
        mine = lines[shard.number]
        here = [command.lines[position] for _, _, position, _ in mine]
        record_texts(shard, command.key, here if has_line_ids else ())
        record_reservation(
            shard, (command.key.hi, command.key.lo, command.hold_ms, len(mine), flags), mine
        )
        if index + 1 < len(parts):
            _, number = unpack_part(parts[index])
            record(shard, Section.LINKS, (parts[index + 1], number, 0))


def record_texts(shard: Shard, key: Key, lines: Iterable[Line]) -> None:
    """Write the texts of a reservation: its own id's, then the ids of these lines."""
    if key.text is not None:
        record_name(shard, Section.ID_TEXTS, pack_name(key.text))
    for line in lines:
        record_name(shard, Section.ID_TEXTS, pack_name(line.line_id))


def parts_of(shards: Sequence[Shard], first: int) -> list[Part]:
    """The parts of a reservation, from its first on, by the links between them."""
    parts = []
    part = first
    while part != NO_PART:
        shard, number = unpack_part(part)
        parts.append(Part(shards[shard], number))
        part = int(shards[shard].reservations.records["next_part"][number])
    return parts


def lines_in_order(parts: Sequence[Part]) -> list[tuple[Part, int]]:
    """All lines of a reservation, in the order of the request that made it."""
    placed = [
        (int(part.shard.lines.records["position"][line]), part, line)
        for part in parts
        for line in part.shard.lines_of(part.number)
    ]
    return [(part, line) for _, part, line in sorted(placed, key=lambda item: item[0])]


def line_name(part: Part, line: int) -> tuple[str, str, str]:
    """SKU, location and the caller's id of a line."""
    row = int(part.shard.lines.records["row"][line])
    return *part.shard.name_row(row), part.shard.line_id(part.number, line)


def revisions(shards: Iterable[Shard]) -> tuple[Revision, ...]:
    """The revision that each shard has, or will have once its running turn is durable."""
    return tuple([shard.revision_now() for shard in shards])
