"""Webhooks of systems that nobody wrote an adapter for: the options say where the fields stand.

    [adapters.wms]
    kind = "webhook"
    [adapters.wms.options]
    source = "wms"
    records = "movements"
    id = "movementId"
    kind = "type"
    kinds = { SHIP = "sale", RECEIVE = "receipt", LABEL = "ignored" }
    sku = "article.code"
    location = "$.site"
    quantity = "qty"
    time = "at"

A record is a fact of stock, or, where its kind is one of an order, an event of that order with one
line. One that is wrong does not hold up the others.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

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
from . import fields
from .json_paths import JsonPath, at
from .verification import Verification, VerificationOption, verify
from .zones import ZoneName, zone

RECORDS_MAX: Final = 10_000
#: 2259, as for times in text.
SECONDS_MAX: Final = 9_151_488_000


class WebhookOptions(BaseModel):
    """Where a sender has what, and how it proves who it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    """Who numbers the events: a name of the sender."""
    verify: VerificationOption = Verification()
    records: JsonPath = ""
    """An array of records; the body itself, when empty."""
    id: JsonPath = "id"
    """What is the same when it is sent again. One of the whole document names its records by their
    places as well.
    """
    kind: JsonPath
    """The sender's word, or "=count" when there is one kind."""
    kinds: dict[str, FactKind | OrderKind | Literal["ignored"]] = {}
    """The sender's words for kinds; without any they are ours."""
    sku: JsonPath
    location: JsonPath
    quantity: JsonPath
    unit: JsonPath = ""
    time: JsonPath = ""
    time_format: Literal["iso", "seconds", "milliseconds"] = "iso"
    time_zone: ZoneName = ""
    """Of times that name none."""
    reference: JsonPath = ""
    reference_kind: str = "document"
    """"reservation", "supply" or "transfer" when the core knows the reference."""
    reason: JsonPath = ""
    actor: JsonPath = ""
    from_status: JsonPath = ""
    to_status: JsonPath = ""
    order: JsonPath = ""
    line: JsonPath = ""


def decode(message: Message, options: WebhookOptions) -> Iterator[Decoded | Undecodable]:
    """The events of the records, in their order."""
    document = fields.json_of(message.body, exact=True)
    found = at(options.records, document, document) if options.records else document
    path = options.records or "body"
    if type(found) is not list:
        yield _Record(found, document, path, None, options).event()
        return
    for place, record in enumerate(fields.array(found, path, RECORDS_MAX)):
        try:
            yield _Record(record, document, f"{path}[{place}]", place, options).event()
        except Undecodable as wrong:
            yield wrong


class _Record:
    """A record while its event is made."""

    def __init__(
        self, record: Any, document: Any, path: str, place: int | None, options: WebhookOptions
    ) -> None:
        self._record = fields.mapping(record, path)
        self._document = document
        self._path = path
        self._place = place
        self._options = options

    def event(self) -> Decoded:
        kind = self._kind()
        if isinstance(kind, OrderKind):
            return self._order(kind)
        return self._fact(kind) if isinstance(kind, FactKind) else Ignored("kind")

    def _fact(self, kind: FactKind) -> StockFact:
        options = self._options
        reference = self._text(options.reference)
        return StockFact(
            source=options.source,
            id=self._id(),
            kind=kind,
            sku=self._name(options.sku),
            location=self._name(options.location),
            quantity=self._quantity(),
            unit=self._text(options.unit),
            time=self._time(),
            reference=Reference(options.reference_kind, reference) if reference else None,
            reason=self._text(options.reason),
            actor=self._text(options.actor),
            from_status=self._text(options.from_status),
            to_status=self._text(options.to_status),
        )

    def _order(self, kind: OrderKind) -> OrderEvent:
        options = self._options
        line = OrderLine(
            id=self._text(options.line),
            sku=self._name(options.sku),
            location=self._name(options.location),
            quantity=self._quantity(),
            unit=self._text(options.unit),
        )
        return OrderEvent(
            source=options.source,
            id=self._id(),
            kind=kind,
            order=self._name(options.order),
            lines=(line,),
            time=self._time(),
            reason=self._text(options.reason),
            actor=self._text(options.actor),
        )

    def _kind(self) -> FactKind | OrderKind | Literal["ignored"]:
        word = self._name(self._options.kind)
        known = self._options.kinds or _OURS
        if word not in known:
            raise Undecodable(self._at(self._options.kind), word, f"one of {', '.join(known)}")
        return known[word]

    def _id(self) -> str:
        path = self._options.id
        found = self._name(path)
        if self._place is not None and path.startswith("$."):
            found = f"{found}/{self._place}"
        return fields.identifier(found, self._at(path))

    def _quantity(self) -> Decimal:
        path = self._options.quantity
        return fields.quantity(self._value(path), self._at(path))

    def _time(self) -> datetime | None:
        options, value = self._options, self._value(self._options.time)
        if value is None:
            return None
        where = self._at(options.time)
        if options.time_format == "iso":
            return fields.instant_or_local(value, where, zone(options.time_zone))
        parts = 1 if options.time_format == "seconds" else 1_000
        number = fields.whole(value, where, 0, SECONDS_MAX * parts)
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=number * 10**6 // parts)

    def _name(self, path: str) -> str:
        return fields.text(self._word(path), self._at(path))

    def _text(self, path: str) -> str:
        value = self._word(path)
        return "" if value is None else fields.any_text(value, self._at(path))

    def _word(self, path: str) -> Any:
        """A value; numbers of documents and items are names as well."""
        value = self._value(path)
        return str(value) if type(value) is int else value

    def _value(self, path: str) -> Any:
        return at(path, self._record, self._document)

    def _at(self, path: str) -> str:
        """A path as an error shows it, in the sender's words."""
        if not path:
            return f"{self._path} (the options name no path)"
        return path if path.startswith(("$.", "=")) else f"{self._path}.{path}"


_OURS: Final[Mapping[str, FactKind | OrderKind]] = {
    each.value: each for each in (*FactKind, *OrderKind)
}

ADAPTER: Final = Adapter(
    name="webhook",
    reads="JSON over HTTP, with its fields named by options.",
    dedupe="the bytes of a message; each record by its id, in the core",
    order="none",
    key=fields.hash_of,
    decode=decode,
    verify=verify,
    options=WebhookOptions,
)
