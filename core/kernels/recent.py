"""What recently happened at stock levels: records, chained by level once anybody asks for them
(tables/recent.py). Until then `latest` is empty.
"""

import numpy as np

from .codes import (
    ANY_SOURCE,
    COMMITTED,
    COUNT,
    COUNTED_BEFORE,
    COUNTED_UNKNOWN,
    EARLIER,
    EARLIER_COUNTED,
    FULFILLED,
    GOODS_ISSUE,
    HISTORY_COUNTED,
    HISTORY_LATE,
    HISTORY_NULLED,
    HISTORY_PLAIN,
    HISTORY_UNDONE,
    LATE,
    NO_MOVEMENT,
    POSTS_AGAIN,
    RETURNED,
    REVERSED_BEFORE,
    SALE,
    SHIPMENT,
    UNPOSTS,
)
from .compiled import kernel

_TAG = np.uint64(0xFFFF)


@kernel
def append_facts(effects, quantities, records, latest, counts, number, now_ns):
    """Keep a record of each stock fact, after number `number`: what it changed on hand; of a goods
    issue, what it reported. `counts` has the number of the last count of each level.
    """
    for i in range(effects.size):
        effect = effects[i]
        record = records[i]
        record.at_ns = now_ns
        record.came_at_ns = now_ns
        record.units = effect.delta
        if effect.kind == COUNT:
            record.units = 0
        elif effect.kind == GOODS_ISSUE or effect.counted == POSTS_AGAIN:
            record.units = quantities[i]
        elif effect.counted == UNPOSTS:
            record.units = -quantities[i]
        elif effect.counted == REVERSED_BEFORE and effect.kind < COUNT:
            record.units = -quantities[i] if effect.kind == SALE else quantities[i]
        record.sequence = effect.sequence
        record.link = effect.row
        record.source = effect.source
        record.kind = effect.kind
        record.flags = 0
        record.tag = 0
        if effect.counted != COUNTED_UNKNOWN and effect.counted < EARLIER:
            record.tag = effect.key_lo & _TAG
            record.flags = HISTORY_PLAIN if effect.content == 0 else 0
        if effect.counted == EARLIER_COUNTED:
            record.kind = NO_MOVEMENT
        elif effect.counted == REVERSED_BEFORE:
            record.flags |= HISTORY_NULLED | HISTORY_UNDONE
        elif effect.counted == COUNTED_BEFORE:
            record.flags |= HISTORY_COUNTED
            record.kind = NO_MOVEMENT
        elif effect.counted == UNPOSTS or effect.counted == POSTS_AGAIN:
            record.kind = GOODS_ISSUE
        if effect.has_key & LATE:
            record.flags |= HISTORY_LATE
        if latest.size > 0:
            _chain_fact(record, effect.row, latest, counts, number + i + 1)


@kernel
def _chain_fact(record, row, latest, counts, number):
    """Put a fact after those of its level."""
    level = latest[row]
    record.link = level.facts
    level.facts = number
    if record.kind == COUNT:
        counts[row] = number


@kernel
def append_shipments(moves, lines, records, latest, number, now_ns):
    """Keep a record of each move by which units leave, or did not leave after all; return how many
    there are.
    """
    count = 0
    for i in range(moves.size):
        move = moves[i]
        units = np.int64(0)
        if move.enters == FULFILLED and move.leaves != RETURNED:
            units = -move.quantity
        elif move.leaves == FULFILLED and move.enters == COMMITTED:
            units = move.quantity
        if units == 0:
            continue
        record = records[count]
        row = lines[move.line].row
        record.at_ns = now_ns
        record.came_at_ns = now_ns
        record.units = units
        record.sequence = 0
        record.link = row
        record.source = -1
        record.kind = SHIPMENT
        record.flags = 0
        record.tag = 0
        if latest.size > 0:
            _chain_shipment(record, latest[row], number + count + 1)
        count += 1
    return count


@kernel
def _chain_shipment(record, level, number):
    """Put a shipment after those of its level."""
    record.link = level.shipments
    level.shipments = number
    level.unposted -= record.units


@kernel
def chain_history(records, latest, counts, number, are_shipments):
    """Chain records, after number `number`, that name their levels."""
    for i in range(records.size):
        record = records[i]
        row = record.link
        if are_shipments:
            _chain_shipment(record, latest[row], number + i + 1)
        else:
            _chain_fact(record, row, latest, counts, number + i + 1)


@kernel
def _record_at(history, number):
    """The place of record `number` (from 1) in its generation, counted from -1 backwards in the
    previous one; 0 when it is forgotten.
    """
    _previous, _current, first, middle = history
    if number > middle:
        return number - middle
    if number > first:
        return first - number
    return np.int64(0)


@kernel
def index_counts(history, latest, counts):
    """Fill in the number of the last count of each level, or 0."""
    previous, current, _first, _middle = history
    for row in range(latest.size):
        number = latest[row].facts
        place = _record_at(history, number)
        while place != 0:
            record = current[place - 1] if place > 0 else previous[-place - 1]
            if record.kind == COUNT:
                break
            number = record.link
            place = _record_at(history, number)
        counts[row] = number if place != 0 else 0


@kernel
def find_fact(history, number, source, tag, came_at_ns, most):
    """The number of a level's record, from `number` back, of a fact that came at an instant, or 0
    when there is none among the first `most`; and how many were looked at. `source` may be
    ANY_SOURCE.
    """
    previous, current, _first, _middle = history
    looked = 0
    while looked < most:
        place = _record_at(history, number)
        if place == 0:
            break
        record = current[place - 1] if place > 0 else previous[-place - 1]
        if record.came_at_ns < came_at_ns:
            break
        looked += 1
        is_own = record.source == source or source == ANY_SOURCE
        if is_own and record.came_at_ns == came_at_ns and record.tag == tag:
            return number, looked
        number = record.link
    return np.int64(0), looked


@kernel
def list_since(history, number, after_ns, found, most):
    """Copy the records of a level, from `number` back, that came after `after_ns` into `found`;
    return how many there are, or -1 when there are more than `most`. `link` of a copy is the number
    of the record itself.
    """
    previous, current, _first, _middle = history
    count = 0
    while True:
        place = _record_at(history, number)
        if place == 0:
            return count
        record = current[place - 1] if place > 0 else previous[-place - 1]
        if record.came_at_ns <= after_ns:
            return count
        if count == most:
            return -1
        copied = found[count]
        copied.at_ns = record.at_ns
        copied.came_at_ns = record.came_at_ns
        copied.link = number
        copied.units = record.units
        copied.sequence = record.sequence
        copied.source = record.source
        copied.kind = record.kind
        copied.flags = record.flags
        copied.tag = record.tag
        count += 1
        number = record.link


@kernel
def find_first_numbered(records, source, after_ns, most):
    """Of a generation's records, the first that came after an instant with a number of a source
    which was not late: when it came, and its number. 0 when there is none among the first `most` of
    that time; and how many were looked at.
    """
    low, high = 0, records.size
    while low < high:
        middle = (low + high) // 2
        if records[middle].came_at_ns <= after_ns:
            low = middle + 1
        else:
            high = middle
    looked = 0
    while low + looked < records.size and looked < most:
        record = records[low + looked]
        looked += 1
        is_numbered = record.source == source and record.sequence > 0
        if is_numbered and record.flags & HISTORY_LATE == 0:
            return record.came_at_ns, np.int64(record.sequence), looked
    return np.int64(0), np.int64(0), looked


@kernel
def sum_shipped(history, number, enough, after_ns, most):
    """Units that were shipped from a level after an instant, until they are `enough` or `most`
    records were looked at; and how many were. Where `enough` is below 0, units that were not
    shipped after all, as a number below 0.
    """
    previous, current, _first, _middle = history
    sign = 1 if enough > 0 else -1
    units = np.int64(0)
    looked = 0
    while sign * units < sign * enough and looked < most:
        place = _record_at(history, number)
        if place == 0:
            break
        record = current[place - 1] if place > 0 else previous[-place - 1]
        if record.came_at_ns <= after_ns:
            break
        if sign > 0 or record.units > 0:
            units -= record.units
        number = record.link
        looked += 1
    return units, looked
