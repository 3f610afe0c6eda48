"""The published OpenAPI document has the routes and the answers of the door."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import fastjsonschema
import httpx
import pytest
from starlette.routing import Route

from holdfast.adapters.contract import nothing_to_verify
from holdfast.adapters.intake import bodies
from holdfast.adapters.runtime import door
from holdfast.adapters.runtime.buckets import TokenBucket
from holdfast.adapters.runtime.door import Door, build_app
from holdfast.adapters.runtime.flow_metrics import Figures
from holdfast.adapters.runtime.host import Host
from holdfast.adapters.runtime.inbox import Inbox
from holdfast.adapters.runtime.settings import AdapterSettings, Configured, load
from holdfast.adapters.runtime.store import Store, StoreFailed
from tests.adapters.simple import ADAPTER, ShopOptions

FILE = files("holdfast.adapters").joinpath("schemas", "intakes.v1.openapi.json")
OPENAPI: dict[str, Any] = json.loads(FILE.read_text())
RECEIVE = OPENAPI["paths"]["/in/{name}"]["post"]

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
SOLD = {"id": "1", "type": "sale", "item": "MUG", "store": "S", "pieces": 1}


class Broken:
    """A store that has failed."""

    adapter = "broken"

    async def put(self, *_: object) -> None:
        raise StoreFailed("the disk is gone")


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A door for each answer that there is."""
    store = Store(tmp_path / "store", 16 << 20)
    shop = replace(ADAPTER, refuses=True)
    trusted = replace(shop, verify=nothing_to_verify)
    no_secrets: Mapping[str, str] = MappingProxyType({})

    def opened(
        name: str, inbox: Any, secrets: Mapping[str, str] = no_secrets, rate: float = 1_000
    ) -> Door:
        settings = AdapterSettings(kind="webshop", body_max_kib=1)
        bucket = TokenBucket(rate, rate, lambda: 0.0)
        adapter = shop if secrets else trusted
        return Door(Configured(name, adapter, settings, ShopOptions(), secrets), inbox, bucket)

    doors = {
        "shop": opened("shop", Inbox(store, "shop", 100, 86_400)),
        "signed": opened("signed", Inbox(store, "signed", 100, 86_400), {"key": "made up"}),
        "busy": opened("busy", Inbox(store, "busy", 100, 86_400), rate=1),
        "full": opened("full", Inbox(store, "full", 1, 86_400)),
        "broken": opened("broken", Broken()),
    }
    figures = Figures(dict.fromkeys(doors, "order_sync"), {}, lambda: NOW)
    app = build_app(doors, figures, lambda: status_of(tmp_path), lambda: NOW, lambda _: None)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        yield client
    store.close()


def status_of(folder: Path) -> Mapping[str, Any]:
    """The status of a host that has one adapter of each kind of source."""
    config = folder / "adapters.toml"
    config.write_text(
        "[objectives]\norder_sync = { seconds = 5, share = 0.99 }\n"
        '[adapters.events]\nkind = "cloudevents"\n'
        '[adapters.drop]\nkind = "rows"\nfolder = { path = "drop" }\n'
        'options = { source = "rows" }\n'
    )
    host = Host(*load(config))
    try:
        return host.status()
    finally:
        host.close()


async def sold(http: httpx.AsyncClient, name: str, **changes: object) -> httpx.Response:
    return await http.post(f"/in/{name}", content=json.dumps(SOLD | changes))


async def sold_twice(http: httpx.AsyncClient, name: str) -> httpx.Response:
    """The answer to the second, where there is room for one."""
    await sold(http, name, id="first")
    return await sold(http, name, id="second")


async def compressed(http: httpx.AsyncClient, coding: str) -> httpx.Response:
    return await http.post(
        "/in/shop", content=json.dumps(SOLD), headers={"content-encoding": coding}
    )


ANSWERS: dict[str, tuple[int, Callable[[httpx.AsyncClient], Any]]] = {
    "stored": (202, lambda http: sold(http, "shop")),
    "by put": (202, lambda http: http.put("/in/shop", content=json.dumps(SOLD))),
    "unreadable": (400, lambda http: sold(http, "shop", pieces="one")),
    "unsigned": (401, lambda http: sold(http, "signed")),
    "unknown": (404, lambda http: sold(http, "nobody")),
    "long": (413, lambda http: sold(http, "shop", note="x" * 1_024)),
    "compressed": (415, lambda http: compressed(http, "gzip")),
    "compressed twice": (415, lambda http: compressed(http, "identity, Deflate")),
    "not compressed": (202, lambda http: compressed(http, "identity")),
    "full": (503, lambda http: sold_twice(http, "full")),
    "broken": (500, lambda http: sold(http, "broken")),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_each_answer_is_as_documented(http: httpx.AsyncClient, name: str) -> None:
    status, send = ANSWERS[name]
    answer = await send(http)
    assert status == answer.status_code, answer.text
    judge(answer, RECEIVE)


async def test_a_sender_that_is_too_fast_learns_how_long_to_wait(http: httpx.AsyncClient) -> None:
    answers = [await sold(http, "busy", id=f"{number}") for number in range(3)]
    assert 429 == answers[-1].status_code
    judge(answers[-1], RECEIVE)


async def test_a_body_that_does_not_come_is_answered_as_documented(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_S", 0.0)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    answer = await http.post("/in/shop", content=stalled())
    assert 408 == answer.status_code
    judge(answer, RECEIVE)


async def test_what_comes_again_is_answered_as_documented(http: httpx.AsyncClient) -> None:
    answers = [await sold(http, "shop", pieces=pieces) for pieces in (1, 1, 2)]
    assert ["stored", "duplicate", "reused"] == [each.json()["outcome"] for each in answers]
    for answer in answers:
        judge(answer, RECEIVE)


@pytest.mark.parametrize("path", ["/status", "/metrics", "/healthz"])
@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
async def test_pages_for_operators_are_as_documented(
    http: httpx.AsyncClient, path: str, accept: str
) -> None:
    answer = await http.get(path, headers={"accept": accept})
    assert 200 == answer.status_code
    judge(answer, OPENAPI["paths"][path]["get"])


def test_routes_are_those_of_the_document() -> None:
    app = build_app({}, Figures({}, {}, lambda: NOW), dict, lambda: NOW, lambda _: None)
    served = {
        route.path: {method.lower() for method in route.methods or ()} - {"head"}
        for route in app.routes
        if isinstance(route, Route)
    }
    documented = {path: set(item) - {"parameters"} for path, item in OPENAPI["paths"].items()}
    assert served == documented


def test_refusals_are_those_of_the_door() -> None:
    source = Path(door.__file__).read_text()
    refused = {
        int(status)
        for status in re.findall(r"_Refusal\((\d+)|}, (\d{3})\)", source)
        for status in status
        if status
    }

    assert {*refused} == {int(status) for status in RECEIVE["responses"]}
    assert RECEIVE["responses"] == OPENAPI["paths"]["/in/{name}"]["put"]["responses"]
    assert {int(each) for each in RECEIVE["responses"]} == {408, 429} | {
        status for status, _ in ANSWERS.values()
    }


def judge(answer: httpx.Response, operation: Mapping[str, Any]) -> None:
    """Compare an answer with what its operation may answer."""
    documented = operation["responses"][f"{answer.status_code}"]
    media = answer.headers["content-type"].partition(";")[0]
    schema = documented["content"][media]["schema"]
    is_json = media == "application/json"
    validator(json.dumps(schema))(answer.json() if is_json else answer.text)
    headers = {name.lower() for name in documented.get("headers", {})}
    assert headers == set(answer.headers) - {"content-length", "content-type", "connection"}
    assert int(answer.headers.get("retry-after", 1)) >= 1
    assert "identity" == answer.headers.get("accept-encoding", "identity")


@cache
def validator(schema: str) -> Any:
    return fastjsonschema.compile(
        {"components": OPENAPI["components"], "allOf": [json.loads(schema)]}
    )
