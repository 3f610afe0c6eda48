"""Stock facts as columns.

Levels are named by handle, so an event may name one that is not there. What takes a stock level to
find out is an answer to its event, not a fault of the message: messages may then follow one another
without waiting, since none that was posted can fail.
"""

from collections.abc import Iterator

import numpy as np

from .. import kernels
from ..commands import Difference, SequenceRange, StockBatch, StockCodes, StockDetails
from ..commands.registry import STOCK_BATCH, executes
from ..kernels.codes import COUNT, EVENT_APPLIED, EVENT_OUT_OF_RANGE
from ..limits import RANGES_LISTED_MAX
from ..tables.effects import Section
from ..tables.layouts import PLAN
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record_origin
from ..work import (
    BATCH,
    DETAIL_BYTE,
    DIFFERENCE_REPORTED,
    EVENT_DETAILED,
    EVENT_LOOKED_UP,
    EVENT_RECORDED,
    EVENT_REMEMBERED,
    SHARD_DETAILED,
    SHARD_SKIPPED,
    SHARD_WRITTEN,
    TURN_WORK_MAX,
    Steps,
    Work,
)
from . import joint_turn
from .counts import Counted
from .late_counts import LateCounts
from .stock_details import write_column_details
from .stock_plan import DIFFERENCES_MAX, Plan, StockPlanner

#: Events that are planned together at least.
EVENTS_MIN = 64


class StockBatches:
    """Stock facts as columns, over the shards of a node."""

    def __init__(self, planner: StockPlanner, late_counts: LateCounts, work: Work) -> None:
        self.planner = planner
        self.late_counts = late_counts
        self.shards = planner.shards
        self.work = work
        self._keyed = EVENT_REMEMBERED + len(self.shards) * EVENT_LOOKED_UP

    @executes(STOCK_BATCH)
    def record(self, command: StockBatch, now_ns: int) -> Steps[StockCodes]:
        """Record facts of one source, and say what became of each. Those of a piece are planned
        together and written together; the turn may end between pieces.
        """
        events = command.events
        plan = np.zeros(len(events), PLAN)
        codes = np.empty(len(events), np.uint8)
        differences: list[Difference] = []
        skipped: list[SequenceRange] = []
        touched: dict[Shard, None] = {}
        for piece in self._pieces(command):
            if self.work.is_over:
                now_ns = yield
            most = DIFFERENCES_MAX - len(differences)
            details = command.details.part(piece) if command.details else None
            found, decided, ranges = self._record(
                command, events[piece], details, plan[piece], now_ns, most
            )
            codes[piece] = decided.codes
            differences += decided.differences.values()
            skipped += ranges
            touched.update(dict.fromkeys(found))
        self.planner.sources.states.after_events(command.source, now_ns, has_skipped=bool(skipped))
        return StockCodes(
            codes,
            plan["on_hand"],
            np.maximum(-plan["promisable"], 0),
            plan["available"],
            tuple(differences),
            joint_turn.revisions([shard for shard in self.shards if shard in touched]),
            tuple(skipped[:RANGES_LISTED_MAX]),
        )

    def _fixed(self, command: StockBatch) -> float:
        """The work of events that are recorded together, however few."""
        each = SHARD_WRITTEN + (SHARD_DETAILED if command.details else 0)
        return BATCH + len(self.shards) * each

    def _weigh(self, events: Array, details: StockDetails | None) -> float:
        """The work of events, which may all have ids."""
        keyed = events["has_key"].tobytes().count(1) * self._keyed
        return len(events) * EVENT_RECORDED + keyed + (_weigh_details(details) if details else 0)

    def _pieces(self, command: StockBatch) -> Iterator[slice]:
        """What is recorded together: as much as is a turn's work, so that no more of it follows in
        the same turn; and counts whose numbers come late by themselves.
        """
        source, events = command.source, command.events
        work, room = self._weigh(events, command.details), TURN_WORK_MAX - self._fixed(command)
        most = max(EVENTS_MIN, 1 + int(room * len(events) / work))
        for start in range(0, len(events), most):
            piece = events[start : start + most]
            for part in self.late_counts.parts(source, piece["kind"], piece["sequence"]):
                yield slice(start + part.start, start + part.stop)

    def _record(
        self,
        command: StockBatch,
        events: Array,
        details: StockDetails | None,
        plan: Array,
        now_ns: int,
        differences_max: int,
    ) -> tuple[list[Shard], Plan, tuple[SequenceRange, ...]]:
        """Plan and write some events; return the shards that they name, what was decided, and the
        numbers that were passed over.
        """
        source = command.source
        self.work.spend(self._fixed(command) + self._weigh(events, details))
        if details:
            plan["occurred_ns"] = details.occur_times_ns
        touched = self.planner.find_levels(events, plan)

        def name_of(index: int) -> tuple[str, str] | None:
            if not plan["is_open"][index]:
                return None
            return self.shards[int(events["shard"][index])].name_row(int(events["row"][index]))

        late = self._late_count(source, events, plan, now_ns)
        before = plan.copy() if late else plan
        decided = self.planner.decide(source, events, plan, name_of, now_ns, differences_max)
        self.work.spend(len(decided.differences) * DIFFERENCE_REPORTED)
        # Point of no return: every event has its answer.
        if late and late.refusal and decided.codes[0] in (EVENT_APPLIED, EVENT_OUT_OF_RANGE):
            decided.codes[0], plan[:] = late.refusal, before
            first = plan[0]
            figures = ("promisable", "promised", "cap", "may_promise")
            plan["available"] = kernels.offered(*(first[name] for name in figures))
            self.planner.let_bind(events, plan)
            return touched, decided, ()
        for shard in touched:
            is_noted = details or command.correlation_id
            written = shard.effects.written() if is_noted else []
            self.planner.write(source, decided, shard)
            if details:
                write_column_details(shard, written[Section.STOCK], decided, details)
            if command.correlation_id:
                record_origin(shard, "", command.correlation_id, written)
        skipped = self.planner.finish(source, decided)
        self.work.spend(len(self.shards) * SHARD_SKIPPED if skipped else 0)
        return touched, decided, skipped

    def _late_count(self, source: str, events: Array, plan: Array, now_ns: int) -> Counted | None:
        """What a count that stands alone had not seen, if its number is late."""
        event = events[0]
        is_count = len(events) == 1 and event["kind"] == COUNT and event["sequence"] > 0
        if not (is_count and plan["is_open"][0]):
            return None
        shard = self.shards[int(event["shard"])]
        return self.late_counts.judge(source, event, plan, shard, now_ns)


def _weigh_details(details: StockDetails) -> float:
    """The work of what events came with."""
    count = int(np.count_nonzero(details.are_detailed))
    size = int(details.ids.sizes.sum() + details.lines.sizes.sum()) + count * len(details.kind)
    return count * EVENT_DETAILED + size * DETAIL_BYTE
