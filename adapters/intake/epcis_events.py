"""What an EPCIS event says: facts and orders, by its type, step and disposition.

`epcis` has the table of what becomes of which.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from ..contract import Undecodable
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
from .epcis_options import EpcisOptions
from .epcis_parts import Goods, Parts
from .epcis_steps import STEPS, Effect, is_finding, status_of

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


def events_of(event: Mapping[str, Any], path: str, options: EpcisOptions) -> list[Decoded]:
    """The events of an event of EPCIS. Raises `Undecodable`."""
    kind = event.get("type")
    if type(kind) is not str or kind not in _GOODS:
        raise Undecodable(f"{path}.type", kind, f"one of {', '.join(_GOODS)}")
    if kind != "TransformationEvent" and event.get("action") not in _ACTIONS:
        raise Undecodable(f"{path}.action", event.get("action"), "ADD, OBSERVE or DELETE")
    maker = _Maker(Parts(event, path, options))
    if kind not in options.event_types:
        return [Ignored(kind)]
    if kind == "AggregationEvent" and event["action"] != "OBSERVE":
        return [Ignored("aggregation")]
    found = maker.transformed() if kind == "TransformationEvent" else maker.by_step()
    if "errorDeclaration" not in event:
        return found
    return [undone for each in found for undone in maker.undone(each)]


class _Maker:
    """Makes facts and orders of the parts of an event."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def by_step(self) -> list[Decoded]:
        """What an event says by its step and disposition."""
        if not self.parts.step:
            return [Ignored("no_step")]
        effect = STEPS.get(self.parts.step)
        if effect is None:
            return [Ignored("foreign_step")]
        if self.parts.disposition == "stolen":
            effect = Effect.DESTROY
        made = _MAKERS.get(effect)
        if made is None:
            return [Ignored("step_without_stock")]
        goods = self.parts.goods(*_GOODS[self.parts.event["type"]])
        return made(self, goods) if goods else [Ignored("no_trade_item")]

    def transformed(self) -> list[Decoded]:
        """Inputs become outputs, as when kits are made."""
        inputs = self.parts.goods(*_INPUTS)
        outputs = self.parts.goods(*_GOODS["TransformationEvent"])
        found = [
            *(self._fact(FactKind.ADJUSTMENT, each, -each.quantity, "in") for each in inputs),
            *(self._fact(FactKind.ADJUSTMENT, each, each.quantity, "out") for each in outputs),
        ]
        return list(found) or [Ignored("no_trade_item")]

    def received(self, goods: list[Goods]) -> list[Decoded]:
        """Goods came in, from a supplier, from another location, or back."""
        kind = FactKind.RETURN if self.parts.disposition == "returned" else FactKind.RECEIPT
        status = status_of(self.parts.disposition)
        reference = self.parts.origin()
        return [
            replace(self._fact(kind, each), to_status=status, reference=reference) for each in goods
        ]

    def stocked(self, goods: list[Goods]) -> list[Decoded]:
        """Goods that came in before are for sale now."""
        if status_of(self.parts.disposition):
            return [Ignored("stocked_not_for_sale")]
        return [
            replace(self._fact(FactKind.STATUS_CHANGE, each), from_status="in_progress")
            for each in goods
        ]

    def reserved(self, goods: list[Goods]) -> list[Decoded]:
        """Goods are held for an order."""
        return [self._order(OrderKind.HELD, goods, self.parts.needed_order())]

    def shipped(self, goods: list[Goods]) -> list[Decoded]:
        """Goods left: for another location, for a customer, or nobody says for whom."""
        options = self.parts.options
        there = self.parts.party("destinationList", "destination")
        if there in options.own_locations:
            transfer = self.parts.transaction(options.transfer_transactions) or self.parts.id
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
        order = self.parts.transaction(options.order_transactions)
        if order:
            return [self._order(OrderKind.SHIPPED, goods, order)]
        return self.sold(goods)

    def unshipped(self, goods: list[Goods]) -> list[Decoded]:
        """Goods of an order were not shipped after all."""
        reference = Reference("reservation", self.parts.needed_order())
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
            raise Undecodable(f"{self.parts.path}.quantityList", sorted(units), expected)
        return [replace(self._fact(FactKind.COUNT, each), basis=CountBasis.SHELF) for each in goods]

    def destroyed(self, goods: list[Goods]) -> list[Decoded]:
        """Goods are gone."""
        return [self._fact(FactKind.ADJUSTMENT, each, -each.quantity) for each in goods]

    def judged(self, goods: list[Goods]) -> list[Decoded]:
        """Goods were found to be something that is not for sale."""
        if not is_finding(self.parts.disposition):
            return [Ignored("nothing_found")]
        return [
            replace(self._fact(FactKind.STATUS_CHANGE, each), to_status=self.parts.disposition)
            for each in goods
        ]

    def undone(self, made: Decoded) -> list[Decoded]:
        """What takes back what an event said, since it declares itself wrong."""
        if not isinstance(made, Event):
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
            subject=self.parts.id,
            text=f"The sender declares its event {self.parts.id} ({self.parts.step}) wrong. "
            "It is of a kind that nothing reverses: count, or correct the order.",
            time=self.parts.time,
        )
        return [case]

    def _fact(
        self, kind: FactKind, goods: Goods, quantity: Decimal | None = None, side: str = ""
    ) -> StockFact:
        if not goods.quantity and kind is not FactKind.COUNT:
            raise Undecodable(
                f"{self.parts.path}.quantityList", 0, f"units of {goods.sku} that move"
            )
        parts = (self.parts.id, side, goods.sku, goods.unit)
        return StockFact(
            source=self.parts.options.source,
            id="/".join(part for part in parts if part),
            kind=kind,
            sku=goods.sku,
            location=self.parts.location(leaves=kind in _LEAVES),
            quantity=goods.quantity if quantity is None else quantity,
            unit=goods.unit,
            time=self.parts.time,
            reason=self.parts.step,
        )

    def _order(self, kind: OrderKind, goods: list[Goods], order: str) -> Event:
        location = self.parts.location(leaves=True)
        lines = (OrderLine("", each.sku, location, each.quantity, each.unit) for each in goods)
        return OrderEvent(
            source=self.parts.options.source,
            id=self.parts.id,
            kind=kind,
            order=order,
            lines=tuple(lines),
            time=self.parts.time,
            reason=self.parts.step,
        )


#: Facts of goods that leave the place where they are seen.
_LEAVES: Final = frozenset((FactKind.SALE, FactKind.TRANSFER_DISPATCH, FactKind.SHIPMENT_REVERSAL))
_ERROR: Final = "error_declaration"
_IRREVERSIBLE: Final = frozenset((FactKind.COUNT, FactKind.SHIPMENT_REVERSAL))

_MAKERS: Final = {
    Effect.RECEIVE: _Maker.received,
    Effect.STOCK: _Maker.stocked,
    Effect.RESERVE: _Maker.reserved,
    Effect.SHIP: _Maker.shipped,
    Effect.UNSHIP: _Maker.unshipped,
    Effect.SELL: _Maker.sold,
    Effect.COUNT: _Maker.counted,
    Effect.DESTROY: _Maker.destroyed,
    Effect.JUDGE: _Maker.judged,
}
