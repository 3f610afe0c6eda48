"""Plays a day on an estate: stock comes in, everybody trades, and it waits until all agree."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from ..harness.erp_user import Erp
from .comparisons import Line, reconcile
from .day import SKUS, STORE_UNITS, STORES, WAREHOUSE, Day
from .estate import Estate
from .patience import Patience
from .posting import Intake
from .together import beside
from .trade import Trade

#: Seconds that may pass after the doors have closed without less being left to report than before.
#: An ERP takes a dozen requests for a shipment, so the whole takes as long as the machine is slow.
SETTLING_S: Final = 120.0

COMPARE_S: Final = 1.0

#: Seconds within which a notification is waited for. One that was not taken may come minutes later,
#: when polls have long since said the same.
NOTICES_S: Final = 15.0


class Play:
    """One day, and how it stands."""

    def __init__(self, day: Day, started: Estate, intake: Intake) -> None:
        self.day = day
        self.trade = Trade(day, started.opened, started.channels, intake)
        self.status: Mapping[str, Any] = {}
        """What the adapters reported of themselves last."""
        self.oversold_max = 0
        """Units that may be oversold in the end."""
        self._estate = started
        self._intake = intake

    async def fill(self) -> None:
        """Stock comes in: of the stores as CloudEvents, of the warehouse from the ERP."""
        stock = {(sku, store): STORE_UNITS for store in STORES for sku in SKUS}
        stocked = {(sku, WAREHOUSE): self.day.warehouse_units for sku in SKUS}
        self.trade.books.received.update(stock)
        self.trade.books.received.update(stocked)
        await self._intake.receive(stock)
        if self._estate.erp is None:
            await self._intake.receive(stocked)
            return
        user = await asyncio.to_thread(self._estate.erp.user)
        units = self.day.warehouse_units
        await asyncio.to_thread(Erp.receive_all, user, units, "STO", *SKUS)

    async def trade_and_settle(self) -> list[Line]:
        """Wait for the doors to open, trade until they close, and compare when all is reported.
        Raises ExceptionGroup of what failed.
        """
        trade = self.trade
        async with beside(trade.watch(self._estate.client), trade.warehouse()):
            await asyncio.sleep(max(0.0, -trade.at))
            async with asyncio.TaskGroup() as day:
                for each in (trade.customers, trade.tills, trade.return_in_store, trade.late_count):
                    day.create_task(each())
            return await self._settle()

    async def look(self) -> None:
        """Ask the adapters how they are doing."""
        self.status = await self._intake.status()

    async def _settle(self) -> list[Line]:
        """Wait until everybody has been told everything, as the comparisons say, or nothing goes on
        any more.
        """
        patience = Patience(SETTLING_S, self.trade.at)
        erp = None if self._estate.erp is None else await asyncio.to_thread(self._estate.erp.user)
        while True:
            is_late = patience.is_over(self.left(), self.trade.at)
            if is_late or not self.is_under_way():
                lines = await self._compare(erp)
                if is_late or all(line.is_good for line in lines):
                    return lines
            await asyncio.sleep(COMPARE_S)

    async def _compare(self, erp: Erp | None) -> list[Line]:
        books, channels = self.trade.books, self._estate.channels
        status = await self._intake.status()
        client, allowed = self._estate.client, self.oversold_max
        return await reconcile(client, books, channels, status, erp, allowed)

    def left(self) -> int:
        """How much somebody waits to be told, as the adapters have said last."""
        waiting: int = sum(
            each["inbox"] + each.get("outbox", 0) + each.get("channel", {}).get("dirty", 0)
            for each in self.status.get("adapters", ())
        )
        return waiting + self.trade.open_orders()

    def is_under_way(self) -> bool:
        """Whether somebody waits to be told something."""
        notices = any(
            channel.twin.deliveries.within(NOTICES_S) for channel in self._estate.channels
        )
        return bool(self.left()) or notices or not self.status.get("adapters")
