"""Batches: many plain operations as columns, answered by one code each.

A batch is worked shard by shard by the kernels; no object is made per operation. What a kernel
cannot decide alone (ASK: a reservation over several shards, an id that another shard may know) goes
through reservations.py one by one, so that a batch and the single calls agree.
"""

from collections.abc import Sequence

import numpy as np

from .. import kernels
from ..commands import (
    BatchCodes,
    Line,
    Move,
    MoveBatch,
    MoveOutcome,
    Reserve,
    ReserveBatch,
    ReserveOutcome,
    Revision,
)
from ..commands.registry import MOVE_BATCH, RESERVE_BATCH, executes
from ..ids import Key
from ..kernels.codes import (
    ACCEPTED,
    ASK,
    ID_REUSED,
    INVALID_ID,
    LINKED_REFUSED,
    PENDING,
    REPEATED,
    UNKNOWN_RESERVATION,
    UNKNOWN_STOCK_LEVEL,
)
from ..limits import PART_NUMBER_BITS
from ..model import TRANSITIONS, Remainder, Verb
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import move_batch, reserve_batch
from . import joint_turn
from .homes import Homes
from .reservations import REFUSALS, Reservations

_CODES = {refusal: code for code, refusal in REFUSALS.items()}


class Batches:
    """Batches over the shards of a node."""

    def __init__(self, shards: Sequence[Shard], homes: Homes, reservations: Reservations) -> None:
        self.shards = shards
        self.homes = homes
        self.reservations = reservations

    @executes(RESERVE_BATCH)
    def reserve(self, command: ReserveBatch, now_ns: int) -> BatchCodes:
        """Reserve single lines, each by itself, or all or none where they are linked."""
        operations = command.operations
        codes, counts = self._judge_form(operations)
        if command.linked is None:
            self._reserve_run(operations, counts, codes, now_ns)
        else:
            for start, end, is_group in _segments(command.linked):
                part, answers = operations[start:end], codes[start:end]
                if is_group:
                    self._reserve_group(part, answers, now_ns)
                else:
                    self._reserve_run(part, counts, answers, now_ns)
        touched = [shard for shard, count in zip(self.shards, counts, strict=True) if count]
        return BatchCodes(codes, now_ns, joint_turn.revisions(touched))

    def _judge_form(self, operations: Array) -> tuple[Array, list[int]]:
        """Codes with what is malformed answered and the rest PENDING, and counts by shard."""
        codes = np.empty(len(operations), np.uint8)
        counts = np.zeros(len(self.shards), np.int64)
        kernels.judge_operations(operations, codes, counts)
        return codes, counts.tolist()

    def _reserve_run(
        self, operations: Array, counts: Sequence[int], codes: Array, now_ns: int
    ) -> None:
        """Reserve the PENDING operations, of which a shard has `counts` at most."""
        available = np.empty(len(operations), np.int64)
        for shard, count in zip(self.shards, counts, strict=True):
            if count:
                most = min(count, len(operations))
                reserve_batch(shard, operations, most, codes, available, stop=False)
        for index in np.flatnonzero(codes == ASK):
            codes[index] = self._ask_reserve(operations[index], now_ns)

    def _ask_reserve(self, operation: Array, now_ns: int) -> int:
        key = _key(operation)
        is_known = bool(self.reservations.parts_of(key))
        shard, row = self.shards[int(operation["shard"])], int(operation["row"])
        if not is_known and not shard.is_open(row):
            return UNKNOWN_STOCK_LEVEL
        if not 0 <= row < len(shard.levels):
            return ID_REUSED
        sku, location = shard.name_row(row)
        line = Line(sku, location, int(operation["quantity"]))
        reserve = Reserve(key, (line,), int(operation["hold_ms"]))
        outcome = self.reservations.reserve(reserve, now_ns)
        if not isinstance(outcome, ReserveOutcome):
            return ID_REUSED if is_known else UNKNOWN_STOCK_LEVEL
        if outcome.refusal is not None:
            return _CODES[outcome.refusal.code]
        return REPEATED if outcome.is_repeat else ACCEPTED

    def _reserve_group(self, operations: Array, codes: Array, now_ns: int) -> None:
        """Reserve linked operations all or none, each decided against what those before it in the
        group would leave.
        """
        self._answer_known(operations, codes)
        pending = operations[codes == PENDING]
        touched = [self.shards[number] for number in joint_turn.shards_of(pending)]
        joint_turn.decide(touched, operations, codes)
        if np.any((codes != ACCEPTED) & (codes != REPEATED)):
            # What was held before is held still, and says so.
            codes[codes == ACCEPTED] = LINKED_REFUSED
            return
        # Point of no return: every operation of the group is to be had.
        codes[codes == ACCEPTED] = PENDING
        counts = [len(operations)] * len(self.shards)
        self._reserve_run(operations, counts, codes, now_ns)

    def _answer_known(self, operations: Array, codes: Array) -> None:
        """Answer operations of a group whose id is known, or stands twice in the group."""
        keys: set[bytes] = set()
        for index in np.flatnonzero(codes == PENDING):
            key = _key(operations[index])
            if key.packed in keys:
                codes[index] = ID_REUSED
            elif self.reservations.parts_of(key):
                codes[index] = self._ask_reserve(operations[index], 0)
            keys.add(key.packed)

    @executes(MOVE_BATCH)
    def move(self, command: MoveBatch, now_ns: int) -> BatchCodes:
        """Commit, fulfill or release reservations whole."""
        operations = command.operations
        parts = np.empty(len(operations), np.int64)
        kernels.find_parts(self.homes.index.arrays, operations, parts)
        codes = np.full(len(operations), PENDING, np.uint8)
        codes[parts < 0] = UNKNOWN_RESERVATION
        codes[(operations["key_hi"] | operations["key_lo"]) == 0] = INVALID_ID
        leaves, enters = TRANSITIONS[command.verb]
        for shard in self.shards:
            move_batch(shard, operations, parts, codes, leaves, enters)
        for index in np.flatnonzero(codes == ASK):
            codes[index] = self._ask_move(command.verb, _key(operations[index]), now_ns)
        return BatchCodes(codes, now_ns, revisions_of(self.shards, parts >> PART_NUMBER_BITS))

    def _ask_move(self, verb: Verb, key: Key, now_ns: int) -> int:
        outcome = self.reservations.move(Move(verb, key, None, None, Remainder.KEEP), now_ns)
        if not isinstance(outcome, MoveOutcome):
            return UNKNOWN_RESERVATION
        if outcome.refusal is None:
            return ACCEPTED
        _, enters = TRANSITIONS[verb]
        is_done = kernels.is_done(self.reservations.units(key), int(enters))
        return REPEATED if is_done else _CODES[outcome.refusal.code]


def revisions_of(shards: Sequence[Shard], numbers: Array) -> tuple[Revision, ...]:
    """Revisions of the shards among these numbers; a number that no shard has is passed over."""
    touched = set(np.unique(numbers).tolist())
    return joint_turn.revisions([shard for shard in shards if shard.number in touched])


def _segments(linked: Array) -> list[tuple[int, int, bool]]:
    """Cut a batch into runs of unlinked operations and linked groups: (start, end, is a group)."""
    ends = np.flatnonzero(linked == 0) + 1
    segments: list[tuple[int, int, bool]] = []
    start = 0
    for end in [*ends.tolist(), len(linked)]:
        if end - start == 1 and segments and not segments[-1][2]:
            segments[-1] = (segments[-1][0], end, False)
        elif end > start:
            segments.append((start, end, end - start > 1))
        start = end
    return segments


def _key(operation: Array) -> Key:
    return Key(int(operation["key_hi"]), int(operation["key_lo"]), None)
