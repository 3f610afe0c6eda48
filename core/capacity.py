"""Capacity: whether the tables can take what commands may add, judged before anything is queued.

A command says how many records it adds to one table at most (commands/registry.py), whatever it
comes to. It is admitted when every table that it may add to has room for that and for all that
waits; so a table does not fill in the middle of a turn, nor after a message of a stream. The
fullest shard decides for all: SKUs are spread over shards by a hash, so they fill alike.
"""

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Final

from .actor import Actor, Mail
from .commands.registry import OPERATIONS, Growth
from .tables.remembered import Remembered
from .tables.reservation_index import ReservationIndex
from .tables.shard import Shard

#: Growth -> tables of a shard, by the names of their attributes; of those that are as full as each
#: other the first is named. Ends of holds and SKUs fill no sooner than what they belong to.
TABLES: Final[Mapping[Growth, Sequence[str]]] = {
    Growth.HOLDS: ("reservations", "lines", "id_texts"),
    Growth.MOVES: ("splits", "requests"),
    Growth.STOCK: ("levels", "sources", "gaps", "events", "reversed", "unavailable", "splits"),
    Growth.MERGES: ("levels", "sources", "gaps", "unavailable", "requests"),
    Growth.PLACES: ("locations", "display_names", "requests"),
    Growth.PRINCIPALS: ("principals",),
    Growth.SOURCES: ("sources", "requests"),
    Growth.BACKORDERS: ("backorders", "reservations", "lines", "id_texts"),
    Growth.SALES: ("levels", "reservations", "lines", "id_texts"),
}


class TableFullError(Exception):
    """A table of a shard is full, or would be when all that waits is done."""

    def __init__(self, table: str, shard: int, rows_max: int) -> None:
        super().__init__(f"{table} of shard {shard}: {rows_max} at most")
        self.table = table
        self.shard = shard
        self.rows_max = rows_max


class Capacity:
    """What all tables of a node can still take, as last counted, and what was promised since.

    Tables are counted when the promises may exceed what was there, and not twice in a turn.
    """

    __slots__ = ("_actors", "_fullest", "_index", "_left", "_promised", "_shards", "is_stale")

    def __init__(
        self, shards: Sequence[Shard], index: ReservationIndex, actors: Sequence[Actor]
    ) -> None:
        self._actors = actors
        self._index = index
        self._shards = shards
        self.forget()

    def forget(self) -> None:
        """Count before the next promise: the tables were filled by a replay or a load."""
        self.is_stale = True
        self._promised = 0
        self._left = dict.fromkeys(Growth, -1)
        self._fullest: dict[Growth, tuple[str, int, int]] = {}

    def promise(self, growth: Growth, rows: int) -> None:
        """Promise what a command needs. Raises TableFullError."""
        if self._promised + rows > self._left[growth]:
            if self.is_stale:
                self._count()
            if self._promised + rows > self._left[growth]:
                raise TableFullError(*self._fullest[growth])
        self._promised += rows

    def _count(self) -> None:
        self.is_stale = False
        self._promised = sum(self._waiting())
        for growth in Growth:
            left, name, shard, rows_max = min(self._spaces(growth), key=itemgetter(0))
            self._left[growth], self._fullest[growth] = left, (name, shard, rows_max)

    def _spaces(self, growth: Growth) -> Iterator[tuple[int, str, int, int]]:
        """(records that it can still take, name, shard, records at most) of each table."""
        for shard in self._shards:
            for name in TABLES[growth]:
                table = getattr(shard, name)
                is_memory = isinstance(table, Remembered)
                room = table.room_at(shard.now_ns) if is_memory else table.room
                yield room, name, shard.number, table.rows_max
        if "reservations" in TABLES[growth]:  # their index is the whole node's
            yield self._index.slots.room, "reservations", 0, self._index.slots.rows_max

    def _waiting(self) -> Iterator[int]:
        """Rows that were promised to what still waits."""
        for actor in self._actors:
            for mail in actor.mailbox:
                yield OPERATIONS[type(mail.command)].rows(mail.command) + _is_named(mail)


def _is_named(mail: Mail) -> bool:
    """Whether a command brings the name of a principal."""
    return mail.origin is not None and bool(mail.origin.principal)
