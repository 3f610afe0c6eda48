"""Where a command is at home: the shard of a SKU, of a source, of a reservation."""

from collections.abc import Sequence
from zlib import crc32

from ..ids import Key
from ..tables.reservation_index import ReservationIndex, unpack_part
from ..tables.shard import Shard


def shard_of_name(name: str, shard_count: int) -> int:
    """The number of the shard that a name falls to.

    The hash is CRC-32, and data on disk fixes it: a SKU's rows lie where it says.
    """
    return crc32(name.encode()) % shard_count


class Homes:
    """Names and ids to shards, for the actors and the rules of a node."""

    def __init__(self, shards: Sequence[Shard], index: ReservationIndex) -> None:
        self.shards = shards
        self.index = index

    def of_sku(self, sku: str) -> int:
        """The shard that holds all stock of a SKU."""
        return shard_of_name(sku, len(self.shards))

    def of_source(self, source: str) -> int:
        """The shard in whose turns a source of stock facts is heard."""
        return shard_of_name(source, len(self.shards))

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
        return self.shards[shard_of_name(sku, len(self.shards))]
