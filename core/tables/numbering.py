"""The numbers of reservations and lines, for those who read effects without a shard."""

import numpy as np

from .. import kernels
from ..kernels.arguments import FREE_LINES, HEADER_SIZE, LINES
from ..limits import BLOCKS_SPREAD, ROWS_MAX
from .address_space import allocate
from .layouts import LINE


class Numbering:
    """Which numbers RESERVATIONS give out and DROPS give back, as kernels/reservations.py and
    kernels/retention.py do.
    """

    def __init__(self) -> None:
        self._header = np.zeros(HEADER_SIZE, np.int64)
        self._tags = allocate(LINE, ROWS_MAX * BLOCKS_SPREAD)
        self._lines: dict[int, range] = {}
        self._free: list[int] = []
        self._end = 0

    def take(self, line_count: int) -> tuple[int, range]:
        """The number of the next reservation, and those of its lines."""
        number = self._free.pop() if self._free else self._end
        self._end = max(self._end, number + 1)
        first = kernels.take_block(self._tags, self._header, LINES, FREE_LINES, line_count)
        self._lines[number] = range(first, first + line_count)
        return number, self._lines[number]

    def give_back(self, number: int) -> range:
        """Let a reservation's number and those of its lines, which are returned, be used again."""
        lines = self._lines.pop(number)
        place = LINES, FREE_LINES
        kernels.give_back_block(self._tags, self._header, *place, lines.start, len(lines))
        self._free.append(number)
        return lines
