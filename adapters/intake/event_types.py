"""The types of the canonical events as CloudEvents, and the fields that the data of each has.

This table is all that is known of them: `cloudevents` reads and writes by it, and the published
JSON Schema and AsyncAPI document are made from it. A field stands here once, with its schema, how
it is read, and how it is written. docs/intakes.md tells what may change within a version.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from ..contract import Undecodable
from ..events import (
    CountBasis,
    Event,
    Exceptional,
    FactKind,
    OrderEvent,
    OrderKind,
    OrderLine,
    Reference,
    Reversed,
    StockFact,
)
from . import fields

#: What the types begin with, and the version that this file describes.
PREFIX: Final = "inventory.holdfast"
VERSION: Final = "v1"
LINES_MAX: Final = 2_000
SEEN_RESERVATIONS_MAX: Final = 100
TEXT_CHARACTERS_MAX: Final = 4096
DETAILS_DEPTH_MAX: Final = 32

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the data: its JSON Schema, how a value at a path is read, how it is written."""

    schema: Schema
    read: Callable[[Any, str], Any]
    write: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of event: the class and kind that it stands for, and what its data may hold."""

    name: str
    event: type[StockFact] | type[OrderEvent] | type[Exceptional]
    kind: FactKind | OrderKind | None
    about: str
    """A sentence for readers of the schema."""
    fields: Mapping[str, Field]
    required: tuple[str, ...]
    written: Mapping[str, Field]
    """The fields of every kind of its class: what an event has that its kind has not is written as
    well, so that whoever reads it is told.
    """


def of_event(event: Event) -> EventType:
    """The type that an event is written as."""
    if isinstance(event, Exceptional):
        return EVENT_TYPES[f"{PREFIX}.exception.{VERSION}"]
    subject = "stock" if isinstance(event, StockFact) else "order"
    return EVENT_TYPES[f"{PREFIX}.{subject}.{event.kind}.{VERSION}"]


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


def _same(value: Any) -> Any:
    return value


def _name() -> Field:
    schema = {"type": "string", "minLength": 1, "maxLength": fields.NAME_CHARACTERS_MAX}
    return Field(schema, fields.text, _same)


def _optional_name(about: str) -> Field:
    schema = {"type": "string", "maxLength": fields.NAME_CHARACTERS_MAX, "description": about}
    return Field(schema, fields.any_text, _same)


class Range(StrEnum):
    """What quantities of a kind may be; each is the pattern of its decimals."""

    ABOVE_0 = r"^(?=.*[1-9])[0-9]{1,16}(\.[0-9]{1,9})?$"
    FROM_0 = r"^[0-9]{1,16}(\.[0-9]{1,9})?$"
    NOT_0 = r"^(?=.*[1-9])-?[0-9]{1,16}(\.[0-9]{1,9})?$"
    ANY = rf"^{fields.DECIMAL}$"


def _quantity(allowed: Range, about: str) -> Field:
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


def _number(about: str) -> Field:
    def read(value: Any, path: str) -> int:
        return fields.whole(value, path, 0, 2**63 - 1)

    text = {"type": "string", "pattern": "^[0-9]{1,19}$"}
    whole = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
    return Field({"description": about, "anyOf": [text, whole]}, read, str)


def _choice(choices: type[StrEnum], about: str) -> Field:
    known = {each.value: each for each in choices}

    def read(value: Any, path: str) -> StrEnum:
        found = known.get(value) if type(value) is str else None
        if found is None:
            raise Undecodable(path, value, f"one of {', '.join(known)}")
        return found

    return Field({"enum": list(known), "description": about}, read, _same)


def _flag(about: str) -> Field:
    def read(value: Any, path: str) -> bool:
        if type(value) is not bool:
            raise Undecodable(path, value, "true or false")
        return value

    return Field({"type": "boolean", "description": about}, read, _same)


def _instant(about: str) -> Field:
    schema = {"type": "string", "format": "date-time", "description": about}
    schema["pattern"] = f"^{fields.INSTANT}$"
    return Field(schema, fields.instant, instant_text)


def _nested(made: Callable[..., Any], known: Mapping[str, Field], *required: str) -> Field:
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


def _several(each: Field, length_max: int, about: str) -> Field:
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


_REFERENCE: Final = _nested(
    Reference,
    {
        "kind": _name(),
        "id": _name(),
        "line": _optional_name("The line of the document."),
    },
    "kind",
    "id",
)
_REVERSED: Final = _nested(
    Reversed,
    {
        "event_id": _name(),
        "kind": _choice(FactKind, "Its kind."),
        "time": _instant("When it happened."),
        "source": _optional_name("Its source, where that is another one."),
    },
    "event_id",
    "kind",
)


def _order_line(*, id: str = "", location: str = "", **others: Any) -> OrderLine:  # noqa: A002
    return OrderLine(id=id, location=location, **others)


_LINE: Final = _nested(
    _order_line,
    {
        "id": _optional_name("The line, as the order has it."),
        "sku": _name(),
        "location": _optional_name("Where the units are."),
        "quantity": _quantity(Range.ABOVE_0, "How many units."),
        "unit": _optional_name("Unit of measure; none for the SKU's base unit."),
    },
    "sku",
    "quantity",
)
_FACT: Final = {
    "sku": _name(),
    "location": _name(),
    "unit": _optional_name("Unit of measure of the quantity; none for the SKU's base unit."),
    "reference": _REFERENCE,
    "reason": _optional_name("Why, in the sender's words or codes."),
    "actor": _optional_name("Who did it: a user, a till, a device."),
}
_OF_SOME_FACTS: Final = {
    "from_status": _optional_name("The status that the units leave; none for units for sale."),
    "to_status": _optional_name("The status that the units get; none for units for sale."),
    "to_location": _name(),
    "as_of_sequence": _number("The last number of the source that the count has seen."),
    "basis": _choice(CountBasis, "What the count has seen of what happened before it."),
    "picked_quantity": _quantity(Range.FROM_0, "Units that are picked, and not in the count."),
    "seen_reservations": _several(
        _name(), SEEN_RESERVATIONS_MAX, "Reservations whose shipments the count has seen."
    ),
    "reverses": _REVERSED,
    "expected_time": _instant("When the units are expected."),
    "takes_promised": _flag("Whether units that are promised may go."),
}
_OF_ORDERS: Final = {
    "order": _name(),
    "lines": _several(_LINE, LINES_MAX, "The lines that it names; none for all."),
    "hold": Field(
        {
            "type": "string",
            "pattern": f"^{_HOLD}$",
            "description": 'For how long the units are held, in seconds: "900s".',
        },
        _read_hold,
        _write_hold,
    ),
    "owner": _optional_name("Whom the units are held for."),
    "reason": _FACT["reason"],
    "actor": _FACT["actor"],
}
_OF_EXCEPTIONS: Final = {
    "kind": _name(),
    "subject": _name(),
    "text": Field(
        {"type": "string", "minLength": 1, "maxLength": TEXT_CHARACTERS_MAX}, _read_text, _same
    ),
    "details": Field(
        {"type": "object", "description": "What else there is to know."}, _read_details, dict
    ),
}


def _fact(
    kind: FactKind, about: str, allowed: Range, required: str = "", optional: str = ""
) -> EventType:
    names = [*required.split(), *optional.split()]
    known = {
        **_FACT,
        "quantity": _quantity(allowed, "How many units, in the unit of measure."),
        **{name: _OF_SOME_FACTS[name] for name in names if name in _OF_SOME_FACTS},
    }
    required_too = ("sku", "location", "quantity", *required.split())
    written = {**known, **_OF_SOME_FACTS}
    name = f"{PREFIX}.stock.{kind}.{VERSION}"
    return EventType(name, StockFact, kind, about, known, required_too, written)


def _order(kind: OrderKind, about: str, *, required: str, optional: str) -> EventType:
    known = {name: _OF_ORDERS[name] for name in (*required.split(), *optional.split())}
    name = f"{PREFIX}.order.{kind}.{VERSION}"
    return EventType(
        name, OrderEvent, kind, about, known, tuple(required.split()), {**known, **_OF_ORDERS}
    )


_ALL: Final = (
    _fact(FactKind.RECEIPT, "Goods arrived.", Range.ABOVE_0, "", "to_status"),
    _fact(FactKind.ADJUSTMENT, "Found or written off.", Range.NOT_0, "", "from_status to_status"),
    _fact(FactKind.SALE, "Sold without a reservation.", Range.ABOVE_0, "", "from_status"),
    _fact(FactKind.RETURN, "A customer brought units back.", Range.ABOVE_0, "", "to_status"),
    _fact(
        FactKind.COUNT,
        "So many units were there, at the time of the event.",
        Range.FROM_0,
        "",
        "as_of_sequence basis picked_quantity seen_reservations",
    ),
    _fact(
        FactKind.STATUS_CHANGE,
        "Units got another status.",
        Range.ABOVE_0,
        "",
        "from_status to_status",
    ),
    _fact(
        FactKind.GOODS_ISSUE,
        "The source has posted that units of a reservation left.",
        Range.ABOVE_0,
        "reference",
    ),
    _fact(
        FactKind.REVERSAL,
        "An earlier event is undone; what that said is repeated.",
        Range.ANY,
        "reverses",
        "from_status to_status to_location",
    ),
    _fact(
        FactKind.SHIPMENT_REVERSAL,
        "Units of a reservation were not shipped after all.",
        Range.ABOVE_0,
        "reference",
    ),
    _fact(
        FactKind.SUPPLY,
        "So many units in all are to come under the reference; the last word holds.",
        Range.FROM_0,
        "reference",
        "expected_time",
    ),
    _fact(
        FactKind.TRANSFER_DISPATCH,
        "Units left for another location.",
        Range.ABOVE_0,
        "reference to_location",
        "from_status expected_time takes_promised",
    ),
    _fact(
        FactKind.TRANSFER_ADJUSTMENT,
        "A correction of what is under way to the location.",
        Range.NOT_0,
        "reference",
    ),
    _order(
        OrderKind.HELD,
        "Units are held for a while.",
        required="order lines",
        optional="hold owner reason actor",
    ),
    _order(OrderKind.PLACED, "It is sold.", required="order", optional="lines owner reason actor"),
    _order(
        OrderKind.SHIPPED,
        "Units left, or were collected.",
        required="order",
        optional="lines reason actor",
    ),
    _order(
        OrderKind.CANCELLED,
        "Units go back on sale.",
        required="order",
        optional="lines reason actor",
    ),
    EventType(
        f"{PREFIX}.exception.{VERSION}",
        Exceptional,
        None,
        "Something that no rule decides, for a person to settle.",
        _OF_EXCEPTIONS,
        ("kind", "subject", "text"),
        _OF_EXCEPTIONS,
    ),
)

#: Every type by its name.
EVENT_TYPES: Final[Mapping[str, EventType]] = {each.name: each for each in _ALL}
