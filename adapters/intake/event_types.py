"""The types of the canonical events as CloudEvents, and the fields that the data of each has.

This table is all that is known of them: `cloudevents` reads and writes by it, and the published
JSON Schema and AsyncAPI document are made from it. A field stands here once, with its schema, how
it is read, and how it is written. docs/intakes.md says what may change within a version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

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
from .event_fields import (
    Field,
    Range,
    choice_field,
    details_field,
    flag_field,
    hold_field,
    instant_field,
    list_field,
    name_field,
    number_field,
    object_field,
    optional_field,
    quantity_field,
    text_field,
)

#: What the types begin with, and the version that this file describes.
PREFIX: Final = "inventory.holdfast"
VERSION: Final = "v1"
LINES_MAX: Final = 2_000
SEEN_RESERVATIONS_MAX: Final = 100


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
    """The fields of every kind of its class: what an event has and its kind does not is written
    as well, so that whoever reads it is informed.
    """


def of_event(event: Event) -> EventType:
    """The type that an event is written as."""
    if isinstance(event, Exceptional):
        return EVENT_TYPES[f"{PREFIX}.exception.{VERSION}"]
    subject = "stock" if isinstance(event, StockFact) else "order"
    return EVENT_TYPES[f"{PREFIX}.{subject}.{event.kind}.{VERSION}"]


_REFERENCE: Final = object_field(
    Reference,
    {
        "kind": name_field(),
        "id": name_field(),
        "line": optional_field("The line of the document."),
    },
    "kind",
    "id",
)
_REVERSED: Final = object_field(
    Reversed,
    {
        "event_id": name_field(),
        "kind": choice_field(FactKind, "Its kind."),
        "time": instant_field("When it happened."),
        "source": optional_field("Its source, where that is another one."),
    },
    "event_id",
    "kind",
)


def _order_line(*, id: str = "", location: str = "", **others: Any) -> OrderLine:  # noqa: A002
    return OrderLine(id=id, location=location, **others)


_OF_LINES: Final = {
    "id": optional_field("The line, as the order has it."),
    "sku": name_field(),
    "location": optional_field("Where the units are."),
    "quantity": quantity_field(Range.ABOVE_0, "How many units."),
    "unit": optional_field("Unit of measure; none for the SKU's base unit."),
}
_OF_LINE_STATES: Final = {
    **_OF_LINES,
    "id": name_field(),
    "location": name_field(),
    "quantity": quantity_field(
        Range.FROM_0, "How many units were ordered, ever; or are left of it, with is_current."
    ),
    "shipped": quantity_field(Range.FROM_0, "How many of them were shipped."),
    "cancelled": quantity_field(Range.FROM_0, "How many of them will not be."),
}
_LINE: Final = object_field(_order_line, _OF_LINES, "sku", "quantity")
_LINE_STATE: Final = object_field(_order_line, _OF_LINE_STATES, "id", "sku", "location", "quantity")
_ANY_LINE: Final = object_field(_order_line, {**_OF_LINE_STATES, **_OF_LINES}, "sku", "quantity")
_FACT: Final = {
    "sku": name_field(),
    "location": name_field(),
    "unit": optional_field("Unit of measure of the quantity; none for the SKU's base unit."),
    "reference": _REFERENCE,
    "reason": optional_field("Why, in the sender's words or codes."),
    "actor": optional_field("Who did it: a user, a till, a device."),
}
_OF_SOME_FACTS: Final = {
    "from_status": optional_field("The status that the units leave; none for units for sale."),
    "to_status": optional_field("The status that the units get; none for units for sale."),
    "to_location": name_field(),
    "as_of_sequence": number_field("The last number of the source that the count has seen."),
    "basis": choice_field(CountBasis, "What the count has seen of what happened before it."),
    "picked_quantity": quantity_field(Range.FROM_0, "Units that are picked, and not in the count."),
    "seen_reservations": list_field(
        name_field(), SEEN_RESERVATIONS_MAX, "Reservations whose shipments the count has seen."
    ),
    "reverses": _REVERSED,
    "expected_time": instant_field("When the units are expected."),
    "takes_promised": flag_field("Whether units that are promised may go."),
}
_OF_ORDERS: Final = {
    "order": name_field(),
    "lines": list_field(_ANY_LINE, LINES_MAX, "Lines of any kind of event."),
    "hold": hold_field(),
    "is_sold": flag_field("Whether it is a fact: a channel has sold it, whatever is there."),
    "is_current": flag_field(
        "Whether quantities are what is left of lines, and may fall, and not what was ever ordered."
    ),
    "placed_time": instant_field("When the order was placed; an old one is not placed again."),
    "owner": optional_field("Whom the units are held for."),
    "amount": quantity_field(Range.FROM_0, "How much money, in the currency."),
    "currency": optional_field("ISO 4217, such as EUR."),
    "reason": _FACT["reason"],
    "actor": _FACT["actor"],
}
_OF_EXCEPTIONS: Final = {
    "kind": name_field(),
    "subject": name_field(),
    "text": text_field(),
    "details": details_field(),
}


def _fact(
    kind: FactKind, about: str, allowed: Range, required: str = "", optional: str = ""
) -> EventType:
    names = [*required.split(), *optional.split()]
    known = {
        **_FACT,
        "quantity": quantity_field(allowed, "How many units, in the unit of measure."),
        **{name: _OF_SOME_FACTS[name] for name in names if name in _OF_SOME_FACTS},
    }
    required_too = ("sku", "location", "quantity", *required.split())
    written = {**known, **_OF_SOME_FACTS}
    name = f"{PREFIX}.stock.{kind}.{VERSION}"
    return EventType(name, StockFact, kind, about, known, required_too, written)


def _order(kind: OrderKind, about: str, *, required: str, optional: str) -> EventType:
    known = {name: _OF_ORDERS[name] for name in (*required.split(), *optional.split())}
    if kind is OrderKind.STATE:
        known["lines"] = list_field(_LINE_STATE, LINES_MAX, "The lines that it reports.")
    elif "lines" in known:
        known["lines"] = list_field(_LINE, LINES_MAX, "The lines that it names; none for all.")
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
    _order(
        OrderKind.PLACED,
        "It is sold.",
        required="order",
        optional="lines is_sold owner reason actor",
    ),
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
    _order(
        OrderKind.STATE,
        "How it stands. What is behind is brought up, and nothing goes back.",
        required="order lines",
        optional="is_sold is_current placed_time owner reason actor",
    ),
    _order(
        OrderKind.SETTLED,
        "Its money has come: what is still held is sold.",
        required="order",
        optional="amount currency reason actor",
    ),
    _order(
        OrderKind.SETTLEMENT_FAILED,
        "Its money does not come: a case for a person.",
        required="order",
        optional="amount currency reason actor",
    ),
    _order(
        OrderKind.SETTLEMENT_DELAYED,
        "Its money is late: a case for a person.",
        required="order",
        optional="amount currency reason actor",
    ),
    _order(
        OrderKind.REFUNDED,
        "Its money goes back: units that have not left go back on sale.",
        required="order",
        optional="lines amount currency reason actor",
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
