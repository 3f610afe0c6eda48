"""Rows of a file shaped like UCI Online Retail, each value read and checked.

A value that cannot be right stops the reading with row, column and value. Rows are numbered as a
spreadsheet shows them: the header is row 1.
"""

import csv
import gzip
import math
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from .orders import RETURN_PREFIX

COLUMNS: Final = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
)

# Nine digits: far beyond the largest real line (80,995), and 9 billion of them still sum in int64.
_QUANTITY = re.compile(r"-?[0-9]{1,9}")
_INVOICE_NO = re.compile(r"[CA]?[0-9]+")
_INVOICE_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)


class OrderFileError(ValueError):
    """The file cannot be read as orders; the message says where and what would be right."""


class Row(NamedTuple):
    """One row of the file."""

    row_number: int
    invoice: str
    sku: str
    description: str
    quantity: int
    at: datetime
    price: float
    has_customer: bool


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a ``.csv`` or ``.csv.gz`` file. Raises OrderFileError."""
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


def _row(row_number: int, fields: tuple[str, ...]) -> Row:
    invoice, sku, description, quantity_text, at_text, price_text, customer = fields
    if not _is_invoice_number(invoice):
        raise wrong(row_number, "InvoiceNo", invoice, "digits, or C or A and digits")
    if not sku:
        raise wrong(row_number, "StockCode", sku, "a stock code")
    quantity = _quantity(quantity_text)
    if not quantity:
        raise wrong(row_number, "Quantity", quantity_text, "a whole number up to 9 digits, not 0")
    at = _time(at_text)
    if at is None:
        raise wrong(row_number, "InvoiceDate", at_text, "a time like 2010-12-01 08:26:00")
    price = _price(price_text)
    if price is None:
        raise wrong(row_number, "UnitPrice", price_text, "a number like 2.55")
    _check_sign(row_number, invoice, quantity, price)
    # Interned, because four thousand codes are named half a million times.
    sku = sys.intern(sku)
    return Row(row_number, invoice, sku, description.strip(), quantity, at, price, bool(customer))


def _check_sign(row_number: int, invoice: str, quantity: int, price: float) -> None:
    if invoice.startswith(RETURN_PREFIX):
        if quantity > 0:
            raise wrong(row_number, "Quantity", str(quantity), f"less than 0 on {invoice}")
        return
    if quantity < 0 and price != 0:
        wanted = f"more than 0 on {invoice}, or a C invoice (return), or UnitPrice 0 (write-off)"
        raise wrong(row_number, "Quantity", str(quantity), wanted)


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


def wrong(row_number: int, column: str, value: str, wanted: str) -> OrderFileError:
    """What to raise for a value that cannot be right."""
    return OrderFileError(f"row {row_number}, column {column}: {value!r}; expected {wanted}")
