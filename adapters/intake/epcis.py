"""GS1 EPCIS 2.0 in JSON: what warehouses, RFID gates and carriers saw, as facts and orders.

Source: EPCIS 2.0 (ISO/IEC 19987) and its JSON binding; CBV 2.0 for the words, in `epcis_steps`.
Capture documents, answers to queries, and single events are read.

| step | disposition | becomes |
|---|---|---|
| receiving, accepting | returned | RETURN into that status |
| | any other | RECEIPT, for sale or into that status |
| stocking, storing | for sale | STATUS_CHANGE from in_progress |
| reserving | | HELD |
| shipping, departing | | TRANSFER_DISPATCH to an own location, SHIPPED of an order, else SALE |
| void_shipping | | SHIPMENT_REVERSAL |
| retail_selling, dispensing | | SALE |
| cycle_counting, stock_taking | | COUNT of the shelf, at the time of the event |
| destroying; any with stolen | | ADJUSTMENT |
| inspecting, holding, other | damaged, expired, recalled ... | STATUS_CHANGE into that status |

A transformation takes its inputs off and puts its outputs on. An event with an errorDeclaration is
undone: it has the id of the one that was wrong, and so have its facts. An event without an id is
known by a hash of its content.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from ..contract import Adapter, Message, Undecodable
from ..events import (
    CountBasis,
    Decoded,
    Event,
    Exceptional,
    FactKind,
    Ignored,
    OrderEvent,
    OrderKind,
    OrderLine,
    Reference,
    Reversed,
    StockFact,
)
from . import fields
from .epcis_steps import STEPS, Effect, is_finding, status_of, word_of
from .gs1_names import gtin, place
from .verification import Verification, VerificationOption, verify

EVENTS_MAX: Final = 10_000
ITEMS_MAX: Final = 100_000
#: A document of these is read; the queries of a query interface are not.
_DOCUMENTS: Final = ("EPCISDocument", "EPCISQueryDocument")
_ACTIONS: Final = ("ADD", "OBSERVE", "DELETE")
#: Type of event -> the members that name its goods: single ones, and amounts of a class.
_GOODS: Final[Mapping[str, tuple[str, str]]] = {
    "ObjectEvent": ("epcList", "quantityList"),
    "TransactionEvent": ("epcList", "quantityList"),
    "AggregationEvent": ("childEPCs", "childQuantityList"),
    "AssociationEvent": ("childEPCs", "childQuantityList"),
    "TransformationEvent": ("outputEPCList", "outputQuantityList"),
}
_INPUTS: Final = ("inputEPCList", "inputQuantityList")


class EpcisOptions(BaseModel):
    """What a partner's events mean here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verify: VerificationOption = Verification()
    source: str = "epcis"
    event_types: frozenset[str] = frozenset(
        ("ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent")
    )
    """Those that count: fewer for a partner who tells the same goods by two of them."""
    steps: dict[str, str] = {}
    """Steps of other vocabularies, as steps of CBV."""
    with_extension: bool = False
    """Whether the extension of a GLN, a place inside, is part of the location's name."""
    own_locations: frozenset[str] = frozenset()
    """Locations between which goods are transferred, as events name them."""
    order_transactions: tuple[str, ...] = ("po",)
    """Types of business transactions that name an order, which is a reservation here."""
    transfer_transactions: tuple[str, ...] = ("desadv", "bol")
    supply_transactions: tuple[str, ...] = ()
    """Types that name supply which is announced under the same id."""
    whole_transactions: bool = False
    """Whether a transaction's id is its whole URI, and not what stands behind its last / or :."""


@dataclass(frozen=True, slots=True)
class Goods:
    """So many units of an item."""

    sku: str
    quantity: Decimal
    unit: str


def decode(message: Message, options: EpcisOptions) -> Iterator[Decoded | Undecodable]:
    """The events of a document, in their order; one that is wrong does not hold up the others."""
    document = fields.mapping(fields.json_of(message.body, exact=True), "body")
    for event, path in _events(document):
        try:
            yield from _decoded(fields.mapping(event, path), path, options)
        except Undecodable as wrong:
            yield wrong


def _events(document: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    """The events of a document, each with its path."""
    kind = document.get("type")
    if kind not in _DOCUMENTS:
        yield document, "event"
        return
    body, path = fields.mapping(document.get("epcisBody"), "epcisBody"), "epcisBody"
    if kind == "EPCISQueryDocument":
        path = "epcisBody.queryResults.resultsBody"
        results = fields.mapping(body.get("queryResults"), "epcisBody.queryResults")
        body = fields.mapping(results.get("resultsBody"), path)
    if "event" in body:
        yield body["event"], f"{path}.event"
        return
    path = f"{path}.eventList"
    for at, event in enumerate(fields.array(body.get("eventList"), path, EVENTS_MAX)):
        yield event, f"{path}[{at}]"


def _decoded(event: Mapping[str, Any], path: str, options: EpcisOptions) -> list[Decoded]:
    kind = event.get("type")
    if type(kind) is not str or kind not in _GOODS:
        raise Undecodable(f"{path}.type", kind, f"one of {', '.join(_GOODS)}")
    if kind != "TransformationEvent" and event.get("action") not in _ACTIONS:
        raise Undecodable(f"{path}.action", event.get("action"), "ADD, OBSERVE or DELETE")
    reader = _Reader(event, path, options)
    if kind not in options.event_types:
        return [Ignored(kind)]
    if kind == "AggregationEvent" and event["action"] != "OBSERVE":
        return [Ignored("aggregation")]
    found = reader.transformed() if kind == "TransformationEvent" else reader.by_step()
    if "errorDeclaration" not in event:
        return found
    return [undone for each in found for undone in reader.undone(each)]


class _Reader:
    """An event while its facts are made."""

    def __init__(self, event: Mapping[str, Any], path: str, options: EpcisOptions) -> None:
        self.event = event
        self.path = path
        self.options = options
        self.time = fields.instant(event.get("eventTime"), f"{path}.eventTime")
        step = word_of(event.get("bizStep"), "bizStep", f"{path}.bizStep")
        self.step = options.steps.get(step, step)
        self.disposition = word_of(event.get("disposition"), "disposition", f"{path}.disposition")
        self.id = self._id()

    def by_step(self) -> list[Decoded]:
        """What an event says by its step and disposition."""
        if not self.step:
            return [Ignored("no_step")]
        effect = STEPS.get(self.step)
        if effect is None:
            return [Ignored("foreign_step")]
        if self.disposition == "stolen":
            effect = Effect.DESTROY
        made = _MAKERS.get(effect)
        if made is None:
            return [Ignored("step_without_stock")]
        goods = self._goods(*_GOODS[self.event["type"]])
        return made(self, goods) if goods else [Ignored("no_trade_item")]

    def transformed(self) -> list[Decoded]:
        """Inputs become outputs, as when kits are made."""
        inputs, outputs = self._goods(*_INPUTS), self._goods(*_GOODS["TransformationEvent"])
        found = [
            *(self._fact(FactKind.ADJUSTMENT, each, -each.quantity, "in") for each in inputs),
            *(self._fact(FactKind.ADJUSTMENT, each, each.quantity, "out") for each in outputs),
        ]
        return list(found) or [Ignored("no_trade_item")]

    def received(self, goods: list[Goods]) -> list[Decoded]:
        """Goods came in, from a supplier, from another location, or back."""
        kind = FactKind.RETURN if self.disposition == "returned" else FactKind.RECEIPT
        status = status_of(self.disposition)
        reference = self._origin()
        return [
            replace(self._fact(kind, each), to_status=status, reference=reference) for each in goods
        ]

    def stocked(self, goods: list[Goods]) -> list[Decoded]:
        """Goods that came in before are for sale now."""
        if status_of(self.disposition):
            return [Ignored("stocked_not_for_sale")]
        return [
            replace(self._fact(FactKind.STATUS_CHANGE, each), from_status="in_progress")
            for each in goods
        ]

    def reserved(self, goods: list[Goods]) -> list[Decoded]:
        """Goods are held for an order."""
        return [self._order(OrderKind.HELD, goods, self._needed_order())]

    def shipped(self, goods: list[Goods]) -> list[Decoded]:
        """Goods left: for another location, for a customer, or nobody says for whom."""
        there = self._party("destinationList", "destination")
        if there in self.options.own_locations:
            transfer = self._transaction(self.options.transfer_transactions) or self.id
            reference = Reference("transfer", transfer)
            return [
                replace(
                    self._fact(FactKind.TRANSFER_DISPATCH, each),
                    to_location=there,
                    reference=reference,
                    takes_promised=True,
                )
                for each in goods
            ]
        order = self._transaction(self.options.order_transactions)
        if order:
            return [self._order(OrderKind.SHIPPED, goods, order)]
        return self.sold(goods)

    def unshipped(self, goods: list[Goods]) -> list[Decoded]:
        """Goods of an order were not shipped after all."""
        reference = Reference("reservation", self._needed_order())
        return [
            replace(self._fact(FactKind.SHIPMENT_REVERSAL, each), reference=reference)
            for each in goods
        ]

    def sold(self, goods: list[Goods]) -> list[Decoded]:
        """Goods left without an order."""
        return [self._fact(FactKind.SALE, each) for each in goods]

    def counted(self, goods: list[Goods]) -> list[Decoded]:
        """So many were there."""
        units = {each.sku: each.unit for each in goods}
        if any(units[each.sku] != each.unit for each in goods):
            expected = "one unit of measure for each item of a count"
            raise Undecodable(f"{self.path}.quantityList", sorted(units), expected)
        return [replace(self._fact(FactKind.COUNT, each), basis=CountBasis.SHELF) for each in goods]

    def destroyed(self, goods: list[Goods]) -> list[Decoded]:
        """Goods are gone."""
        return [self._fact(FactKind.ADJUSTMENT, each, -each.quantity) for each in goods]

    def judged(self, goods: list[Goods]) -> list[Decoded]:
        """Goods were found to be something that is not for sale."""
        if not is_finding(self.disposition):
            return [Ignored("nothing_found")]
        return [
            replace(self._fact(FactKind.STATUS_CHANGE, each), to_status=self.disposition)
            for each in goods
        ]

    def undone(self, made: Decoded) -> list[Decoded]:
        """What takes back what an event said, since it declares itself wrong."""
        if isinstance(made, Ignored):
            return [made]
        new_id = f"{made.id}/error"
        if isinstance(made, OrderEvent) and made.kind is OrderKind.HELD:
            return [replace(made, id=new_id, kind=OrderKind.CANCELLED, reason=_ERROR)]
        if isinstance(made, OrderEvent):
            reference = Reference("reservation", made.order)
            goods = [Goods(line.sku, line.quantity, line.unit) for line in made.lines]
            facts = [self._fact(FactKind.SHIPMENT_REVERSAL, each) for each in goods]
            return [
                replace(each, id=f"{each.id}/error", reference=reference, reason=_ERROR)
                for each in facts
            ]
        if isinstance(made, StockFact) and made.kind not in _IRREVERSIBLE:
            undone = Reversed(made.id, made.kind, made.time)
            reversal = replace(made, id=new_id, kind=FactKind.REVERSAL, reverses=undone)
            return [replace(reversal, takes_promised=False)]
        case = Exceptional(
            source=made.source,
            id=new_id,
            kind="event_declared_wrong",
            subject=self.id,
            text=f"The sender declares its event {self.id} ({self.step}) wrong. "
            "It is of a kind that nothing reverses: count, or correct the order.",
            time=self.time,
        )
        return [case]

    def _fact(
        self, kind: FactKind, goods: Goods, quantity: Decimal | None = None, side: str = ""
    ) -> StockFact:
        if not goods.quantity and kind is not FactKind.COUNT:
            raise Undecodable(f"{self.path}.quantityList", 0, f"units of {goods.sku} that move")
        parts = (self.id, side, goods.sku, goods.unit)
        return StockFact(
            source=self.options.source,
            id="/".join(part for part in parts if part),
            kind=kind,
            sku=goods.sku,
            location=self._location(leaves=kind in _LEAVES),
            quantity=goods.quantity if quantity is None else quantity,
            unit=goods.unit,
            time=self.time,
            reason=self.step,
        )

    def _order(self, kind: OrderKind, goods: list[Goods], order: str) -> Event:
        location = self._location(leaves=True)
        lines = (OrderLine("", each.sku, location, each.quantity, each.unit) for each in goods)
        return OrderEvent(
            source=self.options.source,
            id=self.id,
            kind=kind,
            order=order,
            lines=tuple(lines),
            time=self.time,
            reason=self.step,
        )

    def _goods(self, singles: str, amounts: str) -> list[Goods]:
        """The trade items of an event, each once for each unit of measure."""
        found: dict[tuple[str, str], Decimal] = {}
        for sku, quantity, unit in (*self._singles(singles), *self._amounts(amounts)):
            found[sku, unit] = found.get((sku, unit), Decimal(0)) + quantity
        return [Goods(sku, quantity, unit) for (sku, unit), quantity in found.items()]

    def _singles(self, name: str) -> Iterator[tuple[str, Decimal, str]]:
        path = f"{self.path}.{name}"
        for at, uri in enumerate(fields.array(self.event.get(name, []), path, ITEMS_MAX)):
            sku = gtin(uri, f"{path}[{at}]")
            if sku is not None:
                yield sku, Decimal(1), ""

    def _amounts(self, name: str) -> Iterator[tuple[str, Decimal, str]]:
        path = f"{self.path}.{name}"
        for at, each in enumerate(fields.array(self.event.get(name, []), path, ITEMS_MAX)):
            where = f"{path}[{at}]"
            amount = fields.mapping(each, where)
            sku = gtin(amount.get("epcClass"), f"{where}.epcClass")
            if sku is None:
                continue
            quantity = amount.get("quantity")
            if type(quantity) is str:
                raise Undecodable(f"{where}.quantity", quantity, "a number")
            found = fields.quantity(quantity, f"{where}.quantity")
            if found < 0:
                raise Undecodable(f"{where}.quantity", quantity, "0 or more")
            unit = fields.any_text(amount.get("uom", ""), f"{where}.uom")
            yield sku, found, unit

    def _location(self, *, leaves: bool) -> str:
        """Where goods are after the event; of goods that leave, where they left."""
        names = ("readPoint", "bizLocation") if leaves else ("bizLocation", "readPoint")
        for name in names:
            if self.event.get(name) is not None:
                point = fields.mapping(self.event[name], f"{self.path}.{name}")
                return self._place(point.get("id"), f"{self.path}.{name}.id")
        raise Undecodable(f"{self.path}.{names[0]}", None, "where it happened")

    def _place(self, uri: object, field: str) -> str:
        return place(uri, field, with_extension=self.options.with_extension)

    def _party(self, name: str, member: str) -> str:
        """The location that an event says goods come from or go to; empty when it says none."""
        path = f"{self.path}.{name}"
        for at, each in enumerate(fields.array(self.event.get(name, []), path, 100)):
            party = fields.mapping(each, f"{path}[{at}]")
            kind = fields.any_text(party.get("type", ""), f"{path}[{at}].type")
            if _bare(kind) == "location":
                return self._place(party.get(member), f"{path}[{at}].{member}")
        return ""

    def _origin(self) -> Reference | None:
        """What received goods belong to."""
        options = self.options
        if self._party("sourceList", "source") in options.own_locations:
            transfer = self._transaction(options.transfer_transactions)
            if transfer:
                return Reference("transfer", transfer)
        supply = self._transaction(options.supply_transactions)
        if supply:
            return Reference("supply", supply)
        for kind in ("po", "desadv", "rma", "inv"):
            found = self._transaction((kind,))
            if found:
                return Reference(kind, found)
        return None

    def _needed_order(self) -> str:
        order = self._transaction(self.options.order_transactions)
        if not order:
            kinds = ", ".join(self.options.order_transactions)
            expected = f"a transaction that names the order: {kinds}"
            raise Undecodable(f"{self.path}.bizTransactionList", None, expected)
        return order

    def _transaction(self, kinds: tuple[str, ...]) -> str:
        """The first business transaction of one of some types; empty when there is none."""
        path = f"{self.path}.bizTransactionList"
        listed = fields.array(self.event.get("bizTransactionList", []), path, 1_000)
        for at, each in enumerate(listed):
            transaction = fields.mapping(each, f"{path}[{at}]")
            kind = fields.any_text(transaction.get("type", ""), f"{path}[{at}].type")
            if _bare(kind) in kinds:
                where = f"{path}[{at}].bizTransaction"
                uri = fields.text(transaction.get("bizTransaction"), where)
                return uri if self.options.whole_transactions else _last(uri)
        return ""

    def _id(self) -> str:
        """The event's id, or a hash of what it says; recordTime is the capturer's."""
        given = self.event.get("eventID")
        if given is not None:
            text = fields.text(given, f"{self.path}.eventID")
            if len(text) <= _ID_CHARACTERS_MAX and text.isascii():
                return text
        left_out = ("errorDeclaration", "recordTime")
        content = {name: each for name, each in self.event.items() if name not in left_out}
        try:
            written = json.dumps(given or content, sort_keys=True, default=str)
        except RecursionError:
            raise Undecodable(self.path, "an event", "one that is nested less deeply") from None
        return hashlib.blake2b(written.encode(), digest_size=16).hexdigest()


#: The longest eventID that leaves room for the item, unit and side behind it.
_ID_CHARACTERS_MAX: Final = 96
#: Facts of goods that leave the place where they are seen.
_LEAVES: Final = frozenset((FactKind.SALE, FactKind.TRANSFER_DISPATCH, FactKind.SHIPMENT_REVERSAL))
_ERROR: Final = "error_declaration"
_IRREVERSIBLE: Final = frozenset((FactKind.COUNT, FactKind.SHIPMENT_REVERSAL))

_MAKERS: Final = {
    Effect.RECEIVE: _Reader.received,
    Effect.STOCK: _Reader.stocked,
    Effect.RESERVE: _Reader.reserved,
    Effect.SHIP: _Reader.shipped,
    Effect.UNSHIP: _Reader.unshipped,
    Effect.SELL: _Reader.sold,
    Effect.COUNT: _Reader.counted,
    Effect.DESTROY: _Reader.destroyed,
    Effect.JUDGE: _Reader.judged,
}


def _bare(uri: str) -> str:
    """A type of a transaction or party as a bare word: "po", "location"."""
    return uri.replace("BTT-", ":").replace("SDT-", ":").rpartition(":")[2]


def _last(uri: str) -> str:
    """What stands behind the last / or : of a URI."""
    return uri.rstrip("/:").rpartition("/")[2].rpartition(":")[2] or uri


ADAPTER: Final = Adapter(
    name="epcis",
    reads="EPCIS 2.0 capture documents and events, in JSON.",
    dedupe="the bytes of a message; each event by its eventID or a hash of it, in the core",
    order="none; counts by the time of the event",
    key=fields.hash_of,
    decode=decode,
    verify=verify,
    options=EpcisOptions,
)
