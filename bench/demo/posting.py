"""What partners without a twin post to the adapters: a warehouse and an ERP post CloudEvents, tills
POSLog.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from ..harness.plan import BenchError
from .books import Level

BATCH: Final = "application/cloudevents-batch+json"
EVENTS_AT_ONCE: Final = 500

_POSLOG: Final = """\
<POSLog xmlns="http://www.nrf-arts.org/IXRetail/namespace/"><Transaction MajorVersion="6" \
MinorVersion="0"><RetailStoreID>{store}</RetailStoreID><WorkstationID>1</WorkstationID>\
<BusinessDayDate>{day}</BusinessDayDate><SequenceNumber>{number}</SequenceNumber>\
<BeginDateTime>{at}</BeginDateTime><EndDateTime>{at}</EndDateTime>\
<RetailTransaction TransactionStatus="Finished"><LineItem><SequenceNumber>1</SequenceNumber>\
{line}</LineItem></RetailTransaction></Transaction></POSLog>"""
_SALE: Final = '<Sale ItemType="Stock"><ItemID>{sku}</ItemID><Quantity>{pieces}</Quantity></Sale>'
_RETURN: Final = (
    '<Return ItemType="Stock"><ItemID>{sku}</ItemID><Quantity>{pieces}</Quantity>'
    "<InventoryReservationID>{order}</InventoryReservationID></Return>"
)


class Intake:
    """Posts to the adapters. Raises BenchError when they refuse."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._receipts: dict[str, int] = {}

    async def receive(self, units: Mapping[Level, int]) -> None:
        """Goods arrive."""
        levels = list(units.items())
        for start in range(0, len(levels), EVENTS_AT_ONCE):
            chosen = levels[start : start + EVENTS_AT_ONCE]
            await self._events(
                _event("wms", f"receipt/{sku}/{place}", "stock.receipt", sku, place, quantity)
                for (sku, place), quantity in chosen
            )

    async def ship(self, order: str) -> None:
        """All of an order leaves the warehouse, or is collected."""
        event = _envelope("wms", f"ship/{order}", "order.shipped", {"order": order})
        await self._events([event])

    async def count(self, level: Level, quantity: int, at: float) -> None:
        """The ERP tells what its books had at an instant."""
        event = _event("erp-nightly", f"count/{at}", "stock.count", *level, quantity)
        event["time"] = datetime.fromtimestamp(at, UTC).isoformat()
        event["data"]["basis"] = "books"
        await self._events([event])

    async def sell(self, store: str, sku: str, pieces: int, at: float) -> None:
        """A till sells."""
        await self._receipt(store, _SALE.format(sku=sku, pieces=pieces), at)

    async def bring_back(self, store: str, sku: str, pieces: int, order: str, at: float) -> None:
        """A till takes back what was sold online."""
        await self._receipt(store, _RETURN.format(sku=sku, pieces=pieces, order=order), at)

    async def status(self) -> dict[str, Any]:
        """How the adapters say that they do."""
        told: dict[str, Any] = (await self._http.get("/status")).json()
        return told

    async def _receipt(self, store: str, line: str, at: float) -> None:
        number = self._receipts[store] = self._receipts.get(store, 0) + 1
        when = datetime.fromtimestamp(at, UTC)
        body = _POSLOG.format(
            store=store, day=when.date(), number=number, at=when.isoformat(), line=line
        )
        await self._post("tills", "application/xml", body.encode())

    async def _events(self, events: Iterable[Mapping[str, Any]]) -> None:
        await self._post("events", BATCH, json.dumps(list(events)).encode())

    async def _post(self, adapter: str, content_type: str, body: bytes) -> None:
        answer = await self._http.post(
            f"/in/{adapter}", content=body, headers={"content-type": content_type}
        )
        if answer.status_code != httpx.codes.ACCEPTED:
            raise BenchError(f"{adapter} answers {answer.status_code}: {answer.text[:200]}")


def _event(
    source: str, identifier: str, kind: str, sku: str, place: str, quantity: int
) -> dict[str, Any]:
    data = {"sku": sku, "location": place, "quantity": str(quantity)}
    return _envelope(source, identifier, kind, data)


def _envelope(source: str, identifier: str, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": identifier,
        "source": source,
        "type": f"inventory.holdfast.{kind}.v1",
        "datacontenttype": "application/json",
        "data": dict(data),
    }
