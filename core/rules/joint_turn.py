"""The joint turn: one reservation over several shards, decided on all, then written on all.

All actors of a node share one event loop and a turn does not await, so nothing can come between the
decision and the write. Across nodes, a tentative hold with presumed abort would take the place of
this file.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise

import numpy as np

from .. import kernels
from ..commands import AnyReserve, Line, Revision, Unknown
from ..kernels.codes import (
    FLAG_LINE_IDS,
    FLAG_OWNER,
    FLAG_TEXT,
    NO_LEVEL,
    NO_PART,
    UNKNOWN_SKU,
)
from ..tables.effects import Section
from ..tables.layouts import OPERATION
from ..tables.reservation_index import pack_part, unpack_part
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record, record_texts, reserve_lines
from .homes import Homes


@dataclass(frozen=True, slots=True)
class Part:
    """The part of an existing reservation that lives in one shard."""

    shard: Shard
    number: int


@dataclass(frozen=True, slots=True)
class Lines:
    """All lines of a reservation as columns, in the order of the request that made it."""

    names: list[tuple[str, str, str]]
    """SKU, location and the caller's id."""
    parts: list[int]
    """Which part has it, counted from the first."""
    numbers: list[int]
    """Its number there."""
    rows: Array
    """The row of its stock level there (int64[n])."""
    units: Array
    """By State, from 1 (int64[n, 7])."""


def find_lines(homes: Homes, command: AnyReserve) -> Array | Unknown:
    """The lines of a Reserve as OPERATION records, with the shards and rows of their names; or all
    names that are unknown.
    """
    places = homes.find_rows([(line.sku, line.location) for line in command.lines])
    found = list(zip(command.lines, *places, strict=True))
    unknown = [
        each
        for position, (line, shard, row) in enumerate(found)
        if row < NO_LEVEL
        for each in _unknown_names(position, line, shard, row)
    ]
    if unknown:
        return Unknown(*unknown[0], more=tuple(unknown[1:]))
    flags = text_flags(command)
    operations = [line_operation(command, *each, flags) for each in found]
    return np.array(operations, OPERATION)


def text_flags(command: AnyReserve) -> int:
    """Which texts a reservation has."""
    flags = 0 if command.key.text is None else FLAG_TEXT
    if command.owner:
        flags |= FLAG_OWNER
    return flags | FLAG_LINE_IDS if any(line.line_id for line in command.lines) else flags


def line_operation(
    command: AnyReserve, line: Line, shard: Shard, row: int, flags: int
) -> tuple[int, ...]:
    """A line of a Reserve, given by name, as an OPERATION."""
    # A level that exists knows its own location.
    location = shard.locations.find(line.location) + 1 if row == NO_LEVEL else 0
    key = command.key
    return (key.hi, key.lo, line.quantity, row, command.hold_ms, shard.number, flags, location)


def _unknown_names(position: int, line: Line, shard: Shard, row: int) -> Iterator[tuple[str, str]]:
    """Fields and values."""
    if row == UNKNOWN_SKU:
        yield f"lines[{position}].sku", line.sku
    if shard.locations.find(line.location) < 0:
        yield f"lines[{position}].location", line.location


def shards_of(operations: Array) -> list[int]:
    """Numbers of the shards that operations touch; that of the first comes first."""
    return list(dict.fromkeys(operations["shard"].tolist()))


def decide(
    shards: Iterable[Shard], operations: Array, codes: Array, *, is_sold: bool = False
) -> Array:
    """Write into `codes` (uint8), for each line that is PENDING, whether it can be held, given that
    those before it are. Return how much was available of each (int64) or, with `is_sold`, how much
    there is room for. Tables stay as they are.
    """
    count = len(operations)
    available, taken = np.zeros((2, count), np.int64)
    places = None
    for shard in shards:
        places = places or shard.level_slots.scratch(count)
        what = operations, codes, available, taken, places
        kernels.decide_lines(*what, shard.header, shard.stock, is_sold)
    return available


def hold(touched: Sequence[Shard], operations: Array, command: AnyReserve) -> list[int]:
    """Write the reservation in every shard that its lines touch; the first line's shard is its
    home. Return the number of each part in its shard.
    """
    numbers = [reserve_lines(shard, operations) for shard in touched]
    if flags := int(operations["flags"][0]):
        for shard, number in zip(touched, numbers, strict=True):
            is_here = operations["shard"] == shard.number if flags & FLAG_LINE_IDS else ()
            write_texts(shard, number, command, compress(command.lines, is_here))
    parts = zip(touched, numbers, strict=True)
    for (shard, number), (later_shard, later) in pairwise(parts):
        record(shard, Section.LINKS, (pack_part(later_shard.number, later), number, 0))
    return numbers


def write_texts(shard: Shard, number: int, command: AnyReserve, lines: Iterable[Line]) -> None:
    """Write the texts of a reservation: its own id's and owner's, then the ids of these lines."""
    texts = [] if command.key.text is None else [command.key.text]
    if command.owner:
        texts.append(command.owner)
    texts += [line.line_id for line in lines]
    if texts:
        record_texts(shard, number, *texts)


def parts_of(shards: Sequence[Shard], first: int) -> list[Part]:
    """The parts of a reservation, from its first on, by the links between them."""
    parts = []
    part = first
    while part != NO_PART:
        shard, number = unpack_part(part)
        parts.append(Part(shards[shard], number))
        part = int(shards[shard].reservations.records["next_part"][number])
    return parts


def read_lines(parts: Sequence[Part]) -> Lines:
    """All lines of a reservation."""
    found = [part.shard.read_lines(part.number) for part in parts]
    names = [
        name
        for part, lines in zip(parts, found, strict=True)
        for name in part.shard.name_lines(part.number, lines[:, 0])
    ]
    counts = [len(lines) for lines in found]
    numbers = np.concatenate([part.shard.lines_of(part.number) for part in parts])
    columns = np.concatenate(found)
    order = np.argsort(columns[:, 1])
    return Lines(
        [names[at] for at in order.tolist()],
        np.repeat(np.arange(len(parts)), counts)[order].tolist(),
        numbers[order].tolist(),
        columns[order, 0],
        columns[order, 2:],
    )


def revisions(shards: Iterable[Shard]) -> tuple[Revision, ...]:
    """The revision that each shard has, or will have once its running turn is durable."""
    return tuple([shard.revision_now() for shard in shards])
