"""Sweeps of documents by OData V2: which are asked for next, and what an answer brings.

Dates of change are days, of most systems. A sweep therefore begins again `overlap_days` before the
last one that was seen, and what it brings again is known by its content. Within a sweep, a page
goes on after the last document, and not at a count of documents, which those that are added
meanwhile would shift.

Rules of this file: pure. Reading needs no CSRF token; who asks has one by OAuth.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from ..contract import Login, Message, Page, Poll, Refused, Request, Response, Undecodable
from ..intake import fields
from .sap_movements import SapOptions

_DATE: Final = re.compile(r"/Date\((-?[0-9]{1,15})(?:[+-][0-9]{4})?\)/")
#: Documents of one page.
_DOCUMENTS_MAX: Final = 5_000
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
class Service:
    """An entity set that is swept by a time and the number of its documents."""

    path: str
    time: str
    document: str
    items: str


DELIVERY_SETS: Final = Service(
    "/sap/opu/odata/sap/API_OUTBOUND_DELIVERY_SRV/A_OutbDeliveryHeader",
    "LastChangeDate",
    "DeliveryDocument",
    "to_DeliveryDocumentItem",
)
MOVEMENT_SETS: Final = Service(
    "/sap/opu/odata/sap/API_MATERIAL_DOCUMENT_SRV/A_MaterialDocumentHeader",
    "CreationDate",
    "MaterialDocument",
    "to_MaterialDocumentItem",
)


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


def _request(service: Service, cursor: str, options: OdataOptions) -> Request:
    at = _Cursor.read(cursor, options)
    time = f"datetime'{at.time.isoformat()}'"
    wanted = f"{service.time} ge {time}"
    if at.after:
        quoted = at.after.replace("'", "''")
        same_time = f"({service.time} eq {time} and {service.document} gt '{quoted}')"
        wanted = f"{service.time} gt {time} or {same_time}"
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


def _page(service: Service, response: Response, cursor: str, options: OdataOptions) -> Page:
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
        reached = _Cursor(
            date_of(document.get(service.time), f"{path}.{service.time}"),
            fields.text(document.get(service.document), f"{path}.{service.document}"),
        )
        if reached < at:
            raise Undecodable(path, reached.written(), f"a document after {at.written()}")
        at = reached
        body = json.dumps(_plain(document, 0), sort_keys=True, separators=(",", ":"))
        messages.append(Message(body.encode(), {"content-type": "application/json"}))
    if len(results) == options.page and at == start:
        raise Undecodable("d.results", at.written(), "a document after that one")
    if len(results) == options.page:
        return Page(messages, at.written(), has_more=True)
    if at.after:
        at = _Cursor(max(_first(options), at.time - timedelta(days=options.overlap_days)), "")
    return Page(messages, at.written())


class _Cursor(NamedTuple):
    """Where a sweep has come to: a time, as the system has it, and after which document of it."""

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


def date_of(value: object, field: str) -> datetime:
    """A date of OData V2, which bears no zone."""
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if found:
        try:
            return _EPOCH + timedelta(milliseconds=int(found.group(1)))
        except OverflowError:
            pass
    raise Undecodable(field, value, "a date such as /Date(1757116800000)/")


def poll(service: Service) -> Poll:
    """The sweeps of an entity set."""
    return Poll(
        request=lambda cursor, options: _request(service, cursor, options),
        page=lambda response, cursor, options: _page(service, response, cursor, options),
    )


LOGIN: Final = Login(request=login, session=session)
