"""Numbers that the kernels share with the rest of the core, each of which stands elsewhere once.

Kernels compare plain integers: numba would carry an enum's member as a value of another type.
"""

import numpy as np

from ..model import (
    BatchOutcome,
    CountBasis,
    EventKind,
    EventOutcome,
    Fallback,
    SourceState,
    State,
    UnknownSkus,
)

HELD, COMMITTED, FULFILLED, RELEASED, EXPIRED, CANCELLED, RETURNED = map(int, State)
STATES_END = int(max(State)) + 1

#: State of a line whose units are in several: `quantity` is then the row of `splits` that counts
#: them.
SPLIT = 0

#: State of the first and the last line of a free block (blocks.py).
FREE = 255

#: Flags of a reservation: a part after the first; an id that is a text, not a UUID; lines that have
#: ids of their own. And of a row that no reservation has.
FLAG_LATER_PART, FLAG_TEXT, FLAG_LINE_IDS, FLAG_FREE, FLAG_OWNER = 1, 2, 4, 8, 16

#: Above the states of an ended id (State s is bit s - 1): it is a text.
ENDED_TEXT = 128

#: No text; no further part; no stock level of a SKU at a location, and which of the two is unknown.
NO_TEXT = -1
NO_PART = -1
NO_LEVEL, UNKNOWN_SKU, UNKNOWN_LOCATION = -1, -2, -3

#: The row of a handle of another timeline, which no stock level has either.
OTHER_TIMELINE = -4

#: Answers to an operation. ASK leaves the answer to the rules: another shard may know the id. They
#: say NEW_ID when none does, and the operation is decided as if the index had nothing like it.
(
    PENDING,
    ACCEPTED,
    REPEATED,
    INSUFFICIENT_STOCK,
    LOCATION_DISABLED,
    UNKNOWN_STOCK_LEVEL,
    ID_REUSED,
    INVALID_QUANTITY,
    INVALID_HOLD,
    UNKNOWN_RESERVATION,
    BATCH_EXPIRED,
    WRONG_STATE,
    LINKED_REFUSED,
    RESERVATION_ENDED,
    INVALID_ID,
    BACKORDERED,
) = map(int, BatchOutcome)
NEW_ID, ASK = 254, 255

assert PENDING == 0, "the rules begin with zeroed codes"

#: Answers to a stock event.
(
    EVENT_APPLIED,
    EVENT_DUPLICATE,
    EVENT_OUT_OF_ORDER,
    EVENT_UNKNOWN_STOCK_LEVEL,
    EVENT_OUT_OF_RANGE,
    EVENT_ID_REUSED,
    EVENT_UNKNOWN_SKU,
    EVENT_EXCEEDS_UNAVAILABLE,
    EVENT_EXCEEDS_SHIPPED,
    EVENT_TOO_MANY_STATUSES,
    EVENT_COUNT_IN_FUTURE,
    EVENT_COUNT_OUTDATED,
    EVENT_COUNT_TOO_OLD,
    EVENT_UNKNOWN_ORDER,
    EVENT_ALREADY_COUNTED,
    EVENT_REVERSED,
    EVENT_REVERSAL_PENDING,
    EVENT_ALREADY_REVERSED,
    EVENT_REVERSAL_DIFFERS,
    EVENT_CANNOT_REVERSE,
    EVENT_SUPPLY_OUTDATED,
    EVENT_TOO_MANY_SUPPLIES,
    EVENT_EXCEEDS_AVAILABLE,
) = map(int, EventOutcome)
(
    RECEIPT,
    ADJUSTMENT,
    SALE,
    RETURN,
    COUNT,
    STATUS_CHANGE,
    GOODS_ISSUE,
    REVERSAL,
    SHIPMENT_REVERSAL,
    SUPPLY,
    TRANSFER_DISPATCH,
    TRANSFER_ADJUSTMENT,
) = map(int, EventKind)

#: Of an unknown SKU of a message: it has not begun yet, an event began it, or its shard has no room
#: for it.
NOT_BEGUN, BEGUN, NO_ROOM = range(3)

CREATE_SKUS, CREATE_SKUS_BY_RECEIPT, REFUSE_SKUS, QUARANTINE_SKUS = map(int, UnknownSkus)

CURRENT = int(SourceState.CURRENT)
SELL_ON, CAP = int(Fallback.SELL_ON), int(Fallback.CAP)

#: The cap on promises where the source of a level does not restrict them.
CAP_MAX = int(np.iinfo(np.int64).max)

#: Of a level that nobody has counted: its `resets`, and its source while nobody has fed it either.
UNCOUNTED = 2**32 - 1
NO_SOURCE = -1

#: The kind of a shipment in the history of a level, and of a fact that a count had seen already.
SHIPMENT = 255
NO_MOVEMENT = 0

#: What becomes of numbers of a source (effects.Section.GAPS): they were skipped, they came after
#: all, or it is not known any more.
SKIPPED, CAME, UNKNOWN_NUMBERS = range(3)

#: Whether a count had seen a stock fact already; an earlier build did not say, and kept neither
#: that nor when a source was heard.
COUNTED_BEFORE, COUNTED_UNKNOWN = 1, 2

#: What else stands there: the reversal of a fact came before it, so that it changes nothing; a
#: reversal takes back a goods issue, or lets one count again.
REVERSED_BEFORE, UNPOSTS, POSTS_AGAIN = 3, 4, 5

#: In place of 0 and COUNTED_BEFORE, of a fact of an earlier build, whose history said less of it.
EARLIER, EARLIER_COUNTED = 6, 7

#: Bits of `has_key` of a stock effect (tables/effects.py): it has an id; its source had come to a
#: higher number before.
KEYED, LATE = 1, 2

#: Flags of a record of what happened (layouts.HISTORY): a fact that is undone; a count of its
#: moment; a fact that a count had seen already; one whose reversal came before it; one whose
#: number came late.
HISTORY_UNDONE, HISTORY_PLAIN, HISTORY_COUNTED, HISTORY_NULLED, HISTORY_LATE = 1, 2, 4, 8, 16

#: In place of the number of a source.
ANY_SOURCE = -1

#: What is known of the last count of an instant (layouts.LATEST), beside its basis: that instant
#: was stated. And a basis.
COUNT_BASIS, COUNT_IS_TIMED = 3, 4
BOOKS = int(CountBasis.BOOKS)

#: The greatest number of an event; and what is added to the number up to which a count had seen its
#: source's facts (layouts.LAST_COUNT) when that is its own, and its instant was stated: then times
#: come first.
SEQUENCE_MAX, TIME_FIRST = (1 << 63) - 1, 1 << 63

#: What the time of a fact tells of whether the last count of its source had seen it.
TIME_UNKNOWN, SEEN_BY_TIME, UNSEEN_BY_TIME = range(3)

#: What a reversal does (effects.Section.REVERSALS): it undoes an event; it waits for the event; or
#: the event came for which one waits, or came with other content, so that it waits no more.
UNDOES, AWAITS, AWAITED_CAME, AWAITED_DIFFERS = range(4)

#: What an event that was recorded before is to the one that comes now (layouts.RECORDED).
NEW, SAME, OTHER = range(3)

#: The quantity of an event that an earlier build recorded: it did not keep what the event was.
NOT_KEPT = int(np.iinfo(np.int64).min)

NEVER_NS = int(np.iinfo(np.int64).max)

#: What a field of a message has (kernels/messages.py): a figure, or strings and messages.
FIGURES, PIECES = range(2)

#: Numbers of fields that kernels/field_weights.py looks into are below this.
FIELD_NUMBERS = 32
