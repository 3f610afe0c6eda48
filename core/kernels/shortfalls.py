"""Who is endangered by a shortfall: the promises at stock levels, newest first."""

import numpy as np

from .arguments import tables_of
from .codes import COMMITTED, FLAG_FREE, HELD
from .compiled import kernel
from .reservations import units

#: Promises that move up for one that comes before them cost as much as one reservation looked at.
_MOVED = 4


@kernel
def _is_newer(record, line, promise):
    """Whether a line of a reservation comes before a promise: of one instant, by their ids."""
    if record.reserved_at_ns != promise.reserved_at_ns:
        return record.reserved_at_ns > promise.reserved_at_ns
    if record.key_hi != promise.key_hi:
        return record.key_hi < promise.key_hi
    if record.key_lo != promise.key_lo:
        return record.key_lo < promise.key_lo
    return line < promise.line


@kernel
def _note(promises, start, end, room, record, number, line):
    """Put a line into its place among the promises [start, end), of which there may be `room`;
    return how many moved up for it, or -1 when it is older than all and there is no room.
    """
    place = end
    while place > start and _is_newer(record, line, promises[place - 1]):
        place -= 1
    if place == start + room:
        return -1
    last = min(end, start + room - 1)
    for at in range(last, place, -1):
        promises[at].reserved_at_ns = promises[at - 1].reserved_at_ns
        promises[at].key_hi = promises[at - 1].key_hi
        promises[at].key_lo = promises[at - 1].key_lo
        promises[at].number = promises[at - 1].number
        promises[at].line = promises[at - 1].line
    promises[place].reserved_at_ns = record.reserved_at_ns
    promises[place].key_hi = record.key_hi
    promises[place].key_lo = record.key_lo
    promises[place].number = number
    promises[place].line = line
    return last - place


@kernel
def read_promises(promises, row, arrays, found):
    """Fill in what is held and committed now under promises at a row (int64[2, n], zeros at first):
    nothing of those whose reservation has left.
    """
    book = tables_of(arrays).book
    for i in range(promises.size):
        promise = promises[i]
        record = book.reservations[promise.number]
        line = np.int64(promise.line)
        first = np.int64(record.first_line)
        is_same = record.key_hi == promise.key_hi and record.key_lo == promise.key_lo
        if is_same and first <= line < first + record.line_count and book.lines[line].row == row:
            found[0, i] = units(book, line, HELD)
            found[1, i] = units(book, line, COMMITTED)


@kernel
def _place_of(rows, row):
    """Where a row stands among rows in rising order, or -1."""
    low, high = 0, rows.size
    while low < high:
        middle = (low + high) // 2
        if rows[middle] < row:
            low = middle + 1
        else:
            high = middle
    return low if low < rows.size and rows[low] == row else -1


@kernel
def find_promises(end, work, rows, unseen, waiting, backordered, arrays, promises, counts):
    """Look at the reservations of a shard before `end`, the last first, for units that are promised
    at some rows (int64, in rising order), as long as there is `work`; each of them and of their
    lines is one. `unseen` (int64) are the units that are promised at each row and were not found
    yet: after the last of them nothing is looked at. Of the lines `waiting` (int64, in rising
    order) so many units are `backordered` (int64), which are none of these.

    `promises` (PROMISE) has as much room for each row: the newest are kept, newest first, and
    `counts` (int64) says how many. Return (how far it came, work done).
    """
    book = tables_of(arrays).book
    room = promises.size // rows.size
    lowest, highest = rows[0], rows[rows.size - 1]
    open_rows = 0
    for at in range(rows.size):
        open_rows += unseen[at] > 0
    done = 0
    number = end
    while number > 0 and done < work and open_rows > 0:
        number -= 1
        record = book.reservations[number]
        done += 1
        if record.flags & FLAG_FREE:
            continue
        done += record.line_count
        for line in range(record.first_line, record.first_line + record.line_count):
            row = book.lines[line].row
            if row < lowest or row > highest:
                continue
            at = _place_of(rows, row)
            if at < 0:
                continue
            promised = units(book, line, HELD) + units(book, line, COMMITTED)
            place = _place_of(waiting, line)
            if place >= 0:
                promised -= backordered[place]
            if promised == 0:
                continue
            open_rows -= 0 < unseen[at] <= promised
            unseen[at] -= promised
            start = at * room
            moved = _note(promises, start, start + counts[at], room, record, number, line)
            if moved >= 0:
                counts[at] = min(counts[at] + 1, room)
                done += moved // _MOVED
    return np.int64(number), np.int64(done)
