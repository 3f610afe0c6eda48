"""One shard: its tables, and what can be read from them.

What `state_bytes.columns` lists is the state; all else (slots, chains, the heap) is derived from it
and made anew by rebuilding.py. Columns are changed by apply/ and by the two batches of writing.py,
and loaded by state_bytes.py.
"""

from collections.abc import Sequence

import numpy as np

from .. import kernels
from ..commands.shared import Revision
from ..ids import Key
from ..kernels.arguments import (
    ENDED,
    FREE_LINES,
    FREE_RESERVATIONS,
    FREE_SPLITS,
    FREE_SUPPLY_TEXTS,
    FREE_TEXTS,
    GAPS,
    HEADER_SIZE,
    ID_TEXTS,
    LEVELS,
    LINES,
    NOW_NS,
    QUARANTINED,
    QUARANTINED_SKUS,
    RESERVATIONS,
    SEQUENCE,
    SHARD,
    SPLITS,
    SUPPLY_TEXTS,
)
from ..kernels.codes import ENDED_TEXT, FLAG_LINE_IDS, FLAG_OWNER, FLAG_TEXT
from ..limits import (
    BACKORDERS_MAX,
    BLOCKS_SPREAD,
    LOCATIONS_MAX,
    NUMBERED_MAX,
    PENDING_REVERSALS_MAX,
    QUARANTINED_MAX,
    QUARANTINED_SKUS_MAX,
    ROWS_MAX,
    SKU_NAMES_MAX,
    STATUSES_MAX,
    SUPPLIES_MAX,
    SUPPLY_TEXTS_EACH,
    UNUSED_HISTORY_MAX,
)
from ..model import State
from .effects import Effects
from .expiry_heap import ExpiryHeap
from .hash_slots import HashSlots
from .layouts import (
    AWAITED,
    BACKORDER,
    ENDED_ID,
    ENDED_MARK,
    EVENT,
    GAP,
    LAST_COUNT,
    LATEST,
    LEVEL,
    LINE,
    LOCATION,
    NUMBERED,
    QUARANTINED_SKU,
    REQUEST,
    RESERVATION,
    REVERSED,
    SKU_NAME,
    SOURCE,
    SUPPLY,
    UNAVAILABLE,
)
from .line_sums import LineSums
from .names import NameTable, join_names
from .recent import History, Keeping
from .remembered import Remembered
from .reservation_index import ReservationIndex
from .ring import Ring
from .sku_names import SkuNames
from .table import Array, Table, figures
from .text_blocks import TextBlocks

#: Rows that a shard remembers by name: to look one up through NumPy and a kernel takes 3 µs, most
#: of what a Reserve costs in a large turn. Some 5 MB.
ROWS_REMEMBERED_MAX = 16_384

#: Marks among the ended ids: one an hour, for as long as any of them is kept.
ENDED_MARKS_MAX = 1 << 16


def is_key(record: Array, key: Key) -> bool:
    """Whether a record has the bits of a key."""
    return int(record["key_hi"]) == key.hi and int(record["key_lo"]) == key.lo


class Shard:
    """The state of one shard, and the effects that its running turn has collected."""

    line_sums: LineSums | None = None
    """What the audit is adding up, while it does."""

    def __init__(
        self,
        number: int,
        index: ReservationIndex,
        sku_names: SkuNames,
        seed: np.ndarray,
        timeline: int = 0,
        rows_max: int = ROWS_MAX,
    ) -> None:
        self.timeline = timeline
        self.header = header = np.zeros(HEADER_SIZE, np.int64)
        header[SHARD] = self.number = number
        self._figures: memoryview[int] = figures(header)
        self.index, self.sku_names = index, sku_names
        self.effects = Effects(header)
        self._begin_names(seed, rows_max)
        self.location_records = Table(LOCATION, rows_max=rows_max)
        self.source_records = Table(SOURCE, rows_max=rows_max)
        self.gaps = Table(GAP, rows_max=rows_max, header=header, at=GAPS)
        self.numbered = Table(NUMBERED, rows_max=NUMBERED_MAX)
        self._begin_levels(seed, rows_max)
        self._begin_reservations(rows_max)
        self.unavailable = Table(UNAVAILABLE, rows_max=rows_max)
        self.unavailable_slots = HashSlots(seed)
        self._begin_supplies(rows_max)
        self._begin_quarantine()
        self._begin_history(rows_max)
        self.expirations = ExpiryHeap(header, rows_max)
        self.requests = Remembered(REQUEST, seed, rows_max)
        self.events = Remembered(EVENT, seed, rows_max)
        self.reversed = Remembered(REVERSED, seed, rows_max)
        self.awaited = Table(AWAITED, rows_max=PENDING_REVERSALS_MAX)
        self._gather_arrays()
        self.rows: dict[tuple[str, str], int] = {}

    def _gather_arrays(self) -> None:
        """The tables as kernels take them, in the tuples of kernels/arguments.py, as plain ones.
        Tables do not move (address_space.py), so these hold for good.
        """
        levels, counts = self.levels.records, self.last_counts.records
        places, sources = self.location_records.records, self.source_records.records
        quarantined = self.quarantined.records, self.quarantined_skus.records
        more = *quarantined, counts, sources
        self.stock = (levels, self.skus.removed.records, places, *more)
        self.book = (
            self.reservations.records,
            self.lines.records,
            self.splits.records,
            self.ended.records,
        )
        self.arrays = (
            self.header,
            self.stock,
            self.book,
            self.index.arrays,
            self.expirations.arrays,
            self.effects.arrays,
        )

    def _begin_names(self, seed: np.ndarray, rows_max: int) -> None:
        """The tables of names, and of other names of SKUs."""
        self.skus = NameTable(HashSlots(seed), rows_max)
        self.sku_name_records = Table(SKU_NAME, rows_max=SKU_NAMES_MAX)
        self.locations = NameTable(HashSlots(seed), min(rows_max, LOCATIONS_MAX))
        self.sources = NameTable(HashSlots(seed), rows_max)
        self.principals = NameTable(HashSlots(seed), rows_max)
        self.statuses = NameTable(HashSlots(seed), STATUSES_MAX)
        self.display_names = NameTable(HashSlots(seed), rows_max)

    def _begin_levels(self, seed: np.ndarray, rows_max: int) -> None:
        """Stock levels, and where those of a SKU are."""
        self.levels = Table(LEVEL, rows_max=rows_max, header=self.header, at=LEVELS)
        self.last_counts = Table(LAST_COUNT, rows_max=rows_max)
        self.level_slots = HashSlots(seed)
        self.level_chain = Table("i4", rows_max=rows_max)
        self.sku_levels = Table("i4", width=(2,), rows_max=rows_max)

    def _begin_reservations(self, rows_max: int) -> None:
        """Reservations with their lines and texts, and what is left of ended ones."""
        header = self.header
        self.reservations = Table(
            RESERVATION, (), rows_max, header, RESERVATIONS, FREE_RESERVATIONS
        )
        self.lines = Table(LINE, (), rows_max, header, LINES, FREE_LINES, BLOCKS_SPREAD)
        self.splits = Table("i8", (len(State),), rows_max, header, SPLITS, FREE_SPLITS)
        self.id_texts = TextBlocks(header, ID_TEXTS, FREE_TEXTS, rows_max)
        self.ended = Ring(ENDED_ID, header, ENDED, rows_max)
        self.ended_marks = Table(ENDED_MARK, rows_max=ENDED_MARKS_MAX)

    def _begin_history(self, rows_max: int) -> None:
        """What recently happened to levels, of which little is kept until somebody asks."""
        self.keeping = Keeping()
        self.latest = Table(LATEST, rows_max=rows_max)
        # Of every level the number of its last count, once records are chained.
        self.counted = Table("i8", rows_max=rows_max)
        unused_max = UNUSED_HISTORY_MAX // self.index.shard_count
        self.facts, self.shipments = History(unused_max), History(unused_max)

    def _begin_quarantine(self) -> None:
        """The tables of what nothing is promised of until an operator has looked at it."""
        header = self.header
        self.quarantined = Table("i4", (), QUARANTINED_MAX, header, QUARANTINED)
        more = QUARANTINED_SKUS_MAX, header, QUARANTINED_SKUS
        self.quarantined_skus = Table(QUARANTINED_SKU, (), *more)

    def _begin_supplies(self, rows_max: int) -> None:
        """Inbound supply: none yet."""
        # Of every level its newest supply + 1, from the first supply of the shard on.
        self.supply_heads = Table("i4", rows_max=rows_max)
        most = min(rows_max, SUPPLIES_MAX)
        self.supplies = Table(SUPPLY, rows_max=most)
        self.supply_texts = TextBlocks(
            self.header, SUPPLY_TEXTS, FREE_SUPPLY_TEXTS, SUPPLY_TEXTS_EACH * most
        )
        self.backorders = Table(BACKORDER, rows_max=min(rows_max, BACKORDERS_MAX))
        # Of every level the units of those; memory that nobody has written takes no room.
        self.backordered = Table("i8", rows_max=rows_max)

    def __repr__(self) -> str:
        return f"<Shard {self.number} at {self.sequence}: {len(self.levels)} stock levels>"

    @property
    def sequence(self) -> int:
        """Number of the last closed entry."""
        return self._figures[SEQUENCE]

    @sequence.setter
    def sequence(self, sequence: int) -> None:
        self._figures[SEQUENCE] = sequence

    @property
    def now_ns(self) -> int:
        """Time of the running turn, or of the last one."""
        return self._figures[NOW_NS]

    @now_ns.setter
    def now_ns(self, now_ns: int) -> None:
        self._figures[NOW_NS] = now_ns

    @property
    def revision(self) -> int:
        """The sequence that an answer given now rests on: that of the running turn, if it has
        effects.
        """
        return self.sequence + 1 if self.effects.touched else self.sequence

    def revision_now(self) -> Revision:
        """What an answer given now rests on."""
        return Revision(self.number, self.revision, self.timeline)

    def mark_entry(self) -> None:
        """Begin an entry: what it says of facts counts them from here."""
        self.facts.mark()
        self.shipments.mark()

    def find_row(self, sku: str, location: str) -> int:
        """The row of a stock level, or NO_LEVEL, UNKNOWN_SKU, UNKNOWN_LOCATION of codes.py."""
        row = self.rows.get((sku, location))
        return self._look_up_row(sku, location) if row is None else row

    def _look_up_row(self, sku: str, location: str) -> int:
        row = int(
            kernels.find_row(
                np.frombuffer(sku.encode(), np.uint8),
                self.skus.arrays,
                np.frombuffer(location.encode(), np.uint8),
                self.locations.arrays,
                self.level_slots.arrays,
                self.levels.records,
            )
        )
        if row >= 0:
            if len(self.rows) >= ROWS_REMEMBERED_MAX:
                self.rows.clear()
            self.rows[sku, location] = row
        return row

    def look_up_rows(self, names: Sequence[tuple[str, str]]) -> list[int]:
        """`find_row` for many, none of which is remembered."""
        if len(names) == 1:  # twice as fast
            return [self._look_up_row(*names[0])]
        skus, locations = zip(*names, strict=True)
        rows = np.empty(len(names), np.int64)
        kernels.find_rows(
            *join_names(skus),
            self.skus.arrays,
            *join_names(locations),
            self.locations.arrays,
            self.level_slots.arrays,
            self.levels.records,
            rows,
        )
        found: list[int] = rows.tolist()
        if len(self.rows) + len(found) > ROWS_REMEMBERED_MAX:
            self.rows.clear()
        self.rows.update((name, row) for name, row in zip(names, found, strict=True) if row >= 0)
        return found

    def list_levels(self, skus: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Fill `rows` (int64) with those of SKUs (int64), one SKU after the other, in the order in
        which they were first recorded; return where each SKU's end, of as many as there was room
        for.
        """
        ends = np.empty(len(skus), np.int64)
        chain, firsts = self.level_chain.records, self.sku_levels.records
        return ends[: kernels.list_levels(skus, chain, firsts, ends, rows)]

    def is_enabled(self, location: int) -> bool:
        """Whether a location takes new reservations."""
        return bool(self.location_records.records[location]["enabled"])

    def are_quarantined(self, rows: np.ndarray) -> np.ndarray:
        """Of which rows no new promises are made, because the audit found them wrong, or their SKU
        is in quarantine (bool).
        """
        found = np.zeros(len(rows), bool)
        if len(self.quarantined):  # a search would take as long as the rest of a small read
            found |= np.isin(rows, self.quarantined.used)
        if len(self.quarantined_skus):
            skus = self.levels.records["sku"][rows]
            found |= np.isin(skus, self.quarantined_skus.used["sku"])
        return found

    def is_sku_quarantined(self, sku: int) -> bool:
        """Whether nothing is promised of a SKU until an operator admits it."""
        return sku in self.quarantined_skus.used["sku"]

    def is_open(self, row: int) -> bool:
        """Whether a row exists and its SKU has not ended."""
        if not 0 <= row < len(self.levels):
            return False
        return not self.skus.removed.records[self.levels.records[row]["sku"]]

    def is_reservation(self, number: int, key: Key) -> bool:
        """Whether a reservation has this key. A UUID and a text do not share a key."""
        record = self.reservations.records[number]
        return is_key(record, key) and bool(record["flags"] & FLAG_TEXT) == (key.text is not None)

    def ended_states(self, place: int, key: Key) -> Array | None:
        """Units by State (int64[6]) of an ended id, 1 where there were any; None if it is not that
        of this key.
        """
        record = self.ended.records[place]
        states = int(record["states"])
        if not is_key(record, key) or bool(states & ENDED_TEXT) != (key.text is not None):
            return None
        return np.array([states >> state - 1 & 1 for state in State], np.int64)

    def line_ids(self, number: int) -> list[str]:
        """The caller's ids of the lines of this reservation; empty texts where it has none."""
        record = self.reservations.records[number]
        flags, count = int(record["flags"]), int(record["line_count"])
        if not flags & FLAG_LINE_IDS:
            return [""] * count
        # After the reservation's own texts, if it has any, its lines' stand in their order.
        own = _own_texts(flags)
        return self.id_texts.read(int(record["id_text"]), own + count)[own:]

    def owner(self, number: int) -> str:
        """The owner of this reservation, in the words of its caller; empty for none."""
        record = self.reservations.records[number]
        flags = int(record["flags"])
        if not flags & FLAG_OWNER:
            return ""
        return self.id_texts.read(int(record["id_text"]), _own_texts(flags))[-1]

    def have_line_id(self, number: int, line_id: str) -> np.ndarray:
        """Which lines of this reservation have this id (bool)."""
        record = self.reservations.records[number]
        flags, count = int(record["flags"]), int(record["line_count"])
        matches = np.zeros(count, np.uint8)
        if flags & FLAG_LINE_IDS:
            text = np.frombuffer(line_id.encode(), np.uint8)
            own = _own_texts(flags)
            kernels.match_texts(text, self.id_texts.data, int(record["id_text"]), own, matches)
        return matches.view(bool)

    def lines_of(self, number: int) -> range:
        """Line numbers of a reservation."""
        first = int(self.reservations.records["first_line"][number])
        return range(first, first + int(self.reservations.records["line_count"][number]))

    def units(self, line: int) -> dict[State, int]:
        """Units of a line by state."""
        totals = np.zeros(len(State), np.int64)
        self.add_units(range(line, line + 1), totals)
        return dict(zip(State, totals.tolist(), strict=True))

    def add_units(self, lines: range, totals: np.ndarray) -> None:
        """Add the units of some lines to `totals` (int64[7]), by state."""
        kernels.count_units(lines.start, len(lines), self.book, totals)

    def read_levels(self, rows: np.ndarray) -> np.ndarray:
        """Rows (int64) as int64[7, rows]: on_hand, reserved, committed, what may be promised now, 1
        where there is such a level, units that are not for sale, and the SourceState of its source.
        Where there is none, or its SKU has ended, all are 0.
        """
        columns = np.zeros((7, len(rows)), np.int64)
        kernels.read_levels(rows, self.header, self.stock, columns)
        if len(self.backorders):
            is_there = columns[4] != 0
            columns[5, is_there] += self.backordered.records[rows[is_there]]
        return columns

    def list_unavailable(self, rows: np.ndarray, withheld: np.ndarray) -> np.ndarray:
        """What is not for sale at some rows: place among them, status and units (int64[n, 3])."""
        # A row may come several times.
        most = int(np.count_nonzero(withheld)) * min(len(self.unavailable), STATUSES_MAX)
        found = np.empty((most, 3), np.int64)
        slots, records = self.unavailable_slots.arrays, self.unavailable.records
        return found[: kernels.list_unavailable(slots, records, rows, withheld, found)]

    def name_unavailable(self, listed: np.ndarray) -> dict[int, dict[str, int]]:
        """What `list_unavailable` found, by place: units by status, in the order of their names."""
        named: dict[int, dict[str, int]] = {}
        for place, status, units in listed.tolist():
            named.setdefault(place, {})[self.statuses.text(status)] = units
        return {place: dict(sorted(units.items())) for place, units in named.items()}

    def unavailable_units(self, row: int, status: str) -> int:
        """Units of a level under one status."""
        number = self.statuses.find(status)
        if number < 0:
            return 0
        found = kernels.find_unavailable(
            self.unavailable_slots.arrays, self.unavailable.records, row, number
        )
        return 0 if found < 0 else int(self.unavailable.records["units"][found])

    def read_lines(self, number: int) -> np.ndarray:
        """The lines of a reservation: row, position, and units by state (int64[n, 9])."""
        mine = self.lines_of(number)
        lines = np.empty((len(mine), 2 + len(State)), np.int64)
        kernels.read_lines(mine.start, len(mine), self.book, lines)
        return lines

    def name_row(self, row: int) -> tuple[str, str]:
        """The SKU, by the first of its names, and location of a row."""
        level = self.levels.records[row]
        sku, location = self.skus.text(level["sku"]), self.locations.text(level["location"])
        return self.sku_names.first.get(sku, sku), location

    def name_lines(self, number: int, rows: np.ndarray) -> list[tuple[str, str, str]]:
        """SKU, location and the caller's id of a reservation's lines, which are at these rows."""
        names = zip(self.name_rows(rows), self.line_ids(number), strict=True)
        return [(*name, line_id) for name, line_id in names]

    def name_rows(self, rows: np.ndarray) -> list[tuple[str, str]]:
        """`name_row` for many."""
        levels = self.levels.records[rows]
        skus, locations = self.skus.texts(levels["sku"]), self.locations.texts(levels["location"])
        if first := self.sku_names.first:  # of a SKU that ended, and whose name is another's now
            skus = [first.get(sku, sku) for sku in skus]
        return list(zip(skus, locations, strict=True))


def _own_texts(flags: int) -> int:
    """How many texts of a reservation stand before those of its lines."""
    return bool(flags & FLAG_TEXT) + bool(flags & FLAG_OWNER)
