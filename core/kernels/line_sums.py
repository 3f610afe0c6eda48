"""What lines hold and have committed, added up by stock level while they change; see LineSums of
tables/line_sums.py.

`counted` (uint8) says of each line whether it is in the sums, `sums` (int64[rows, 2]) has the
units that are held at each level and those that are committed. Levels past its end are left out.
"""

from ..limits import ON_HAND_MAX
from .arguments import LEVELS, LINES, SPLITS, Book, Index
from .codes import COMMITTED, FLAG_FREE, HELD, SPLIT
from .compiled import kernel
from .hash_slots import find_home, hash_key, number_at, probe
from .reservations import units


@kernel
def _is_sound(line, header, book):
    """Whether a line is at a stock level, and its units can be read."""
    record = book.lines[line]
    if record.row < 0 or record.row >= header[LEVELS]:
        return False
    return record.state != SPLIT or 0 <= record.quantity < header[SPLITS]


@kernel
def count_held(start, end, work, header, book, counted, sums):
    """Add up the lines of reservations [start, end), as long as there is `work`: each of them and
    of their lines is one. Return (how far it came, work done, the first reservation that cannot be
    read, or -1).
    """
    book = Book(*book)
    broken = -1
    done = 0
    number = start
    while number < end and done < work:
        record = book.reservations[number]
        number += 1
        done += 1
        if record.flags & FLAG_FREE:
            continue
        if record.first_line < 0 or record.first_line + record.line_count > header[LINES]:
            broken = number - 1 if broken < 0 else broken
            continue
        done += record.line_count
        for line in range(record.first_line, record.first_line + record.line_count):
            if not _is_sound(line, header, book):
                broken = number - 1 if broken < 0 else broken
                continue
            counted[line] = 1
            row = book.lines[line].row
            if row < sums.size // 2:
                sums[row, 0] += units(book, line, HELD)
                sums[row, 1] += units(book, line, COMMITTED)
    return number, done, broken


@kernel
def count_new(numbers, reached, book, counted, sums):
    """Take in reservations that were just stored: those of which the number is below `reached`
    are added up at once, the others when it is their turn.
    """
    book = Book(*book)
    for i in range(numbers.size):
        record = book.reservations[numbers[i]]
        for line in range(record.first_line, record.first_line + record.line_count):
            counted[line] = numbers[i] < reached
            row = book.lines[line].row
            if numbers[i] < reached and row < sums.size // 2:
                sums[row, 0] += book.lines[line].quantity


@kernel
def count_moves(moves, book, counted, sums):
    """Follow the moves of lines that are counted."""
    book = Book(*book)
    for i in range(moves.size):
        move = moves[i]
        row = book.lines[move.line].row
        if not counted[move.line] or row >= sums.size // 2:
            continue
        if move.leaves == HELD:
            sums[row, 0] -= move.quantity
        elif move.leaves == COMMITTED:
            sums[row, 1] -= move.quantity
        if move.enters == HELD:
            sums[row, 0] += move.quantity
        elif move.enters == COMMITTED:
            sums[row, 1] += move.quantity


@kernel
def _sum_unavailable(index, records, row):
    """Units of a level under all statuses."""
    h = hash_key(index, row, 0)
    slot = probe(index, find_home(index, h), h)
    total = 0
    while index.slots[slot] != 0:
        record = records[number_at(index, slot, h)]
        if record.row == row:
            total += record.units
        slot = probe(index, slot + 1, h)
    return total


@kernel
def read_expected(row, sums, index, unavailable, count, backordered, expected):
    """Fill `expected` (int64[3]) with what a level should have: units held, committed, withheld.
    `count` is how many records there are of what is unavailable, `backordered` (int64[rows]) what
    was promised from supply.
    """
    expected[0] = sums[row, 0]
    expected[1] = sums[row, 1]
    expected[2] = _sum_unavailable(Index(*index), unavailable, row) if count else 0
    expected[2] -= backordered[row]


@kernel
def find_wrong(start, end, levels, sums, index, unavailable, count, backordered, expected, found):
    """Write the rows of levels [start, end) that do not have what they should into `found`
    (int64[n]), as long as there is room; return (how many, how far it came).
    """
    wrong = 0
    row = start
    while row < end and wrong < found.size:
        level = levels[row]
        read_expected(row, sums, index, unavailable, count, backordered, expected)
        if (
            level.reserved != expected[0]
            or level.committed != expected[1]
            or level.withheld != expected[2]
            or level.withheld < -backordered[row]
            or not -ON_HAND_MAX <= level.on_hand <= ON_HAND_MAX
        ):
            found[wrong] = row
            wrong += 1
        row += 1
    return wrong, row
