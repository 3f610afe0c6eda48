"""Every intake over HTTP, from what a partner sends to what a real node has on hand."""

import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from holdfast.adapters.contract import Message
from holdfast.adapters.events import StockFact
from holdfast.adapters.intake import poslog
from holdfast.adapters.intake.cloudevents import BATCH, STRUCTURED, to_json
from holdfast.adapters.intake.poslog_options import PoslogOptions
from holdfast.edge.client import BlockingClient
from tests.adapters.adapters_process import AdaptersProcess
from tests.adapters.contracts import contract
from tests.adapters.events_of import SALE, to_batch
from tests.edge.node_process import NodeProcess, running_node

pytestmark = pytest.mark.slow

SECRET = "signature-key"
URL = "https://shop.example/in/square"
ADAPTERS = f"""
[adapters.events]
kind = "cloudevents"
mappings = ["names.csv"]
[adapters.tills]
kind = "poslog"
mappings = ["names.csv"]
options = {{ time_zone = "America/Los_Angeles", weight_unit = "lb", hold_suspended = false }}
[adapters.gates]
kind = "epcis"
mappings = ["names.csv"]
[adapters.square]
kind = "square"
mappings = ["names.csv"]
options = {{ notification_url = "{URL}" }}
secrets = {{ signature_key = {{ file = "secret" }} }}
[adapters.wms]
kind = "webhook"
mappings = ["names.csv"]
secrets = {{ secret = {{ file = "secret" }} }}
[adapters.wms.options]
source = "wms"
verify = {{ scheme = "hmac", headers = ["x-signature"], encoding = "hex" }}
kind = "=receipt"
sku = "item"
location = "=store"
quantity = "qty"
"""
#: The base unit is a hundredth of a piece, pound or kilogram.
NAMES = "\n".join(
    (
        "table,theirs,ours,factor,sku,from,until",
        "sku,*,*,,,,",
        "location,*,store,,,,",
        "unit,,,100,,,",
        "unit,lb,,100,,,",
        "unit,kg,,100,,,",
        "unit,KGM,,100,,,",
    )
)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    with running_node(tmp_path / "node") as running:
        with BlockingClient(**running.targets) as client:
            client.create_location("store")
        yield running


@pytest.fixture
def adapters(node: NodeProcess, tmp_path: Path) -> Iterator[AdaptersProcess]:
    folder = tmp_path / "adapters"
    process = AdaptersProcess(folder, node.target, ADAPTERS)
    (folder / "names.csv").write_text(NAMES)
    (folder / "secret").write_text(SECRET)
    with process as running:
        yield running


def post(adapters: AdaptersProcess, name: str, body: bytes, **headers: str) -> int:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    url = adapters.url(f"/in/{name}")
    return httpx.post(url, content=body, headers=named, timeout=30).status_code


def on_hand(node: NodeProcess, sku: str) -> int:
    with BlockingClient(**node.targets) as client:
        [level] = client.get_availability(sku).availability.levels
        return level.on_hand


def dead_letters(adapters: AdaptersProcess) -> list[dict[str, Any]]:
    lines = adapters.command("dead-letters", "--json").stdout.splitlines()
    return [json.loads(line) for line in lines]


def test_events_come_in_three_forms_and_count_once(
    adapters: AdaptersProcess, node: NodeProcess
) -> None:
    sales = [replace(SALE, id=f"s{at}", sequence=0, sku="EVENT") for at in range(4)]
    assert 202 == post(adapters, "events", to_json(sales[0]), content_type=STRUCTURED)
    assert 202 == post(adapters, "events", to_batch(sales[:3]), content_type=BATCH)
    document = json.loads(to_json(sales[3]))
    headers = {f"ce-{name}": each for name, each in document.items() if type(each) is str}
    body = json.dumps(document["data"]).encode()
    del headers["ce-datacontenttype"]
    assert 202 == post(adapters, "events", body, content_type="application/json", **headers)
    adapters.wait_idle()

    assert [] == dead_letters(adapters)
    assert -4 * 42 == on_hand(node, "EVENT")


def test_every_receipt_of_a_real_day_is_in_the_core(
    adapters: AdaptersProcess, node: NodeProcess
) -> None:
    body = contract("poslog/POSLog.redacted.xml").read_bytes()
    sold: Counter[str] = Counter()
    options = PoslogOptions(time_zone="UTC")
    for each in poslog.ADAPTER.decode(Message(body), options):
        if isinstance(each, StockFact):
            sold[each.sku] += int(each.quantity * 100)
    for _ in range(2):
        assert 202 == post(adapters, "tills", body, content_type="application/xml")
    adapters.wait_idle()

    assert [] == dead_letters(adapters)
    with BlockingClient(**node.targets) as client:
        for sku, quantity in sold.items():
            [level] = client.get_availability(sku).availability.levels
            assert -quantity == level.on_hand


def test_what_gates_and_warehouses_tell_is_in_the_core(
    adapters: AdaptersProcess, node: NodeProcess
) -> None:
    event = {
        "type": "ObjectEvent",
        "eventTime": "2026-11-26T12:00:00Z",
        "action": "OBSERVE",
        "bizStep": "receiving",
        "quantityList": [
            {"epcClass": "https://id.gs1.org/01/80614141123458", "quantity": 0.5, "uom": "KGM"}
        ],
        "readPoint": {"id": "urn:epc:id:sgln:0614141.12345.0"},
    }
    assert 202 == post(adapters, "gates", json.dumps(event).encode())
    body = json.dumps({"id": "w1", "item": "WMS", "qty": 3}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert 202 == post(adapters, "wms", body, x_signature=signature)
    assert 401 == post(adapters, "wms", body + b" ", x_signature=signature)
    adapters.wait_idle()

    assert [] == dead_letters(adapters)
    assert (50, 300) == (on_hand(node, "80614141123458"), on_hand(node, "WMS"))


def test_counts_of_square_are_in_the_core(adapters: AdaptersProcess, node: NodeProcess) -> None:
    # A count of long ago is refused, so it is of when the door last answered.
    now = httpx.get(adapters.url("/healthz"), timeout=5).headers["date"]
    count = {
        "catalog_object_id": "VARIATION",
        "state": "IN_STOCK",
        "location_id": "LOCATION-1",
        "quantity": "12.25",
        "calculated_at": parsedate_to_datetime(now).isoformat(),
    }
    document = {
        "merchant_id": "M1",
        "type": "inventory.count.updated",
        "event_id": "E1",
        "data": {"object": {"inventory_counts": [count]}},
    }
    body = json.dumps(document).encode()
    digest = hmac.new(SECRET.encode(), URL.encode() + body, hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    assert 202 == post(adapters, "square", body, x_square_hmacsha256_signature=signature)
    assert 401 == post(adapters, "square", body)
    adapters.wait_idle()

    assert [] == dead_letters(adapters)
    assert int(Decimal("12.25") * 100) == on_hand(node, "VARIATION")
