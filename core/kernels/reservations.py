"""Reservations and their lines: what units are where, and every change of it."""

import numpy as np

from ..limits import NS_PER_MS
from .arguments import (
    EXPIRIES,
    FIRST_FREE_RESERVATION,
    FIRST_FREE_SPLIT,
    FREE_LINES,
    FREE_RESERVATIONS,
    FREE_SPLITS,
    LINES,
    MOVE_EFFECTS,
    NOW_NS,
    RESERVATIONS,
    SHARD,
    SPLITS,
    UNITS_COMMITTED,
    UNITS_ON_HAND,
    UNITS_RESERVED,
    Book,
    tables_of,
)
from .blocks import take_block
from .codes import (
    BATCH_EXPIRED,
    CANCELLED,
    COMMITTED,
    EXPIRED,
    FLAG_LATER_PART,
    FULFILLED,
    HELD,
    NEVER_NS,
    NO_PART,
    NO_TEXT,
    RELEASED,
    RETURNED,
    SPLIT,
    STATES_END,
    WRONG_STATE,
)
from .compiled import kernel
from .expiry_heap import pop_expiry, push_expiry
from .levels import add_units
from .reservation_index import insert_part


@kernel
def units(book, line, state):
    """Units of a line in a state."""
    record = book.lines[line]
    if record.state == SPLIT:
        return book.splits[record.quantity, state - 1]
    if record.state == state:
        return record.quantity
    return np.int64(0)


@kernel
def count_units(first, line_count, book, totals):
    """Add up the units of lines by state; `totals` (int64[7]) begins with State 1."""
    book = Book(*book)
    for line in range(first, first + line_count):
        for state in range(1, STATES_END):
            totals[state - 1] += units(book, line, state)


@kernel
def judge_nothing_left(totals, leaves):
    """Why a command finds no units in `leaves`, by where they are (`totals`, int64[7]).

    A command on held units misses the expired ones, if there are any. A command on committed units
    misses them unless some were committed before.
    """
    expired, went_on = totals[EXPIRED - 1], np.int64(0)
    if leaves == COMMITTED:
        went_on = totals[FULFILLED - 1] + totals[RETURNED - 1] + totals[CANCELLED - 1]
    return BATCH_EXPIRED if expired > 0 and went_on == 0 else WRONG_STATE


@kernel
def is_done(totals, enters):
    """Whether no units are left to move to `enters` because all that could go there are there, or
    have gone on from there: a repeat of the command is then as good as accepted.
    """
    shipped = totals[FULFILLED - 1] + totals[RETURNED - 1]
    if enters == COMMITTED:
        elsewhere = totals[RELEASED - 1] + totals[EXPIRED - 1] + totals[CANCELLED - 1]
        return elsewhere == 0 and totals[COMMITTED - 1] + shipped > 0
    if enters == FULFILLED:
        return totals[CANCELLED - 1] == 0 and shipped > 0
    done = totals[enters - 1]
    for state in range(1, STATES_END):
        if state != enters and totals[state - 1] > 0:
            return False
    return done > 0


@kernel
def read_lines(first, line_count, book, lines):
    """Fill in consecutive lines: row, position, and units by state (int64[n, 9])."""
    book = Book(*book)
    for k in range(line_count):
        record = book.lines[first + k]
        lines[k, 0] = record.row
        lines[k, 1] = record.position
        for state in range(1, STATES_END):
            lines[k, 1 + state] = units(book, first + k, state)


@kernel
def write_move(moves, at, quantity, line, leaves, enters):
    """Write one effect; its padding is zero already."""
    move = moves[at]
    move.quantity = quantity
    move.line = line
    move.leaves = leaves
    move.enters = enters


@kernel
def whole_moves(first, line_count, book, leaves, enters, moves):
    """Write a move for every line with units in `leaves`; return how many."""
    book = Book(*book)
    count = 0
    for line in range(first, first + line_count):
        quantity = units(book, line, leaves)
        if quantity > 0:
            write_move(moves, count, quantity, line, leaves, enters)
            count += 1
    return count


@kernel
def next_reservation(header):
    """The number that the next reservation gets."""
    first_free = header[FIRST_FREE_RESERVATION]
    return first_free - 1 if first_free else header[RESERVATIONS]


@kernel
def append_reservation(effect, line_effects, at, tables):
    """Store one reservation, HELD from now; its line effects begin at `at`.

    The caller adds up UNITS_RESERVED: with that sum in here, the compiler does not inline this any
    more, and the tables are copied for each call (1.4 ms for 8,190 reserves became 2.2).
    """
    header, book = tables.header, tables.book
    number = next_reservation(header)
    if number == header[RESERVATIONS]:
        header[RESERVATIONS] += 1
    else:
        header[FIRST_FREE_RESERVATION] = book.reservations[number].next_part
        header[FREE_RESERVATIONS] -= 1
    first_line = take_block(book.lines, header, LINES, FREE_LINES, np.int64(effect.line_count))
    expires_at_ns = header[NOW_NS] + np.int64(effect.hold_ms) * NS_PER_MS
    record = book.reservations[number]
    record.key_hi = effect.key_hi
    record.key_lo = effect.key_lo
    record.reserved_at_ns = header[NOW_NS]
    record.expires_at_ns = expires_at_ns
    record.ended_at_ns = NEVER_NS
    record.next_part = NO_PART
    record.hold_ms = effect.hold_ms
    record.first_line = first_line
    record.id_text = NO_TEXT
    record.line_count = effect.line_count
    record.flags = effect.flags
    for k in range(effect.line_count):
        line = book.lines[first_line + k]
        line_effect = line_effects[at + k]
        line.quantity = line_effect.quantity
        line.row = line_effect.row
        line.position = line_effect.position
        line.state = HELD
        tables.stock.levels[line_effect.row].reserved += line_effect.quantity
    push_expiry(tables.heap, header, expires_at_ns, number)


@kernel
def apply_reservations(effects, line_effects, arrays, numbers):
    """Store reservations with their lines, and enter first parts in the index. `numbers` (int32)
    says which they have got.
    """
    tables = tables_of(arrays)
    header = tables.header
    at = 0
    for i in range(effects.size):
        effect = effects[i]
        number = next_reservation(header)
        numbers[i] = number
        append_reservation(effect, line_effects, at, tables)
        for k in range(effect.line_count):
            add_units(header, UNITS_RESERVED, line_effects[at + k].quantity)
        if not effect.flags & FLAG_LATER_PART:
            insert_part(tables.ids, effect.key_hi, effect.key_lo, header[SHARD], number)
        at += effect.line_count


@kernel
def apply_links(effects, reservations):
    """Link parts of reservations over several shards."""
    for i in range(effects.size):
        reservations[effects[i].reservation].next_part = effects[i].next_part


@kernel
def apply_move(effect, header, book, levels):
    """Move units of one line from state to state, and its stock level with them."""
    quantity = effect.quantity
    leaves = effect.leaves
    enters = effect.enters
    line = book.lines[effect.line]
    if line.state == leaves and line.quantity == quantity:
        line.state = enters
    else:
        if line.state != SPLIT:
            split = header[FIRST_FREE_SPLIT] - 1
            if split < 0:
                split = header[SPLITS]
                header[SPLITS] += 1
            else:
                header[FIRST_FREE_SPLIT] = book.splits[split, 0]
                header[FREE_SPLITS] -= 1
            book.splits[split, :] = 0
            book.splits[split, line.state - 1] = line.quantity
            line.state = SPLIT
            line.quantity = split
        book.splits[line.quantity, leaves - 1] -= quantity
        book.splits[line.quantity, enters - 1] += quantity
    level = levels[line.row]
    if leaves == HELD:
        level.reserved -= quantity
        add_units(header, UNITS_RESERVED, -quantity)
    elif leaves == COMMITTED:
        level.committed -= quantity
        add_units(header, UNITS_COMMITTED, -quantity)
    if enters == COMMITTED:
        level.committed += quantity
        add_units(header, UNITS_COMMITTED, quantity)
    elif enters == FULFILLED and leaves != RETURNED:  # of those, a stock fact tells
        level.on_hand -= quantity
        add_units(header, UNITS_ON_HAND, -quantity)


@kernel
def apply_moves(effects, header, book, levels):
    """Move units of lines, one effect after the other; return how many enter or leave FULFILLED."""
    book = Book(*book)
    shipping = 0
    for i in range(effects.size):
        apply_move(effects[i], header, book, levels)
        shipping += effects[i].enters == FULFILLED or effects[i].leaves == FULFILLED
    return shipping


@kernel
def apply_extends(effects, reservations):
    """Move the ends of holds to later ones. The heap is not touched: its entry comes
    up at the former end, and is then put back in with the new one. So a hold has one entry however
    often it is extended.
    """
    for i in range(effects.size):
        reservations[effects[i].reservation].expires_at_ns = effects[i].expires_at_ns


@kernel
def due_moves(work, arrays):
    """Take due entries off the heap and write the moves that expire their held units, after the
    moves that header[MOVE_EFFECTS] counts; return (moves written, work left).

    An entry is one piece of work, and so is every line of a reservation whose time has come; the
    last one begun is done. Stops early when `moves` has no room for one more reservation: the
    caller makes room and calls again. An entry whose reservation was extended since goes back in,
    also when its new end has passed: holds end in the order of their ends.
    """
    tables = tables_of(arrays)
    header, book, heap, moves = tables.header, tables.book, tables.heap, tables.effects.moves
    before = header[MOVE_EFFECTS]
    count = before
    while header[EXPIRIES] > 0 and heap.times[0] <= header[NOW_NS] and work > 0:
        number = heap.numbers[0]
        record = book.reservations[number]
        line_count = record.line_count
        if count + line_count > moves.size:
            break
        is_extended = record.expires_at_ns > heap.times[0]
        pop_expiry(heap, header)
        work -= 1
        if is_extended:
            push_expiry(heap, header, record.expires_at_ns, number)
            continue
        for line in range(record.first_line, record.first_line + line_count):
            quantity = units(book, line, HELD)
            if quantity > 0:
                write_move(moves, count, quantity, line, HELD, EXPIRED)
                count += 1
        work -= line_count
    return count - before, work


@kernel
def _is_held(record, book):
    for line in range(record.first_line, record.first_line + record.line_count):
        if units(book, line, HELD) > 0:
            return True
    return False


@kernel
def pop_settled(arrays):
    """Take due entries off the heap as long as nothing is held any more of what they name: a replay
    has read how these holds ended, and the first turns after it have other things to do.
    """
    tables = tables_of(arrays)
    header, book, heap = tables.header, tables.book, tables.heap
    while header[EXPIRIES] > 0 and heap.times[0] <= header[NOW_NS]:
        number = heap.numbers[0]
        record = book.reservations[number]
        is_extended = record.expires_at_ns > heap.times[0]
        if not is_extended and _is_held(record, book):
            return
        pop_expiry(heap, header)
        if is_extended:
            push_expiry(heap, header, record.expires_at_ns, number)


@kernel
def index_expiries(arrays):
    """Fill an empty heap with every reservation that has held units."""
    tables = tables_of(arrays)
    header, book, heap = tables.header, tables.book, tables.heap
    for number in range(header[RESERVATIONS]):
        record = book.reservations[number]
        if _is_held(record, book):
            push_expiry(heap, header, record.expires_at_ns, number)
