"""The fast lane: a run of single-line reserves of one shard, decided by one call of a kernel.

A turn under load holds dozens of them, and a call into compiled code costs about as much as the
reserve itself. The kernel answers the plain cases. Whatever needs words (an id seen before, an
unknown name) goes to the ledger, which says the same as if the lane were not there: the lane saves
time and decides nothing that the ledger would decide otherwise.
"""

from collections.abc import Sequence

import numpy as np

from .. import kernels
from ..commands import (
    Command,
    Conflict,
    HoldOutcome,
    Refusal,
    RefusedLine,
    Reserve,
    Revision,
    Unknown,
)
from ..limits import NS_PER_MS
from ..model import RefusalCode
from ..tables.effects import Section
from ..tables.layouts import OPERATION, pack_name
from ..tables.shard import Shard
from .reservations import Reservations


def takes(command: Command) -> bool:
    """Whether a command may go through the lane."""
    return type(command) is Reserve and len(command.lines) == 1


def reserve_run(
    reservations: Reservations, shard: Shard, commands: Sequence[Reserve], now_ns: int
) -> list[HoldOutcome | Conflict | Unknown]:
    """Reserve a run of commands that the lane takes, in order."""
    operations = np.array([_operation(shard, command) for command in commands], OPERATION)
    codes = np.zeros(len(operations), np.uint8)  # PENDING
    available = np.empty(len(operations), np.int64)
    outcomes: list[HoldOutcome | Conflict | Unknown] = []
    while (start := len(outcomes)) < len(commands):
        rest = slice(start, None)
        seen = shard.reserve_batch(
            operations[rest], len(commands) - start, codes[rest], available[rest], stop=True
        )
        run = slice(start, start + seen)
        answers = zip(commands[run], codes[run].tolist(), available[run].tolist(), strict=True)
        for command, code, left in answers:
            if code == kernels.ACCEPTED:
                outcomes.append(_accept(shard, command, now_ns))
            elif code == kernels.INSUFFICIENT_STOCK:
                outcomes.append(_refuse(shard, command, left))
            else:
                outcomes.append(reservations.reserve(command, now_ns))
    return outcomes


def _refuse(shard: Shard, command: Reserve, available: int) -> HoldOutcome:
    line = command.lines[0]
    refused = RefusedLine(line.sku, line.location, line.quantity, available)
    revisions = (Revision(shard.number, shard.revision),)
    return HoldOutcome(Refusal(RefusalCode.INSUFFICIENT_STOCK, (refused,)), 0, revisions)


def _accept(shard: Shard, command: Reserve, now_ns: int) -> HoldOutcome:
    if command.key.text is not None:
        # The kernel has numbered the texts of the ids that it accepted, in this order.
        shard.record_name(Section.ID_TEXTS, pack_name(command.key.text))
    expires_at_ns = now_ns + command.hold_ms * NS_PER_MS
    return HoldOutcome(None, expires_at_ns, (Revision(shard.number, shard.revision),))


def _operation(shard: Shard, command: Reserve) -> tuple[int, ...]:
    key = command.key
    line = command.lines[0]
    flags = 0 if key.text is None else kernels.FLAG_TEXT
    row = shard.find_row(line.sku, line.location)
    return (key.hi, key.lo, line.quantity, row, command.hold_ms, shard.number, flags, 0)
