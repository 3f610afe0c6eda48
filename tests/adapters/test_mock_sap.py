"""An SAP that we did not write (PyPI mock-sap): polled by OData with tokens that expire, faults and
slow answers, and met through its IDocs. What we make of it is compared with its own books.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from holdfast.adapters.contract import Message, Undecodable
from holdfast.adapters.events import (
    Decoded,
    FactKind,
    Ignored,
    OrderEvent,
    OrderKind,
    StockFact,
)
from holdfast.adapters.runtime.buckets import TokenBucket
from holdfast.adapters.runtime.partner import Partner, PartnerAway, http_client
from holdfast.adapters.systems import sap_idoc
from holdfast.adapters.systems.sap_movements import SapOptions
from holdfast.adapters.systems.sap_odata import DELIVERIES
from holdfast.adapters.systems.sap_sweeps import OdataOptions
from tests.edge.node_process import free_port
from tests.real_time import now_s, wait_until

pytestmark = pytest.mark.slow

OPTIONS: Final = OdataOptions(since=date(2000, 1, 1), page=3, oauth_client="HOLDFAST")
ORDERS: Final = "/sap/opu/odata/sap/API_SALES_ORDER_SRV/A_SalesOrder"
SETS: Final = "/sap/opu/odata/sap/API_OUTBOUND_DELIVERY_SRV"


class Sap:
    """The system as a process of its own, and a user of it with the CSRF token that writes need."""

    def __init__(self, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mocksap", "--port", self.url.rpartition(":")[2], "-q"),
                *("--oauth", "HOLDFAST:s3cret", "--auth", "user:pass"),
            ],
            stdout=self.log,
            stderr=self.log,
        )
        self.user = httpx.Client(base_url=self.url, auth=("user", "pass"), timeout=10)
        wait_until(self._is_up, "mock-sap listens")

    def close(self) -> None:
        self.user.close()
        self.process.terminate()
        self.process.wait(timeout=10)
        self.log.close()

    def rows(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Rows of an entity set, read by another user."""
        response = self.user.get(path, params={"$format": "json"} | query)
        assert response.is_success, response.text
        found: list[dict[str, Any]] = response.json()["d"]["results"]
        return found

    def idoc(self, kind: str, order: str) -> httpx.Response:
        """An IDoc of a sales order; DELVRY delivers what is open of it."""
        token = self.user.get(ORDERS, params={"$top": "1"}, headers={"x-csrf-token": "fetch"})
        return self.user.post(
            "/sap/bc/idoc/generate",
            params={"format": "xml"},
            json={"mestyp": kind, "SalesOrder": order},
            headers={"x-csrf-token": token.headers["x-csrf-token"]},
        )

    def delivered(self) -> tuple[str, bytes]:
        """Delivers the first order that is open: its number, and the IDoc."""
        for order in self.rows(ORDERS):
            response = self.idoc("DELVRY", order["SalesOrder"])
            if response.is_success:
                return order["SalesOrder"], response.content
        raise AssertionError("no order is open")

    def fault(self, **rule: Any) -> None:
        """What it does wrong next."""
        assert self.user.post("/_mock/faults", json={"count": 1} | rule).is_success

    def _is_up(self) -> bool:
        assert self.process.poll() is None, "mock-sap has ended"
        try:
            return self.user.get("/_mock/health").is_success
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def sap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sap]:
    system = Sap(tmp_path_factory.mktemp("mock-sap"))
    yield system
    system.close()


@pytest.fixture
async def partner(sap: Sap) -> AsyncIterator[Partner]:
    async with http_client(sap.url) as http:
        yield Partner(
            "sap",
            http,
            TokenBucket(1000, 1000, now_s),
            adapter=DELIVERIES,
            options=OPTIONS,
            secrets={"client_secret": "s3cret"},
        )


class Sweeps:
    """Our polls: the cursor, and the keys of what has come."""

    def __init__(self, partner: Partner) -> None:
        self.partner = partner
        self.cursor = ""
        self.known: set[str] = set()

    async def page(self) -> tuple[list[Message], bool]:
        """What is new on the next page, and whether there is another one."""
        poll, cursor = DELIVERIES.poll, self.cursor
        assert poll is not None
        page = await self.partner.ask_once(
            poll.request(cursor, OPTIONS), lambda response: poll.page(response, cursor, OPTIONS)
        )
        self.cursor = page.cursor
        fresh = [each for each in page.messages if DELIVERIES.key(each) not in self.known]
        self.known |= {DELIVERIES.key(each) for each in page.messages}
        return fresh, page.has_more

    async def sweep(self) -> list[Message]:
        """What is new on all pages."""
        messages, has_more = await self.page()
        while has_more:
            more, has_more = await self.page()
            messages += more
        return messages


def decoded(messages: list[Message]) -> list[Decoded | Undecodable]:
    return [event for message in messages for event in DELIVERIES.decode(message, OPTIONS)]


def units(events: list[Decoded | Undecodable]) -> Counter[tuple[str, str]]:
    """Units by SKU and location; all events are goods issues or say nothing."""
    found: Counter[tuple[str, str]] = Counter()
    for event in events:
        if isinstance(event, StockFact):
            assert FactKind.GOODS_ISSUE == event.kind
            found[event.sku, event.location] += int(event.quantity)
        else:
            assert isinstance(event, Ignored), event
    return found


async def test_all_deliveries_that_are_posted_are_goods_issues(sap: Sap, partner: Partner) -> None:
    posted = {
        header["DeliveryDocument"]
        for header in sap.rows(f"{SETS}/A_OutbDeliveryHeader")
        if header["OverallGoodsMovementStatus"] == "C"
    }
    expected: Counter[tuple[str, str]] = Counter()
    for item in sap.rows(f"{SETS}/A_OutbDeliveryItem"):
        if item["DeliveryDocument"] in posted:
            place = "/".join(filter(None, (item["Plant"], item["StorageLocation"])))
            expected[item["Material"], place] += int(
                Decimal(item["ActualDeliveredQtyInOrderQtyUnit"])
            )
    assert expected
    assert expected == units(decoded(await Sweeps(partner).sweep()))


async def test_the_next_sweep_brings_what_is_new(sap: Sap, partner: Partner) -> None:
    sweeps = Sweeps(partner)
    await sweeps.sweep()
    assert [] == await sweeps.sweep()
    order, _ = sap.delivered()
    [fresh] = await sweeps.sweep()
    assert order.encode() in fresh.body
    assert [] == await sweeps.sweep()


async def test_a_token_that_is_revoked_is_fetched_again(sap: Sap, partner: Partner) -> None:
    sweeps = Sweeps(partner)
    await sweeps.page()
    sap.fault(match="A_OutbDelivery", status=401, message="invalid_token")
    messages, _ = await sweeps.page()
    assert messages


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_fault_skips_no_document(sap: Sap, partner: Partner, status: int) -> None:
    whole = Sweeps(partner)
    everything = {DELIVERIES.key(each) for each in await whole.sweep()}
    sweeps = Sweeps(partner)
    await sweeps.page()
    sap.fault(match="A_OutbDelivery", status=status, message="busy")
    with pytest.raises(PartnerAway):
        await sweeps.page()
    await sweeps.sweep()
    assert everything == sweeps.known


def test_a_delivery_idoc_ships_its_order(sap: Sap) -> None:
    order, body = sap.delivered()
    [shipped] = sap_idoc.decode(Message(body), SapOptions(deliveries="all"))
    assert isinstance(shipped, OrderEvent)
    assert (OrderKind.SHIPPED, order.lstrip("0")) == (shipped.kind, shipped.order)
    assert shipped.lines


def test_an_orders_idoc_has_the_lines_of_its_order(sap: Sap) -> None:
    header = sap.rows(ORDERS, **{"$top": "1", "$expand": "to_Item"})[0]
    response = sap.idoc("ORDERS", header["SalesOrder"])
    [placed] = sap_idoc.decode(Message(response.content), SapOptions(orders="reservations"))
    assert isinstance(placed, OrderEvent)
    assert header["SalesOrder"].lstrip("0") == placed.order
    assert [
        (
            item["SalesOrderItem"].lstrip("0"),
            *(item["Material"], item["Plant"], Decimal(item["RequestedQuantity"])),
        )
        for item in header["to_Item"]["results"]
    ] == [(line.id, line.sku, line.location, line.quantity) for line in placed.lines]
