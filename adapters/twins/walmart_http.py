"""The HTTP side of Walmart's twin: tokens, budgets, inventory, feeds and orders.

Written from Walmart's published models of orders and inventory (highsidelabs/walmart-api-php,
575b611), and from its pages "Get an access token", "Rate limiting" and "All feed statuses".

Rules of this file: an answer is as the models say; what it means is in walmart.py.
"""

import base64
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .faults import Allowance, Clock, Faults, RequestFault
from .walmart import PurchaseOrder, Subscription, WalmartMarket, order_document

#: Seconds that a token lives.
TOKEN_S: Final = 900.0
#: Requests a minute, and feeds an hour, that a seller may send.
READS: Final = 200
UPDATES: Final = 200
LISTS: Final = 200
FEEDS_AN_HOUR: Final = 10
FEED_LOOKS: Final = 5_000
ORDER_READS: Final = 5_000
ACKNOWLEDGEMENTS: Final = 60
#: Bytes of a feed.
FEED_BYTES: Final = 5 << 20

Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(slots=True)
class Feed:
    """A file of quantities, and what became of each SKU."""

    inventory: list[dict[str, Any]]
    done_at: float
    results: list[dict[str, Any]] = field(default_factory=list)


class WalmartTwin:
    """A twin over HTTP. `feed_s` is how many seconds a feed takes."""

    def __init__(
        self,
        clock: Clock,
        faults: Faults = Faults(),  # noqa: B008 - a value
        subscription: Subscription | None = None,
        *,
        secrets: tuple[str, str] = ("id", "secret"),
        feed_s: float = 120.0,
    ) -> None:
        self.market = WalmartMarket(clock, faults, subscription)
        self.deliveries = self.market.deliveries
        self._clock = clock
        self._known = base64.b64encode(":".join(secrets).encode()).decode()
        self._feed_s = feed_s
        self._tokens: dict[str, float] = {}
        self._feeds: dict[str, Feed] = {}
        self._numbers = count(1)
        self.app = Starlette(routes=list(self._routes()))

    def sell(self, item: str, node: str, quantity: int = 1) -> str | None:
        """A customer orders; the order's number, or None where there is not enough for sale."""
        self._finish_feeds()
        return self.market.sell(item, node, quantity)

    def books(self) -> dict[str, Any]:
        """What it shows and has sold."""
        self._finish_feeds()
        return self.market.books()

    def _routes(self) -> list[Route]:
        minute, hour = 60.0, 3_600.0
        routes: list[tuple[str, str, Handler, float, float]] = [
            ("GET", "/v3/inventories", self._list, LISTS, minute),
            ("GET", "/v3/inventories/{sku:path}", self._read, READS, minute),
            ("PUT", "/v3/inventories/{sku:path}", self._update, UPDATES, minute),
            ("POST", "/v3/feeds", self._submit, FEEDS_AN_HOUR, hour),
            ("GET", "/v3/feeds/{feed}", self._look, FEED_LOOKS, minute),
            ("GET", "/v3/orders", self._orders, ORDER_READS, minute),
            ("GET", "/v3/orders/{order}", self._order, ORDER_READS, minute),
            ("POST", "/v3/orders/{order}/acknowledge", self._acknowledge, ACKNOWLEDGEMENTS, minute),
        ]
        made = [
            Route(path, self._guarded(handler, most, seconds), methods=[method])
            for method, path, handler, most, seconds in routes
        ]
        return [Route("/v3/token", self._token, methods=["POST"]), *made]

    def _guarded(self, handler: Handler, most: float, seconds: float) -> Handler:
        """A handler after faults, the token and the budget of its operation."""
        allowance = Allowance(most / seconds, most, self._clock)

        async def guarded(request: Request) -> Response:
            fault = self.market.schedule.of_request()
            if fault is RequestFault.OUTAGE:
                return error(503, "SYSTEM_ERROR", "SYSTEM")
            if fault is RequestFault.EXPIRED:
                self._tokens.clear()
            if self._tokens.get(request.headers.get("wm_sec.access_token", ""), 0) <= self._clock():
                return error(401, "UNAUTHORIZED", "REQUEST")
            if missing := _missing_header(request):
                return error(400, "INVALID_REQUEST_HEADER.GMP_GATEWAY_API", "REQUEST", missing)
            if fault is RequestFault.THROTTLED or not allowance.take():
                answer = error(429, "REQUEST_THRESHOLD_VIOLATED.GMP_GATEWAY_API", "REQUEST")
                answer.headers["retry-after"] = "1"
            else:
                self._finish_feeds()
                answer = await handler(request)
            if fault is RequestFault.LOST:
                answer = error(504, "DOWNSTREAM_SYSTEM_TIME_OUT", "SYSTEM")
            answer.headers["x-current-token-count"] = f"{int(allowance.left)}"
            return answer

        return guarded

    async def _token(self, request: Request) -> Response:
        if self.market.schedule.is_away():
            return error(503, "SYSTEM_ERROR", "SYSTEM")
        if request.headers.get("authorization", "") != f"Basic {self._known}":
            return error(401, "UNAUTHORIZED", "REQUEST")
        if b"grant_type=client_credentials" not in await request.body():
            return error(400, "INVALID_REQUEST_PARAM", "REQUEST", "grant_type")
        token = f"token-{next(self._numbers)}"
        self._tokens[token] = self._clock() + TOKEN_S
        grant = {"access_token": token, "token_type": "Bearer", "expires_in": int(TOKEN_S)}
        return JSONResponse(grant)

    # Inventory

    async def _list(self, request: Request) -> Response:
        skus = sorted({item for item, _ in self.market.levels})
        begin = int(request.query_params.get("nextCursor", "0"))
        limit = min(50, int(request.query_params.get("limit", "10")))
        found = [{"sku": sku, "nodes": self._nodes(sku)} for sku in skus[begin : begin + limit]]
        meta: dict[str, Any] = {"totalCount": len(skus)}
        if begin + limit < len(skus):
            meta["nextCursor"] = f"{begin + limit}"
        return JSONResponse({"meta": meta, "elements": {"inventories": found}})

    async def _read(self, request: Request) -> Response:
        sku = request.path_params["sku"]
        nodes = self._nodes(sku)
        if not nodes:
            return error(404, "CONTENT_NOT_FOUND.GMP_INVENTORY_API", "DATA", "sku")
        return JSONResponse({"sku": sku, "nodes": nodes})

    async def _update(self, request: Request) -> Response:
        sku = request.path_params["sku"]
        if not self._nodes(sku):
            return error(404, "CONTENT_NOT_FOUND.GMP_INVENTORY_API", "DATA", "sku")
        nodes = json.loads(await request.body())["inventories"]["nodes"]
        return JSONResponse({"sku": sku, "nodes": [self._set(sku, each) for each in nodes]})

    def _set(self, sku: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        node = entry["shipNode"]
        if (sku, node) not in self.market.levels:
            errors = [_error("INVALID_SHIP_NODE", "DATA", "shipNode")]
            return {"shipNode": node, "status": "Failure", "errors": errors}
        if self.market.schedule.is_item_put_off():
            errors = [_error("SYSTEM_ERROR", "SYSTEM", "")]
            return {"shipNode": node, "status": "Failure", "errors": errors}
        self.market.set_input(sku, node, int(entry["inputQty"]["amount"]))
        return {"shipNode": node, "status": "Success"}

    def _nodes(self, sku: str) -> list[dict[str, Any]]:
        return [
            {
                "shipNode": node,
                "inputQty": _each(level.input),
                "availToSellQty": _each(level.for_sale),
                "reservedQty": _each(level.reserved),
            }
            for (item, node), level in self.market.levels.items()
            if item == sku
        ]

    # Feeds

    async def _submit(self, request: Request) -> Response:
        if request.query_params.get("feedType") != "MP_INVENTORY":
            return error(400, "INVALID_REQUEST_PARAM", "REQUEST", "feedType")
        body = await request.body()
        if len(body) > FEED_BYTES:
            return error(413, "REQUEST_ENTITY_TOO_LARGE", "REQUEST")
        file = _file_of(body, request.headers.get("content-type", ""))
        name = f"FEED{next(self._numbers):028d}@AUoBAQA"
        self._feeds[name] = Feed(json.loads(file)["inventory"], self._clock() + self._feed_s)
        return JSONResponse({"feedId": name})

    async def _look(self, request: Request) -> Response:
        feed = self._feeds.get(request.path_params["feed"])
        if feed is None:
            return error(404, "CONTENT_NOT_FOUND.GMP_FEED_API", "DATA", "feedId")
        begin = int(request.query_params.get("offset", "0"))
        limit = min(50, int(request.query_params.get("limit", "50")))
        page = feed.results[begin : begin + limit]
        failed = sum(each["ingestionStatus"] != "SUCCESS" for each in feed.results)
        status: dict[str, Any] = {
            "feedId": request.path_params["feed"],
            "feedStatus": "PROCESSED" if feed.results else "INPROGRESS",
            "itemsReceived": len(feed.inventory),
            "itemsSucceeded": len(feed.results) - failed,
            "itemsFailed": failed,
            "itemsProcessing": len(feed.inventory) - len(feed.results),
            "offset": begin,
            "limit": limit,
        }
        if request.query_params.get("includeDetails") == "true":
            status["itemDetails"] = {"itemIngestionStatus": page}
        return JSONResponse(status)

    def _finish_feeds(self) -> None:
        """Feeds whose time is over count, in the order in which they came."""
        for feed in self._feeds.values():
            if not feed.results and feed.done_at <= self._clock():
                feed.results = [self._ingest(at, each) for at, each in enumerate(feed.inventory)]

    def _ingest(self, at: int, item: Mapping[str, Any]) -> dict[str, Any]:
        sku, nodes = item["sku"], item["shipNodes"]
        found = {"martId": 0, "sku": sku, "index": at}
        if any((sku, node["shipNode"]) not in self.market.levels for node in nodes):
            blame = {"type": "DATA_ERROR", **_error("ERR_PDI_0001", "DATA", "shipNode")}
            errors = {"ingestionErrors": {"ingestionError": [blame]}}
            return {**found, "ingestionStatus": "DATA_ERROR", **errors}
        if self.market.schedule.is_item_put_off():
            return {**found, "ingestionStatus": "SYSTEM_ERROR"}
        for node in nodes:
            self.market.set_input(sku, node["shipNode"], int(node["quantity"]["amount"]))
        return {**found, "ingestionStatus": "SUCCESS"}

    # Orders

    async def _orders(self, request: Request) -> Response:
        query = request.query_params
        since = datetime.fromisoformat(query["lastModifiedStartDate"]).astimezone(UTC)
        begin, limit = int(query.get("poIndex", "0")), min(200, int(query.get("limit", "100")))
        found = [
            each
            for each in self.market.orders.values()
            if each.modified >= since.timestamp() * 1_000
        ]
        if not found:
            return error(404, "CONTENT_NOT_FOUND.GMP_ORDER_API", "DATA")
        page = [order_document(each) for each in found[begin : begin + limit]]
        meta: dict[str, Any] = {"totalCount": len(found), "limit": limit}
        if begin + limit < len(found):
            rest = f"lastModifiedStartDate={query['lastModifiedStartDate']}"
            meta["nextCursor"] = f"?limit={limit}&poIndex={begin + limit}&{rest}"
        return JSONResponse({"list": {"meta": meta, "elements": {"order": page}}})

    async def _order(self, request: Request) -> Response:
        return self._answer_order(request, lambda order: order)

    async def _acknowledge(self, request: Request) -> Response:
        return self._answer_order(request, lambda order: self.market.acknowledge(order.number))

    def _answer_order(
        self, request: Request, do: Callable[[PurchaseOrder], PurchaseOrder]
    ) -> Response:
        order = self.market.orders.get(request.path_params["order"])
        if order is None:
            return error(404, "CONTENT_NOT_FOUND.GMP_ORDER_API", "DATA", "purchaseOrderId")
        return JSONResponse({"order": order_document(do(order))})


def error(status: int, code: str, category: str, name: str = "") -> Response:
    """An answer that says no, as Walmart's error objects do."""
    return JSONResponse({"errors": [_error(code, category, name)]}, status)


def _error(code: str, category: str, name: str) -> dict[str, str]:
    problem = {"code": code, "description": code.lower(), "severity": "ERROR", "category": category}
    return {**problem, "field": name} if name else problem


def _missing_header(request: Request) -> str:
    names = ("wm_svc.name", "wm_qos.correlation_id", "accept")
    return next((name for name in names if not request.headers.get(name)), "")


def _each(units: int) -> dict[str, Any]:
    return {"unit": "EACH", "amount": units}


def _file_of(body: bytes, content_type: str) -> bytes:
    """The file in a form (RFC 7578)."""
    boundary = content_type.partition("boundary=")[2].encode()
    part = body.split(b"--" + boundary)[1]
    return part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
