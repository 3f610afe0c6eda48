"""The shapes of the state: one record layout per table.

Records rather than separate arrays, because a reserve touches every field of one stock level: that
is one miss, or two neighbours (docs/adr/0015, docs/adr/0027).
"""

import numpy as np

from ..limits import NAME_BYTES_MAX

#: A stock level. `withheld` is the sum of all that keeps units on hand from being promised without
#: being a promise, less the promised units that take nothing from what is on hand (BACKORDER).
#: `sku` and `location` are numbers from the shard's name tables.
LEVEL = np.dtype(
    [
        ("on_hand", "i8"),
        ("reserved", "i8"),
        ("committed", "i8"),
        ("withheld", "i8"),
        ("sku", "i4"),
        ("location", "i4"),
    ]
)

#: Units of a stock level that are on hand and not for sale, under one status (a number from the
#: shard's names of statuses).
UNAVAILABLE = np.dtype([("units", "i8"), ("row", "i4"), ("status", "i4")])

#: The newest record of a level among its facts and among its shipments (a number from 1; 0 when
#: there is none), units shipped of which no source has posted the goods issue, the instant as of
#: which it was last counted, and by what (CountBasis, with COUNT_IS_TIMED of kernels/codes.py; 0
#: when it was not counted as of an instant).
LATEST = np.dtype(
    [
        ("facts", "i8"),
        ("shipments", "i8"),
        ("unposted", "i8"),
        ("counted_ns", "i8"),
        ("basis", "u1"),
    ]
)

#: The last count of a level: the number up to which it had seen the facts of its source, that
#: source, and how often it had been reset; TIME_FIRST is added to a number that is the count's own
#: where its instant was stated. Until a level is counted, `resets` is UNCOUNTED and the
#: source is the one that fed it last, or NO_SOURCE.
LAST_COUNT = np.dtype([("sequence", "u8"), ("source", "i4"), ("resets", "u4")])

#: A recent stock fact, or shipment: when it happened and when it came, what it changed on hand
#: (a goods issue: what it reported), and the number of the one before it at its level, or until
#: anybody asks for that its level; flags (HISTORY_UNDONE of
#: kernels/codes.py and its like), and 16 bits of its id, by which it is found again.
HISTORY = np.dtype(
    [
        ("at_ns", "i8"),
        ("came_at_ns", "i8"),
        ("units", "i8"),
        ("sequence", "u8"),
        ("link", "i8"),
        ("source", "i4"),
        ("kind", "u1"),
        ("flags", "u1"),
        ("tag", "u2"),
    ]
)

#: An event that was reversed, or reverses another (its target, none for a fact): whether it is
#: undone. A reversal says what fact it undoes in the end: its kind and its content (EVENT).
#: `depth` is 1 when its target is a fact, 2 when that is a reversal, 0 for a fact.
REVERSED = np.dtype(
    [
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("at_ns", "i8"),
        ("target_hi", "u8"),
        ("target_lo", "u8"),
        ("content", "u2"),
        ("kind", "u1"),
        ("depth", "u1"),
        ("is_undone", "u1"),
        ("pad", "u1", 3),
    ]
)

#: An event for which a reversal waits, as the reversal describes it, and when that came.
#: `is_undone` is 0 while the reversal is undone itself.
AWAITED = np.dtype(
    [
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("at_ns", "i8"),
        ("quantity", "i8"),
        ("row", "i4"),
        ("content", "u2"),
        ("kind", "u1"),
        ("is_undone", "u1"),
        ("source", "S128"),
        ("event_id", "S128"),
    ]
)

#: Another name of a SKU, besides its first one; `is_present` where it is called by that.
SKU_NAME = np.dtype(
    [("sku", "i4"), ("is_present", "u1"), ("pad", "u1", 3), ("name", f"S{NAME_BYTES_MAX}")]
)

#: Inbound supply of a stock level, named by a document and a line of it: units that are announced
#: in all, and those of them that have come. With `is_transfer`, units under way from another
#: location: `quantity` were dispatched there, less those that were lost. `expected_ns` is when the
#: rest is expected. `said_ns`, `sequence`, `source` and its `resets` are of what was said last,
#: where that had a time or a number (0 without); `changed_ns` is when the node heard of it last.
#: `next` is the next older supply of the level + 1, or 0; `text` where its names begin, which take
#: `text_size` bytes.
SUPPLY = np.dtype(
    [
        ("quantity", "i8"),
        ("received", "i8"),
        ("expected_ns", "i8"),
        ("said_ns", "i8"),
        ("changed_ns", "i8"),
        ("sequence", "u8"),
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("row", "i4"),
        ("next", "i4"),
        ("text", "i4"),
        ("source", "i4"),
        ("resets", "u4"),
        ("text_size", "u2"),
        ("is_transfer", "u1"),
        ("pad", "u1"),
    ]
)

#: Units of a line that were promised from supply and are not on hand yet, until when they are to be
#: there at the latest, and how many units of the line had been given back when they were counted.
#: `reservation` is the number of its part in this shard.
BACKORDER = np.dtype(
    [
        ("units", "i8"),
        ("given_back", "i8"),
        ("latest_ns", "i8"),
        ("line", "i4"),
        ("row", "i4"),
        ("reservation", "i4"),
        ("pad", "u4"),
    ]
)

#: A reservation, or the part of one that lives in this shard. `ended_at_ns` is when its first part
#: was seen to have ended, with no more units held or committed; NEVER_NS until then. `next_part`
#: links the parts of a reservation over several shards, -1 at the end. `id_text` is where its texts
#: begin, or -1: its own id, unless that is a UUID, then its owner, if it has one, then the ids of
#: its lines in this shard, if any has one (FLAG_TEXT, FLAG_OWNER and FLAG_LINE_IDS of
#: kernels/codes.py). A free row has FLAG_FREE, no lines, and in `next_part` the next free row + 1,
#: or 0.
RESERVATION = np.dtype(
    [
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("reserved_at_ns", "i8"),
        ("expires_at_ns", "i8"),
        ("ended_at_ns", "i8"),
        ("next_part", "i8"),
        ("hold_ms", "u4"),
        ("first_line", "i4"),
        ("id_text", "i4"),
        ("line_count", "u2"),
        ("flags", "u2"),
    ]
)

#: A line. While all its units share one state, `state` names it and `quantity` is their number;
#: when they part, `state` is 0 and `quantity` is the row of `splits` that counts them by state.
LINE = np.dtype(
    [("quantity", "i8"), ("row", "i4"), ("position", "u2"), ("state", "u1"), ("pad", "u1")]
)

#: A line under which units are promised, as a search over reservations finds it.
PROMISE = np.dtype(
    [
        ("reserved_at_ns", "i8"),
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("number", "i4"),
        ("line", "i4"),
    ]
)

#: What is left of a reservation whose lines have left: bit s - 1 of `states` says that it had
#: units in State s, the highest that its id is a text.
ENDED_ID = np.dtype([("key_hi", "u8"), ("key_lo", "u8"), ("states", "u1")])

#: Where in the ring of ended ids those begin that came from some time on.
ENDED_MARK = np.dtype([("at_ns", "i8"), ("first", "i8")])

LOCATION = np.dtype([("display_name", "i4"), ("kind", "u1"), ("enabled", "u1"), ("pad", "u2")])

#: A command that carried a request id, and where that can't be read from the state again, what it
#: came to.
REQUEST = np.dtype(
    [
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("at_ns", "i8"),
        ("result", "i8"),
        ("lines_hash", "u8"),
        ("hold_ms", "u4"),
        ("verb", "u1"),
        ("remainder", "u1"),
        ("pad", "u2"),
    ]
)

#: A stock event with an id that was applied, and what it was; `content` is a hash of all that
#: changes what it does besides SKU, location, kind and quantity, or 0 for none. Kind 0 stands for
#: one of an earlier build, whose content was not kept.
EVENT = np.dtype(
    [
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("at_ns", "i8"),
        ("quantity", "i8"),
        ("row", "i4"),
        ("kind", "u1"),
        ("rest", "u1"),
        ("content", "u2"),
    ]
)

#: A stock event with a number that was applied, and what it was. 0 is no number.
NUMBERED = np.dtype(
    [
        ("sequence", "u8"),
        ("quantity", "i8"),
        ("row", "i4"),
        ("source", "i4"),
        ("kind", "u1"),
        ("rest", "u1", 5),
        ("content", "u2"),
    ]
)

#: What a shard knows of a source: the last number that it recorded; a floor, at and below which
#: it is not known whether a number that is in no gap came; how many missing numbers are in no gap
#: any more; when a fact of it came last, 0 when none did; its newest gap + 1, and how many it has;
#: how often it was reset; how often it is expected, and what its facts do whose SKU is unknown
#: (UnknownSkus), 0 as the node is set; how it was when that last changed (SourceState), 0 at first;
#: what may be promised while it is not current (Fallback), at most `cap` units a level; and when it
#: was reset last, or 0.
SOURCE = np.dtype(
    [
        ("last_sequence", "u8"),
        ("floor", "u8"),
        ("unlisted", "u8"),
        ("last_event_ns", "i8"),
        ("gaps", "i4"),
        ("gap_count", "i4"),
        ("resets", "u4"),
        ("expected_interval_ms", "u4"),
        ("unknown_skus", "u1"),
        ("state", "u1"),
        ("fallback", "u1"),
        ("pads", "u1", 5),
        ("cap", "i8"),
        ("reset_ns", "i8"),
    ]
)

#: A SKU in quarantine: the source that began it, and when. By rising numbers of SKUs.
QUARANTINED_SKU = np.dtype([("sku", "i4"), ("source", "i4"), ("since_ns", "i8")])

#: A range of numbers that a source skipped, when it did, and the next older one of it + 1.
GAP = np.dtype(
    [("first", "u8"), ("last", "u8"), ("opened_ns", "i8"), ("source", "i4"), ("older", "i4")]
)

#: What was recorded before under the id or the number of an event. `match` is NEW, SAME or OTHER of
#: kernels/codes.py.
RECORDED = np.dtype(
    [
        ("quantity", "i8"),
        ("row", "i4"),
        ("shard", "u2"),
        ("kind", "u1"),
        ("match", "u1"),
        ("content", "u2"),
        ("pad", "u2", 3),
    ]
)

#: One operation: a single-line reserve, a line of a reserve, or (with its key alone) a command on a
#: reservation. `location` is 0, or for a line given by name where the SKU has no level yet the
#: number of its location + 1.
OPERATION = np.dtype(
    [
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("quantity", "i8"),
        ("row", "i4"),
        ("hold_ms", "u4"),
        ("shard", "u2"),
        ("flags", "u2"),
        ("location", "i4"),
    ]
)

#: One stock event of a message. `shard` and `row` are those of its handle, or of its names; without
#: an id it has a key of 0.
STOCK_EVENT = np.dtype(
    [
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("sequence", "u8"),
        ("quantity", "i8"),
        ("row", "i4"),
        ("shard", "u2"),
        ("kind", "u1"),
        ("has_key", "u1"),
        ("content", "u2"),
        ("pad", "u2", 3),
    ]
)

#: What is planned for one event: the difference that it makes; what is given before, of a count
#: what it did not see, of a goods issue what a count took for not seen, and what it adds to what is
#: withheld; and the units at its level after it: on hand, promisable, and available, which is none
#: where no promises are made, and within `cap` for the units `promised` before and new ones (of
#: `is_uncounted` levels a fact that feeds them may change it). `gap_first` is the first of the
#: numbers that it skips, or 0, and `gap_kind` what they are (SKIPPED or UNKNOWN_NUMBERS). `seen` is
#: the number of the source up to which a count of its own had seen its facts at the level; of a
#: count of an instant it is given, too. `is_counted` says that a count had seen the event itself,
#: `reversal` is REVERSED_BEFORE or another of its kind (kernels/codes.py), or 0,
#: `is_noted` that its number comes late, or comes with an event that has been recorded. `is_open`
#: says whether there is such a level; `occurred_ns` when the event happened (a reversal, not
#: before its fact), or 0, and `by_time` what that tells of whether the count had seen it
#: (TIME_UNKNOWN), which comes first where the count's number is its own (`time_first`); `new_sku`
#: counts the unknown SKUs of the message from 1, and is 0 for a known one.
PLAN = np.dtype(
    [
        ("delta", "i8"),
        ("given", "i8"),
        ("withheld", "i8"),
        ("on_hand", "i8"),
        ("promisable", "i8"),
        ("available", "i8"),
        ("promised", "i8"),
        ("cap", "i8"),
        ("gap_first", "u8"),
        ("seen", "u8"),
        ("occurred_ns", "i8"),
        ("new_sku", "i4"),
        ("is_open", "u1"),
        ("may_promise", "u1"),
        ("creates_sku", "u1"),
        ("gap_kind", "u1"),
        ("is_counted", "u1"),
        ("is_noted", "u1"),
        ("reversal", "u1"),
        ("is_uncounted", "u1"),
        ("by_time", "u1"),
        ("time_first", "u1"),
        ("pad", "u1", 2),
    ]
)
