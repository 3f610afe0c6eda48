"""Orders from a file shaped like UCI Online Retail, as events in order of time.

- Every row is counted exactly once in the file's ``RowTally``: as one kind of event, or as skipped.
- Nothing is repaired. A value that cannot be right stops the reading with row, column and value.
- Stock codes stay as written: ``85123a`` and ``85123A`` are two SKUs, though the file mostly gives
  them one name. Folding them would need a rule that the file does not state.
- A row repeated within an invoice is a line of its own.
- Times are local to the shop, without a zone, as the file has them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Final

from .order_rows import Row, read_rows, wrong
from .orders import RETURN_PREFIX, Found, Invoice, OrderEvent, OrderLine, Return, WriteOff

# Codes that name no goods on a shelf, and why their rows are skipped.
SKIPPED_CODES: Final = {
    "POST": "postage",
    "DOT": "postage",
    "C2": "postage",
    "M": "manual",
    "m": "manual",
    "D": "discount",
    "S": "samples",
    "B": "bad_debt",
    "PADS": "pads",  # "pads to match all cushions" for 0.001: a note, no item
    "CRUK": "charity",
    "BANK CHARGES": "bank_charges",
    "AMAZONFEE": "marketplace_fee",
}
SKIPPED_PREFIXES: Final = {
    "DCGS": "dotcom_code",  # codes of the web shop, 45 rows in the real year
    "gift_0001_": "gift_card",
}
BAD_DEBT_PREFIX: Final = "A"

# Rows of one invoice are at most a minute apart in the real year (43 invoices span two minutes, one
# of them is interleaved with its neighbour). Five leaves room, and keeps few invoices open at once.
INVOICE_GAP_MAX: Final = timedelta(minutes=5)

_CLOSED_WANTED: Final = (
    f"the rows of an invoice within {INVOICE_GAP_MAX.seconds // 60} minutes of each other"
)


class RowKind(StrEnum):
    """What a row of the file is."""

    SALE = "sale"
    RETURN = "return"
    WRITE_OFF = "write_off"
    FOUND = "found"
    SKIPPED = "skipped"


@dataclass(slots=True)
class RowTally:
    """What became of the rows of a file; complete once the reading has ended."""

    rows: int = 0  # rows read, without the header
    kept: Counter[RowKind] = field(default_factory=Counter)  # rows that are part of an event
    skipped: Counter[str] = field(default_factory=Counter)  # rows that move no goods, by reason
    empty_invoices: int = 0  # invoice numbers all of whose rows were skipped

    def accounted(self) -> int:
        """Rows that ended in a category: equal to ``rows`` at the end."""
        return self.kept.total() + self.skipped.total()


def read_orders(path: Path, tally: RowTally | None = None) -> Iterator[OrderEvent]:
    """Events of a ``.csv`` or ``.csv.gz`` file, ordered by the first row of their invoice."""
    desk = _Desk(RowTally() if tally is None else tally)
    for row in read_rows(path):
        if row.at != desk.now:
            yield from desk.advance(row)
        desk.add(row)
    yield from desk.close()


@dataclass(slots=True)
class _OpenInvoice:
    rows: list[Row]
    last_at: datetime


class _Desk:
    """Gathers the rows of each invoice until no more can follow, then makes events of them."""

    def __init__(self, tally: RowTally) -> None:
        self._tally = tally
        self._open: dict[str, _OpenInvoice] = {}  # in the order of the first row
        self._closed: set[str] = set()
        self.now: datetime | None = None

    def add(self, row: Row) -> None:
        self._tally.rows += 1
        invoice = self._open.get(row.invoice)
        if invoice is not None:
            invoice.rows.append(row)
            invoice.last_at = row.at
            return
        if row.invoice in self._closed:
            raise wrong(row.row_number, "InvoiceNo", row.invoice, _CLOSED_WANTED)
        self._open[row.invoice] = _OpenInvoice([row], row.at)

    def close(self) -> Iterator[OrderEvent]:
        for invoice in self._open.values():
            yield from self._finish(invoice.rows)
        self._open.clear()

    def advance(self, row: Row) -> Iterator[OrderEvent]:
        """Move to the time of the row, and finish from the front what can get no more rows."""
        if self.now is not None and row.at < self.now:
            raise wrong(row.row_number, "InvoiceDate", str(row.at), f"{self.now} or later")
        self.now = row.at
        while self._open:
            number, oldest = next(iter(self._open.items()))
            if row.at - oldest.last_at <= INVOICE_GAP_MAX:
                return
            del self._open[number]
            self._closed.add(number)
            yield from self._finish(oldest.rows)

    def _finish(self, rows: list[Row]) -> Iterator[OrderEvent]:
        by_kind: defaultdict[RowKind, list[Row]] = defaultdict(list)
        for row in rows:
            by_kind[_kind(row, alone=len(rows) == 1)].append(row)
        skipped = by_kind.pop(RowKind.SKIPPED, [])
        self._tally.kept.update({kind: len(kept) for kind, kept in by_kind.items()})
        self._tally.skipped.update(_skip_reason(row.invoice, row.sku) for row in skipped)
        self._tally.empty_invoices += not by_kind
        yield from _events(rows[0].invoice, rows[0].at, by_kind)


def _events(
    number: str, at: datetime, by_kind: defaultdict[RowKind, list[Row]]
) -> Iterator[OrderEvent]:
    """What the rows of one invoice come to: in a well-kept file, a single event."""
    if sold := by_kind[RowKind.SALE]:
        yield Invoice(number, at, tuple(map(_line, sold)))
    if returned := by_kind[RowKind.RETURN]:
        yield Return(number, at, tuple(map(_line, returned)))
    for row in by_kind[RowKind.WRITE_OFF]:
        yield WriteOff(number, at, _line(row), row.description)
    for row in by_kind[RowKind.FOUND]:
        yield Found(number, at, _line(row), row.description)


def _line(row: Row) -> OrderLine:
    return OrderLine(row.sku, abs(row.quantity))


def _kind(row: Row, *, alone: bool) -> RowKind:
    """What a row is, given whether it stands alone on its invoice.

    Rows above zero that are unpriced and name no customer are of two sorts. Those alone on their
    number (748 of goods: "found", "check", mostly without a word) are corrections upwards, the
    mirror of the write-offs, which are all alone as well. Those among others (380) left the shelf:
    on 9 invoices one row M carries the money for all, elsewhere a few of many lines lack a price.
    Unpriced rows with a customer (33 of goods) are goods given away, and left the shelf too.
    """
    if _skip_reason(row.invoice, row.sku):
        return RowKind.SKIPPED
    if row.invoice.startswith(RETURN_PREFIX):
        return RowKind.RETURN
    if row.quantity < 0:
        return RowKind.WRITE_OFF
    if row.price == 0 and not row.has_customer and alone:
        return RowKind.FOUND
    return RowKind.SALE


@lru_cache(maxsize=8_192)  # twice the codes of the real year
def _code_reason(sku: str) -> str:
    for prefix, reason in SKIPPED_PREFIXES.items():
        if sku.startswith(prefix):
            return reason
    return SKIPPED_CODES.get(sku, "")


def _skip_reason(invoice: str, sku: str) -> str:
    """Why a row moves no goods; empty when it does."""
    return "bad_debt" if invoice.startswith(BAD_DEBT_PREFIX) else _code_reason(sku)
