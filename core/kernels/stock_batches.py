"""Stock facts of one source: a message is planned over all shards, then written shard by shard."""

import numpy as np

from .arguments import LEVELS, SHARD, Index, Stock
from .codes import (
    COUNT,
    EVENT_APPLIED,
    EVENT_DUPLICATE,
    EVENT_ID_REUSED,
    EVENT_OUT_OF_ORDER,
    EVENT_OUT_OF_RANGE,
    EVENT_UNKNOWN_SKU,
    EVENT_UNKNOWN_STOCK_LEVEL,
    GOODS_ISSUE,
    NEW,
    OTHER,
    RECEIPT,
    SALE,
    SAME,
    STATUS_CHANGE,
)
from .compiled import kernel
from .hash_slots import enter, hash_key
from .levels import previous_at_level
from .promise import is_in_range, offered, promisable
from .remembered import find_hashed
from .stock_facts import tells_quantity

_U1 = np.uint64(1)


@kernel
def find_event_levels(events, plan, header, stock):
    """Fill in which events have a stock level in this shard, and what is there before all of them;
    return how many name the shard.
    """
    stock = Stock(*stock)
    count = 0
    for i in range(events.size):
        event = events[i]
        if event.shard != header[SHARD]:
            continue
        count += 1
        if event.row < 0 or event.row >= header[LEVELS]:
            continue
        level = stock.levels[event.row]
        if not stock.ended[level.sku]:
            planned = plan[i]
            planned.is_open = 1
            planned.is_enabled = stock.locations[level.location].enabled
            planned.on_hand = level.on_hand
            planned.promisable = promisable(level)
    return count


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
def _was_skipped(sequence, last_before, gaps, floor):
    """Whether a number that is not remembered, and not above the last one, was skipped, or is too
    far back to tell.
    """
    if sequence > last_before or sequence <= floor:
        return True
    for i in range(gaps.size):
        if gaps[i].first <= sequence <= gaps[i].last:
            return True
    return False


@kernel
def _judge_place(event, planned, began, creates_skus):
    """Answer a new event by its stock level."""
    if not planned.is_open:
        return EVENT_UNKNOWN_STOCK_LEVEL
    is_new = planned.new_sku > 0 and not began[planned.new_sku]
    begins = event.kind == RECEIPT or event.kind == COUNT
    return EVENT_UNKNOWN_SKU if is_new and not begins and not creates_skus else EVENT_APPLIED


@kernel
def _apply_to_plan(event, planned):
    """Let an event take effect in the plan; return whether its level stays in range."""
    delta = event.quantity
    if event.kind == SALE:
        delta = -delta
    elif event.kind == COUNT:
        delta += planned.given - planned.on_hand
    elif event.kind == STATUS_CHANGE or event.kind == GOODS_ISSUE:
        delta = planned.given
    promisable = planned.promisable + delta - planned.withheld
    if not is_in_range(planned.on_hand + delta, promisable):
        return False
    planned.delta = delta
    planned.on_hand += delta
    planned.promisable = promisable
    return True


@kernel
def plan_stock(events, recorded, hashes, source, space, plan, codes, counts, began, creates_skus):
    """Decide stock facts of all shards one after the other, each seeing those before it.

    `recorded` (RECORDED) says which were recorded before; an event that comes twice in the message
    is filled in. `hashes` are those of the keys, but for the lowest bit. `source` is (last number,
    floor, skipped numbers), see rules/sources.py. `space` is two empty indexes, of keys and of
    levels, and an array of int32 for numbers, all with room for every event. `began` (uint8) has a
    place for every `new_sku`. `codes` answers by position, `counts` by shard how many take effect.
    """
    last, floor, gaps = source
    keys, places, numbered = space
    keys, places = Index(*keys), Index(*places)
    last_before = last
    numbered_count = 0
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
        planned.delta = 0
        h = hashes[i] & ~_U1
        is_late = event.sequence > 0 and event.sequence <= last
        match = recorded[i].match
        if match == NEW:
            earlier = np.int64(-1)
            if event.has_key:
                earlier = find_hashed(keys, events, h, event.key_hi, event.key_lo)
            elif is_late and event.sequence > last_before:
                earlier = _find_number(numbered, numbered_count, events, event.sequence)
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
        if match != NEW:
            code = EVENT_DUPLICATE if match == SAME else EVENT_ID_REUSED
        elif is_late:
            code = EVENT_DUPLICATE
            if event.has_key or _was_skipped(event.sequence, last_before, gaps, floor):
                code = EVENT_OUT_OF_ORDER
        else:
            code = _judge_place(event, planned, began, creates_skus)
        if code == EVENT_APPLIED and not _apply_to_plan(event, planned):
            code = EVENT_OUT_OF_RANGE
        if code == EVENT_APPLIED:
            counts[event.shard] += 1
            if event.sequence > 0:
                if event.sequence - last > _U1:
                    planned.gap_first = last + _U1
                last = event.sequence
                numbered[numbered_count] = i
                numbered_count += 1
            if event.has_key:
                enter(keys, h, i)
            if planned.new_sku > 0 and not began[planned.new_sku]:
                began[planned.new_sku] = 1
                planned.creates_sku = 1
        planned.available = offered(planned.promisable, planned.is_enabled)
        codes[i] = code


@kernel
def write_stock(events, plan, codes, shard, source, effects, counted, gaps):
    """Write the effects of what was decided for one shard; return of how many the difference does
    not tell the quantity, and how many skip numbers.
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
            effect.has_key = event.has_key
            effect.content = event.content
            count += 1
            if not tells_quantity(event.kind):
                counted[counts].quantity = event.quantity
                counts += 1
            if plan[i].gap_first > 0:
                gaps[skips].first = plan[i].gap_first
                gaps[skips].last = event.sequence - _U1
                gaps[skips].source = source
                skips += 1
    return counts, skips
