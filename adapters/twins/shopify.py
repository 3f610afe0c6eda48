"""A twin of a shop at Shopify over HTTP: its Admin API, its token endpoint and its webhooks.

    twin = ShopifyTwin(secrets=Secrets(), clock=time.time)
    twin.shop.stock("808950810", "MUG", "905684977")
    twin.subscribe("https://shop.example/in/shopify")
    async with serving(twin) as url: ...

Sources: "Shopify API limits", "Webhooks", "Using the client credentials grant" (shopify.dev).
"""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs

from graphql import DocumentNode, ExecutionResult, GraphQLError, execute_sync, parse, validate
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from .faults import Allowance, Clock, Deliveries, Delivery, Faults, RequestFault, Schedule
from .shopify_answers import Answers
from .shopify_schema import MUTATION_COST, SCHEMA, actual_cost, requested_cost
from .shopify_shop import Shop

VERSION: Final = "2026-10"

#: Points a second and at once, of the smallest plan.
RATE: Final = 100
BURST: Final = 2_000
#: The most points that a query may ask for.
COST_MAX: Final = 1_000
#: Seconds that a token of the client credentials grant holds.
TOKEN_S: Final = 86_399


@dataclass(frozen=True, slots=True)
class Secrets:
    """What proves an app to the shop, and the shop to the app."""

    access_token: str = "shpat_made-up"  # noqa: S105 - a shop that is not there
    client_id: str = "made-up-id"
    client_secret: str = "made-up-secret"  # noqa: S105 - the same


class ShopifyTwin:
    """A shop with its API."""

    def __init__(
        self,
        clock: Clock,
        *,
        domain: str = "twin.myshopify.com",
        secrets: Secrets | None = None,
        faults: Faults | None = None,
        rate: float = RATE,
    ) -> None:
        self.domain = domain
        self.secrets = secrets or Secrets()
        self.clock = clock
        self._schedule = Schedule(faults or Faults(), clock)
        self.deliveries = Deliveries(self._schedule, clock)
        self.shop = Shop(clock, self._tell)
        self.requests = 0
        self.throttled = 0
        """Requests that it had no points for, or no time."""
        self._answers = Answers(self.shop, self._schedule)
        self.points = Allowance(rate, BURST, clock)
        self._tokens: dict[str, float] = {}
        self._subscribers: list[str] = []
        self._sent = 0
        self.app: ASGIApp = Starlette(
            routes=[
                Route("/admin/oauth/access_token", self._token, methods=["POST"]),
                Route(f"/admin/api/{VERSION}/graphql.json", self._graphql, methods=["POST"]),
            ]
        )

    def subscribe(self, url: str) -> None:
        """Have all webhooks sent to an address."""
        self._subscribers.append(url)

    def sell(self, item: str, node: str, quantity: int) -> str | None:
        """An order of a buyer, or None where the shop does not show that many."""
        return self.shop.sell(item, node, quantity)

    def books(self) -> Mapping[str, Mapping[tuple[str, str], int]]:
        """What the shop shows, and what was sold."""
        return self.shop.books()

    def _tell(self, topic: str, body: Mapping[str, Any]) -> None:
        """Send a webhook, by the schedule. A repeat of it is the same delivery."""
        self._sent += 1
        raw = json.dumps(body).encode()
        digest = hmac.new(self.secrets.client_secret.encode(), raw, hashlib.sha256).digest()
        for url in self._subscribers:
            delivery = uuid.uuid5(uuid.NAMESPACE_URL, f"{url}#{self._sent}")
            headers = {
                "Content-Type": "application/json",
                "X-Shopify-Topic": topic,
                "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
                "X-Shopify-Shop-Domain": self.domain,
                "X-Shopify-API-Version": VERSION,
                "X-Shopify-Webhook-Id": str(delivery),
                "X-Shopify-Event-Id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(self._sent))),
                "X-Shopify-Triggered-At": self.shop.now(),
            }
            self.deliveries.post(Delivery(url, raw, headers))

    async def _token(self, request: Request) -> Response:
        """The client credentials grant."""
        form = {
            name: values[0] for name, values in parse_qs((await request.body()).decode()).items()
        }
        expected = {
            "grant_type": "client_credentials",
            "client_id": self.secrets.client_id,
            "client_secret": self.secrets.client_secret,
        }
        if form != expected:
            return JSONResponse({"error": "invalid_client"}, 400)
        token = f"shpat_{len(self._tokens)}_{self.secrets.client_id}"
        self._tokens[token] = self.clock() + TOKEN_S
        return JSONResponse({"access_token": token, "scope": "", "expires_in": TOKEN_S})

    async def _graphql(self, request: Request) -> Response:
        self.requests += 1
        fault = self._schedule.of_request()
        if fault is RequestFault.EXPIRED:
            self._tokens.clear()
        if fault is RequestFault.OUTAGE:
            return Response(status_code=503)
        token = request.headers.get("x-shopify-access-token", "")
        if token != self.secrets.access_token and self._tokens.get(token, 0) <= self.clock():
            text = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return JSONResponse({"errors": text}, 401)
        query = json.loads(await request.body())
        answered = self._answered(
            query["query"], query.get("variables") or {}, fault is RequestFault.THROTTLED
        )
        return Response(status_code=502) if fault is RequestFault.LOST else JSONResponse(answered)

    def _answered(
        self, text: str, variables: Mapping[str, Any], is_throttled: bool
    ) -> dict[str, Any]:
        document = _document(text)
        if isinstance(document, list):
            return {"errors": document}
        requested = requested_cost(document, variables)
        if requested > COST_MAX:
            text = f"Query cost is {requested}, which exceeds the single query max cost limit"
            return {"errors": [{"message": text, "extensions": {"code": "MAX_COST_EXCEEDED"}}]}
        self.points.take(0)
        if is_throttled or self.points.left < requested:
            self.throttled += 1
            throttled = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return {"errors": [throttled], **self._cost(requested, None)}
        result = execute_sync(
            SCHEMA, document, root_value=self._answers, variable_values=dict(variables)
        )
        return self._charged(result, requested)

    def _charged(self, result: ExecutionResult, requested: int) -> dict[str, Any]:
        is_mutation = "inventorySetQuantities" in (result.data or {})
        actual = MUTATION_COST if is_mutation else actual_cost(result.data)
        self.points.take(min(actual, requested))
        return {**result.formatted, **self._cost(requested, actual)}

    def _cost(self, requested: int, actual: int | None) -> dict[str, Any]:
        status = {
            "maximumAvailable": self.points.burst,
            "currentlyAvailable": self.points.left,
            "restoreRate": self.points.rate,
        }
        cost = {
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": status,
        }
        return {"extensions": {"cost": cost}}


@lru_cache(maxsize=256)  # callers send few documents, and checking one takes milliseconds
def _document(text: str) -> DocumentNode | list[Any]:
    """A document that fits the schema, or what is wrong with it."""
    try:
        document = parse(text)
    except GraphQLError as error:
        return [error.formatted]
    wrong = validate(SCHEMA, document)
    return [error.formatted for error in wrong] if wrong else document
