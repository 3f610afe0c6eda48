"""Mapping tables: what a partner calls our SKUs, locations, units, reasons and statuses, applied
to events.

A table without rows leaves names as they are, but for units: without one, the base unit is
known. Rows hold for a time, and the time of the event says which one does. Units have factors, for
one of our SKUs or for all. Files of tables are read by mapping_files.py.

Rules of this file: no input or output, no clock; nothing is rounded.
"""

# No class here ends in Error: each says what happened.
# ruff: noqa: N818

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter
from typing import Any, Final, NamedTuple

from .events import Event, OrderEvent, OrderLine, StockFact

NAMES: Final = ("sku", "item", "location", "reason", "status")
"""The tables that translate names; "unit" is the one that has factors, and "item" the one of what a
channel publishes our SKUs as.
"""
ANY: Final = "*"

#: What partners call the base unit, where no table says how many of those it is: Each, Piece and
#: Unit of X12 (element 355), those of UN/ECE Recommendation 20, older ones and their words. Any
#: other is a number of base units that nobody has named: a case of 12 is not one unit.
BASE_UNITS: Final = frozenset(
    ("", "EA", "PC", "UN", "C62", "H87", "NAR", "PCE", "PCS", "EACH", "PIECE", "UNIT")
)

#: Bytes of a name: those of our names in the core.
NAME_BYTES: Final = 128
#: Digits before or after the point of a factor or a quantity: 10^15 units with room for units of
#: measure. Longer ones are not computed with: 1E+999999999 is eleven characters.
DIGITS: Final = 24


class Unmapped(ValueError):
    """A name or quantity of an event that its table does not translate.

    Like `Undecodable`, it says which field, what it holds and what would be right.
    """

    def __init__(self, field: str, value: str, table: str, expected: str = "") -> None:
        super().__init__(field, value, table, expected)
        self.field = field
        self.name = value[:NAME_BYTES]
        """What the table has to translate."""
        self.value = repr(self.name)
        self.table = table
        self.expected = expected or f"a name in the mapping table {table!r}"

    def __str__(self) -> str:
        return f"{self.field} is {self.value}: expected {self.expected}"


class Row(NamedTuple):
    """What a name stands for, from when until when."""

    ours: str
    factor: Fraction
    since: datetime | None
    until: datetime | None
    file: str
    line: int

    def holds(self, at: datetime | None) -> bool:
        """Whether it holds at a time; of an unknown time, whether it has no end."""
        if at is None:
            return self.until is None
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Tables:
    """Mapping tables, made by `tables`: of each table and (name of theirs, SKU or empty), the rows
    in order of time.
    """

    rows: Mapping[str, Mapping[tuple[str, str], tuple[Row, ...]]] = field(default_factory=dict)

    def ours(self, table: str, theirs: str, at: datetime | None, field: str) -> str:
        """Our name for a name of theirs at a time. Raises `Unmapped` with the field."""
        rows = self.rows.get(table)
        if rows is None:
            return theirs
        row = _holding(rows, (theirs, ""), at) or _holding(rows, (ANY, ""), at)
        if row is None:
            raise Unmapped(field, theirs, table)
        return theirs if row.ours == ANY else row.ours

    def theirs(self, table: str, ours: str, at: datetime | None, field: str) -> str:
        """Their name for a name of ours at a time, the first in the files when there are several.
        Raises `Unmapped` with the field.
        """
        rows = self.rows.get(table)
        if rows is None:
            return ours
        for (theirs, _), several in rows.items():
            if theirs != ANY and any(each.ours == ours and each.holds(at) for each in several):
                return theirs
        row = _holding(rows, (ANY, ""), at)
        if row is None or row.ours != ANY:
            raise Unmapped(field, ours, table)
        return ours

    def factor(self, unit: str, sku: str, at: datetime | None, field: str) -> Fraction:
        """Base units of a SKU in one unit at a time. Raises `Unmapped` with the field."""
        rows = self.rows.get("unit", {})
        if not rows and unit.upper() in BASE_UNITS:
            return _ONE
        row = _holding(rows, (unit, sku), at) or _holding(rows, (unit, ""), at)
        if row is None and unit:
            row = _holding(rows, (ANY, sku), at) or _holding(rows, (ANY, ""), at)
        if row is None and unit:
            raise Unmapped(field, unit, "unit")
        return row.factor if row else _ONE


_ONE: Final = Fraction(1)
_NONE: Final = Decimal(0)


def apply(event: Event, tables: Tables, received: datetime | None = None) -> Event:
    """An event in our names and in base units: its quantities are whole, its units empty.

    Rows hold at the time of the event, or when it was received if it has none. Raises `Unmapped`.
    """
    at = event.time or received
    match event:
        case StockFact():
            return _fact(event, tables, at)
        case OrderEvent():
            lines = [
                _line(each, tables, at, f"lines[{place}].")
                for place, each in enumerate(event.lines)
            ]
            reason = _unless_empty(tables, "reason", event.reason, at, "reason")
            return replace(event, lines=tuple(lines), reason=reason)
        case _:
            return event


def _fact(fact: StockFact, tables: Tables, at: datetime | None) -> StockFact:
    sku = tables.ours("sku", fact.sku, at, "sku")
    factor = tables.factor(fact.unit, sku, at, "unit")
    ours = (
        sku,
        tables.ours("location", fact.location, at, "location"),
        _unless_empty(tables, "location", fact.to_location, at, "to_location"),
        _base_units(fact.quantity, factor, fact.unit, "quantity"),
        _base_units(fact.picked_quantity, factor, fact.unit, "picked_quantity"),
        "",
        _unless_empty(tables, "status", fact.from_status, at, "from_status"),
        _unless_empty(tables, "status", fact.to_status, at, "to_status"),
        _unless_empty(tables, "reason", fact.reason, at, "reason"),
    )
    # To copy a fact takes longer than all that is looked up for it, and many stay as they are.
    if _mapped_of(fact) == ours:
        return fact
    changes: dict[str, Any] = dict(zip(_MAPPED, ours, strict=True))
    return replace(fact, **changes)


_MAPPED: Final = (
    *("sku", "location", "to_location", "quantity", "picked_quantity", "unit"),
    *("from_status", "to_status", "reason"),
)
_mapped_of: Final = attrgetter(*_MAPPED)


def _line(line: OrderLine, tables: Tables, at: datetime | None, path: str) -> OrderLine:
    sku = tables.ours("sku", line.sku, at, f"{path}sku")
    factor = tables.factor(line.unit, sku, at, f"{path}unit")
    return OrderLine(
        id=line.id,
        sku=sku,
        location=_unless_empty(tables, "location", line.location, at, f"{path}location"),
        quantity=_base_units(line.quantity, factor, line.unit, f"{path}quantity"),
        shipped=_base_units(line.shipped, factor, line.unit, f"{path}shipped"),
        cancelled=_base_units(line.cancelled, factor, line.unit, f"{path}cancelled"),
    )


def _unless_empty(tables: Tables, table: str, name: str, at: datetime | None, field: str) -> str:
    return tables.ours(table, name, at, field) if name else ""


def _holding(
    rows: Mapping[tuple[str, str], tuple[Row, ...]], key: tuple[str, str], at: datetime | None
) -> Row | None:
    """The row of a name at a time. Most names have one row."""
    return next((each for each in rows.get(key, ()) if each.holds(at)), None)


def _base_units(quantity: Decimal, factor: Fraction, unit: str, field: str) -> Decimal:
    """A quantity in base units, which are whole."""
    if not quantity:
        return _NONE
    _, digits, exponent = quantity.as_tuple()
    if not isinstance(exponent, int) or not (
        exponent >= -DIGITS and len(digits) + exponent <= DIGITS
    ):
        wanted = f"a number of up to {DIGITS} digits before and after the point"
        raise Unmapped(field, str(quantity), "unit", wanted)
    if factor is _ONE and not exponent:
        return quantity
    numerator, denominator = quantity.as_integer_ratio()
    units, rest = divmod(numerator * factor.numerator, denominator * factor.denominator)
    if rest:
        wanted = f"whole base units, {factor} to one of the unit {unit!r} in the table 'unit'"
        raise Unmapped(field, str(quantity), "unit", wanted)
    return Decimal(units)
