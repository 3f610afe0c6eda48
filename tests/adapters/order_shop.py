"""An order of a channel, in a core of which each order has a SKU of its own."""

from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import NamedTuple, cast

from holdfast.adapters.events import OrderEvent, OrderKind, OrderLine
from holdfast.adapters.runtime.facts import Dead, Settled
from holdfast.core.commands import Location, RecordStockEvents, StockEvent, UpdateLocation
from holdfast.core.ids import key_from_text
from holdfast.core.model import EventKind, LocationKind
from tests.adapters.core_client import CoreClient, orders_in_memory
from tests.core.engine import NodeEngine
from tests.core.script_answers import START_NS

PLACES = ("A", "B", "C")
_NUMBERS = count(1)


class Line(NamedTuple):
    """A line of a state: its id, where, and units ordered, shipped and cancelled."""

    id: str
    location: str
    ordered: int
    shipped: int = 0
    cancelled: int = 0


class Shop:
    """A core with five of a SKU at each place, and one order of a channel."""

    def __init__(self, core: CoreClient, stock: int = 5) -> None:
        self.number = next(_NUMBERS)
        self.core = core
        self.sku, self.order = f"MUG-{self.number}", f"amazon/{self.number}"
        self.orders = orders_in_memory(core)
        self.events = 0
        counts = tuple(
            StockEvent(key_from_text(f"{self.sku}{at}"), 0, self.sku, at, EventKind.COUNT, stock)
            for at in PLACES
        )
        core.engine.turn([RecordStockEvents("wms", counts)], core.now_ns)

    def state(self, *lines: Line, is_sold: bool = True) -> OrderEvent:
        """An event that tells lines, under an id of its own."""
        self.events += 1
        order_lines = (
            OrderLine(
                *(line.id, self.sku, line.location, Decimal(line.ordered)),
                shipped=Decimal(line.shipped),
                cancelled=Decimal(line.cancelled),
            )
            for line in lines
        )
        return OrderEvent(
            source="amazon",
            id=f"{self.order}/{self.events}",
            kind=OrderKind.STATE,
            order=self.order,
            lines=tuple(order_lines),
            is_sold=is_sold,
        )

    async def tell(self, *lines: Line, is_sold: bool = True) -> Settled | Dead:
        return await self.orders.apply(self.state(*lines, is_sold=is_sold))

    async def units(self) -> dict[tuple[str, str], tuple[int, int, int]]:
        """By line and place: units that are committed, shipped, and cancelled."""
        found: dict[tuple[str, str], tuple[int, int, int]] = {}
        names = (self.order, *(f"{self.order}+{number}" for number in range(1, 9)))
        for name in names:
            try:
                answer = await self.core.get_reservation(name)
            except Exception:  # noqa: BLE001 - there is no such one
                break
            for line in answer.reservation.lines:
                place = line.line_id, line.location
                figures = line.held + line.committed, line.fulfilled, line.cancelled
                before = found.get(place, (0, 0, 0))
                found[place] = cast(
                    tuple[int, int, int], tuple(map(sum, zip(before, figures, strict=True)))
                )
        return found


def new_core() -> CoreClient:
    engine = NodeEngine(2)
    locations = [Location(name, LocationKind.STORE, name, enabled=True) for name in PLACES]
    engine.turn([UpdateLocation(each) for each in locations], START_NS)
    return CoreClient(engine, START_NS)


async def two_reservations(core: CoreClient) -> Shop:
    """An order of five, of which three were ordered later, and of one more that has moved."""
    shop = Shop(core)
    await shop.tell(Line("1", "A", 2), Line("2", "B", 1))
    await shop.tell(Line("1", "A", 5), Line("2", "C", 1))
    return shop


def of_lines(shop: Shop, kind: OrderKind, *lines: Line) -> OrderEvent:
    return replace(shop.state(*lines), kind=kind, is_sold=False)
