"""The schema: which layouts this build writes, and how it reads those of earlier builds.

One number stands for the layouts of all effects and of all tables. Entries, snapshots and node.json
carry it. A layout that changes takes a new number here: what an earlier schema wrote is read by the
names of its fields, and a field that it did not have gets the default stated below. A digest covers
the columns of the schema that made it, so seals and digests of earlier schemas are not compared.

    1  builds before docs/adr/0026: one section a kind in an entry, levels without `withheld`
    2  sections as an ordered list, `withheld`, principals and details of stock facts
    3  the content of stock events, what was counted, skipped numbers, resets of sources
    4  ended reservations leave: when they ended, ids that are left, texts of ids in blocks
    5  units that are not for sale, by status; units that came back; all that an event says
    6  gaps of a source as ranges that heal; what a count had seen; when a source was last heard
    7  reversals: which events are undone, which reversals wait for theirs, flags in the history
    8  inbound supply
    9  levels in quarantine and repaired; why operators decided something, and who
   10  how sources are, what may be promised while they are not current, and who fed a level
   11  transfers between locations
   12  correlation ids of what changed; owners of reservations
   13  SKUs in quarantine
   14  backorders: units that are promised from supply
   15  other names of SKUs
   16  requests without the sequence at which they came; request ids of changes of locations
   17  when a source was reset; whether a count stated its instant
   18  texts of ids with zeros after them in their blocks
   19  whether the number of a fact came late
"""

from collections.abc import Mapping

import numpy as np

from ..kernels.codes import (
    COUNTED_BEFORE,
    COUNTED_UNKNOWN,
    EARLIER,
    EARLIER_COUNTED,
    NEVER_NS,
    UNKNOWN_NUMBERS,
)
from .effects import DTYPES, Section
from .table import Array

SCHEMA = 19

#: Since when the history has a tag of each fact, by which a reversal finds it.
TAGGED_SINCE = 7

#: Since when texts of ids are filled up with zeros. What earlier entries laid down is replayed as
#: it was, so that it is what the snapshots of their builds have.
FILLED_SINCE = 18

_SOURCES_9 = [
    ("source", "i4"),
    ("expected_interval_ms", "u4"),
    ("unknown_skus", "u1"),
    ("pad", "u1", 3),
]

_COUNTS_16 = [("pad", "u1"), ("pad2", "u2")]

#: Layouts of effects that changed after a schema: schema -> kind -> its layout until then.
EARLIER_EFFECTS: dict[int, dict[Section, np.dtype]] = {
    4: {Section.STOCK: DTYPES[Section.STOCK_PLAIN]},
    5: {
        Section.STOCK: np.dtype(DTYPES[Section.STOCK].descr[:-1]),
        Section.COUNTED: np.dtype([("quantity", "i8")]),
        Section.GAPS: np.dtype([("first", "u8"), ("last", "u8"), ("source", "i4"), ("pad", "u4")]),
        Section.SOURCE_RESETS: np.dtype([("last_sequence", "u8"), ("source", "i4"), ("pad", "u4")]),
    },
    9: {
        Section.LEVELS: np.dtype([("sku", "i4"), ("location", "i4")]),
        Section.SOURCES: np.dtype(_SOURCES_9),
    },
    10: {Section.SUPPLIES: np.dtype([*DTYPES[Section.SUPPLIES].descr[:-1], ("pad", "u1")])},
    16: {
        Section.COUNTS: np.dtype([*DTYPES[Section.COUNTS].descr[:3], *_COUNTS_16]),
        Section.SOURCE_RESETS: np.dtype(DTYPES[Section.SOURCE_RESETS].descr[:-1]),
    },
}

#: What a field holds that an earlier schema did not write: kind of effect -> field -> default.
EFFECT_DEFAULTS: dict[Section, dict[str, int]] = {
    Section.COUNTS: {"flags": 0, "pad": 0},
    Section.STOCK: {"content": 0, "counted": COUNTED_UNKNOWN},
    Section.COUNTED: {"seen": 0},
    # They refused what came late, so that it may have been sent again in another way.
    Section.GAPS: {"kind": UNKNOWN_NUMBERS},
    Section.SOURCE_RESETS: {"resets": 0, "at_ns": 0},
    # A level that they did not count is one of the first source of its shard until it is counted.
    Section.LEVELS: {"is_uncounted": 0, "pad": 0, "pad2": 0},
    Section.SOURCES: {"fallback": 0, "pads": 0, "pad2": 0, "cap": 0},
    Section.SUPPLIES: {"is_transfer": 0},
}

#: The same for tables, by their names in `state_bytes.columns`.
TABLE_DEFAULTS: dict[str, dict[str, int]] = {
    "events": {"quantity": 0, "row": 0, "kind": 0, "rest": 0, "content": 0},
    "levels": {"withheld": 0},
    "reservations": {"ended_at_ns": NEVER_NS},
    "numbered": {"rest": 0, "content": 0},
    "source_records": {"state": 0, "fallback": 0, "pads": 0, "cap": 0, "reset_ns": 0},
    "supplies": {"is_transfer": 0, "pad": 0},
}


def layouts_of(schema: int) -> dict[Section, np.dtype]:
    """The layouts of effects as a schema wrote them."""
    layouts = dict(DTYPES)
    for earlier in range(SCHEMA - 1, schema - 1, -1):
        layouts |= EARLIER_EFFECTS.get(earlier, {})
    return layouts


def migrate(records: Array, layout: np.dtype, defaults: Mapping[str, int]) -> Array:
    """Records in another layout, field by field. Raises KeyError for a field without a default."""
    if records.dtype == layout:
        return records
    migrated = np.empty(records.shape, layout)
    written = records.dtype.names or ()
    for field in layout.names or ():
        migrated[field] = records[field] if field in written else defaults[field]
    return migrated


def migrate_effects(records: Array, section: Section, schema: int) -> Array:
    """Effects of an earlier schema in today's layout."""
    migrated = migrate(records, DTYPES[section], EFFECT_DEFAULTS.get(section, {}))
    if section is Section.STOCK and schema < TAGGED_SINCE:
        for was, now in ((0, EARLIER), (COUNTED_BEFORE, EARLIER_COUNTED)):
            migrated["counted"][migrated["counted"] == was] = now
    return migrated


def migrate_table(records: Array, name: str, layout: np.dtype) -> Array:
    """Records of a table of an earlier schema in today's layout."""
    return migrate(records, layout, TABLE_DEFAULTS.get(name, {}))
