"""Pairs: what one channel shows of each item at each node, beside what it is to show.

Quantities count what the channel sells as one: packs, where it sells packs.

Rules of this file: values in flat arrays and no decisions: a million pairs are some hundred MB. A
row stays the same for as long as the process runs.
"""

from array import array
from itertools import islice
from typing import Final, NamedTuple

#: A quantity that is not known, or that there is none of. A channel may show less than nothing.
NONE: Final = -(2**63)


class Record(NamedTuple):
    """What has to outlive the process."""

    shown: int
    most: int
    sequence: int
    rejected: int
    in_doubt: bool


class Pairs:
    """All pairs of a channel."""

    def __init__(self) -> None:
        self.names: list[tuple[str, str]] = []
        """Item and node of each row."""
        self.there = array("q")
        """What the core has for it."""
        self.target = array("q")
        """What the channel is to show."""
        self.buffer = array("q")
        """How much of that it is not shown for the sake of the bound."""
        self.exposed = array("q")
        """What the channel may show beyond what is there."""
        self.shown = array("q")
        """What the channel was last heard to show."""
        self.most = array("q")
        """The most that it may show: an offer whose end is not known may have arrived."""
        self.offered = array("q")
        """Of the newest offer."""
        self.sequence = array("q")
        """Of the newest offer."""
        self.taken_s = array("d")
        """When the newest offer was made that the channel has taken, in seconds of the epoch; 0
        where that is not known.
        """
        self.rejected = array("q")
        """The quantity that the channel rejects."""
        self.flights = bytearray()
        """How many offers are on their way."""
        self.is_waiting = bytearray()
        """Whether the offer on its way was handed over, and the channel takes its time."""
        self.is_overtaken = bytearray()
        """Whether offers were on their way at the same time: the older one may act last."""
        self.in_doubt = bytearray()
        """Whether it is not known what became of an offer."""
        self.is_left = bytearray()
        """Whether settings do not have it any more, and nothing of it is left to withdraw."""
        self._rows: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return len(self.names)

    def row(self, item: str, node: str) -> int | None:
        """The row of a pair, if it has one and is not left."""
        row = self._rows.get((item, node))
        return None if row is None or self.is_left[row] else row

    def added(self, item: str, node: str) -> int:
        """The row of a pair, which may be new."""
        name = item, node
        row = self._rows.setdefault(name, len(self.names))
        if row == len(self.names):
            self.names.append(name)
            for zero in (self.there, self.target, self.buffer, self.exposed, self.sequence):
                zero.append(0)
            self.taken_s.append(0.0)
            for unknown in (self.shown, self.most, self.offered, self.rejected):
                unknown.append(NONE)
            for no in (
                *(self.flights, self.is_waiting, self.is_overtaken, self.in_doubt),
                self.is_left,
            ):
                no.append(0)
        return row

    def shows_none(self, row: int) -> bool:
        """Whether the channel shows no units of it, as far as is known: it has taken that, or has
        rejected all that it was offered.
        """
        if self.flights[row] or self.in_doubt[row]:
            return False
        if self.shown[row] == NONE:
            return not self.sequence[row] or self.rejected[row] != NONE
        return self.shown[row] <= 0

    def page(self, begin: int, count: int) -> tuple[list[tuple[str, str]], int | None]:
        """The names of so many pairs from a row on, without those that are left; and the row where
        the next page begins, if there is one.
        """
        follow = (row for row in range(begin, len(self)) if not self.is_left[row])
        rows = [*islice(follow, count + 1)]
        after = rows.pop() if len(rows) > count else None
        return [self.names[row] for row in rows], after

    def record(self, row: int) -> Record:
        """What has to be kept of a row."""
        return Record(
            self.shown[row],
            self.most[row],
            self.sequence[row],
            self.rejected[row],
            bool(self.in_doubt[row]),
        )

    def restore(self, item: str, node: str, kept: Record) -> int:
        """Bring back what was kept; the row of the pair."""
        row = self.added(item, node)
        self.shown[row], self.most[row], self.sequence[row] = kept.shown, kept.most, kept.sequence
        self.rejected[row], self.in_doubt[row] = kept.rejected, kept.in_doubt
        return row
