"""Amazon's own SDK, a client that we did not write: the twin understands it, and the adapter asks
as it does.
"""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.adapters.contract import Request, Wait
from holdfast.adapters.systems.amazon.external_fulfillment import BATCH_PATH
from holdfast.adapters.systems.amazon.listings import PATCH_PATH, READ_BACK
from holdfast.adapters.systems.amazon.listings_feed import FEED_PATH
from holdfast.adapters.systems.amazon.order_search import POLL, OrderSearchOptions
from holdfast.adapters.twins.amazon import AmazonTwin
from holdfast.adapters.twins.faults import Deliveries, Faults
from holdfast.adapters.twins.serving import running
from tests.adapters.installed import installed
from tests.adapters.systems.amazon.amazon_channel import (
    NOON,
    OPTIONS,
    SECRETS,
    HandClock,
    answer,
    offer,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

#: Method, path, query and body of a request.
Asked = tuple[str, str, dict[str, list[str]], Any]


class Recorded:
    """A twin whose requests are kept."""

    def __init__(self, twin: AmazonTwin) -> None:
        self.asked: list[Asked] = []
        self._twin = twin

    @property
    def deliveries(self) -> Deliveries:
        return self._twin.deliveries

    @property
    def app(self) -> ASGIApp:
        async def kept(scope: Scope, receive: Receive, send: Send) -> None:
            body = bytearray()

            async def heard() -> Any:
                message = await receive()
                body.extend(message.get("body", b""))
                return message

            await self._twin.app(scope, heard, send)
            path, query = scope["raw_path"].decode(), parse_qs(scope["query_string"].decode())
            is_form = path.startswith("/auth")
            document = parse_qs(body.decode()) if is_form else json.loads(bytes(body) or b"null")
            self.asked.append((scope["method"], path, query, document))

        return kept


@pytest.fixture(scope="module")
def conversation() -> tuple[Any, list[Asked]]:
    """What the SDK was answered, and what it asked."""
    packages, clock = installed("amzn-sp-api"), HandClock()
    twin = AmazonTwin(Faults(), clock, credentials=SECRETS, effect_s=0, feed_s=0)
    twin.list_item("MUG/1", DEFAULT=9)
    twin.sell("MUG/1", "DEFAULT", 2)
    clock.now += 600
    recorded = Recorded(twin)
    with running(recorded) as run:
        ended = subprocess.run(
            [sys.executable, Path(__file__).with_name("sdk_client.py"), run.url],
            env={**os.environ, "PYTHONPATH": str(packages)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert 0 == ended.returncode, ended.stderr
    return json.loads(ended.stdout), recorded.asked


def test_the_sdk_understands_the_twin(conversation: Any) -> None:
    assert {
        "patched": "ACCEPTED",
        "found": [4],
        "fed": "DONE",
        "batch": [[200, 7]],
        "orders": [["UNSHIPPED", 2]],
    } == conversation[0]


def test_the_adapter_asks_as_the_sdk_does(conversation: Any) -> None:
    login, *asked = conversation[1]
    since = datetime.fromtimestamp(NOON - 3_600, UTC)
    search = OrderSearchOptions(marketplace_ids=(OPTIONS.marketplace_id,), since=since)
    presigned = asked[3][1]
    document, result = presigned.rpartition("/")[2], asked[6][1].rpartition("/")[2]
    feed = asked[5][1].rpartition("/")[2]
    announced = {"feedDocumentId": document, "url": presigned}
    done = {"processingStatus": "DONE", "resultFeedDocumentId": result}
    way = [
        answer(200, json.dumps(each).encode()) for each in (announced, {}, {"feedId": feed}, done)
    ]
    steps = [FEED_PATH.next([offer("MUG/1", 3)], way[:count], OPTIONS) for count in range(5)]
    ours = [
        PATCH_PATH.next([offer("MUG/1", 4)], [], OPTIONS),
        READ_BACK.request("", OPTIONS),
        *steps,
        BATCH_PATH.next([offer("MUG/1", 7, "STORE", 12)], [], OPTIONS),
        POLL.request("", search),
    ]

    assert "/auth/o2/token" == login[1]
    for theirs, own in zip(asked, ours, strict=True):
        if not theirs[1].startswith("/presigned"):
            assert theirs == _asked(own)


def _asked(step: Any) -> Asked:
    request = step.request if isinstance(step, Wait) else step
    assert isinstance(request, Request)
    parts = urlsplit(request.url)
    body = json.loads(request.body) if request.body else None
    return request.method, parts.path, parse_qs(parts.query), body
