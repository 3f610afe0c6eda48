"""Batches: many plain operations as columns, answered by one code each.

Kernels execute a batch shard by shard, without a Python object per operation. What a kernel cannot
decide alone (ASK: a reservation over several shards, an id that another shard may know) goes to
reservations.py one by one, so that a batch and the single calls agree.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress

import numpy as np

from .. import kernels
from ..commands import (
    BatchCodes,
    Move,
    MoveBatch,
    MoveOutcome,
    ReserveBatch,
    ReserveRun,
    Revision,
    RunCodes,
)
from ..commands.registry import MOVE_BATCH, RESERVE_BATCH, RESERVE_RUN, executes
from ..ids import Key
from ..kernels.codes import (
    ACCEPTED,
    ASK,
    ID_REUSED,
    INVALID_ID,
    LINKED_REFUSED,
    NEW_ID,
    PENDING,
    REPEATED,
    UNKNOWN_RESERVATION,
)
from ..limits import PART_NUMBER_BITS
from ..model import TRANSITIONS, Remainder, Verb
from ..tables.effects import Section
from ..tables.reservation_index import pack_part
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import move_batch, record_correlations, record_operations, reserve_batch
from ..work import (
    BACKORDER_SEEN,
    BATCH,
    GROUP,
    LINE_MOVED,
    MOVE_ASKED,
    OPERATION_ASKED,
    OPERATION_LINKED,
    OPERATION_MOVED,
    OPERATION_PASSED,
    OPERATION_RESERVED,
    PASS,
    Steps,
    Work,
)
from . import joint_turn
from .homes import Homes
from .reservations import REFUSALS, Reservations

_CODES = {refusal: code for code, refusal in REFUSALS.items()}

#: Lines of reservations that one pass of the kernels moves.
PIECE_LINES_MAX = 10_000


class Batches:
    """Batches over the shards of a node."""

    def __init__(
        self, shards: Sequence[Shard], homes: Homes, reservations: Reservations, work: Work
    ) -> None:
        self.shards = shards
        self.homes = homes
        self.reservations = reservations
        self.work = work

    @executes(RESERVE_BATCH)
    def reserve(self, command: ReserveBatch, now_ns: int) -> Steps[BatchCodes]:
        """Reserve single lines, each by itself, or all or none where they are linked. The turn may
        end between operations that are not linked; later holds then begin in the next turn.
        """
        self.work.spend(BATCH)
        operations = command.operations
        codes, counts = self._judge_form(operations)
        for start, end, is_group in _segments(command.linked, len(operations)):
            part, answers = operations[start:end], codes[start:end]
            if self.work.is_over:
                yield
            if is_group:
                self._reserve_group(part, answers)
            else:
                self._reserve_run(part, counts, answers)
                yield from self._answer_asked(part, answers)
        touched = [shard for shard, count in zip(self.shards, counts, strict=True) if count]
        return BatchCodes(codes, now_ns, joint_turn.revisions(touched))

    def _judge_form(self, operations: Array) -> tuple[Array, list[int]]:
        """Codes with what is malformed answered and the rest PENDING, and counts by shard."""
        codes = np.empty(len(operations), np.uint8)
        counts = np.zeros(len(self.shards), np.int64)
        kernels.judge_operations(operations, codes, counts)
        return codes, counts.tolist()

    def _reserve_run(self, operations: Array, counts: Sequence[int], codes: Array) -> None:
        """Reserve the PENDING operations, of which a shard has `counts` at most."""
        self._spend_pass(len(operations), len(self.shards) - counts.count(0))
        self.work.spend(len(operations) * OPERATION_RESERVED)
        available = np.empty(len(operations), np.int64)
        for shard, count in zip(self.shards, counts, strict=True):
            if count:
                most = min(count, len(operations))
                reserve_batch(shard, operations, most, codes, available, stop=False)

    def _answer_asked(self, operations: Array, codes: Array) -> Steps[None]:
        """Answer what the kernels left to the rules."""
        while len(asked := np.flatnonzero(codes == ASK)):
            if self.work.is_over:
                yield
            self.work.spend(OPERATION_ASKED)
            self._answer_known(operations, codes, asked)
            if len(new := asked[codes[asked] == ASK]):
                self._reserve_new(operations, codes, new)

    def _reserve_new(self, operations: Array, codes: Array, places: Array) -> None:
        """Reserve the operations at these places, whose ids no reservation has. One whose id stands
        before it is left, because it depends on what becomes of that.
        """
        first: dict[bytes, int] = {}
        for place, key in zip(places.tolist(), _packed_keys(operations[places]), strict=True):
            first.setdefault(key, place)
        places = np.array(list(first.values()))
        part, answers = operations[places], np.full(len(places), NEW_ID, np.uint8)
        counts = np.bincount(part["shard"], minlength=len(self.shards)).tolist()
        self._reserve_run(part, counts, answers)
        codes[places] = answers

    def _answer_known(self, operations: Array, codes: Array, places: Array) -> None:
        """Answer those of the operations at these places whose ids reservations have."""
        parts, passed = np.zeros((2, len(places)), np.int64)
        while len(places):
            asked, answers = operations[places], codes[places]
            kernels.next_parts(self.homes.index.arrays, asked, passed, parts)
            for number in np.unique(parts[parts >= 0] >> PART_NUMBER_BITS).tolist():
                kernels.judge_known(asked, parts, answers, self.shards[number].arrays)
            codes[places] = answers
            goes_on = parts >= 0
            places, passed, parts = places[goes_on], passed[goes_on], parts[goes_on]

    def _find_parts(self, operations: Array) -> Array:
        """The first candidate for each operation's id, or -1."""
        parts = np.empty(len(operations), np.int64)
        kernels.find_parts(self.homes.index.arrays, operations, parts)
        return parts

    def _reserve_group(self, operations: Array, codes: Array) -> None:
        """Reserve linked operations all or none, each decided against what those before it in the
        group would leave.
        """
        self.work.spend(GROUP + len(operations) * OPERATION_LINKED)
        self._answer_repeats(operations, codes)
        pending = operations[codes == PENDING]
        touched = [self.shards[number] for number in joint_turn.shards_of(pending)]
        joint_turn.decide(touched, operations, codes)
        if np.any((codes != ACCEPTED) & (codes != REPEATED)):
            # What was held before is held still, and says so.
            codes[codes == ACCEPTED] = LINKED_REFUSED
            return
        # Point of no return: every operation of the group can be reserved, and its id is new.
        accepted = operations[codes == ACCEPTED]
        for shard in touched:
            record_operations(shard, accepted[accepted["shard"] == shard.number])

    def _answer_repeats(self, operations: Array, codes: Array) -> None:
        """Answer operations of a group whose id is known, or stands twice in the group."""
        pending = np.flatnonzero(codes == PENDING)
        asked = _packed_keys(operations[pending])
        keys: set[bytes] = set()
        for index, key in zip(pending, asked, strict=True) if len(set(asked)) < len(asked) else ():
            if key in keys:
                codes[index] = ID_REUSED
            keys.add(key)
        is_candidate = (codes == PENDING) & (self._find_parts(operations) >= 0)
        self._answer_known(operations, codes, np.flatnonzero(is_candidate))

    @executes(RESERVE_RUN)
    def reserve_run(self, command: ReserveRun, now_ns: int) -> RunCodes:
        """Reserve single lines that are given by name, each by itself. What takes more than a code
        is left alone: an id that may be known, a name that leads to no level or has others besides
        it, a level that makes no promises.
        """
        operations = command.operations
        codes, touched = self._find_levels(operations, command.names)
        available = np.zeros(len(codes), np.int64)
        for shard in touched:
            first = shard.effects.written()[Section.RESERVATIONS] if command.correlations else 0
            reserve_batch(shard, operations, len(codes), codes, available, stop=False)
            if command.correlations:
                made = (codes == ACCEPTED) & (operations["shard"] == shard.number)
                ids = compress(command.correlations, made)
                record_correlations(shard, Section.RESERVATIONS, first, list(ids))
        return RunCodes(codes, available, now_ns, joint_turn.revisions(self.shards))

    def _find_levels(
        self, operations: Array, names: Sequence[tuple[str, str]]
    ) -> tuple[Array, Iterable[Shard]]:
        """Fill in shards and rows; codes that are PENDING where there is a row, else ASK; and the
        shards in which there are some.
        """
        shards, rows = self.homes.find_rows(names)
        operations["shard"] = [shard.number for shard in shards]
        operations["row"] = rows
        codes = np.zeros(len(rows), np.uint8)  # PENDING
        if min(rows) < 0:
            codes[operations["row"] < 0] = ASK
        if has_others := self.homes.sku_names.shown:
            codes[[sku in has_others for sku, _ in names]] = ASK
        return codes, dict.fromkeys(shards)

    @executes(MOVE_BATCH)
    def move(self, command: MoveBatch, now_ns: int) -> Steps[BatchCodes]:
        """Commit, fulfill or release reservations whole. The turn may end between any two."""
        operations = command.operations
        self.work.spend(BATCH)
        parts = self._find_parts(operations)
        codes = np.full(len(operations), PENDING, np.uint8)
        codes[parts < 0] = UNKNOWN_RESERVATION
        codes[(operations["key_hi"] | operations["key_lo"]) == 0] = INVALID_ID
        if command.verb is Verb.FULFILL:
            self._ask_backordered(parts, codes)
        leaves, enters = TRANSITIONS[command.verb]
        for start, end, line_count in self._pieces(parts):
            if self.work.is_over:
                now_ns = yield
            piece = slice(start, end)
            self._spend_pass(end - start, len(self.shards))
            self.work.spend((end - start) * OPERATION_MOVED + line_count * LINE_MOVED)
            for shard in self.shards:
                move_batch(shard, operations[piece], parts[piece], codes[piece], leaves, enters)
        for index in np.flatnonzero(codes == ASK):
            if self.work.is_over:
                now_ns = yield
            codes[index] = self._ask_move(command.verb, _key(operations[index]), now_ns)
        return BatchCodes(codes, now_ns, revisions_of(self.shards, parts >> PART_NUMBER_BITS))

    def _ask_backordered(self, parts: Array, codes: Array) -> None:
        """Leave it to the rules to ship what has units that are not on hand yet."""
        for shard in self.shards:
            if len(shard.backorders):
                numbers = shard.backorders["reservation"].astype(np.int64)
                waiting = pack_part(shard.number, 0) + numbers
                self.work.spend((len(parts) + len(waiting)) * BACKORDER_SEEN)
                codes[(codes == PENDING) & np.isin(parts, waiting)] = ASK

    def _pieces(self, parts: Array) -> Iterator[tuple[int, int, int]]:
        """Cut moves into (start, end, lines of their reservations) with not too many lines each."""
        lines = np.zeros(len(parts), np.int64)
        total = sum(
            kernels.count_lines(parts, shard.number, shard.reservations.records, lines)
            for shard in self.shards
        )
        if total <= PIECE_LINES_MAX:
            yield 0, len(parts), total
            return
        ends = np.cumsum(lines)
        start = done = 0
        while start < len(parts):
            end = int(np.searchsorted(ends, done + PIECE_LINES_MAX, "right"))
            end = max(end, start + 1)
            yield start, end, int(ends[end - 1]) - done
            start, done = end, int(ends[end - 1])

    def _spend_pass(self, operations: int, shards: int) -> None:
        """Count the work of kernels that look at all operations, once for each shard."""
        self.work.spend(shards * (PASS + operations * OPERATION_PASSED))

    def _ask_move(self, verb: Verb, key: Key, now_ns: int) -> int:
        self.work.spend(MOVE_ASKED)
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


def _segments(linked: Array | None, count: int) -> list[tuple[int, int, bool]]:
    """Cut a batch into runs of unlinked operations and linked groups: (start, end, is a group)."""
    if linked is None:
        return [(0, count, False)]
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


def _packed_keys(operations: Array) -> list[bytes]:
    """Keys as bytes, since strangers know Python's hash of integers, and can make sets slow."""
    packed = np.stack([operations["key_hi"], operations["key_lo"]], axis=1).tobytes()
    return [packed[at : at + 16] for at in range(0, len(packed), 16)]


def _key(operation: Array) -> Key:
    return Key(int(operation["key_hi"]), int(operation["key_lo"]), None)
