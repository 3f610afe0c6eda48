"""One shard: its tables, and the only code that changes them.

Rules of this file: state changes by `apply` alone. A live command writes effects and applies them
(`record`); replay applies what the journal holds (`replay`). Both go through the same `_apply_…`
methods, so that a restart cannot come out different. What `state.columns` lists is the state. All
else (slots, chains, the heap) is derived and rebuilt by `state.load`.
"""

from collections.abc import Callable

import numpy as np

from .. import kernels
from ..ids import Key
from ..limits import LINES_MAX
from ..model import State
from . import state_bytes
from .effects import Effects, Entry, Section
from .expiry_heap import Expirations
from .layouts import (
    EVENT,
    LEVEL,
    LINE,
    LOCATION,
    REQUEST,
    RESERVATION,
    Array,
    NameTable,
    Table,
    slots_size,
)
from .remembered import Memory
from .reservation_index import ReservationIndex

#: Rows that a shard remembers by name: to look one up through NumPy and a kernel takes 3 µs, most
#: of what a Reserve costs in a large turn. Some 5 MB.
ROWS_REMEMBERED_MAX = 16_384


class Shard:
    """The state of one shard."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.sequence = 0
        self.now_ns = 0
        self.effects = Effects()
        self.skus = NameTable()
        self.locations = NameTable()
        self.sources = NameTable()
        self.display_names = NameTable()
        self.id_texts = NameTable()
        self.id_texts_used = 0
        self.location_records = Table(LOCATION)
        self.has_disabled_locations = False
        self.source_sequences = Table("u8")
        self.levels = Table(LEVEL)
        self.level_slots = np.zeros(64, np.int32)
        self._rows: dict[tuple[str, str], int] = {}
        self.level_chain = Table("i4")
        self.sku_levels = Table("i4", width=(2,))
        self.reservations = Table(RESERVATION)
        self.lines = Table(LINE)
        self.splits = Table("i8", width=(6,))
        self.expirations = Expirations()
        self.requests = Memory(REQUEST)
        self.events = Memory(EVENT)
        self.index = ReservationIndex([self])
        self._apply: dict[Section, Callable[[Array, int], None]] = {
            Section.SKU_NAMES: self._apply_sku_names,
            Section.LOCATION_NAMES: self._apply_location_names,
            Section.SOURCE_NAMES: self._apply_source_names,
            Section.DISPLAY_NAMES: self._apply_display_names,
            Section.ID_TEXTS: self._apply_id_texts,
            Section.LOCATIONS: self._apply_locations,
            Section.ENDED_SKUS: self._apply_ended_skus,
            Section.LEVELS: self._apply_levels,
            Section.LINKS: self._apply_links,
            Section.MOVES: self._apply_moves,
            Section.EXTENDS: self._apply_extends,
            Section.STOCK_PADDED: self._apply_stock,
            Section.STOCK: self._apply_stock,
            Section.REQUESTS: self._apply_requests,
            Section.SEAL: self._apply_seal,
        }

    def __repr__(self) -> str:
        sizes = f"{len(self.levels)} levels, {len(self.reservations)} reservations"
        return f"<Shard {self.number} at {self.sequence}: {sizes}>"

    # --- reading ---

    @property
    def revision(self) -> int:
        """Sequence of the entry that the state as it stands will be, or is, durable with."""
        return self.sequence + 1 if self.effects.touched else self.sequence

    def find_row(self, sku: str, location: str) -> int:
        """Return the row of a stock level, or kernels' NO_LEVEL, UNKNOWN_SKU, UNKNOWN_LOCATION."""
        row = self._rows.get((sku, location))
        return self._look_up_row(sku, location) if row is None else row

    def _look_up_row(self, sku: str, location: str) -> int:
        row = int(
            kernels.find_row(
                np.frombuffer(sku.encode(), np.uint8),
                self.skus.slots,
                self.skus.offsets.records,
                self.skus.arena.records,
                np.frombuffer(location.encode(), np.uint8),
                self.locations.slots,
                self.locations.offsets.records,
                self.locations.arena.records,
                self.level_slots,
                self.levels.records,
            )
        )
        if row >= 0:
            if len(self._rows) >= ROWS_REMEMBERED_MAX:
                self._rows.clear()
            self._rows[sku, location] = row
        return row

    def rows_of_sku(self, sku: int) -> list[int]:
        """Rows of a SKU, in the order in which they were first recorded."""
        rows = []
        row = int(self.sku_levels.records[sku, 0])
        while row:
            rows.append(row - 1)
            row = int(self.level_chain.records[row - 1])
        return rows

    def is_enabled(self, location: int) -> bool:
        """Whether a location takes new reservations."""
        return bool(self.location_records.records[location]["enabled"])

    def is_open(self, row: int) -> bool:
        """Whether a row exists and its SKU has not ended."""
        if not 0 <= row < len(self.levels):
            return False
        return not self.skus.removed.records[self.levels.records[row]["sku"]]

    def is_reservation(self, number: int, key: Key) -> bool:
        """Whether a reservation has this key. A UUID and a text are never the same key."""
        record = self.reservations.records[number]
        return (
            int(record["key_hi"]) == key.hi
            and int(record["key_lo"]) == key.lo
            and (int(record["id_text"]) < 0) == (key.text is None)
        )

    def lines_of(self, number: int) -> range:
        """Line numbers of a reservation."""
        first = int(self.reservations.records["first_line"][number])
        return range(first, first + int(self.reservations.records["line_count"][number]))

    def units(self, line: int) -> dict[State, int]:
        """Units of a line by state."""
        totals = np.zeros(len(State), np.int64)
        kernels.count_units(line, 1, self.lines.records, self.splits.records, totals)
        return dict(zip(State, totals.tolist(), strict=True))

    def name_row(self, row: int) -> tuple[str, str]:
        """Return the SKU and location of a row by name."""
        level = self.levels.records[row]
        return self.skus.text(level["sku"]), self.locations.text(level["location"])

    # --- changing ---

    def record(self, section: Section, *effects: tuple[int, ...]) -> None:
        """Note effects for the journal and apply them."""
        self.effects.touched = True
        self.apply(section, self.effects[section].append(*effects), self.now_ns)

    def record_name(self, section: Section, packed: Array) -> None:
        """Note a new name for the journal and apply it."""
        self.effects.touched = True
        table = self.effects[section]
        table.ensure(len(packed))
        table.count += len(packed)
        view = table.used[-len(packed) :]
        view[:] = packed
        self.apply(section, view, self.now_ns)

    def record_written(self, section: Section, count: int) -> None:
        """Apply effects that a kernel has written behind those in use."""
        if count == 0:
            return
        self.effects.touched = True
        table = self.effects[section]
        table.count += count
        self.apply(section, table.used[-count:], self.now_ns)

    def record_whole_moves(self, lines: range, leaves: State, enters: State) -> None:
        """Move all units of these lines that are in one state to another."""
        moves = self.effects[Section.MOVES]
        moves.ensure(len(lines))
        count = kernels.whole_moves(
            lines.start,
            len(lines),
            self.lines.records,
            self.splits.records,
            int(leaves),
            int(enters),
            moves.records[moves.count :],
        )
        self.record_written(Section.MOVES, count)

    def record_reservation(self, effect: tuple[int, ...]) -> None:
        """Apply a reservation whose lines stand at the end of the lines' effects already."""
        self.effects.touched = True
        effects = self.effects[Section.RESERVATIONS].append(effect)
        lines = self.effects[Section.LINES]
        self._apply_reservations(effects, lines.used[lines.count - int(effects[0]["line_count"]) :])

    def reserve_batch(
        self, operations: Array, count: int, codes: Array, available: Array, *, stop: bool
    ) -> int:
        """Reserve the pending operations of this shard, `count` at most, one after the other, and
        answer in `codes`.

        Return how many were seen: all, or with `stop` those up to the first that the ledger has to
        put into words. `available` tells what each of them found.
        """
        effects = self.effects[Section.RESERVATIONS]
        lines = self.effects[Section.LINES]
        for table in (effects, lines, self.reservations, self.lines, self.expirations):
            table.ensure(count)
        self.index.ensure(count)
        seen, accepted, texts, self.expirations.size = kernels.reserve_batch(
            operations,
            codes,
            self.now_ns,
            self.sequence + 1,
            self.number,
            self.id_texts_used,
            self.reservations.records,
            self.reservations.count,
            self.lines.records,
            self.lines.count,
            self.splits.records,
            self.levels.records,
            self.levels.count,
            self.skus.removed.records,
            self.location_records.records,
            self.index.slots,
            self.index.layout,
            self.expirations.times,
            self.expirations.numbers,
            self.expirations.size,
            effects.records,
            effects.count,
            lines.records,
            lines.count,
            available,
            stop,
        )
        for table in (effects, lines, self.reservations, self.lines):
            table.count += accepted
        self.index.count -= count - accepted
        self.id_texts_used += texts
        self.effects.touched = self.effects.touched or accepted > 0
        return int(seen)

    def move_batch(
        self, operations: Array, parts: Array, codes: Array, leaves: State, enters: State
    ) -> None:
        """Move the pending reservations of this shard whole, and answer in `codes`."""
        moves = self.effects[Section.MOVES]
        count = kernels.count_lines(parts, self.number, self.reservations.records)
        moves.ensure(count)
        self.splits.ensure(count)
        moved, self.splits.count = kernels.move_batch(
            operations,
            parts,
            codes,
            self.number,
            int(leaves),
            int(enters),
            self.reservations.records,
            self.lines.records,
            self.splits.records,
            self.splits.count,
            self.levels.records,
            moves.records,
            moves.count,
        )
        moves.count += moved
        self.effects.touched = self.effects.touched or moved > 0

    def expire(self, now_ns: int, work: int) -> tuple[int, int]:
        """Advance to `now_ns` and let holds end that are due, all or as many as `work` allows.

        Return the number of lines, and the work left: 0 or less when some may still be due.
        """
        self.now_ns = now_ns
        expired = 0
        heap = self.expirations
        while work > 0 and heap.next_ns <= now_ns:
            moves = self.effects[Section.MOVES]
            moves.ensure(2 * LINES_MAX)
            heap.size, end, work = kernels.due_moves(
                now_ns,
                work,
                heap.times,
                heap.numbers,
                heap.size,
                self.reservations.records,
                self.lines.records,
                self.splits.records,
                moves.records,
                moves.count,
                int(State.HELD),
                int(State.EXPIRED),
            )
            expired += end - moves.count
            self.record_written(Section.MOVES, end - moves.count)
        return expired, work

    def take_entry(self) -> Entry | None:
        """Close the turn: hand out its effects as the next entry, or None when nothing changed."""
        if not self.effects.touched:
            return None
        self.sequence += 1
        return Entry(self.number, self.sequence, self.now_ns, self.effects.take())

    def replay(self, entry: Entry) -> None:
        """Apply an entry of the journal."""
        assert entry.sequence == self.sequence + 1, (entry.sequence, self.sequence)
        self.now_ns = entry.now_ns
        for section, effects in entry.sections.items():
            if section is Section.RESERVATIONS:
                self._apply_reservations(effects, entry.sections[Section.LINES])
            elif section is not Section.LINES:
                self.apply(section, effects, entry.now_ns)
        self.sequence = entry.sequence

    def apply(self, section: Section, effects: Array, now_ns: int) -> None:
        """Apply effects of one kind."""
        self._apply[section](effects, now_ns)

    def _apply_sku_names(self, effects: Array, _now_ns: int) -> None:
        self.skus.add(effects)
        extra = len(self.skus) - len(self.sku_levels)
        self.sku_levels.ensure(extra)
        self.sku_levels.count += extra

    def _apply_location_names(self, effects: Array, _now_ns: int) -> None:
        self.locations.add(effects)
        extra = len(self.locations) - len(self.location_records)
        self.location_records.ensure(extra)
        self.location_records.count += extra

    def _apply_source_names(self, effects: Array, _now_ns: int) -> None:
        self.sources.add(effects)
        extra = len(self.sources) - len(self.source_sequences)
        self.source_sequences.ensure(extra)
        self.source_sequences.count += extra

    def _apply_display_names(self, effects: Array, _now_ns: int) -> None:
        self.display_names.add(effects)

    def _apply_id_texts(self, effects: Array, _now_ns: int) -> None:
        self.id_texts.add(effects)

    def _apply_locations(self, effects: Array, _now_ns: int) -> None:
        for effect in effects:
            self.location_records.records[effect["location"]] = (
                effect["display_name"],
                effect["kind"],
                effect["enabled"],
                0,
            )
        self.has_disabled_locations = not self.location_records["enabled"].all()

    def _apply_ended_skus(self, effects: Array, _now_ns: int) -> None:
        self._rows.clear()
        for effect in effects:
            self.skus.remove(int(effect["sku"]))

    def _apply_levels(self, effects: Array, _now_ns: int) -> None:
        start = len(self.levels)
        self.levels.ensure(len(effects))
        self.level_chain.ensure(len(effects))
        kernels.apply_levels(effects, self.levels.records, start)
        self.levels.count += len(effects)
        self.level_chain.count += len(effects)
        self.index_levels(start)

    def index_levels(self, start: int) -> None:
        """Index the rows from `start` on, all of them when the slots have to grow."""
        size = slots_size(len(self.levels), len(self.level_slots))
        if size != len(self.level_slots):
            self.level_slots = np.zeros(size, np.int32)
            self.sku_levels.used[:] = 0
            start = 0
        kernels.index_levels(
            start,
            len(self.levels),
            self.levels.records,
            self.level_slots,
            self.level_chain.records,
            self.sku_levels.records,
        )

    def _apply_reservations(self, effects: Array, line_effects: Array) -> None:
        self.reservations.ensure(len(effects))
        self.lines.ensure(len(line_effects))
        self.expirations.ensure(len(effects))
        self.index.ensure(len(effects))
        texts, self.expirations.size = kernels.apply_reservations(
            effects,
            line_effects,
            self.now_ns,
            self.sequence + 1,
            self.number,
            self.id_texts_used,
            self.reservations.records,
            len(self.reservations),
            self.lines.records,
            len(self.lines),
            self.levels.records,
            self.index.slots,
            self.index.layout,
            self.expirations.times,
            self.expirations.numbers,
            self.expirations.size,
        )
        self.id_texts_used += texts
        self.reservations.count += len(effects)
        self.lines.count += len(line_effects)

    def _apply_links(self, effects: Array, _now_ns: int) -> None:
        kernels.apply_links(effects, self.reservations.records)

    def _apply_moves(self, effects: Array, _now_ns: int) -> None:
        self.splits.ensure(len(effects))
        self.splits.count = kernels.apply_moves(
            effects,
            self.lines.records,
            self.splits.records,
            len(self.splits),
            self.levels.records,
        )

    def _apply_extends(self, effects: Array, _now_ns: int) -> None:
        self.expirations.ensure(len(effects))
        self.expirations.size = kernels.apply_extends(
            effects,
            self.reservations.records,
            self.expirations.times,
            self.expirations.numbers,
            self.expirations.size,
        )

    def _apply_stock(self, effects: Array, now_ns: int) -> None:
        kernels.apply_stock(effects, self.levels.records, self.source_sequences.records)
        keyed = int(np.count_nonzero(effects["has_key"]))
        kernels.apply_event_keys(effects, self.events.remember(keyed, now_ns), now_ns)
        self.events.index(keyed)

    def _apply_requests(self, effects: Array, now_ns: int) -> None:
        records = self.requests.remember(len(effects), now_ns)
        for field in effects.dtype.names or ():
            records[field] = effects[field]
        records["at_ns"] = now_ns
        records["sequence"] = self.sequence + 1
        self.requests.index(len(effects))

    def _apply_seal(self, effects: Array, _now_ns: int) -> None:
        """A seal was written over the state before its own entry: replay must have come to the
        same.
        """
        expected = (int(effects[0]["digest_hi"]), int(effects[0]["digest_lo"]))
        if state_bytes.digest(self) != expected:
            raise StateMismatchError(self.number, self.sequence)


class StateMismatchError(Exception):
    """Replay came to another state than the node that wrote the journal."""

    def __init__(self, shard: int, sequence: int) -> None:
        super().__init__(
            f"shard {shard}: the state after entry {sequence} is not what the journal sealed"
        )
