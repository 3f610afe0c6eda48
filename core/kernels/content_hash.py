"""Hashes of content by name and quantity: sums, so that order does not matter."""

import numpy as np

from .arguments import Book
from .codes import RETURNED, STATES_END
from .compiled import kernel
from .hashing import hash_bytes, mix
from .names import names_of
from .reservations import units
from .supply import is_supply_open


@kernel
def _hash_name(names, number):
    return hash_bytes(names.arena, names.offsets[number], names.offsets[number + 1])


@kernel
def _hash_row(levels, row, seed, skus, locations):
    h = mix(seed, _hash_name(skus, levels[row].sku))
    return mix(h, _hash_name(locations, levels[row].location))


@kernel
def hash_levels(start, end, levels, seed, skus, locations):
    """Sum of a hash per stock level of rows [start, end) over names and quantities."""
    skus, locations = names_of(skus), names_of(locations)
    total = np.uint64(0)
    for row in range(start, end):
        h = _hash_row(levels, row, seed, skus, locations)
        h = mix(h, np.uint64(levels[row].on_hand))
        h = mix(h, np.uint64(levels[row].reserved))
        total += mix(h, np.uint64(levels[row].committed))
    return total


@kernel
def hash_unavailable(records, levels, seed, skus, locations, statuses):
    """Sum of a hash per level and status over names and units, where there are any."""
    skus, locations, statuses = names_of(skus), names_of(locations), names_of(statuses)
    total = np.uint64(0)
    for number in range(records.size):
        record = records[number]
        if record.units != 0:
            h = _hash_row(levels, record.row, seed, skus, locations)
            h = mix(h, _hash_name(statuses, record.status))
            total += mix(h, np.uint64(record.units))
    return total


@kernel
def hash_supplies(supplies, levels, seed, skus, locations):
    """Sum of a hash per open supply: over names, units to come (or with a minus, too many) and
    date.
    """
    skus, locations = names_of(skus), names_of(locations)
    total = np.uint64(0)
    for number in range(supplies.size):
        supply = supplies[number]
        if is_supply_open(supply):
            units = supply.quantity - supply.received
            h = _hash_row(levels, supply.row, seed, skus, locations)
            h = mix(mix(h, supply.key_hi), supply.key_lo)
            total += mix(mix(h, np.uint64(units)), np.uint64(supply.expected_ns))
    return total


@kernel
def hash_backorders(backorders, reservations, levels, seed, skus, locations):
    """Sum of a hash per line with units that are promised from supply: over reservation id, names,
    units and the latest date.
    """
    skus, locations = names_of(skus), names_of(locations)
    total = np.uint64(0)
    for number in range(backorders.size):
        record = backorders[number]
        promised = reservations[record.reservation]
        h = mix(mix(seed, promised.key_hi), promised.key_lo)
        h = _hash_row(levels, record.row, h, skus, locations)
        total += mix(mix(h, np.uint64(record.units)), np.uint64(record.latest_ns))
    return total


@kernel
def hash_lines(start, end, book, levels, seed, skus, locations):
    """Sum of a hash per line of reservations [start, end) over reservation id, names and units by
    state; times do not count.
    """
    book, skus, locations = Book(*book), names_of(skus), names_of(locations)
    total = np.uint64(0)
    for number in range(start, end):
        record = book.reservations[number]
        id_hash = mix(seed ^ record.key_hi, record.key_lo)
        for line in range(record.first_line, record.first_line + record.line_count):
            h = _hash_row(levels, book.lines[line].row, id_hash, skus, locations)
            for state in range(1, STATES_END):
                quantity = units(book, line, state)
                # Earlier builds had no such state: what has no units in it hashes as it did there.
                if state != RETURNED or quantity > 0:
                    h = mix(h, np.uint64(quantity))
            total += h
    return total


@kernel
def end_of_lines(start, end, lines_max, book):
    """The end of reservations from `start` on that have `lines_max` lines between them, or one more
    reservation's; `end` at most.
    """
    book = Book(*book)
    number = start
    while number < end and lines_max > 0:
        lines_max -= book.reservations[number].line_count
        number += 1
    return number
