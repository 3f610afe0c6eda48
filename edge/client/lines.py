"""Lines of reservations, as callers name them and as requests carry them."""

from collections.abc import Iterable
from itertools import chain, repeat
from typing import Any, Final, TypeAlias

from .parameters import each, fields, integer, text

#: SKU, location, and a quantity of units in the SKU's base unit; then your id of the line, if you
#: have one.
Line: TypeAlias = tuple[str, str, int] | tuple[str, str, int, str]

_LINE: Final = "SKU, location and quantity, and a line id if it has one"
_LINES: Final = "an iterable of lines, each SKU, location and quantity"
_INT64_MAX: Final = (1 << 63) - 1


def add_lines(added: Any, lines: Iterable[Line]) -> None:
    """Add lines to a repeated field of ReserveLine or LineQuantity."""
    found = list(each("lines", lines, _LINES))
    checked_lines = _plain(found)
    if checked_lines is None:
        checked_lines = [_judged(f"lines[{position}]", line) for position, line in enumerate(found)]
    for sku, location, quantity, line_id in checked_lines:
        # Field by field: a dict for each line takes a quarter longer.
        line = added.add()
        line.sku = sku
        line.location = location
        line.quantity = quantity
        if line_id:
            line.line_id = line_id


def _plain(lines: list[Line]) -> Iterable[tuple[str, str, int, str]] | None:
    """The lines if all are what most lines are, else None: judging each field by its name takes
    ten times as long.
    """
    if not set(map(type, lines)) <= {tuple, list}:
        return None
    try:
        skus, locations, quantities, *line_ids = zip(*lines, strict=True)
        texts = "".join(chain(skus, locations, *line_ids))
    except (TypeError, ValueError):
        return None
    if (
        len(line_ids) <= 1
        and texts.isascii()
        and {int} == {*map(type, quantities)}
        and 0 <= min(quantities) <= max(quantities) <= _INT64_MAX
    ):
        ids = line_ids[0] if line_ids else repeat("", len(lines))
        return zip(skus, locations, quantities, ids, strict=True)
    return None


def _judged(path: str, line: Line) -> tuple[str, str, int, str]:
    sku, location, quantity, *line_id = fields(path, line, (3, 4), _LINE)
    return (
        text(f"{path}.sku", sku),
        text(f"{path}.location", location),
        integer(f"{path}.quantity", quantity),
        text(f"{path}.line_id", line_id[0]) if line_id else "",
    )
