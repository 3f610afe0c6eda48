"""The form of arguments: one of a wrong type is refused at once, by the name of its parameter.

Rules of this file: it knows types, and what a message cannot carry. Limits of the business are the
server's. A wrong type is a TypeError, a value that no message can carry a ValueError.
"""

from collections.abc import Container, Iterable, Iterator
from datetime import datetime, timedelta
from numbers import Integral, Real
from operator import index
from reprlib import Repr
from typing import Any, Final, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

NS_PER_S: Final = 1_000_000_000

#: A Duration of protobuf carries no more: 10,000 years.
DURATION_MAX_S: Final = 315_576_000_000

#: By width in bits, and whether there are negative numbers: the least and the greatest.
RANGES: Final = {
    (bits, is_signed): (-(1 << bits - 1), (1 << bits - 1) - 1)
    if is_signed
    else (0, (1 << bits) - 1)
    for bits in (8, 32, 64)
    for is_signed in (False, True)
}

Item = TypeVar("Item")

# Cut off: a message need not repeat a megabyte. The limits are reprlib's, but for text, whose
# default would cut the names of people.
_short = Repr()
_short.maxstring = 80


def shown(value: object) -> str:
    """A value for a sentence: short, and on one line."""
    try:
        return " ".join(_short.repr(value).split())
    except ValueError:  # an integer of more digits than Python writes
        return f"of type {type(value).__name__}"


def wrong_type(name: str, value: object, expected: str) -> TypeError:
    """The error of an argument that has the wrong type."""
    return TypeError(f"{name} is {shown(value)}: expected {expected}")


def wrong_value(name: str, value: object, expected: str) -> ValueError:
    """The error of an argument that no message can carry."""
    return ValueError(f"{name} is {shown(value)}: expected {expected}")


def text(name: str, value: Any) -> str:
    """The value, if it is text that UTF-8 can carry."""
    if not isinstance(value, str):
        raise wrong_type(name, value, "text")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise wrong_value(name, value, "text without lone surrogates") from None
    return value


def integer(name: str, value: Any, bits: int = 64, *, is_signed: bool = True) -> int:
    """The value, if it is an integer of that width. Truth values and floats are none."""
    if type(value) is not int:
        try:
            if isinstance(value, bool):
                raise TypeError
            value = index(value)
        except TypeError:
            raise wrong_type(name, value, "an integer") from None
    low, high = RANGES[bits, is_signed]
    if not low <= value <= high:
        raise wrong_value(name, value, f"{low} to {high}")
    return int(value)


def flag(name: str, value: Any) -> bool:
    """The value, if it is True or False."""
    if not isinstance(value, bool):
        raise wrong_type(name, value, "True or False")
    return value


def seconds(name: str, value: Any) -> float:
    """The value, if it is a number of seconds."""
    if not _is_number(value):
        raise wrong_type(name, value, "seconds as a number")
    return float(_bounded(name, value))


def duration(name: str, value: Any) -> Duration:
    """A timedelta or seconds as a Duration, to the nanosecond: the server refuses what it cannot
    keep.
    """
    made = Duration()
    if isinstance(value, timedelta):
        _bounded(name, value.total_seconds())
        made.FromTimedelta(value)
        return made
    if not _is_number(value):
        raise wrong_type(name, value, "a timedelta, or seconds as a number")
    number = int(value) if type(value) is int or isinstance(value, Integral) else float(value)
    made.FromNanoseconds(round(_bounded(name, number) * NS_PER_S))
    return made


def instant(name: str, value: Any) -> Timestamp:
    """A datetime with a time zone as a Timestamp."""
    if not isinstance(value, datetime):
        raise wrong_type(name, value, "a datetime")
    if value.tzinfo is None:
        raise wrong_value(name, value, "a datetime with a time zone, such as datetime.now(UTC)")
    made = Timestamp()
    made.FromDatetime(value)
    return made


def _is_number(value: Any) -> bool:
    kind = type(value)  # asking the abstract classes costs more than the rest
    return kind is int or kind is float or (isinstance(value, Real) and kind is not bool)


def _bounded(name: str, value: Any) -> Any:
    if not -DURATION_MAX_S <= value <= DURATION_MAX_S:  # NaN is outside it as well
        raise wrong_value(name, value, f"-{DURATION_MAX_S} to {DURATION_MAX_S} seconds")
    return value


def member(name: str, value: Any, members: Any) -> Any:
    """The number of an enum's member, given by number or by name. A number may be of a later
    version; a name may not.
    """
    if not isinstance(value, str):
        return integer(name, value, 32)
    if value not in members.keys():  # noqa: SIM118 - it is not a mapping
        raise wrong_value(name, value, " or ".join(members.keys()))
    return members.Value(value)


def each(name: str, values: Iterable[Item], expected: str) -> Iterator[Item]:
    """The values. Text is refused, which Python would take to pieces."""
    if isinstance(values, (str, bytes)):
        raise wrong_type(name, values, expected)
    try:
        return iter(values)
    except TypeError:
        raise wrong_type(name, values, expected) from None


def texts(name: str, values: Iterable[str], expected: str) -> list[str]:
    """The members as text, each named by its place."""
    return [text(f"{name}[{at}]", value) for at, value in enumerate(each(name, values, expected))]


def of_type(name: str, value: Any, kind: type[Item], expected: str) -> Item:
    """The value, if it is an instance of `kind`."""
    if not isinstance(value, kind):
        raise wrong_type(name, value, expected)
    return value


def fields(path: str, value: Any, counts: Container[int], expected: str) -> tuple[Any, ...]:
    """The values of a tuple that has one of these lengths."""
    if isinstance(value, (str, bytes)):
        raise wrong_type(path, value, expected)
    try:
        found = tuple(value)
    except TypeError:
        raise wrong_type(path, value, expected) from None
    if len(found) not in counts:
        raise wrong_type(path, value, expected)
    return found
