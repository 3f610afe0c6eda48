"""The joint turn: one reservation over several shards, checked on all, then written on all.

All actors of a node share one event loop and a turn never awaits, so nothing can come between the
check and the write. Across nodes a tentative hold with presumed abort would replace this file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .. import kernels
from ..commands import Line, Reserve, Revision, Unknown
from ..tables.effects import Section
from ..tables.layouts import pack_name
from ..tables.reservation_index import pack_part, unpack_part
from ..tables.shard import Shard
from .homes import Homes


@dataclass(slots=True)
class Share:
    """The lines of a command that fall to one shard, with their rows and their positions in the
    command.
    """

    shard: Shard
    lines: list[Line] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Part:
    """The part of an existing reservation that lives in one shard."""

    shard: Shard
    number: int


def share_lines(homes: Homes, lines: Sequence[Line]) -> list[Share] | Unknown:
    """Split lines over the shards of their SKUs; the first line's shard comes first and is the
    reservation's home.
    """
    shares: dict[int, Share] = {}
    for position, line in enumerate(lines):
        shard = homes.shard_of_sku(line.sku)
        row = shard.find_row(line.sku, line.location)
        if row == kernels.UNKNOWN_SKU:
            return Unknown(f"lines[{position}].sku", line.sku)
        if row == kernels.UNKNOWN_LOCATION:
            return Unknown(f"lines[{position}].location", line.location)
        share = shares.get(shard.number)
        if share is None:
            share = shares[shard.number] = Share(shard)
        share.lines.append(line)
        share.rows.append(row)
        share.positions.append(position)
    return list(shares.values())


def short_lines(shares: Sequence[Share]) -> int:
    """Write every share's lines as effects and count those that ask for more than there is.

    When any is short, the effects are taken back: nothing happened.
    """
    short = 0
    for share in shares:
        table = share.shard.effects[Section.LINES]
        effects = table.append(
            *(
                (line.quantity, row, position, 0)
                for line, row, position in zip(
                    share.lines, share.rows, share.positions, strict=True
                )
            )
        )
        short += kernels.short_lines(share.shard.levels.records, effects)
    if short:
        for share in shares:
            share.shard.effects[Section.LINES].count -= len(share.lines)
    return short


def hold(shares: Sequence[Share], command: Reserve) -> None:
    """Write the reservation on every shard. The lines stand among the effects already."""
    numbers = [len(share.shard.reservations) for share in shares]
    for index, share in enumerate(shares):
        flags = kernels.FLAG_LATER_PART if index else 0
        if command.key.text is not None:
            flags |= kernels.FLAG_TEXT
            share.shard.record_name(Section.ID_TEXTS, pack_name(command.key.text))
        share.shard.record_reservation(
            (command.key.hi, command.key.lo, command.hold_ms, len(share.lines), flags)
        )
        if index + 1 < len(shares):
            next_part = pack_part(shares[index + 1].shard.number, numbers[index + 1])
            share.shard.record(Section.LINKS, (next_part, numbers[index], 0))


def parts_of(shards: Sequence[Shard], first: int) -> list[Part]:
    """Follow the links from a reservation's first part."""
    parts = []
    part = first
    while part != kernels.NO_PART:
        shard, number = unpack_part(part)
        parts.append(Part(shards[shard], number))
        part = int(shards[shard].reservations.records["next_part"][number])
    return parts


def lines_in_order(parts: Sequence[Part]) -> list[tuple[Shard, int]]:
    """All lines of a reservation, in the order of the request that made it."""
    placed: list[tuple[int, Shard, int]] = [
        (int(part.shard.lines.records["position"][line]), part.shard, line)
        for part in parts
        for line in part.shard.lines_of(part.number)
    ]
    return [(shard, line) for _, shard, line in sorted(placed, key=lambda item: item[0])]


def revisions(shards: Sequence[Shard]) -> tuple[Revision, ...]:
    """The revision that each shard has, or will have once its running turn is durable."""
    return tuple(Revision(shard.number, shard.revision) for shard in shards)
