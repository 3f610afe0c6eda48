"""What may still be promised, and whether a line can be had.

Single calls, runs of single-line reserves, batches and linked groups are decided here, and reads of
`available` come from here.
"""

import numpy as np

from ..limits import ON_HAND_MAX
from .arguments import LEVELS, QUARANTINED, SHARD, Index, Stock
from .codes import (
    ACCEPTED,
    INSUFFICIENT_STOCK,
    LOCATION_DISABLED,
    NO_LEVEL,
    PENDING,
    UNKNOWN_STOCK_LEVEL,
)
from .compiled import kernel
from .hash_slots import hash_key
from .levels import previous_at_level


@kernel
def promisable(level):
    """Units of a stock level that may still be promised; a negative number is a shortfall."""
    return level.on_hand - level.reserved - level.committed - level.withheld


@kernel
def promisable_later(level, incoming):
    """The same when so many more units have come: what is promised by then is promised now."""
    return promisable(level) + incoming


@kernel
def is_in_range(on_hand, available):
    """Whether a stock fact may leave a level with so many units on hand, and so many of them that
    may still be promised.

    It is the guard of all arithmetic on stock levels, because no command on reservations leads out
    of this range. A promise takes what is available, which is ON_HAND_MAX at most. A fulfilment
    takes from `on_hand` and `committed` alike, so what is available stays what it was, and with it
    `on_hand`, which is not less, stays above -ON_HAND_MAX.
    """
    return on_hand <= ON_HAND_MAX and available >= -ON_HAND_MAX


@kernel
def is_quarantined(row, header, stock):
    """Whether a stock level is in quarantine: what it has is not to be trusted."""
    low = 0
    high = header[QUARANTINED]
    while low < high:
        middle = (low + high) // 2
        if stock.quarantined[middle] < row:
            low = middle + 1
        else:
            high = middle
    return low < header[QUARANTINED] and stock.quarantined[low] == row


@kernel
def takes_promises(row, header, stock):
    """Whether a stock level takes new promises: neither its location nor itself stands still."""
    is_enabled = stock.locations[stock.levels[row].location].enabled != 0
    return is_enabled and not is_quarantined(row, header, stock)


@kernel
def offered(units, takes):
    """What may be promised now of units that are promisable: none where no promises are made, and
    there a shortfall is still a shortfall.
    """
    return units if takes else min(units, 0)


@kernel
def decide_line(operation, taken, header, stock):
    """(code, units that could be promised) of one line; code is ACCEPTED when nothing speaks
    against it. `taken` units of its level are spoken for by lines before it in the same group.

    A line given by name has a location even where the SKU has no level yet: there is nothing to
    promise then. One given by a handle that no level has is unknown.
    """
    row = operation.row
    location = operation.location - 1
    available = np.int64(0)
    if 0 <= row < header[LEVELS]:
        level = stock.levels[row]
        location = level.location
        available = promisable(level) - taken
        if is_quarantined(row, header, stock):
            available = min(available, np.int64(0))
        if stock.ended[level.sku]:
            return UNKNOWN_STOCK_LEVEL, available
    elif row != NO_LEVEL or location < 0:
        return UNKNOWN_STOCK_LEVEL, available
    if not stock.locations[location].enabled:
        return LOCATION_DISABLED, available
    if operation.quantity > available:
        return INSUFFICIENT_STOCK, available
    return ACCEPTED, available


@kernel
def decide_lines(operations, codes, available, taken, places, header, stock):
    """Decide the PENDING lines of one shard, all or none of which will be reserved, each against
    what the ones before it would leave. Nothing is written but `codes`, `available`, `taken`
    (int64, zeros at first) and `places`, an empty index.
    """
    stock, places = Stock(*stock), Index(*places)
    shard = header[SHARD]
    for i in range(operations.size):
        operation = operations[i]
        if operation.shard != shard or codes[i] != PENDING:
            continue
        h = hash_key(places, operation.row, shard)
        previous = previous_at_level(places, operations, i, h)
        if previous >= 0:
            taken[i] = taken[previous]
        codes[i], available[i] = decide_line(operation, taken[i], header, stock)
        if codes[i] == ACCEPTED:
            taken[i] += operation.quantity


@kernel
def read_levels(rows, header, stock, columns):
    """Fill `columns` (int64[6, rows], zeros at first) with on_hand, reserved, committed, what may
    be promised now, 1, and what is withheld. Rows that do not exist and those of SKUs that have
    ended stay as they are.
    """
    stock = Stock(*stock)
    for i in range(rows.size):
        if 0 <= rows[i] < header[LEVELS] and not stock.ended[stock.levels[rows[i]].sku]:
            level = stock.levels[rows[i]]
            columns[0, i] = level.on_hand
            columns[1, i] = level.reserved
            columns[2, i] = level.committed
            columns[3, i] = offered(promisable(level), takes_promises(rows[i], header, stock))
            columns[4, i] = 1
            columns[5, i] = level.withheld


@kernel
def promise_supplies(rows, places, units, header, stock, available):
    """Fill `available` (int64) with what may be promised of levels once the supply up to each has
    come: `units` of them (int64) at the levels `rows[places]`, those of a level by date.
    """
    stock = Stock(*stock)
    incoming = np.int64(0)
    for i in range(units.size):
        if i == 0 or places[i] != places[i - 1]:
            incoming = np.int64(0)
        incoming += units[i]
        row = rows[places[i]]
        units_later = promisable_later(stock.levels[row], incoming)
        available[i] = offered(units_later, takes_promises(row, header, stock))
