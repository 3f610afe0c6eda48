"""Stock levels: rows by SKU and location."""

import numpy as np

from .arguments import UNITS_COMMITTED, UNITS_ON_HAND, UNITS_RESERVED, Index
from .codes import NO_SOURCE, UNCOUNTED, UNKNOWN_LOCATION, UNKNOWN_SKU
from .compiled import kernel
from .hash_slots import enter, fill_slot, find_home, hash_key, number_at, probe
from .names import find_name

_LOW = (1 << 32) - 1


@kernel
def find_level(index, levels, sku, location):
    """The row of a SKU at a location, or -1."""
    index = Index(*index)
    h = hash_key(index, sku, location)
    slot = probe(index, find_home(index, h), h)
    while index.slots[slot] != 0:
        row = number_at(index, slot, h)
        if levels[row].sku == sku and levels[row].location == location:
            return row
        slot = probe(index, slot + 1, h)
    return np.int64(-1)


@kernel
def find_row(sku, skus, location, locations, index, levels):
    """The row of a SKU and location given by name (uint8[bytes]), or NO_LEVEL, UNKNOWN_SKU,
    UNKNOWN_LOCATION.
    """
    sku_number = find_name(skus, sku)
    if sku_number < 0:
        return np.int64(UNKNOWN_SKU)
    location_number = find_name(locations, location)
    if location_number < 0:
        return np.int64(UNKNOWN_LOCATION)
    return find_level(index, levels, sku_number, location_number)


@kernel
def find_rows(
    sku_bytes, sku_ends, skus, location_bytes, location_ends, locations, index, levels, rows
):
    """`find_row` for many, given as in `find_names`; `rows` (int64) answers."""
    sku_at = 0
    location_at = 0
    for i in range(rows.size):
        sku = sku_bytes[sku_at : sku_ends[i]]
        location = location_bytes[location_at : location_ends[i]]
        rows[i] = find_row(sku, skus, location, locations, index, levels)
        sku_at = sku_ends[i]
        location_at = location_ends[i]


@kernel
def list_levels(numbers, chain, sku_levels, ends, rows):
    """Write the rows of SKUs (int64 numbers) one after the other, and where those of each end;
    return of how many SKUs there was room for all rows.
    """
    end = 0
    for i in range(numbers.size):
        row = sku_levels[numbers[i], 0]
        while row != 0:
            if end == rows.size:
                return i
            rows[end] = row - 1
            end += 1
            row = chain[row - 1]
        ends[i] = end
    return numbers.size


@kernel
def index_levels(start, end, levels, index, chain, sku_levels):
    """Index rows [start, end): by SKU and location, and as a chain per SKU in row order.

    `chain[row]` is the next row of the same SKU + 1; `sku_levels[sku]` is (first row + 1, last row
    + 1).
    """
    index = Index(*index)
    for row in range(start, end):
        sku = levels[row].sku
        enter(index, hash_key(index, sku, levels[row].location), row)
        chain[row] = 0
        if sku_levels[sku, 0] == 0:
            sku_levels[sku, 0] = row + 1
        else:
            chain[sku_levels[sku, 1] - 1] = row + 1
        sku_levels[sku, 1] = row + 1


@kernel
def apply_levels(effects, levels, count):
    """Append empty stock levels."""
    for i in range(effects.size):
        levels[count + i].on_hand = 0
        levels[count + i].reserved = 0
        levels[count + i].committed = 0
        levels[count + i].withheld = 0
        levels[count + i].sku = effects[i].sku
        levels[count + i].location = effects[i].location


@kernel
def begin_counts(effects, last_counts, start):
    """Note of new levels that nobody has counted or fed them. Earlier builds did not say so."""
    for i in range(effects.size):
        if effects[i].is_uncounted:
            last_counts[start + i].source = NO_SOURCE
            last_counts[start + i].resets = UNCOUNTED


@kernel
def add_units(header, total, units):
    """Add to a running total. It takes two places of the header, the low 32 bits and the rest: five
    levels at their limit are more than an int64.
    """
    low = header[total] + (units & _LOW)
    header[total] = low & _LOW
    header[total + 1] += (units >> 32) + (low >> 32)


@kernel
def sum_levels(levels, count, header):
    """Add on_hand, reserved and committed of all rows to their running totals."""
    # The halves are summed in registers, a quarter faster than in the header. 2^31 rows of less
    # than 2^32 each stay within an int64.
    on_hand = reserved = committed = np.int64(0)
    high_on_hand = high_reserved = high_committed = np.int64(0)
    for row in range(count):
        level = levels[row]
        on_hand += level.on_hand & _LOW
        reserved += level.reserved & _LOW
        committed += level.committed & _LOW
        high_on_hand += level.on_hand >> 32
        high_reserved += level.reserved >> 32
        high_committed += level.committed >> 32
    for total, low, high in (
        (UNITS_ON_HAND, on_hand, high_on_hand),
        (UNITS_RESERVED, reserved, high_reserved),
        (UNITS_COMMITTED, committed, high_committed),
    ):
        add_units(header, total, low)
        header[total + 1] += high


@kernel
def previous_at_level(index, records, i, h):
    """The record before `i` at the same stock level, whose hash as (row, shard) is `h`, or -1; `i`
    takes its slot.

    The slots are empty at the first call, with room for every record.
    """
    row, shard = records[i].row, records[i].shard
    slot = probe(index, find_home(index, h), h)
    while index.slots[slot] != 0:
        previous = number_at(index, slot, h)
        if records[previous].row == row and records[previous].shard == shard:
            index.slots[slot] = 0
            fill_slot(index, slot, h, i)
            return previous
        slot = probe(index, slot + 1, h)
    fill_slot(index, slot, h, i)
    return np.int64(-1)
