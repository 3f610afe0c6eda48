"""Gaps: ranges of numbers that a source skipped, each source's chained from the newest to the
oldest. The rows are dense: the last moves to where one leaves.
"""

import numpy as np

from ..limits import GAPS_MAX
from .codes import CAME, SKIPPED
from .compiled import kernel

_U1 = np.uint64(1)
_MOST = np.uint64(2**64 - 1)


@kernel
def _point(sources, gaps, source, target, place):
    """Make what points at a gap (row + 1) of a source's chain point at another place."""
    if sources[source].gaps == target:
        sources[source].gaps = place
        return
    row = sources[source].gaps - 1
    while gaps[row].older != target:
        row = gaps[row].older - 1
    gaps[row].older = place


@kernel
def _remove(sources, gaps, count, source, row):
    """Take a gap out of its chain, and return how many rows are left."""
    _point(sources, gaps, source, row + 1, gaps[row].older)
    sources[source].gap_count -= 1
    end = count - 1
    if row != end:
        _point(sources, gaps, np.int64(gaps[end].source), end + 1, row + 1)
        gaps[row].first = gaps[end].first
        gaps[row].last = gaps[end].last
        gaps[row].opened_ns = gaps[end].opened_ns
        gaps[row].source = gaps[end].source
        gaps[row].older = gaps[end].older
    return end


@kernel
def _drop_oldest(sources, gaps, count, source):
    """Forget the oldest gap: its numbers are missing, and no longer listed."""
    row = sources[source].gaps - 1
    while gaps[row].older != 0:
        row = gaps[row].older - 1
    size = gaps[row].last - gaps[row].first + _U1
    unlisted = sources[source].unlisted
    sources[source].unlisted = unlisted + min(size, _MOST - unlisted)
    sources[source].floor = max(sources[source].floor, gaps[row].last)
    return _remove(sources, gaps, count, source, np.int64(row))


@kernel
def _add(sources, gaps, count, source, first, last, opened_ns, newer):
    """Add a gap after a newer one (row + 1), or as the newest; return how many rows there are."""
    gap = gaps[count]
    gap.first = first
    gap.last = last
    gap.opened_ns = opened_ns
    gap.source = source
    if newer == 0:
        gap.older = sources[source].gaps
        sources[source].gaps = count + 1
    else:
        gap.older = gaps[newer - 1].older
        gaps[newer - 1].older = count + 1
    sources[source].gap_count += 1
    count += 1
    if sources[source].gap_count > GAPS_MAX:
        count = _drop_oldest(sources, gaps, count, source)
    return count


@kernel
def _close(sources, gaps, count, source, first, last):
    """Take numbers out of the gap that has them, if one does."""
    place = np.int64(sources[source].gaps)
    while place != 0:
        gap = gaps[place - 1]
        if gap.first <= last and first <= gap.last:
            rest_first, rest_last = last + _U1, gap.last
            has_rest = rest_first <= rest_last
            if gap.first < first:
                gap.last = first - _U1
                if has_rest:
                    opened_ns = gap.opened_ns
                    count = _add(
                        sources, gaps, count, source, rest_first, rest_last, opened_ns, place
                    )
            elif has_rest:
                gap.first = rest_first
            else:
                count = _remove(sources, gaps, count, source, place - 1)
            return count
        place = np.int64(gap.older)
    return count


@kernel
def apply_gaps(effects, sources, gaps, count, now_ns):
    """Note what became of numbers (Section.GAPS), of which a source has come to the last; return
    how many gaps there are. There is room for one more for every effect.
    """
    for i in range(effects.size):
        effect = effects[i]
        source = np.int64(effect.source)
        if effect.kind == SKIPPED:
            count = _add(sources, gaps, count, source, effect.first, effect.last, now_ns, 0)
        elif effect.kind == CAME:
            count = _close(sources, gaps, count, source, effect.first, effect.last)
            sources[source].last_sequence = max(sources[source].last_sequence, effect.last)
        else:
            sources[source].floor = max(sources[source].floor, effect.last)
    return count


@kernel
def apply_source_resets(effects, sources, gaps, count, numbered):
    """Set the last numbers of sources, forget what numbers they gave, and return how many gaps are
    left.
    """
    for i in range(effects.size):
        source = np.int64(effects[i].source)
        while sources[source].gaps != 0:
            count = _remove(sources, gaps, count, source, np.int64(sources[source].gaps - 1))
        sources[source].last_sequence = effects[i].last_sequence
        sources[source].floor = effects[i].last_sequence
        sources[source].unlisted = 0
        sources[source].resets = effects[i].resets
        sources[source].reset_ns = effects[i].at_ns
        for place in range(numbered.size):
            if numbered[place].source == source:
                numbered[place].sequence = 0
    return count


@kernel
def list_gaps(place, gaps, found):
    """Copy the gaps of a chain that begins at `place` (a row + 1)."""
    for i in range(found.size):
        gap = gaps[place - 1]
        found[i].first = gap.first
        found[i].last = gap.last
        found[i].opened_ns = gap.opened_ns
        found[i].source = gap.source
        place = gap.older
