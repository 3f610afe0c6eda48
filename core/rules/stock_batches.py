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
from . import joint_turn
from .stock_facts import StockFacts


class StockBatches:
    """Stock facts as columns, over the shards of a node."""

    def __init__(self, shards: Sequence[Shard], stock_facts: StockFacts) -> None:
        self.shards = shards
        self.stock_facts = stock_facts

    @executes(STOCK_BATCH)
    def record(self, command: StockBatch, now_ns: int) -> StockCodes:
        """Record facts of one source, and tell what became of each."""
        plan = np.zeros(len(command.events), PLAN)
        touched = [shard for shard in self.shards if _find_levels(shard, command.events, plan)]
        codes, counts = self._plan(command, plan, now_ns)
        # Point of no return: every event has its answer.
        for shard in touched:
            _write(shard, command, plan, codes, int(counts[shard.number]))
        shortfalls = np.maximum(-plan["available"], 0)
        return StockCodes(codes, plan["on_hand"], shortfalls, joint_turn.revisions(touched))

    def _plan(self, command: StockBatch, plan: Array, now_ns: int) -> tuple[Array, Array]:
        """Decide all events one after the other, over all shards, without writing anything; return
        the answers, and how many of them take effect in each shard.
        """
        events = command.events
        known = events["has_key"] == 0  # there is nothing to look for
        if not known.all():
            his, los = events["key_hi"].copy(), events["key_lo"].copy()
            self.stock_facts.find_known(his, los, now_ns, known)
        codes = np.empty(len(events), np.uint8)
        counts = np.zeros(len(self.shards), np.int64)
        slots = self.shards[0].index.slots
        kernels.plan_stock(
            events,
            known,
            np.uint64(self.stock_facts.last_sequence(command.source)),
            slots.scratch(len(events)),
            slots.scratch(len(events)),
            plan,
            codes,
            counts,
        )
        return codes, counts


def _find_levels(shard: Shard, events: Array, plan: Array) -> int:
    """Read the levels of one shard into the plan; return how many events name the shard."""
    return int(kernels.find_event_levels(events, plan, shard.header, shard.stock))


def _write(shard: Shard, command: StockBatch, plan: Array, codes: Array, count: int) -> None:
    """Write the events that take effect in one shard, so many of them."""
    if not count:
        return
    source = number_of_name(shard, shard.sources, Section.SOURCE_NAMES, command.source)
    effects = shard.effects[Section.STOCK]
    effects.ensure(count)
    kernels.write_stock(
        command.events, plan, codes, shard.number, source, effects.records[effects.count :]
    )
    record_written(shard, Section.STOCK, count)
