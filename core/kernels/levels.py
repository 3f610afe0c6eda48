"""Stock levels: rows by SKU and location."""

import numpy as np

from .codes import UNKNOWN_LOCATION, UNKNOWN_SKU
from .compiled import kernel
from .hashing import mix
from .names import find_name


@kernel
def hash_level(sku, location):
    """A hash of two small numbers, for slots."""
    return np.int64(mix(np.uint64(sku), np.uint64(location)))


@kernel
def find_level(slots, levels, sku, location):
    """The row of a SKU at a location, or -1."""
    mask = slots.size - 1
    slot = hash_level(sku, location) & mask
    while slots[slot] != 0:
        row = slots[slot] - 1
        if levels[row].sku == sku and levels[row].location == location:
            return np.int64(row)
        slot = (slot + 1) & mask
    return np.int64(-1)


@kernel
def find_row(sku, skus, location, locations, slots, levels):
    """The row of a SKU and location given by name (uint8[bytes]), or NO_LEVEL, UNKNOWN_SKU,
    UNKNOWN_LOCATION.
    """
    sku_number = find_name(skus, sku)
    if sku_number < 0:
        return np.int64(UNKNOWN_SKU)
    location_number = find_name(locations, location)
    if location_number < 0:
        return np.int64(UNKNOWN_LOCATION)
    return find_level(slots, levels, sku_number, location_number)


@kernel
def index_levels(start, end, levels, slots, chain, sku_levels):
    """Index rows [start, end): by SKU and location, and as a chain per SKU in row order.

    `chain[row]` is the next row of the same SKU + 1; `sku_levels[sku]` is (first row + 1, last row
    + 1).
    """
    mask = slots.size - 1
    for row in range(start, end):
        sku = levels[row].sku
        slot = hash_level(sku, levels[row].location) & mask
        while slots[slot] != 0:
            slot = (slot + 1) & mask
        slots[slot] = row + 1
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


@kernel
def previous_at_level(slots, records, i, row, shard):
    """The record before `i` at the same stock level, or -1; `i` takes its slot.

    Slots are int32[a power of two], empty at the first call, with room for every record.
    """
    mask = slots.size - 1
    slot = hash_level(row, shard) & mask
    while slots[slot] != 0:
        other = records[slots[slot] - 1]
        if other.row == row and other.shard == shard:
            break
        slot = (slot + 1) & mask
    previous = np.int64(slots[slot] - 1)
    slots[slot] = i + 1
    return previous
