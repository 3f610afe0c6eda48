"""Effects of stock facts: on levels, on sources, on what is remembered."""

import numpy as np

from ... import kernels
from ...kernels.codes import COUNTED_UNKNOWN, KEYED, NOT_KEPT
from ...limits import NUMBERED_MAX
from ..effects import DTYPES, Section
from ..recent import append_facts
from ..shard import Shard
from ..table import Array


def apply_stock(shard: Shard, effects: Array, counted: Array) -> None:
    """Change stock on hand, note how far sources have come, and remember what the events were.
    `counted` has what their counts found.
    """
    if not len(shard.numbered) and effects["sequence"].any():
        shard.numbered.extend(NUMBERED_MAX)
    quantities = np.empty(len(effects), np.int64)
    seen = np.zeros(len(effects), np.uint64)
    kernels.read_quantities(effects, counted, quantities, seen)
    _apply(shard, effects, quantities, seen, shard.numbered.used)


def apply_plain_stock(shard: Shard, effects: Array) -> None:
    """The same for facts of an earlier build, of which the content was not kept."""
    stock = np.zeros(len(effects), DTYPES[Section.STOCK])
    for field in DTYPES[Section.STOCK_PLAIN].names or ():
        stock[field] = effects[field]
    stock["counted"] = COUNTED_UNKNOWN
    nothing = np.zeros(len(stock), np.uint64)
    _apply(shard, stock, np.full(len(stock), NOT_KEPT), nothing, shard.numbered.records[:0])


def _apply(shard: Shard, effects: Array, quantities: Array, seen: Array, numbered: Array) -> None:
    tables = (table.records for table in (shard.levels, shard.last_counts, shard.source_records))
    kernels.apply_stock(effects, quantities, seen, shard.header, *tables, numbered, shard.now_ns)
    keyed = int(np.count_nonzero(effects["has_key"] & KEYED))
    if keyed:
        remembered = shard.events.remember(keyed, shard.now_ns)
        kernels.apply_event_keys(effects, quantities, remembered, shard.now_ns)
        shard.events.index(keyed)
    if shard.keeping.window_ns:
        levels = shard.latest.used, shard.counted.records
        append_facts(shard.facts, *levels, effects, quantities, shard.now_ns, shard.keeping)


def apply_details(shard: Shard, effects: Array) -> None:
    """Note when facts happened. What else they came with stands in the journal for those who read
    that.
    """
    if shard.keeping.window_ns:
        timed = np.flatnonzero(effects["has_time"])
        at_ns = np.minimum(effects["occurred_at_ns"][timed], shard.now_ns)
        shard.facts.set_times(effects["stock"][timed].astype(np.int64), at_ns)


def apply_windows(shard: Shard, effects: Array) -> None:
    """Set how long what happens at a level is kept, and whether it is asked for. What happened
    before it was kept is not there.
    """
    keeping = shard.keeping
    for window_ns, is_used in effects[["window_ns", "is_used"]].tolist():
        if not keeping.window_ns and len(shard.levels):
            for history in (shard.facts, shard.shipments):
                history.begin(shard.now_ns)
        if is_used and not keeping.is_used:
            latest = shard.latest.extend(len(shard.levels))
            shard.facts.chain(latest, shard.counted.records, are_shipments=False)
            shard.shipments.chain(latest, shard.counted.records, are_shipments=True)
        keeping.set(window_ns, is_used=bool(is_used))


def apply_counts(shard: Shard, effects: Array) -> None:
    """Note as of when levels were counted."""
    shard.latest.records["counted_ns"][effects["row"]] = effects["as_of_ns"]
    shard.latest.records["basis"][effects["row"]] = effects["basis"] | effects["flags"]


def apply_posted(shard: Shard, effects: Array) -> None:
    """Take off what is not unposted any more."""
    np.subtract.at(shard.latest.records["unposted"], effects["row"], effects["units"])


def apply_unavailable(shard: Shard, effects: Array) -> None:
    """Let units enter and leave statuses under which they are not for sale."""
    shard.unavailable.ensure(len(effects))
    shard.unavailable_slots.ensure(len(effects))
    shard.unavailable.count = kernels.apply_unavailable(
        effects,
        shard.unavailable.records,
        len(shard.unavailable),
        shard.unavailable_slots.arrays,
        shard.levels.records,
    )


def apply_source_resets(shard: Shard, effects: Array) -> None:
    """Set the last numbers of sources, and forget what they numbered."""
    shard.gaps.count = kernels.apply_source_resets(
        effects,
        shard.source_records.records,
        shard.gaps.records,
        len(shard.gaps),
        shard.numbered.used,
    )
