"""The door: what comes in is kept as it came, in time that grows with its length, and no stranger
holds more of it than its bounds.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import thread_time
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from holdfast.adapters.contract import Adapter, nothing_to_verify
from holdfast.adapters.intake import bodies
from holdfast.adapters.intake.bodies import body_seconds
from holdfast.adapters.intake.webhook import ADAPTER as WEBHOOK
from holdfast.adapters.runtime import door as the_door
from holdfast.adapters.runtime.buckets import TokenBucket
from holdfast.adapters.runtime.door import BODIES_MAX, Door, _attributes, build_app
from holdfast.adapters.runtime.flow_metrics import Figures
from holdfast.adapters.runtime.inbox import Inbox
from holdfast.adapters.runtime.settings import AdapterSettings, Configured
from holdfast.adapters.runtime.store import Store
from holdfast.edge.serving import HEAD_S
from tests.adapters.simple import ADAPTER

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
OPEN = replace(ADAPTER, verify=nothing_to_verify)


@contextmanager
def opened(
    folder: Path,
    adapter: Adapter = OPEN,
    options: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Iterator[tuple[Starlette, Inbox]]:
    """A door named "shop" with its inbox."""
    store = Store(folder, 16 << 20)
    inbox = Inbox(store, "shop", 1_000, 86_400)
    configured = Configured(
        "shop",
        adapter,
        AdapterSettings(kind="shop"),
        adapter.options.model_validate(options or {}),
        secrets or {},
    )
    bucket = TokenBucket(1_000, 1_000, lambda: 0.0)
    figures = Figures({"shop": adapter.flow}, {}, lambda: NOW)
    doors = {"shop": Door(configured, inbox, bucket)}
    yield build_app(doors, figures, dict, lambda: NOW, lambda _: None), inbox
    store.close()


def client(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door")


async def trickled(goes_on: asyncio.Event) -> AsyncIterator[bytes]:
    """A body whose end waits."""
    yield b"{"
    await goes_on.wait()
    yield b"}"


def test_many_headers_take_no_longer_than_their_length() -> None:
    """9,000 of them fit in what the server reads of a request, and nobody has proved anything."""
    headers = [(f"h{number}".encode(), b"1") for number in range(9_000)] + [(b"h0", b"2")]
    scope = {
        "type": "http", "method": "POST", "scheme": "http", "path": "/in/a", "query_string": b"",
        "server": ("a", 80), "headers": headers,
    }  # fmt: skip

    began = thread_time()
    found = _attributes(Request(scope))
    took = thread_time() - began

    assert ("1", "POST", "/in/a") == (found["h0"], found[":method"], found[":target"])
    assert 9_002 == len(found)
    assert took < 0.5


async def test_a_body_that_does_not_come_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_S", 0.0)
    with opened(tmp_path) as (app, inbox):
        async with client(app) as http:
            response = await http.post("/in/shop", content=trickled(asyncio.Event()))

        assert 408 == response.status_code
        assert "close" == response.headers["connection"]
        assert "the body does not come" in response.json()["error"]
        assert 0 == inbox.depth


def test_a_body_that_comes_has_the_more_time_the_longer_it_is() -> None:
    """The longest that the settings let in, at 64 KiB a second, is not given up."""
    assert all(body_seconds(size) > size / 65_536 for size in (0, 1 << 20, 1 << 30))
    assert 20.0 == body_seconds(0)


async def test_more_bodies_at_once_than_there_is_room_for_are_asked_to_wait(
    tmp_path: Path,
) -> None:
    goes_on = asyncio.Event()
    with opened(tmp_path) as (app, _):
        async with client(app) as http, asyncio.TaskGroup() as group:
            waiting = [
                group.create_task(http.post("/in/shop", content=trickled(goes_on)))
                for _ in range(BODIES_MAX + 1)
            ]
            refused = await next(asyncio.as_completed(waiting))
            goes_on.set()
        later = [each.result().status_code for each in waiting]

        assert (503, "1") == (refused.status_code, refused.headers["retry-after"])
        assert "the bodies that are being read have" in refused.json()["error"]
        assert sorted([202] * BODIES_MAX + [503]) == sorted(later)
        async with client(app) as http:  # and there is room again
            assert 202 == (await http.post("/in/shop", content=b"{}")).status_code


def test_who_is_asked_to_wait_finds_the_connection_open() -> None:
    assert max(the_door.WAIT_S, the_door.BODY_WAIT_S) < HEAD_S


async def test_another_path_is_not_redirected(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        async with client(app) as partner:
            for path in ("/in/shop/", "/in/", "/in/nobody"):
                assert 404 == (await partner.post(path, content=b"{}")).status_code


async def test_a_length_beside_chunks_does_not_count(tmp_path: Path) -> None:
    """h11 reads the chunks, however short the body says to be."""
    goes_on = asyncio.Event()
    headers = {"content-length": "0", "transfer-encoding": "chunked"}
    with opened(tmp_path) as (app, _):
        async with client(app) as http, asyncio.TaskGroup() as group:
            waiting = [
                group.create_task(http.post("/in/shop", content=trickled(goes_on), headers=headers))
                for _ in range(BODIES_MAX + 1)
            ]
            refused = await next(asyncio.as_completed(waiting))
            goes_on.set()
        assert 503 == refused.status_code


async def test_short_bodies_find_room_beside_one_another(tmp_path: Path) -> None:
    """As those of 300 tills that come back at once."""
    goes_on = asyncio.Event()
    headers = {"content-length": "2"}
    with opened(tmp_path) as (app, _):
        async with client(app) as http, asyncio.TaskGroup() as group:
            posts = [
                group.create_task(http.post("/in/shop", content=trickled(goes_on), headers=headers))
                for _ in range(5 * BODIES_MAX)
            ]
            goes_on.set()
        assert {202} == {each.result().status_code for each in posts}


async def test_who_goes_away_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    said = iter([{"type": "http.request", "body": b"{", "more_body": True}])
    scope = {
        "type": "http", "method": "POST", "path": "/in/shop", "query_string": b"", "headers": [],
        "scheme": "http", "server": ("a", 80), "root_path": "",
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return next(said, {"type": "http.disconnect"})

    answers: list[Any] = []

    async def send(answer: Any) -> None:
        answers.append(answer)

    with opened(tmp_path) as (app, inbox):
        await app(scope, receive, send)

        assert 400 == answers[0]["status"]
        assert "before the body did" in json.loads(answers[1]["body"])["error"]
        assert 0 == inbox.depth


@pytest.mark.parametrize("version", ["abc", "1.x", "1.0.0\xe9", "\xb2", "9" * 5_000])
@pytest.mark.parametrize("kind", ["application/openmetrics-text", "text/plain"])
async def test_figures_are_returned_whatever_version_is_asked_for(
    kind: str, version: str, tmp_path: Path
) -> None:
    accept = f"{kind}; version={version}".encode("latin-1")
    with opened(tmp_path) as (app, _):
        async with client(app) as http:
            response = await http.get("/metrics", headers={b"accept": accept})

    assert 200 == response.status_code
    assert "holdfast_adapter_messages" in response.text


KEY = "holdfast:a/key/that/nobody/guesses"
KEY_IN_BASE64 = base64.b64encode(KEY.encode()).decode()


@pytest.mark.parametrize(
    ("headers", "verify"),
    [
        ({"x-api-key": KEY}, {"scheme": "bearer", "headers": ["X-Api-Key"]}),
        ({"x-auth": f"Basic {KEY_IN_BASE64}"}, {"scheme": "basic", "headers": ["X-Auth"]}),
        ({"authorization": f"Bearer {KEY}", "x-also": f"key={KEY}"}, {"scheme": "bearer"}),
        (
            {"authorization": f"Basic {KEY_IN_BASE64}", "x-also": KEY_IN_BASE64},
            {"scheme": "basic"},
        ),
    ],
)
async def test_what_a_sender_proves_itself_with_is_not_kept(
    headers: dict[str, str], verify: Any, tmp_path: Path
) -> None:
    """Whichever header has it, and wherever else it stands beside the body."""
    options = {"source": "s", "kind": "=sale", "sku": "a", "location": "b", "quantity": "c"}
    with opened(tmp_path, WEBHOOK, {**options, "verify": verify}, {"secret": KEY}) as (app, inbox):
        async with client(app) as http:
            sent = {**headers, "x-other": "stays"}
            url = f"/in/shop?token={quote(KEY, safe='')}"
            answer = await http.post(url, content=b"{}", headers=sent)
        [waiting] = inbox.head(9, 1 << 20)

    assert 202 == answer.status_code
    kept = waiting.message.attributes
    assert "stays" == kept["x-other"]
    assert KEY not in unquote(str(kept))
    assert KEY_IN_BASE64 not in str(kept)
