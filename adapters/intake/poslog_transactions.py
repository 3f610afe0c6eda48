"""What a transaction of a POSLog says, by its kind and status: facts, orders, or nothing.

`poslog` has the table of what becomes of which.
"""

from typing import Final
from xml.etree.ElementTree import Element

from ..contract import Undecodable
from ..events import (
    Decoded,
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
from .poslog_lines import Line, flag, lines_of
from .poslog_options import PoslogOptions
from .poslog_receipts import Children, Link, Receipt, links_of, time_of
from .xml_records import children, local, text_of
from .zones import zone

_FINISHED: Final = frozenset(("", "finished", "completed", "tendered", "delivered"))
_VOIDED: Final = frozenset(("voided", "cancelled", "canceled", "failed"))
_UNSUSPENDED: Final = frozenset(("suspendedretrieved", "suspendeddeleted"))
_POST_VOID: Final = frozenset(("postvoid", "postvoided", "void"))
#: Transactions that concern no stock.
_NO_STOCK: Final = frozenset(("ControlTransaction", "TenderControlTransaction"))


def events_of(
    transaction: Element,
    parts: Children,
    receipt: Receipt | Undecodable,
    path: str,
    options: PoslogOptions,
) -> list[Decoded]:
    """The events of a Transaction with these children. Raises `Undecodable`, also that of its
    receipt where it needs one.
    """
    retail = parts.get("RetailTransaction")
    if flag(transaction, "TrainingModeFlag"):
        return [Ignored("training")]
    if retail is None:
        return _without_sale(parts, path)
    if flag(retail, "TrainingModeFlag"):
        return [Ignored("training")]
    if isinstance(receipt, Undecodable):
        raise receipt
    return _Transaction(transaction, parts, retail, receipt, path, options).events()


def _without_sale(parts: Children, path: str) -> list[Decoded]:
    for name in parts:
        if name in _NO_STOCK:
            return [Ignored("control")]
        if name.endswith("Transaction"):
            expected = "RetailTransaction, ControlTransaction or TenderControlTransaction"
            raise Undecodable(f"{path}.{name}", name, expected)
    raise Undecodable(path, sorted(parts), "a RetailTransaction or a ControlTransaction")


class _Transaction:
    """A transaction of a till, while its events are made."""

    def __init__(
        self,
        transaction: Element,
        parts: Children,
        retail: Element,
        receipt: Receipt,
        path: str,
        options: PoslogOptions,
    ) -> None:
        below = children(retail)
        self.options = options
        self.path = f"{path}.RetailTransaction"
        self.retail = retail
        self.receipt = receipt
        self.source = self.receipt.source(options.source)
        self.name = self.receipt.name(options.source)
        self.id = self.receipt.id
        here = zone(options.time_zones.get(self.receipt.store, options.time_zone))
        self.time = time_of(parts, below, path, here)
        self.actor = text_of(parts.get("OperatorID"))
        self.links = [
            *links_of(transaction, parts, receipt, path),
            *links_of(retail, below, receipt, self.path),
        ]
        self.status = _status(transaction, retail, below)
        if flag(transaction, "CancelFlag"):
            self.status = "cancelled"

    def events(self) -> list[Decoded]:
        """What it says, by its status; and whatever became of it, that what goes on in it is not
        suspended any more.
        """
        freed = [self._let_go(name, at) for at, name in enumerate(self._resumed(), 1)]
        if self.status in _VOIDED:
            return [*freed, Ignored("voided")]
        if not self.options.hold_suspended and self.status in (*_UNSUSPENDED, "suspended"):
            return [Ignored("suspended")]
        if self.status in _UNSUSPENDED:
            return [*freed, self._let_go(self.name, len(freed) + 1)]
        lines, ignored = lines_of(self.retail, self.path, self.options)
        return [*freed, *self._effects(lines), *ignored]

    def _effects(self, lines: list[Line]) -> list[Decoded]:
        """What its lines do."""
        if self.status == "suspended":
            return self._held(lines)
        undone = [link for link in self.links if _word(link.reason) in _POST_VOID]
        if undone or self.status in _POST_VOID:
            return self._undone(lines, undone)
        if self.status not in _FINISHED:
            expected = "Finished, Suspended, Voided, PostVoided or another status of ARTS"
            raise Undecodable(f"{self.path}.TransactionStatus", self.status, expected)
        return [self._sold(line) for line in lines]

    def _resumed(self) -> list[str]:
        """The names of the transactions that go on in this one."""
        if not self.options.hold_suspended:
            return []
        resumed = [link.receipt for link in self.links if _word(link.reason) == "resume"]
        return [receipt.name(self.options.source) for receipt in resumed]

    def _held(self, lines: list[Line]) -> list[Decoded]:
        sold = tuple(self._order_line(line, line.number) for line in lines if line.quantity > 0)
        if not sold:
            return [Ignored("suspended_without_lines")]
        held = OrderEvent(
            source=self.source,
            id=f"{self.id}/held",
            kind=OrderKind.HELD,
            order=self.name,
            lines=sold,
            time=self.time,
            hold=self.options.suspended_hold,
            actor=self.actor,
        )
        return [held]

    def _let_go(self, name: str, at: int) -> Decoded:
        """Frees what is held for a suspended transaction; it may have been reported or not."""
        return OrderEvent(
            source=self.source,
            id=f"{self.id}/resumed/{at}",
            kind=OrderKind.CANCELLED,
            order=name,
            time=self.time,
            reason="resumed",
            actor=self.actor,
        )

    def _undone(self, lines: list[Line], links: list[Link]) -> list[Decoded]:
        """The reversals of a post-void. Its lines repeat those of what it undoes."""
        link = links[0] if links else Link(self.receipt, "", "")
        if lines:
            return [self._reversal(line, link.receipt) for line in lines]
        name = link.receipt.name(self.options.source)
        case = Exceptional(
            source=self.source,
            id=f"{self.id}/post-void",
            kind="post_void_without_lines",
            subject=name,
            text=f"The till voided receipt {name} and does not say what was on it.",
            time=self.time,
        )
        return [case]

    def _reversal(self, line: Line, undone: Receipt) -> Decoded:
        """Undoes a sale or a return; units of an order that were collected are committed again."""
        link = self._link_of(line)
        number = link.line if link and link.line else line.number
        source = undone.source(self.options.source)
        order = self._order_of(line)
        is_return = self._was_return(line, undone, order)
        receipt = Reference("receipt", undone.name(self.options.source), number)
        reversed_event = Reversed(
            event_id=f"{undone.id}/{number}",
            kind=FactKind.RETURN if is_return else FactKind.SALE,
            source="" if source == self.source else source,
        )
        shipped = order and not is_return
        return StockFact(
            source=self.source,
            id=f"{self.id}/{line.number}/post-void",
            kind=FactKind.SHIPMENT_REVERSAL if shipped else FactKind.REVERSAL,
            sku=line.sku,
            location=undone.store,
            quantity=abs(line.quantity),
            unit=line.unit,
            time=self.time,
            reference=self._in_order(line, order) if order else receipt,
            actor=self.actor,
            to_status=self._returned_status(line) if is_return else "",
            reverses=None if shipped else reversed_event,
        )

    def _was_return(self, line: Line, undone: Receipt, order: str) -> bool:
        """Whether the line that is undone took units back. A transaction that was voided itself
        shows its own lines; for one that voids another see `post_void_quantities`.
        """
        if local(line.element.tag) == "Return":
            return True
        how = "repeated" if undone == self.receipt else self.options.post_void_quantities
        if how == "opposite":
            return line.quantity > 0
        return line.quantity < 0 and (how == "repeated" or bool(order))

    def _sold(self, line: Line) -> Decoded:
        order = self._order_of(line)
        if line.quantity < 0:
            return self._returned(line, order)
        if order:
            return self._collected(line, order)
        return StockFact(
            source=self.source,
            id=f"{self.id}/{line.number}",
            kind=FactKind.SALE,
            sku=line.sku,
            location=self.receipt.store,
            quantity=line.quantity,
            unit=line.unit,
            time=self.time,
            reference=Reference("receipt", self.name, line.number),
            actor=self.actor,
        )

    def _returned(self, line: Line, order: str) -> Decoded:
        return StockFact(
            source=self.source,
            id=f"{self.id}/{line.number}",
            kind=FactKind.RETURN,
            sku=line.sku,
            location=self.receipt.store,
            quantity=-line.quantity,
            unit=line.unit,
            time=self.time,
            reference=self._origin_of(line, order),
            reason=text_of(line.parts.get("Reason")) or text_of(line.parts.get("ReasonCode")),
            actor=self.actor,
            to_status=self._returned_status(line),
        )

    def _collected(self, line: Line, order: str) -> Decoded:
        """A line of an order that was held or paid elsewhere leaves through this till."""
        return OrderEvent(
            source=self.source,
            id=f"{self.id}/{line.number}",
            kind=OrderKind.SHIPPED,
            order=order,
            lines=(self._order_line(line, self._in_order(line, order).line),),
            time=self.time,
            actor=self.actor,
        )

    def _order_line(self, line: Line, number: str) -> OrderLine:
        return OrderLine(number, line.sku, self.receipt.store, line.quantity, line.unit)

    def _order_of(self, line: Line) -> str:
        """The reservation that a line names; empty when it names none."""
        return self._named(line, self.options.order_elements)

    def _in_order(self, line: Line, order: str) -> Reference:
        """A line's place in the reservation that it names."""
        named = self._named(line, self.options.order_line_elements)
        return Reference("reservation", order, named)

    def _named(self, line: Line, names: tuple[str, ...]) -> str:
        """What the first of some elements says, in a line or in its link; empty without any."""
        link = line.parts.get("TransactionLink")
        for parts in (line.parts, {} if link is None else children(link)):
            for name in names:
                if name in parts and text_of(parts[name]):
                    return text_of(parts[name])
        return ""

    def _origin_of(self, line: Line, order: str) -> Reference:
        if order:
            return self._in_order(line, order)
        link = self._link_of(line)
        receipt = link.receipt if link else self.receipt
        number = link.line if link else line.number
        return Reference("receipt", receipt.name(self.options.source), number)

    def _link_of(self, line: Line) -> Link | None:
        return next(iter(links_of(line.element, line.parts, self.receipt, line.path)), None)

    def _returned_status(self, line: Line) -> str:
        disposal = line.parts.get("Disposal")
        if disposal is None:
            return self.options.returned_status
        method = disposal.get("Method", "") or text_of(disposal)
        return "" if method in self.options.restocked else method


def _status(transaction: Element, retail: Element, below: Children) -> str:
    """The status of a transaction in lower case; an attribute, or in some files an element."""
    name = "TransactionStatus"
    return _word(retail.get(name) or transaction.get(name) or text_of(below.get(name)))


def _word(text: str) -> str:
    """A word of an enumeration without its vendor's prefix, in lower case."""
    return text.rpartition(":")[2].strip().lower()
