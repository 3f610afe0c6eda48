"""How long ended reservations stay: their lines and texts for a while, their ids for longer.

A sweep passes over all reservations again and again, a few in a turn, so that ending costs a
reservation nothing: those that have no more units held or committed are seen to have ended; those
that ended long enough ago leave. What a sweep finds is journaled, so replay needs no setting, and
how far it has come is no state (docs/adr/0030).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from .. import kernels
from ..kernels.codes import NO_PART
from ..limits import IDS_KEPT_NS, LINES_KEPT_NS, LINES_MAX, MARK_NS
from ..model import State
from ..tables.effects import DTYPES, Section
from ..tables.reservation_index import pack_part
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record, record_all
from ..work import ID_FORGOTTEN, SWEPT, Work
from . import joint_turn
from .joint_turn import Part

#: Reservations and lines that a turn looks at, and ids that it forgets, over all shards.
SWEPT_MAX = 4_096
FORGOTTEN_MAX = 1_024

#: A pass takes this part of the time that lines are kept: so much later they may leave.
_PASSES = 24

_DROPS = DTYPES[Section.DROPS]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the lines of a reservation stay after its end, and its id, in nanoseconds. Both go
    up to `pass_ns`, and ids an hour, later.
    """

    lines_kept_ns: int = LINES_KEPT_NS
    ids_kept_ns: int = IDS_KEPT_NS
    pass_ns: int = LINES_KEPT_NS // _PASSES

    @classmethod
    def of(cls, lines_kept_ns: int, ids_kept_ns: int) -> "Retention":
        """With a pass that suits them."""
        return cls(lines_kept_ns, ids_kept_ns, lines_kept_ns // _PASSES)


DEFAULT_RETENTION: Final = Retention()


class Sweep:
    """Passes over the reservations of a node's shards."""

    def __init__(self, shards: Sequence[Shard], work: Work, retention: Retention) -> None:
        self.shards = shards
        self.work = work
        self.retention = retention
        self.begin(0)

    def begin(self, now_ns: int) -> None:
        """Begin a pass at this time."""
        self.next_ns = now_ns
        """When to go on."""
        self._began_ns = now_ns
        self._done = [0] * len(self.shards)

    def go_on(self, now_ns: int) -> None:
        """Sweep as many reservations as are due by `now_ns`, and forget ids. All holds that are due
        have ended.
        """
        # Of a pass that was due long ago, as after a stop, the rest is due at once, and no more.
        share = min(1.0, (now_ns - self._began_ns) / max(1, self.retention.pass_ns))
        is_behind = False
        work, ids = SWEPT_MAX, FORGOTTEN_MAX
        for shard in self.shards:
            target = int(share * len(shard.reservations))
            work -= self._sweep(shard, min(target, len(shard.reservations)), now_ns, work)
            is_behind |= self._done[shard.number] < target
            due = self._due_ids(shard, now_ns)
            is_behind |= due > ids
            ids -= self._forget(shard, min(due, ids))
        if share >= 1 and not is_behind:
            self.begin(now_ns)
        self.next_ns = now_ns if is_behind else now_ns + self._pause_ns()

    def _pause_ns(self) -> int:
        """Until a turn has enough to do."""
        turns = 1 + sum(len(shard.reservations) for shard in self.shards) // SWEPT_MAX
        return max(1, self.retention.pass_ns // turns)

    def _sweep(self, shard: Shard, end: int, now_ns: int, work: int) -> int:
        """Look at reservations up to `end`, as long as there is `work`, and return what it took."""
        start = self._done[shard.number]
        if start >= end or work <= 0:
            return 0
        ends, drops = np.empty((2, min(work, end - start)), np.int32)
        self._done[shard.number], end_count, drop_count, looked_at = kernels.find_ended(
            start,
            end,
            work,
            now_ns - self.retention.lines_kept_ns,
            shard.arrays,
            ends,
            drops,
        )
        self.work.spend(looked_at * SWEPT)
        self._end(shard, ends[:end_count])
        self._drop(shard, drops[: min(drop_count, shard.ended.room)])
        return int(looked_at)

    def _end(self, shard: Shard, numbers: Array) -> None:
        """Note reservations that were seen to have ended, where no later part is live."""
        is_ended = np.ones(len(numbers), bool)
        for index in np.flatnonzero(self._is_linked(shard, numbers)).tolist():
            units = np.zeros(len(State), np.int64)
            for part in self._parts(shard, int(numbers[index])):
                part.shard.add_units(part.shard.lines_of(part.number), units)
            is_ended[index] = not units[[State.HELD - 1, State.COMMITTED - 1]].any()
        effects = np.zeros(int(is_ended.sum()), DTYPES[Section.ENDS])
        effects["reservation"] = numbers[is_ended]
        record_all(shard, Section.ENDS, effects)

    def _drop(self, shard: Shard, numbers: Array) -> None:
        """Drop reservations, with their later parts."""
        states = np.zeros(len(numbers), np.uint8)
        kernels.read_states(numbers, shard.arrays, states)
        dropped: dict[Shard, Array | list[int]] = {shard: numbers}
        for index in np.flatnonzero(self._is_linked(shard, numbers)).tolist():
            for part in self._parts(shard, int(numbers[index]))[1:]:
                seen = np.zeros(1, np.uint8)
                kernels.read_states(np.array([part.number]), part.shard.arrays, seen)
                states[index] |= seen[0]
                cast(list[int], dropped.setdefault(part.shard, [])).append(part.number)
        for at, mine in dropped.items():
            effects = np.zeros(len(mine), _DROPS)
            effects["reservation"] = mine
            if at is shard:
                effects["states"] = states
            record_all(at, Section.DROPS, effects)

    def _is_linked(self, shard: Shard, numbers: Array) -> Array:
        return cast(Array, shard.reservations.records["next_part"][numbers] != NO_PART)

    def _parts(self, shard: Shard, number: int) -> list[Part]:
        return joint_turn.parts_of(self.shards, pack_part(shard.number, number))

    def _due_ids(self, shard: Shard, now_ns: int) -> int:
        """How many of the oldest ended ids are to be forgotten."""
        marks = shard.ended_marks.used
        kept_ns = MARK_NS + self.retention.ids_kept_ns - self.retention.lines_kept_ns
        due = int(np.count_nonzero(marks["at_ns"] <= now_ns - kept_ns))
        if not due:
            return 0
        end = int(marks["first"][due]) if due < len(marks) else shard.ended.end
        return end - shard.ended.first

    def _forget(self, shard: Shard, count: int) -> int:
        if count:
            self.work.spend(count * ID_FORGOTTEN)
            record(shard, Section.FORGETS, (count,))
        return count


assert LINES_MAX < SWEPT_MAX, "a turn advances by one reservation at least"
