"""Stock facts as columns: a message of one source, planned whole, then written whole.

The rules are those of stock_facts.py, told a second time for the kernels: an id or a number counts
once, whatever shard it came to before, and each event sees those before it. Two things differ.
Levels are named by handle, so an event may name one that is not there. And what takes a stock level
to tell is an answer to its event, not a fault of the message: messages may then follow one another
without waiting, since none that was posted can fail.
"""

from collections.abc import Sequence

import numpy as np

from .. import kernels
from ..commands import StockBatch, StockCodes
from ..commands.registry import STOCK_BATCH, executes
from ..tables.effects import Section
from ..tables.layouts import PLAN
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import number_of_name, record_written
from ..work import BATCH, EVENT_LOOKED_UP, EVENT_RECORDED, SHARD_WRITTEN, TURN_WORK_MAX, Steps, Work
from . import joint_turn
from .stock_facts import StockFacts

#: Events that are planned together at least.
EVENTS_MIN = 64


class StockBatches:
    """Stock facts as columns, over the shards of a node."""

    def __init__(self, shards: Sequence[Shard], stock_facts: StockFacts, work: Work) -> None:
        self.shards = shards
        self.stock_facts = stock_facts
        self.work = work
        self._event = EVENT_RECORDED + len(shards) * EVENT_LOOKED_UP

    @executes(STOCK_BATCH)
    def record(self, command: StockBatch, now_ns: int) -> Steps[StockCodes]:
        """Record facts of one source, and tell what became of each. Those of a piece are planned
        together and written together; the turn may end between pieces.
        """
        events = command.events
        plan = np.zeros(len(events), PLAN)
        codes = np.empty(len(events), np.uint8)
        touched: dict[Shard, None] = {}
        most = max(EVENTS_MIN, int(TURN_WORK_MAX / 2 / self._event))
        for start in range(0, len(events), most):
            if self.work.is_over:
                now_ns = yield
            piece = slice(start, start + most)
            found = self._record(command.source, events[piece], plan[piece], codes[piece], now_ns)
            touched.update(dict.fromkeys(found))
        shortfalls = np.maximum(-plan["available"], 0)
        shards = [shard for shard in self.shards if shard in touched]
        return StockCodes(codes, plan["on_hand"], shortfalls, joint_turn.revisions(shards))

    def _record(
        self, source: str, events: Array, plan: Array, codes: Array, now_ns: int
    ) -> list[Shard]:
        """Plan and write some events, and return the shards that they name."""
        self.work.spend(BATCH + len(self.shards) * SHARD_WRITTEN + len(events) * self._event)
        touched = [shard for shard in self.shards if _find_levels(shard, events, plan)]
        counts = self._plan(source, events, plan, codes, now_ns)
        # Point of no return: every event has its answer.
        for shard in touched:
            _write(shard, source, events, plan, codes, int(counts[shard.number]))
        return touched

    def _plan(self, source: str, events: Array, plan: Array, codes: Array, now_ns: int) -> Array:
        """Decide events one after the other, over all shards, without writing anything but their
        answers; return how many of them take effect in each shard.
        """
        known = events["has_key"] == 0  # there is nothing to look for
        if not known.all():
            his, los = events["key_hi"].copy(), events["key_lo"].copy()
            self.stock_facts.find_known(his, los, now_ns, known)
        counts = np.zeros(len(self.shards), np.int64)
        slots = self.shards[0].index.slots
        kernels.plan_stock(
            events,
            known,
            np.uint64(self.stock_facts.last_sequence(source)),
            slots.scratch(len(events)),
            slots.scratch(len(events)),
            plan,
            codes,
            counts,
        )
        return counts


def _find_levels(shard: Shard, events: Array, plan: Array) -> int:
    """Read the levels of one shard into the plan; return how many events name the shard."""
    return int(kernels.find_event_levels(events, plan, shard.header, shard.stock))


def _write(shard: Shard, source: str, events: Array, plan: Array, codes: Array, count: int) -> None:
    """Write the events that take effect in one shard, so many of them."""
    if not count:
        return
    number = number_of_name(shard, shard.sources, Section.SOURCE_NAMES, source)
    effects = shard.effects[Section.STOCK]
    effects.ensure(count)
    kernels.write_stock(events, plan, codes, shard.number, number, effects.records[effects.count :])
    record_written(shard, Section.STOCK, count)
