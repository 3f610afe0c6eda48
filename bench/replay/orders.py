"""Retail orders as events: read from a file shaped like UCI Online Retail, or generated.

Both sources give the same four events in order of time: an ``Invoice`` (goods sold), a ``Return``
(goods back), a ``WriteOff`` (goods gone) and a ``Found`` (goods that turned up). The rules:

- Every row of a file is counted exactly once in its ``Tally``: as one kind of event, or as skipped.
- Nothing is repaired. A value that cannot be right stops the reading with row, column and value.
- Stock codes stay as written: ``85123a`` and ``85123A`` are two SKUs, though the file mostly gives
  them one name. Folding them would need a rule that the file does not state.
- A row repeated within an invoice is a line of its own.
- Times are local to the shop, without a zone, as the file has them.

Knows nothing of locations, stock or the server; `derived_stock.py` adds the first two.
"""

import csv
import gzip
import math
import re
import sys
import zlib
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from statistics import NormalDist
from typing import Final, NamedTuple, TextIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

COLUMNS: Final = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
)

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
RETURN_PREFIX: Final = "C"

# Rows of one invoice are at most a minute apart in the real year (43 invoices span two minutes, one
# of them is interleaved with its neighbour). Five leaves room, and keeps few invoices open at once.
INVOICE_GAP_MAX: Final = timedelta(minutes=5)

# Nine digits: far beyond the largest real line (80,995), and 9 billion of them still sum in int64.
_QUANTITY = re.compile(r"-?[0-9]{1,9}")
_INVOICE_NO = re.compile(r"[CA]?[0-9]+")
_INVOICE_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)


class OrderFileError(ValueError):
    """The file cannot be read as orders; the message says where and what would be right."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A quantity of one SKU; always above zero, the event says in which direction it moves."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """Goods sold together: wanted whole, so either every line is served or none."""

    number: str
    at: datetime
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, slots=True)
class Return:
    """Goods that came back. Which invoice they were sold on is not known."""

    number: str
    at: datetime
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, slots=True)
class WriteOff:
    """Goods that left the stock unsold; the reason is free text and often empty."""

    number: str
    at: datetime
    line: OrderLine
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """Goods that a check turned up; the reason is free text and often empty."""

    number: str
    at: datetime
    line: OrderLine
    reason: str


OrderEvent: TypeAlias = Invoice | Return | WriteOff | Found


class RowKind(StrEnum):
    """What a row of the file is."""

    SALE = "sale"
    RETURN = "return"
    WRITE_OFF = "write_off"
    FOUND = "found"
    SKIPPED = "skipped"


@dataclass(slots=True)
class Tally:
    """What became of the rows of a file; complete once the reading has ended."""

    rows: int = 0  # rows read, without the header
    kept: Counter[RowKind] = field(default_factory=Counter)  # rows that are part of an event
    skipped: Counter[str] = field(default_factory=Counter)  # rows that move no goods, by reason
    empty_invoices: int = 0  # invoice numbers all of whose rows were skipped

    def accounted(self) -> int:
        """Rows that ended in a category: equal to ``rows`` at the end."""
        return self.kept.total() + self.skipped.total()


def read_orders(path: Path, tally: Tally | None = None) -> Iterator[OrderEvent]:
    """Events of a ``.csv`` or ``.csv.gz`` file, ordered by the first row of their invoice."""
    desk = _Desk(Tally() if tally is None else tally)
    for row in _rows(path):
        if row.at != desk.now:
            yield from desk.advance(row)
        desk.add(row)
    yield from desk.close()


class _Row(NamedTuple):
    row_number: int
    invoice: str
    sku: str
    description: str
    quantity: int
    at: datetime
    price: float
    has_customer: bool


@dataclass(slots=True)
class _OpenInvoice:
    rows: list[_Row]
    last_at: datetime


class _Desk:
    """Gathers the rows of each invoice until no more can follow, then makes events of them."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._open: dict[str, _OpenInvoice] = {}  # in the order of the first row
        self._closed: set[str] = set()
        self.now: datetime | None = None

    def add(self, row: _Row) -> None:
        self._tally.rows += 1
        invoice = self._open.get(row.invoice)
        if invoice is not None:
            invoice.rows.append(row)
            invoice.last_at = row.at
            return
        if row.invoice in self._closed:
            raise _wrong(row.row_number, "InvoiceNo", row.invoice, _CLOSED_WANTED)
        self._open[row.invoice] = _OpenInvoice([row], row.at)

    def close(self) -> Iterator[OrderEvent]:
        for invoice in self._open.values():
            yield from self._finish(invoice.rows)
        self._open.clear()

    def advance(self, row: _Row) -> Iterator[OrderEvent]:
        """Move to the time of the row, and finish from the front what can get no more rows."""
        if self.now is not None and row.at < self.now:
            raise _wrong(row.row_number, "InvoiceDate", str(row.at), f"{self.now} or later")
        self.now = row.at
        while self._open:
            number, oldest = next(iter(self._open.items()))
            if row.at - oldest.last_at <= INVOICE_GAP_MAX:
                return
            del self._open[number]
            self._closed.add(number)
            yield from self._finish(oldest.rows)

    def _finish(self, rows: list[_Row]) -> Iterator[OrderEvent]:
        by_kind: defaultdict[RowKind, list[_Row]] = defaultdict(list)
        for row in rows:
            by_kind[_kind(row, alone=len(rows) == 1)].append(row)
        skipped = by_kind.pop(RowKind.SKIPPED, [])
        self._tally.kept.update({kind: len(kept) for kind, kept in by_kind.items()})
        self._tally.skipped.update(_skip_reason(row.invoice, row.sku) for row in skipped)
        self._tally.empty_invoices += not by_kind
        yield from _events(rows[0].invoice, rows[0].at, by_kind)


def _events(
    number: str, at: datetime, by_kind: defaultdict[RowKind, list[_Row]]
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


def _line(row: _Row) -> OrderLine:
    return OrderLine(row.sku, abs(row.quantity))


def _kind(row: _Row, *, alone: bool) -> RowKind:
    """What a row is, given whether it is the only one of its invoice.

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


# Reading. Rows are numbered as a spreadsheet shows them: the header is row 1.

_CLOSED_WANTED: Final = (
    f"the rows of an invoice within {INVOICE_GAP_MAX.seconds // 60} minutes of each other"
)


def _rows(path: Path) -> Iterator[_Row]:
    row_number = 0
    try:
        with _open_text(path) as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            pick = _picker(header)
            for row_number, fields in enumerate(reader, start=2):
                if len(fields) != len(header):
                    message = f"row {row_number}: {len(fields)} fields; expected {len(header)}"
                    raise OrderFileError(f"{message}, as in the header")
                yield _row(row_number, pick(fields))
    except (csv.Error, UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        wanted = "a whole UTF-8 CSV file, standard quoting, gzip if named .gz"
        message = f"{path.name}, after row {row_number}: {error}; expected {wanted}"
        raise OrderFileError(message) from error


def _open_text(path: Path) -> TextIO:
    # utf-8-sig: a file saved from a spreadsheet starts with a mark that is not part of the header.
    if path.name.endswith(".csv.gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    if path.name.endswith(".csv"):
        return path.open(encoding="utf-8-sig", newline="")
    raise OrderFileError(f"{path.name}: expected a file name ending in .csv or .csv.gz")


def _picker(header: list[str]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """What takes the fields of ``COLUMNS`` out of a row, wherever the file has them."""
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        found = f"found {', '.join(header)}" if header else "the file is empty"
        message = f"row 1: no column {', '.join(missing)}; expected {', '.join(COLUMNS)}; {found}"
        raise OrderFileError(message)
    return itemgetter(*(header.index(name) for name in COLUMNS))


def _row(row_number: int, fields: tuple[str, ...]) -> _Row:
    invoice, sku, description, quantity_text, at_text, price_text, customer = fields
    if not _is_invoice_number(invoice):
        raise _wrong(row_number, "InvoiceNo", invoice, "digits, or C or A and digits")
    if not sku:
        raise _wrong(row_number, "StockCode", sku, "a stock code")
    quantity = _quantity(quantity_text)
    if not quantity:
        raise _wrong(row_number, "Quantity", quantity_text, "a whole number up to 9 digits, not 0")
    at = _time(at_text)
    if at is None:
        raise _wrong(row_number, "InvoiceDate", at_text, "a time like 2010-12-01 08:26:00")
    price = _price(price_text)
    if price is None:
        raise _wrong(row_number, "UnitPrice", price_text, "a number like 2.55")
    _check_sign(row_number, invoice, quantity, price)
    # Interned, because four thousand codes are named half a million times.
    sku = sys.intern(sku)
    return _Row(row_number, invoice, sku, description.strip(), quantity, at, price, bool(customer))


def _check_sign(row_number: int, invoice: str, quantity: int, price: float) -> None:
    if invoice.startswith(RETURN_PREFIX):
        if quantity > 0:
            raise _wrong(row_number, "Quantity", str(quantity), f"less than 0 on {invoice}")
        return
    if quantity < 0 and price != 0:
        wanted = f"more than 0 on {invoice}, or a C invoice (return), or UnitPrice 0 (write-off)"
        raise _wrong(row_number, "Quantity", str(quantity), wanted)


# Each value is parsed once while it repeats: neighbouring rows share number and minute, and the
# real year has 722 quantities and 1,630 prices.


@lru_cache(maxsize=4)
def _is_invoice_number(text: str) -> bool:
    return _INVOICE_NO.fullmatch(text) is not None


@lru_cache(maxsize=4_096)
def _quantity(text: str) -> int | None:
    return int(text) if _QUANTITY.fullmatch(text) else None


@lru_cache(maxsize=4)
def _time(text: str) -> datetime | None:
    if not _INVOICE_DATE.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


@lru_cache(maxsize=4_096)
def _price(text: str) -> float | None:
    try:
        price = float(text)
    except ValueError:
        return None
    return price if math.isfinite(price) else None


def _wrong(row_number: int, column: str, value: str, wanted: str) -> OrderFileError:
    return OrderFileError(f"row {row_number}, column {column}: {value!r}; expected {wanted}")


# Generating. Beside each parameter stands what was measured on goods in the real year.

INVOICES_DEFAULT: Final = 2_000  # about 55,000 lines, a tenth of the real year
SEED_DEFAULT: Final = 1
SKU_COUNT: Final = 3_900  # 3,901 SKUs sold
# Popularity: weights spread like a lognormal. At 1.2 the top 1 / 10 / 20 / 50 % of the SKUs get
# 11 / 44 / 62 / 88 % of the lines; measured 9 / 44 / 64 / 92 %.
SKU_WEIGHT_SIGMA: Final = 1.2
# Lines of an invoice: lognormal; median 13 and mean 28, measured 15 and 26.7.
LINES_MU, LINES_SIGMA = 2.58, 1.24
LINES_MAX: Final = 1_112  # the largest real invoice of goods
REPEAT_SHARE: Final = 0.02  # 2.0 % of lines name a SKU that their invoice already has
# Quantity of a line and its permille of the lines; the rare large ones are folded into 100 and 500.
# Median 3 and mean 10.0, measured 3 and 10.6.
QUANTITIES: Final = (1, 2, 3, 4, 5, 6, 8, 10, 12, 20, 24, 36, 48, 72, 100, 500)
QUANTITY_PERMILLE: Final = (277, 154, 70, 73, 26, 82, 28, 45, 120, 22, 49, 14, 18, 7, 12, 3)
RETURNS_PER_INVOICE: Final = 0.173  # 3,422 returns on 19,790 invoices
RETURN_LINES_MU, RETURN_LINES_SIGMA = 0.56, 0.73  # mean 2.5 lines, median 1
RETURN_FROM_LAST: Final = 200  # goods come back within some weeks
WRITE_OFFS_PER_INVOICE: Final = 0.067  # 1,324 write-offs
WRITE_OFF_MU, WRITE_OFF_SIGMA = 3.35, 1.78  # median 30 units, mean 156
WRITE_OFF_REASONS: Final = ("", "check", "damages", "thrown away", "?")
FOUND_PER_INVOICE: Final = 0.038  # 748 corrections upwards
FOUND_MU, FOUND_SIGMA = 2.26, 1.80  # median 8 units, mean 68
FOUND_REASONS: Final = ("", "found", "check", "adjustment")
CORRECTION_MAX: Final = 9_600  # the largest write-off
FIRST_NUMBER: Final = 100_001
FIRST_AT: Final = datetime.fromisoformat("2011-01-01 08:00:00")
SPAN: Final = timedelta(days=364)  # spread over a year, whatever the count


def generate_orders(
    seed: int = SEED_DEFAULT, invoices: int = INVOICES_DEFAULT
) -> Iterator[OrderEvent]:
    """Events shaped like the real year; the same seed and count give the same events."""
    shop = _Shop(np.random.default_rng(seed))
    for index in range(invoices):
        at = FIRST_AT + SPAN * index // invoices
        yield from shop.events(at.replace(second=0, microsecond=0))


class _Shop:
    """Draws events one after the other; the order of the draws is part of the result."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._skus = [f"SKU-{index:05d}" for index in range(1, SKU_COUNT + 1)]
        self._sku_shares = _sku_shares()
        self._quantity_shares = np.array(QUANTITY_PERMILLE) / 1_000
        self._sold: deque[Invoice] = deque(maxlen=RETURN_FROM_LAST)
        self._number = FIRST_NUMBER

    def events(self, at: datetime) -> Iterator[OrderEvent]:
        invoice = self._invoice(at)
        self._sold.append(invoice)
        yield invoice
        if self._rng.random() < RETURNS_PER_INVOICE:
            yield self._return(at)
        if self._rng.random() < WRITE_OFFS_PER_INVOICE:
            line = self._correction(WRITE_OFF_MU, WRITE_OFF_SIGMA)
            yield WriteOff(self._next_number(), at, line, self._pick(WRITE_OFF_REASONS))
        if self._rng.random() < FOUND_PER_INVOICE:
            line = self._correction(FOUND_MU, FOUND_SIGMA)
            yield Found(self._next_number(), at, line, self._pick(FOUND_REASONS))

    def _invoice(self, at: datetime) -> Invoice:
        skus = self._some_skus(self._lognormal(LINES_MU, LINES_SIGMA, LINES_MAX))
        repeated = self._rng.random(len(skus)) < REPEAT_SHARE
        skus += [sku for sku, again in zip(skus, repeated.tolist(), strict=True) if again]
        quantities = self._rng.choice(QUANTITIES, size=len(skus), p=self._quantity_shares)
        lines = tuple(map(OrderLine, skus, quantities.tolist()))
        return Invoice(self._next_number(), at, lines)

    def _return(self, at: datetime) -> Return:
        """Some whole lines of a recent invoice."""
        sold = self._sold[int(self._rng.integers(len(self._sold)))].lines
        count = self._lognormal(RETURN_LINES_MU, RETURN_LINES_SIGMA, len(sold))
        chosen = self._rng.choice(len(sold), size=count, replace=False).tolist()
        return Return(RETURN_PREFIX + self._next_number(), at, tuple(sold[i] for i in chosen))

    def _correction(self, mu: float, sigma: float) -> OrderLine:
        return OrderLine(self._some_skus(1)[0], self._lognormal(mu, sigma, CORRECTION_MAX))

    def _some_skus(self, count: int) -> list[str]:
        chosen = self._rng.choice(SKU_COUNT, size=count, replace=False, p=self._sku_shares)
        return [self._skus[index] for index in chosen.tolist()]

    def _lognormal(self, mu: float, sigma: float, at_most: int) -> int:
        return min(max(round(self._rng.lognormal(mu, sigma)), 1), at_most)

    def _pick(self, texts: Sequence[str]) -> str:
        return texts[int(self._rng.integers(len(texts)))]

    def _next_number(self) -> str:
        self._number += 1
        return str(self._number - 1)


def _sku_shares() -> NDArray[np.float64]:
    """The chance of each SKU to be the one on a line, the most popular last."""
    normal = NormalDist(sigma=SKU_WEIGHT_SIGMA)
    ranks = ((index + 0.5) / SKU_COUNT for index in range(SKU_COUNT))
    weights = np.array([math.exp(normal.inv_cdf(rank)) for rank in ranks])
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares
