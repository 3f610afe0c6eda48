"""What the lines of a shard hold and have committed, by stock level, added up a few reservations at
a time while turns go on.

Of what is added up, each change is followed where it is applied. So the sums are those of one
instant, whichever that is: once all reservations are in, a level has what its sums say, or one of
the two is wrong. It takes 16 bytes a level and a byte a line while it lasts, and is no state.
"""

import numpy as np

from .. import kernels
from ..kernels.arguments import RESERVATIONS
from .address_space import allocate
from .table import Array

#: How far sums have come that have all reservations: new ones are in it at once.
_ALL = 1 << 62


class LineSums:
    """Sums over the lines of one shard, which has `levels` stock levels as it begins. `header` and
    `book` are the shard's.
    """

    __slots__ = ("_book", "_counted", "_header", "_reached", "broken", "units")

    def __init__(self, header: Array, book: tuple[Array, ...], levels: int) -> None:
        self.units = allocate("i8", levels, (2,))
        """Units held and units committed by row; levels that come later are not in it."""
        self.broken = -1
        """A reservation that cannot be read, or -1."""
        self._header, self._book = header, book
        _, lines, *_ = book
        self._counted = allocate("u1", len(lines), ())  # as many as there can ever be
        self._reached = 0

    def __repr__(self) -> str:
        return f"<LineSums up to reservation {self._reached}>"

    @property
    def is_complete(self) -> bool:
        """Whether all lines are in."""
        return self._reached == _ALL

    def go_on(self, work: int) -> int:
        """Take in more reservations; each of them and of their lines is one piece of work. Return
        how many were done.
        """
        end = int(self._header[RESERVATIONS])
        arguments = (work, self._header, self._book, self._counted, self.units)
        reached, done, broken = kernels.count_held(self._reached, end, *arguments)
        self._reached = _ALL if reached >= end else int(reached)
        if broken >= 0:
            self.broken = int(broken)
        return int(done)

    def follow_new(self, numbers: Array) -> None:
        """Take note of reservations that were just stored, by their numbers."""
        kernels.count_new(
            numbers.astype(np.int64), self._reached, self._book, self._counted, self.units
        )

    def follow_moves(self, moves: Array) -> None:
        """Take note of moves that were just applied."""
        kernels.count_moves(moves, self._book, self._counted, self.units)
