"""The fast lane: a run of single-line reserves of one shard, decided by one call of a kernel.

A turn under load holds dozens of them, and a call into compiled code costs about as much as the
reserve itself. The kernel answers the plain cases. Whatever needs words (an id seen before, an
unknown name) goes to the ledger, which says the same as if the lane were not there: the lane saves
time and decides nothing that the ledger would decide otherwise.
"""

from collections.abc import Sequence

import numpy as np

from . import kernels
from .columns import FLAG_TEXT, HOLD, pack_name
from .commands import Conflict, HoldOutcome, Reserve, Revision, Unknown
from .constants import NS_PER_MS
from .effects import Section
from .ledger import Ledger
from .shard import Shard


def takes(command: object, shard: Shard) -> bool:
    """Whether a command may go through the lane of a shard."""
    return type(command) is Reserve and len(command.lines) == 1 and not shard.has_disabled_locations


def reserve_run(
    ledger: Ledger, shard: Shard, commands: Sequence[Reserve], now_ns: int
) -> list[HoldOutcome | Conflict | Unknown]:
    """Reserve a run of commands that the lane takes, in order."""
    holds = np.array([_hold(shard, command) for command in commands], HOLD)
    codes = shard.reserve_batch(holds).tolist()
    revisions = (Revision(shard.number, shard.revision),)
    # The kernel has numbered the texts of accepted ids; they must be added before anything else is.
    for command, code in zip(commands, codes, strict=True):
        if code == kernels.ACCEPTED and command.key.text is not None:
            shard.record_name(Section.ID_TEXTS, pack_name(command.key.text))
    return [
        HoldOutcome(None, now_ns + command.hold_ms * NS_PER_MS, revisions)
        if code == kernels.ACCEPTED
        else ledger.reserve(command, now_ns)
        for command, code in zip(commands, codes, strict=True)
    ]


def _hold(shard: Shard, command: Reserve) -> tuple[int, ...]:
    key = command.key
    line = command.lines[0]
    flags = 0 if key.text is None else FLAG_TEXT
    row = shard.find_row(line.sku, line.location)
    return (key.hi, key.lo, line.quantity, row, command.hold_ms, flags, 0, 0)
