"""All channels beside the visitors of a rehearsal: the estate of the demonstration trades on the
same node, while a channel is down, a partner allows less and the adapters are killed.

Rules of this file: it starts, lets things fail at their time, and looks. What fails when is
trials', what it comes to channel_figures'.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx

from holdfast.adapters.twins.faults import Allowance
from holdfast.edge.client import HoldfastError

from ..demo import estate
from ..demo.comparisons import Line
from ..demo.day import HOT
from ..demo.estate import Estate
from ..demo.play import Play
from ..demo.posting import intake_of
from ..demo.together import beside, first_failure
from ..harness.plan import tell
from . import trials
from .channel_figures import Found, found
from .objectives import Objectives
from .profiles import Run
from .seen import Seen

LOOK_S: Final = 0.25


class ChannelsBeside:
    """The channels of a run, on a node that they brought along."""

    def __init__(self, run: Run, started: Estate, play: Play) -> None:
        self.address = started.node.address
        self._estate = started
        self._play = play
        self._seen = Seen(trials.trials(run))
        self._lines: list[Line] = []
        self._failing = {"limit": self._granting_less, "kill": self._killed}

    async def fill(self) -> None:
        """Stock comes in, and the doors open."""
        await self._play.fill()
        await asyncio.sleep(max(0.0, -self._play.trade.at))

    async def run(self) -> None:
        """Trade through all trials until everybody has been told everything. Raises what failed."""
        try:
            async with beside(self._look_on()), asyncio.TaskGroup() as group:
                group.create_task(self._fail())
                self._lines = await self._play.trade_and_settle()
        except ExceptionGroup as failed:
            raise first_failure(failed) from failed

    def found(self, objectives: Objectives) -> Found:
        """What it came to."""
        return found(self._seen, self._lines, self._twin("shopify").throttled, objectives)

    def _twin(self, name: str) -> Any:
        return next(each.twin for each in self._estate.channels if each.name == name)

    # Failing

    async def _fail(self) -> None:
        for trial in self._seen.trials:
            await self._until(trial.begin)
            tell(f"{trial.what} for {trial.end - trial.begin:.0f} s ...")
            async with self._failing.get(trial.key, self._failing_by_itself)():
                await self._until(trial.end)

    @asynccontextmanager
    async def _failing_by_itself(self) -> AsyncIterator[None]:
        """The twin knows when it is down."""
        yield

    @asynccontextmanager
    async def _granting_less(self) -> AsyncIterator[None]:
        points: Allowance = self._twin("shopify").points
        usual, points.rate = points.rate, points.rate * trials.GRANTED
        points.take(points.left)
        yield
        points.rate = usual

    @asynccontextmanager
    async def _killed(self) -> AsyncIterator[None]:
        await self._estate.adapters.kill()
        yield
        await self._estate.adapters.start()

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - self._play.trade.at))

    # Looking

    async def _look_on(self) -> None:
        while True:
            with suppress(httpx.TransportError, HoldfastError):  # they are killed, or all is slow
                await self._look()
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        await self._play.look()
        self._seen.look(self._play.trade.at, self._play.status, self._unpromised())
        levels = (await self._estate.client.get_availability(HOT)).availability.levels
        self._seen.look_at_stock(sum(level.shortfall for level in levels))
        self._play.oversold_max = self._seen.exposed_units

    def _unpromised(self) -> Mapping[str, list[str]]:
        return {
            trial.key: self._play.trade.unpromised(trial.end, trial.channels)
            for trial in self._seen.trials
        }


@asynccontextmanager
async def channels_beside(run: Run, folder: Path) -> AsyncIterator[ChannelsBeside]:
    """Start the node and everything around it; stop it when the block ends. Raises BenchError."""
    day = trials.trading_day(run)
    async with (
        estate.running(folder, day, with_erp=False) as started,
        intake_of(started.adapters) as intake,
    ):
        yield ChannelsBeside(run, started, Play(day, started, intake))
