"""A checkout that asks the hook for agents, without a server between."""

import hashlib
import hmac
import json
import re
import uuid
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, Self

import fastjsonschema
import httpx
from starlette.applications import Starlette

from holdfast.adapters.agents.agents_options import AgentsOptions
from holdfast.adapters.runtime.agent_hook import agent_hook
from holdfast.adapters.runtime.flow_metrics import Figures
from holdfast.edge.client import Client
from tests.edge.raw import receipt

TOKEN: Final = "a token"
STRIPE_SECRET: Final = "whsec"
NOW: Final = datetime(2026, 11, 27, 9, tzinfo=UTC)
OPENAPI: Final[dict[str, Any]] = json.loads(
    files("holdfast.adapters").joinpath("schemas", "agents.v1.openapi.json").read_text()
)


def check_answer(method: str, path: str, answer: httpx.Response) -> None:
    """Fail unless the published document says that a request is answered so."""
    named = re.sub(r"^/agents/holds/[^/]+", "/agents/holds/{id}", path)
    documented = OPENAPI["paths"][named][method.lower()]["responses"][f"{answer.status_code}"]
    assert set(documented.get("headers", {})) <= {"Retry-After"}
    assert ("Retry-After" in documented.get("headers", {})) is ("retry-after" in answer.headers)
    _schema(documented["content"]["application/json"]["schema"]["$ref"])(answer.json())


@cache
def _schema(ref: str) -> Any:
    schema = {"$ref": ref, "components": OPENAPI["components"]}
    return fastjsonschema.compile(schema, use_formats=False)


def _now() -> datetime:
    return NOW


class Asking:
    """Asks with a token, and counts stock under SKUs of its own."""

    def __init__(self, client: Client, options: AgentsOptions) -> None:
        self.client = client
        self.figures = Figures({}, {}, _now)
        app = Starlette(routes=list(agent_hook(options, self.figures, _now)(client)))
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://hook")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def stock(self, units: int, sku: str = "") -> str:
        """A SKU with so many units."""
        sku = sku or f"SKU-{uuid.uuid4().hex[:8]}"
        await self.client.record_stock_events("goods-in", [receipt(sku, units, "dc-1")])
        return sku

    async def ask(
        self, method: str, path: str, document: Any = None, token: str = TOKEN, **headers: str
    ) -> httpx.Response:
        """Ask for something."""
        body = b"" if document is None else json.dumps(document).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"authorization": f"Bearer {token}", **named}
        answer = await self.http.request(method, f"/agents/{path}", content=body, headers=sent)
        check_answer(method, f"/agents/{path}", answer)
        return answer

    async def hold(self, name: str, *lines: tuple[str, int]) -> Any:
        """Ask for a hold, and return the answer."""
        items = [{"item": {"id": sku}, "quantity": units} for sku, units in lines]
        answer = await self.ask("PUT", f"holds/{name}", {"line_items": items})
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()

    async def approve(self, event: Any) -> httpx.Response:
        """Ask as Stripe does."""
        body, at = json.dumps(event).encode(), int(NOW.timestamp())
        digest = hmac.new(STRIPE_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256)
        signature = f"t={at},v1={digest.hexdigest()}"
        headers = {"stripe-signature": signature}
        answer = await self.http.post("/agents/stripe", content=body, headers=headers)
        if answer.status_code != httpx.codes.NOT_FOUND:
            check_answer("POST", "/agents/stripe", answer)
        return answer

    async def available(self, sku: str) -> int:
        """What can be promised of a SKU."""
        found = await self.client.get_availability(sku)
        return int(found.availability.network_available)
