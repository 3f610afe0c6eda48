"""The live side of every change: effects are written for the journal and applied.

There are two ways to change a column. `record` and the functions after it write effects and hand
them to apply/, as replay does. `reserve_batch`, `reserve_lines` and `move_batch` are kernels that
write and apply in one step, through the functions that apply/ uses too. Either way a restart comes
to the same state.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

from .. import kernels
from ..kernels.arguments import EXPIRED_LINES
from ..kernels.codes import ACCEPTED
from ..limits import LINES_MAX
from ..model import State
from . import state_bytes
from .apply import apply, apply_reservations, apply_stock, keep_shipments
from .effects import ATTRIBUTED, STANDS_ALONE, Entry, Section
from .id_texts import lay_down
from .names import NameTable, pack_names
from .shard import Shard
from .supply import apply_supplies
from .table import Array, Table


def record(shard: Shard, section: Section, *effects: tuple[int, ...]) -> None:
    """Write effects and apply them."""
    _apply_added(shard, section, _table_for(shard, section).append(*effects))


def record_all(shard: Shard, section: Section, effects: Array) -> None:
    """Write effects that are given as records, and apply them."""
    if len(effects):
        added = _table_for(shard, section).extend(len(effects))
        added[:] = effects
        _apply_added(shard, section, added)


def _table_for(shard: Shard, section: Section) -> Table:
    """Where effects of a kind are about to be written."""
    shard.effects.touched = True
    if section in STANDS_ALONE:
        shard.effects.close_stage()
    return shard.effects[section]


def _apply_added(shard: Shard, section: Section, added: Array) -> None:
    apply(shard, section, added)
    if section in STANDS_ALONE:
        shard.effects.close_stage()


def record_names(shard: Shard, section: Section, *names: str) -> None:
    """Write new names or other texts, and apply them."""
    record_all(shard, section, pack_names(*names))


def record_texts(shard: Shard, reservation: int, *texts: str) -> None:
    """Write the texts of a reservation that was just made, and apply them."""
    packed = pack_names(*texts)
    shard.effects.touched = True
    effects = shard.effects[Section.RESERVATION_TEXTS].append((reservation, len(packed)))
    shard.effects[Section.TEXT_BYTES].extend(len(packed))[:] = packed
    lay_down(shard, effects, packed)


def record_written(shard: Shard, section: Section, count: int) -> None:
    """Apply the `count` effects that a kernel has written after those in use."""
    if count:
        shard.effects.touched = True
        apply(shard, section, shard.effects[section].extend(count))


def write_stock(
    shard: Shard, events: Array, plan: Array, codes: Array, source: int, count: int
) -> None:
    """Write the `count` stock facts (STOCK_EVENT, PLAN) of this shard that take effect by `codes`,
    and apply them.
    """
    effects, counted, gaps = (
        shard.effects[section] for section in (Section.STOCK, Section.COUNTED, Section.GAPS)
    )
    for table in (effects, counted, gaps):
        table.ensure(count)
    counts, skips = kernels.write_stock(
        events,
        plan,
        codes,
        shard.number,
        source,
        effects.records[len(effects) :],
        counted.records[len(counted) :],
        gaps.records[len(gaps) :],
    )
    shard.effects.touched = True
    apply_stock(shard, effects.extend(count), counted.extend(counts))
    record_written(shard, Section.GAPS, skips)


def record_whole_moves(shard: Shard, lines: range, leaves: State, enters: State) -> None:
    """Move all units of these lines that are in one state to another."""
    moves = shard.effects[Section.MOVES]
    moves.ensure(len(lines))
    count = kernels.whole_moves(
        lines.start, len(lines), shard.book, int(leaves), int(enters), moves.records[len(moves) :]
    )
    record_written(shard, Section.MOVES, count)


def reserve_lines(shard: Shard, operations: Array) -> int:
    """Reserve the lines of one Reserve (OPERATION) that lie in this shard, all of which are there;
    return the number that the reservation has got here.
    """
    effects, count = shard.effects, len(operations)
    effects[Section.LINES].ensure(count)
    shard.lines.ensure(count)
    shard.index.slots.ensure(1)
    effects.touched = True
    number = int(kernels.reserve_lines(operations, shard.arrays))
    if shard.line_sums is not None:
        shard.line_sums.follow_new(np.array([number]))
    return number


def record_operations(shard: Shard, operations: Array) -> None:
    """Write a reservation of one line for each operation (OPERATION), and apply them."""
    shard.effects.touched = True
    effects = shard.effects[Section.RESERVATIONS].extend(len(operations))
    for field in ("key_hi", "key_lo", "hold_ms", "flags"):
        effects[field] = operations[field]
    effects["line_count"] = 1
    lines = shard.effects[Section.LINES].extend(len(operations))
    lines["quantity"], lines["row"] = operations["quantity"], operations["row"]
    lines["position"] = lines["pad"] = 0
    apply_reservations(shard, effects, lines)


def reserve_batch(
    shard: Shard, operations: Array, count: int, codes: Array, available: Array, *, stop: bool
) -> int:
    """Reserve the PENDING operations (OPERATION) of this shard, `count` at most, one after the
    other; `codes` (uint8) answers, `available` (int64) says what each found.

    Return how many were seen: all, or with `stop` those up to the first that the rules have to put
    into words.
    """
    effects = shard.effects
    # A reservation has a line at least, so where its line has room, it has room itself.
    effects[Section.LINES].ensure(count)
    shard.lines.ensure(count)
    shard.index.slots.ensure(count)
    before = len(effects[Section.LINES])
    seen = kernels.reserve_batch(operations, codes, available, shard.arrays, stop)
    effects.touched = effects.touched or len(effects[Section.LINES]) > before
    if shard.line_sums is not None:
        is_new = (codes == ACCEPTED) & (operations["shard"] == shard.number)
        shard.line_sums.follow_new(available[is_new])
    return int(seen)


def move_batch(
    shard: Shard, operations: Array, parts: Array, codes: Array, leaves: State, enters: State
) -> None:
    """Move the PENDING reservations of this shard whole, and answer in `codes` (uint8). `parts`
    (int64) has the candidate of each operation.
    """
    moves = shard.effects[Section.MOVES]
    before = len(moves)
    totals = np.zeros(len(State), np.int64)
    kernels.move_batch(operations, parts, codes, int(leaves), int(enters), totals, shard.arrays)
    shard.effects.touched = shard.effects.touched or len(moves) > before
    if enters is State.FULFILLED:
        keep_shipments(shard, moves.used[before:])
    if shard.line_sums is not None:
        shard.line_sums.follow_moves(moves.used[before:])


def expire(shard: Shard, now_ns: int, work: int) -> int:
    """Advance to `now_ns` and let holds end that are due, all or as many as `work` allows.

    Return the work left: 0 or less when some may still be due.
    """
    shard.now_ns = now_ns
    while work > 0 and shard.expirations.next_ns <= now_ns:
        moves = shard.effects[Section.MOVES]
        moves.ensure(2 * LINES_MAX)
        count, work = kernels.due_moves(work, shard.arrays)
        shard.header[EXPIRED_LINES] += count
        record_written(shard, Section.MOVES, count)
    return work


def number_of_name(shard: Shard, names: NameTable, section: Section, name: str) -> int:
    """The number of a name in one of the shard's tables, defining it there when it is new."""
    number = names.find(name)
    if number < 0:
        number = len(names)
        record_names(shard, section, name)
    return number


def record_origin(shard: Shard, principal: str, correlation: str, before: Sequence[int]) -> None:
    """Note on whose behalf the effects came that the turn has more than `before`, which is what
    `Effects.written` returned then, and under which correlation id; "" for none.
    """
    spans = _spans(shard, before)
    if spans and principal:
        names = shard.principals
        number = number_of_name(shard, names, Section.PRINCIPAL_NAMES, principal)
        attributions = [(number, section, 0, start, count) for section, start, count in spans]
        record(shard, Section.ATTRIBUTIONS, *attributions)
    if spans and correlation:
        record_correlation(shard, correlation, *spans)


def record_correlation(shard: Shard, correlation: str, *spans: tuple[int, int, int]) -> None:
    """Note the correlation id under which some effects came: kind, start and count of each run of
    them.
    """
    for at, (section, start, count) in enumerate(spans):
        record(shard, Section.CORRELATIONS, (start, count, section, at == 0, 0))
    record_names(shard, Section.CORRELATION_TEXTS, correlation)


def record_correlations(
    shard: Shard, section: Section, first: int, correlations: Sequence[str]
) -> None:
    """Note the correlation ids of effects of a kind that follow one another from number `first` on;
    "" for none.
    """
    effects: list[tuple[int, ...]] = []
    texts: list[str] = []
    for text, run in groupby(correlations):
        count = len(list(run))
        if text:
            effects.append((first, count, section, 1, 0))
            texts.append(text)
        first += count
    if texts:
        record(shard, Section.CORRELATIONS, *effects)
        record_names(shard, Section.CORRELATION_TEXTS, *texts)


def record_decision(shard: Shard, reason: str, actor: str, before: Sequence[int]) -> None:
    """Note why the effects came that the turn has more than `before`, and who decided it."""
    if spans := _spans(shard, before):
        record(shard, Section.DECISIONS, *((section, 0, *span) for section, *span in spans))
        record_names(shard, Section.DECISION_TEXTS, *((reason, actor) * len(spans)))


def _spans(shard: Shard, before: Sequence[int]) -> list[tuple[int, int, int]]:
    """Of each kind that is attributed: where the effects start that the turn has more than
    `before`, and how many they are.
    """
    written = shard.effects.written()
    return [
        (section, before[section], written[section] - before[section])
        for section in ATTRIBUTED
        if written[section] > before[section]
    ]


def record_stock_details(shard: Shard, details: Array, texts: Array) -> None:
    """Note what came with stock facts (STOCK_DETAILS), with the packed texts of each."""
    record_all(shard, Section.STOCK_DETAILS, details)
    record_all(shard, Section.STOCK_DETAIL_TEXTS, texts)


def record_supply(shard: Shard, effect: tuple[int, ...], *names: str) -> None:
    """Write what became of a supply (SUPPLIES), with its names when it is new, and apply it."""
    packed = pack_names(*names)
    shard.effects.touched = True
    added = shard.effects[Section.SUPPLIES].append(effect)
    if names:
        shard.effects[Section.SUPPLY_TEXTS].extend(len(packed))[:] = packed
    apply_supplies(shard, added, packed)


def record_levels(shard: Shard, places: Iterable[tuple[int, int]]) -> None:
    """Begin stock levels, which no source has counted, of SKUs at locations by their numbers."""
    record(shard, Section.LEVELS, *((*place, 1, 0, 0) for place in places))


def record_seal(shard: Shard) -> None:
    """Write the digest of the state, to which the next replay must come. It changes nothing."""
    shard.effects.touched = True
    shard.effects[Section.SEAL].append(state_bytes.digest(shard))


def take_entry(shard: Shard) -> Entry | None:
    """Close the turn: its effects as the next entry, or None when nothing changed."""
    if not shard.effects.touched:
        return None
    shard.sequence += 1
    shard.mark_entry()
    return Entry(shard.number, shard.sequence, shard.now_ns, shard.effects.take())
