"""SAP by OData V2: goods movements (API_MATERIAL_DOCUMENT_SRV) and outbound deliveries
(API_OUTBOUND_DELIVERY_SRV), polled.

Source: SAP's names of entities and fields in these two services. The deliveries were run against
PyPI mock-sap; it has no material documents, and those were run against nothing. Reading needs no
CSRF token. Quantities are texts, dates "/Date(milliseconds)/" and times "PT15H30M00S".

Sweeps over them are in sap_sweeps.py.

Rules of this file: pure.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from ..contract import Adapter, Message, Undecodable
from ..events import Decoded, FactKind, Ignored, Reference, Reversed, StockFact
from ..intake import fields
from ..intake.zones import zone
from .sap_movements import Movement, amount, facts, location, number
from .sap_sweeps import DELIVERY_SETS, LOGIN, MOVEMENT_SETS, OdataOptions, Service, date_of, poll

_TIME: Final = re.compile(r"PT(?:([0-9]{1,2})H)?(?:([0-9]{1,2})M)?(?:([0-9]{1,2})S)?")
#: Items of one document.
_ITEMS_MAX: Final = 10_000
_POSTED: Final = "C"


def decode_delivery(message: Message, options: OdataOptions) -> Iterator[Decoded | Undecodable]:
    """What a delivery has posted as gone: of orders, once its goods issue is posted in full."""
    document = fields.mapping(fields.json_of(message.body), "body")
    if document.get("OverallGoodsMovementStatus") != _POSTED:
        yield Ignored("not_issued")
        return
    named = fields.text(document.get("DeliveryDocument"), "DeliveryDocument")
    time = _instant(document, "ActualGoodsMovementDate", "ActualGoodsMovementTime", options)
    is_return = document.get("DeliveryDocumentType") in options.returns
    for path, item in _items(document, DELIVERY_SETS):
        try:
            fact = _of_delivery(named, path, item, options, is_return=is_return)
        except Undecodable as wrong:
            yield wrong
            continue
        yield replace(fact, time=time) if fact.quantity else Ignored("no_quantity")


def _of_delivery(
    named: str, path: str, item: Mapping[str, Any], options: OdataOptions, *, is_return: bool
) -> StockFact:
    place = fields.text(item.get("DeliveryDocumentItem"), f"{path}.DeliveryDocumentItem")
    order = fields.text(item.get("ReferenceSDDocument"), f"{path}.ReferenceSDDocument")
    line = _text(item, "ReferenceSDDocumentItem", path)
    units, unit = "ActualDeliveryQuantity", "DeliveryQuantityUnit"
    if units not in item:
        units, unit = "ActualDeliveredQtyInOrderQtyUnit", "OrderQuantityUnit"
    return StockFact(
        source=f"sap/{options.sap.system}/deliveries",
        id=f"{named}/{place}",
        kind=FactKind.RETURN if is_return else FactKind.GOODS_ISSUE,
        sku=fields.text(item.get("Material"), f"{path}.Material"),
        location=location(
            fields.text(item.get("Plant"), f"{path}.Plant"),
            _text(item, "StorageLocation", path),
            options.sap,
        ),
        quantity=fields.decimal(item.get(units), f"{path}.{units}"),
        unit=_text(item, unit, path),
        reference=Reference(
            "return" if is_return else "reservation",
            number(order, options.sap),
            number(line, options.sap),
        ),
    )


#: Fields of A_MaterialDocumentItem.
_NAMES: Final = {
    "type": "GoodsMovementType",
    "material": "Material",
    "plant": "Plant",
    "storage": "StorageLocation",
    "to_plant": "IssuingOrReceivingPlant",
    "to_storage": "IssuingOrReceivingStorageLoc",
    "quantity": "QuantityInEntryUnit",
    "unit": "EntryUnit",
    "order": "SalesOrder",
    "order_item": "SalesOrderItem",
    "purchase_order": "PurchaseOrder",
    "purchase_order_item": "PurchaseOrderItem",
}


def decode_movements(message: Message, options: OdataOptions) -> Iterator[Decoded | Undecodable]:
    """What the items of a material document say, or take back. Those that the system made by
    itself for the other side of a transfer are left out.
    """
    document = fields.mapping(fields.json_of(message.body), "body")
    named = fields.text(document.get("MaterialDocument"), "MaterialDocument")
    year = fields.text(document.get("MaterialDocumentYear"), "MaterialDocumentYear")
    time = _instant(document, "CreationDate", "CreationTime", options)
    note = _text(document, "ReferenceDocument", "body")
    for path, item in _items(document, MOVEMENT_SETS):
        try:
            place = fields.text(item.get("MaterialDocumentItem"), f"{path}.MaterialDocumentItem")
            if item.get("IsAutomaticallyCreated") == "X":
                yield Ignored("other_side")
                continue
            moved = Movement(
                source=f"sap/{options.sap.system}/movements",
                id=f"{year}/{named}/{place}",
                path=path,
                names=_NAMES,
                document=note or named,
                time=time,
                **{field: _text(item, name, path) for field, name in _NAMES.items()},
            )
            yield from list(_of_movement(moved, path, item, options))
        except Undecodable as wrong:
            yield wrong


def _of_movement(
    moved: Movement, path: str, item: Mapping[str, Any], options: OdataOptions
) -> Iterator[Decoded]:
    """A movement; one that names the movement that it takes back is its reversal."""
    names = ("Year", "", "Item")
    undone = [_text(item, f"ReversedMaterialDocument{name}", path) for name in names]
    if not all(undone):
        yield from facts(moved, options.sap)
        return
    if not moved.type.isascii() or not moved.type.isdigit() or len(moved.type) != 3:
        raise moved.wrong("type", moved.type, "three digits, of a movement that is taken back")
    amount(moved)
    base = replace(moved, type=f"{int(moved.type) - 1:03}")
    for fact in facts(base, options.sap):
        if isinstance(fact, StockFact):
            end = fact.id.removeprefix(moved.id)
            yield replace(
                fact,
                kind=FactKind.REVERSAL,
                reverses=Reversed("/".join(undone) + end, fact.kind),
                takes_promised=False,
            )
        else:
            yield fact


def _items(
    document: Mapping[str, Any], service: Service
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The items of a document, with what an error calls them."""
    held = fields.mapping(document.get(service.items), service.items)
    results = fields.array(held.get("results"), f"{service.items}.results", _ITEMS_MAX)
    for place, each in enumerate(results):
        path = f"{service.items}[{place}]"
        yield path, fields.mapping(each, path)


def _text(item: Mapping[str, Any], name: str, path: str) -> str:
    """A text that may be left out."""
    value = item.get(name)
    return fields.any_text(value, f"{path}.{name}") if value is not None else ""


def _instant(document: Mapping[str, Any], day: str, clock: str, options: OdataOptions) -> datetime:
    """A day and a time of day in two fields; midnight without a time."""
    at, time_of_day = date_of(document.get(day), day), document.get(clock)
    found = _TIME.fullmatch(time_of_day) if isinstance(time_of_day, str) else None
    if time_of_day is not None and found is None:
        raise Undecodable(clock, time_of_day, "a time such as PT15H30M00S")
    hours, minutes, seconds = (int(each or 0) for each in found.groups()) if found else (0, 0, 0)
    try:
        known = zone(options.sap.time_zone) or UTC
        local = datetime(at.year, at.month, at.day, hours, minutes, seconds, tzinfo=known)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Undecodable(clock, time_of_day, "a time that there is") from None


DELIVERIES: Final = Adapter(
    name="sap-deliveries",
    reads="Outbound deliveries of S/4HANA (API_OUTBOUND_DELIVERY_SRV, OData V2), polled.",
    dedupe="the number of the delivery and its item",
    order="none",
    key=fields.hash_of,
    decode=decode_delivery,
    options=OdataOptions,
    secrets=("client_secret",),
    login=LOGIN,
    poll=poll(DELIVERY_SETS),
    flow="shipment_update",
)

MOVEMENTS: Final = Adapter(
    name="sap-movements",
    reads="Material documents of S/4HANA (API_MATERIAL_DOCUMENT_SRV, OData V2), polled.",
    dedupe="the year and number of the material document and its item",
    order="none",
    key=fields.hash_of,
    decode=decode_movements,
    options=OdataOptions,
    secrets=("client_secret",),
    login=LOGIN,
    poll=poll(MOVEMENT_SETS),
)
