"""The life of a reservation, defined once.

The transition table says which command moves units from which state to which; the docs are drawn
from it. A reservation has no state of its own: its units have, and `STATE_PRECEDENCE` says which of
them names the whole. Numbers of the enums are those of holdfast.v1.
"""

from enum import IntEnum


class State(IntEnum):
    """A state of units under a reservation."""

    HELD = 1
    COMMITTED = 2
    FULFILLED = 3
    RELEASED = 4
    EXPIRED = 5
    CANCELLED = 6
    RETURNED = 7


class Verb(IntEnum):
    """A command on an existing reservation, SKU, source or location, or time."""

    COMMIT = 1
    FULFILL = 2
    RELEASE = 3
    CANCEL = 4
    EXPIRE = 5
    EXTEND = 6
    DELETE_SKU = 7
    UPDATE_SOURCE = 8
    RESET_SOURCE = 9
    SETTLE_SKU = 10
    FORCE_RELEASE = 11
    REPAIR_LEVELS = 12
    RENAME_SKU = 13
    MERGE_SKU = 14
    UPDATE_LOCATION = 15


class Remainder(IntEnum):
    """What happens to units that a partial command does not name."""

    KEEP = 1
    GIVE_BACK = 2


class RefusalCode(IntEnum):
    """Why a command was refused, in order of precedence."""

    RESERVATION_ENDED = 1
    LOCATION_DISABLED = 2
    INSUFFICIENT_STOCK = 3
    EXPIRED = 4
    WRONG_STATE = 5
    NO_SUCH_LINE = 6
    EXCESS_QUANTITY = 7
    BACKORDERED = 8


class EventKind(IntEnum):
    """Kind of a stock fact."""

    RECEIPT = 1
    ADJUSTMENT = 2
    SALE = 3
    RETURN = 4
    COUNT = 5
    STATUS_CHANGE = 6
    GOODS_ISSUE = 7
    REVERSAL = 8
    SHIPMENT_REVERSAL = 9
    SUPPLY = 10
    TRANSFER_DISPATCH = 11
    TRANSFER_ADJUSTMENT = 12


#: Kinds of facts that a reversal undoes. A count is undone by another count, and what is said of
#: supply by what is said later.
REVERSIBLE = frozenset(EventKind) - {
    *(EventKind.COUNT, EventKind.SHIPMENT_REVERSAL, EventKind.SUPPLY)
}


class CountBasis(IntEnum):
    """What a count has seen of what happened before it."""

    SHELF = 1
    BOOKS = 2


class EventOutcome(IntEnum):
    """What became of a stock fact."""

    APPLIED = 1
    DUPLICATE = 2
    OUT_OF_ORDER = 3
    UNKNOWN_STOCK_LEVEL = 4  # of facts as columns alone
    OUT_OF_RANGE = 5
    ID_REUSED = 6
    UNKNOWN_SKU = 7
    EXCEEDS_UNAVAILABLE = 8
    EXCEEDS_SHIPPED = 9
    TOO_MANY_STATUSES = 10
    COUNT_IN_FUTURE = 11
    COUNT_OUTDATED = 12
    COUNT_TOO_OLD = 13
    UNKNOWN_ORDER = 14
    ALREADY_COUNTED = 15
    REVERSED = 16
    REVERSAL_PENDING = 17
    ALREADY_REVERSED = 18
    REVERSAL_DIFFERS = 19
    CANNOT_REVERSE = 20
    SUPPLY_OUTDATED = 21
    TOO_MANY_SUPPLIES = 22
    EXCEEDS_AVAILABLE = 23


class UnknownSkus(IntEnum):
    """What a stock fact does whose SKU nobody has named."""

    CREATE = 1
    CREATE_BY_RECEIPT = 2  # or by a count, or by supply
    REFUSE = 3
    QUARANTINE = 4  # it begins the SKU, of which nothing is promised until an operator admits it


class SourceState(IntEnum):
    """How a source is, the worst first that holds."""

    GAP = 1  # numbers are missing
    STALE = 2  # nothing came for longer than is expected
    CURRENT = 3


class RepairVerdict(IntEnum):
    """What becomes of a stock level in quarantine that is to be repaired."""

    REPAIRED = 1  # it gets what it should have; it leaves quarantine
    NOT_AUDITED = 2  # the audit has not come by since the node started
    NEEDS_COUNT = 3  # what is on hand cannot be: nobody here knows what is
    NOT_QUARANTINED = 4  # there is nothing to repair
    NOT_REPAIRED = 5  # it is in quarantine, and the request was carried out before


class Fallback(IntEnum):
    """What may be promised at a stock level while its source is not current."""

    SELL_ON = 1
    CAP = 2  # so many units at a time
    STOP = 3


class BatchOutcome(IntEnum):
    """What became of one operation of a batch."""

    PENDING = 0  # within the engine alone; no answer has it
    ACCEPTED = 1
    REPEATED = 2
    INSUFFICIENT_STOCK = 3
    LOCATION_DISABLED = 4
    UNKNOWN_STOCK_LEVEL = 5
    ID_REUSED = 6
    INVALID_QUANTITY = 7
    INVALID_HOLD_DURATION = 8
    UNKNOWN_RESERVATION = 9
    EXPIRED = 10
    WRONG_STATE = 11
    LINKED_REFUSED = 12
    RESERVATION_ENDED = 13
    INVALID_ID = 14
    BACKORDERED = 15


class Unresolved(IntEnum):
    """Why a SKU and a location have no stock level."""

    UNKNOWN_SKU = 1
    UNKNOWN_LOCATION = 2
    NO_STOCK_LEVEL = 3


class LocationKind(IntEnum):
    """Kind of a location."""

    WAREHOUSE = 1
    STORE = 2
    SUPPLIER = 3


#: verb -> (state that units leave, state that they enter). EXTEND moves no units; it needs units in
#: HELD.
TRANSITIONS: dict[Verb, tuple[State, State]] = {
    Verb.COMMIT: (State.HELD, State.COMMITTED),
    Verb.FULFILL: (State.COMMITTED, State.FULFILLED),
    Verb.RELEASE: (State.HELD, State.RELEASED),
    Verb.CANCEL: (State.COMMITTED, State.CANCELLED),
    Verb.EXPIRE: (State.HELD, State.EXPIRED),
}

#: Where units go that leave a state without being asked for: Remainder.GIVE_BACK.
GIVE_BACK: dict[State, State] = {
    State.HELD: State.RELEASED,
    State.COMMITTED: State.CANCELLED,
}

#: The state of a whole reservation is the first of these in which it has units. Live states come
#: first; EXPIRED stands before RELEASED so that a partly released hold that ran out says so.
STATE_PRECEDENCE = (
    State.HELD,
    State.COMMITTED,
    State.FULFILLED,
    State.RETURNED,
    State.CANCELLED,
    State.EXPIRED,
    State.RELEASED,
)


def reservation_state(quantities: dict[State, int]) -> State:
    """Name the state of a whole reservation from its units by state."""
    for state in STATE_PRECEDENCE:
        if quantities.get(state, 0):
            return state
    raise AssertionError("a reservation has at least one unit")
