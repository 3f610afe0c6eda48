"""Ended reservations: their lines and texts leave, then their ids (docs/adr/0030).

A sweep passes over the reservations, a few at a time, and finds those that have ended and those
that ended long enough ago. What they took is used again; of each an ended id is kept, which the
index names in place of the reservation. Ended ids stand in a ring in the order in which they came,
and leave it at the front.
"""

import numpy as np

from .arguments import (
    ENDED,
    FIRST_FREE_RESERVATION,
    FIRST_FREE_SPLIT,
    FREE_LINES,
    FREE_RESERVATIONS,
    FREE_SPLITS,
    FREE_TEXTS,
    ID_TEXTS,
    LINES,
    NOW_NS,
    SHARD,
    Index,
    tables_of,
)
from .blocks import give_back_block, take_block
from .codes import (
    COMMITTED,
    ENDED_TEXT,
    FLAG_FREE,
    FLAG_LATER_PART,
    FLAG_LINE_IDS,
    FLAG_OWNER,
    FLAG_TEXT,
    HELD,
    NEVER_NS,
    NO_PART,
    NO_TEXT,
    SPLIT,
    STATES_END,
)
from .compiled import kernel
from .expiry_heap import remove_expiry
from .hash_slots import enter, find_home, hash_key, leave_slot, number_at, probe
from .reservation_index import ended_number, slot_number
from .reservations import units

#: What it takes the rules to look at a reservation over several shards, in reservations of one.
JOINT = 100

#: Bytes of a granule of text: those of a LINE, whose tags mark free blocks.
GRANULE = 16


@kernel
def is_live(record, book):
    """Whether a part of a reservation has units that are held or committed."""
    for line in range(record.first_line, record.first_line + record.line_count):
        if units(book, line, HELD) + units(book, line, COMMITTED) > 0:
            return True
    return False


@kernel
def find_ended(start, end, work, dropped_since_ns, arrays, ends, drops):
    """Look at reservations [start, end), as long as there is `work`: each of them and of their
    lines is one, and one over several shards of which something is found is JOINT more. Write those
    that are seen to have ended (their later parts are still to be looked at), and those that ended
    by `dropped_since_ns`. Return (how far it came, how many have ended, how many are to be dropped,
    work done).
    """
    book = tables_of(arrays).book
    end_count = drop_count = 0
    done = 0
    number = start
    while number < end and done < work:
        record = book.reservations[number]
        number += 1
        done += 1 + record.line_count
        if record.flags & (FLAG_FREE | FLAG_LATER_PART):
            continue
        joint = JOINT if record.next_part != NO_PART else 0
        if record.ended_at_ns == NEVER_NS:
            if not is_live(record, book):
                ends[end_count] = number - 1
                end_count += 1
                done += joint
        elif record.ended_at_ns <= dropped_since_ns:
            drops[drop_count] = number - 1
            drop_count += 1
            done += joint
    return number, end_count, drop_count, done


@kernel
def apply_ends(effects, header, reservations):
    """Note when reservations were seen to have ended."""
    for i in range(effects.size):
        reservations[effects[i].reservation].ended_at_ns = header[NOW_NS]


@kernel
def states_seen(number, book):
    """The states in which a part has units: bit s - 1 for State s."""
    record = book.reservations[number]
    seen = 0
    for line in range(record.first_line, record.first_line + record.line_count):
        for state in range(1, STATES_END):
            if units(book, line, state) > 0:
                seen |= 1 << (state - 1)
    return seen


@kernel
def read_states(numbers, arrays, states):
    """`states_seen` for many; `states` (uint8) answers."""
    book = tables_of(arrays).book
    for i in range(numbers.size):
        states[i] = states_seen(numbers[i], book)


@kernel
def _find_slot(index, hi, lo, number):
    """The slot that names this number under this key."""
    h = hash_key(index, hi, lo)
    slot = probe(index, find_home(index, h), h)
    while number_at(index, slot, h) != number:
        slot = probe(index, slot + 1, h)
    return slot, h


@kernel
def _keep_id(record, number, states, tables):
    """Put an ended id in a reservation's place."""
    header, ended = tables.header, tables.book.ended
    place = header[ENDED + 1] % ended.size
    ended[place].key_hi = record.key_hi
    ended[place].key_lo = record.key_lo
    ended[place].states = states | (ENDED_TEXT if record.flags & FLAG_TEXT else 0)
    header[ENDED + 1] += 1
    shard = header[SHARD]
    slot, h = _find_slot(
        tables.ids, record.key_hi, record.key_lo, slot_number(shard, np.int64(number))
    )
    tables.ids.slots[slot] = h | np.uint64(slot_number(shard, ended_number(place)) + 1)


@kernel
def _text_size(record, data):
    """Bytes of the texts of a reservation, each of which begins with its length."""
    count = 0
    if record.flags & FLAG_TEXT:
        count += 1
    if record.flags & FLAG_OWNER:
        count += 1
    if record.flags & FLAG_LINE_IDS:
        count += record.line_count
    start = np.int64(record.id_text) * GRANULE
    end = start
    for _ in range(count):
        end += 1 + data[end]
    return end - start


@kernel
def granules(size):
    """Granules that so many bytes take."""
    return (size + GRANULE - 1) // GRANULE


@kernel
def lay_text(text, data, start, fills):
    """Write a text into the block of granules that begins at `start`, and with `fills` zeros to its
    end: what another text left there would be in no snapshot.
    """
    size = granules(text.size) * GRANULE if fills else text.size
    for k in range(size):
        data[start * GRANULE + k] = text[k] if k < text.size else 0


@kernel
def _give_back(number, tables, texts):
    """Free the lines, splits, texts and the row of a part, and its entry in the heap."""
    header, book = tables.header, tables.book
    remove_expiry(tables.heap, header, number)
    record = book.reservations[number]
    for line in range(record.first_line, record.first_line + record.line_count):
        if book.lines[line].state == SPLIT:
            split = book.lines[line].quantity
            book.splits[split, :] = 0
            book.splits[split, 0] = header[FIRST_FREE_SPLIT]
            header[FIRST_FREE_SPLIT] = split + 1
            header[FREE_SPLITS] += 1
            book.lines[line].state = HELD  # no tag of a free block, nor a split
    give_back_block(book.lines, header, LINES, FREE_LINES, record.first_line, record.line_count)
    if record.id_text != NO_TEXT:
        records, data = texts
        size = granules(_text_size(record, data))
        give_back_block(records, header, ID_TEXTS, FREE_TEXTS, np.int64(record.id_text), size)
    record.key_hi = 0
    record.key_lo = 0
    record.reserved_at_ns = 0
    record.expires_at_ns = 0
    record.ended_at_ns = 0
    record.next_part = header[FIRST_FREE_RESERVATION]
    record.hold_ms = 0
    record.first_line = 0
    record.id_text = NO_TEXT
    record.line_count = 0
    record.flags = FLAG_FREE
    header[FIRST_FREE_RESERVATION] = number + 1
    header[FREE_RESERVATIONS] += 1


@kernel
def apply_drops(effects, texts, arrays):
    """Drop parts of reservations. Of a first part, which has states, the id stays."""
    tables = tables_of(arrays)
    for i in range(effects.size):
        number = effects[i].reservation
        if effects[i].states:
            _keep_id(tables.book.reservations[number], number, effects[i].states, tables)
        _give_back(number, tables, texts)


@kernel
def apply_forgets(count, arrays):
    """Forget the oldest ended ids."""
    tables = tables_of(arrays)
    header, ended = tables.header, tables.book.ended
    for _ in range(count):
        place = header[ENDED] % ended.size
        number = slot_number(header[SHARD], ended_number(place))
        slot, _h = _find_slot(tables.ids, ended[place].key_hi, ended[place].key_lo, number)
        leave_slot(tables.ids, slot)
        header[ENDED] += 1


@kernel
def apply_id_texts(effects, packed, header, reservations, texts, fills):
    """Store the texts of reservations, which stand one after the other in `packed` (uint8)."""
    records, data = texts
    at = 0
    for i in range(effects.size):
        size = np.int64(effects[i].size)
        start = take_block(records, header, ID_TEXTS, FREE_TEXTS, granules(size))
        reservations[effects[i].reservation].id_text = start
        lay_text(packed[at : at + size], data, start, fills)
        at += size


@kernel
def index_ended(index, ended, first, end, shard):
    """Enter ended ids [first, end) of one shard."""
    index = Index(*index)
    for n in range(first, end):
        place = n % ended.size
        h = hash_key(index, ended[place].key_hi, ended[place].key_lo)
        enter(index, h, slot_number(shard, ended_number(place)))


@kernel
def match_texts(text, data, granule, skipped, matches):
    """Set `matches` (uint8) for each of the texts of a block, after `skipped` first ones, that is
    this one.
    """
    at = np.int64(granule) * GRANULE
    for i in range(matches.size + skipped):
        size = np.int64(data[at])
        if i >= skipped and size == text.size:
            k = 0
            while k < size and data[at + 1 + k] == text[k]:
                k += 1
            matches[i - skipped] = k == size
        at += 1 + size
