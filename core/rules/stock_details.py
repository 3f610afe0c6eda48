"""What stock facts came with besides what they change: the journal keeps it for those who read it,
and the history when a fact happened.

The correlation id of a fact is noted before that of its call, so it is the one that holds.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ..commands import Reference, StockDetails, StockEvent
from ..kernels.codes import EVENT_APPLIED
from ..tables.effects import DTYPES, Section
from ..tables.names import pack_names
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record_correlations, record_stock_details
from .stock_plan import Plan

_NO_REFERENCE: Final = Reference("", "", "")

#: Kind, id and line of its reference, reason, actor.
TEXTS_OF_FACT: Final = 5


def has_details(event: StockEvent) -> bool:
    """Whether an event came with more than the fact."""
    given = event.reason or event.actor or event.reference or event.correlation_id
    return bool(given) or event.occur_time_ns is not None


def _is_detailed(event: StockEvent) -> bool:
    given = event.reason or event.actor or event.reference
    return bool(given) or event.occur_time_ns is not None


def write_details(shard: Shard, first: int, decided: Plan, named: Sequence[StockEvent]) -> None:
    """Write what the events of a shard came with; `first` is the number of the effect of the first
    of them.
    """
    times: list[tuple[int, ...]] = []
    texts: list[str] = []
    positions = _positions(shard, decided).tolist()
    record_correlations(shard, Section.STOCK, first, [named[at].correlation_id for at in positions])
    for number, index in enumerate(positions, first):
        event = named[index]
        if _is_detailed(event):
            reference = event.reference or _NO_REFERENCE
            has_time = event.occur_time_ns is not None
            times.append((event.occur_time_ns or 0, number, has_time, 0, 0))
            texts += (reference.kind, reference.id, reference.line, event.reason, event.actor)
    effects = np.array(times, DTYPES[Section.STOCK_DETAILS])
    record_stock_details(shard, effects, pack_names(*texts))


def write_column_details(shard: Shard, first: int, decided: Plan, details: StockDetails) -> None:
    """The same for events of columns."""
    mine = _positions(shard, decided)
    is_detailed = details.are_detailed[mine]
    detailed = mine[is_detailed]
    effects = np.zeros(len(detailed), DTYPES[Section.STOCK_DETAILS])
    effects["stock"] = first + np.flatnonzero(is_detailed)
    effects["occurred_at_ns"] = details.occur_times_ns[detailed]
    effects["has_time"] = effects["occurred_at_ns"] != 0
    record_stock_details(shard, effects, _packed(details, detailed))


def _packed(details: StockDetails, detailed: Array) -> Array:
    """The texts of some events as the journal has them (uint8): each after a byte of length, five
    of each event, of which the last two are empty here.
    """
    sizes = np.zeros((len(detailed), TEXTS_OF_FACT), np.int64)
    sizes[:, 1], sizes[:, 2] = details.ids.sizes[detailed], details.lines.sizes[detailed]
    kind = np.frombuffer(details.kind.encode(), np.uint8)
    has_reference = sizes.any(axis=1)
    sizes[has_reference, 0] = len(kind)
    ends = np.cumsum(sizes + 1).reshape(sizes.shape)
    packed = np.zeros(int(ends[-1, -1]) if len(detailed) else 0, np.uint8)
    packed[ends - sizes - 1] = sizes
    # A kind is the same in all of them: the column of it has one text.
    kinds = np.zeros(len(detailed), np.int64)
    for place, data, starts in (
        (0, kind, kinds),
        (1, details.ids.data, details.ids.starts[detailed]),
        (2, details.lines.data, details.lines.starts[detailed]),
    ):
        _copy_texts(packed, ends[:, place], data, starts, sizes[:, place])
    return packed


def _copy_texts(packed: Array, ends: Array, data: Array, starts: Array, sizes: Array) -> None:
    """Copy texts, which begin in `data` at `starts`, to where they end in `packed`."""
    before = np.cumsum(sizes) - sizes
    within = np.arange(int(sizes.sum()))
    packed[within + np.repeat(ends - sizes - before, sizes)] = data[
        within + np.repeat(starts - before, sizes)
    ]


def _positions(shard: Shard, decided: Plan) -> Array:
    """The events of a shard that took effect, by position, in their order."""
    is_mine = (decided.events["shard"] == shard.number) & (decided.codes == EVENT_APPLIED)
    return np.flatnonzero(is_mine)
