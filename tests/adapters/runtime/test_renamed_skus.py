"""Orders whose SKU gets another name, or is merged, over a real node: they go on as if nothing had
happened, whichever of the names their adapter's mapping has.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from holdfast.adapters.events import (
    OrderEvent,
    OrderKind,
    OrderLine,
)
from holdfast.adapters.runtime.facts import Dead
from holdfast.edge.client import BlockingClient, Client
from tests.adapters.core_client import orders_in_memory
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.raw import new_name, receipt

KINDS = OrderKind


class Step(NamedTuple):
    """An event of an order: of each line, by its id, the SKU's letter, and units ordered, shipped
    and cancelled.
    """

    kind: OrderKind
    lines: tuple[tuple[str, str, int, int, int], ...] = ()
    is_sold: bool = False
    location: str = "dc-1"


def named(kind: OrderKind, *lines: tuple[str, str, int], is_sold: bool = False) -> Step:
    return Step(kind, tuple((*line, 0, 0) for line in lines), is_sold)


#: Ways of an order. Lines are of the SKU that is renamed ("R") and of another one ("O").
WAYS: dict[str, Sequence[Step]] = {
    "held, placed, added to, shipped and cancelled": (
        named(KINDS.HELD, ("1", "R", 3), ("2", "O", 2)),
        named(KINDS.PLACED, ("1", "R", 3), ("2", "O", 2)),
        named(KINDS.PLACED, ("3", "R", 2)),
        named(KINDS.PLACED, ("1", "R", 3), ("2", "O", 2), ("3", "R", 2)),
        named(KINDS.SHIPPED, ("1", "R", 1), ("3", "R", 1)),
        named(KINDS.CANCELLED, ("1", "R", 2)),
        named(KINDS.REFUNDED, ("3", "R", 1)),
    ),
    "without ids of lines": (
        named(KINDS.HELD, ("", "R", 3)),
        named(KINDS.HELD, ("", "O", 2)),
        named(KINDS.HELD, ("", "R", 3)),
        named(KINDS.PLACED, ("", "R", 3), ("", "O", 2)),
        named(KINDS.CANCELLED, ("", "R", 1)),
        named(KINDS.SHIPPED, ("", "R", 2)),
    ),
    "sold already, line by line": (
        named(KINDS.PLACED, ("1", "R", 3), is_sold=True),
        named(KINDS.PLACED, ("2", "O", 2), is_sold=True),
        named(KINDS.PLACED, ("1", "R", 3), ("2", "O", 2), is_sold=True),
        named(KINDS.PLACED, ("1", "R", 4), is_sold=True),
        named(KINDS.SHIPPED, ("1", "R", 4)),
    ),
    "by its states, edited and moved": (
        Step(KINDS.STATE, (("1", "R", 2, 0, 0), ("2", "O", 2, 0, 0)), is_sold=True),
        Step(KINDS.STATE, (("1", "R", 5, 1, 0), ("2", "O", 2, 0, 1)), is_sold=True),
        Step(KINDS.STATE, (("1", "R", 5, 1, 1), ("3", "R", 1, 0, 0)), is_sold=True),
        Step(KINDS.STATE, (("1", "R", 5, 2, 1),), is_sold=True, location="dc-2"),
        Step(KINDS.STATE, (("1", "R", 5, 3, 2), ("3", "R", 1, 1, 0)), location="dc-2"),
    ),
    "without locations": (
        named(KINDS.PLACED, ("1", "R", 4)),
        Step(KINDS.SHIPPED, (("1", "R", 1, 0, 0),), location=""),
        Step(KINDS.CANCELLED, (("1", "R", 3, 0, 0),), location=""),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with running_node(tmp_path_factory.mktemp("node")) as running:
        with BlockingClient(**running.targets) as client:
            for place in ("dc-1", "dc-2"):
                client.create_location(place)
        yield running


@pytest.fixture
async def client(node: NodeProcess) -> AsyncIterator[Client]:
    async with Client(**node.targets, own_connection=True) as opened:
        yield opened


class Trade:
    """An order of two SKUs, of which one is called by another name from some step on."""

    def __init__(self, client: Client) -> None:
        self.client, self.orders = client, orders_in_memory(client)
        self.order, self.old, self.new = new_name("order"), new_name("old"), new_name("new")
        self.other = new_name("other")
        self.events = 0

    async def open(self) -> "Trade":
        for sku in (self.old, self.other):
            for place in ("dc-1", "dc-2"):
                await self.client.record_stock_events("in", [receipt(sku, 20, place)])
        return self

    def event(self, step: Step, called: str) -> OrderEvent:
        """A step, in the words of a mapping by which "R" is called so."""
        self.events += 1
        skus = {"R": called, "O": self.other}
        lines = tuple(
            OrderLine(
                *(id_, skus[letter], step.location, Decimal(units)),
                shipped=Decimal(shipped),
                cancelled=Decimal(cancelled),
            )
            for id_, letter, units, shipped, cancelled in step.lines
        )
        return OrderEvent(
            source="shop",
            id=f"{self.order}/{self.events}",
            kind=step.kind,
            order=self.order,
            lines=lines,
            is_sold=step.is_sold,
            hold=timedelta(minutes=15) if step.kind is KINDS.HELD else None,
        )

    async def tell(self, step: Step, called: str) -> str:
        """What becomes of a step: its outcome, with the kind of its case."""
        done = await self.orders.apply(self.event(step, called))
        if isinstance(done, Dead):
            return f"dead: {done.reason}"
        return f"{done.outcome} {done.case.kind if done.case else ''}".strip()

    async def lines(self) -> list[Any]:
        """What the core has of the order."""
        found = await self.orders.states.find(self.order)
        letters = {self.old: "R", self.new: "R", self.other: "O"}
        return [
            (
                *(at, line.line_id, letters[line.sku], line.location, line.held, line.committed),
                *(line.fulfilled, line.cancelled, line.released),
            )
            for at, each in enumerate(found)
            for line in sorted(each.lines, key=lambda line: (line.line_id, letters[line.sku]))
        ]


async def renamed(client: Client, trade: Trade) -> None:
    await client.rename_sku(trade.old, trade.new)


async def merged(client: Client, trade: Trade) -> None:
    await client.record_stock_events("in", [receipt(trade.new, 20, "dc-1")])
    await client.merge_sku(trade.old, trade.new)


async def end_of(
    client: Client,
    steps: Sequence[Step],
    renamed_at: int,
    later: str,
    rename: Callable[[Client, Trade], Awaitable[None]] = renamed,
) -> list[Any]:
    """What becomes of an order whose SKU is renamed before a step, and is called by its "old" or
    its "new" name from then on, or by either in turn: each step twice, as repeats are sent.
    """
    trade = await Trade(client).open()
    seen: list[Any] = []
    for at, step in enumerate(steps):
        if at == renamed_at:
            await rename(client, trade)
        names = {"old": [trade.old] * 2, "new": [trade.new] * 2, "both": [trade.old, trade.new]}
        called = names[later] if at >= renamed_at else names["old"]
        seen += [await trade.tell(step, each) for each in called]
        seen.append(await trade.lines())
    return seen


@pytest.mark.parametrize("later", ["old", "new", "both"])
@pytest.mark.parametrize("way", WAYS)
async def test_an_order_goes_on_after_a_rename_as_without_one(
    client: Client, way: str, later: str
) -> None:
    steps = WAYS[way]
    plain = await end_of(client, steps, len(steps), "old")
    assert not [each for each in plain if "LINE_DIFFERS" in each]
    for renamed_at in range(len(steps)):
        assert plain == await end_of(client, steps, renamed_at, later), f"renamed at {renamed_at}"


#: Ways of orders of whose SKU nothing is promised before the third step, as a merge wants it.
SHIPPED: dict[str, Sequence[Step]] = {
    "by events": (
        named(KINDS.PLACED, ("1", "R", 3), ("2", "O", 2)),
        named(KINDS.SHIPPED, ("1", "R", 3)),
        named(KINDS.PLACED, ("1", "R", 3), ("2", "O", 2)),
        named(KINDS.PLACED, ("3", "R", 2)),
        named(KINDS.REFUNDED, ("1", "R", 3), ("3", "R", 2)),
    ),
    "by states": (
        Step(KINDS.STATE, (("1", "R", 2, 0, 0), ("2", "O", 2, 0, 0)), is_sold=True),
        Step(KINDS.STATE, (("1", "R", 2, 2, 0), ("2", "O", 2, 0, 0)), is_sold=True),
        Step(KINDS.STATE, (("1", "R", 4, 2, 0), ("2", "O", 2, 1, 0)), is_sold=True),
        Step(KINDS.STATE, (("1", "R", 4, 3, 1), ("2", "O", 2, 1, 1)), is_sold=True),
    ),
}


@pytest.mark.parametrize("later", ["old", "new", "both"])
@pytest.mark.parametrize("way", SHIPPED)
async def test_an_order_goes_on_after_a_merge_as_without_one(
    client: Client, way: str, later: str
) -> None:
    steps = SHIPPED[way]
    plain = await end_of(client, steps, len(steps), "old")
    for at in (0, 2):
        assert plain == await end_of(client, steps, at, later, merged), f"merged at {at}"
