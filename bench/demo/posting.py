"""What partners without a twin post to the adapters: a warehouse and an ERP post CloudEvents, tills
POSLog.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final

import httpx

from ..harness.plan import BenchError
from ..harness.processes import Server
from .books import Level

BATCH: Final = "application/cloudevents-batch+json"
EVENTS_AT_ONCE: Final = 500

#: Seconds between two tries to reach adapters that are away, and for how long it is tried.
AGAIN_S: Final = 0.5
PATIENCE_S: Final = 120.0

#: Too fast, and no room.
_LATER: Final = (429, 503)

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
    """Posts to the adapters, as tills do: again, until they answer. Raises BenchError when they
    refuse.
    """

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
        """The ERP reports what its books had at an instant."""
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
        """How the adapters say that they are doing."""
        status: dict[str, Any] = (await self._http.get("/status")).json()
        return status

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
        headers, until = {"content-type": content_type}, perf_counter() + PATIENCE_S
        while True:
            said = await self._said(f"/in/{adapter}", body, headers)
            if said is None:
                return
            if perf_counter() > until:
                raise BenchError(f"{adapter} does not take it in {PATIENCE_S:.0f} s: {said}")
            await asyncio.sleep(AGAIN_S)

    async def _said(self, path: str, body: bytes, headers: Mapping[str, str]) -> str | None:
        """None once it is taken, or why it is to be sent again."""
        try:
            answer = await self._http.post(path, content=body, headers=headers)
        except httpx.TransportError as error:
            return repr(error)
        said = f"{path} answers {answer.status_code}: {answer.text[:200]}"
        if answer.status_code in _LATER:
            return said
        if answer.status_code != httpx.codes.ACCEPTED:
            raise BenchError(said)
        return None


@asynccontextmanager
async def intake_of(adapters: Server) -> AsyncIterator[Intake]:
    """An intake over connections of its own."""
    address = f"http://{adapters.address}"
    async with httpx.AsyncClient(base_url=address, timeout=30.0) as http:
        yield Intake(http)


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
