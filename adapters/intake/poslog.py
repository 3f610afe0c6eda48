"""POSLog XML 2.x to 6: what tills sold and took back.

Sources: the NRF/ARTS (now OMG) POSLog model, read by local element names, since namespaces differ
by version and vendor; the NCR ACS 2.1 sample (kjbreil/poslog, e80afda) and POSLog v6 receipts
(Schmied-IT/go-poslog, 91ef9f0). Both show sales, returns as sales below 0, links, voided lines and
local times; the sample shows control transactions and a resumed transaction. Statuses other than a
finished one, training flags and post-voids are by the ARTS model and were not seen in a real file.

What becomes of a transaction:

- finished: each line a SALE, or a RETURN where the quantity is below 0; a line that names a
  reservation ships it, or returns to it;
- suspended: HELD under its name; resumed, retrieved or deleted: what was held is CANCELLED;
- post-void: a REVERSAL of each line of the transaction that it links to;
- voided before tender, training, control (sign-on, no sale): nothing.

A receipt counts whole or not at all: one that has a line nobody understands is a dead letter, and
those behind it go on.

Facts have no sequence. The core counts numbers of a source one by one, and tells what it misses. A
till numbers transactions, of which some have no fact and some have eighty, and begins anew at the
end of its range: made from (transaction, line), nearly all numbers would be missing, and the gaps
would hide the real ones. Receipts are told apart by their ids; they may come in any order.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final
from xml.etree.ElementTree import Element

from pydantic import BaseModel, ConfigDict, Field

from ..contract import Adapter, Message, Undecodable
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
from .fields import hash_of
from .poslog_lines import Line, flag, lines_of
from .poslog_receipts import Link, Receipt, links_of, receipt_of, time_of
from .verification import Verification, VerificationOption, verify
from .xml_cutting import cut_records
from .xml_records import children, local, records, text_of
from .zones import ZoneName, zone


class PoslogOptions(BaseModel):
    """How tills of one operator write what the model leaves open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verify: VerificationOption = Verification()
    source: str = "pos"
    """What the sources begin with: pos/<store>/<till>."""
    time_zone: ZoneName = ""
    """Of times that tell none."""
    time_zones: dict[str, ZoneName] = Field(default_factory=dict)
    """The same for single stores, by their ids."""
    stock_item_types: tuple[str, ...] = ("Stock",)
    """Item types whose quantities are units of stock. Fees and deposits are of others."""
    weight_unit: str = ""
    """Unit of quantities of weighed items that name none."""
    order_elements: tuple[str, ...] = ("InventoryReservationID", "SpecialOrderNumber")
    """Elements, of a line or its link, that name the reservation it belongs to."""
    restocked: tuple[str, ...] = ("ReturnToStock",)
    """Disposal methods after which returned units are for sale."""
    returned_status: str = ""
    """Status of returned units that tell no disposal; empty when they are for sale."""
    hold_suspended: bool = True
    """Whether units of suspended transactions are held. Not where tills do not tell of those: there
    is nothing to free when one is resumed then.
    """
    suspended_hold: timedelta = timedelta(days=1)
    """How long units of a suspended transaction are held."""


_FINISHED: Final = frozenset(("", "finished", "completed", "tendered", "delivered"))
_VOIDED: Final = frozenset(("voided", "cancelled", "canceled", "failed"))
_UNSUSPENDED: Final = frozenset(("suspendedretrieved", "suspendeddeleted"))
_POST_VOID: Final = frozenset(("postvoid", "postvoided", "void"))
#: Transactions that concern no stock.
_NO_STOCK: Final = frozenset(("ControlTransaction", "TenderControlTransaction"))


def decode(message: Message, options: PoslogOptions) -> Iterator[Decoded | Undecodable]:
    """The events of every transaction, in the order of the file."""
    for at, transaction in enumerate(records(message.body, "POSLog", "Transaction"), 1):
        try:
            yield from _events(transaction, f"Transaction[{at}]", options)
        except Undecodable as wrong:
            yield wrong


def cut(blocks: Iterable[bytes], file: str, _options: PoslogOptions) -> Iterator[Message]:
    """The receipts of a file, each as a message: one that is wrong is a dead letter by itself."""
    for body in cut_records(blocks, "POSLog", "Transaction", file):
        yield Message(body, {"file": file})


def key(message: Message) -> str:
    """A hash of the file. A receipt that comes again in another one is known by its facts' ids."""
    return hash_of(message)


def _events(transaction: Element, path: str, options: PoslogOptions) -> list[Decoded]:
    parts = children(transaction)
    retail = parts.get("RetailTransaction")
    if flag(transaction, "TrainingModeFlag"):
        return [Ignored("training")]
    if retail is None:
        return _without_sale(parts, path)
    if flag(retail, "TrainingModeFlag"):
        return [Ignored("training")]
    decoder = _Transaction(transaction, retail, path, options)
    return decoder.events()


def _without_sale(parts: dict[str, Element], path: str) -> list[Decoded]:
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
        self, transaction: Element, retail: Element, path: str, options: PoslogOptions
    ) -> None:
        parts, below = children(transaction), children(retail)
        self.options = options
        self.path = f"{path}.RetailTransaction"
        self.retail = retail
        self.receipt = receipt_of(parts, path)
        self.source = self.receipt.source(options.source)
        self.name = self.receipt.name(options.source)
        here = zone(options.time_zones.get(self.receipt.store, options.time_zone))
        self.time = time_of(parts, below, path, here)
        self.actor = text_of(parts.get("OperatorID"))
        self.links = [
            *links_of(transaction, self.receipt, path),
            *links_of(retail, self.receipt, self.path),
        ]
        self.status = _status(transaction, retail, below)
        if flag(transaction, "CancelFlag"):
            self.status = "cancelled"

    def events(self) -> list[Decoded]:
        """What it says, by its status."""
        if self.status in _VOIDED:
            return [Ignored("voided")]
        if not self.options.hold_suspended and self.status in (*_UNSUSPENDED, "suspended"):
            return [Ignored("suspended")]
        if self.status in _UNSUSPENDED:
            return [self._let_go(self.name, 1)]
        lines, ignored = lines_of(self.retail, self.path, self.options)
        if self.status == "suspended":
            return [*self._held(lines), *ignored]
        undone = [link for link in self.links if _word(link.reason) in _POST_VOID]
        if undone or self.status in _POST_VOID:
            return [*self._undone(lines, undone), *ignored]
        if self.status not in _FINISHED:
            expected = "Finished, Suspended, Voided, PostVoided or another status of ARTS"
            raise Undecodable(f"{self.path}.TransactionStatus", self.status, expected)
        return [
            *(self._let_go(name, at) for at, name in enumerate(self._resumed(), 1)),
            *(self._sold(line) for line in lines),
            *ignored,
        ]

    def _resumed(self) -> list[str]:
        """The names of the transactions that go on in this one."""
        if not self.options.hold_suspended:
            return []
        resumed = [link.receipt for link in self.links if _word(link.reason) == "resume"]
        return [receipt.name(self.options.source) for receipt in resumed]

    def _held(self, lines: list[Line]) -> list[Decoded]:
        sold = tuple(self._order_line(line) for line in lines if line.quantity > 0)
        if not sold:
            return [Ignored("suspended_without_lines")]
        held = OrderEvent(
            source=self.source,
            id=f"{self.receipt.id}/held",
            kind=OrderKind.HELD,
            order=self.name,
            lines=sold,
            time=self.time,
            hold=self.options.suspended_hold,
            actor=self.actor,
        )
        return [held]

    def _let_go(self, name: str, at: int) -> Decoded:
        """Frees what is held for a suspended transaction; it may have been told or not."""
        return OrderEvent(
            source=self.source,
            id=f"{self.receipt.id}/resumed/{at}",
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
            id=f"{self.receipt.id}/post-void",
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
        is_return = self._was_return(line, undone)
        order = self._order_of(line)
        receipt = Reference("receipt", undone.name(self.options.source), number)
        reversed_event = Reversed(
            event_id=f"{undone.id}/{number}",
            kind=FactKind.RETURN if is_return else FactKind.SALE,
            source="" if source == self.source else source,
        )
        shipped = order and not is_return
        return StockFact(
            source=self.source,
            id=f"{self.receipt.id}/{line.number}/post-void",
            kind=FactKind.SHIPMENT_REVERSAL if shipped else FactKind.REVERSAL,
            sku=line.sku,
            location=undone.store,
            quantity=abs(line.quantity),
            unit=line.unit,
            time=self.time,
            reference=Reference("reservation", order) if order else receipt,
            actor=self.actor,
            to_status=self._returned_status(line) if is_return else "",
            reverses=None if shipped else reversed_event,
        )

    def _was_return(self, line: Line, undone: Receipt) -> bool:
        """Whether the line that is undone took units back. A transaction that was voided itself
        shows its own lines; one that voids another shows what it sold, with either sign.
        """
        return local(line.element.tag) == "Return" or (undone == self.receipt and line.quantity < 0)

    def _sold(self, line: Line) -> Decoded:
        order = self._order_of(line)
        if line.quantity < 0:
            return self._returned(line, order)
        if order:
            return self._collected(line, order)
        return StockFact(
            source=self.source,
            id=f"{self.receipt.id}/{line.number}",
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
            id=f"{self.receipt.id}/{line.number}",
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
            id=f"{self.receipt.id}/{line.number}",
            kind=OrderKind.SHIPPED,
            order=order,
            lines=(self._order_line(line, ""),),
            time=self.time,
            actor=self.actor,
        )

    def _order_line(self, line: Line, number: str | None = None) -> OrderLine:
        number = line.number if number is None else number
        return OrderLine(number, line.sku, self.receipt.store, line.quantity, line.unit)

    def _order_of(self, line: Line) -> str:
        """The reservation that a line names, itself or in its link; empty when it names none."""
        for parts in (line.parts, children(line.parts.get("TransactionLink", line.element))):
            for name in self.options.order_elements:
                if name in parts and text_of(parts[name]):
                    return text_of(parts[name])
        return ""

    def _origin_of(self, line: Line, order: str) -> Reference:
        if order:
            return Reference("reservation", order)
        link = self._link_of(line)
        receipt = link.receipt if link else self.receipt
        number = link.line if link else line.number
        return Reference("receipt", receipt.name(self.options.source), number)

    def _link_of(self, line: Line) -> Link | None:
        return next(iter(links_of(line.element, self.receipt, line.path)), None)

    def _returned_status(self, line: Line) -> str:
        disposal = line.parts.get("Disposal")
        if disposal is None:
            return self.options.returned_status
        method = disposal.get("Method", "") or text_of(disposal)
        return "" if method in self.options.restocked else method


def _status(transaction: Element, retail: Element, below: dict[str, Element]) -> str:
    """The status of a transaction in small letters; an attribute, or in some files an element."""
    name = "TransactionStatus"
    return _word(retail.get(name) or transaction.get(name) or text_of(below.get(name)))


def _word(text: str) -> str:
    """A word of an enumeration without its vendor's prefix, in small letters."""
    return text.rpartition(":")[2].strip().lower()


ADAPTER: Final = Adapter(
    name="poslog",
    reads="Receipts of tills as POSLog XML, 2.x to 6.",
    dedupe="store, till, business date, number of the transaction and of the line",
    order="none: receipts may come in any order, and late",
    key=key,
    decode=decode,
    cut=cut,
    verify=verify,
    options=PoslogOptions,
)
