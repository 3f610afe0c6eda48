"""Units of stock levels that are not for sale, by status: one record a level and status."""

from .arguments import Index
from .compiled import kernel
from .hash_slots import enter, find_home, hash_key, number_at, probe


@kernel
def find_unavailable(index, records, row, status):
    """The record of a level and a status, or -1. All statuses of a level lie under one hash."""
    index = Index(*index)
    h = hash_key(index, row, 0)
    slot = probe(index, find_home(index, h), h)
    while index.slots[slot] != 0:
        number = number_at(index, slot, h)
        if records[number].row == row and records[number].status == status:
            return number
        slot = probe(index, slot + 1, h)
    return -1


@kernel
def list_unavailable(index, records, rows, withheld, found):
    """Fill `found` (int64[n, 3]) with place, status and units of what is unavailable at `rows`, of
    which `withheld` says where there is any; return how much that is.
    """
    index = Index(*index)
    count = 0
    for place in range(rows.size):
        if withheld[place] == 0:
            continue
        h = hash_key(index, rows[place], 0)
        slot = probe(index, find_home(index, h), h)
        while index.slots[slot] != 0:
            record = records[number_at(index, slot, h)]
            if record.row == rows[place] and record.units > 0:
                found[count, 0] = place
                found[count, 1] = record.status
                found[count, 2] = record.units
                count += 1
            slot = probe(index, slot + 1, h)
    return count


@kernel
def index_unavailable(index, records):
    """Enter all records."""
    index = Index(*index)
    for number in range(records.size):
        enter(index, hash_key(index, records[number].row, 0), number)


@kernel
def apply_unavailable(effects, records, count, index, levels):
    """Add units to statuses, and to what their levels withhold; return how many records there are
    then.
    """
    for i in range(effects.size):
        effect = effects[i]
        number = find_unavailable(index, records, effect.row, effect.status)
        if number < 0:
            number = count
            records[number].units = 0
            records[number].row = effect.row
            records[number].status = effect.status
            slots = Index(*index)
            enter(slots, hash_key(slots, effect.row, 0), number)
            count += 1
        records[number].units += effect.units
        levels[effect.row].withheld += effect.units
    return count
