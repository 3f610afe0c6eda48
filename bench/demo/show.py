"""Plays the day in front of you and judges it: starts the estate, draws how it stands, compares."""

import asyncio
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
from rich.console import Console
from rich.live import Live

from holdfast.edge.client import HoldfastError

from ..harness.plan import tell
from . import day as days
from . import estate, view
from .comparisons import Line
from .day import HOT
from .estate import Estate
from .play import Play
from .posting import intake_of
from .together import beside

LOOK_S: Final = 0.25


class Show:
    """A play, and its picture."""

    def __init__(self, play: Play, started: Estate) -> None:
        self._play = play
        self._estate = started
        self._available: dict[str, int] = {}

    async def run(self, console: Console) -> list[Line]:
        """Play it, and return the comparisons of the end. Raises ExceptionGroup of what failed."""
        with Live(console=console, transient=False, auto_refresh=False) as live:
            async with beside(self._draw(live)):
                await self._play.fill()
                return await self._play.trade_and_settle()

    def summary(self) -> str:
        """What the day came to, in a sentence."""
        trade, seconds = self._play.trade, self._play.day.seconds
        who = "not everybody" if self._play.is_under_way() else "everybody"
        return (
            f"{len(trade.books.orders):,} online orders and {trade.books.receipts:,} receipts of "
            f"tills in {seconds:.0f} s; {who} had been told everything "
            f"{trade.at - seconds:.0f} s later. {self._play.status.get('open_cases', 0)} cases are "
            "for a person: holdfast adapters cases."
        )

    async def _draw(self, live: Live) -> None:
        while True:
            with suppress(httpx.TransportError, HoldfastError):  # what was seen last is drawn
                await self._look()
            live.update(self._picture(), refresh=True)
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        await self._play.look()
        found = await self._estate.client.get_availability(HOT)
        self._available = {level.location: level.available for level in found.availability.levels}

    def _picture(self) -> Any:
        trade = self._play.trade
        return view.picture(
            self._play.day,
            trade.at,
            books=trade.books,
            refused=trade.refused,
            channels=self._estate.channels,
            available=self._available,
            status=self._play.status,
        )


async def show(seed: int, seconds: float, console: Console) -> bool:
    """Play a day; whether all systems agree in the end. Raises BenchError, or an ExceptionGroup of
    what failed.
    """
    day = days.day(seed, seconds)
    tell("Starting a node, the adapters, twins of three channels, and an ERP ...")
    tell("The first time, the ERP is installed and set up, which takes some minutes.")
    with TemporaryDirectory(prefix="holdfast-demo-") as folder:
        async with (
            estate.running(Path(folder), day) as started,
            intake_of(started.adapters) as intake,
        ):
            played = Show(Play(day, started, intake), started)
            lines = await played.run(console)
    console.print()  # where nobody looks, the picture ends within a line
    console.print(view.report(lines))
    console.print(played.summary())
    for line in lines:
        for difference in line.differences[:20]:
            console.print(f"{line.what}: {difference}", style="red", soft_wrap=True)
    return all(line.is_good for line in lines)
