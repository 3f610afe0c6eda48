"""How fields of the canonical events stand in JSON: their schema, how they are read and written.

Rules of this file: reading raises `Undecodable` with the path of the field; writing takes whatever
an event holds, since a dead letter has to be written as well.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from typing import Any, Final

from ..contract import Undecodable
from . import fields

Schema = Mapping[str, Any]

TEXT_CHARACTERS_MAX: Final = 4096
DETAILS_DEPTH_MAX: Final = 32


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the data: its JSON Schema, how a value at a path is read, how it is written."""

    schema: Schema
    read: Callable[[Any, str], Any]
    write: Callable[[Any], Any]


def plain(value: Decimal) -> str:
    """A decimal without exponent. What no unit of measure needs stands as Python has it, and is
    refused when it is read.
    """
    if value.is_finite() and -32 < value.adjusted() < 32:
        return format(value, "f")
    return str(value)


def instant_text(time: datetime) -> str:
    """An instant by RFC 3339, in UTC. One without a zone is written so, and refused when read."""
    try:
        return time.astimezone(UTC).isoformat() if time.tzinfo else time.isoformat()
    except OverflowError:
        return time.isoformat()


def read_object(
    data: Mapping[str, Any], path: str, known: Mapping[str, Field], required: Iterable[str]
) -> dict[str, Any]:
    """The values of an object by its table. Raises `Undecodable` for what is missing, unknown or
    wrong.
    """
    found: dict[str, Any] = {}
    for name, value in data.items():
        field = known.get(name)
        if field is None:
            expected = f"no such field, but {', '.join(known)}"
            raise Undecodable(f"{path}.{fields.shortened(name)}", value, expected)
        found[name] = field.read(value, f"{path}.{name}")
    for name in required:
        if name not in found:
            raise Undecodable(f"{path}.{name}", None, "the field")
    return found


def write_object(
    source: Any, known: Mapping[str, Field], required: Iterable[str]
) -> dict[str, Any]:
    """The fields of an event that are not empty, and those that are required."""
    found: dict[str, Any] = {}
    for name, field in known.items():
        value = getattr(source, name)
        if value or name in required:
            found[name] = field.write(value) if value is not None else None
    return found


def as_it_is(value: Any) -> Any:
    """A value that JSON holds as it is."""
    return value


def name_field() -> Field:
    """A name that is not empty."""
    schema = {"type": "string", "minLength": 1, "maxLength": fields.NAME_CHARACTERS_MAX}
    return Field(schema, fields.text, as_it_is)


def optional_field(about: str) -> Field:
    """A name that may be empty."""
    schema = {"type": "string", "maxLength": fields.NAME_CHARACTERS_MAX, "description": about}
    return Field(schema, fields.any_text, as_it_is)


class Range(StrEnum):
    """What quantities of a kind may be; each is the pattern of its decimals."""

    ABOVE_0 = r"^(?=.*[1-9])[0-9]{1,16}(\.[0-9]{1,9})?$"
    FROM_0 = r"^[0-9]{1,16}(\.[0-9]{1,9})?$"
    NOT_0 = r"^(?=.*[1-9])-?[0-9]{1,16}(\.[0-9]{1,9})?$"
    ANY = rf"^{fields.DECIMAL}$"


def quantity_field(allowed: Range, about: str) -> Field:
    """A quantity in a range."""

    def read(value: Any, path: str) -> Decimal:
        found = fields.quantity(value, path)
        if (found < 0 and allowed in (Range.ABOVE_0, Range.FROM_0)) or (
            not found and allowed in (Range.ABOVE_0, Range.NOT_0)
        ):
            raise Undecodable(path, value, _EXPECTED[allowed])
        return found

    integer: dict[str, Any] = {"type": "integer", "maximum": 10**16 - 1, "minimum": 1 - 10**16}
    if allowed is Range.ABOVE_0:
        integer["minimum"] = 1
    elif allowed is Range.FROM_0:
        integer["minimum"] = 0
    elif allowed is Range.NOT_0:
        integer["not"] = {"const": 0}
    text = {"type": "string", "pattern": allowed.value}
    return Field({"description": about, "anyOf": [text, integer]}, read, plain)


_EXPECTED: Final = {
    Range.ABOVE_0: "a quantity above 0",
    Range.FROM_0: "a quantity of 0 or more",
    Range.NOT_0: "a quantity other than 0",
}


def number_field(about: str) -> Field:
    """A number of up to 63 bits, written as digits."""

    def read(value: Any, path: str) -> int:
        return fields.whole(value, path, 0, 2**63 - 1)

    text = {"type": "string", "pattern": "^[0-9]{1,19}$"}
    whole = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
    return Field({"description": about, "anyOf": [text, whole]}, read, str)


def choice_field(choices: type[StrEnum], about: str) -> Field:
    """One of some words."""
    known = {each.value: each for each in choices}

    def read(value: Any, path: str) -> StrEnum:
        found = known.get(value) if type(value) is str else None
        if found is None:
            raise Undecodable(path, value, f"one of {', '.join(known)}")
        return found

    return Field({"enum": list(known), "description": about}, read, as_it_is)


def flag_field(about: str) -> Field:
    """True or false."""

    def read(value: Any, path: str) -> bool:
        if type(value) is not bool:
            raise Undecodable(path, value, "true or false")
        return value

    return Field({"type": "boolean", "description": about}, read, as_it_is)


def instant_field(about: str) -> Field:
    """An instant by RFC 3339."""
    schema = {"type": "string", "format": "date-time", "description": about}
    schema["pattern"] = f"^{fields.INSTANT}$"
    return Field(schema, fields.instant, instant_text)


def object_field(made: Callable[..., Any], known: Mapping[str, Field], *required: str) -> Field:
    """An object of ours, made of the fields of a table."""

    def read(value: Any, path: str) -> Any:
        return made(**read_object(fields.mapping(value, path), path, known, required))

    def write(value: Any) -> dict[str, Any]:
        return write_object(value, known, required)

    return Field(object_schema(known, required), read, write)


def object_schema(known: Mapping[str, Field], required: Iterable[str]) -> dict[str, Any]:
    """The JSON Schema of an object with the fields of a table and no others."""
    return {
        "type": "object",
        "properties": {name: dict(field.schema) for name, field in known.items()},
        "required": list(required),
        "additionalProperties": False,
    }


def list_field(each: Field, length_max: int, about: str) -> Field:
    """Several of a kind."""

    def read(value: Any, path: str) -> tuple[Any, ...]:
        found = fields.array(value, path, length_max)
        return tuple(each.read(one, f"{path}[{at}]") for at, one in enumerate(found))

    def write(value: Any) -> list[Any]:
        return [each.write(one) for one in value]

    schema = {"type": "array", "items": dict(each.schema), "maxItems": length_max}
    return Field({**schema, "description": about}, read, write)


_HOLD: Final = r"(?=.*[1-9])[0-9]{1,8}(\.[0-9]{1,6})?s"
_is_hold: Final = re.compile(_HOLD, re.ASCII).fullmatch


def _read_hold(value: Any, path: str) -> timedelta:
    if type(value) is not str or not _is_hold(value):
        raise Undecodable(path, value, 'a duration in seconds, such as "900s"')
    seconds, _, fraction = value[:-1].partition(".")
    return timedelta(seconds=int(seconds), microseconds=int(fraction.ljust(6, "0")))


def _write_hold(value: timedelta) -> str:
    microseconds = value // timedelta(microseconds=1)
    return f"{plain(Decimal(microseconds).scaleb(-6).normalize())}s"


def _read_text(value: Any, path: str) -> str:
    return fields.text(value, path, TEXT_CHARACTERS_MAX)


def _read_details(value: Any, path: str) -> Mapping[str, Any]:
    found = fields.mapping(value, path)
    if _is_deeper(found, DETAILS_DEPTH_MAX):
        raise Undecodable(path, "nested", f"at most {DETAILS_DEPTH_MAX} levels")
    return found


def _is_deeper(value: Any, levels: int) -> bool:
    if type(value) not in (dict, list):
        return False
    inner = value.values() if type(value) is dict else value
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inner)


def _write_details(value: Any, levels: int = DETAILS_DEPTH_MAX) -> Any:
    """Details as JSON has them: what it has no form for, such as a decimal or NaN, is a text."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, (Mapping, list, tuple, set, frozenset)) and not levels:
        return "..."
    if isinstance(value, Mapping):
        return {str(name): _write_details(each, levels - 1) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_write_details(each, levels - 1) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    return str(value)


def hold_field() -> Field:
    """For how long units are held."""
    about = 'For how long the units are held, in seconds: "900s".'
    schema = {"type": "string", "pattern": f"^{_HOLD}$", "description": about}
    return Field(schema, _read_hold, _write_hold)


def text_field() -> Field:
    """A text that is read by a person."""
    schema = {"type": "string", "minLength": 1, "maxLength": TEXT_CHARACTERS_MAX}
    return Field(schema, _read_text, as_it_is)


def details_field() -> Field:
    """Anything that JSON can hold."""
    schema = {"type": "object", "description": "What else there is to know."}
    return Field(schema, _read_details, _write_details)
