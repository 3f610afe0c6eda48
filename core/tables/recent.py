"""What recently happened at stock levels: stock facts, or shipments.

Two generations. When the current one has come of age it becomes the previous one, and the one
before that is forgotten. What is kept is asked for level by level, by counts of an instant. Until
the first of them nobody asks: then records are few, and each names its level. From the first on
(`Keeping.is_used`) a generation is a window long, and each record names the one before it at its
level; `LATEST` has the last. Both are state, set by an effect, so that a replay forgets when the
node did.
"""

import numpy as np

from .. import kernels
from ..kernels.codes import HISTORY_UNDONE
from ..limits import EFFECTS_MAX, HISTORY_MAX
from .layouts import HISTORY
from .table import GIVEN_BACK, Array, Table, figures

_SINCE, _BEFORE, _FIRST = range(3)


class Keeping:
    """For how long a shard keeps what happens, and whether it is asked for."""

    __slots__ = ("_figures", "figures")

    def __init__(self) -> None:
        self.figures = np.zeros(2, np.int64)
        """The state, for snapshots."""
        self._figures = figures(self.figures)

    @property
    def window_ns(self) -> int:
        """What is older is not looked at; with 0 nothing is kept."""
        return self._figures[0]

    @property
    def is_used(self) -> bool:
        """Whether records are chained by level."""
        return self._figures[1] != 0

    def set(self, window_ns: int, *, is_used: bool) -> None:
        """Keep what happens like this from now on."""
        self.figures[:] = window_ns, is_used


class History:
    """Records of one shard, in the order in which they came. Until they are asked for, a
    generation has no more than `unused_max` before an entry begins.
    """

    __slots__ = (
        *("_figures", "_retired", "_unused_max"),
        *("current", "end", "figures", "marked", "previous"),
    )

    def __init__(self, unused_max: int) -> None:
        self._unused_max = unused_max
        self.current, self.previous = _generation(), _generation()
        self._retired: Table | None = None
        self.figures = np.zeros(3, np.int64)
        """When the current generation began, when the previous one did, and the number of the first
        record that is there.
        """
        self._figures = figures(self.figures)
        self.end = 0
        """The number that the next record gets."""
        self.marked = 0
        """The number of the first record of the running entry."""

    @property
    def reaches_back_to_ns(self) -> int:
        """Whatever came after this is there."""
        return self._figures[_BEFORE]

    @property
    def has_forgotten(self) -> bool:
        """Whether anything came before what is there."""
        return self._figures[_BEFORE] != 0 or self._figures[_FIRST] != 0

    def begin(self, now_ns: int) -> None:
        """Keep what comes from now on."""
        self.figures[[_SINCE, _BEFORE]] = now_ns

    def make_room(self, count: int, now_ns: int, keeping: Keeping) -> Array:
        """The room for so many more records; what is too old is forgotten, but not where none come:
        replay does not hear of that.
        """
        if count and self._is_of_age(now_ns, keeping):
            self._begin_generation(now_ns)
        if self._retired and not self._retired.give_back():
            self._retired = None
        self.current.ensure(count)
        return self.current.records[self.current.count :]

    def take(self, count: int) -> None:
        """Take so many records of the room into use."""
        self.current.count += count
        self.end += count

    def _begin_generation(self, now_ns: int) -> None:
        first = self.figures[_FIRST] + len(self.previous)
        self.figures[:] = now_ns, self.figures[_SINCE], first
        forgotten, self.previous = self.previous, self.current
        if len(forgotten) > GIVEN_BACK:  # freed piece by piece
            self._retired, self.current = forgotten, _generation()
        else:
            self.current = forgotten
            self.current.count = 0

    def _is_of_age(self, now_ns: int, keeping: Keeping) -> bool:
        """Whether the current generation is to become the previous one. Its length counts where an
        entry begins: live, records of an entry come in other portions than in replay.
        """
        if now_ns - self._figures[_SINCE] >= keeping.window_ns:
            return True
        records_max = HISTORY_MAX if keeping.is_used else self._unused_max
        return self.current.count >= records_max and self.end == self.marked

    @property
    def arrays(self) -> tuple[Array, Array, int, int]:
        """What kernels walk: both generations, and the numbers of their first records."""
        first = int(self.figures[_FIRST])
        return self.previous.records, self.current.records, first, first + len(self.previous)

    def find(self, number: int) -> Array:
        """Record `number`, if it is still there (HISTORY[0 or 1])."""
        previous, current, first, middle = self.arrays
        if number <= first:
            return previous[:0]
        if number <= middle:
            return previous[number - first - 1 : number - first]
        return current[number - middle - 1 : number - middle]

    def chain(self, latest: Array, counts: Array, *, are_shipments: bool) -> None:
        """Chain by level what is there, which until now named its levels."""
        number = int(self.figures[_FIRST])
        for generation in (self.previous, self.current):
            kernels.chain_history(generation.used, latest, counts, number, are_shipments)
            number += len(generation)

    def set_times(self, at: Array, at_ns: Array) -> None:
        """Note when the records that have the numbers `at` in the running entry happened."""
        previous, current, first, middle = self.arrays
        numbers = self.marked + at
        is_new = numbers >= middle
        current["at_ns"][numbers[is_new] - middle] = at_ns[is_new]
        is_there = ~is_new & (numbers >= first)
        previous["at_ns"][numbers[is_there] - first] = at_ns[is_there]

    def set_undone(self, number: int, *, is_undone: bool) -> None:
        """Note of record `number`, if it is still there, whether it is undone."""
        record = self.find(number)
        record["flags"] &= 255 - HISTORY_UNDONE
        record["flags"] |= HISTORY_UNDONE if is_undone else 0

    def mark(self) -> None:
        """Begin an entry."""
        self.marked = self.end

    def columns(self) -> dict[str, Array]:
        """The state, for snapshots."""
        return {
            "current": self.current.used,
            "previous": self.previous.used,
            "figures": self.figures,
        }

    def load(self, columns: dict[str, Array]) -> None:
        """Take over what `columns` gave."""
        self.figures[:] = columns["figures"]
        self.current.load(columns["current"])
        self.previous.load(columns["previous"])
        self.end = int(self.figures[_FIRST]) + len(self.previous) + len(self.current)
        self.mark()


def _generation() -> Table:
    """No records, with room for the longest generation and an entry after it."""
    return Table(HISTORY, rows_max=HISTORY_MAX + EFFECTS_MAX)


def append_facts(
    history: History,
    latest: Array,
    counts: Array,
    effects: Array,
    quantities: Array,
    now_ns: int,
    keeping: Keeping,
) -> None:
    """Keep stock facts (STOCK). `latest` is empty until records are chained."""
    room = history.make_room(len(effects), now_ns, keeping)
    kernels.append_facts(effects, quantities, room, latest, counts, history.end, now_ns)
    history.take(len(effects))


def append_shipments(
    history: History, latest: Array, moves: Array, lines: Array, now_ns: int, keeping: Keeping
) -> None:
    """Keep units that were shipped, or were not after all (MOVES)."""
    room = history.make_room(len(moves), now_ns, keeping)
    history.take(kernels.append_shipments(moves, lines, room, latest, history.end, now_ns))
