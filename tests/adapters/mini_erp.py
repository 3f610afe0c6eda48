"""A small ERP of the tests over HTTP, with sessions and faults on demand, and the adapter for it.

It keeps a feed of receipts that is polled page by page, and shipments that it is told of: one for
each reference, whatever happens on the way.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse
from starlette.responses import Response as HttpResponse

from holdfast.adapters.contract import (
    Adapter,
    Change,
    Done,
    Login,
    Message,
    Outbound,
    Page,
    Poll,
    Refused,
    Request,
    Response,
    SessionExpired,
    Throttled,
    Undecodable,
)
from holdfast.adapters.events import Decoded, FactKind, StockFact
from tests.adapters.served import served

PAGE: Final = 10


@dataclass(slots=True)
class MiniErp:
    """Its state, and what goes wrong next."""

    receipts: list[dict[str, Any]] = field(default_factory=list)
    shipments: dict[str, dict[str, Any]] = field(default_factory=dict)
    posted_twice: int = 0
    faults: list[str] = field(default_factory=list)
    """The next answers: "500", "429", "expire", "lost" (done, and not answered)."""
    requests: int = 0
    logins: int = 0
    token: str = ""
    port: int = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer, or fail as the next fault says."""
        self.requests += 1
        is_shipment = request.method == "POST" and request.url.path == "/shipments"
        waits = self.faults[:1] == ["lost"] and not is_shipment  # until a shipment is posted
        fault = self.faults.pop(0) if self.faults and not waits else ""
        if fault == "500":
            return HttpResponse("broken", 500)
        if fault == "429":
            return HttpResponse("slow down", 429, {"retry-after": "1"})
        if fault == "expire":
            self.token = ""
        if request.url.path == "/login":
            self.logins += 1
            self.token = f"t{self.logins}"
            return JSONResponse({"token": self.token})
        if request.headers.get("x-token") != self.token or not self.token:
            return HttpResponse("no session", 401)
        answer = await self._route(request)
        return HttpResponse("lost", 502) if fault == "lost" else answer

    async def _route(self, request: HttpRequest) -> HttpResponse:
        if request.url.path == "/receipts":
            after = int(request.query_params.get("after", "0"))
            page = self.receipts[after : after + PAGE]
            return JSONResponse({"receipts": page, "total": len(self.receipts)})
        if request.method == "GET":
            reference = request.query_params["reference"]
            return JSONResponse({"found": reference in self.shipments})
        shipment = json.loads(await request.body())
        self.posted_twice += shipment["reference"] in self.shipments
        if shipment["sku"] == "FORBIDDEN":
            return JSONResponse({"error": "sku is blocked", "field": "sku"}, 422)
        self.shipments[shipment["reference"]] = shipment
        return JSONResponse({"id": len(self.shipments)}, 201)


@contextmanager
def running_mini_erp() -> Iterator[MiniErp]:
    """Run one on a thread of its own, on a free loopback port."""
    erp = MiniErp()
    with served(erp.answer) as erp.port:
        yield erp


# Its adapter


def key(message: Message) -> str:
    return str(json.loads(message.body)["id"])


def decode(message: Message, _options: Any) -> list[Decoded]:
    receipt = json.loads(message.body)
    if "sku" not in receipt:
        raise Undecodable("sku", None, "a SKU")
    quantity = Decimal(receipt["quantity"])
    return [
        StockFact(
            source="mini-erp",
            id=str(receipt["id"]),
            sequence=receipt["id"],
            kind=FactKind.RECEIPT,
            sku=receipt["sku"],
            location="STORE-1",
            quantity=quantity,
        )
    ]


def _login(_options: Any, secrets: Mapping[str, str]) -> Request:
    return Request("POST", "/login", body=json.dumps({"password": secrets["password"]}).encode())


def _session(response: Response) -> Mapping[str, str]:
    return {"x-token": json.loads(response.body)["token"]}


def _poll(cursor: str, _options: Any) -> Request:
    return Request("GET", f"/receipts?after={cursor or 0}")


def _page(response: Response, cursor: str, _options: Any) -> Page:
    if response.status == 401:
        raise SessionExpired
    found = json.loads(response.body)
    messages = [Message(json.dumps(each).encode()) for each in found["receipts"]]
    reached = int(cursor or 0) + len(messages)
    return Page(messages, str(reached), has_more=reached < found["total"])


def _concerns(change: Change, _options: Any) -> bool:
    return change.state == "FULFILLED"


def _next(change: Change, responses: Sequence[Response], _options: Any) -> Request | Done:
    if any(response.status == 429 for response in responses):
        raise Throttled
    if not responses:
        return Request("GET", f"/shipments?reference={change.id}")
    if len(responses) == 1:
        if json.loads(responses[0].body)["found"]:
            return Done("it is there")
        body = {"reference": change.id, "sku": change.sku, "quantity": change.quantity}
        return Request("POST", "/shipments", body=json.dumps(body).encode())
    answer = json.loads(responses[1].body)
    if responses[1].status == 422:
        raise Refused(answer["error"], answer["field"])
    return Done(f"shipment {answer['id']}")


ADAPTER: Final = Adapter(
    name="mini-erp",
    reads="Receipts of the tests' own ERP.",
    dedupe="the number of a receipt",
    order="the number of a receipt",
    key=key,
    decode=decode,
    login=Login(_login, _session),
    poll=Poll(_poll, _page),
    outbound=Outbound(_concerns, _next),
    secrets=("password",),
    flow="shipment_update",
)
