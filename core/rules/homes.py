"""Where a command is at home: the shard of a SKU, of a source, of a reservation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast
from zlib import crc32

from ..ids import Key
from ..limits import SLOTS
from ..tables.reservation_index import ReservationIndex, unpack_ended, unpack_part
from ..tables.shard import Shard
from ..tables.sku_names import SkuNames
from ..tables.table import Array

#: Names that are looked up before the turn may end.
NAMES_MAX = 250


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left of a reservation whose lines have left."""

    shard: Shard
    units: Array
    """By State (int64[6]): 1 where there were any."""


class Homes:
    """Names and ids to shards, for the actors and the rules of a node.

    A name is mapped to a slot by CRC-32, which data on disk fixes: a SKU's rows lie where it says.
    A table leads from slots to shards.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        index: ReservationIndex,
        sku_names: SkuNames,
        slot_count: int = SLOTS,
    ) -> None:
        self.shards = shards
        self.index = index
        self.sku_names = sku_names
        self._shard_by_slot = [slot % len(shards) for slot in range(slot_count)]

    def of_sku(self, sku: str) -> int:
        """The shard that holds all stock of a SKU, by any of its names."""
        if first := self.sku_names.first:
            sku = first.get(sku, sku)
        return self.of_name(sku)

    def of_source(self, source: str) -> int:
        """The shard in whose turns a source of stock facts is heard."""
        return self.of_name(source)

    def of_name(self, name: str) -> int:
        """The shard of a name by itself."""
        return self._shard_by_slot[crc32(name.encode()) % len(self._shard_by_slot)]

    def of_names(self, names: Iterable[bytes]) -> list[int]:
        """`of_name` for many, as UTF-8: in half of the time."""
        shards, slots = self._shard_by_slot, len(self._shard_by_slot)
        return [shards[crc32(name) % slots] for name in names]

    def of_reservation(self, key: Key) -> int:
        """The shard of a reservation's first part; 0 when the id is unknown."""
        part = self.first_part(key)
        return unpack_part(part)[0] if part >= 0 else 0

    def first_part(self, key: Key) -> int:
        """The first part of a reservation, or its ended id, or -1."""
        for part in self.index.candidates(key):
            shard, number = unpack_part(part)
            ended = unpack_ended(part)
            if ended is None and self.shards[shard].is_reservation(number, key):
                return part
            if ended is not None and self.ended(part, key) is not None:
                return part
        return -1

    def ended(self, part: int, key: Key) -> Ended | None:
        """What is left of the reservation with this key, if the part is its ended id."""
        place = unpack_ended(part)
        if place is None:
            return None
        shard = self.shards[place[0]]
        units = shard.ended_states(place[1], key)
        return None if units is None else Ended(shard, units)

    def find_rows(self, names: Sequence[tuple[str, str]]) -> tuple[list[Shard], list[int]]:
        """The shards of (SKU, location) names, and the rows there as of Shard.find_row. SKUs have
        their first names, as in every command that a rule sees.
        """
        numbers = self.of_names([sku.encode() for sku, _ in names])
        shards = list(map(self.shards.__getitem__, numbers))
        rows = [shard.rows.get(name) for shard, name in zip(shards, names, strict=True)]
        if None not in rows:
            return shards, cast(list[int], rows)
        # What a shard does not remember is looked up by one call a shard.
        unseen: dict[Shard, list[int]] = {}
        for at, row in enumerate(rows):
            if row is None:
                unseen.setdefault(shards[at], []).append(at)
        for shard, places in unseen.items():
            found = shard.look_up_rows([names[at] for at in places])
            for at, row in zip(places, found, strict=True):
                rows[at] = row
        return shards, cast(list[int], rows)

    def shard_of_sku(self, sku: str) -> Shard:
        """The shard that holds all stock of a SKU, itself."""
        return self.shards[self.of_sku(sku)]

    def shard_of_source(self, source: str) -> Shard:
        """The shard in whose turns a source of stock facts is heard, itself."""
        return self.shards[self.of_source(source)]
