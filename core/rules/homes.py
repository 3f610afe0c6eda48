"""Where a command is at home: the shard of a SKU, of a source, of a reservation."""

from collections.abc import Sequence
from zlib import crc32

from ..ids import Key
from ..limits import SLOTS
from ..tables.reservation_index import ReservationIndex, unpack_part
from ..tables.shard import Shard


class Homes:
    """Names and ids to shards, for the actors and the rules of a node.

    A name falls to a slot by CRC-32, which data on disk fixes: a SKU's rows lie where it says. A
    table leads from slots to shards.
    """

    def __init__(
        self, shards: Sequence[Shard], index: ReservationIndex, slot_count: int = SLOTS
    ) -> None:
        self.shards = shards
        self.index = index
        self._shard_by_slot = [slot % len(shards) for slot in range(slot_count)]

    def of_sku(self, sku: str) -> int:
        """The shard that holds all stock of a SKU."""
        return self._shard_by_slot[crc32(sku.encode()) % len(self._shard_by_slot)]

    def of_source(self, source: str) -> int:
        """The shard in whose turns a source of stock facts is heard."""
        return self.of_sku(source)

    def of_reservation(self, key: Key) -> int:
        """The shard of a reservation's first part; 0 when the id is unknown."""
        part = self.first_part(key)
        return unpack_part(part)[0] if part >= 0 else 0

    def first_part(self, key: Key) -> int:
        """The first part of a reservation, or -1."""
        for part in self.index.candidates(key):
            shard, number = unpack_part(part)
            if self.shards[shard].is_reservation(number, key):
                return part
        return -1

    def shard_of_sku(self, sku: str) -> Shard:
        """The shard that holds all stock of a SKU, itself."""
        return self.shards[self.of_sku(sku)]
