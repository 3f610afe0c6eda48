"""Goods movements of SAP: what their types mean for stock, however they come.

Source: the movement types of SAP's inventory management as its documentation and teaching material
list them; a type of one's own (Z01, 901) is mapped to one of these by the option `movements`. The
type after one (102 after 101) takes it back. None of this was run against an SAP system.

Rules of this file: pure.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from ..contract import Undecodable
from ..events import Decoded, FactKind, Ignored, Reference, StockFact
from ..intake.zones import ZoneName

_DECIMAL: Final = re.compile(r"[0-9]{1,16}(\.[0-9]{0,9})?")


class SapOptions(BaseModel):
    """What is particular to an SAP system."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    location: Literal["plant_and_storage", "plant"] = "plant_and_storage"
    """Whether a location is "1710/171A" or "1710"; moves inside one are left out."""
    movements: Mapping[str, str] = {}
    """Types of movements by those that they are like: {"Z01": "101"}; "ignored" leaves one out."""
    orders: Literal["supply", "reservations"] = "supply"
    """What an IDoc ORDERS is: a purchase order, which brings supply, or an order of a customer."""
    deliveries: Literal["issued", "all"] = "issued"
    """Whether an IDoc DELVRY reports goods that have left when it says so (E1EDT13 006), or
    whatever it says. SHPCON and DESADV report goods that have left.
    """
    system: str = "sap"
    """What the system is called where it does not say so by itself: in OData."""
    strips_zeros: bool = True
    """Whether numbers of documents and items lose their leading zeros, which the ways that they
    come by do not agree on.
    """
    time_zone: ZoneName = ""
    """The zone of dates and times; UTC if it is empty."""


class _Meaning(NamedTuple):
    kind: FactKind
    sign: int = 1
    from_status: str = ""
    to_status: str = ""


_RECEIPT: Final = _Meaning(FactKind.RECEIPT)
_LESS: Final = _Meaning(FactKind.ADJUSTMENT, -1)
_MORE: Final = _Meaning(FactKind.ADJUSTMENT)
_QUALITY: Final = "quality_control"
_BLOCKED: Final = "blocked"

_MEANINGS: Final[Mapping[str, _Meaning]] = {
    "101": _RECEIPT,  # for a purchase order
    "501": _RECEIPT,  # without one
    "561": _MORE,  # initial stock
    **dict.fromkeys(("201", "221", "241", "261", "281", "291"), _LESS),  # consumption
    "551": _LESS,  # scrap
    "601": _Meaning(FactKind.GOODS_ISSUE),
    "651": _Meaning(FactKind.RETURN, to_status="returns"),
    "653": _Meaning(FactKind.RETURN),
    "655": _Meaning(FactKind.RETURN, to_status=_QUALITY),
    "657": _Meaning(FactKind.RETURN, to_status=_BLOCKED),
    "701": _MORE,  # found by a count
    "702": _LESS,  # missed by a count
    "321": _Meaning(FactKind.STATUS_CHANGE, from_status=_QUALITY),
    "322": _Meaning(FactKind.STATUS_CHANGE, to_status=_QUALITY),
    "343": _Meaning(FactKind.STATUS_CHANGE, from_status=_BLOCKED),
    "344": _Meaning(FactKind.STATUS_CHANGE, to_status=_BLOCKED),
    "349": _Meaning(FactKind.STATUS_CHANGE, from_status=_BLOCKED, to_status=_QUALITY),
    "350": _Meaning(FactKind.STATUS_CHANGE, from_status=_QUALITY, to_status=_BLOCKED),
}
#: Movements between locations: in one step, the first of two, the second of two.
_ONE_STEP: Final = ("301", "311")
_LEAVES: Final = ("303", "313", "351", "641")
_ARRIVES: Final = ("305", "315")
#: Those whose taking back is a movement of the same kind with the other sign.
_TAKEN_BACK: Final = {
    str(int(kind) + 1): kind
    for kind in ("101", "501", "561", "201", "221", "241", "261", "281", "291", "551", "601")
} | {"652": "651", "654": "653", "656": "655", "658": "657"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """An item of a material document, in the words of SAP."""

    source: str
    id: str
    path: str
    """What an error calls the item."""
    names: Mapping[str, str]
    """What it calls its fields here: {"quantity": "ENTRY_QNT"}."""
    type: str
    material: str
    plant: str
    storage: str
    to_plant: str
    to_storage: str
    quantity: str
    unit: str
    order: str = ""
    order_item: str = ""
    purchase_order: str = ""
    purchase_order_item: str = ""
    document: str = ""
    """The document that it belongs to: a delivery note, or the material document."""
    time: datetime | None = None

    def wrong(self, field: str, value: object, expected: str) -> Undecodable:
        """What is wrong with a field."""
        return Undecodable(f"{self.path}.{self.names.get(field, field)}", value, expected)


def number(text: str, options: SapOptions) -> str:
    """The number of a document or an item."""
    is_padded = options.strips_zeros and text.isascii() and text.isdigit()
    return text.lstrip("0") or "0" if is_padded else text


def amount(moved: Movement) -> Decimal:
    """The quantity of a movement, which has no sign. Raises `Undecodable`."""
    if not _DECIMAL.fullmatch(moved.quantity):
        raise moved.wrong("quantity", moved.quantity, "a decimal such as 3.000")
    return Decimal(moved.quantity)


def location(plant: str, storage: str, options: SapOptions) -> str:
    """The name of a location."""
    return plant if options.location == "plant" or not storage else f"{plant}/{storage}"


def facts(moved: Movement, options: SapOptions) -> Iterator[Decoded]:
    """What a movement says: a fact, two for a transfer in one step, or nothing that concerns us."""
    kind = options.movements.get(moved.type, moved.type)
    if kind == "ignored":
        yield Ignored(f"movement_{moved.type[:8]}")
        return
    if not moved.material or not moved.plant:
        field = "plant" if moved.material else "material"
        raise moved.wrong(field, "", "a value")
    units = amount(moved)
    if not units:
        yield Ignored("no_quantity")
    elif kind in (*_ONE_STEP, *_LEAVES, *_ARRIVES):
        yield from _transfer(moved, kind, units, options)
    elif kind in _MEANINGS:
        yield _plain(moved, _MEANINGS[kind], units, options)
    elif kind in _TAKEN_BACK:
        yield _taken_back(moved, _MEANINGS[_TAKEN_BACK[kind]], units, options)
    else:
        raise moved.wrong("type", moved.type, "a movement type that is known, or is in `movements`")


def _fact(moved: Movement, units: Decimal, options: SapOptions) -> StockFact:
    return StockFact(
        source=moved.source,
        id=moved.id,
        kind=FactKind.ADJUSTMENT,
        sku=moved.material,
        location=location(moved.plant, moved.storage, options),
        quantity=units,
        unit=moved.unit,
        time=moved.time,
        reference=Reference("material_document", number(moved.document, options)),
        reason=moved.type,
    )


def _plain(moved: Movement, meaning: _Meaning, units: Decimal, options: SapOptions) -> StockFact:
    fact = replace(
        _fact(moved, units * meaning.sign, options),
        kind=meaning.kind,
        from_status=meaning.from_status,
        to_status=meaning.to_status,
    )
    if meaning.kind is FactKind.RECEIPT and moved.purchase_order:
        item = number(moved.purchase_order_item, options)
        known = Reference("supply", number(moved.purchase_order, options), item)
        return replace(fact, reference=known)
    if meaning.kind in (FactKind.GOODS_ISSUE, FactKind.RETURN) and moved.order:
        return replace(fact, reference=_reservation(moved, options))
    if meaning.kind is FactKind.GOODS_ISSUE:
        # Nobody knows the order here: the units have left all the same.
        return replace(fact, kind=FactKind.SALE)
    return fact


def _taken_back(
    moved: Movement, meaning: _Meaning, units: Decimal, options: SapOptions
) -> StockFact:
    """The opposite, since it does not say which movement it takes back."""
    if meaning.kind is FactKind.GOODS_ISSUE and moved.order:
        reference = _reservation(moved, options)
        fact = _fact(moved, units, options)
        return replace(fact, kind=FactKind.SHIPMENT_REVERSAL, reference=reference)
    leaves = meaning.kind is FactKind.GOODS_ISSUE or meaning.sign < 0
    return replace(
        _fact(moved, units if leaves else -units, options), from_status=meaning.to_status
    )


def _reservation(moved: Movement, options: SapOptions) -> Reference:
    return Reference("reservation", number(moved.order, options), number(moved.order_item, options))


def _transfer(moved: Movement, kind: str, units: Decimal, options: SapOptions) -> Iterator[Decoded]:
    """Units that leave for another location, or arrive, under the number of the document."""
    reference = Reference("transfer", number(moved.document, options))
    fact = replace(_fact(moved, units, options), reference=reference)
    if kind in _ARRIVES:
        yield replace(fact, kind=FactKind.RECEIPT)
        return
    to = location(moved.to_plant or moved.plant, moved.to_storage, options)
    if to == fact.location:
        yield Ignored("within_location")
        return
    yield replace(fact, kind=FactKind.TRANSFER_DISPATCH, to_location=to, takes_promised=True)
    if kind in _ONE_STEP:
        yield replace(fact, id=f"{fact.id}/in", kind=FactKind.RECEIPT, location=to)
