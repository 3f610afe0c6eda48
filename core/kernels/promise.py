"""What may still be promised, and whether a line can be reserved.

Single calls, runs of single-line reserves, batches and linked groups are decided here, and reads of
`available` come from here.
"""

import numpy as np

from ..limits import ON_HAND_MAX
from .arguments import (
    LEVELS,
    NOT_CURRENT,
    QUARANTINED,
    QUARANTINED_SKUS,
    RESTRICTED,
    SHARD,
    Index,
    Stock,
)
from .codes import (
    ACCEPTED,
    CAP,
    CAP_MAX,
    CURRENT,
    INSUFFICIENT_STOCK,
    LOCATION_DISABLED,
    NO_LEVEL,
    PENDING,
    SELL_ON,
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
def promisable_at(row, levels):
    """The same of the level at a row."""
    return promisable(levels[row])


@kernel
def promisable_later(level, incoming):
    """The same when so many more units have come, less those of them that are promised already."""
    return promisable(level) + incoming


@kernel
def is_in_range(on_hand, available):
    """Whether a stock fact may leave a level with so many units on hand, and so many of them that
    may still be promised.

    It is the guard of all arithmetic on stock levels, because no command on reservations leads out
    of this range. A promise takes what is available, which is ON_HAND_MAX at most; one of what is
    sold already may leave a shortfall of that much (`decide_sold_line`). A fulfilment takes from
    `on_hand` and `committed` alike, so what is available stays what it was, and with it `on_hand`,
    which is not less, stays above -ON_HAND_MAX.
    """
    return on_hand <= ON_HAND_MAX and available >= -ON_HAND_MAX


@kernel
def _is_sku_quarantined(sku, header, stock):
    low = 0
    high = header[QUARANTINED_SKUS]
    while low < high:
        middle = (low + high) // 2
        if stock.quarantined_skus[middle].sku < sku:
            low = middle + 1
        else:
            high = middle
    return low < header[QUARANTINED_SKUS] and stock.quarantined_skus[low].sku == sku


@kernel
def is_quarantined(row, header, stock):
    """Whether a stock level is in quarantine, or its SKU: what it has is not to be trusted."""
    if _is_sku_quarantined(stock.levels[row].sku, header, stock):
        return True
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
def may_promise(row, header, stock):
    """Whether units of a stock level may be promised: neither its location nor itself stands
    still.
    """
    is_enabled = stock.locations[stock.levels[row].location].enabled != 0
    return is_enabled and not is_quarantined(row, header, stock)


@kernel
def state_of(row, header, stock):
    """The SourceState of the source of a level: the one that counted it last, or, while none has,
    whose receipt or adjustment came last.
    """
    if header[NOT_CURRENT] > 0:
        source = stock.last_counts[row].source
        if source >= 0 and stock.sources[source].state > 0:
            return np.int64(stock.sources[source].state)
    return np.int64(CURRENT)


@kernel
def is_restricted(source):
    """Whether a source is not current, and restricts what may be promised then."""
    return 0 < source.state < CURRENT and source.fallback > SELL_ON


@kernel
def cap_of(sources, number):
    """How many units may be promised at each level of a source; CAP_MAX for any number."""
    source = sources[number]
    if not is_restricted(source):
        return np.int64(CAP_MAX)
    return source.cap if source.fallback == CAP else np.int64(0)


@kernel
def cap_at(row, header, stock):
    """How many units may be promised at a row, as far as its source goes."""
    if header[RESTRICTED] > 0:
        number = stock.last_counts[row].source
        if number >= 0:
            return cap_of(stock.sources, number)
    return np.int64(CAP_MAX)


@kernel
def offered(units, promised, cap, takes):
    """What may be promised now of units that are promisable, besides those that are promised and
    within a cap on both: none where no promises are made. A shortfall is still a shortfall.
    """
    return min(units, max(cap - promised, 0)) if takes else min(units, 0)


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
        promised, cap = level.reserved + level.committed + taken, cap_at(row, header, stock)
        is_trusted = not is_quarantined(row, header, stock)
        available = offered(promisable(level) - taken, promised, cap, is_trusted)
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
def decide_sold_line(operation, taken, header, stock):
    """(code, units) of one line that is sold already, which is a fact: no lack of stock speaks
    against it, and nothing that lets no promises be made of what there is. It needs a SKU that has
    not ended, and room: `units` is how many more its level can be short of.
    """
    row = operation.row
    room = np.int64(ON_HAND_MAX) - taken
    if 0 <= row < header[LEVELS]:
        level = stock.levels[row]
        room += promisable(level)
        if stock.ended[level.sku]:
            return UNKNOWN_STOCK_LEVEL, room
    elif row != NO_LEVEL or operation.location < 1:
        return UNKNOWN_STOCK_LEVEL, room
    return ACCEPTED if operation.quantity <= room else INSUFFICIENT_STOCK, room


@kernel
def decide_lines(operations, codes, available, taken, places, header, stock, is_sold):
    """Decide the PENDING lines of one shard, all or none of which will be reserved, each against
    what the ones before it would leave; `is_sold` says that they are sold already. Nothing is
    written but `codes`, `available`, `taken` (int64, zeros at first) and `places`, an empty index.
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
        if is_sold:
            codes[i], available[i] = decide_sold_line(operation, taken[i], header, stock)
        else:
            codes[i], available[i] = decide_line(operation, taken[i], header, stock)
        if codes[i] == ACCEPTED:
            taken[i] += operation.quantity


@kernel
def read_levels(rows, header, stock, columns):
    """Fill `columns` (int64[7, rows], zeros at first) with on_hand, reserved, committed, what may
    be promised now, 1, what is withheld, and the SourceState. Rows that do
    not exist and those of SKUs that have ended stay as they are.
    """
    stock = Stock(*stock)
    for i in range(rows.size):
        if 0 <= rows[i] < header[LEVELS] and not stock.ended[stock.levels[rows[i]].sku]:
            level = stock.levels[rows[i]]
            columns[0, i] = level.on_hand
            columns[1, i] = level.reserved
            columns[2, i] = level.committed
            promised, cap = level.reserved + level.committed, cap_at(rows[i], header, stock)
            takes = may_promise(rows[i], header, stock)
            columns[3, i] = offered(promisable(level), promised, cap, takes)
            columns[4, i] = 1
            columns[5, i] = level.withheld
            columns[6, i] = state_of(rows[i], header, stock)


@kernel
def promise_supplies(rows, places, units, backordered, header, stock, available):
    """Fill `available` (int64) with what may be promised of levels once the supply up to each has
    come: `units` of them (int64) at the levels `rows[places]`, those of a level by date. What is
    backordered (int64[levels]) takes of it first.
    """
    stock = Stock(*stock)
    incoming = np.int64(0)
    for i in range(units.size):
        if i == 0 or places[i] != places[i - 1]:
            incoming = np.int64(0)
        incoming += units[i]
        row = rows[places[i]]
        level = stock.levels[row]
        promised, cap = level.reserved + level.committed, cap_at(row, header, stock)
        takes = may_promise(row, header, stock)
        later = promisable_later(level, incoming - backordered[row])
        available[i] = offered(later, promised, cap, takes)
