"""Stock facts of one source: a message is planned over all shards, then written shard by shard."""

import numpy as np

from ..limits import FIRST_NUMBERS_MAX
from .arguments import LEVELS, RESTRICTED, SHARD, Index, Stock
from .codes import (
    ADJUSTMENT,
    BEGUN,
    CAP_MAX,
    COUNT,
    COUNTED_BEFORE,
    CREATE_SKUS,
    CREATE_SKUS_BY_RECEIPT,
    EVENT_APPLIED,
    EVENT_DUPLICATE,
    EVENT_ID_REUSED,
    EVENT_OUT_OF_ORDER,
    EVENT_OUT_OF_RANGE,
    EVENT_UNKNOWN_SKU,
    EVENT_UNKNOWN_STOCK_LEVEL,
    GOODS_ISSUE,
    LATE,
    NEW,
    NO_ROOM,
    NOT_BEGUN,
    OTHER,
    QUARANTINE_SKUS,
    RECEIPT,
    REVERSAL,
    REVERSED_BEFORE,
    SALE,
    SAME,
    SEEN_BY_TIME,
    SHIPMENT_REVERSAL,
    SKIPPED,
    STATUS_CHANGE,
    SUPPLY,
    TIME_UNKNOWN,
    TRANSFER_ADJUSTMENT,
    TRANSFER_DISPATCH,
    UNCOUNTED,
    UNKNOWN_NUMBERS,
)
from .compiled import kernel
from .hash_slots import enter, find_home, hash_key, number_at, probe
from .levels import previous_at_level
from .promise import cap_at, is_in_range, may_promise, offered, promisable
from .remembered import find_hashed
from .stock_facts import changes_nothing, has_both_numbers, tells_quantity

_U0, _U1 = np.uint64(0), np.uint64(1)


@kernel
def find_event_levels(events, plan, header, stock):
    """Fill in which events have a stock level in this shard, and what is there before all of
    them.
    """
    stock = Stock(*stock)
    for i in range(events.size):
        event = events[i]
        if event.shard != header[SHARD]:
            continue
        if event.row < 0 or event.row >= header[LEVELS]:
            continue
        level = stock.levels[event.row]
        if not stock.ended[level.sku]:
            planned = plan[i]
            planned.is_open = 1
            planned.may_promise = may_promise(event.row, header, stock)
            planned.on_hand = level.on_hand
            planned.promisable = promisable(level)
            planned.cap = CAP_MAX
            if header[RESTRICTED] > 0:  # in all shards alike: each knows who restricts
                planned.promised = level.reserved + level.committed
                planned.cap = cap_at(event.row, header, stock)
                planned.is_uncounted = stock.last_counts[event.row].resets == UNCOUNTED


@kernel
def _find_number(numbered, count, events, sequence):
    """The event of the message that took effect with this number, or -1; `numbered` has the indexes
    of those that took effect with one, `count` in all, in rising order of both.
    """
    low = 0
    high = count
    while low < high:
        middle = (low + high) // 2
        if events[numbered[middle]].sequence < sequence:
            low = middle + 1
        else:
            high = middle
    if low < count and events[numbered[low]].sequence == sequence:
        return np.int64(numbered[low])
    return np.int64(-1)


@kernel
def _is_in_gap(sequence, gaps):
    """Whether a number is in one of some gaps, which are in the order of their numbers."""
    low = 0
    high = gaps.size
    while low < high:
        middle = (low + high) // 2
        if gaps[middle].last < sequence:
            low = middle + 1
        else:
            high = middle
    return low < gaps.size and gaps[low].first <= sequence


@kernel
def _find_late(index, events, h, sequence):
    """The event of this message with a number that came late, or -1."""
    slot = probe(index, find_home(index, h), h)
    while index.slots[slot] != 0:
        number = number_at(index, slot, h)
        if events[number].sequence == sequence:
            return number
        slot = probe(index, slot + 1, h)
    return np.int64(-1)


@kernel
def _judge_place(event, planned, began, unknown_skus):
    """Answer a new event by its stock level."""
    if not planned.is_open:
        return EVENT_UNKNOWN_STOCK_LEVEL
    is_new = planned.new_sku > 0 and began[planned.new_sku] != BEGUN
    begins = unknown_skus == CREATE_SKUS or unknown_skus == QUARANTINE_SKUS
    if unknown_skus == CREATE_SKUS_BY_RECEIPT:
        begins = event.kind == RECEIPT or event.kind == COUNT or event.kind == SUPPLY
    begins = begins and began[planned.new_sku] != NO_ROOM
    return EVENT_UNKNOWN_SKU if is_new and not begins else EVENT_APPLIED


@kernel
def _tells_stock(kind):
    """Whether facts of a kind say by themselves how on hand changed."""
    if kind == STATUS_CHANGE or kind == SUPPLY or kind == TRANSFER_ADJUSTMENT:
        return False
    return kind != GOODS_ISSUE and kind != SHIPMENT_REVERSAL


@kernel
def _apply_to_plan(event, planned):
    """Let an event take effect in the plan; return whether its level stays in range."""
    delta = event.quantity
    if planned.reversal == REVERSED_BEFORE:
        delta = 0
    elif not _tells_stock(event.kind):
        delta = planned.given
    elif planned.is_counted:
        delta = 0
    elif event.kind == REVERSAL:
        delta = planned.given
    elif event.kind == SALE or event.kind == TRANSFER_DISPATCH:
        delta = -delta
    elif event.kind == COUNT:
        delta += planned.given - planned.on_hand
    promisable = planned.promisable + delta - planned.withheld
    if not is_in_range(planned.on_hand + delta, promisable):
        return False
    planned.delta = delta
    planned.on_hand += delta
    planned.promisable = promisable
    if event.kind == COUNT and not planned.is_counted and event.content == 0:
        planned.seen = event.sequence
        planned.time_first = 0
    return True


@kernel
def _note_source(event, planned, cap):
    """Let the level be one of the source of an event that counts it, or feeds it uncounted."""
    counts = event.kind == COUNT and not planned.is_counted
    feeds = event.kind == RECEIPT or event.kind == ADJUSTMENT
    if counts or (feeds and planned.is_uncounted and planned.reversal == 0):
        planned.cap = cap
    if counts:
        planned.is_uncounted = 0


@kernel
def _counts(event):
    """Whether a count of its source that follows an event had seen what it reports: of units on
    hand, unless it is a count of an instant, which says itself what it had seen.
    """
    if event.kind == COUNT:
        return event.content == 0
    return _tells_stock(event.kind)


@kernel
def _had_seen(event, planned):
    """Whether the last count of an event's source at its level had seen it: by their numbers; and
    where no number tells, or the count was of a stated instant, by that and the event's time.
    """
    if not _counts(event):
        return False
    by_number = event.sequence > 0 and event.sequence <= planned.seen
    has_numbers = has_both_numbers(event, planned) and not planned.time_first
    if has_numbers or planned.by_time == TIME_UNKNOWN or event.kind == COUNT:
        return by_number
    return planned.by_time == SEEN_BY_TIME


@kernel
def _note_number(event, planned, last):
    """Plan for the numbers that an event skips, whose own is above the last."""
    if event.sequence - last > _U1:
        begins_late = last == 0 and event.sequence - _U1 > FIRST_NUMBERS_MAX
        planned.gap_first = last + _U1
        planned.gap_kind = UNKNOWN_NUMBERS if begins_late else SKIPPED


@kernel
def plan_stock(events, recorded, hashes, source, space, plan, codes, counts, began, unknown_skus):
    """Decide stock facts of all shards one after the other, each seeing those before it.

    `recorded` (RECORDED) says which were recorded before; an event that comes twice in the message
    is filled in. `hashes` are those of the keys, but for the lowest bit. `source` is (last number,
    floor, gaps, cap), see rules/sources.py. `space` is three empty indexes, of keys, of levels and
    of late numbers, and an array of int32 for numbers, all with room for every event. `began`
    (uint8) has a place for every `new_sku`: NOT_BEGUN or NO_ROOM. `codes` answers by position,
    `counts` by shard how many take effect. Returns whether a number came that was not the next, or
    a count had seen an event.
    """
    last, floor, gaps, cap = source
    keys, places, late, numbered = space
    keys, places, late = Index(*keys), Index(*places), Index(*late)
    last_before = last
    begun = np.uint64(0)
    numbered_count = 0
    is_out_of_turn = False
    for i in range(events.size):  # by themselves: side by side they take a quarter of the time
        plan[i].delta = np.int64(hash_key(places, events[i].row, events[i].shard))
    for i in range(events.size):
        event = events[i]
        planned = plan[i]
        if planned.is_open:
            previous = previous_at_level(places, events, i, np.uint64(planned.delta))
            if previous >= 0:
                planned.on_hand = plan[previous].on_hand
                planned.promisable = plan[previous].promisable
                planned.seen = plan[previous].seen
                planned.time_first = plan[previous].time_first
                planned.cap = plan[previous].cap
                planned.is_uncounted = plan[previous].is_uncounted
        planned.delta = 0
        h = hashes[i] & ~_U1
        is_late = event.sequence > 0 and event.sequence <= last
        is_missing = False
        late_hash = _U0
        by_number = np.int64(-1)
        if is_late:
            if event.sequence > last_before:
                by_number = _find_number(numbered, numbered_count, events, event.sequence)
                is_missing = by_number < 0 and event.sequence > begun
            else:
                is_missing = _is_in_gap(event.sequence, gaps)
            if is_missing:
                late_hash = hash_key(late, event.sequence, 0)
                by_number = _find_late(late, events, late_hash, event.sequence)
                is_missing = by_number < 0
        match = recorded[i].match
        if match == NEW:
            earlier = np.int64(-1)
            if event.has_key:
                earlier = find_hashed(keys, events, h, event.key_hi, event.key_lo)
            elif by_number >= 0 and codes[by_number] == EVENT_APPLIED:
                earlier = by_number
            if earlier >= 0:
                first = events[earlier]
                known = recorded[i]
                known.shard = first.shard
                known.row = first.row
                known.kind = first.kind
                known.quantity = first.quantity
                known.content = first.content
                is_there = first.shard == event.shard and first.row == event.row
                is_there = is_there or not planned.is_open
                is_same = first.kind == event.kind and first.quantity == event.quantity
                is_same = is_same and first.content == event.content
                match = SAME if is_there and is_same else OTHER
                known.match = match
        is_new_number = event.sequence > 0 and (is_missing or not is_late)
        comes = False
        if match != NEW:
            code = EVENT_DUPLICATE if match == SAME else EVENT_ID_REUSED
            comes = match == SAME and is_new_number
            planned.is_noted = comes
        elif is_late and not is_missing:
            code = EVENT_DUPLICATE
            is_unknown = event.sequence > last_before or event.sequence <= floor
            if event.has_key or (by_number < 0 and is_unknown):
                code = EVENT_OUT_OF_ORDER
        else:
            code = _judge_place(event, planned, began, unknown_skus)
            if planned.reversal == 0 and _had_seen(event, planned):
                planned.is_counted = 1
        if code == EVENT_APPLIED and not _apply_to_plan(event, planned):
            code = EVENT_OUT_OF_RANGE
        if code == EVENT_APPLIED:
            _note_source(event, planned, cap)
            comes = is_new_number
            planned.is_noted = comes and is_late
        if comes:
            if is_late:
                enter(late, late_hash, i)
            else:
                _note_number(event, planned, last)
                if planned.gap_kind == UNKNOWN_NUMBERS:
                    begun = event.sequence - _U1
                last = event.sequence
                numbered[numbered_count] = i
                numbered_count += 1
        if code == EVENT_APPLIED:
            counts[event.shard] += 1
            if event.has_key:
                enter(keys, h, i)
            if planned.new_sku > 0 and began[planned.new_sku] == NOT_BEGUN:
                began[planned.new_sku] = BEGUN
                planned.creates_sku = 1
        planned.available = offered(
            planned.promisable, planned.promised, planned.cap, planned.may_promise
        )
        codes[i] = code
        if planned.gap_first > 0 or planned.is_noted or planned.is_counted:
            is_out_of_turn = True
    return is_out_of_turn


@kernel
def write_stock(events, plan, codes, shard, source, effects, counted, gaps):
    """Write the effects of what was decided for one shard; return of how many the difference does
    not give the quantity, and how many skip numbers.
    """
    count = 0
    counts = 0
    skips = 0
    for i in range(events.size):
        event = events[i]
        if codes[i] == EVENT_APPLIED and event.shard == shard:
            effect = effects[count]
            effect.key_hi = event.key_hi
            effect.key_lo = event.key_lo
            effect.delta = plan[i].delta
            effect.sequence = event.sequence
            effect.row = event.row
            effect.source = source
            effect.kind = event.kind
            effect.has_key = event.has_key | (LATE if plan[i].is_noted else 0)
            effect.content = event.content
            effect.counted = COUNTED_BEFORE if plan[i].is_counted else plan[i].reversal
            count += 1
            if changes_nothing(effect.counted) or not tells_quantity(event.kind):
                counted[counts].quantity = event.quantity
                counted[counts].seen = plan[i].seen if event.kind == COUNT else _U0
                counts += 1
            if plan[i].gap_first > 0:
                gaps[skips].first = plan[i].gap_first
                gaps[skips].last = event.sequence - _U1
                gaps[skips].source = source
                gaps[skips].kind = plan[i].gap_kind
                skips += 1
    return counts, skips
