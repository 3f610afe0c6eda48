"""Stock facts: what a fact changes, live and in replay, and what is remembered of it."""

import numpy as np

from ..limits import NUMBERED_MAX
from .arguments import UNITS_ON_HAND, Index
from .codes import (
    ADJUSTMENT,
    BOOKS,
    COUNT,
    COUNT_BASIS,
    COUNT_IS_TIMED,
    COUNTED_BEFORE,
    COUNTED_UNKNOWN,
    EARLIER,
    EARLIER_COUNTED,
    KEYED,
    NEW,
    NOT_KEPT,
    OTHER,
    RECEIPT,
    REVERSAL,
    REVERSED_BEFORE,
    SALE,
    SEEN_BY_TIME,
    SEQUENCE_MAX,
    TIME_FIRST,
    TIME_UNKNOWN,
    UNCOUNTED,
    UNSEEN_BY_TIME,
)
from .compiled import kernel
from .hash_slots import find_home
from .levels import add_units
from .remembered import find_hashed

_U1 = np.uint64(1)
_GOLDEN = 0x9E37_79B1


@kernel
def _numbered_place(source, sequence):
    """Where the content of an event lies among the numbered ones: those of a source follow one
    another, and sources begin apart.
    """
    return (np.int64(source) * _GOLDEN + np.int64(sequence)) & (NUMBERED_MAX - 1)


@kernel
def apply_stock(effects, quantities, seen, header, levels, last_counts, sources, numbered, now_ns):
    """Change stock on hand, note how far each source has come and what its counts had seen, and
    keep the content of numbered events, where there is room for it. `quantities` (int64) are those
    that the events had, `seen` (uint64) the numbers that counts had seen.
    """
    for i in range(effects.size):
        effect = effects[i]
        levels[effect.row].on_hand += effect.delta
        add_units(header, UNITS_ON_HAND, effect.delta)
        if effect.counted != COUNTED_UNKNOWN:
            sources[effect.source].last_event_ns = now_ns
        if effect.kind == COUNT and (effect.counted == 0 or effect.counted == EARLIER):
            last_counts[effect.row].source = effect.source
            last_counts[effect.row].sequence = seen[i]
            last_counts[effect.row].resets = sources[effect.source].resets
        elif effect.counted == 0 and (effect.kind == RECEIPT or effect.kind == ADJUSTMENT):
            if last_counts[effect.row].resets == UNCOUNTED:
                last_counts[effect.row].source = effect.source
        if effect.sequence > 0:
            last = sources[effect.source].last_sequence
            sources[effect.source].last_sequence = max(last, effect.sequence)
            if numbered.size > 0:
                record = numbered[_numbered_place(effect.source, effect.sequence)]
                record.source = effect.source
                record.sequence = effect.sequence
                if quantities[i] != NOT_KEPT:
                    record.row = effect.row
                    record.kind = effect.kind
                    record.quantity = quantities[i]
                    record.content = effect.content


@kernel
def tells_quantity(kind):
    """Whether the difference that an event makes gives its quantity by itself."""
    return kind < COUNT


@kernel
def changes_nothing(counted):
    """Whether an event changes nothing on hand by what is known of it."""
    return counted == COUNTED_BEFORE or counted == REVERSED_BEFORE or counted == EARLIER_COUNTED


@kernel
def has_both_numbers(event, planned):
    """Whether an event and the last count of its source at its level can be compared by number."""
    return event.sequence > 0 and planned.seen > 0


@kernel
def _tells_time(event, basis):
    """Whether a count of an instant had seen an event by its time. What is taken back in the books
    says nothing of the shelf.
    """
    return basis & COUNT_IS_TIMED != 0 and (event.kind != REVERSAL or basis & COUNT_BASIS == BOOKS)


@kernel
def find_counts(events, plan, shard, source, sources, last_counts, latest):
    """Fill in, for events at levels of a shard, up to which number of their source a count of its
    own had seen its facts there, and what the time of an event tells of that.
    """
    for i in range(events.size):
        row = events[i].row
        if events[i].shard != shard or not plan[i].is_open or row >= last_counts.size:
            continue
        count = last_counts[row]
        if count.source != source or count.resets != sources[source].resets:
            continue
        planned = plan[i]
        planned.seen = count.sequence & SEQUENCE_MAX
        planned.time_first = count.sequence >= TIME_FIRST
        if row >= latest.size or planned.occurred_ns == 0:
            continue
        if _tells_time(events[i], latest[row].basis):
            planned.by_time = SEEN_BY_TIME
            if planned.occurred_ns > latest[row].counted_ns:
                planned.by_time = UNSEEN_BY_TIME
            elif planned.occurred_ns == latest[row].counted_ns and has_both_numbers(
                events[i], planned
            ):
                planned.by_time = TIME_UNKNOWN  # their numbers tell


@kernel
def read_quantities(effects, counted, quantities, seen):
    """Fill in the quantities that events had, and what counts had seen (zeros at first): what the
    difference does not give follows one another in `counted`.
    """
    counts = 0
    for i in range(effects.size):
        effect = effects[i]
        quantities[i] = -effect.delta if effect.kind == SALE else effect.delta
        if changes_nothing(effect.counted) or not tells_quantity(effect.kind):
            quantities[i] = counted[counts].quantity
            seen[i] = counted[counts].seen
            counts += 1


@kernel
def apply_event_keys(effects, quantities, records, now_ns):
    """Fill in the records of the events that have an id."""
    keyed = 0
    for i in range(effects.size):
        effect = effects[i]
        if effect.has_key & KEYED:
            record = records[keyed]
            record.key_hi = effect.key_hi
            record.key_lo = effect.key_lo
            record.at_ns = now_ns
            if quantities[i] != NOT_KEPT:
                record.row = effect.row
                record.kind = effect.kind
                record.quantity = quantities[i]
                record.content = effect.content
            keyed += 1


@kernel
def _note(recorded, shard, record):
    recorded.shard = shard
    recorded.row = record.row
    recorded.kind = record.kind
    recorded.quantity = record.quantity
    recorded.content = record.content
    recorded.match = OTHER  # until it is compared


@kernel
def find_events(index, records, events, hashes, after_ns, shard, recorded):
    """Fill in what is remembered since `after_ns` of the events with these ids and their hashes.

    All home slots are read first, so that they come into the processor's cache side by side. The
    lowest bit of a hash, which is zero otherwise, tells for the search which of them are empty.
    """
    index = Index(*index)
    for i in range(events.size):
        is_empty = index.slots[find_home(index, hashes[i])] == 0
        hashes[i] = hashes[i] & ~_U1 | np.uint64(is_empty)
    for i in range(events.size):
        if events[i].has_key and recorded[i].match == NEW and not hashes[i] & _U1:
            event = events[i]
            number = find_hashed(index, records, hashes[i], event.key_hi, event.key_lo)
            if number >= 0 and records[number].at_ns > after_ns:
                _note(recorded[i], shard, records[number])


@kernel
def find_numbered(events, source, numbered, shard, recorded):
    """Fill in what is remembered of the events that have a number and no id."""
    for i in range(events.size):
        event = events[i]
        if event.sequence > 0 and not event.has_key and recorded[i].match == NEW:
            record = numbered[_numbered_place(source, event.sequence)]
            if record.sequence == event.sequence and record.source == source:
                _note(recorded[i], shard, record)
