"""What a movement is: one change of one stock level, with what the level had after it.

A movement is kept as a record, and texts in it as numbers of a dictionary (texts.py) that lies in
the same file. Rules of this file: no rule of stock is here but the one that turns a record into
differences.
"""

from enum import IntEnum
from typing import Any, Final

import numpy as np

from holdfast.core.ids import text_from_key
from holdfast.core.model import EventKind, State

NO_TEXT: Final = -1
"""The number of a text that is not there."""


class MovementKind(IntEnum):
    """What moved units. Stock facts have the number of their kind above STOCK.

    The openings are what was on hand, held and committed where the ledger begins, when that is not
    the beginning of all. SKU_ENDED moves nothing: its level does not count any more. REPAIR moves
    nothing either: its level has again what movements come to.
    """

    OPENING = 1
    OPENING_HELD = 8
    OPENING_COMMITTED = 9
    SKU_ENDED = 10
    RESERVE = 2
    COMMIT = 3
    FULFILL = 4
    RELEASE = 5
    EXPIRE = 6
    CANCEL = 7
    COME_BACK = 11
    UNAVAILABLE = 12
    OPENING_UNAVAILABLE = 13
    INCOMING = 14
    OPENING_INCOMING = 15
    BACKORDER = 16
    OPENING_BACKORDER = 17
    REPAIR = 18
    RECEIPT = 101
    ADJUSTMENT = 102
    SALE = 103
    RETURN = 104
    COUNT = 105
    STATUS_CHANGE = 106
    GOODS_ISSUE = 107
    REVERSAL = 108
    SHIPMENT_REVERSAL = 109
    SUPPLY = 110
    TRANSFER_DISPATCH = 111
    TRANSFER_ADJUSTMENT = 112


STOCK: Final = 100

assert {kind.name: kind + STOCK for kind in EventKind} == {
    kind.name: kind for kind in MovementKind if kind > STOCK
}

#: What moves units of a reservation -> the state that they enter, which for the openings is where
#: they were.
ENTERS: Final = {
    MovementKind.RESERVE: State.HELD,
    MovementKind.COMMIT: State.COMMITTED,
    MovementKind.FULFILL: State.FULFILLED,
    MovementKind.RELEASE: State.RELEASED,
    MovementKind.EXPIRE: State.EXPIRED,
    MovementKind.CANCEL: State.CANCELLED,
    MovementKind.COME_BACK: State.RETURNED,
    MovementKind.OPENING_HELD: State.HELD,
    MovementKind.OPENING_COMMITTED: State.COMMITTED,
}

#: Kind that moves units into a state, by the number of the state.
KIND_ENTERING: Final = np.zeros(max(State) + 1, np.uint8)
for _kind, _state in reversed(ENTERS.items()):
    KIND_ENTERING[_state] = _kind

_ENTERS: Final = np.zeros(256, np.uint8)
_ENTERS[list(ENTERS)] = list(ENTERS.values())

#: A movement. `quantity` is how many units of a reservation moved from state `leaves`, or else by
#: how many on hand changed. The next four columns are those of the level after it. `row` is the
#: level in its shard: a SKU that has ended and begins again has others. `fact` is the row of what a
#: stock fact came with, `note` that of what was noted of the movement, or -1. `status` is that of
#: units which are not for sale.
MOVEMENT: Final = np.dtype(
    [
        ("time_ns", "i8"),
        ("sequence", "i8"),
        ("quantity", "i8"),
        ("on_hand", "i8"),
        ("reserved", "i8"),
        ("committed", "i8"),
        ("withheld", "i8"),
        ("sku", "i4"),
        ("location", "i4"),
        ("status", "i4"),
        ("reservation", "i4"),
        ("fact", "i4"),
        ("note", "i4"),
        ("row", "i4"),
        ("shard", "u2"),
        ("kind", "u1"),
        ("leaves", "u1"),
    ]
)

#: What a stock fact came with. `movement` is its row.
FACT: Final = np.dtype(
    [
        ("occurred_at_ns", "i8"),
        ("source_sequence", "u8"),
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("source", "i4"),
        ("reference_kind", "i4"),
        ("reference", "i4"),
        ("reference_line", "i4"),
        ("movement", "u4"),
        ("has_time", "u1"),
        ("has_key", "u1"),
        ("pad", "u2"),
    ]
)

#: What was noted of a movement: on whose behalf, why, by whom and under which correlation id.
#: `movement` is its row.
NOTE: Final = np.dtype(
    [
        ("principal", "i4"),
        ("reason", "i4"),
        ("actor", "i4"),
        ("correlation_id", "i4"),
        ("movement", "u4"),
    ]
)

#: The kinds of records, by what a movement calls the row of one, and their fields of texts.
RECORDS: Final = {"movement": MOVEMENT, "fact": FACT, "note": NOTE}
TEXTS: Final = {
    "movement": ("sku", "location", "status", "reservation"),
    "fact": ("source", "reference_kind", "reference", "reference_line"),
    "note": ("principal", "reason", "actor", "correlation_id"),
}

#: What movements are found by -> the kind of records that have it.
KEYS: Final = {
    **dict.fromkeys(("sku", "location", "reservation"), "movement"),
    **dict.fromkeys(("source", "reference"), "fact"),
    "correlation_id": "note",
}

#: Whether a kind shows what became of units of a reservation (bool by number).
OF_RESERVATIONS: Final = np.zeros(256, bool)
OF_RESERVATIONS[[kind for kind in ENTERS if not kind.name.startswith("OPENING")]] = True

LEVEL_COLUMNS: Final = ("on_hand", "reserved", "committed", "withheld")


#: What changes units that are on hand and not for sale.
WITHHOLDING: Final = (MovementKind.UNAVAILABLE, MovementKind.OPENING_UNAVAILABLE)

#: What changes units that are still to come, which no column of a level has.
COMING: Final = (MovementKind.INCOMING, MovementKind.OPENING_INCOMING)


#: What changes units that are promised and take nothing from what is on hand.
BACKORDERING: Final = (MovementKind.BACKORDER, MovementKind.OPENING_BACKORDER)


def differences(movements: np.ndarray) -> np.ndarray:
    """By how much each movement changed its level: int64[n, 4], in the order of LEVEL_COLUMNS."""
    quantity, leaves = movements["quantity"], movements["leaves"]
    enters = _ENTERS[movements["kind"]]
    changed = np.zeros((len(movements), len(LEVEL_COLUMNS)), np.int64)
    is_shipped = (enters == State.FULFILLED) & (leaves != State.RETURNED)
    shipped = np.where(is_shipped, quantity, 0)
    is_withheld = np.isin(movements["kind"], WITHHOLDING)
    is_backordered = np.isin(movements["kind"], BACKORDERING)
    is_elsewhere = is_withheld | is_backordered | np.isin(movements["kind"], COMING)
    is_on_hand = (enters == 0) & ~is_elsewhere
    changed[:, 0] = np.where(is_on_hand, quantity, -shipped)
    changed[:, 3] = np.where(is_withheld, quantity, np.where(is_backordered, -quantity, 0))
    for column, state in ((1, State.HELD), (2, State.COMMITTED)):
        entered, left = (enters == state).astype(np.int64), (leaves == state).astype(np.int64)
        changed[:, column] = quantity * (entered - left)
    return changed


def write_levels(added: Any, rows: Any, final: Any) -> None:
    """Fill in what each level had after each movement, from what it has after the last (`final`).
    `rows` are those of the levels, which are all of one shard.
    """
    order = np.argsort(rows, kind="stable")
    grouped = rows[order]
    sums = np.cumsum(differences(added)[order], axis=0)
    last = np.searchsorted(grouped, grouped, side="right") - 1
    still_to_come = sums[last] - sums
    for column, name in enumerate(LEVEL_COLUMNS):
        added[name][order] = final[name][order] - still_to_come[:, column]


#: A UUID as the dictionary has it: its bits after a zero byte, which no name has.
UUID_TEXT: Final = np.dtype([("zero", "u1"), ("hi", ">u8"), ("lo", ">u8")])


def reservation_text(hi: int, lo: int, text: str | None) -> bytes:
    """The id of a reservation as the dictionary has it."""
    return np.array((0, hi, lo), UUID_TEXT).tobytes() if text is None else text.encode()


def id_from_text(text: bytes) -> str:
    """The id that `reservation_text` encoded."""
    if text[:1] != b"\0":
        return text.decode()
    _, hi, lo = np.frombuffer(text, UUID_TEXT)[0].tolist()
    return text_from_key(hi, lo)
