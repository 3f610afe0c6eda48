"""IDocs of SAP as XML: MBGMCR and WMMBXY (goods movements), DELVRY (deliveries), ORDERS.

Source: basic types MBGMCR03 (E1BP2017_GM_* as TraceLink's guidelines list them), WMMBID02 (E1MBXYH,
E1MBXYI), DELVRY07 and ORDERS05 (as PyPI mock-sap writes them, which this was run against). An IDoc
is known by its number (DOCNUM) and its sender (SNDPRN).

Rules of this file: pure. Segments are found by their names, wherever the basic type puts them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from xml.etree.ElementTree import Element

from ..contract import Adapter, Message, Undecodable
from ..events import (
    Decoded,
    FactKind,
    Ignored,
    OrderEvent,
    OrderKind,
    OrderLine,
    Reference,
    StockFact,
)
from ..intake.fields import hash_of
from ..intake.xml_records import children, local, records, text_of
from ..intake.zones import zone
from .sap_movements import Movement, SapOptions, facts, location, number

#: What the fields of an item of a movement are called.
_MBGMCR: Final = {
    "type": "MOVE_TYPE",
    "material": "MATERIAL",
    "plant": "PLANT",
    "storage": "STGE_LOC",
    "to_plant": "MOVE_PLANT",
    "to_storage": "MOVE_STLOC",
    "quantity": "ENTRY_QNT",
    "unit": "ENTRY_UOM",
    "order": "SALES_ORD",
    "order_item": "S_ORD_ITEM",
    "purchase_order": "PO_NUMBER",
    "purchase_order_item": "PO_ITEM",
}
_WMMBXY: Final = {
    "type": "BWART",
    "material": "MATNR",
    "plant": "WERKS",
    "storage": "LGORT",
    "to_plant": "UMWRK",
    "to_storage": "UMLGO",
    "quantity": "ERFMG",
    "unit": "ERFME",
    "order": "KDAUF",
    "order_item": "KDPOS",
    "purchase_order": "EBELN",
    "purchase_order_item": "EBELP",
}
_ROOT: Final = re.compile(rb"<([A-Za-z][\w.-]*)", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{8}")
_TIME: Final = re.compile(r"[0-9]{6}")
_DECIMAL: Final = re.compile(r"[0-9]{1,16}(\.[0-9]{0,9})?")
#: Qualifiers: the date of goods issue (E1EDT13), our material number (E1EDP19), a delivery date
#: (E1EDK03), an item that is deleted (E1EDP01 ACTION).
_ISSUED: Final = "006"
_OURS: Final = "002"
_DELIVERY: Final = "002"
_DELETED: Final = "003"


class _Idoc:
    """An IDoc: its control record and its segments."""

    def __init__(self, element: Element, place: int, options: SapOptions) -> None:
        self.element = element
        self.path = f"IDOC[{place}]"
        self.options = options
        self.control = self.fields("EDI_DC40")
        self.number = self.required(self.control, "EDI_DC40", "DOCNUM")
        self.source = f"sap/{self.required(self.control, 'EDI_DC40', 'SNDPRN')}"
        self.type = self.control.get("MESTYP", "")

    def segments(self, name: str) -> list[Element]:
        """All segments of a name."""
        return [each for each in self.element.iter() if local(each.tag) == name]

    def fields(self, name: str) -> dict[str, str]:
        """The fields of the first segment of a name; none if there is no such segment."""
        found = self.segments(name)
        return fields_of(found[0]) if found else {}

    def required(self, fields: Mapping[str, str], segment: str, name: str) -> str:
        """A field that has to be there. Raises `Undecodable`."""
        value = fields.get(name, "")
        if not value:
            raise Undecodable(f"{self.path}.{segment}.{name}", value, "a value")
        return value

    def time(self, date: str, clock: str, field: str) -> datetime:
        """A date and a time of day. Without a time it is when the IDoc was made, if that was the
        same day, or else midnight; without a date as well. Raises `Undecodable`.
        """
        made = self.control.get("CREDAT", ""), self.control.get("CRETIM", "")
        if not date.strip("0"):
            date, clock, field = *made, "EDI_DC40.CREDAT"
        elif not _TIME.fullmatch(clock):
            clock = made[1] if date == made[0] else "000000"
        if not _DATE.fullmatch(date) or not _TIME.fullmatch(clock):
            raise Undecodable(f"{self.path}.{field}", f"{date} {clock}", "YYYYMMDD and HHMMSS")
        try:
            local_time = datetime.strptime(date + clock, "%Y%m%d%H%M%S")  # noqa: DTZ007
            known = zone(self.options.time_zone) or UTC
            return local_time.replace(tzinfo=known).astimezone(UTC)
        except (ValueError, OverflowError):
            wanted = "a time that there is"
            raise Undecodable(f"{self.path}.{field}", f"{date} {clock}", wanted) from None


def fields_of(segment: Element) -> dict[str, str]:
    """The fields of a segment by name."""
    return {name: text_of(each) for name, each in children(segment).items()}


def decode(message: Message, options: SapOptions) -> Iterator[Decoded | Undecodable]:
    """The events of the IDocs of a document, item by item. Raises `Undecodable`."""
    root = _ROOT.search(message.body[:4096])
    name = root.group(1).decode() if root else "IDOC"
    for place, element in enumerate(records(message.body, name, "IDOC"), 1):
        try:
            idoc = _Idoc(element, place, options)
        except Undecodable as wrong:
            yield wrong
            continue
        yield from _of_idoc(idoc)


def _of_idoc(idoc: _Idoc) -> Iterator[Decoded | Undecodable]:
    read = _TYPES.get(idoc.type)
    if idoc.control.get("TEST") or any(text_of(each) for each in idoc.segments("TESTRUN")):
        yield Ignored("test")
    elif read is None:
        yield Ignored(f"idoc_{idoc.type[:12]}")
    else:
        try:
            yield from read(idoc)
        except Undecodable as wrong:
            yield wrong


def _mbgmcr(idoc: _Idoc) -> Iterator[Decoded | Undecodable]:
    head = idoc.fields("E1BP2017_GM_HEAD_01")
    document = head.get("REF_DOC_NO") or idoc.number
    time = idoc.time(head.get("PSTNG_DATE", ""), "", "E1BP2017_GM_HEAD_01.PSTNG_DATE")
    yield from _movements(idoc, "E1BP2017_GM_ITEM_CREATE", _MBGMCR, document, time)


def _wmmbxy(idoc: _Idoc) -> Iterator[Decoded | Undecodable]:
    head = idoc.fields("E1MBXYH")
    time = idoc.time(head.get("BUDAT", ""), "", "E1MBXYH.BUDAT")
    yield from _movements(idoc, "E1MBXYI", _WMMBXY, head.get("XBLNR") or idoc.number, time)


def _movements(
    idoc: _Idoc, segment: str, names: Mapping[str, str], document: str, time: datetime
) -> Iterator[Decoded | Undecodable]:
    for place, item in enumerate(idoc.segments(segment), 1):
        given = fields_of(item)
        moved = Movement(
            source=idoc.source,
            id=f"{idoc.number}/{place}",
            path=f"{idoc.path}.{segment}[{place}]",
            names=names,
            document=document,
            time=time,
            **{field: given.get(name, "") for field, name in names.items()},
        )
        try:
            yield from list(facts(moved, idoc.options))
        except Undecodable as wrong:
            yield wrong


def _delvry(idoc: _Idoc) -> Iterator[Decoded]:
    """What a delivery has shipped, order by order, once its goods issue is posted."""
    issued = [
        each
        for each in map(fields_of, idoc.segments("E1EDT13"))
        if each.get("QUALF") == _ISSUED and each.get("ISDD", "").strip("0")
    ]
    if idoc.type == "DELVRY" and not issued and idoc.options.deliveries == "issued":
        yield Ignored("not_issued")
        return
    day, clock = (issued[0].get("ISDD", ""), issued[0].get("ISDZ", "")) if issued else ("", "")
    time = idoc.time(day, clock, "E1EDT13.ISDD")
    orders: dict[str, dict[tuple[str, str, str, str], Decimal]] = {}
    for place, item in enumerate(map(fields_of, idoc.segments("E1EDL24")), 1):
        segment = f"E1EDL24[{place}]"
        order = number(idoc.required(item, segment, "VGBEL"), idoc.options)
        units = _quantity(idoc, item, segment, "LFIMG")
        line = number(item.get("VGPOS", ""), idoc.options)
        material = idoc.required(item, segment, "MATNR")
        key = line, material, _place(idoc, item, segment), item.get("VRKME", "")
        # Batches of a line are items of their own.
        sums = orders.setdefault(order, {})
        sums[key] = sums.get(key, Decimal(0)) + units
    for order, sums in orders.items():
        lines = tuple(
            OrderLine(line, material, place, units, unit)
            for (line, material, place, unit), units in sums.items()
            if units
        )
        if lines:
            yield OrderEvent(
                source=idoc.source,
                id=f"{idoc.number}/{order}",
                kind=OrderKind.SHIPPED,
                order=order,
                lines=lines,
                time=time,
            )


def _orders(idoc: _Idoc) -> Iterator[Decoded]:
    """A purchase order as supply, or an order of a customer that is placed."""
    order = number(idoc.required(idoc.fields("E1EDK01"), "E1EDK01", "BELNR"), idoc.options)
    items = list(enumerate(idoc.segments("E1EDP01"), 1))
    if idoc.options.orders == "supply":
        known = [fields_of(each) for each in idoc.segments("E1EDK03")]
        day = next((each.get("DATUM", "") for each in known if each.get("IDDAT") == _DELIVERY), "")
        for place, item in items:
            yield _supply(idoc, order, place, item, day)
        return
    lines = [_order_line(idoc, place, item) for place, item in items]
    yield OrderEvent(
        source=idoc.source,
        id=idoc.number,
        kind=OrderKind.PLACED,
        order=order,
        lines=tuple(line for line in lines if line.quantity),
        time=idoc.time("", "", "EDI_DC40.CREDAT"),
    )


def _supply(idoc: _Idoc, order: str, place: int, item: Element, day: str) -> StockFact:
    line = _order_line(idoc, place, item)
    is_deleted = fields_of(item).get("ACTION") == _DELETED
    comes = bool(line.quantity) and not is_deleted
    return StockFact(
        source=idoc.source,
        id=f"{idoc.number}/{place}",
        kind=FactKind.SUPPLY,
        sku=line.sku,
        location=line.location,
        quantity=Decimal(0) if is_deleted else line.quantity,
        unit=line.unit,
        time=idoc.time("", "", "EDI_DC40.CREDAT"),
        reference=Reference("supply", order, line.id),
        expected_time=_expected(idoc, place, item, day) if comes else None,
    )


def _order_line(idoc: _Idoc, place: int, item: Element) -> OrderLine:
    segment, given = f"E1EDP01[{place}]", fields_of(item)
    named = [fields_of(each) for each in item if local(each.tag) == "E1EDP19"]
    ours = next((each for each in named if each.get("QUALF") == _OURS), {})
    return OrderLine(
        number(idoc.required(given, segment, "POSEX"), idoc.options),
        idoc.required(ours, f"{segment}.E1EDP19", "IDTNR"),
        _place(idoc, given, segment),
        _quantity(idoc, given, segment, "MENGE"),
        given.get("MENEE", ""),
    )


def _expected(idoc: _Idoc, place: int, item: Element, day: str) -> datetime:
    """The last day of its schedule lines, or else the delivery date of the order."""
    days = [
        each_day
        for each in item
        if local(each.tag) == "E1EDP20" and (each_day := fields_of(each).get("EDATU", ""))
    ]
    days = days or [day]
    if not any(days):
        wanted = "the day of delivery, or E1EDK03 of qualifier 002"
        raise Undecodable(f"{idoc.path}.E1EDP01[{place}].E1EDP20.EDATU", "", wanted)
    return idoc.time(max(days), "000000", f"E1EDP01[{place}].E1EDP20.EDATU")


def _place(idoc: _Idoc, item: Mapping[str, str], segment: str) -> str:
    plant = idoc.required(item, segment, "WERKS")
    return location(plant, item.get("LGORT", ""), idoc.options)


def _quantity(idoc: _Idoc, item: Mapping[str, str], segment: str, name: str) -> Decimal:
    value = item.get(name, "")
    if not _DECIMAL.fullmatch(value):
        raise Undecodable(f"{idoc.path}.{segment}.{name}", value, "a decimal such as 3.000")
    return Decimal(value)


_TYPES: Final[Mapping[str, Callable[[_Idoc], Iterator[Decoded | Undecodable]]]] = {
    "DELVRY": _delvry,
    "DESADV": _delvry,
    "MBGMCR": _mbgmcr,
    "ORDERS": _orders,
    "SHPCON": _delvry,
    "WMMBXY": _wmmbxy,
}

ADAPTER: Final = Adapter(
    name="sap-idoc",
    reads="IDocs MBGMCR, WMMBXY, DELVRY, SHPCON and ORDERS as XML.",
    dedupe="the number of the IDoc (DOCNUM) and its sender (SNDPRN), and the item",
    order="none",
    key=hash_of,
    decode=decode,
    options=SapOptions,
)
