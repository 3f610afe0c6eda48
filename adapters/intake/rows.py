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

import codecs
import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

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
from .zones import ZoneName, zone

#: What a row can say. `order` and `line` are of events of an order.
FIELDS: Final = (
    *("kind", "sku", "location", "quantity", "unit", "id", "sequence", "time", "reason", "actor"),
    *("reference_kind", "reference", "reference_line", "from_status", "to_status", "to_location"),
    *("as_of_sequence", "basis", "picked_quantity", "expected_time", "takes_promised"),
    *("reverses", "reverses_kind", "correlation_id", "order", "line"),
)
_REQUIRED: Final = ("kind", "sku", "location", "quantity")
_KINDS: Final[Mapping[str, FactKind | OrderKind]] = {
    kind.value: kind for kind in (*FactKind, *OrderKind)
}
#: Kinds whose quantity may be 0, and those that may be below it.
_FROM_ZERO: Final = {FactKind.COUNT, FactKind.SUPPLY}
_SIGNED: Final = {FactKind.ADJUSTMENT, FactKind.TRANSFER_ADJUSTMENT, FactKind.REVERSAL}
_SEQUENCE_MAX: Final = 2**63 - 1
_ID_BYTES: Final = 128
#: What a byte that is not of its encoding is read as.
_REPLACED: Final = "\N{REPLACEMENT CHARACTER}"


class Rows(BaseModel):
    """How the rows of a partner are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(min_length=1, max_length=_ID_BYTES)
    """The source of the facts, whose ids the rows bear."""
    format: Literal["csv", "jsonl"] = "csv"
    columns: Mapping[str, str] = {}
    """Names of columns, by FIELDS; those that are not here bear the name of the field."""
    constants: Mapping[str, str] = {}
    """Values by FIELDS, where there is no column or it is empty."""
    kinds: Mapping[str, str] = {}
    """What the partner's kinds are called here: {"WE" = "receipt"}."""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: str = "utf-8"
    decimal_comma: bool = False
    time_zone: ZoneName = ""
    """The zone of times that bear none: "Europe/Berlin"."""

    @field_validator("columns", "constants")
    @classmethod
    def _of_fields(cls, given: Mapping[str, str]) -> Mapping[str, str]:
        unknown = sorted(set(given) - set(FIELDS))
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not one of {', '.join(FIELDS)}")
        return given

    @field_validator("kinds")
    @classmethod
    def _of_kinds(cls, given: Mapping[str, str]) -> Mapping[str, str]:
        unknown = sorted(set(given.values()) - set(_KINDS))
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not one of {', '.join(_KINDS)}")
        return given

    @field_validator("encoding")
    @classmethod
    def _of_encodings(cls, given: str) -> str:
        try:
            codecs.getincrementaldecoder(given)("replace").decode(b"0", final=True)
        except LookupError:
            raise ValueError("not an encoding; utf-8, cp1252 and utf-16 are") from None
        return codecs.lookup(given).name

    def column(self, field: str) -> str:
        """The name of a field's column."""
        return self.columns.get(field, field)

    @cached_property
    def fields(self) -> Mapping[str, str]:
        """Fields by the names of their columns."""
        return {self.column(field): field for field in FIELDS}


def cut(blocks: Iterable[bytes], file: str, options: Rows) -> Iterator[Message]:
    """The messages of a file that is read block by block, in UTF-8. Its end ends the last row."""
    header = options.format == "csv"
    for piece in cut_lines(blocks, options.encoding, b'"' if header else b"", header):
        kind = "text/csv" if header else "application/jsonl"
        known = {"file": file, "line": str(piece.line), "content-type": f"{kind}; charset=utf-8"}
        refused = {"refused": piece.refused} if piece.refused else {}
        yield Message(piece.body, known | refused)


def key(message: Message) -> str:
    """A hash of what came, from which file, and where in it."""
    return _digest(message)


def decode(message: Message, options: Rows) -> Iterator[Decoded | Undecodable]:
    """The events of the rows of a message. One that is wrong does not hold up the others."""
    told = message.attributes.get("line", "0")
    line = fields.whole(told, "line", 0, _SEQUENCE_MAX)
    if "refused" in message.attributes:
        raise Undecodable(f"line[{line}]", message.body[:80], message.attributes["refused"])
    origin = _Origin(message, options)
    rows = _csv_rows if options.format == "csv" else _json_rows
    for number, row in rows(_text(message, options), line, options):
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


# --- From text to rows -----------------------------------------------------------------------

_Cells = Mapping[str, str]


def _text(message: Message, options: Rows) -> str:
    declared = message.attributes.get("content-type", "").lower()
    encoding = "utf-8" if "charset=utf-8" in declared else options.encoding
    return message.body.decode(encoding, "replace").removeprefix("\ufeff")


def _csv_rows(text: str, line: int, options: Rows) -> Iterator[tuple[int, _Cells | Undecodable]]:
    """Rows with the numbers of their lines; the text begins with the header, and the line behind
    it has the number `line`, or else the next one.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=options.delimiter, strict=True)
    columns = _header(reader, options)
    # The line behind the header is the first of the message, wherever it is in the file.
    offset = line - reader.line_num if line else 1
    while True:
        number = reader.line_num + offset
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, Undecodable(f"line[{number}]", str(error), "comma-separated values")
            continue
        if len(cells) == len(columns):
            named = zip(columns, cells, strict=True)
            yield number, {name: cell for name, cell in named if name and cell}
        elif any(cells):
            wanted = f"{len(columns)} values, as the header has"
            yield number, Undecodable(f"line[{number}]", f"{len(cells)} values", wanted)


def _header(reader: Iterator[list[str]], options: Rows) -> list[str]:
    """For each column the field that it has, empty if none."""
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise Undecodable("header", str(error), "the names of the columns") from None
    wanted = [options.column(name) for name in _REQUIRED if name not in options.constants]
    for name in (*wanted, *options.columns.values()):
        if name not in header:
            raise Undecodable("header", header, f"a column {name!r}")
    for name in map(options.column, FIELDS):
        if header.count(name) > 1:
            raise Undecodable("header", header, f"{name!r} once")
    return [options.fields.get(name, "") for name in header]


def _json_rows(text: str, line: int, options: Rows) -> Iterator[tuple[int, _Cells | Undecodable]]:
    for number, row in enumerate(text.split("\n"), line or 1):
        if row.strip():
            try:
                yield number, _json_row(row, f"line[{number}]", options)
            except Undecodable as wrong:
                yield number, wrong


def _json_row(row: str, path: str, options: Rows) -> _Cells:
    try:
        found = _JSON.decode(row)
    except (ValueError, RecursionError):
        raise Undecodable(path, row, "an object of JSON, each name once") from None
    if not isinstance(found, dict):
        raise Undecodable(path, row, "an object of JSON")
    known = ((options.fields[name], name) for name in found if name in options.fields)
    cells = {field: _cell(found[name], f"{path}.{name}") for field, name in known}
    return {field: cell for field, cell in cells.items() if cell}


def _cell(value: object, field: str) -> str:
    """A value out of JSON as a table has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    raise Undecodable(field, value, "a text, a number, true or false")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _not_a_number(_constant: str) -> str:
    raise ValueError


#: Numbers stay as they are written: 0.42 is a decimal.
_JSON: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=str, parse_int=str, parse_constant=_not_a_number
)


# --- From rows to events ---------------------------------------------------------------------


class _Origin:
    """Where rows come from: who numbers them, and what their ids begin with."""

    def __init__(self, message: Message, options: Rows) -> None:
        self.source = options.source
        self.prefix = message.attributes.get("file", "") or _digest(message)
        if len(self.prefix.encode(errors="replace")) > _ID_BYTES - len(f":{_SEQUENCE_MAX}"):
            self.prefix = hashlib.blake2b(
                self.prefix.encode("utf-8", "replace"), digest_size=16
            ).hexdigest()


class _Row:
    """The values of a row by FIELDS; each is checked when it is asked for."""

    def __init__(self, cells: _Cells, number: int, options: Rows) -> None:
        self.number = number
        self.cells = {**options.constants, **cells}
        self._options = options

    def path(self, field: str) -> str:
        """What an error calls a field: its line and its column."""
        return f"line[{self.number}].{self._options.column(field)}"

    def text(self, field: str) -> str:
        value = self.cells.get(field, "").strip()
        if value.isascii() and len(value) <= _ID_BYTES:
            return value
        if _REPLACED in value:
            raise Undecodable(self.path(field), value, f"a text in {self._options.encoding}")
        return fields.any_text(value, self.path(field))

    def required(self, field: str) -> str:
        value = self.text(field)
        if not value:
            raise Undecodable(self.path(field), value, "a value")
        return value

    def decimal(self, field: str) -> Decimal:
        value = self.text(field)
        if not value and field not in _REQUIRED:
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
        return fields.instant_or_local(value, self.path(field), zone(self._options.time_zone))

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
        kind = _KINDS.get(self._options.kinds.get(value, value.lower()))
        if kind is None:
            known = ", ".join((*self._options.kinds, *_KINDS))
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


def _digest(message: Message) -> str:
    known = [message.attributes.get(name, "") for name in ("file", "line")]
    digest = hashlib.blake2b(message.body, digest_size=16)
    digest.update("\0".join(["", *known]).encode(errors="surrogatepass"))
    return digest.hexdigest()
