"""Stock facts: what a fact changes, live and in replay."""

from .arguments import UNITS_ON_HAND
from .compiled import kernel


@kernel
def apply_stock(effects, header, levels, source_sequences):
    """Change stock on hand, and note how far each source has come."""
    for i in range(effects.size):
        levels[effects[i].row].on_hand += effects[i].delta
        header[UNITS_ON_HAND] += effects[i].delta
        if effects[i].sequence > 0:
            source_sequences[effects[i].source] = effects[i].sequence


@kernel
def apply_event_keys(effects, records, now_ns):
    """Fill in the records of the events that have an id."""
    keyed = 0
    for i in range(effects.size):
        effect = effects[i]
        if effect.has_key:
            record = records[keyed]
            record.key_hi = effect.key_hi
            record.key_lo = effect.key_lo
            record.at_ns = now_ns
            keyed += 1
