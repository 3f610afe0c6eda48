"""Stock facts as the core takes them, and what its answers mean for a feed.

Rules of this file: it decides and does not wait. Each outcome of the core stands in one of three
sets: settled, to be sent again in another form, or a dead letter.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from holdfast.v1 import stock_service_pb2 as stock

from ..contract import Undecodable
from ..events import CountBasis, Exceptional, FactKind, Reference, StockFact

KINDS: Final[dict[FactKind, Any]] = {
    kind: stock.StockEventKind.Value(f"STOCK_EVENT_KIND_{kind.name}") for kind in FactKind
}
BASES: Final = {
    CountBasis.SHELF: stock.COUNT_BASIS_SHELF,
    CountBasis.BOOKS: stock.COUNT_BASIS_BOOKS,
}

Item = TypeVar("Item")

#: What RecordStockEvents takes at once.
EVENTS_MAX: Final = 1_000
#: And of those that cost more there; see `weight`.
WEIGHT_MAX: Final = 100

_HEAVY: Final = {
    FactKind.COUNT,
    FactKind.STATUS_CHANGE,
    FactKind.GOODS_ISSUE,
    FactKind.REVERSAL,
    FactKind.SHIPMENT_REVERSAL,
}
_TWICE: Final = {FactKind.SUPPLY, FactKind.TRANSFER_DISPATCH, FactKind.TRANSFER_ADJUSTMENT}


@dataclass(frozen=True, slots=True)
class Settled:
    """The core has it, or needs nothing more of it."""

    outcome: str
    case: Exceptional | None = None
    """What a person has to decide about all the same."""


@dataclass(frozen=True, slots=True)
class Again:
    """The core takes it in another form."""

    fact: StockFact


@dataclass(frozen=True, slots=True)
class Dead:
    """The core does not take it: a dead letter."""

    reason: str
    text: str
    field: str = ""
    value: str = ""


Verdict = Settled | Again | Dead

_SETTLED: Final = {
    stock.StockEventOutcome.Value(f"STOCK_EVENT_OUTCOME_{outcome}"): Settled(outcome)
    for outcome in (
        *("APPLIED", "DUPLICATE", "REVERSED", "REVERSAL_PENDING", "ALREADY_REVERSED"),
        *("ALREADY_COUNTED", "COUNT_OUTDATED", "SUPPLY_OUTDATED"),
    )
}

#: What the core did not take -> the field to blame, and what an operator may do.
_DEAD: Final = {
    "OUT_OF_RANGE": ("quantity", "more units than a stock level can have"),
    "ID_REUSED": ("id", "its id was recorded before with other content"),
    "UNKNOWN_SKU": ("sku", "no such SKU, and its source may not begin one"),
    "EXCEEDS_UNAVAILABLE": ("quantity", "more units than are in the status that they leave"),
    "EXCEEDS_SHIPPED": ("quantity", "more units than were shipped under the order"),
    "TOO_MANY_STATUSES": ("to_status", "one status more than the node knows"),
    "COUNT_IN_FUTURE": ("time", "a count of a time ahead of the node's clock"),
    "COUNT_TOO_OLD": ("time", "a count of a time longer ago than the node can place"),
    "UNKNOWN_ORDER": ("reference.id", "no such reservation, and more units than were shipped"),
    "REVERSAL_DIFFERS": ("reverses", "the event was recorded with other content"),
    "CANNOT_REVERSE": ("reverses", "too many reversals wait, or too many in a chain"),
    "TOO_MANY_SUPPLIES": ("reference.id", "as many supplies are open there as the node takes"),
    "EXCEEDS_AVAILABLE": ("quantity", "more units than are free to go; see takes_promised"),
    "OUT_OF_ORDER": ("sequence", "a number before the last of its source, and in no gap"),
}


def weight(fact: StockFact) -> int:
    """What it takes of WEIGHT_MAX."""
    if fact.kind in _TWICE:
        return 2
    kind = "" if fact.reference is None else fact.reference.kind
    if kind in ("supply", "transfer"):
        return 2
    is_heavy = fact.kind in _HEAVY or kind == "reservation" or fact.from_status or fact.to_status
    return 1 if is_heavy else 0


def chunks(items: Sequence[Item], fact_of: Callable[[Item], StockFact]) -> Iterator[list[Item]]:
    """What has facts of one source, as the core takes these at once, in their order."""
    chunk: list[Item] = []
    heavy = 0
    for item in items:
        fact = fact_of(item)
        heavy += weight(fact)
        if len(chunk) == EVENTS_MAX or heavy > WEIGHT_MAX:
            yield chunk
            chunk, heavy = [], weight(fact)
        chunk.append(item)
    if chunk:
        yield chunk


def message_of(fact: StockFact, correlation_id: str = "") -> stock.StockEvent:
    """The StockEvent of a fact whose names and quantities are the core's; `correlation_id` is for a
    fact that has none.

    Raises Undecodable, which names the field.
    """
    event = stock.StockEvent(
        event_id=fact.id,
        sequence=fact.sequence,
        sku=fact.sku,
        location=fact.location,
        kind=KINDS[fact.kind],
        quantity=units("quantity", fact.quantity),
        reason=fact.reason,
        actor=fact.actor,
        from_status=fact.from_status,
        to_status=fact.to_status,
        to_location=fact.to_location,
        as_of_sequence=fact.as_of_sequence,
        picked_quantity=units("picked_quantity", fact.picked_quantity),
        seen_reservations=fact.seen_reservations,
        takes_promised=fact.takes_promised,
        correlation_id=fact.correlation_id or correlation_id,
    )
    if fact.basis is not None:
        event.count_basis = BASES[fact.basis]
    if fact.reference is not None:
        _fill_reference(event.reference, fact.reference)
    _fill_time(event.occur_time, "time", fact.time)
    _fill_time(event.expected_time, "expected_time", fact.expected_time)
    if fact.reverses is not None:
        event.reverses.source = fact.reverses.source
        event.reverses.event_id = fact.reverses.event_id
        event.reverses.kind = KINDS[fact.reverses.kind]
        _fill_time(event.reverses.occur_time, "reverses.time", fact.reverses.time)
    return event


def units(field: str, quantity: Decimal) -> int:
    """A quantity in whole base units. Raises Undecodable: nothing is rounded."""
    if not quantity:
        return 0
    if not quantity.is_finite() or quantity.adjusted() > _DIGITS_MAX:
        raise Undecodable(field, quantity, "a number of units")
    whole = int(quantity)
    if abs(whole) > _UNITS_MAX:
        raise Undecodable(field, quantity, f"at most {_UNITS_MAX} units")
    if whole != quantity:
        expected = "a whole number of base units; map its unit of measure to say how many it is"
        raise Undecodable(field, quantity, expected)
    return whole


def verdict(fact: StockFact, result: stock.StockEventResult) -> Verdict:
    """What an answer of the core means."""
    if (settled := _SETTLED.get(result.outcome)) is not None:
        return settled
    outcome = stock.StockEventOutcome.Name(result.outcome).removeprefix("STOCK_EVENT_OUTCOME_")
    if outcome == "OUT_OF_ORDER" and fact.id and fact.kind is not FactKind.COUNT:
        # A fact counts also when its number comes late; its id still identifies a repeat.
        return Again(replace(fact, sequence=0))
    field, text = _DEAD[outcome]
    return Dead(outcome, f"{text}{_details(result)}", field, _value(fact, field))


def _details(result: stock.StockEventResult) -> str:
    if result.HasField("difference"):
        difference = result.difference
        return f": {difference.field} was {difference.recorded}, is {difference.now}"
    return f": {result.possible} possible" if result.possible else ""


def _value(fact: StockFact, field: str) -> str:
    value: Any = fact
    for name in field.split("."):
        value = getattr(value, name, "")
    return str(value)


def _fill_reference(message: stock.Reference, reference: Reference) -> None:
    message.kind, message.id, message.line = reference.kind, reference.id, reference.line


def _fill_time(timestamp: Any, field: str, time: datetime | None) -> None:
    if time is None:
        return
    if time.tzinfo is None:
        raise Undecodable(field, time.isoformat(), "a time with its zone")
    since = time - _EPOCH  # FromDatetime does the same in five times as long
    timestamp.seconds = since.days * _DAY_S + since.seconds
    timestamp.nanos = since.microseconds * 1_000


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S: Final = 86_400
#: Decimal("1e999999") is finite, and its int would fill the memory.
_DIGITS_MAX: Final = 30
#: What a message to the core can hold. A quantity of a partner's unit may be more in base units.
_UNITS_MAX: Final = 2**63 - 1
