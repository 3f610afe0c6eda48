"""Batches: many plain operations as columns, answered by one code each.

A batch is worked shard by shard by the kernels; no object is made per operation. What a kernel
cannot decide alone (ASK: a reservation over several shards, an id that another shard may know) goes
through the ledger one by one, so a batch and the single calls can never disagree.

A handle names a stock level by number: shard << 40 | row + 1. Rows are never moved, so a handle
holds for ever; 0 is no handle.
"""

from collections.abc import Sequence

import numpy as np

from .. import kernels
from ..commands import (
    BatchCodes,
    Handles,
    HoldOutcome,
    LevelColumns,
    Line,
    Move,
    MoveBatch,
    MoveOutcome,
    ReadLevels,
    Reserve,
    ReserveBatch,
    ResolveLevels,
    Revision,
)
from ..commands.registry import (
    MOVE_BATCH,
    READ_LEVELS,
    RESERVE_BATCH,
    RESOLVE_LEVELS,
    executes,
)
from ..ids import Key
from ..limits import HOLD_MS_MAX, HOLD_MS_MIN, PART_NUMBER_BITS, QUANTITY_MAX
from ..model import TRANSITIONS, RefusalCode, Remainder, State, Verb
from ..tables.layouts import Array
from ..tables.shard import Shard
from . import joint_turn
from .homes import Homes
from .reservations import Reservations

_ROW_MASK = (1 << PART_NUMBER_BITS) - 1

_REFUSED = {
    RefusalCode.INSUFFICIENT_STOCK: kernels.INSUFFICIENT_STOCK,
    RefusalCode.LOCATION_DISABLED: kernels.LOCATION_DISABLED,
    RefusalCode.EXPIRED: kernels.BATCH_EXPIRED,
    RefusalCode.WRONG_STATE: kernels.WRONG_STATE,
}

#: States that show a verb has been done already: a repeat finds nothing left and is answered
#: REPEATED.
_DONE = {
    Verb.COMMIT: (State.COMMITTED, State.FULFILLED),
    Verb.FULFILL: (State.FULFILLED,),
    Verb.RELEASE: (State.RELEASED,),
}


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
        """Answer what is malformed in itself, with the rest PENDING, and count by shard."""
        codes = np.empty(len(operations), np.uint8)
        counts = np.zeros(len(self.shards), np.int64)
        kernels.judge_operations(operations, HOLD_MS_MIN, HOLD_MS_MAX, QUANTITY_MAX, codes, counts)
        return codes, counts.tolist()

    def _reserve_run(
        self, operations: Array, counts: Sequence[int], codes: Array, now_ns: int
    ) -> None:
        """Reserve the pending operations, of which a shard has `counts` at most."""
        available = np.empty(len(operations), np.int64)
        for shard, count in zip(self.shards, counts, strict=True):
            if count:
                most = min(count, len(operations))
                shard.reserve_batch(operations, most, codes, available, stop=False)
        for index in np.flatnonzero(codes == kernels.ASK):
            codes[index] = self._ask_reserve(operations[index], now_ns)

    def _ask_reserve(self, operation: Array, now_ns: int) -> int:
        key = _key(operation)
        is_known = bool(self.reservations.parts_of(key))
        shard, row = self.shards[int(operation["shard"])], int(operation["row"])
        if not is_known and not shard.is_open(row):
            return kernels.UNKNOWN_STOCK_LEVEL
        if not 0 <= row < len(shard.levels):
            return kernels.ID_REUSED
        sku, location = shard.name_row(row)
        line = Line(sku, location, int(operation["quantity"]))
        outcome = self.reservations.reserve(
            Reserve(key, (line,), int(operation["hold_ms"])), now_ns
        )
        if not isinstance(outcome, HoldOutcome):
            return kernels.ID_REUSED if is_known else kernels.UNKNOWN_STOCK_LEVEL
        if outcome.refusal is not None:
            return _REFUSED[outcome.refusal.code]
        return kernels.REPEATED if is_known else kernels.ACCEPTED

    def _reserve_group(self, operations: Array, codes: Array, now_ns: int) -> None:
        """Reserve linked operations all or none.

        Each is tried in the order of the batch against what the group has taken so far. When any is
        not to be had, nothing was written: the trial is on copies of the stock levels.
        """
        self._try_group(operations, codes)
        if np.all(codes == kernels.REPEATED):
            return
        if np.any((codes != kernels.PENDING) & (codes != kernels.REPEATED)):
            codes[(codes == kernels.PENDING) | (codes == kernels.REPEATED)] = kernels.LINKED_REFUSED
            return
        # Point of no return: every operation of the group is to be had.
        counts = [len(operations)] * len(self.shards)
        self._reserve_run(operations, counts, codes, now_ns)

    def _try_group(self, operations: Array, codes: Array) -> None:
        taken: dict[tuple[int, int], int] = {}
        keys: set[tuple[int, int]] = set()
        for index in np.flatnonzero(codes == kernels.PENDING):
            operation = operations[index]
            level = (int(operation["shard"]), int(operation["row"]))
            quantity = taken.get(level, 0) + int(operation["quantity"])
            code = self._try(operation, quantity, keys)
            if code == kernels.PENDING:
                taken[level] = quantity
            codes[index] = code

    def _try(self, operation: Array, quantity: int, keys: set[tuple[int, int]]) -> int:
        """Judge one operation of a group; PENDING when nothing speaks against it."""
        key = _key(operation)
        shard, row = int(operation["shard"]), int(operation["row"])
        if (key.hi, key.lo) in keys:
            return kernels.ID_REUSED
        keys.add((key.hi, key.lo))
        if self.reservations.parts_of(key):
            return self._ask_reserve(operation, 0)
        if not self.shards[shard].is_open(row):
            return kernels.UNKNOWN_STOCK_LEVEL
        level = self.shards[shard].levels.records[row]
        if not self.shards[shard].is_enabled(int(level["location"])):
            return kernels.LOCATION_DISABLED
        available = int(level["on_hand"] - level["reserved"] - level["committed"])
        return kernels.PENDING if quantity <= available else kernels.INSUFFICIENT_STOCK

    @executes(MOVE_BATCH)
    def move(self, command: MoveBatch, now_ns: int) -> BatchCodes:
        """Commit, fulfill or release reservations whole."""
        operations = command.operations
        parts = np.empty(len(operations), np.int64)
        directory = self.reservations.index
        kernels.find_parts(directory.slots, directory.layout, operations, parts)
        codes = np.full(len(operations), kernels.PENDING, np.uint8)
        codes[parts < 0] = kernels.UNKNOWN_RESERVATION
        leaves, enters = TRANSITIONS[command.verb]
        for shard in self.shards:
            shard.move_batch(operations, parts, codes, leaves, enters)
        for index in np.flatnonzero(codes == kernels.ASK):
            codes[index] = self._ask_move(command.verb, _key(operations[index]), now_ns)
        return BatchCodes(codes, now_ns, self._revisions(parts >> PART_NUMBER_BITS))

    def _ask_move(self, verb: Verb, key: Key, now_ns: int) -> int:
        outcome = self.reservations.move(Move(verb, key, None, (), Remainder.KEEP), now_ns)
        if not isinstance(outcome, MoveOutcome):
            return kernels.UNKNOWN_RESERVATION
        if outcome.refusal is None:
            return kernels.ACCEPTED
        totals = self.reservations.totals(key)
        is_done = any(totals[state] for state in _DONE[verb])
        return kernels.REPEATED if is_done else _REFUSED[outcome.refusal.code]

    @executes(RESOLVE_LEVELS)
    def resolve(self, command: ResolveLevels, _now_ns: int) -> Handles:
        """Turn names into handles."""
        handles = np.zeros(len(command.names), np.uint64)
        for index, (sku, location) in enumerate(command.names):
            shard = self.homes.shard_of_sku(sku)
            row = shard.find_row(sku, location)
            if row >= 0:
                handles[index] = shard.number << PART_NUMBER_BITS | (row + 1)
        return Handles(handles)

    @executes(READ_LEVELS)
    def read(self, command: ReadLevels, _now_ns: int) -> LevelColumns:
        """Read stock levels by handle."""
        numbers, rows = split_handles(command.handles)
        columns = np.zeros((3, len(rows)), np.int64)
        for shard in self.shards:
            mine = np.flatnonzero(
                (numbers == shard.number) & (rows >= 0) & (rows < len(shard.levels))
            )
            levels = shard.levels.records[rows[mine]]
            for column, field in zip(columns, ("on_hand", "reserved", "committed"), strict=True):
                column[mine] = levels[field]
        on_hand, reserved, committed = columns
        return LevelColumns(on_hand, reserved, committed, self._revisions(numbers))

    def _revisions(self, numbers: Array) -> tuple[Revision, ...]:
        touched = set(np.unique(numbers).tolist())
        return joint_turn.revisions([shard for shard in self.shards if shard.number in touched])


def split_handles(handles: Array) -> tuple[Array, Array]:
    """Split handles into shard numbers and rows (int64); what is no handle has row -1."""
    rows = (handles & np.uint64(_ROW_MASK)).astype(np.int64) - 1
    rows[rows > np.iinfo(np.int32).max] = -1
    return (handles >> np.uint64(PART_NUMBER_BITS)).astype(np.int64), rows


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
