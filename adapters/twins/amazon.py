"""A twin of Amazon's Selling Partner API: it sells what it shows, and reports it to a queue.

It answers what a channel asks: tokens, patches and searches of listings, feeds, External
Fulfillment and searches of orders, at the rates that Amazon grants. Sources: the models of
amzn/selling-partner-api-models 34dc93f; "External Fulfillment APIs Rate Limits".

Rules of this file: HTTP. What is shown and sold is amazon_shelf's.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qs, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .amazon_documents import (
    errors,
    order_change,
    quantity_change,
    searched_order,
    time_text,
)
from .amazon_feeds import FeedDocument, Feeds, problem_of, quantities
from .amazon_shelf import AmazonBooks, Listing, Shelf, SoldOrder
from .faults import Allowance, Clock, Deliveries, Delivery, Faults, RequestFault, Schedule

#: Operation -> requests a second, and at once.
USAGE_PLAN: Final[Mapping[str, tuple[float, float]]] = {
    "patchListingsItem": (5, 5),
    "searchListingsItems": (5, 5),
    "createFeedDocument": (0.5, 15),
    "createFeed": (0.0083, 15),
    "getFeed": (2, 15),
    "getFeedDocument": (0.0222, 10),
    "batchInventory": (50, 100),
    "searchOrders": (0.0056, 20),
}

#: Seconds that orders take to be found by a search.
SEARCH_LAG_S: Final = 120.0
BATCH_MAX: Final = 10
_LISTINGS_MAX: Final = 1_000

Handler: TypeAlias = Callable[[Request, Any], Response]


class AmazonTwin:
    """Amazon for one seller in one marketplace."""

    def __init__(
        self,
        faults: Faults,
        clock: Clock,
        *,
        seller: str = "A3TWIN",
        marketplace: str = "ATVPDKIKX0DER",
        credentials: Mapping[str, str],
        tell: Callable[[bytes], Delivery] | None = None,
        token_s: float = 3_600.0,
        effect_s: float = 30.0,
        feed_s: float = 300.0,
    ) -> None:
        """`credentials` are client_id, client_secret and refresh_token. `tell` says where a
        notification goes, such as `to_queue`; without it there are none. What a patch says is shown
        after `effect_s`, and what a feed says after `feed_s`.
        """
        self.schedule = Schedule(faults, clock)
        self.deliveries = Deliveries(self.schedule, clock)
        self._clock = clock
        self._seller = seller
        self._marketplace = marketplace
        self._credentials = credentials
        self._address = tell
        self._token_s = token_s
        self._effect_s = effect_s
        self._numbers = count(1)
        self._tokens: dict[str, float] = {}
        self._allowances = {
            name: Allowance(rate, burst, clock) for name, (rate, burst) in USAGE_PLAN.items()
        }
        self.shelf = Shelf(clock, self._tell_quantity, self._tell_order)
        self.feeds = Feeds(self.shelf, self.schedule, seller, feed_s)
        self.app = Starlette(routes=self._routes())

    # What a test or a demonstration does

    def list_item(self, sku: str, **shown: int) -> Listing:
        """Put an item on sale, with what it shows at its nodes."""
        listing = self.shelf.listings[sku] = Listing(sku, dict(shown))
        return listing

    def sell(self, item: str, node: str, quantity: int) -> str | None:
        """Sell: the order's id, or None where too little is shown."""
        self.shelf.advance()
        return self.shelf.sell(item, node, quantity)

    def books(self) -> AmazonBooks:
        """What is shown and what was sold."""
        self.shelf.advance()
        return self.shelf.books()

    def end_sessions(self) -> None:
        """All tokens expire."""
        self._tokens.clear()

    # Notifications

    def _tell_order(self, order: SoldOrder) -> None:
        self._tell(order_change(order, self._seller, self._marketplace, next(self._numbers)))

    def _tell_quantity(self, listing: Listing, node: str) -> None:
        number = next(self._numbers)
        self._tell(quantity_change(listing, node, self._seller, self._clock(), number))

    def _tell(self, body: bytes) -> None:
        if self._address is not None:
            self.deliveries.post(self._address(body))

    # Requests

    def _routes(self) -> list[Route]:
        listings, feeds = "/listings/2021-08-01/items/{seller}", "/feeds/2021-06-30"
        batch = "/externalFulfillment/inventory/2024-09-11/inventories"
        asked = [
            ("PATCH", f"{listings}/{{sku:path}}", "patchListingsItem", self._patch),
            ("GET", listings, "searchListingsItems", self._search_listings),
            ("POST", f"{feeds}/documents", "createFeedDocument", self._announce),
            ("POST", f"{feeds}/feeds", "createFeed", self._create_feed),
            ("GET", f"{feeds}/feeds/{{id}}", "getFeed", self._get_feed),
            ("GET", f"{feeds}/documents/{{id}}", "getFeedDocument", self._get_document),
            ("POST", batch, "batchInventory", self._batch),
            ("GET", "/orders/2026-01-01/orders", "searchOrders", self._search_orders),
        ]
        return [
            Route("/auth/o2/token", self._token, methods=["POST"]),
            Route("/presigned/{id}", self._presigned, methods=["PUT", "GET"]),
            *(
                Route(path, self._answering(operation, handler), methods=[method])
                for method, path, operation, handler in asked
            ),
        ]

    def _answering(
        self, operation: str, handler: Handler
    ) -> Callable[[Request], Awaitable[Response]]:
        """A handler after what all operations have: faults, tokens and rates."""

        async def answer(request: Request) -> Response:
            body = await request.body()
            self.shelf.advance()
            fault = self.schedule.of_request()
            if (refusal := self._refusal(operation, request, fault)) is not None:
                return refusal
            try:
                response = handler(request, json.loads(body) if body else None)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                response = JSONResponse(errors("InvalidInput", "Invalid Input", repr(error)), 400)
            response.headers["x-amzn-RateLimit-Limit"] = f"{self._allowances[operation].rate}"
            response.headers["x-amzn-RequestId"] = f"{next(self._numbers)}"
            return _unavailable() if fault is RequestFault.LOST else response

        return answer

    def _refusal(self, operation: str, request: Request, fault: RequestFault) -> Response | None:
        if fault is RequestFault.OUTAGE:
            return _unavailable()
        if fault is RequestFault.EXPIRED:
            self.end_sessions()
        token = request.headers.get("x-amz-access-token", "")
        if self._tokens.get(token, 0) <= self._clock():
            details = "The access token you provided has expired." if token else ""
            text = "Access to requested resource is denied."
            return JSONResponse(errors("Unauthorized", text, details), 403)
        if fault is RequestFault.THROTTLED or not self._allowances[operation].take():
            text = "You exceeded your quota for the requested resource."
            return JSONResponse(errors("QuotaExceeded", text), 429)
        return None

    async def _token(self, request: Request) -> Response:
        """Login with Amazon; its errors are those of RFC 6749."""
        sent = parse_qs((await request.body()).decode())
        form = {name: values[0] for name, values in sent.items()}
        if self.schedule.is_away():
            return JSONResponse({"error": "temporarily_unavailable"}, 503)
        if form.pop("grant_type", "") != "refresh_token":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        if form.pop("refresh_token", "") != self._credentials["refresh_token"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        known = {name: self._credentials[name] for name in ("client_id", "client_secret")}
        if form != known:
            return JSONResponse({"error": "invalid_client"}, 401)
        token = f"Atza|{next(self._numbers)}"
        self._tokens[token] = self._clock() + self._token_s
        answer = {"access_token": token, "token_type": "bearer", "expires_in": int(self._token_s)}
        return JSONResponse({**answer, "refresh_token": self._credentials["refresh_token"]})

    # Listings

    def _patch(self, request: Request, body: Any) -> Response:
        sku = request.path_params["sku"]
        problem = problem_of(self.shelf, sku, body["patches"])
        if body["productType"] == "" or request.path_params["seller"] != self._seller:
            raise ValueError(body["productType"])
        if problem is not None and sku not in self.shelf.listings:
            return JSONResponse(errors("NOT_FOUND", f"SKU '{sku}' not found"), 404)
        issues = []
        if problem is None:
            for node, quantity in quantities(body["patches"]):
                later = partial(self.shelf.show, sku, node, quantity)
                self.shelf.after(self._effect_s, later)
        else:
            name = problem.pop("attributeName", None)
            named = {"attributeNames": [name]} if name else {}
            issues = [{**problem, **named, "categories": ["INVALID_ATTRIBUTE"]}]
        status = "INVALID" if issues else "ACCEPTED"
        submission = f"submission-{next(self._numbers)}"
        return JSONResponse(
            {"sku": sku, "status": status, "submissionId": submission, "issues": issues}
        )

    def _search_listings(self, request: Request, _body: Any) -> Response:
        listings = list(self.shelf.listings.values())[:_LISTINGS_MAX]
        first = int(request.query_params.get("pageToken", "0"))
        last = first + int(request.query_params["pageSize"])
        items = [
            {
                "sku": each.sku,
                "fulfillmentAvailability": [
                    {"fulfillmentChannelCode": node, "quantity": quantity}
                    for node, quantity in each.shown.items()
                ],
            }
            for each in listings[first:last]
        ]
        more = {"pagination": {"nextToken": f"{last}"}} if last < len(listings) else {}
        return JSONResponse({"numberOfResults": len(listings), "items": items, **more})

    # Feeds

    def _announce(self, request: Request, body: Any) -> Response:
        return JSONResponse(_addressed(request, self.feeds.announce(str(body["contentType"]))), 201)

    def _create_feed(self, _request: Request, body: Any) -> Response:
        document = self.feeds.documents.get(body["inputFeedDocumentId"])
        if document is None or document.body is None or body["feedType"] != "JSON_LISTINGS_FEED":
            raise ValueError(body["inputFeedDocumentId"])
        return JSONResponse({"feedId": self.feeds.create(document).id}, 202)

    def _get_feed(self, request: Request, _body: Any) -> Response:
        feed = self.feeds.feeds.get(request.path_params["id"])
        if feed is None:
            return JSONResponse(errors("NotFound", "The feed does not exist."), 404)
        result = {"resultFeedDocumentId": feed.result} if feed.result else {}
        return JSONResponse(
            {
                "feedId": feed.id,
                "feedType": "JSON_LISTINGS_FEED",
                "createdTime": time_text(feed.created),
                "processingStatus": feed.status,
                **result,
            }
        )

    def _get_document(self, request: Request, _body: Any) -> Response:
        document = self.feeds.documents.get(request.path_params["id"])
        if document is None:
            return JSONResponse(errors("NotFound", "The document does not exist."), 404)
        packed = {"compressionAlgorithm": "GZIP"} if document.is_packed else {}
        return JSONResponse({**_addressed(request, document), **packed})

    async def _presigned(self, request: Request) -> Response:
        """What S3 does with an address: nothing that was not signed, and nothing late."""
        body = await request.body()
        document = self.feeds.documents.get(request.path_params["id"])
        if "x-amz-access-token" in request.headers or document is None:
            return Response("<Error><Code>AccessDenied</Code></Error>", 403)
        if request.method == "GET":
            return Response(document.body)
        content_type = request.headers.get("content-type", "")
        if self.feeds.open_for(document.id, content_type) is None:
            return Response("<Error><Code>AccessDenied</Code></Error>", 403)
        document.body = body
        return Response()

    # External Fulfillment

    def _batch(self, _request: Request, body: Any) -> Response:
        requests = body["requests"]
        if not 0 < len(requests) <= BATCH_MAX:
            text = f"Maximum number for requests supported in batch is {BATCH_MAX}."
            return JSONResponse(errors("BATCH_SIZE_EXCEED", text), 400)
        return JSONResponse({"responses": [self._line(each) for each in requests]}, 207)

    def _line(self, asked: Any) -> dict[str, Any]:
        """The answer to one request of a batch."""
        address = urlsplit(asked["uri"])
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        sku, node = query["skuId"], query["locationId"]
        line: dict[str, Any] = {"skuId": sku, "locationId": node}
        listing = self.shelf.listings.get(sku)
        if listing is None or listing.is_blocked:
            error = {"errorType": "INVALID_SKU", "errorSubType": "The SKU does not exist."}
            return _line(400, "Invalid Input", {**line, "actionableErrors": [error]})
        if self.schedule.is_item_put_off():
            return _line(503, "Service Unavailable", line)
        status = (200, "Success")
        if address.path.endswith("/update"):
            status = self._update(listing, node, asked["body"])
        reserved = sum(
            order.item.open
            for order in self.shelf.orders.values()
            if (order.item.sku, order.item.node) == (sku, node)
        )
        return _line(
            *status,
            {
                **line,
                "sellableQuantity": listing.shown.get(node, 0),
                "reservedQuantity": reserved,
                "clientSequenceNumber": listing.numbers.get(node, 0),
                "actionableErrors": [],
            },
        )

    def _update(self, listing: Listing, node: str, change: Any) -> tuple[int, str]:
        number = int(change["clientSequenceNumber"])
        if number <= listing.numbers.get(node, 0):
            return 409, "DuplicateRequest"
        listing.numbers[node] = number
        self.shelf.show(listing.sku, node, int(change["quantity"]))
        return 200, "Success"

    # Orders

    def _search_orders(self, request: Request, _body: Any) -> Response:
        query = request.query_params
        until = self._clock() - SEARCH_LAG_S
        since = datetime.fromisoformat(query["lastUpdatedAfter"]).timestamp()
        found = sorted(
            (each for each in self.shelf.orders.values() if since <= each.updated < until),
            key=lambda each: (each.updated, each.id),
        )
        first = int(query.get("paginationToken", "0"))
        last = first + int(query.get("maxResultsPerPage", "100"))
        orders = [searched_order(each, self._marketplace) for each in found[first:last]]
        more = {"pagination": {"nextToken": f"{last}"}} if last < len(found) else {}
        return JSONResponse({"orders": orders, "lastUpdatedBefore": time_text(until), **more})


def _addressed(request: Request, document: FeedDocument) -> dict[str, Any]:
    url = f"{request.base_url}presigned/{document.id}"
    return {"feedDocumentId": document.id, "url": url}


def _line(code: int, phrase: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {"status": {"statusCode": code, "reasonPhrase": phrase}, "body": body}


def _unavailable() -> Response:
    return JSONResponse(errors("ServiceUnavailable", "Service is temporarily unavailable."), 503)
