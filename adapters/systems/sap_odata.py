"""SAP by OData V2: goods movements (API_MATERIAL_DOCUMENT_SRV) and outbound deliveries
(API_OUTBOUND_DELIVERY_SRV), polled.

Source: SAP's names of entities and fields in these two services. The deliveries were run against
PyPI mock-sap; it has no material documents, and those were run against nothing. Reading needs no
CSRF token. Quantities are texts, dates "/Date(milliseconds)/" and times "PT15H30M00S".

Dates of change are days, of most systems. A sweep therefore begins again `overlap_days` before the
last one that was seen, and what it brings again is known by its content. Within a sweep, a page
goes on behind the last document, and not at a count of documents, which those that are added
meanwhile would shift.

Rules of this file: pure.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from ..contract import Adapter, Login, Message, Page, Poll, Refused, Request, Response, Undecodable
from ..events import Decoded, FactKind, Ignored, Reference, Reversed, StockFact
from ..intake import fields
from ..intake.zones import zone
from .sap_movements import Movement, SapOptions, amount, facts, location, number

_DATE: Final = re.compile(r"/Date\((-?[0-9]{1,15})(?:[+-][0-9]{4})?\)/")
_TIME: Final = re.compile(r"PT(?:([0-9]{1,2})H)?(?:([0-9]{1,2})M)?(?:([0-9]{1,2})S)?")
#: Documents of one message's sweep, and items of one document.
_DOCUMENTS_MAX: Final = 5_000
_ITEMS_MAX: Final = 10_000
_POSTED: Final = "C"
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  Times of OData V2 bear no zone.


class OdataOptions(BaseModel):
    """A system that is polled."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: date
    """The day that the first sweep begins with."""
    sap: SapOptions = SapOptions()
    page: int = Field(default=100, ge=1, le=_DOCUMENTS_MAX)
    """Documents that are asked for at once."""
    overlap_days: int = Field(default=1, ge=0, le=30)
    client: str = ""
    """sap-client, if the system has several."""
    oauth_client: str = "holdfast"
    """The id of our OAuth client; its secret is `client_secret`."""
    token_path: str = "/sap/bc/sec/oauth2/token"  # noqa: S105  A path.
    returns: tuple[str, ...] = ("LR",)
    """Types of deliveries that bring units back."""


@dataclass(frozen=True, slots=True)
class _Service:
    """An entity set that is swept by a time and the number of its documents."""

    path: str
    time: str
    document: str
    items: str


_DELIVERIES: Final = _Service(
    "/sap/opu/odata/sap/API_OUTBOUND_DELIVERY_SRV/A_OutbDeliveryHeader",
    "LastChangeDate",
    "DeliveryDocument",
    "to_DeliveryDocumentItem",
)
_MOVEMENTS: Final = _Service(
    "/sap/opu/odata/sap/API_MATERIAL_DOCUMENT_SRV/A_MaterialDocumentHeader",
    "CreationDate",
    "MaterialDocument",
    "to_MaterialDocumentItem",
)


# --- Asking ----------------------------------------------------------------------------------


def login(options: OdataOptions, secrets: Mapping[str, str]) -> Request:
    """A token by client credentials (RFC 6749, 4.4)."""
    known = base64.b64encode(f"{options.oauth_client}:{secrets['client_secret']}".encode())
    headers = {
        "authorization": f"Basic {known.decode()}",
        "content-type": "application/x-www-form-urlencoded",
    }
    return Request("POST", options.token_path, headers, b"grant_type=client_credentials")


def session(response: Response) -> Mapping[str, str]:
    """The header with the token. Raises `Refused`."""
    try:
        answer = fields.mapping(fields.json_of(response.body), "body")
        token = fields.text(answer.get("access_token"), "access_token", 8_192)
    except Undecodable as wrong:
        raise Refused(f"no token, status {response.status}: {wrong}", wrong.field) from None
    return {"authorization": f"Bearer {token}"}


def _request(service: _Service, cursor: str, options: OdataOptions) -> Request:
    at = _Cursor.read(cursor, options)
    time = f"datetime'{at.time.isoformat()}'"
    wanted = f"{service.time} ge {time}"
    if at.after:
        quoted = at.after.replace("'", "''")
        behind = f"({service.time} eq {time} and {service.document} gt '{quoted}')"
        wanted = f"{service.time} gt {time} or {behind}"
    query = {
        "$filter": wanted,
        "$orderby": f"{service.time},{service.document}",
        "$expand": service.items,
        "$top": str(options.page),
        "$format": "json",
    }
    if options.client:
        query["sap-client"] = options.client
    return Request("GET", f"{service.path}?{urlencode(query)}", {"accept": "application/json"})


def _page(service: _Service, response: Response, cursor: str, options: OdataOptions) -> Page:
    if response.status != 200:
        raise Refused(f"status {response.status}: {response.body[:200]!r}")
    answer = fields.mapping(fields.json_of(response.body), "body")
    data = fields.mapping(answer.get("d"), "d")
    results = fields.array(data.get("results"), "d.results", _DOCUMENTS_MAX)
    start = at = _Cursor.read(cursor, options)
    messages = []
    for place, each in enumerate(results):
        path = f"d.results[{place}]"
        document = fields.mapping(each, path)
        behind = _Cursor(
            _date(document.get(service.time), f"{path}.{service.time}"),
            fields.text(document.get(service.document), f"{path}.{service.document}"),
        )
        if behind < at:
            raise Undecodable(path, behind.written(), f"a document behind {at.written()}")
        at = behind
        body = json.dumps(_plain(document, 0), sort_keys=True, separators=(",", ":"))
        messages.append(Message(body.encode(), {"content-type": "application/json"}))
    if len(results) == options.page and at == start:
        raise Undecodable("d.results", at.written(), "a document behind that one")
    if len(results) == options.page:
        return Page(messages, at.written(), has_more=True)
    if at.after:
        at = _Cursor(max(_first(options), at.time - timedelta(days=options.overlap_days)), "")
    return Page(messages, at.written())


class _Cursor(NamedTuple):
    """Where a sweep has come to: a time, as the system has it, and behind which document of it."""

    time: datetime
    after: str

    @staticmethod
    def read(cursor: str, options: OdataOptions) -> "_Cursor":
        time, _, after = cursor.partition(" ")
        return _Cursor(datetime.fromisoformat(time) if time else _first(options), after)

    def written(self) -> str:
        return f"{self.time.isoformat()} {self.after}".strip()


def _first(options: OdataOptions) -> datetime:
    """When the first sweep begins. Times of the system bear no zone."""
    return datetime(options.since.year, options.since.month, options.since.day)  # noqa: DTZ001


def _plain(value: Any, depth: int) -> Any:
    """A document without what says where it is and how else to get at it."""
    if depth > 8:
        raise Undecodable("d.results", "nested", "at most 8 levels")
    if isinstance(value, dict):
        return {
            name: _plain(each, depth + 1)
            for name, each in value.items()
            if name != "__metadata" and not (isinstance(each, dict) and "__deferred" in each)
        }
    return [_plain(each, depth + 1) for each in value] if isinstance(value, list) else value


# --- Reading ---------------------------------------------------------------------------------


def key(message: Message) -> str:
    """A hash of what the document says: the same document changed is another message."""
    return hashlib.blake2b(message.body, digest_size=16).hexdigest()


def decode_delivery(message: Message, options: OdataOptions) -> Iterator[Decoded | Undecodable]:
    """What a delivery has posted as gone: of orders, once its goods issue is posted in full."""
    document = fields.mapping(fields.json_of(message.body), "body")
    if document.get("OverallGoodsMovementStatus") != _POSTED:
        yield Ignored("not_issued")
        return
    named = fields.text(document.get("DeliveryDocument"), "DeliveryDocument")
    time = _instant(document, "ActualGoodsMovementDate", "ActualGoodsMovementTime", options)
    is_return = document.get("DeliveryDocumentType") in options.returns
    for path, item in _items(document, _DELIVERIES):
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
    for path, item in _items(document, _MOVEMENTS):
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
    document: Mapping[str, Any], service: _Service
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


def _date(value: object, field: str) -> datetime:
    """A date of OData V2, which bears no zone."""
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if found:
        try:
            return _EPOCH + timedelta(milliseconds=int(found.group(1)))
        except OverflowError:
            pass
    raise Undecodable(field, value, "a date such as /Date(1757116800000)/")


def _instant(document: Mapping[str, Any], day: str, clock: str, options: OdataOptions) -> datetime:
    """A day and a time of day in two fields; midnight without a time."""
    at, told = _date(document.get(day), day), document.get(clock)
    found = _TIME.fullmatch(told) if isinstance(told, str) else None
    if told is not None and found is None:
        raise Undecodable(clock, told, "a time such as PT15H30M00S")
    hours, minutes, seconds = (int(each or 0) for each in found.groups()) if found else (0, 0, 0)
    try:
        known = zone(options.sap.time_zone) or UTC
        local = datetime(at.year, at.month, at.day, hours, minutes, seconds, tzinfo=known)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Undecodable(clock, told, "a time that there is") from None


def _poll(service: _Service) -> Poll:
    return Poll(
        request=lambda cursor, options: _request(service, cursor, options),
        page=lambda response, cursor, options: _page(service, response, cursor, options),
    )


_LOGIN: Final = Login(request=login, session=session)

DELIVERIES: Final = Adapter(
    name="sap-deliveries",
    reads="Outbound deliveries of S/4HANA (API_OUTBOUND_DELIVERY_SRV, OData V2), polled.",
    dedupe="the number of the delivery and its item",
    order="none",
    key=key,
    decode=decode_delivery,
    options=OdataOptions,
    secrets=("client_secret",),
    login=_LOGIN,
    poll=_poll(_DELIVERIES),
    flow="shipment_update",
)

MOVEMENTS: Final = Adapter(
    name="sap-movements",
    reads="Material documents of S/4HANA (API_MATERIAL_DOCUMENT_SRV, OData V2), polled.",
    dedupe="the year and number of the material document and its item",
    order="none",
    key=key,
    decode=decode_movements,
    options=OdataOptions,
    secrets=("client_secret",),
    login=_LOGIN,
    poll=_poll(_MOVEMENTS),
)
