"""Stock facts as columns: a message is planned over all shards, then written shard by shard."""

from .arguments import LEVELS, SHARD, Index, Stock
from .codes import (
    COUNT,
    EVENT_APPLIED,
    EVENT_DUPLICATE,
    EVENT_OUT_OF_ORDER,
    EVENT_OUT_OF_RANGE,
    EVENT_UNKNOWN_STOCK_LEVEL,
    SALE,
)
from .compiled import kernel
from .hash_slots import enter, hash_key
from .levels import previous_at_level
from .promise import is_in_range, promisable
from .remembered import find_key


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
            planned.on_hand = level.on_hand
            planned.available = promisable(level)
    return count


@kernel
def _judge_event(is_known, has_key, sequence, last_sequence, is_open):
    """Answer one event by its id, its number and its level; the range is still to be seen."""
    if is_known:
        return EVENT_DUPLICATE
    if sequence > 0 and sequence <= last_sequence:
        return EVENT_OUT_OF_ORDER if has_key else EVENT_DUPLICATE
    return EVENT_APPLIED if is_open else EVENT_UNKNOWN_STOCK_LEVEL


@kernel
def plan_stock(events, known, last_sequence, keys, places, plan, codes, counts):
    """Decide stock facts of all shards one after the other, each seeing those before it.

    `codes` answers by position, `counts` by shard how many take effect; nothing is written but the
    plan. `keys` and `places` are empty indexes with room for a key and a level of every event.
    """
    keys, places = Index(*keys), Index(*places)
    for i in range(events.size):
        event = events[i]
        planned = plan[i]
        if planned.is_open:
            previous = previous_at_level(places, events, i, event.row, event.shard)
            if previous >= 0:
                planned.on_hand = plan[previous].on_hand
                planned.available = plan[previous].available
        is_known = event.has_key > 0 and (
            known[i] or find_key(keys, events, event.key_hi, event.key_lo) >= 0
        )
        code = _judge_event(is_known, event.has_key, event.sequence, last_sequence, planned.is_open)
        if code == EVENT_APPLIED:
            delta = event.quantity
            if event.kind == SALE:
                delta = -delta
            elif event.kind == COUNT:
                delta -= planned.on_hand
            if not is_in_range(planned.on_hand + delta, planned.available + delta):
                code = EVENT_OUT_OF_RANGE
            else:
                planned.delta = delta
                planned.on_hand += delta
                planned.available += delta
                counts[event.shard] += 1
                last_sequence = max(last_sequence, event.sequence)
                if event.has_key:
                    enter(keys, hash_key(keys, event.key_hi, event.key_lo), i)
        codes[i] = code


@kernel
def write_stock(events, plan, codes, shard, source, effects):
    """Write the effects of what was decided for one shard."""
    count = 0
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
            count += 1
