"""What a count had seen of what happened at a level, as plainly as possible.

Rules of this file: those of tests/model.py.
"""

from collections import Counter

from holdfast.core.commands import Reapplied, StockEvent
from holdfast.core.model import CountBasis, EventKind
from tests.model_reservations import Happened, Level
from tests.model_reversals import Undoing

#: Kinds that change nothing on hand by themselves.
STILL = (
    *(EventKind.COUNT, EventKind.GOODS_ISSUE, EventKind.STATUS_CHANGE),
    *(EventKind.SHIPMENT_REVERSAL, EventKind.SUPPLY, EventKind.TRANSFER_ADJUSTMENT),
)


def reapplied_by_kind(later: list[Happened], shipped: int) -> tuple[Reapplied, ...]:
    """What is applied again, by source and kind."""
    found = [Reapplied("", None, -shipped, 0)] if shipped else []
    moved = [each for each in later if each.kind is not None and each.kind not in STILL]
    for source, kind in sorted({(each.source, EventKind(each.kind or 0)) for each in moved}):
        mine = [each.units for each in moved if (each.source, each.kind) == (source, kind)]
        found.append(Reapplied(source, kind, sum(mine), len(mine)))
    return tuple(found)


def is_before_count(happened: Happened, count: Happened) -> bool:
    """Whether something had happened when a count was taken."""
    if happened.source == count.source and happened.sequence and count.sequence:
        return happened.sequence <= count.sequence
    return happened.at_ns <= count.at_ns


def shipped_since(level: Level, since_ns: int, seen: list[Happened]) -> int:
    """Units that were shipped from a level; not those that a goods issue shipped which was seen.
    What takes one back, with units below 0, ships nothing.
    """
    since = [each for each in level.shipments if each.came_at_ns > since_ns]
    units = -sum(each.units for each in since)
    came_at = Counter[int]()
    for each in seen:
        if each.kind == EventKind.GOODS_ISSUE and each.units > 0:
            came_at[each.came_at_ns] += each.units
    for came_at_ns, posted in came_at.items():
        left = [each.units for each in since if each.came_at_ns == came_at_ns and each.units < 0]
        units -= min(posted, -sum(left))
    return max(0, units)


def basis_of(event: StockEvent) -> CountBasis:
    """What a count has seen: one by a number of its source is from its books."""
    return CountBasis.BOOKS if event.as_of_sequence else event.basis or CountBasis.SHELF


def is_later(happened: Happened, source: str, event: StockEvent, as_of_ns: int) -> bool:
    """Whether a count had not seen something."""
    is_own = happened.source == source and happened.sequence > 0
    is_stated = event.occur_time_ns is not None and not event.as_of_sequence
    if happened.kind == EventKind.COUNT and is_stated:
        return happened.at_ns > as_of_ns
    if is_own and event.as_of_sequence:
        return happened.sequence > event.as_of_sequence
    is_told_by_time = is_stated and happened.is_timed and happened.at_ns != as_of_ns
    if is_own and event.sequence and not is_told_by_time:
        return happened.sequence > event.sequence
    return happened.at_ns > as_of_ns


def is_outdated(later: list[Happened], source: str, event: StockEvent, level: Level) -> bool:
    """Whether a level was counted later than a count is of. `later` is what that had not seen."""
    counts = [each for each in later if each.kind == EventKind.COUNT]
    if not event.as_of_sequence:
        return bool(counts)
    own = [each for each in counts if each.source == source and each.sequence]
    if len(own) < len(counts):
        return True
    if level.count_source == source and not level.is_reset:
        return level.count_sequence > event.as_of_sequence
    return any(each.sequence - 1 > event.as_of_sequence for each in own)


def is_real(happened: Happened) -> bool:
    """Whether a fact is one on the shelf, and no booking that was taken back, or took one back."""
    return happened.kind != EventKind.REVERSAL and not happened.is_undone


def is_posting(undoing: Undoing | None) -> bool:
    """Whether a reversal takes back a goods issue, or posts one again."""
    return undoing is not None and undoing.sign != 0 and undoing.fact.kind == EventKind.GOODS_ISSUE
