"""The lines of a POSLog receipt that concern stock, once what was voided is taken off.

A line with VoidFlag is one of two things. Tills of the NCR sample write a line of the opposite
quantity after the line that it voids, which stays as it was; there the two take each other off.
Others set the flag on the line itself, which then has no effect.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from xml.etree.ElementTree import Element

from ..contract import Undecodable
from ..events import Ignored
from . import fields
from .poslog_receipts import Children, number_of
from .xml_records import children, local, text_of

#: What lines of these names are counted as; none concerns stock. A reward repeats item ids.
_NO_STOCK: Final[Mapping[str, str]] = {
    "Tax": "tax",
    "Tender": "tender",
    "LoyaltyReward": "loyalty",
    "Discount": "discount",
}
_YES: Final = frozenset(("true", "1"))


@dataclass(slots=True)
class Line:
    """A line that sells units, or with a quantity below 0 takes them back."""

    number: str
    sku: str
    quantity: Decimal
    unit: str
    element: Element
    """Sale or Return."""
    path: str
    parts: Children = field(default_factory=dict)


def lines_of(retail: Element, path: str, options: Any) -> tuple[list[Line], list[Ignored]]:
    """The lines that have an effect, and what was ignored."""
    kept: list[Line] = []
    ignored: list[Ignored] = []
    numbers: set[str] = set()
    for at, (item, parts) in enumerate(_line_items(retail), 1):
        where = f"{path}.LineItem[{at}]"
        line = _line(item, parts, where, options)
        if isinstance(line, Ignored):
            ignored.append(line)
            continue
        if line.number in numbers:
            expected = "a number of its own: an earlier line of the receipt has it"
            raise Undecodable(f"{where}.SequenceNumber", line.number, expected)
        numbers.add(line.number)
        if flag(item, "VoidFlag"):
            _take_off(kept, line)
            ignored.append(Ignored("void"))
        else:
            kept.append(line)
    return [line for line in kept if line.quantity], ignored


def flag(element: Element, name: str) -> bool:
    """Whether an attribute says yes, whatever its namespace."""
    value = element.get(name)
    if value is None and element.keys():
        value = next((text for key, text in element.items() if local(key) == name), None)
    return value is not None and value.strip().lower() in _YES


def _line_items(retail: Element) -> Iterator[tuple[Element, Children]]:
    for element in retail:
        if element.tag.rpartition("}")[2] == "LineItem":
            yield element, children(element)


def _line(item: Element, parts: Children, path: str, options: Any) -> Line | Ignored:
    for name in ("Sale", "Return"):
        if name in parts:
            return _stock_line(item, name, parts, path, options)
    for name, element in parts.items():
        if name in _NO_STOCK:
            return Ignored(_NO_STOCK[name])
        below = children(element)
        if "Quantity" in below and ("ItemID" in below or "POSIdentity" in below):
            raise Undecodable(path, name, "Sale or Return where a quantity of an item moves")
    return Ignored("line_without_stock")


def _stock_line(
    item: Element, name: str, parts: Children, path: str, options: Any
) -> Line | Ignored:
    element = parts[name]
    where = f"{path}.{name}"
    below = children(element)
    kind = element.get("ItemType", "Stock")
    if kind not in options.stock_item_types:
        return Ignored("not_stock")
    sku = _sku(below, where)
    if sku is None:
        return Ignored("price_only")
    quantity = _quantity(element, below, f"{where}.Quantity")
    if not quantity:
        return Ignored("price_only")
    return Line(
        number=number_of(parts, "SequenceNumber", path),
        sku=sku,
        quantity=-abs(quantity) if name == "Return" else quantity,
        unit=_unit(item, below["Quantity"], options),
        element=element,
        path=where,
        parts=below,
    )


def _quantity(element: Element, below: Children, path: str) -> Decimal:
    """The quantity of a line. Raises `Undecodable` also where it says two, such as pieces and a
    weight.
    """
    found = below.get("Quantity")
    if found is not None and len(found):
        raise Undecodable(path, text_of(found), "a decimal, and no elements in it")
    if len(element) > len(below):  # something is there twice
        several = [each for each in element if local(each.tag) == "Quantity"]
        said = {(text_of(each), each.get("UnitOfMeasureCode", "")) for each in several}
        if len(said) > 1:
            raise Undecodable(path, sorted(said), "one quantity")
    return fields.decimal(text_of(found), path)


def _sku(below: Children, path: str) -> str | None:
    """The item of a line; None of one that has a price alone, as a department key rings it up."""
    identity = below.get("POSIdentity")
    if identity is not None and identity.get("POSIDType") == "Department":
        return None
    text = text_of(below.get("ItemID"))
    if not text and identity is not None:
        text = text_of(children(identity).get("POSItemID"))
    if not text and "Quantity" not in below:
        return None
    return fields.text(text, f"{path}.ItemID")


def _unit(item: Element, quantity: Element, options: Any) -> str:
    """The unit of a quantity. Tills of the NCR sample flag a weighed item and name no unit."""
    unit = quantity.get("UnitOfMeasureCode", "")
    if not unit and flag(item, "weightItem"):
        return str(options.weight_unit)
    return unit


def _take_off(kept: list[Line], void: Line) -> None:
    """Takes a voided line off the lines before it that it undoes, the last of them first. One that
    undoes none was voided itself.
    """
    same = [line for line in kept if line.sku == void.sku and line.quantity * void.quantity < 0]
    exact = [line for line in same if line.quantity == -void.quantity]
    left = void.quantity
    for line in exact[-1:] or reversed(same):
        taken = max(left, -line.quantity) if left < 0 else min(left, -line.quantity)
        line.quantity += taken
        left -= taken
    if same and left:
        expected = f"a quantity that lines of {void.sku} before it have"
        raise Undecodable(f"{void.path}.Quantity", void.quantity, expected)
