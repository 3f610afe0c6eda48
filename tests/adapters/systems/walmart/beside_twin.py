"""Walmart's adapters beside its twin, request by request, and Walmart's published models."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import fastjsonschema
import httpx

from holdfast.adapters.contract import (
    Adapter,
    Offer,
    OfferVerdict,
    PublishPath,
    Request,
    Response,
    SessionExpired,
    Wait,
)
from holdfast.adapters.twins.faults import Faults
from holdfast.adapters.twins.walmart import Subscription
from holdfast.adapters.twins.walmart_http import WalmartTwin
from tests.adapters.contracts import contract
from tests.adapters.driven import Driven

SECRETS: Final = {"client_id": "id", "client_secret": "secret"}
SINCE: Final = "2026-11-26T00:00:00Z"
#: 2026-11-26T12:00:00Z.
NOON: Final = 1_795_694_400.0


class Beside:
    """An adapter and the twin that it speaks to, with a clock that is set by hand."""

    def __init__(
        self,
        adapter: Adapter,
        faults: Faults = Faults(),  # noqa: B008 - a value
        subscription: Subscription | None = None,
        **options: Any,
    ) -> None:
        self.at = NOON
        self.twin = WalmartTwin(lambda: self.at, faults, subscription)
        self.market = self.twin.market
        self.driven = Driven(adapter, "http://walmart", SECRETS, **options)
        transport = httpx.MockTransport(self._answer)
        self.driven._http = httpx.Client(transport=transport, base_url="http://walmart")

    def _answer(self, request: httpx.Request) -> httpx.Response:
        """What the twin answers, without a server between."""

        async def ask() -> httpx.Response:
            async with httpx.ASGITransport(self.twin.app) as transport:
                answer = await transport.handle_async_request(request)
                return httpx.Response(
                    answer.status_code, headers=answer.headers, content=await answer.aread()
                )

        return asyncio.run(ask())

    def publish(
        self, path: PublishPath, offers: Sequence[Offer], before: Callable[[Request], object] = id
    ) -> Sequence[OfferVerdict]:
        """Walk until there are verdicts."""
        responses: list[Response] = []
        while True:
            step = path.next(offers, responses, self.driven.options)
            if isinstance(step, Wait):
                self.at += step.seconds
                step = step.request
            if not isinstance(step, Request):
                return step
            before(step)
            responses.append(self._judged(path, offers, responses, step))

    def _judged(
        self,
        path: PublishPath,
        offers: Sequence[Offer],
        responses: Sequence[Response],
        request: Request,
    ) -> Response:
        response = self.driven.send(request)
        try:
            path.next(offers, [*responses, response], self.driven.options)
        except SessionExpired:
            response = self.driven.send(request)
        return response


def offer(item: str, node: str, quantity: int) -> Offer:
    """An offer, whose id is made of the others."""
    return Offer(item, node, quantity, None, 1, f"{item}/{node}/{quantity}")


#: Where a model names another schema than its own examples have: (schema, field) -> the right one.
MENDED: Final = {
    ("GetOrderResponseRecord", "orderLines"): "OrderLinesType",
    ("MultiNodeInventoryFetchResponseDTO", "elements"): "Elements",
}


def checker(model: str, name: str) -> Callable[[Any], Any]:
    """A function that fails unless a document is as a schema of a model says. Skips the test where
    there are no models.
    """
    document = json.loads(contract(f"walmart-marketplace/models/{model}.json").read_bytes())
    schemas = document["components"]["schemas"]
    for (schema_name, field), right in MENDED.items():
        if schema_name in schemas:
            schemas[schema_name]["properties"][field] = {"$ref": f"#/components/schemas/{right}"}
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    compiled: Callable[[Any], Any] = fastjsonschema.compile(schema, use_formats=False)
    return compiled


def example(name: str) -> Mapping[str, Any]:
    """A published example."""
    found: Mapping[str, Any] = json.loads(
        contract(f"walmart-marketplace/examples/{name}.json").read_bytes()
    )
    return found
