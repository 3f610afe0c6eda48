"""Orders over weeks against a plain model of them: what the core has dropped of them meanwhile
shows in nothing.
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from holdfast.adapters.events import OrderEvent, OrderKind
from holdfast.adapters.runtime.facts import Settled
from tests.adapters.core_client import CoreClient
from tests.adapters.order_shop import PLACES, Line, Shop, new_core

HOUR_NS = 3_600 * 10**9
STOCK = 1_000
PARTS, ORDERS = 3, 40


@dataclass
class Order:
    """An order as it is, whoever knows it. Its channel says how many units of a line were ordered
    and cancelled, or how many are left of it.
    """

    shop: Shop
    rng: random.Random
    placed: datetime
    is_current: bool
    lines: dict[str, Line] = field(default_factory=dict)
    told: list[OrderEvent] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    """Units that were shipped, by location."""
    been: dict[str, set[str]] = field(default_factory=dict)
    """Locations of lines."""

    async def goes_on(self) -> None:
        """The channel reports that lines were added, grew, moved, were shipped and cancelled."""
        for id_ in self.rng.sample("1234", k=2):
            self._change(id_)
        self.told.append(self._state())
        await self._tell(self.told[-1])

    async def comes_again(self) -> None:
        """A state comes late, or twice."""
        if self.told:
            await self._tell(self.rng.choice(self.told))

    async def is_shipped(self) -> None:
        """The warehouse reports a shipment, which the channel knows later."""
        for line in self.lines.values():
            if units := self.rng.randint(0, _open(line)):
                self.lines[line.id] = line._replace(shipped=line.shipped + units)
                self.left[line.location] += units
                event = self.shop.state(Line(line.id, line.location, units), is_sold=False)
                done = await self.shop.orders.apply(replace(event, kind=OrderKind.SHIPPED))
                assert Settled("APPLIED") == done

    async def days_pass(self) -> None:
        """A day after its end the core drops the lines of a reservation."""
        for _ in range(self.rng.randint(1, 4)):
            self.shop.core.now_ns += 25 * HOUR_NS
            self.shop.core.engine.turn([], self.shop.core.now_ns)

    def _change(self, id_: str) -> None:
        line = self.lines.get(id_) or Line(id_, PLACES[int(id_) % 2], self.rng.randint(1, 4))
        shipped = line.shipped
        if not (self.is_current and line.cancelled):  # what fell does not rise again
            line = line._replace(ordered=line.ordered + self.rng.choice((0, 0, 2)))
        line = line._replace(shipped=shipped + self.rng.randint(0, _open(line)))
        line = line._replace(cancelled=line.cancelled + self.rng.randint(0, _open(line)))
        if line.ordered - line.cancelled > shipped:  # something of it is still to move
            line = line._replace(location=self._moved(line))
        self.left[line.location] += line.shipped - shipped
        self.lines[id_] = line

    def _moved(self, line: Line) -> str:
        """Where a line is from now on: it does not return to where it has been."""
        been = self.been.setdefault(line.id, {line.location})
        new = self.rng.choice(PLACES)
        if line.id not in self.lines or new in been or self.rng.random() < 0.7:
            return line.location
        been.add(new)
        return new

    def _state(self) -> OrderEvent:
        self.shop.core.now_ns += 10**9
        lines = [*self.lines.values()]
        if self.is_current:
            lines = [
                line._replace(ordered=line.ordered - line.cancelled, cancelled=0) for line in lines
            ]
        state = replace(self.shop.state(*lines), is_current=self.is_current)
        return replace(state, time=now(self.shop.core), placed_time=self.placed)

    async def _tell(self, state: OrderEvent) -> None:
        self.shop.events += 1
        event = replace(state, id=f"{state.id}/{self.shop.events}")
        assert isinstance(await self.shop.orders.apply(event), Settled)

    async def is_right(self) -> bool:
        """Whether the core has what the order is of: what is promised, and what has left."""
        for place in PLACES:
            lines = [line for line in self.lines.values() if line.location == place]
            level = (await self.shop.core.get_shortfall(self.shop.sku, place)).shortfall
            left, promised = self.left[place], sum(map(_open, lines))
            if (STOCK - left, STOCK - left - promised) != (level.on_hand, level.available):
                return False
        return True


def now(core: CoreClient) -> datetime:
    return datetime.fromtimestamp(core.now_ns / 10**9, UTC)


def _open(line: Line) -> int:
    return line.ordered - line.shipped - line.cancelled


STEPS: tuple[Callable[[Order], Awaitable[None]], ...] = (
    *(Order.goes_on, Order.goes_on, Order.comes_again, Order.is_shipped),
    *(Order.days_pass, Order.days_pass),
)


@pytest.mark.parametrize("is_current", [True, False])
@pytest.mark.parametrize("part", range(PARTS))
async def test_an_order_stands_as_it_is_whatever_the_core_has_dropped(
    part: int, is_current: bool
) -> None:
    core = new_core()
    wrong = []
    for seed in range(ORDERS * part, ORDERS * (part + 1)):
        rng = random.Random(seed)
        order = Order(Shop(core, STOCK), rng, now(core), is_current)
        for number, step in enumerate(rng.choices(STEPS, k=10)):
            await step(order)
            if not await order.is_right():
                wrong.append((seed, number, step.__name__))
                break
    assert [] == wrong
