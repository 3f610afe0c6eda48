"""What a POSLog names its transactions by, and when they happened.

A till numbers its transactions; the business date keeps apart numbers that start over, daily or at
the end of their range. A line of a receipt is identified by all four: store, till, date and
number, and its number in the transaction.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import Final
from urllib.parse import quote
from xml.etree.ElementTree import Element

from ..contract import Undecodable
from ..events import Numbered
from . import fields
from .poslog_options import PoslogOptions
from .xml_records import children, local, text_of

Children = dict[str, Element]

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII).match
_PART_CHARACTERS_MAX: Final = 40

#: Tills whose names are kept as sources: those of some hundred stores.
TILLS_MAX: Final = 4_096


@dataclass(frozen=True, slots=True)
class Receipt:
    """What names a transaction."""

    store: str
    till: str
    day: str
    number: str

    def source(self, prefix: str) -> str:
        """The till, as a source of facts."""
        return _source(prefix, self.store, self.till)

    @property
    def id(self) -> str:
        """The transaction among those of its till."""
        return f"{self.day}/{self.number}"

    def name(self, prefix: str) -> str:
        """The transaction among all; what is held for it is held under this name."""
        return f"{self.source(prefix)}/{self.id}"


@dataclass(frozen=True, slots=True)
class Link:
    """Another transaction that one names, and why: "Resume", "Return"."""

    receipt: Receipt
    line: str
    reason: str


def receipt_or_error(parts: Children, path: str) -> Receipt | Undecodable:
    """The receipt that the children of a Transaction name, or why they name none: what concerns no
    stock needs none.
    """
    try:
        return Receipt(
            store=_store(parts, path),
            till=_part(parts, "WorkstationID", path),
            day=_day(parts, path),
            number=number_of(parts, "SequenceNumber", path),
        )
    except Undecodable as error:
        return error


def numbered(receipt: Receipt | Undecodable, options: PoslogOptions) -> Iterator[Numbered]:
    """The number of a transaction, whatever its kind. One that can't be read has none."""
    if isinstance(receipt, Undecodable) or not options.watch_numbers:
        return
    if receipt.number.isdecimal():
        yield Numbered(
            source=receipt.source(options.source),
            date=receipt.day,
            number=int(receipt.number),
            grace=options.numbers_grace,
        )


def links_of(element: Element, parts: Children, own: Receipt, path: str) -> list[Link]:
    """The transactions that an element with these children links to. What a link leaves out is as
    in its own.
    """
    if "TransactionLink" not in parts:
        return []
    return [
        _link(each, own, f"{path}.TransactionLink")
        for each in element
        if local(each.tag) == "TransactionLink"
    ]


def number_of(parts: Children, name: str, path: str) -> str:
    """A number in its shortest form: 00114 and 114 are the same till's transaction."""
    text = _part(parts, name, path)
    return str(int(text)) if text.isascii() and text.isdigit() else text


#: Where the time of a transaction stands, the best first: it counts when it was finished.
_TIMES: Final = ("EndDateTime", "ReceiptDateTime", "PaymentDateTime", "BeginDateTime")


def time_of(parts: Children, retail: Children, path: str, zone: tzinfo | None) -> datetime:
    """When a transaction was finished. A time that names its zone is preferred to one that does
    not; the latter is of `zone`.
    """
    found = {
        name: text_of(parts.get(name) if name in parts else retail.get(name))
        for name in _TIMES
        if name in parts or name in retail
    }
    if not found:
        raise Undecodable(f"{path}.EndDateTime", None, "the time of the transaction")
    for name, text in found.items():
        if text[-1:] in ("Z", "z") or text[-6:-5] in ("+", "-"):
            return fields.instant_or_local(text, f"{path}.{name}", zone)
    name, text = next(iter(found.items()))
    return fields.instant_or_local(text, f"{path}.{name}", zone)


@lru_cache(TILLS_MAX)
def _source(prefix: str, store: str, till: str) -> str:
    return f"{prefix}/{quote(store, safe='')}/{quote(till, safe='')}"


def _store(parts: Children, path: str) -> str:
    unit = parts.get("BusinessUnit")
    if unit is None or "RetailStoreID" in parts:
        return _part(parts, "RetailStoreID", path)
    return _part(children(unit), "UnitID", f"{path}.BusinessUnit")


def _part(parts: Children, name: str, path: str) -> str:
    return fields.text(text_of(parts.get(name)), f"{path}.{name}", _PART_CHARACTERS_MAX)


def _day(parts: Children, path: str) -> str:
    text = _part(parts, "BusinessDayDate", path)
    try:
        return date.fromisoformat(text[:10] if _DAY(text) else "").isoformat()
    except ValueError:
        raise Undecodable(f"{path}.BusinessDayDate", text, "a date such as 2026-11-26") from None


def _link(element: Element, own: Receipt, path: str) -> Link:
    parts = children(element)
    named = "BusinessUnit" in parts or "RetailStoreID" in parts
    receipt = Receipt(
        store=_store(parts, path) if named else own.store,
        till=_part(parts, "WorkstationID", path) if "WorkstationID" in parts else own.till,
        day=_day(parts, path) if "BusinessDayDate" in parts else own.day,
        number=number_of(parts, "SequenceNumber", path),
    )
    line = "LineItemSequenceNumber"
    return Link(
        receipt,
        number_of(parts, line, path) if line in parts else "",
        element.get("ReasonCode", "") or text_of(parts.get("ReasonCode")),
    )
