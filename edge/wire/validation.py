"""The form of single values: names, counts, quantities, durations, members of enums.

Rules of this file: it sees values and the paths of their fields, not messages or commands. A failed
check raises or returns the `Fault` that names the path, the value and what was expected.
`check_...` raises; `is_...` with `bad_...` is for loops, where building the path of every field of
every line would cost more than the check.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.timestamp_pb2 import Timestamp

from holdfast.core.limits import HOLD_MS_MAX, HOLD_MS_MIN, NS_PER_MS, NS_PER_S

from .faults import Fault, invalid
from .name_rules import is_name, wrong_with_name, wrong_with_text

#: The greatest time that fits an int64 in nanoseconds since 1970: in the year 2262.
TIME_S_MAX: Final = (2**63 - 1) // NS_PER_S

#: Characters of a correlation id. A longer one is not taken: it would be written with every line.
CORRELATION_ID_MAX: Final = 128


Member = TypeVar("Member")


def time_ns(path: str, time: Timestamp) -> int:
    """A time in nanoseconds since 1970; from the year 1678 to 2262, so that they fit an int64.
    Raises a `Fault`.
    """
    seconds, nanos = time.seconds, time.nanos
    if not 0 <= nanos < NS_PER_S or not -TIME_S_MAX <= seconds < TIME_S_MAX:
        raise invalid(path, f"{seconds} s and {nanos} ns", "a time from the year 1678 to 2262")
    return seconds * NS_PER_S + nanos


def check_has_been(path: str, time: Timestamp, now_ns: int) -> None:
    """Raise a `Fault` when a time is in the future by the node's clock."""
    if time_ns(path, time) > now_ns:
        now = Timestamp()
        now.FromNanoseconds(now_ns)
        expected = f"a time up to {now.ToJsonString()}, which is now by the node's clock"
        raise invalid(path, time.ToJsonString(), expected)


def bad_name(field: str, text: str) -> Fault:
    """The fault of a text that is not a name."""
    expected = wrong_with_name(text)
    assert expected is not None, text
    return invalid(field, text, expected)


def check_name(field: str, text: str) -> None:
    """Raise a `Fault` when a text is not a name."""
    if not is_name(text):
        raise bad_name(field, text)


def is_correlation_id(text: str) -> bool:
    """Whether a text can be the value of x-correlation-id, and stand in a log."""
    return 0 < len(text) <= CORRELATION_ID_MAX and text.isascii() and text.isprintable()


def check_correlation_id(field: str, text: str) -> None:
    """Raise a `Fault` when a text is neither empty nor a correlation id."""
    if text and not is_correlation_id(text):
        raise invalid(field, text, f"up to {CORRELATION_ID_MAX} printable ASCII characters")


def check_text(field: str, text: str) -> None:
    """Raise a `Fault` when a text is not fit to be shown to people. Unlike a name, it may be
    empty, and have joiners, variation selectors and spaces of every width within.
    """
    if text and (expected := wrong_with_text(text)):
        raise invalid(field, text, expected)


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


def interval_ms(field: str, duration: Duration, most_ms: int) -> int:
    """An interval in milliseconds, 0 for none. Raises a `Fault` when it is out of range or not
    exact.
    """
    seconds, nanos = duration.seconds, duration.nanos
    ms, rest = divmod(seconds * NS_PER_S + nanos, NS_PER_MS)
    if rest or not 0 <= ms <= most_ms or not 0 <= nanos < NS_PER_S:
        text = f"{seconds} s and {nanos} ns" if nanos else f"{seconds} s"
        most_days = most_ms // (24 * 3_600 * 1_000)
        raise invalid(field, text, f"0 to {most_days} days, in whole milliseconds")
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
