"""Plays the day and judges it: starts the estate, lets it trade, lets it settle, compares."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
from rich.console import Console
from rich.live import Live

from holdfast.edge.client import HoldfastError

from ..harness.erp_user import Erp
from ..harness.plan import tell
from . import day as days
from . import estate, view
from .comparisons import Line, reconcile
from .day import HOT, SKUS, STORE_UNITS, STORES, WAREHOUSE, WAREHOUSE_UNITS, Day
from .estate import Estate
from .posting import Intake
from .together import beside
from .trade import Trade

#: Seconds that may pass until all is told to everybody, after the doors have closed.
SETTLING_S: Final = 240.0

COMPARE_S: Final = 1.0

LOOK_S: Final = 0.25


class Show:
    """One day: what is played, and how it stands."""

    def __init__(self, day: Day, started: Estate, intake: Intake) -> None:
        self.day = day
        self.trade = Trade(day, started.opened, started.channels, intake)
        self._estate = started
        self._intake = intake
        self._status: Mapping[str, Any] = {}
        self._available: dict[str, int] = {}

    async def play(self, console: Console) -> list[Line]:
        """Play it, and return the comparisons of the end. Raises ExceptionGroup of what failed."""
        with Live(console=console, transient=False, auto_refresh=False) as live:
            async with beside(self._draw(live)):
                await self._fill()
                return await self._trade()

    def summary(self) -> str:
        """What the day came to, in a sentence."""
        books, late_s = self.trade.books, self.trade.at - self.day.seconds
        return (
            f"{len(books.orders):,} online orders and {books.receipts:,} receipts of tills in "
            f"{self.day.seconds:.0f} s; everybody had been told everything {late_s:.0f} s later. "
            f"{self._status.get('open_cases', 0)} cases are for a person: holdfast adapters cases."
        )

    async def _fill(self) -> None:
        """Stock comes in: of the stores as CloudEvents, of the warehouse from the ERP."""
        stock = {(sku, store): STORE_UNITS for store in STORES for sku in SKUS}
        stocked = {(sku, WAREHOUSE): WAREHOUSE_UNITS for sku in SKUS}
        self.trade.books.received.update(stock)
        self.trade.books.received.update(stocked)
        await self._intake.receive(stock)
        if self._estate.erp is None:
            await self._intake.receive(stocked)
            return
        user = await asyncio.to_thread(self._estate.erp.user)
        await asyncio.to_thread(Erp.receive_all, user, WAREHOUSE_UNITS, "STO", *SKUS)

    async def _trade(self) -> list[Line]:
        trade = self.trade
        async with beside(trade.watch(self._estate.client), trade.warehouse()):
            await asyncio.sleep(max(0.0, -trade.at))
            async with asyncio.TaskGroup() as day:
                for each in (trade.customers, trade.tills, trade.return_in_store, trade.late_count):
                    day.create_task(each())
            return await self._settle()

    async def _settle(self) -> list[Line]:
        """Wait until everybody has been told everything, as the comparisons say, or it takes too
        long: an ERP takes half a second for each shipment.
        """
        erp = None if self._estate.erp is None else await asyncio.to_thread(self._estate.erp.user)
        while True:
            is_late = self.trade.at > self.day.seconds + SETTLING_S
            if is_late or not self._is_under_way():
                lines = await self._compare(erp)
                if is_late or all(line.is_good for line in lines):
                    return lines
            await asyncio.sleep(COMPARE_S)

    async def _compare(self, erp: Erp | None) -> list[Line]:
        books, channels = self.trade.books, self._estate.channels
        status = await self._intake.status()
        return await reconcile(self._estate.client, books, channels, status, erp)

    def _is_under_way(self) -> bool:
        adapters = self._status.get("adapters", ())
        waits = any(
            each["inbox"] or each.get("outbox") or each.get("channel", {}).get("dirty")
            for each in adapters
        )
        notices = any(len(channel.twin.deliveries) for channel in self._estate.channels)
        return waits or notices or not adapters or self.trade.has_open_orders()

    async def _draw(self, live: Live) -> None:
        while True:
            with suppress(httpx.TransportError, HoldfastError):  # what was seen last is drawn
                await self._look()
            live.update(self._picture(), refresh=True)
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        self._status = await self._intake.status()
        found = await self._estate.client.get_availability(HOT)
        self._available = {level.location: level.available for level in found.availability.levels}

    def _picture(self) -> Any:
        return view.picture(
            self.day,
            self.trade.at,
            books=self.trade.books,
            refused=self.trade.refused,
            channels=self._estate.channels,
            available=self._available,
            status=self._status,
        )


async def show(seed: int, seconds: float, console: Console) -> bool:
    """Play a day; whether all systems agree in the end. Raises BenchError, or an ExceptionGroup of
    what failed.
    """
    day = days.day(seed, seconds)
    tell("Starting a node, the adapters, twins of three channels, and an ERP ...")
    with TemporaryDirectory(prefix="holdfast-demo-") as folder:
        async with estate.running(Path(folder), day) as started:
            address = f"http://{started.adapters.address}"
            async with httpx.AsyncClient(base_url=address, timeout=30.0) as http:
                played = Show(day, started, Intake(http))
                lines = await played.play(console)
    console.print(view.report(lines))
    console.print(played.summary())
    for line in lines:
        for difference in line.differences[:20]:
            console.print(f"{line.what}: {difference}", style="red", soft_wrap=True)
    return all(line.is_good for line in lines)
