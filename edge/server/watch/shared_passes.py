"""The pass of one watcher, for others whose pass would come to the same.

Of hundreds of watchers of one level, the first after a change looks, reads and writes. The others
compare.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from holdfast.core.tables.table import Array, Table

from ...wire.watch import Watch
from .level_pages import Response

#: Levels in the passes that are kept: some 10 MB of responses.
KEPT_LEVELS_MAX: Final = 10_000


class Question(NamedTuple):
    """What a pass depends on, but for the statuses that were sent before it."""

    wanted: Watch
    after: tuple[int, ...]
    until: tuple[int, ...]
    """The last sequence of each shard: while it is that, the levels are as they were read."""
    day_ns: int
    """The day of the pass before."""
    today_ns: int
    flags: tuple[bool, ...]


class Seen(NamedTuple):
    """Rows of a shard that a pass looked at, and the statuses that were sent before and by it."""

    shard: int
    rows: Array
    before: bytes
    after: Array


class Pass(NamedTuple):
    """A pass that took one response at most."""

    seen: Sequence[Seen]
    response: Response | None
    conflated: bool
    looked_at: int

    def suits(self, statuses: Sequence[Table]) -> bool:
        """Whether it would be the same after these statuses."""
        for shard, rows, before, _ in self.seen:
            if statuses[shard].records[rows].tobytes() != before:
                return False
        return True

    def note(self, statuses: Sequence[Table]) -> None:
        """Note the statuses that it sends."""
        for shard, rows, _, after in self.seen:
            statuses[shard].records[rows] = after


class SharedPasses:
    """The passes since the last change."""

    def __init__(self) -> None:
        self._kept: dict[Question, Pass] = {}
        self._until: tuple[int, ...] = ()
        self._levels = 0

    def find(self, question: Question, statuses: Sequence[Table]) -> Pass | None:
        """The same pass, where some watcher has made it."""
        found = self._kept.get(question)
        return found if found is not None and found.suits(statuses) else None

    def keep(self, question: Question, made: Pass) -> None:
        """Keep a pass for others, if there is room."""
        if question.until != self._until:
            self._kept.clear()
            self._until, self._levels = question.until, 0
        if self._levels + made.looked_at <= KEPT_LEVELS_MAX:
            self._kept[question] = made
            self._levels += made.looked_at
