"""Batches of plain operations: one call for many, one code for each.

Operations are OPERATION[n], their codes uint8[n], and what each found available int64[n].
"""

import numpy as np

from ..limits import HOLD_MS_MAX, HOLD_MS_MIN, QUANTITY_MAX
from .arguments import (
    LEVELS,
    LINE_EFFECTS,
    MOVE_EFFECTS,
    RESERVATION_EFFECTS,
    SHARD,
    UNITS_RESERVED,
    Index,
    tables_of,
)
from .codes import (
    ACCEPTED,
    ASK,
    COMMITTED,
    ENDED_TEXT,
    FLAG_LATER_PART,
    FLAG_LINE_IDS,
    FLAG_OWNER,
    FLAG_TEXT,
    HELD,
    ID_REUSED,
    INSUFFICIENT_STOCK,
    INVALID_HOLD,
    INVALID_ID,
    INVALID_QUANTITY,
    NEW_ID,
    NO_PART,
    PENDING,
    REPEATED,
    RESERVATION_ENDED,
    STATES_END,
    UNKNOWN_STOCK_LEVEL,
)
from .compiled import kernel
from .hash_slots import fill_slot, find_empty, find_home, hash_key, probe
from .levels import add_units
from .promise import decide_line
from .reservation_index import (
    ended_place,
    find_part,
    insert_part,
    is_ended,
    part_at,
    part_number,
    part_shard,
    slot_number,
)
from .reservations import (
    append_reservation,
    apply_move,
    is_done,
    judge_nothing_left,
    next_reservation,
    units,
    write_move,
)

#: Operations whose slots of the index and stock levels are read ahead.
_AHEAD = 256

_U1 = np.uint64(1)


@kernel
def judge_operations(operations, codes, counts):
    """Answer reserves that are malformed in themselves, leave the rest PENDING, and count all by
    shard (`counts`, int64[shards]).
    """
    for i in range(operations.size):
        operation = operations[i]
        codes[i] = PENDING
        if operation.shard < counts.size:
            counts[operation.shard] += 1
        else:
            codes[i] = UNKNOWN_STOCK_LEVEL
        if not HOLD_MS_MIN <= operation.hold_ms <= HOLD_MS_MAX:
            codes[i] = INVALID_HOLD
        if not 1 <= operation.quantity <= QUANTITY_MAX:
            codes[i] = INVALID_QUANTITY
        if operation.key_hi == 0 and operation.key_lo == 0:
            codes[i] = INVALID_ID


@kernel
def _is_same_key(operation, record):
    """Whether an operation, whose key is a UUID's bits, names a reservation. An id that is a text
    is left to the rules, because two texts may share the bits.
    """
    return (
        record.key_hi == operation.key_hi
        and record.key_lo == operation.key_lo
        and record.flags & FLAG_TEXT == 0
    )


@kernel
def _is_ended_key(operation, ended):
    """`_is_same_key` for an ended id."""
    return (
        ended.key_hi == operation.key_hi
        and ended.key_lo == operation.key_lo
        and ended.states & ENDED_TEXT == 0
    )


@kernel
def _judge_known(operation, part, tables):
    """Answer a reserve whose id may be known: the index has `part` for it."""
    if part_shard(part) != tables.header[SHARD]:
        return ASK
    book = tables.book
    if is_ended(part):
        is_mine = _is_ended_key(operation, book.ended[ended_place(part)])
        return RESERVATION_ENDED if is_mine and operation.flags & FLAG_TEXT == 0 else ASK
    record = book.reservations[part_number(part)]
    if operation.flags & (FLAG_TEXT | FLAG_OWNER | FLAG_LINE_IDS) or not _is_same_key(
        operation, record
    ):
        return ASK
    line = record.first_line
    quantity = np.int64(0)
    for state in range(1, STATES_END):
        quantity += units(book, line, state)
    same = (
        record.line_count == 1
        and record.next_part == NO_PART
        and record.flags & (FLAG_OWNER | FLAG_LINE_IDS) == 0
        and record.hold_ms == operation.hold_ms
        and book.lines[line].row == operation.row
        and quantity == operation.quantity
    )
    if not same:
        return ID_REUSED
    return REPEATED if units(book, line, HELD) + units(book, line, COMMITTED) else RESERVATION_ENDED


@kernel
def _read_ahead(start, operations, header, index, levels, hashes):
    """Hash the keys of the next operations, then read their slots and stock levels: so these come
    into the processor's cache side by side instead of one after the other. Slots take 40 of 250 ns
    a reserve with four million reservations, levels a fifth of the time with 10,000 of them.
    Hashing in between would keep them apart.

    The low bits of a hash are zero. The lowest becomes 1 where the slot is empty or nothing is on
    hand: what nobody looks at would not be read.
    """
    end = min(start + _AHEAD, operations.size)
    for i in range(start, end):
        if operations[i].shard == header[SHARD]:
            hashes[i] = np.int64(hash_key(index, operations[i].key_hi, operations[i].key_lo))
    for i in range(start, end):
        if operations[i].shard == header[SHARD]:
            row = operations[i].row if 0 <= operations[i].row < header[LEVELS] else 0
            is_empty = index.slots[find_home(index, np.uint64(hashes[i]))] == 0
            hashes[i] |= is_empty | (levels[row].on_hand == 0)


@kernel
def _write_reservation(operation, header, effects):
    """Write the effect of one accepted reserve, without its lines, after those of the turn, and
    count it.
    """
    effect = effects.reservations[header[RESERVATION_EFFECTS]]
    effect.key_hi = operation.key_hi
    effect.key_lo = operation.key_lo
    effect.hold_ms = operation.hold_ms
    effect.line_count = 1
    effect.flags = operation.flags
    header[RESERVATION_EFFECTS] += 1


@kernel
def _write_line(operation, position, header, effects):
    """Write the effect of one line after those of the turn, and count it."""
    effect = effects.lines[header[LINE_EFFECTS]]
    effect.quantity = operation.quantity
    effect.row = operation.row
    effect.position = position
    header[LINE_EFFECTS] += 1


@kernel
def reserve_batch(operations, codes, available, arrays, stop):
    """Decide the single-line reserves of one shard that are PENDING or of a NEW_ID one after the
    other, each seeing those before it; return how many operations were seen.

    ACCEPTED has written and applied its effects, and `available` is the number that the reservation
    has got; other codes have changed nothing. ASK means that
    another shard may know the id, or this one under another spelling: the rules sort that out. With
    `stop`, the first that is neither accepted nor short at its level ends the run, so that the
    caller can answer it before anything else happens.
    """
    tables = tables_of(arrays)
    header, index, effects = tables.header, tables.ids, tables.effects
    for i in range(operations.size):
        if i % _AHEAD == 0:
            _read_ahead(i, operations, header, index, tables.stock.levels, available)
        operation = operations[i]
        is_new = codes[i] == NEW_ID
        if operation.shard != header[SHARD] or not (codes[i] == PENDING or is_new):
            continue
        h = np.uint64(available[i]) & ~_U1
        home = find_home(index, h)
        slot = find_empty(index, home) if is_new else probe(index, home, h)
        if index.slots[slot] != 0:
            codes[i] = _judge_known(operation, part_at(index, slot, h), tables)
        else:
            codes[i], available[i] = decide_line(operation, 0, header, tables.stock)
        if codes[i] == ACCEPTED:
            available[i] = next_reservation(header)
            fill_slot(index, slot, h, slot_number(header[SHARD], available[i]))
            _write_reservation(operation, header, effects)
            _write_line(operation, 0, header, effects)
            effect = effects.reservations[header[RESERVATION_EFFECTS] - 1]
            append_reservation(effect, effects.lines, header[LINE_EFFECTS] - 1, tables)
            add_units(header, UNITS_RESERVED, operation.quantity)
        elif stop and (codes[i] != INSUFFICIENT_STOCK or operation.row < 0):
            return i + 1
    return operations.size


@kernel
def reserve_lines(operations, arrays):
    """Write and apply one reservation of the lines that lie in this shard, all of which are there;
    return the number that it has got. The shard of the first line is its home.
    """
    tables = tables_of(arrays)
    header, effects = tables.header, tables.effects
    number, at = next_reservation(header), header[LINE_EFFECTS]
    _write_reservation(operations[0], header, effects)
    for i in range(operations.size):
        if operations[i].shard == header[SHARD]:
            _write_line(operations[i], i, header, effects)
            add_units(header, UNITS_RESERVED, operations[i].quantity)
    effect = effects.reservations[header[RESERVATION_EFFECTS] - 1]
    effect.line_count = header[LINE_EFFECTS] - at
    if operations[0].shard == header[SHARD]:
        insert_part(tables.ids, effect.key_hi, effect.key_lo, header[SHARD], number)
    else:
        effect.flags |= FLAG_LATER_PART
    append_reservation(effect, effects.lines, at, tables)
    return number


@kernel
def next_parts(index, operations, passed, parts):
    """Write the next candidate part of each operation (int64[n]), or -1. `passed` (int64[n]) has
    what find_part returned for the last one, and 0 at first.
    """
    for i in range(operations.size):
        operation = operations[i]
        parts[i], passed[i] = find_part(index, operation.key_hi, operation.key_lo, passed[i])


@kernel
def find_parts(index, operations, parts):
    """Write each operation's candidate part (int64[n]), or -1. Keys are still to be compared.

    Slots are read ahead as in `_read_ahead`.
    """
    index = Index(*index)
    for i in range(operations.size):
        parts[i] = np.int64(hash_key(index, operations[i].key_hi, operations[i].key_lo))
    for i in range(operations.size):
        parts[i] |= index.slots[find_home(index, np.uint64(parts[i]))] == 0
    for i in range(operations.size):
        h = np.uint64(parts[i]) & ~_U1
        slot = probe(index, find_home(index, h), h)
        parts[i] = part_at(index, slot, h) if index.slots[slot] != 0 else -1


@kernel
def _is_known_key(operation, part, book):
    if is_ended(part):
        return _is_ended_key(operation, book.ended[ended_place(part)])
    return _is_same_key(operation, book.reservations[part_number(part)])


@kernel
def judge_known(operations, parts, codes, arrays):
    """Answer the PENDING and ASK reserves whose id is that of a candidate (`parts`) in this shard.

    An operation of another shard has another SKU than the first line of the reservation.
    """
    tables = tables_of(arrays)
    for i in range(operations.size):
        operation = operations[i]
        if codes[i] != PENDING and codes[i] != ASK:
            continue
        if parts[i] < 0 or part_shard(parts[i]) != tables.header[SHARD]:
            continue
        if not _is_known_key(operation, parts[i], tables.book):
            continue
        if is_ended(parts[i]):
            codes[i] = RESERVATION_ENDED
        elif operation.shard == tables.header[SHARD]:
            codes[i] = _judge_known(operation, parts[i], tables)
        else:
            codes[i] = ID_REUSED


@kernel
def count_lines(parts, shard, reservations, lines):
    """Fill in how many lines the reservations have that lie in one shard (`lines`, int64[n]), and
    return how many that are together.
    """
    total = 0
    for i in range(parts.size):
        if parts[i] >= 0 and part_shard(parts[i]) == shard and not is_ended(parts[i]):
            lines[i] = reservations[part_number(parts[i])].line_count
            total += lines[i]
    return total


@kernel
def _judge_ended(states, leaves, enters, totals):
    """Answer a command on an ended id, by the states in which there were units: more than that is
    not asked of them.
    """
    for state in range(1, STATES_END):
        totals[state - 1] = states >> (state - 1) & 1
    return REPEATED if is_done(totals, enters) else judge_nothing_left(totals, leaves)


@kernel
def _judge_unmoved(record, book, leaves, enters, totals):
    """Answer a command that finds no units to move: by where they are. `totals` (int64[7]) is room
    to count them.
    """
    for state in range(1, STATES_END):
        totals[state - 1] = 0
    for line in range(record.first_line, record.first_line + record.line_count):
        for state in range(1, STATES_END):
            totals[state - 1] += units(book, line, state)
    return REPEATED if is_done(totals, enters) else judge_nothing_left(totals, leaves)


@kernel
def move_batch(operations, parts, codes, leaves, enters, totals, arrays):
    """Move whole reservations of one shard along a transition, and write and apply the moves.

    Of an operation the key alone is read. ASK where the reservation has parts in other shards or
    the key is another's. `totals` (int64[7]) is room to count units in.
    """
    tables = tables_of(arrays)
    header, book, moves = tables.header, tables.book, tables.effects.moves
    count = header[MOVE_EFFECTS]
    for i in range(operations.size):
        if codes[i] != PENDING or part_shard(parts[i]) != header[SHARD]:
            continue
        if is_ended(parts[i]):
            ended = book.ended[ended_place(parts[i])]
            codes[i] = ASK
            if _is_ended_key(operations[i], ended):
                codes[i] = _judge_ended(np.int64(ended.states), leaves, enters, totals)
            continue
        record = book.reservations[part_number(parts[i])]
        if not _is_same_key(operations[i], record) or record.next_part != NO_PART:
            codes[i] = ASK
            continue
        before = count
        for line in range(record.first_line, record.first_line + record.line_count):
            quantity = units(book, line, leaves)
            if quantity > 0:
                write_move(moves, count, quantity, line, leaves, enters)
                apply_move(moves[count], header, book, tables.stock.levels)
                count += 1
        if count > before:
            codes[i] = ACCEPTED
        else:
            codes[i] = _judge_unmoved(record, book, leaves, enters, totals)
    header[MOVE_EFFECTS] = count
