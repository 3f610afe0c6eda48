"""What orders come to against their derived stock, played in plain Python.

It shares no code with the server, so that a replay through the server can be judged by it. There
are two rules: a fact is applied, and an invoice fits as a whole or not at all.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from .orders import Found, Invoice, OrderEvent, Return, WriteOff
from .warehouses import DerivedStock, Level, StockQuantity, lines_of, location_of


@dataclass(slots=True)
class Expected:
    """What playing a stream in order against its derived stock comes to."""

    invoices_accepted: int = 0
    invoices_refused: int = 0
    lines_accepted: int = 0
    lines_refused: int = 0  # lines of refused invoices, short or not
    lines_short: int = 0  # lines whose own level had too little when their invoice was tried
    units_accepted: int = 0
    units_refused: int = 0
    returns: int = 0
    units_returned: int = 0
    write_offs: int = 0
    units_written_off: int = 0
    finds: int = 0
    units_found: int = 0
    receipts: int = 0
    units_received: int = 0
    units_opening: int = 0
    refused: set[str] = field(default_factory=set)  # numbers of the refused invoices
    on_hand: dict[Level, int] = field(default_factory=dict)  # at the end, by SKU and location

    @property
    def short_share(self) -> float:
        """Short lines among the lines of all invoices."""
        return self.lines_short / max(self.lines_accepted + self.lines_refused, 1)

    @property
    def refused_share(self) -> float:
        """Refused invoices among all invoices."""
        return self.invoices_refused / max(self.invoices_accepted + self.invoices_refused, 1)


def expected_outcome(events: Iterable[OrderEvent], stock: DerivedStock) -> Expected:
    """What the events come to: an invoice that does not fit as a whole is refused as a whole."""
    expected = opened(stock.opening)
    for position, event in enumerate(events):
        for entry in stock.receipts.get(position, ()):
            expected.on_hand[entry.sku, entry.location] += entry.quantity
            expected.receipts += 1
            expected.units_received += entry.quantity
        play(expected, event)
    return expected


def opened(opening: Iterable[StockQuantity]) -> Expected:
    """The outcome before the first event."""
    on_hand = {(entry.sku, entry.location): entry.quantity for entry in opening}
    return Expected(units_opening=sum(on_hand.values()), on_hand=on_hand)


def play(expected: Expected, event: OrderEvent) -> None:
    """Apply one event to an outcome."""
    match event:
        case Invoice():
            _play_invoice(expected, event)
        case Return():
            expected.returns += 1
            expected.units_returned += _apply(expected, event, 1)
        case WriteOff():
            expected.write_offs += 1
            expected.units_written_off += _apply(expected, event, -1)
        case Found():
            expected.finds += 1
            expected.units_found += _apply(expected, event, 1)


def _play_invoice(expected: Expected, invoice: Invoice) -> None:
    wanted: defaultdict[Level, int] = defaultdict(int)
    for line in invoice.lines:
        wanted[line.sku, location_of(invoice.number, line.sku)] += line.quantity
    short = {level[0] for level in wanted if expected.on_hand[level] < wanted[level]}
    units = sum(wanted.values())
    if short:
        expected.invoices_refused += 1
        expected.lines_refused += len(invoice.lines)
        expected.lines_short += sum(line.sku in short for line in invoice.lines)
        expected.units_refused += units
        expected.refused.add(invoice.number)
        return
    expected.invoices_accepted += 1
    expected.lines_accepted += len(invoice.lines)
    expected.units_accepted += units
    for level, quantity in wanted.items():
        expected.on_hand[level] -= quantity


def _apply(expected: Expected, event: OrderEvent, sign: int) -> int:
    """The units of a fact, which are moved."""
    lines = lines_of(event)
    for line in lines:
        expected.on_hand[line.sku, location_of(event.number, line.sku)] += sign * line.quantity
    return sum(line.quantity for line in lines)
