"""What values of partners' messages are read by: texts, decimals, times, and JSON itself.

Rules of this file: each function returns the value or raises `Undecodable` with the name of the
field, in time and memory bounded by the length of what it is given. Nothing is rounded.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from ..contract import Message, Undecodable

#: Longest name that is read, in characters. The core takes 128 bytes; a mapping may shorten.
NAME_CHARACTERS_MAX: Final = 1024
#: The core's bound on ids and names of sources, in bytes of UTF-8.
ID_BYTES_MAX: Final = 128
#: A decimal without an exponent: at most 16 digits before the point, so that 10^15 units fit in any
#: unit of measure, and 9 after it.
DECIMAL: Final = r"-?[0-9]{1,16}(\.[0-9]{1,9})?"
#: RFC 3339, of the years that nanoseconds since 1970 can express in 64 bits.
INSTANT: Final = (
    r"(19[7-9][0-9]|2[01][0-9]{2}|22[0-5][0-9])-[01][0-9]-[0-3][0-9]"
    r"[Tt][0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?([Zz]|[+-][01][0-9]:[0-5][0-9])"
)
#: ISO 8601, of the same years, where seconds and zone may be left out.
LOCAL: Final = (
    r"(19[7-9][0-9]|2[01][0-9]{2}|22[0-5][0-9])-[01][0-9]-[0-3][0-9]"
    r"[Tt ][0-2][0-9]:[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?([Zz]|[+-][01][0-9]:?[0-5][0-9])?"
)
#: Beyond the integers that a quantity may be: those of 16 digits.
_WHOLE_END: Final = 10**16
_DECIMAL: Final = re.compile(DECIMAL, re.ASCII).fullmatch
_INSTANT: Final = re.compile(INSTANT, re.ASCII).fullmatch
_LOCAL: Final = re.compile(LOCAL, re.ASCII).fullmatch


def hash_of(message: Message, *attributes: str) -> str:
    """A hash of the body and of some attributes, by which a repeat is known. An id that comes again
    with other content is another message: the core reports what is wrong with it, which nobody
    would if it passed for a repeat here.
    """
    digest = hashlib.blake2b(message.body, digest_size=16)
    for name in attributes:
        value = message.attributes.get(name, "")
        digest.update(f"\n{name}:{value}".encode(errors="surrogatepass"))
    return digest.hexdigest()


def text(value: object, field: str, characters_max: int = NAME_CHARACTERS_MAX) -> str:
    """A text that is not empty and can be written as UTF-8."""
    if value == "":
        raise Undecodable(field, value, "a text that is not empty")
    return any_text(value, field, characters_max)


def any_text(value: object, field: str, characters_max: int = NAME_CHARACTERS_MAX) -> str:
    """A text that can be written as UTF-8; JSON can spell lone surrogates, which cannot."""
    if type(value) is not str:
        raise Undecodable(field, value, "a text")
    if len(value) > characters_max:
        raise Undecodable(field, value, f"at most {characters_max} characters")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Undecodable(field, value, "characters that UTF-8 can write") from None
    return value


def identifier(value: object, field: str) -> str:
    """An id of an event, or the name of a source."""
    found = text(value, field, ID_BYTES_MAX)
    if not found.isascii() and len(found.encode()) > ID_BYTES_MAX:
        raise Undecodable(field, value, f"at most {ID_BYTES_MAX} bytes of UTF-8")
    return found


def decimal(value: object, field: str) -> Decimal:
    """A decimal that was written as text, without exponent; exactly as it was written."""
    if type(value) is str and _DECIMAL(value):
        return Decimal(value)
    raise Undecodable(field, value, "a decimal such as 3 or 0.42")


def quantity(value: object, field: str) -> Decimal:
    """A decimal out of JSON: written as a text, or an integer. Numbers with a fraction are refused,
    since what sends them has binary numbers, which are near 0.42 and not 0.42; unless the document
    was read as exact, of a partner who writes them nevertheless.
    """
    if type(value) is str and _DECIMAL(value):
        return Decimal(value)
    if type(value) is int and abs(value) < _WHOLE_END:
        return Decimal(value)
    if type(value) is Decimal and _is_plain(value):
        return value
    raise Undecodable(field, value, 'an integer, or a decimal as a text, such as "0.42"')


def whole_quantity(value: object, field: str) -> int:
    """A quantity without a fraction, however it is written."""
    found = quantity(value, field)
    if found % 1:
        raise Undecodable(field, value, "a whole number")
    return int(found)


def _is_plain(value: Decimal) -> bool:
    """Whether a decimal has at most 16 digits before the point and 9 after it."""
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -9 and value.adjusted() < 16


def whole(value: object, field: str, lowest: int, highest: int) -> int:
    """An integer out of JSON or out of a text of digits."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) <= 19:
        value = int(value)
    if type(value) is int and lowest <= value <= highest:
        return value
    raise Undecodable(field, value, f"an integer from {lowest} to {highest}")


def instant(value: object, field: str) -> datetime:
    """An instant by RFC 3339, with its zone; digits after microseconds are cut."""
    if type(value) is str and _INSTANT(value):
        try:
            return datetime.fromisoformat(value.upper())
        except ValueError:
            pass
    raise Undecodable(
        field, value, "a time from 1970 to 2259 with its zone, such as 2026-11-26T16:00:00Z"
    )


def optional_instant(value: object, field: str) -> datetime | None:
    """The same, of a field that may be missing."""
    return None if value is None else instant(value, field)


def instant_or_local(value: object, field: str, zone: tzinfo | None) -> datetime:
    """An instant by ISO 8601. One without a zone is of `zone`, by its first reading where clocks
    are set back; without one it is refused.
    """
    if type(value) is not str or not _LOCAL(value):
        raise Undecodable(field, value, "a time such as 2026-11-26T16:00:00+01:00")
    try:
        time = datetime.fromisoformat(value.upper())
    except ValueError:
        raise Undecodable(field, value, "a time that there is") from None
    if time.tzinfo is None:
        if zone is None:
            raise Undecodable(field, value, "a time with its zone, or the option time_zone")
        time = time.replace(tzinfo=zone).astimezone(UTC)
    return time


def mapping(value: object, field: str) -> Mapping[str, Any]:
    """An object out of JSON."""
    if type(value) is dict:
        return value
    raise Undecodable(field, value, "an object")


def array(value: object, field: str, length_max: int) -> list[Any]:
    """An array out of JSON."""
    if type(value) is not list:
        raise Undecodable(field, value, "an array")
    if len(value) > length_max:
        raise Undecodable(field, f"{len(value)} elements", f"at most {length_max}")
    return value


def json_of(body: bytes, field: str = "body", *, exact: bool = False) -> Any:
    """The JSON document that a body is, in UTF-8: no object with a name twice, no NaN, no nesting
    that exhausts the stack. `exact` reads numbers with a fraction as decimals; otherwise they are
    floats, which no quantity is.
    """
    decoder = _EXACT if exact else _JSON
    try:
        return decoder.decode(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Undecodable(field, body[error.start : error.start + 8], "UTF-8") from None
    except json.JSONDecodeError as error:
        near = error.doc[max(0, error.pos - 20) : error.pos + 20]
        raise Undecodable(field, near, f"JSON; at character {error.pos}: {error.msg}") from None
    except RecursionError:
        raise Undecodable(field, body[:20], "JSON that is nested less deeply") from None
    except _Doubled as doubled:
        raise Undecodable(
            f"{field}.{shortened(doubled.name)}", "there twice", "each name once"
        ) from None
    except ValueError:  # of int(): more digits than Python converts
        raise Undecodable(field, body[:20], "numbers of fewer digits") from None


def shortened(name: str) -> str:
    """A partner's name of a field as an error shows it."""
    return name if len(name) <= 64 else f"{name[:64]}..."


class _Doubled(ValueError):  # noqa: N818
    """An object has a name twice."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Doubled(Counter(name for name, _ in pairs).most_common(1)[0][0])
    return found


def _not_a_number(constant: str) -> Any:
    raise json.JSONDecodeError(f"{constant} is no number of JSON", constant, 0)


def _whole_or_near(number: str) -> int | float:
    """A number with a fraction or an exponent: whole if it is written so, as 3.0 or 1e3, or else
    the binary number near it, which may be whole where what is written is not.
    """
    near = float(number)
    if not near.is_integer() or abs(near) >= _WHOLE_END:
        return near
    try:
        written = Decimal(number)
    except InvalidOperation:  # an exponent of more digits than a decimal has
        return near
    whole = written.to_integral_value()
    return int(whole) if whole == written else near


def _exact(number: str) -> Decimal:
    try:
        return Decimal(number)
    except InvalidOperation:  # an exponent of more digits than a decimal has
        raise ValueError(number) from None


def json_decoder(
    parse_int: Callable[[str], Any] = int, parse_float: Callable[[str], Any] = float
) -> json.JSONDecoder:
    """A decoder that raises ValueError for an object with a name twice, and for NaN."""
    return json.JSONDecoder(
        object_pairs_hook=_object,
        parse_constant=_not_a_number,
        parse_int=parse_int,
        parse_float=parse_float,
    )


_EXACT: Final = json_decoder(parse_float=_exact)
_JSON: Final = json_decoder(parse_float=_whole_or_near)
