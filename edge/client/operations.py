"""Operations of single callers as a packed batch: one message of ReserveStream for all of a kind.

The public messages do: a column of 8,190 Python integers takes them 480 µs, as it takes NumPy and a
twin, and so coalescing needs no NumPy.
"""

from collections.abc import Sequence
from operator import index
from typing import Any, Final, TypeAlias

from holdfast.v1 import reservation_service_pb2 as reservation

#: Operations of one batch; stated in the comments of holdfast.v1.
OPERATIONS_MAX: Final = 8_190

Operation: TypeAlias = tuple[Any, ...]
"""The future of its caller, then a value for each column of its kind."""

_KEYS: Final = ("id_high", "id_low")

#: Kind of operation, which is a field of ReserveStreamRequest -> the columns of its batch.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "reserve": (*_KEYS, "stock_levels", "quantities", "hold_milliseconds"),
    "commit": _KEYS,
    "fulfill": _KEYS,
    "release": _KEYS,
}


def batch_message(kind: str, operations: Sequence[Operation]) -> bytes:
    """The bytes of a ReserveStreamRequest with these operations, in their order."""
    _futures, *columns = zip(*operations, strict=True)
    batch: dict[str, Any] = {kind: dict(zip(COLUMNS[kind], columns, strict=True))}
    return reservation.ReserveStreamRequest(**batch).SerializeToString()


def fitting(value: int, bits: int) -> int:
    """The value, or 0 where a column of so many bits has no room for it: that is as wrong, and is
    answered by the same code.

    Raises TypeError when it is no whole number.
    """
    value = index(value)
    return value if 0 <= value < 1 << bits else 0
