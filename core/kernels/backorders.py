"""Backorders: units of lines that were promised from supply and are not on hand yet, in the order
in which they were promised. A level's `withheld` is less by its backordered units: they are under a
promise, and take nothing from what is on hand.
"""

from .arguments import Book
from .codes import CANCELLED, COMMITTED, EXPIRED, HELD, RELEASED
from .compiled import kernel
from .promise import promisable
from .reservations import units


@kernel
def _set(record, left, given_back, levels, backordered):
    """Set how many units of a line are backordered."""
    more = left - record.units
    levels[record.row].withheld -= more
    backordered[record.row] += more
    record.units = left
    record.given_back = given_back


@kernel
def _drop_bound(backorders, count):
    """Close the gaps where nothing is backordered any more; return how many are left."""
    end = 0
    for i in range(count):
        record = backorders[i]
        if record.units == 0:
            continue
        if end < i:
            kept = backorders[end]
            kept.units = record.units
            kept.given_back = record.given_back
            kept.latest_ns = record.latest_ns
            kept.line = record.line
            kept.row = record.row
            kept.reservation = record.reservation
        end += 1
    return end


@kernel
def apply_backorders(effects, backorders, count, levels, backordered):
    """Store how many units of lines are backordered now (Section.BACKORDERS); return how many lines
    there are then. The effects of one settlement stand in the order of the lines here, so a search
    goes on where the last one ended.
    """
    at = 0
    for i in range(effects.size):
        effect = effects[i]
        if effect.is_new:
            at = count
            count += 1
            record = backorders[at]
            record.units = 0
            record.latest_ns = effect.latest_ns
            record.line = effect.line
            record.row = effect.row
            record.reservation = effect.reservation
        while backorders[at].line != effect.line:
            at = at + 1 if at + 1 < count else 0
        _set(backorders[at], effect.units, effect.given_back, levels, backordered)
    return _drop_bound(backorders, count)


@kernel
def _write(effects, at, record, left, given_back):
    """Write one effect; its padding is zero already."""
    effect = effects[at]
    effect.units = left
    effect.change = left - record.units
    effect.given_back = given_back
    effect.latest_ns = record.latest_ns
    effect.line = record.line
    effect.row = record.row
    effect.reservation = record.reservation
    effect.is_new = 0


@kernel
def settle_backorders(backorders, count, backordered, levels, book, effects):
    """Take off what lines have given back, or shipped all the same; then let backordered units take
    what is on hand and may be promised, in the order in which they were promised. Write and apply
    it; return (effects written, lines left).

    A line has two effects at most, for which there is room.
    """
    book = Book(*book)
    written = 0
    for i in range(count):
        record = backorders[i]
        line = record.line
        given_back = units(book, line, RELEASED) + units(book, line, EXPIRED)
        given_back += units(book, line, CANCELLED)
        promised = units(book, line, HELD) + units(book, line, COMMITTED)
        left = min(max(record.units - (given_back - record.given_back), 0), promised)
        if left != record.units or given_back != record.given_back:
            _write(effects, written, record, left, given_back)
            _set(record, left, given_back, levels, backordered)
            written += 1
    for i in range(count):
        record = backorders[i]
        bound = min(record.units, promisable(levels[record.row]))
        if bound > 0:
            _write(effects, written, record, record.units - bound, record.given_back)
            _set(record, record.units - bound, record.given_back, levels, backordered)
            written += 1
    return written, _drop_bound(backorders, count)


@kernel
def sum_backordered(backorders, count, backordered):
    """Add up the backordered units of each row (int64, zeros at first)."""
    for i in range(count):
        backordered[backorders[i].row] += backorders[i].units
