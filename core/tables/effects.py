"""What a turn decided, as columns: the vocabulary of the journal.

An effect says what holds from now on, not what was asked: a row, a quantity, a state. Replaying
effects needs no business rule. An entry is the effects of one shard from one turn, as a list of
sections in the order of replay. A section is effects of one kind, in the order in which they were
recorded; a kind may have several.

A turn collects effects by kind, and gives them out in the order of `DTYPES`. That is an order of
replay as good as the one in which they came, because effects of different kinds commute (they add
up, or set a field of their own), or one refers to the other and comes after it (a line to a level,
a move to a line). Kinds for which that does not hold are `STANDS_ALONE`: an effect of theirs
ends the stage before it, and stands in a stage of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import compress
from operator import add, itemgetter

import numpy as np

from ..kernels.arguments import (
    EFFECTS,
    LINE_EFFECTS,
    MOVE_EFFECTS,
    RESERVATION_EFFECTS,
    SECTIONS_END,
)
from ..limits import EFFECTS_MAX, NAME_BYTES_MAX
from .table import Array, Table, copied, figures


class Section(IntEnum):
    """Kinds of effects. The numbers are the journal's format."""

    SKU_NAMES = 1
    LOCATION_NAMES = 2
    SOURCE_NAMES = 3
    DISPLAY_NAMES = 4
    ID_TEXTS = 5
    LOCATIONS = 6
    ENDED_SKUS = 7
    LEVELS = 8
    RESERVATIONS = 9
    LINES = 10
    LINKS = 11
    MOVES = 12
    EXTENDS = 13
    STOCK_PADDED = 14
    STOCK_PLAIN = 17
    COUNTED = 22
    STOCK = 25
    GAPS = 23
    SOURCE_RESETS = 24
    REQUESTS = 15
    SEAL = 16
    PRINCIPAL_NAMES = 18
    ATTRIBUTIONS = 19
    STOCK_DETAILS = 20
    STOCK_DETAIL_TEXTS = 21
    RESERVATION_TEXTS = 26
    TEXT_BYTES = 27
    ENDS = 28
    DROPS = 29
    FORGETS = 30
    STATUS_NAMES = 31
    UNAVAILABLE = 32
    HISTORY_WINDOWS = 33
    COUNTS = 34
    POSTED = 35
    RESET_REASONS = 36
    SOURCES = 37
    REVERSALS = 38
    REOPENED = 39
    SUPPLIES = 40
    SUPPLY_TEXTS = 41
    QUARANTINES = 42
    REPAIRS = 43
    DECISIONS = 44
    DECISION_TEXTS = 45
    SOURCE_STATES = 46
    CORRELATIONS = 47
    CORRELATION_TEXTS = 48
    SKU_QUARANTINES = 49
    BACKORDERS = 50
    SKU_RENAMES = 51


#: A stock fact. STOCK_PADDED is what builds before docs/adr/0017 wrote, STOCK_PLAIN what builds
#: before docs/adr/0029 did, which kept nothing of an event but its id: they are read, not written.
_STOCK = [
    ("key_hi", "u8"),
    ("key_lo", "u8"),
    ("delta", "i8"),
    ("sequence", "u8"),
    ("row", "i4"),
    ("source", "i4"),
    ("kind", "u1"),
    ("has_key", "u1"),
]

#: `content`: see layouts.EVENT. `counted` is COUNTED_BEFORE of kernels/codes.py when a count had
#: seen it already, so that it changes nothing on hand; COUNTED_UNKNOWN of an earlier build;
#: REVERSED_BEFORE and its like of what was reversed. `has_key` says with a second bit whether its
#: number came late (KEYED and LATE).
_STOCK_NOW = [*_STOCK, ("content", "u2"), ("counted", "u1")]

#: Names and other texts stand after one byte of length each (NameTable.add).
_PACKED_NAMES = np.dtype("u1")

#: Layouts, in the order of replay within a stage.
DTYPES: dict[Section, np.dtype] = {
    Section.SKU_NAMES: _PACKED_NAMES,
    Section.LOCATION_NAMES: _PACKED_NAMES,
    Section.SOURCE_NAMES: _PACKED_NAMES,
    Section.PRINCIPAL_NAMES: _PACKED_NAMES,
    Section.STATUS_NAMES: _PACKED_NAMES,
    Section.DISPLAY_NAMES: _PACKED_NAMES,
    Section.ID_TEXTS: _PACKED_NAMES,
    Section.LOCATIONS: np.dtype(
        [
            ("location", "i4"),
            ("display_name", "i4"),
            ("kind", "u1"),
            ("enabled", "u1"),
            ("pad", "u2"),
        ]
    ),
    Section.ENDED_SKUS: np.dtype([("sku", "i4")]),
    # A name that a SKU has besides its first one, which it may be, and whether it is called by that
    # from now on.
    Section.SKU_RENAMES: np.dtype(
        [("sku", "i4"), ("is_present", "u1"), ("pad", "u1", 3), ("name", f"S{NAME_BYTES_MAX}")]
    ),
    # `is_uncounted` is 1; 0 of an earlier build, which kept of a count alone whose it was.
    Section.LEVELS: np.dtype(
        [
            ("sku", "i4"),
            ("location", "i4"),
            ("is_uncounted", "u1"),
            ("pad", "u1"),
            ("pad2", "u2"),
        ]
    ),
    Section.RESERVATIONS: np.dtype(
        [
            ("key_hi", "u8"),
            ("key_lo", "u8"),
            ("hold_ms", "u4"),
            ("line_count", "u2"),
            ("flags", "u2"),
        ]
    ),
    Section.LINES: np.dtype([("quantity", "i8"), ("row", "i4"), ("position", "u2"), ("pad", "u2")]),
    # Texts of reservations (`size` bytes of TEXT_BYTES each): of each its own, then its lines'.
    Section.RESERVATION_TEXTS: np.dtype([("reservation", "i4"), ("size", "u4")]),
    Section.TEXT_BYTES: _PACKED_NAMES,
    Section.LINKS: np.dtype([("next_part", "i8"), ("reservation", "i4"), ("pad", "u4")]),
    Section.MOVES: np.dtype(
        [("quantity", "i8"), ("line", "i4"), ("leaves", "u1"), ("enters", "u1"), ("pad", "u2")]
    ),
    Section.EXTENDS: np.dtype([("expires_at_ns", "i8"), ("reservation", "i4"), ("pad", "u4")]),
    # Reservations that have ended, by their first part.
    Section.ENDS: np.dtype([("reservation", "i4")]),
    # Parts that leave memory; of a first part, the states in which the whole had units (ENDED_ID).
    Section.DROPS: np.dtype([("reservation", "i4"), ("states", "u1"), ("pad", "u1", 3)]),
    # How many of the oldest ended ids are forgotten.
    Section.FORGETS: np.dtype([("count", "u4")]),
    Section.STOCK_PADDED: np.dtype([*_STOCK, ("pad", "u2"), ("pad2", "u4")]),
    Section.STOCK_PLAIN: np.dtype(_STOCK),
    # The quantity of each STOCK after it whose difference does not give it: COUNT,
    # the kinds after it, and what was counted already. Of a COUNT, the number of its source
    # up to which it had seen its facts.
    Section.COUNTED: np.dtype([("quantity", "i8"), ("seen", "u8")]),
    Section.STOCK: np.dtype(_STOCK_NOW),
    # Units that enter (or with a minus leave) a status, through the last STOCK of the entry so far.
    Section.UNAVAILABLE: np.dtype(
        [("units", "i8"), ("row", "i4"), ("status", "i4"), ("stock", "u4"), ("pad", "u4")]
    ),
    # Document and line of each of the SUPPLIES after it that is new (`text_size` bytes).
    Section.SUPPLY_TEXTS: _PACKED_NAMES,
    # What is said of supply: how many units in all, by when, and since when (0 if that was not
    # said); or with `is_receipt` how many units of it have come. With `is_transfer`, how many units
    # more are under way from another location, or have come. `incoming` is the difference that
    # it makes to what is still to come, through the last STOCK of the entry so far.
    Section.SUPPLIES: np.dtype(
        [
            ("units", "i8"),
            ("incoming", "i8"),
            ("expected_ns", "i8"),
            ("said_ns", "i8"),
            ("sequence", "u8"),
            ("key_hi", "u8"),
            ("key_lo", "u8"),
            ("row", "i4"),
            ("source", "i4"),
            ("stock", "u4"),
            ("text_size", "u2"),
            ("is_receipt", "u1"),
            ("is_transfer", "u1"),
        ]
    ),
    # How many units of a line are backordered now, which is a change to those before, and how many
    # had been given back when they were counted.
    Section.BACKORDERS: np.dtype(
        [
            ("units", "i8"),
            ("change", "i8"),
            ("given_back", "i8"),
            ("latest_ns", "i8"),
            ("line", "i4"),
            ("row", "i4"),
            ("reservation", "i4"),
            ("is_new", "u1"),
            ("pad", "u1", 3),
        ]
    ),
    # How long what happens is kept, from now on, and whether counts have asked for it.
    Section.HISTORY_WINDOWS: np.dtype([("window_ns", "i8"), ("is_used", "u8")]),
    # The instant as of which a level was counted, by what, and what else is known of the count
    # (kernels/codes.py COUNT_IS_TIMED).
    Section.COUNTS: np.dtype(
        [("as_of_ns", "i8"), ("row", "i4"), ("basis", "u1"), ("flags", "u1"), ("pad", "u2")]
    ),
    # Units of which a source has posted the goods issue, or that were shipped too long ago.
    Section.POSTED: np.dtype([("units", "i8"), ("row", "i4"), ("pad", "u4")]),
    # What a reversal does (kernels/codes.py UNDOES), and with which event: the one that it undoes,
    # by source and id, of which it says what it was. `fact` is the number of that in the history,
    # or 0. Of an event that was awaited, its own key, and if it is a reversal its target.
    Section.REVERSALS: np.dtype(
        [
            ("key_hi", "u8"),
            ("key_lo", "u8"),
            ("target_hi", "u8"),
            ("target_lo", "u8"),
            ("fact", "i8"),
            ("quantity", "i8"),
            ("row", "i4"),
            ("content", "u2"),
            ("kind", "u1"),
            ("depth", "u1"),
            ("what", "u1"),
            ("pad", "u1", 7),
            ("source", "S128"),
            ("event_id", "S128"),
        ]
    ),
    # Reservations that had ended and have units committed again, by their first part.
    Section.REOPENED: np.dtype([("reservation", "i4")]),
    # What is set of a source.
    Section.SOURCES: np.dtype(
        [
            ("source", "i4"),
            ("expected_interval_ms", "u4"),
            ("unknown_skus", "u1"),
            ("fallback", "u1"),
            ("pads", "u1", 2),
            ("pad2", "u4"),
            ("cap", "i8"),
        ]
    ),
    # How a source is, when that changes (SourceState).
    Section.SOURCE_STATES: np.dtype([("source", "i4"), ("state", "u1"), ("pad", "u1", 3)]),
    # Numbers of a source that were skipped, or came after all (kernels/codes.py SKIPPED).
    Section.GAPS: np.dtype(
        [("first", "u8"), ("last", "u8"), ("source", "i4"), ("kind", "u1"), ("pad", "u1", 3)]
    ),
    # `resets` is how often it was reset with this; 0 of an earlier build, which did not say.
    Section.SOURCE_RESETS: np.dtype(
        [("last_sequence", "u8"), ("source", "i4"), ("resets", "u4"), ("at_ns", "i8")]
    ),
    # Why, of each SOURCE_RESETS before it.
    Section.RESET_REASONS: _PACKED_NAMES,
    Section.REQUESTS: np.dtype(
        [
            ("key_hi", "u8"),
            ("key_lo", "u8"),
            ("result", "i8"),
            ("lines_hash", "u8"),
            ("hold_ms", "u4"),
            ("verb", "u1"),
            ("remainder", "u1"),
            ("pad", "u2"),
        ]
    ),
    # Who gave rise to effects [start, start + count) of a kind, counted over the entry.
    Section.ATTRIBUTIONS: np.dtype(
        [("principal", "i4"), ("kind", "u2"), ("pad", "u2"), ("start", "u4"), ("count", "u4")]
    ),
    # What a stock fact came with and the engine does not use: `stock` counts the STOCK effects of
    # the entry, and each has five texts: kind, id and line of its reference, reason, actor.
    Section.STOCK_DETAILS: np.dtype(
        [
            ("occurred_at_ns", "i8"),
            ("stock", "u4"),
            ("has_time", "u1"),
            ("pad", "u1"),
            ("pad2", "u2"),
        ]
    ),
    Section.STOCK_DETAIL_TEXTS: _PACKED_NAMES,
    # Whether a level is in quarantine, from now on.
    # A SKU that its first source began in quarantine, or that an operator admits.
    Section.SKU_QUARANTINES: np.dtype(
        [("sku", "i4"), ("source", "i4"), ("is_quarantined", "u1"), ("pad", "u1", 3)]
    ),
    Section.QUARANTINES: np.dtype([("row", "i4"), ("is_quarantined", "u1"), ("pad", "u1", 3)]),
    # What a level has, whatever it had before.
    Section.REPAIRS: np.dtype(
        [
            ("reserved", "i8"),
            ("committed", "i8"),
            ("withheld", "i8"),
            ("row", "i4"),
            ("pad", "u4"),
        ]
    ),
    # Effects [start, start + count) of a kind, counted over the entry, that an operator decided on.
    # Each has two texts: why, and who.
    Section.DECISIONS: np.dtype([("kind", "u2"), ("pad", "u2"), ("start", "u4"), ("count", "u4")]),
    Section.DECISION_TEXTS: _PACKED_NAMES,
    # Effects [start, start + count) of a kind, counted over the entry, that came under an id of the
    # caller: with `is_next` that of the next text, else that of the effects before them.
    Section.CORRELATIONS: np.dtype(
        [("start", "u4"), ("count", "u4"), ("kind", "u2"), ("is_next", "u1"), ("pad", "u1")]
    ),
    Section.CORRELATION_TEXTS: _PACKED_NAMES,
    Section.SEAL: np.dtype([("digest_hi", "u8"), ("digest_lo", "u8")]),
}


#: Kinds that earlier builds wrote. ID_TEXTS stand before their reservations, in the same order.
_READ_ALONE = frozenset({Section.ID_TEXTS, Section.STOCK_PADDED, Section.STOCK_PLAIN})

#: Kinds that do not commute with others. A name that ends is free again: what the same turn says of
#: the SKU before and the one after must not change places. A reset sets what stock facts set too.
#: What reservations give back is taken by those that come next. A repair sets what others add to.
STANDS_ALONE = frozenset(
    {
        *(Section.ENDED_SKUS, Section.SOURCE_RESETS, Section.DROPS, Section.HISTORY_WINDOWS),
        Section.REOPENED,
        Section.REPAIRS,
    }
)

#: Kinds that principals and correlation ids are noted for. Lines and texts of ids belong to their
#: reservations.
ATTRIBUTED = (
    Section.LOCATIONS,
    Section.SOURCES,
    Section.ENDED_SKUS,
    Section.SKU_RENAMES,
    Section.LEVELS,
    Section.RESERVATIONS,
    Section.LINKS,
    Section.MOVES,
    Section.EXTENDS,
    Section.STOCK,
    Section.SOURCE_RESETS,
    Section.REPAIRS,
    Section.SKU_QUARANTINES,
    Section.REQUESTS,
)

#: Effects that kernels write as well.
_KERNELS_WRITE = (Section.RESERVATIONS, Section.LINES, Section.MOVES)

assert EFFECTS + max(Section) < SECTIONS_END
assert [EFFECTS + section for section in _KERNELS_WRITE] == [
    RESERVATION_EFFECTS,
    LINE_EFFECTS,
    MOVE_EFFECTS,
]


@dataclass(frozen=True, slots=True)
class Entry:
    """The effects of one shard from one turn.

    Append it to the journal and make it durable BEFORE any answer of the turn leaves the process.
    """

    shard: int
    sequence: int
    now_ns: int
    sections: Sequence[tuple[Section, Array]]
    """In the order of replay. RESERVATIONS are followed by their LINES."""

    def effects(self, section: Section) -> Array:
        """All effects of one kind, in their order."""
        found = [effects for kind, effects in self.sections if kind is section]
        return np.concatenate(found) if found else np.zeros(0, DTYPES[section])


class Effects:
    """The effects that one shard is collecting in the running turn."""

    __slots__ = (
        "_closed",
        "_closed_counts",
        "_count_of_each",
        "_counts",
        "_in_order",
        "_tables",
        "arrays",
        "touched",
    )

    def __init__(self, header: Array) -> None:
        self._tables = {
            section: Table(dtype, rows_max=EFFECTS_MAX, header=header, at=EFFECTS + section)
            for section, dtype in DTYPES.items()
            if section not in _READ_ALONE
        }
        # Every turn of every shard picks the few kinds that have effects, in the order of replay.
        self._in_order = [(int(section), section, table) for section, table in self._tables.items()]
        self._count_of_each = itemgetter(*map(int, self._tables))
        self._counts = figures(header)[EFFECTS:SECTIONS_END]
        self._closed: list[tuple[Section, Array]] = []
        self._closed_counts = [0] * len(self._counts)
        self.arrays = tuple(self._tables[each].records for each in _KERNELS_WRITE)
        self.touched = False

    def __getitem__(self, section: Section) -> Table:
        """The effects of one kind. Whoever adds to them sets `touched`."""
        return self._tables[section]

    def written(self) -> list[int]:
        """How many effects the running turn has so far, by the number of their kind; of names and
        texts, how many bytes.
        """
        return list(map(add, self._counts.tolist(), self._closed_counts))

    def close_stage(self) -> None:
        """Let what was collected so far be replayed before all that follows."""
        counts = self._counts.tolist()
        if not any(counts):
            return
        for number, section, table in compress(self._in_order, self._count_of_each(counts)):
            self._closed.append((section, copied(table.records[: counts[number]])))
            self._closed_counts[number] += counts[number]
            self._counts[number] = 0

    def take(self) -> list[tuple[Section, Array]]:
        """Copy the effects out and start anew."""
        self.close_stage()
        taken, self._closed = self._closed, []
        self._closed_counts = [0] * len(self._counts)
        self.touched = False
        return taken
