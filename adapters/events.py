"""The canonical events: what all adapters decode to, whatever their partner speaks.

Rules of this file: values without input or output. Names of SKUs, locations, units and reasons are
the partner's until a mapping has translated them, and quantities are decimals in the partner's
unit. The words are those of holdfast.v1, where each is explained.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeAlias


class FactKind(StrEnum):
    """What a stock fact says; the StockEventKind of the same name."""

    RECEIPT = "receipt"
    ADJUSTMENT = "adjustment"
    SALE = "sale"
    RETURN = "return"
    COUNT = "count"
    STATUS_CHANGE = "status_change"
    GOODS_ISSUE = "goods_issue"
    REVERSAL = "reversal"
    SHIPMENT_REVERSAL = "shipment_reversal"
    SUPPLY = "supply"
    TRANSFER_DISPATCH = "transfer_dispatch"
    TRANSFER_ADJUSTMENT = "transfer_adjustment"


class OrderKind(StrEnum):
    """What happens to an order. Each becomes commands on the reservation that bears its id."""

    HELD = "held"
    """Units are held for a while: a cart, a suspended transaction. Reserve."""
    PLACED = "placed"
    """It is sold. Reserve what is not held yet, then Commit."""
    SHIPPED = "shipped"
    """Units left, or were collected. Fulfill."""
    CANCELLED = "cancelled"
    """Units go back on sale. Release or Cancel, whatever they are."""
    STATE = "state"
    """How the order stands, for partners that report that and not what happened: of each line the
    units ordered, shipped and cancelled since it began. What is behind is brought up, and nothing
    goes back, so that an old state changes nothing.
    """
    SETTLED = "settled"
    """Its money has come. Commit what is still held."""
    SETTLEMENT_FAILED = "settlement_failed"
    """Its money does not come: a case, and no change of stock."""
    SETTLEMENT_DELAYED = "settlement_delayed"
    """Its money is late: a case, and no change of stock."""
    REFUNDED = "refunded"
    """Its money goes back. Cancel what has not left; what has is a return, when it comes back."""


#: What happens to the money of an order and not to its goods.
FINANCIAL: Final = frozenset(
    (
        OrderKind.SETTLED,
        OrderKind.SETTLEMENT_FAILED,
        OrderKind.SETTLEMENT_DELAYED,
        OrderKind.REFUNDED,
    )
)


class CountBasis(StrEnum):
    """What a count has seen of what happened before its instant; the CountBasis of that name."""

    SHELF = "shelf"
    BOOKS = "books"


@dataclass(frozen=True, slots=True)
class Reference:
    """The document that a fact belongs to. Of kind "reservation", "supply" or "transfer", `id` is
    known to the core by that name.
    """

    kind: str
    id: str
    line: str = ""


@dataclass(frozen=True, slots=True)
class Reversed:
    """The event that a reversal undoes; `source` is empty for the reversal's own."""

    event_id: str
    kind: FactKind
    time: datetime | None = None
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockFact:
    """Something that happened to stock: a fact, which nobody can refuse."""

    source: str
    """Who numbers it and reports it once: "pos/0042/3". Sequences count within it."""
    id: str
    """By which a repeat of the event is known: the same however often it is sent."""
    kind: FactKind
    sku: str
    location: str
    quantity: Decimal
    unit: str = ""
    """Unit of measure of the quantity, in the partner's words; empty for the SKU's base unit."""
    sequence: int = 0
    time: datetime | None = None
    """When it happened, with its zone."""
    reference: Reference | None = None
    reason: str = ""
    actor: str = ""
    from_status: str = ""
    to_status: str = ""
    to_location: str = ""
    as_of_sequence: int = 0
    basis: CountBasis | None = None
    picked_quantity: Decimal = Decimal(0)
    seen_reservations: tuple[str, ...] = ()
    reverses: Reversed | None = None
    expected_time: datetime | None = None
    takes_promised: bool = False
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A line of an order, `id` as the order has it."""

    id: str
    sku: str
    location: str
    quantity: Decimal
    unit: str = ""
    shipped: Decimal = Decimal(0)
    """Of STATE: how many of `quantity` were shipped."""
    cancelled: Decimal = Decimal(0)
    """Of STATE: how many of `quantity` will not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """Something that happened to an order. `lines` are those that it names; none means all."""

    source: str
    id: str
    kind: OrderKind
    order: str
    """Its reservation_id in the core."""
    lines: tuple[OrderLine, ...] = ()
    time: datetime | None = None
    is_sold: bool = False
    """Of PLACED and STATE: the channel has sold it already, so it is a fact: what is not there is
    promised all the same, and is a shortfall.
    """
    is_current: bool = False
    """Of STATE: the quantity of a line is what is left of it, 0 where nothing is. It falls by what
    is taken off without being among `cancelled`; by `time`, an old state does not undo that.
    """
    placed_time: datetime | None = None
    """Of STATE: when the order was placed; when it was first heard of, where this is left out or to
    come. What is done of one from so long ago that the core may have forgotten it is not placed
    again.
    """
    hold: timedelta | None = None
    """Of HELD: for how long."""
    owner: str = ""
    amount: Decimal = Decimal(0)
    """Of FINANCIAL: how much money, in `currency`."""
    currency: str = ""
    """ISO 4217: "EUR"."""
    reason: str = ""
    actor: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceptional:
    """Something that no rule decides: it goes to the exception queue, to be settled by a person."""

    source: str
    id: str
    kind: str
    """What kind of case it is: "price_mismatch", "settlement_delayed"."""
    subject: str
    """What it is about: an order, a SKU."""
    text: str
    """A sentence for whoever settles it."""
    time: datetime | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    correlation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a channel shows of an item at one of its nodes, in its names: reported by the channel,
    or read back from it. What it was told itself is an echo.
    """

    item: str
    node: str
    quantity: int
    time: datetime | None = None
    offer: str = ""
    """Id of the offer that it comes from, where the channel keeps that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """The number of a document among those of its source, whatever else the document says: where
    one is missing between two that came, a case is opened.
    """

    source: str
    date: str
    """ISO 8601; numbers may start over with it."""
    number: int
    grace: timedelta
    """How long those before it may be missing."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something that does not concern stock, or an echo of our own: counted by its reason."""

    reason: str
    """A word or two: "training", "echo", "sign_on"."""


Event: TypeAlias = StockFact | OrderEvent | Exceptional
Decoded: TypeAlias = Event | Shown | Numbered | Ignored

_TIMES: Final = ("time", "placed_time", "expected_time")


def time_without_zone(said: Event | Shown) -> str:
    """The first field of what was said whose time has no zone; empty where all have one."""
    times = {name: getattr(said, name, None) for name in _TIMES}
    return next((name for name, time in times.items() if time and time.utcoffset() is None), "")
