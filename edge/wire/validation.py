"""The form of single values: names, counts, quantities, durations, members of enums.

Rules of this file: it sees values and the paths of their fields, not messages or commands. A failed
check raises or returns the `Fault` that names the path, the value and what was expected.
`check_...` raises; `is_...` with `bad_...` is for loops, where building the path of every field of
every line would cost more than the check.
"""

from collections.abc import Mapping
from typing import Final, TypeVar
from unicodedata import category

from google.protobuf.duration_pb2 import Duration
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from holdfast.core.limits import HOLD_MS_MAX, HOLD_MS_MIN, NAME_BYTES_MAX, NS_PER_MS, QUANTITY_MAX
from holdfast.core.model import EventKind

from .faults import Fault, invalid

NS_PER_S: Final = 1_000_000_000

#: Unicode categories that break a line of a log or a row of a CSV: control characters, line and
#: paragraph separators.
BREAKING: Final = frozenset({"Cc", "Zl", "Zp"})

#: The least and greatest quantity of a stock fact, by kind. 0 is allowed where it is the least.
EVENT_QUANTITIES: Final = {
    EventKind.RECEIPT: (1, QUANTITY_MAX),
    EventKind.ADJUSTMENT: (-QUANTITY_MAX, QUANTITY_MAX),
    EventKind.SALE: (1, QUANTITY_MAX),
    EventKind.RETURN: (1, QUANTITY_MAX),
    EventKind.COUNT: (0, QUANTITY_MAX),
}

Member = TypeVar("Member")


def is_name(text: str) -> bool:
    """Whether a text can be a name or an id: 1 to 128 bytes of UTF-8 that break no log line."""
    # Characters are counted first, so that a text of megabytes is refused without being encoded.
    if not 0 < len(text) <= NAME_BYTES_MAX:
        return False
    if text.isascii():  # one byte a character, and what is not printable is a control character
        return text.isprintable()
    return len(text.encode()) <= NAME_BYTES_MAX and not any(
        category(character) in BREAKING for character in text
    )


def bad_name(field: str, text: str) -> Fault:
    """The fault of a text that is not a name."""
    size = len(text.encode())
    if 0 < size <= NAME_BYTES_MAX:
        return invalid(field, text, "text without control characters or line breaks")
    return invalid(field, text, f"1 to {NAME_BYTES_MAX} bytes of UTF-8, not {size:,}")


def check_name(field: str, text: str) -> None:
    """Raise a `Fault` when a text is not a name."""
    if not is_name(text):
        raise bad_name(field, text)


def check_count(field: str, count: int, count_min: int, count_max: int) -> None:
    """Raise a `Fault` when a repeated field has too few or too many items."""
    if not count_min <= count <= count_max:
        raise invalid(field, f"{count:,} items", f"{count_min} to {count_max:,} items")


def hold_ms(duration: Duration) -> int:
    """A hold duration in milliseconds. Raises a `Fault` when it is out of range or not exact."""
    seconds, nanos = duration.seconds, duration.nanos
    ms, rest = divmod(seconds * NS_PER_S + nanos, NS_PER_MS)
    # The wire may carry nanos outside 0 to 999,999,999, which the sum would turn into seconds.
    if rest or not HOLD_MS_MIN <= ms <= HOLD_MS_MAX or not 0 <= nanos < NS_PER_S:
        text = f"{seconds} s and {nanos} ns" if nanos else f"{seconds} s"
        raise invalid("hold_duration", text, "1 second to 30 days, in whole milliseconds")
    return ms


def enum_member(
    field: str, value: int, members: Mapping[int, Member], names: EnumTypeWrapper
) -> Member:
    """The engine's member for a value of an enum. Raises a `Fault` for a value that it lacks, as a
    caller of a later version may send.
    """
    try:
        return members[value]
    except KeyError:
        expected = " or ".join(names.Name(number) for number in members if number)
        # A value of a later version has no name here: the number has to do.
        given = names.Name(value) if value in names.values() else value
        raise invalid(field, given, expected) from None


def is_event_quantity(kind: EventKind, quantity: int) -> bool:
    """Whether a stock fact of this kind can have this quantity. An adjustment by 0 says nothing."""
    low, high = EVENT_QUANTITIES[kind]
    return low <= quantity <= high and (quantity != 0 or low == 0)


def bad_event_quantity(field: str, kind: EventKind, quantity: int) -> Fault:
    """The fault of a quantity that a stock fact of this kind cannot have."""
    low, high = EVENT_QUANTITIES[kind]
    except_zero = " except 0" if low < 0 else ""
    return invalid(field, quantity, f"{low:,} to {high:,}{except_zero} for kind {kind.name}")
