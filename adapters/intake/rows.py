"""Rows of a table: files of comma-separated values, and JSON Lines.

Each row is a stock fact, or an event of an order. Columns bear the names of FIELDS, or those that
the option `columns` gives; `constants` stand in for columns that a partner does not have, so that a
file of counts needs sku, location and quantity alone:

    constants = {kind = "count"}
    columns = {sku = "Artikel", location = "Filiale", quantity = "Bestand", time = "Stand"}

A row without an id of its own has the name of its file and its line for one. A file is cut into
messages of whole rows (`cut`), each with the header of the file and, as the attribute "line", the
number of the line that follows it there: a row has the same id however its file is cut.

Rules of this file: pure. What is kept of a file at a time is bounded, however long its lines are.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from ..contract import Adapter, Message, Undecodable
from ..events import (
    CountBasis,
    Decoded,
    FactKind,
    OrderEvent,
    OrderKind,
    OrderLine,
    Reference,
    Reversed,
    StockFact,
)
from . import fields
from .cutting import cut_lines
from .rows_options import ID_BYTES, KINDS, REQUIRED, Rows
from .rows_text import REPLACED, Cells, csv_rows, iso_of, json_rows, says_utf8, text_of
from .zones import zone

#: Kinds whose quantity may be 0, and those that may be below it.
_FROM_ZERO: Final = {FactKind.COUNT, FactKind.SUPPLY}
_SIGNED: Final = {FactKind.ADJUSTMENT, FactKind.TRANSFER_ADJUSTMENT, FactKind.REVERSAL}
_SEQUENCE_MAX: Final = 2**63 - 1


def cut(blocks: Iterable[bytes], file: str, options: Rows) -> Iterator[Message]:
    """The messages of a file that is read block by block, in UTF-8. Its end ends the last row."""
    header = options.format == "csv"
    for piece in cut_lines(blocks, options.encoding, options.delimiter if header else ""):
        kind = "text/csv" if header else "application/jsonl"
        known = {"file": file, "line": str(piece.line), "content-type": f"{kind}; charset=utf-8"}
        refused = {"refused": piece.refused} if piece.refused else {}
        yield Message(piece.body, known | refused)


def key(message: Message) -> str:
    """A hash of what came, from which file and where in it, and whether its sender says that it is
    UTF-8: what is sent again with that said is no repeat.
    """
    return f"{fields.hash_of(message, 'file', 'line')}{'/utf-8' * says_utf8(message)}"


def decode(message: Message, options: Rows) -> Iterator[Decoded | Undecodable]:
    """The events of the rows of a message. One that is wrong does not hold up the others."""
    given = message.attributes.get("line", "0")
    line = fields.whole(given, "line", 0, _SEQUENCE_MAX)
    if "refused" in message.attributes:
        raise Undecodable(f"line[{line}]", message.body[:80], message.attributes["refused"])
    origin = _Origin(message, options)
    rows = csv_rows if options.format == "csv" else json_rows
    for number, row in rows(text_of(message, options), line, options):
        if isinstance(row, Undecodable):
            yield row
            continue
        try:
            yield _event(_Row(row, number, options), origin)
        except Undecodable as wrong:
            yield wrong


ADAPTER: Final = Adapter(
    name="rows",
    reads="Files of comma-separated values, or JSON Lines, whose columns the options name.",
    dedupe="the id of a row, or else the name of its file and its line",
    order="none, or the column of `sequence`",
    key=key,
    decode=decode,
    cut=cut,
    options=Rows,
)


class _Origin:
    """Where rows come from: who numbers them, and what their ids begin with."""

    def __init__(self, message: Message, options: Rows) -> None:
        self.source = options.source
        self.prefix = message.attributes.get("file", "") or fields.hash_of(message, "line")
        if len(self.prefix.encode(errors="replace")) > ID_BYTES - len(f":{_SEQUENCE_MAX}"):
            self.prefix = hashlib.blake2b(
                self.prefix.encode("utf-8", "replace"), digest_size=16
            ).hexdigest()


class _Row:
    """The values of a row by FIELDS; each is checked when it is asked for."""

    def __init__(self, cells: Cells, number: int, options: Rows) -> None:
        self.number = number
        self.cells = {**options.constants, **cells}
        self._options = options

    def path(self, field: str) -> str:
        """What an error calls a field: its line and its column."""
        return f"line[{self.number}].{self._options.column(field)}"

    def text(self, field: str) -> str:
        value = self.cells.get(field, "").strip()
        if value.isascii() and len(value) <= ID_BYTES:
            return value
        if REPLACED in value:
            raise Undecodable(self.path(field), value, f"a text in {self._options.encoding}")
        return fields.any_text(value, self.path(field))

    def required(self, field: str) -> str:
        value = self.text(field)
        if not value:
            raise Undecodable(self.path(field), value, "a value")
        return value

    def decimal(self, field: str) -> Decimal:
        value = self.text(field)
        if not value and field not in REQUIRED:
            return Decimal(0)
        written = value.removeprefix("+")
        if self._options.decimal_comma:
            if "." in written:
                raise Undecodable(self.path(field), value, "a decimal such as 3 or 0,42")
            written = written.replace(",", ".")
        return fields.decimal(written, self.path(field))

    def whole(self, field: str) -> int:
        value = self.text(field)
        return fields.whole(value, self.path(field), 0, _SEQUENCE_MAX) if value else 0

    def instant(self, field: str) -> datetime | None:
        value = self.text(field)
        if not value:
            return None
        written = iso_of(value, self._options.date_format)
        if written is None:
            wanted = f"a date as {self._options.date_format}, alone or with a time such as 14:05:00"
            raise Undecodable(self.path(field), value, wanted)
        return fields.instant_or_local(written, self.path(field), zone(self._options.time_zone))

    def flag(self, field: str) -> bool:
        value = self.text(field).lower()
        if value not in ("", "0", "1", "false", "true", "no", "yes"):
            raise Undecodable(self.path(field), value, "true or false")
        return value in ("1", "true", "yes")

    def basis(self, field: str) -> CountBasis | None:
        value = self.text(field).lower()
        if value and value not in [*CountBasis]:
            raise Undecodable(self.path(field), value, "shelf or books")
        return CountBasis(value) if value else None

    def kind(self, field: str) -> FactKind | OrderKind:
        value = self.required(field)
        kind = KINDS.get(self._options.kinds.get(value, value.lower()))
        if kind is None:
            known = ", ".join((*self._options.kinds, *KINDS))
            raise Undecodable(self.path(field), value, f"one of {known}")
        return kind


#: Fields of a fact that many rows do not have, and how they are read.
_OPTIONAL: Final[Mapping[str, Callable[[_Row, str], Any]]] = {
    **dict.fromkeys(("unit", "reason", "actor", "correlation_id"), _Row.text),
    **dict.fromkeys(("from_status", "to_status", "to_location"), _Row.text),
    **dict.fromkeys(("sequence", "as_of_sequence"), _Row.whole),
    **dict.fromkeys(("time", "expected_time"), _Row.instant),
    "basis": _Row.basis,
    "picked_quantity": _Row.decimal,
    "takes_promised": _Row.flag,
}


def _event(row: _Row, origin: _Origin) -> StockFact | OrderEvent:
    kind = row.kind("kind")
    quantity = row.decimal("quantity")
    if quantity < 0 and kind not in _SIGNED:
        raise Undecodable(row.path("quantity"), str(quantity), f"at least 0 for a {kind}")
    if quantity == 0 and kind not in _FROM_ZERO:
        raise Undecodable(row.path("quantity"), str(quantity), f"not 0 for a {kind}")
    if isinstance(kind, OrderKind):
        return _order_event(row, kind, quantity, origin)
    return _fact(row, kind, quantity, origin)


def _order_event(row: _Row, kind: OrderKind, quantity: Decimal, origin: _Origin) -> OrderEvent:
    sku, location = row.required("sku"), row.text("location")
    return OrderEvent(
        source=origin.source,
        id=row.text("id") or f"{origin.prefix}:{row.number}",
        kind=kind,
        order=row.required("order"),
        lines=(OrderLine(row.text("line"), sku, location, quantity, row.text("unit")),),
        time=row.instant("time"),
        reason=row.text("reason"),
        actor=row.text("actor"),
        correlation_id=row.text("correlation_id"),
    )


def _fact(row: _Row, kind: FactKind, quantity: Decimal, origin: _Origin) -> StockFact:
    return StockFact(
        source=origin.source,
        id=row.text("id") or f"{origin.prefix}:{row.number}",
        kind=kind,
        sku=row.required("sku"),
        location=row.required("location"),
        quantity=quantity,
        reference=_reference(row),
        reverses=_reversed(row) if kind is FactKind.REVERSAL else None,
        **{field: _OPTIONAL[field](row, field) for field in row.cells if field in _OPTIONAL},
    )


def _reference(row: _Row) -> Reference | None:
    named = row.text("reference")
    if not named:
        return None
    return Reference(row.required("reference_kind"), named, row.text("reference_line"))


def _reversed(row: _Row) -> Reversed:
    kind = row.kind("reverses_kind")
    if isinstance(kind, OrderKind):
        raise Undecodable(row.path("reverses_kind"), kind, "the kind of a stock fact")
    return Reversed(row.required("reverses"), kind)
