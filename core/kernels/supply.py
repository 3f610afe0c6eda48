"""Inbound supply: units that are announced and on their way to a stock level, also from another
location, as a transfer. The supplies of a level are chained from the newest to the oldest, and the
rows are dense: the last moves to where one leaves.
"""

import numpy as np

from ..limits import ON_HAND_MAX, SUPPLIES_CLOSED_MAX
from .arguments import FREE_SUPPLY_TEXTS, SUPPLY_TEXTS
from .blocks import give_back_block, take_block
from .compiled import kernel
from .retention import granules, lay_text


@kernel
def still_to_come(supply):
    """Units of a supply that have not come."""
    return max(np.int64(0), supply.quantity - supply.received)


@kernel
def is_supply_open(supply):
    """Whether units of a supply are still to come, or more of a transfer came than were dispatched:
    that may be because its dispatch is late.
    """
    if supply.quantity > supply.received:
        return True
    return supply.is_transfer != 0 and supply.quantity < supply.received


@kernel
def find_supply(heads, supplies, row, key_hi, key_lo):
    """The supply of a level with this key, or -1."""
    place = np.int64(heads[row])
    while place != 0:
        supply = supplies[place - 1]
        if supply.key_hi == key_hi and supply.key_lo == key_lo:
            return place - 1
        place = np.int64(supply.next)
    return np.int64(-1)


@kernel
def count_open(heads, supplies, row):
    """Supplies of a level that are open."""
    count = 0
    place = np.int64(heads[row])
    while place != 0:
        count += is_supply_open(supplies[place - 1])
        place = np.int64(supplies[place - 1].next)
    return count


@kernel
def sum_incoming(rows, heads, supplies, before_ns, incoming):
    """Fill `incoming` (int64) with the units that are still to come to these rows, and were
    expected before an instant.
    """
    for i in range(rows.size):
        units = np.int64(0)
        place = np.int64(heads[rows[i]])
        while place != 0:
            if supplies[place - 1].expected_ns < before_ns:
                units += still_to_come(supplies[place - 1])
            place = np.int64(supplies[place - 1].next)
        incoming[i] = units


@kernel
def list_open(rows, heads, supplies, most, numbers, places):
    """Fill `numbers` and `places` (int64) with the open supplies of rows and the index of the row
    of each, until there are `most`; return how many there are, and of how many rows. `numbers` has
    room for those of a level more.
    """
    count = 0
    for i in range(rows.size):
        if count >= most:
            return count, i
        place = np.int64(heads[rows[i]])
        while place != 0:
            if is_supply_open(supplies[place - 1]):
                numbers[count] = place - 1
                places[count] = i
                count += 1
            place = np.int64(supplies[place - 1].next)
    return count, rows.size


@kernel
def _point(heads, supplies, row, target, place):
    """Make what points at a supply (number + 1) of a level's chain point at another place."""
    if heads[row] == target:
        heads[row] = place
        return
    number = heads[row] - 1
    while supplies[number].next != target:
        number = supplies[number].next - 1
    supplies[number].next = place


@kernel
def _remove(heads, supplies, count, number, header, text_records):
    """Take a supply out of its chain, and return how many are left."""
    gone = supplies[number]
    _point(heads, supplies, np.int64(gone.row), number + 1, gone.next)
    size = granules(np.int64(gone.text_size))
    give_back_block(
        text_records, header, SUPPLY_TEXTS, FREE_SUPPLY_TEXTS, np.int64(gone.text), size
    )
    end = count - 1
    if number != end:
        last = supplies[end]
        _point(heads, supplies, np.int64(last.row), end + 1, number + 1)
        gone.quantity = last.quantity
        gone.received = last.received
        gone.expected_ns = last.expected_ns
        gone.said_ns = last.said_ns
        gone.changed_ns = last.changed_ns
        gone.sequence = last.sequence
        gone.key_hi = last.key_hi
        gone.key_lo = last.key_lo
        gone.row = last.row
        gone.next = last.next
        gone.text = last.text
        gone.source = last.source
        gone.resets = last.resets
        gone.text_size = last.text_size
        gone.is_transfer = last.is_transfer
    return end


@kernel
def _drop_closed(heads, supplies, count, row, header, text_records):
    """Drop the closed supply of a level that changed longest ago, when too many are closed."""
    closed = 0
    oldest = np.int64(-1)
    place = np.int64(heads[row])
    while place != 0:
        supply = supplies[place - 1]
        if not is_supply_open(supply):
            closed += 1
            if oldest < 0 or supply.changed_ns <= supplies[oldest].changed_ns:
                oldest = place - 1
        place = np.int64(supply.next)
    if closed <= SUPPLIES_CLOSED_MAX:
        return count
    return _remove(heads, supplies, count, oldest, header, text_records)


@kernel
def _add(effect, text, heads, supplies, count, header, texts):
    """Store a supply of which nothing is known yet, as the newest of its level."""
    text_records, data = texts
    size = np.int64(effect.text_size)
    start = take_block(text_records, header, SUPPLY_TEXTS, FREE_SUPPLY_TEXTS, granules(size))
    lay_text(text, data, start, True)
    supply = supplies[count]
    supply.quantity = 0
    supply.received = 0
    supply.expected_ns = 0
    supply.said_ns = 0
    supply.sequence = 0
    supply.key_hi = effect.key_hi
    supply.key_lo = effect.key_lo
    supply.row = effect.row
    supply.source = 0
    supply.resets = 0
    supply.text = start
    supply.text_size = size
    supply.is_transfer = effect.is_transfer
    supply.next = heads[effect.row]
    heads[effect.row] = count + 1


@kernel
def apply_supplies(effects, packed, heads, supplies, count, header, texts, sources, now_ns):
    """Store what is said of supply (Section.SUPPLIES), and what has come of it; return how many
    supplies there are, or -1 when there is no room for one. `packed` (uint8) has the texts of those
    that are new, one after the other.
    """
    at = 0
    for i in range(effects.size):
        effect = effects[i]
        row = np.int64(effect.row)
        number = find_supply(heads, supplies, row, effect.key_hi, effect.key_lo)
        if number < 0:
            if count == supplies.size:
                return np.int64(-1)
            number = count
            end = at + np.int64(effect.text_size)
            _add(effect, packed[at:end], heads, supplies, number, header, texts)
            at = end
            count += 1
        supply = supplies[number]
        supply.changed_ns = now_ns
        if effect.is_receipt:
            supply.received = min(supply.received + effect.units, ON_HAND_MAX)
        elif effect.is_transfer:
            supply.quantity += effect.units
            supply.expected_ns = max(supply.expected_ns, effect.expected_ns)
        else:
            supply.quantity = effect.units
            supply.expected_ns = effect.expected_ns
            supply.said_ns = effect.said_ns
            supply.sequence = effect.sequence
            supply.source = effect.source
            supply.resets = sources[effect.source].resets
        count = _drop_closed(heads, supplies, count, row, header, texts[0])
    return count


@kernel
def drop_supplies(row, heads, supplies, count, header, text_records):
    """Drop all supplies of a level; return how many are left."""
    while heads[row] != 0:
        count = _remove(heads, supplies, count, np.int64(heads[row] - 1), header, text_records)
    return count
