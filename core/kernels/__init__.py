"""All compiled code, in one module because numba does not notice changes in other files.

Rules of this file: integers only, no allocation per operation, no Python objects. Kernels named
`apply_…` take effects and change the state; they are the only code that does, live and in replay
alike. Kernels named `find_…`, `short_…`, `due_…` only read. Hash tables are open-addressed with
linear probing (Knuth, TAOCP vol. 3, 6.4), hashes are splitmix64 (Steele,
Lea & Flood 2014) over FNV-1a (Fowler, Noll & Vo). Every caller has made room before it calls.
"""

import numpy as np
from numba import njit

FLAG_LATER_PART = 1
FLAG_TEXT = 2

HELD, COMMITTED, FULFILLED, RELEASED, EXPIRED, CANCELLED = 1, 2, 3, 4, 5, 6
SPLIT = 0

NO_PART = -1
NO_LEVEL, UNKNOWN_SKU, UNKNOWN_LOCATION = -1, -2, -3

#: Answers of `reserve_batch` and `move_batch` by position. Those of a batch over the wire are
#: holdfast.v1.BatchOutcome; PENDING and ASK never leave the core.
(
    PENDING,
    ACCEPTED,
    REPEATED,
    INSUFFICIENT_STOCK,
    LOCATION_DISABLED,
    UNKNOWN_STOCK_LEVEL,
    ID_REUSED,
) = range(7)
INVALID_QUANTITY, INVALID_HOLD, UNKNOWN_RESERVATION, BATCH_EXPIRED, WRONG_STATE, LINKED_REFUSED = (
    range(7, 13)
)
ASK = 255

#: Answers of `plan_stock` by position: those of model.EventOutcome.
(
    EVENT_APPLIED,
    EVENT_DUPLICATE,
    EVENT_OUT_OF_ORDER,
    EVENT_UNKNOWN_STOCK_LEVEL,
    EVENT_OUT_OF_RANGE,
) = range(1, 6)
SALE, COUNT = 3, 5
ON_HAND_MAX = 2 * 10**18

NEVER_NS = np.iinfo(np.int64).max

_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_U27, _U30, _U31 = np.uint64(27), np.uint64(30), np.uint64(31)

#: A directory slot: hash above shard above 27 bits of number, plus 1. Zero is empty. The shard
#: takes the bits that the highest one needs, the hash what is left: 35 with four shards, never
#: under 29.
NUMBER_BITS = 27
_HOME_BITS = 29
_AHEAD = 256
_U1 = np.uint64(1)
_U60 = np.uint64(60)
_INDEX_MASK = (1 << NUMBER_BITS) - 1

#: What a directory is at the moment, by position: where its homes start and how many there are;
#: the same of the larger ones to which they are moving, if they are; how many homes have moved; how
#: many bits of a slot name a part; and how many slots lie behind the last home, because runs that
#: begin near the end go on there, not at the beginning.
HOMES_AT, HOMES, LARGER_AT, LARGER, MOVED, PART_BITS, SPILL = range(7)

#: A part of a reservation outside the directory.
_SHARD_SHIFT = 40
_NUMBER_MASK = (1 << 40) - 1


@njit(cache=True, nogil=True)
def mix(hi, lo):
    """Mix 128 bits into 64."""
    x = hi ^ (lo * _GOLDEN)
    x = (x ^ (x >> _U30)) * _MIX_1
    x = (x ^ (x >> _U27)) * _MIX_2
    return x ^ (x >> _U31)


# --- names ---


@njit(cache=True, nogil=True)
def _hash_bytes(data, start, end):
    h = _FNV_OFFSET
    for i in range(start, end):
        h = (h ^ np.uint64(data[i])) * _FNV_PRIME
    return mix(h, _GOLDEN)


@njit(cache=True, nogil=True)
def _same_bytes(arena, start, data, size):
    for i in range(size):
        if arena[start + i] != data[i]:
            return False
    return True


@njit(cache=True, nogil=True)
def find_name(slots, offsets, arena, data):
    """Return the number of a name, or -1. Slots hold number + 1; 0 is empty, -1 a removed name."""
    mask = slots.size - 1
    slot = np.int64(_hash_bytes(data, 0, data.size)) & mask
    while slots[slot] != 0:
        number = slots[slot] - 1
        if number >= 0:
            start = offsets[number]
            if offsets[number + 1] - start == data.size and _same_bytes(
                arena, start, data, data.size
            ):
                return np.int64(number)
        slot = (slot + 1) & mask
    return np.int64(-1)


@njit(cache=True, nogil=True)
def _insert_name(slots, offsets, arena, number):
    mask = slots.size - 1
    slot = np.int64(_hash_bytes(arena, offsets[number], offsets[number + 1])) & mask
    while slots[slot] != 0:
        slot = (slot + 1) & mask
    slots[slot] = number + 1


@njit(cache=True, nogil=True)
def count_names(packed):
    """Count names that each stand behind a byte of length."""
    count = 0
    at = 0
    while at < packed.size:
        at += 1 + packed[at]
        count += 1
    return count


@njit(cache=True, nogil=True)
def add_names(packed, slots, offsets, arena, count):
    """Append packed names after `count` existing ones; return the arena's new end."""
    at = 0
    end = offsets[count]
    while at < packed.size:
        size = np.int64(packed[at])
        for i in range(size):
            arena[end + i] = packed[at + 1 + i]
        at += 1 + size
        end += size
        count += 1
        offsets[count] = end
        _insert_name(slots, offsets, arena, count - 1)
    return end


@njit(cache=True, nogil=True)
def remove_name(slots, offsets, arena, number):
    """Make a name unfindable. Its slot stays occupied so that probing goes on past it."""
    mask = slots.size - 1
    slot = np.int64(_hash_bytes(arena, offsets[number], offsets[number + 1])) & mask
    while slots[slot] != number + 1:
        slot = (slot + 1) & mask
    slots[slot] = -1


@njit(cache=True, nogil=True)
def index_names(slots, offsets, arena, removed, count):
    """Fill empty slots from the names."""
    for number in range(count):
        if not removed[number]:
            _insert_name(slots, offsets, arena, number)


# --- stock levels ---


@njit(cache=True, nogil=True)
def _hash_level(sku, location):
    return np.int64(mix(np.uint64(sku), np.uint64(location)))


@njit(cache=True, nogil=True)
def find_level(slots, levels, sku, location):
    """Return the row of a SKU at a location, or -1."""
    mask = slots.size - 1
    slot = _hash_level(sku, location) & mask
    while slots[slot] != 0:
        row = slots[slot] - 1
        if levels[row].sku == sku and levels[row].location == location:
            return np.int64(row)
        slot = (slot + 1) & mask
    return np.int64(-1)


@njit(cache=True, nogil=True)
def find_row(
    sku,
    sku_slots,
    sku_offsets,
    sku_arena,
    location,
    location_slots,
    location_offsets,
    location_arena,
    slots,
    levels,
):
    """Return the row of a SKU and location given by name, or NO_LEVEL, UNKNOWN_SKU,
    UNKNOWN_LOCATION.
    """
    sku_number = find_name(sku_slots, sku_offsets, sku_arena, sku)
    if sku_number < 0:
        return np.int64(UNKNOWN_SKU)
    location_number = find_name(location_slots, location_offsets, location_arena, location)
    if location_number < 0:
        return np.int64(UNKNOWN_LOCATION)
    return find_level(slots, levels, sku_number, location_number)


@njit(cache=True, nogil=True)
def index_levels(start, end, levels, slots, chain, sku_levels):
    """Index rows [start, end): by SKU and location, and as a chain per SKU in row order.

    `chain[row]` is the next row of the same SKU + 1; `sku_levels[sku]` is (first row + 1, last row
    + 1).
    """
    mask = slots.size - 1
    for row in range(start, end):
        sku = levels[row].sku
        slot = _hash_level(sku, levels[row].location) & mask
        while slots[slot] != 0:
            slot = (slot + 1) & mask
        slots[slot] = row + 1
        chain[row] = 0
        if sku_levels[sku, 0] == 0:
            sku_levels[sku, 0] = row + 1
        else:
            chain[sku_levels[sku, 1] - 1] = row + 1
        sku_levels[sku, 1] = row + 1


@njit(cache=True, nogil=True)
def apply_levels(effects, levels, count):
    """Append empty stock levels."""
    for i in range(effects.size):
        levels[count + i].on_hand = 0
        levels[count + i].reserved = 0
        levels[count + i].committed = 0
        levels[count + i].sku = effects[i].sku
        levels[count + i].location = effects[i].location


@njit(cache=True, nogil=True)
def sum_levels(levels, count):
    """Sum on_hand, reserved and committed over all rows."""
    on_hand = np.int64(0)
    reserved = np.int64(0)
    committed = np.int64(0)
    for row in range(count):
        on_hand += levels[row].on_hand
        reserved += levels[row].reserved
        committed += levels[row].committed
    return on_hand, reserved, committed


# --- the directory of reservation ids ---


@njit(cache=True, nogil=True)
def _home(h, homes):
    """Spread a hash over homes of any number, keeping the order of hashes (Lemire, "Fast random
    integer generation in an interval", 2019).
    """
    return (np.int64(h >> np.uint64(64 - _HOME_BITS)) * homes) >> _HOME_BITS


@njit(cache=True, nogil=True)
def _find_home(layout, h):
    """Choose the slot at which a hash is looked up and entered."""
    home = _home(h, layout[HOMES])
    if home >= layout[MOVED]:
        return layout[HOMES_AT] + home
    return layout[LARGER_AT] + _home(h, layout[LARGER])


@njit(cache=True, nogil=True)
def _find_empty(slots, layout, slot):
    """Return the first empty slot from one on."""
    end = slot + layout[SPILL]
    while slots[slot] != 0:
        slot += 1
        if slot == end:
            raise MemoryError("too many reservation ids have the same hash")
    return slot


@njit(cache=True, nogil=True)
def move_slots(slots, layout, steps):
    """Copy some more slots to the larger homes, in order, and return whether all have moved.

    It stops at an empty slot only, so that no run of filled slots lies on both sides. The slots
    carry all the hash that this takes: no reservation is read.
    """
    moved = layout[MOVED]
    end = min(moved + steps, layout[HOMES])
    while moved < layout[HOMES] + layout[SPILL]:
        entry = slots[layout[HOMES_AT] + moved]
        if entry != 0:
            home = layout[LARGER_AT] + _home(entry, layout[LARGER])
            slots[_find_empty(slots, layout, home)] = entry
        elif moved >= end:
            break
        moved += 1
    layout[MOVED] = moved
    return moved >= layout[HOMES]


@njit(cache=True, nogil=True)
def _hash_of(layout, hi, lo):
    """Return as much of a key's hash as a slot holds."""
    part_bits = np.uint64(layout[PART_BITS])
    return mix(hi, lo) >> part_bits << part_bits


@njit(cache=True, nogil=True)
def _is_candidate(slots, layout, slot, h):
    return np.uint64(0) < slots[slot] ^ h < _U1 << np.uint64(layout[PART_BITS])


@njit(cache=True, nogil=True)
def _part_at(slots, slot, h):
    """Return the part that a candidate's slot names, as shard << 40 | number."""
    part = np.int64((slots[slot] ^ h) - _U1)
    return part >> NUMBER_BITS << _SHARD_SHIFT | part & ((1 << NUMBER_BITS) - 1)


@njit(cache=True, nogil=True)
def _probe(slots, layout, h):
    """Return the slot of the first candidate for a hash, or the empty one where there is none."""
    slot = _find_home(layout, h)
    end = slot + layout[SPILL]
    while slots[slot] != 0 and not _is_candidate(slots, layout, slot, h):
        slot += 1
        if slot == end:
            raise MemoryError("too many reservation ids have the same hash")
    return slot


@njit(cache=True, nogil=True)
def _fill_slot(slots, slot, h, shard, number):
    slots[slot] = h | (np.uint64(shard) << np.uint64(NUMBER_BITS) | np.uint64(number)) + _U1


@njit(cache=True, nogil=True)
def insert_part(slots, layout, hi, lo, shard, number):
    """Enter a reservation's first part."""
    h = _hash_of(layout, hi, lo)
    slot = _find_empty(slots, layout, _find_home(layout, h))
    _fill_slot(slots, slot, h, shard, number)


@njit(cache=True, nogil=True)
def find_part(slots, layout, hi, lo, nth):
    """Return the `nth` candidate for a key as shard << 40 | number, or -1. Candidates agree in
    so many bits of hash that nearly always the first is the one; the caller compares the whole key.
    """
    h = _hash_of(layout, hi, lo)
    slot = _probe(slots, layout, h)
    while slots[slot] != 0:
        if _is_candidate(slots, layout, slot, h):
            if nth == 0:
                return _part_at(slots, slot, h)
            nth -= 1
        slot += 1
    return np.int64(-1)


@njit(cache=True, nogil=True)
def index_parts(slots, layout, reservations, count, shard):
    """Enter the first parts of one shard."""
    entered = 0
    for number in range(count):
        record = reservations[number]
        if not record.flags & FLAG_LATER_PART:
            insert_part(slots, layout, record.key_hi, record.key_lo, shard, number)
            entered += 1
    return entered


# --- remembered keys ---
# A slot has 4 bits of hash above the index + 1, so that a key that is not there is seldom looked
# for among the records: they lie far apart, and each costs a miss of the processor's caches.


@njit(cache=True, nogil=True)
def find_key(slots, records, hi, lo):
    """Return the index of the record with this key, or -1."""
    mask = slots.size - 1
    h = mix(hi, lo)
    tag = np.int64(h >> _U60)
    slot = np.int64(h) & mask
    while slots[slot] != 0:
        if slots[slot] >> NUMBER_BITS == tag:
            index = np.int64(slots[slot] & _INDEX_MASK) - 1
            record = records[index]
            if record.key_hi == hi and record.key_lo == lo:
                return index
        slot = (slot + 1) & mask
    return np.int64(-1)


@njit(cache=True, nogil=True)
def find_keys(slots, records, his, los, after_ns, known):
    """Mark the keys that have a record from after `after_ns`; pass over those marked already."""
    for i in range(his.size):
        if not known[i]:
            index = find_key(slots, records, his[i], los[i])
            known[i] = index >= 0 and records[index].at_ns > after_ns


@njit(cache=True, nogil=True)
def index_keys(slots, records, start, end):
    """Enter records [start, end)."""
    mask = slots.size - 1
    for index in range(start, end):
        record = records[index]
        h = mix(record.key_hi, record.key_lo)
        slot = np.int64(h) & mask
        while slots[slot] != 0:
            slot = (slot + 1) & mask
        slots[slot] = np.int64(h >> _U60) << NUMBER_BITS | (index + 1)


# --- the heap of expirations ---
# A binary heap over two arrays, ordered by (time, number), so that expiry has one order whatever
# the heap's history.


@njit(cache=True, nogil=True)
def _before(times, numbers, a, b):
    return times[a] < times[b] or (times[a] == times[b] and numbers[a] < numbers[b])


@njit(cache=True, nogil=True)
def _swap(times, numbers, a, b):
    times[a], times[b] = times[b], times[a]
    numbers[a], numbers[b] = numbers[b], numbers[a]


@njit(cache=True, nogil=True)
def push_expiry(times, numbers, size, time, number):
    """Add one entry and return the new size."""
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if times[parent] < time or (times[parent] == time and numbers[parent] <= number):
            break
        times[child] = times[parent]
        numbers[child] = numbers[parent]
        child = parent
    times[child] = time
    numbers[child] = number
    return size + 1


@njit(cache=True, nogil=True)
def pop_expiry(times, numbers, size):
    """Remove the first entry and return the new size."""
    size -= 1
    times[0] = times[size]
    numbers[0] = numbers[size]
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= size:
            return size
        if child + 1 < size and _before(times, numbers, child + 1, child):
            child += 1
        if not _before(times, numbers, child, parent):
            return size
        _swap(times, numbers, child, parent)
        parent = child


@njit(cache=True, nogil=True)
def due_moves(
    now_ns, work, times, numbers, size, reservations, lines, splits, moves, count, held, expired
):
    """Take due entries off the heap and write the moves that expire their held units.

    Return (heap size, count of moves, work left). An entry is one piece of work, and so is every
    line of its reservation; the last one begun is done.

    Stops early when `moves` has no room for one more reservation: the caller makes room and calls
    again. An entry whose reservation was extended since, or has nothing held any more, is stale and
    just goes.
    """
    while size > 0 and times[0] <= now_ns and work > 0:
        number = numbers[0]
        line_count = reservations[number].line_count
        if count + line_count > moves.size:
            break
        if reservations[number].expires_at_ns == times[0]:
            first = reservations[number].first_line
            for line in range(first, first + line_count):
                quantity = units(lines, splits, line, held)
                if quantity > 0:
                    moves[count].quantity = quantity
                    moves[count].line = line
                    moves[count].leaves = held
                    moves[count].enters = expired
                    count += 1
            work -= line_count
        size = pop_expiry(times, numbers, size)
        work -= 1
    return size, count, work


@njit(cache=True, nogil=True)
def index_expiries(times, numbers, reservations, count, lines, splits):
    """Fill an empty heap with every reservation that has held units; return its size."""
    size = 0
    for number in range(count):
        first = reservations[number].first_line
        for line in range(first, first + reservations[number].line_count):
            if units(lines, splits, line, HELD) > 0:
                size = push_expiry(times, numbers, size, reservations[number].expires_at_ns, number)
                break
    return size


# --- reservations and their lines ---


@njit(cache=True, nogil=True)
def units(lines, splits, line, state):
    """Units of a line in a state."""
    record = lines[line]
    if record.state == SPLIT:
        return splits[record.quantity, state - 1]
    if record.state == state:
        return record.quantity
    return np.int64(0)


@njit(cache=True, nogil=True)
def count_units(first, line_count, lines, splits, totals):
    """Add up the units of lines by state; `totals` has one place per state, from State 1 on."""
    for line in range(first, first + line_count):
        for state in range(1, 7):
            totals[state - 1] += units(lines, splits, line, state)


@njit(cache=True, nogil=True)
def whole_moves(first, line_count, lines, splits, leaves, enters, moves):
    """Write a move for every line with units in `leaves`; return how many."""
    count = 0
    for line in range(first, first + line_count):
        quantity = units(lines, splits, line, leaves)
        if quantity > 0:
            moves[count].quantity = quantity
            moves[count].line = line
            moves[count].leaves = leaves
            moves[count].enters = enters
            count += 1
    return count


@njit(cache=True, nogil=True)
def short_lines(levels, lines):
    """Count lines that ask for more than is available at their row. A row of -1 has nothing."""
    short = 0
    for i in range(lines.size):
        row = lines[i].row
        if row < 0:
            short += 1
        elif lines[i].quantity > levels[row].on_hand - levels[row].reserved - levels[row].committed:
            short += 1
    return short


@njit(cache=True, nogil=True)
def _apply_reservation(
    i, effects, at, line_effects, now_ns, sequence, text, reservations, number, lines, first_line,
    levels, times, numbers, heap_size,
):  # fmt: skip
    """Write one reservation, whose line effects begin at `at`; return the new heap size."""
    effect = effects[i]
    record = reservations[number]
    expires_at_ns = now_ns + np.int64(effect.hold_ms) * 1_000_000
    flags = effect.flags
    record.key_hi = effect.key_hi
    record.key_lo = effect.key_lo
    record.reserved_at_ns = now_ns
    record.expires_at_ns = expires_at_ns
    record.sequence = sequence
    record.next_part = NO_PART
    record.hold_ms = effect.hold_ms
    record.first_line = first_line
    record.id_text = text if flags & FLAG_TEXT else -1
    record.line_count = effect.line_count
    record.flags = flags
    for k in range(effect.line_count):
        line = lines[first_line + k]
        line_effect = line_effects[at + k]
        line.quantity = line_effect.quantity
        line.row = line_effect.row
        line.position = line_effect.position
        line.state = HELD
        levels[line_effect.row].reserved += line_effect.quantity
    return push_expiry(times, numbers, heap_size, expires_at_ns, number)


@njit(cache=True, nogil=True)
def apply_reservations(
    effects, line_effects, now_ns, sequence, shard, first_text, reservations, count, lines,
    line_count, levels,
    directory, layout, times, numbers, heap_size,
):  # fmt: skip
    """Append reservations with lines, HELD from `now_ns`; return (texts used, heap size)."""
    at = 0
    texts = 0
    for i in range(effects.size):
        effect = effects[i]
        heap_size = _apply_reservation(
            i, effects, at, line_effects, now_ns, sequence, first_text + texts, reservations,
            count + i, lines, line_count + at, levels, times, numbers, heap_size,
        )  # fmt: skip
        if not effect.flags & FLAG_LATER_PART:
            insert_part(directory, layout, effect.key_hi, effect.key_lo, shard, count + i)
        at += effect.line_count
        if effect.flags & FLAG_TEXT:
            texts += 1
    return texts, heap_size


@njit(cache=True, nogil=True)
def _judge_known(i, operations, part, shard, reservations, lines, splits):
    """Answer a reserve whose id may be known: the directory has `part` for it."""
    if part >> _SHARD_SHIFT != shard:
        return ASK
    number = part & _NUMBER_MASK
    if (
        reservations[number].key_hi != operations[i].key_hi
        or reservations[number].key_lo != operations[i].key_lo
        or reservations[number].id_text >= 0
        or operations[i].flags & FLAG_TEXT
    ):
        return ASK
    line = reservations[number].first_line
    quantity = np.int64(0)
    for state in range(1, 7):
        quantity += units(lines, splits, line, state)
    same = (
        reservations[number].line_count == 1
        and reservations[number].next_part == NO_PART
        and reservations[number].hold_ms == operations[i].hold_ms
        and lines[line].row == operations[i].row
        and quantity == operations[i].quantity
    )
    return REPEATED if same else ID_REUSED


@njit(cache=True, nogil=True)
def _judge_level(i, operations, levels, level_count, removed, locations):
    """Answer a reserve by its stock level: ACCEPTED when nothing speaks against it."""
    operation = operations[i]
    if operation.row < 0 or operation.row >= level_count:
        return UNKNOWN_STOCK_LEVEL
    level = levels[operation.row]
    if removed[level.sku]:
        return UNKNOWN_STOCK_LEVEL
    if not locations[level.location].enabled:
        return LOCATION_DISABLED
    if operation.quantity > level.on_hand - level.reserved - level.committed:
        return INSUFFICIENT_STOCK
    return ACCEPTED


@njit(cache=True, nogil=True)
def _touch(start, operations, shard, directory, layout, scratch):
    """Read the directory slots of the next operations, so that they come into the cache side by
    side instead of one after the other: 40 of 250 ns a reserve with four million reservations.
    """
    for i in range(start, min(start + _AHEAD, operations.size)):
        operation = operations[i]
        if operation.shard == shard:
            home = _find_home(layout, mix(operation.key_hi, operation.key_lo))
            scratch[i] = np.int64(directory[home])


@njit(cache=True, nogil=True)
def judge_operations(operations, hold_ms_min, hold_ms_max, quantity_max, codes, counts):
    """Answer reserves that are malformed in themselves, leave the rest PENDING, and count all by
    shard.
    """
    for i in range(operations.size):
        operation = operations[i]
        codes[i] = PENDING
        if operation.shard < counts.size:
            counts[operation.shard] += 1
        else:
            codes[i] = UNKNOWN_STOCK_LEVEL
        if not hold_ms_min <= operation.hold_ms <= hold_ms_max:
            codes[i] = INVALID_HOLD
        if not 1 <= operation.quantity <= quantity_max:
            codes[i] = INVALID_QUANTITY


@njit(cache=True, nogil=True)
def reserve_batch(
    operations, codes, now_ns, sequence, shard, first_text, reservations, count, lines, line_count,
    splits, levels,
    level_count, removed, locations, directory, layout, times, numbers, heap_size, effects,
    effect_count, line_effects, line_effect_count, available, stop,
):  # fmt: skip
    """Decide single-line reserves of one shard one after the other, each seeing those before it.

    `codes` answers by position. ACCEPTED has written and applied its effects; nothing else has
    changed anything. ASK means that the id may be known to another shard, or under another
    spelling: the ledger sorts that out. `available` tells what each found at its row. With `stop`,
    the first whose answer takes more words than that ends the run, so that the caller can find
    them before anything else happens. Return (operations seen, accepted, texts used, heap size).
    """
    accepted = 0
    texts = 0
    for i in range(operations.size):
        if i % _AHEAD == 0:
            _touch(i, operations, shard, directory, layout, available)
        operation = operations[i]
        if operation.shard != shard or codes[i] != PENDING:
            continue
        h = _hash_of(layout, operation.key_hi, operation.key_lo)
        slot = _probe(directory, layout, h)
        if directory[slot] != 0:
            part = _part_at(directory, slot, h)
            codes[i] = _judge_known(i, operations, part, shard, reservations, lines, splits)
        else:
            codes[i] = _judge_level(i, operations, levels, level_count, removed, locations)
            if 0 <= operation.row < level_count:
                level = levels[operation.row]
                available[i] = level.on_hand - level.reserved - level.committed
        if codes[i] != ACCEPTED:
            if stop and codes[i] != INSUFFICIENT_STOCK:
                return i + 1, accepted, texts, heap_size
            continue
        effect_at = effect_count + accepted
        effect = effects[effect_at]
        effect.key_hi = operation.key_hi
        effect.key_lo = operation.key_lo
        effect.hold_ms = operation.hold_ms
        effect.line_count = 1
        effect.flags = operation.flags
        at = line_effect_count + accepted
        line_effect = line_effects[at]
        line_effect.quantity = operation.quantity
        line_effect.row = operation.row
        line_effect.position = 0
        heap_size = _apply_reservation(
            effect_at, effects, at, line_effects, now_ns, sequence, first_text + texts,
            reservations, count + accepted, lines, line_count + accepted, levels, times, numbers,
            heap_size,
        )  # fmt: skip
        _fill_slot(directory, slot, h, shard, count + accepted)
        accepted += 1
        if operation.flags & FLAG_TEXT:
            texts += 1
    return operations.size, accepted, texts, heap_size


@njit(cache=True, nogil=True)
def find_parts(directory, layout, operations, parts):
    """Write each operation's candidate part, or -1; return nothing. Their keys are still to be
    compared.
    """
    for i in range(operations.size):
        parts[i] = find_part(directory, layout, operations[i].key_hi, operations[i].key_lo, 0)


@njit(cache=True, nogil=True)
def count_lines(parts, shard, reservations):
    """Count the lines of the reservations that lie in one shard."""
    total = 0
    for i in range(parts.size):
        if parts[i] >= 0 and parts[i] >> _SHARD_SHIFT == shard:
            total += reservations[parts[i] & _NUMBER_MASK].line_count
    return total


@njit(cache=True, nogil=True)
def _judge_nothing_left(first, line_count, lines, splits, enters):
    """Answer a command that finds no units to move: by where they are."""
    expired = np.int64(0)
    live = np.int64(0)
    done = np.int64(0)
    for line in range(first, first + line_count):
        expired += units(lines, splits, line, EXPIRED)
        done += units(lines, splits, line, enters)
        live += units(lines, splits, line, HELD) + units(lines, splits, line, COMMITTED)
        if enters == COMMITTED:
            done += units(lines, splits, line, FULFILLED)
        else:
            live += units(lines, splits, line, FULFILLED) + units(lines, splits, line, CANCELLED)
    if done > 0:
        return REPEATED
    return BATCH_EXPIRED if expired > 0 and live == 0 else WRONG_STATE


@njit(cache=True, nogil=True)
def move_batch(
    operations,
    parts,
    codes,
    shard,
    leaves,
    enters,
    reservations,
    lines,
    splits,
    split_count,
    levels,
    effects,
    count,
):
    """Move whole reservations of one shard along a transition; return (moves, splits).

    `codes` answers by position; ASK where the reservation has parts in other shards or the key is
    another's.
    """
    start = count
    for i in range(operations.size):
        if codes[i] != PENDING or parts[i] >> _SHARD_SHIFT != shard:
            continue
        number = parts[i] & _NUMBER_MASK
        if (
            reservations[number].key_hi != operations[i].key_hi
            or reservations[number].key_lo != operations[i].key_lo
            or reservations[number].id_text >= 0
            or reservations[number].next_part != NO_PART
        ):
            codes[i] = ASK
            continue
        first = reservations[number].first_line
        line_count = reservations[number].line_count
        before = count
        for line in range(first, first + line_count):
            quantity = units(lines, splits, line, leaves)
            if quantity > 0:
                effects[count].quantity = quantity
                effects[count].line = line
                effects[count].leaves = leaves
                effects[count].enters = enters
                split_count = _apply_move(count, effects, lines, splits, split_count, levels)
                count += 1
        if count > before:
            codes[i] = ACCEPTED
        else:
            codes[i] = _judge_nothing_left(first, line_count, lines, splits, enters)
    return count - start, split_count


@njit(cache=True, nogil=True)
def apply_links(effects, reservations):
    """Link parts of reservations over several shards."""
    for i in range(effects.size):
        reservations[effects[i].reservation].next_part = effects[i].next_part


@njit(cache=True, nogil=True)
def _apply_move(i, effects, lines, splits, split_count, levels):
    """Move units of one line from state to state, and its stock level with them; return the count
    of splits.
    """
    effect = effects[i]
    quantity = effect.quantity
    leaves = effect.leaves
    enters = effect.enters
    line = lines[effect.line]
    if line.state == leaves and line.quantity == quantity:
        line.state = enters
    else:
        if line.state != SPLIT:
            splits[split_count, :] = 0
            splits[split_count, line.state - 1] = line.quantity
            line.state = SPLIT
            line.quantity = split_count
            split_count += 1
        splits[line.quantity, leaves - 1] -= quantity
        splits[line.quantity, enters - 1] += quantity
    level = levels[line.row]
    if leaves == HELD:
        level.reserved -= quantity
    elif leaves == COMMITTED:
        level.committed -= quantity
    if enters == COMMITTED:
        level.committed += quantity
    elif enters == FULFILLED:
        level.on_hand -= quantity
    return split_count


@njit(cache=True, nogil=True)
def apply_moves(effects, lines, splits, split_count, levels):
    """Move units of lines, one effect after the other; return the new count of splits."""
    for i in range(effects.size):
        split_count = _apply_move(i, effects, lines, splits, split_count, levels)
    return split_count


@njit(cache=True, nogil=True)
def apply_extends(effects, reservations, times, numbers, heap_size):
    """Move the ends of holds; return the new heap size. The old heap entry goes stale."""
    for i in range(effects.size):
        number = effects[i].reservation
        reservations[number].expires_at_ns = effects[i].expires_at_ns
        heap_size = push_expiry(times, numbers, heap_size, effects[i].expires_at_ns, number)
    return heap_size


# --- stock facts ---


@njit(cache=True, nogil=True)
def apply_stock(effects, levels, source_sequences):
    """Change stock on hand, and note how far each source has come."""
    for i in range(effects.size):
        levels[effects[i].row].on_hand += effects[i].delta
        if effects[i].sequence > 0:
            source_sequences[effects[i].source] = effects[i].sequence


@njit(cache=True, nogil=True)
def apply_event_keys(effects, records, now_ns):
    """Fill in the records of the events that have an id."""
    keyed = 0
    for i in range(effects.size):
        effect = effects[i]
        if effect.has_key:
            record = records[keyed]
            record.key_hi = effect.key_hi
            record.key_lo = effect.key_lo
            record.at_ns = now_ns
            keyed += 1


@njit(cache=True, nogil=True)
def find_event_levels(events, shard, levels, level_count, removed, plan):
    """Tell which events have a stock level in this shard, and what is there before all of them;
    return how many name the shard.
    """
    count = 0
    for i in range(events.size):
        event = events[i]
        if event.shard != shard:
            continue
        count += 1
        if event.row < 0 or event.row >= level_count:
            continue
        level = levels[event.row]
        if not removed[level.sku]:
            planned = plan[i]
            planned.is_open = 1
            planned.on_hand = level.on_hand
            planned.promised = level.reserved + level.committed
    return count


@njit(cache=True, nogil=True)
def _previous_at_level(slots, events, i, row, shard):
    """Return the event before `i` at the same stock level, or -1; `i` takes its slot."""
    mask = slots.size - 1
    slot = _hash_level(row, shard) & mask
    while slots[slot] != 0:
        other = events[slots[slot] - 1]
        if other.row == row and other.shard == shard:
            break
        slot = (slot + 1) & mask
    previous = np.int64(slots[slot] - 1)
    slots[slot] = i + 1
    return previous


@njit(cache=True, nogil=True)
def _judge_event(is_known, has_key, sequence, last_sequence, is_open):
    """Answer one event by its id, its number and its level; the range is still to be seen."""
    if is_known:
        return EVENT_DUPLICATE
    if sequence > 0 and sequence <= last_sequence:
        return EVENT_OUT_OF_ORDER if has_key else EVENT_DUPLICATE
    return EVENT_APPLIED if is_open else EVENT_UNKNOWN_STOCK_LEVEL


@njit(cache=True, nogil=True)
def plan_stock(events, known, last_sequence, key_slots, level_slots, plan, codes, counts):
    """Decide stock facts of all shards one after the other, each seeing those before it.

    `codes` answers by position, `counts` by shard how many take effect; nothing is written but the
    plan. The slots are empty, with room for a key and a level of every event.
    """
    for i in range(events.size):
        event = events[i]
        planned = plan[i]
        if planned.is_open:
            previous = _previous_at_level(level_slots, events, i, event.row, event.shard)
            if previous >= 0:
                planned.on_hand = plan[previous].on_hand
        is_known = event.has_key > 0 and (
            known[i] or find_key(key_slots, events, event.key_hi, event.key_lo) >= 0
        )
        code = _judge_event(is_known, event.has_key, event.sequence, last_sequence, planned.is_open)
        if code == EVENT_APPLIED:
            delta = event.quantity
            if event.kind == SALE:
                delta = -delta
            elif event.kind == COUNT:
                delta -= planned.on_hand
            if abs(planned.on_hand + delta) > ON_HAND_MAX:
                code = EVENT_OUT_OF_RANGE
            else:
                planned.delta = delta
                planned.on_hand += delta
                counts[event.shard] += 1
                last_sequence = max(last_sequence, event.sequence)
                if event.has_key:
                    index_keys(key_slots, events, i, i + 1)
        codes[i] = code


@njit(cache=True, nogil=True)
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


# --- hashes of content ---


@njit(cache=True, nogil=True)
def _hash_row(levels, row, seed, skus, sku_arena, locations, location_arena):
    sku = levels[row].sku
    location = levels[row].location
    h = mix(seed, _hash_bytes(sku_arena, skus[sku], skus[sku + 1]))
    return mix(h, _hash_bytes(location_arena, locations[location], locations[location + 1]))


@njit(cache=True, nogil=True)
def hash_levels(levels, count, seed, skus, sku_arena, locations, location_arena):
    """Sum of a hash per stock level over names and quantities: order does not matter."""
    total = np.uint64(0)
    for row in range(count):
        h = _hash_row(levels, row, seed, skus, sku_arena, locations, location_arena)
        h = mix(h, np.uint64(levels[row].on_hand))
        h = mix(h, np.uint64(levels[row].reserved))
        total += mix(h, np.uint64(levels[row].committed))
    return total


@njit(cache=True, nogil=True)
def hash_lines(
    reservations, count, lines, splits, levels, seed, skus, sku_arena, locations, location_arena
):
    """Sum of one hash per line over reservation id, names and units by state: times and order do
    not matter.
    """
    total = np.uint64(0)
    for number in range(count):
        id_hash = mix(seed ^ reservations[number].key_hi, reservations[number].key_lo)
        first = reservations[number].first_line
        for line in range(first, first + reservations[number].line_count):
            h = _hash_row(
                levels, lines[line].row, id_hash, skus, sku_arena, locations, location_arena
            )
            for state in range(1, 7):
                h = mix(h, np.uint64(units(lines, splits, line, state)))
            total += h
    return total
