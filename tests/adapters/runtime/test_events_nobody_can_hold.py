"""The way to the core: what no message to the core can hold stops no lane."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from holdfast.adapters.contract import Adapter, Message
from holdfast.adapters.events import (
    Decoded,
    Exceptional,
    FactKind,
    OrderEvent,
    OrderKind,
    OrderLine,
    Reversed,
    StockFact,
)
from holdfast.adapters.intake import fields
from holdfast.adapters.mapping import Tables
from holdfast.adapters.runtime.dead_letters import dead_letters
from holdfast.adapters.runtime.flow_metrics import Figures
from holdfast.adapters.runtime.gate import Gate
from holdfast.adapters.runtime.inbox import Inbox, keyed
from holdfast.adapters.runtime.lane import Lane
from holdfast.adapters.runtime.records import DeadLetter
from holdfast.adapters.runtime.store import Store
from holdfast.edge.client import Client

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
LOCAL = datetime(2026, 11, 27, 9)  # noqa: DTZ001 - that is the mistake
LINE = OrderLine("1", "MUG", "A", Decimal(1))


def sale(**wrong: Any) -> StockFact:
    right: dict[str, Any] = {"id": "1", "sku": "MUG", "location": "A", "quantity": Decimal(1)}
    return StockFact(source="s", kind=FactKind.SALE, **right | wrong)


def order(**wrong: Any) -> OrderEvent:
    right: dict[str, Any] = {"kind": OrderKind.HELD, "order": "o", "lines": (LINE,)}
    return OrderEvent(source="s", id="1", **right | wrong)


def case(**wrong: Any) -> Exceptional:
    right: dict[str, Any] = {"kind": "k", "subject": "s", "text": "t"}
    return Exceptional(source="s", id="1", **right | wrong)


@pytest.mark.parametrize(
    "event",
    [
        sale(sequence=2**70),
        sale(id="\ud800"),
        order(hold=timedelta.max),
        order(time=LOCAL),
        case(time=LOCAL),
        case(subject="\ud800"),
        case(details={"price": Decimal("0.42"), "at": {NOW}}),
    ],
    ids=["sequence", "id", "hold", "time", "time of a case", "subject", "details"],
)
async def test_an_event_that_nothing_can_hold_stops_no_lane(event: Decoded, tmp_path: Path) -> None:
    letters, is_case = await left_by(event, tmp_path)
    assert is_case or letters[0].reason in ("DEFECT", "UNFIT", "UNAVAILABLE")


@pytest.mark.parametrize(
    ("field", "event"),
    [
        ("time", sale(time=LOCAL)),
        ("expected_time", sale(expected_time=LOCAL)),
        ("reverses.time", sale(reverses=Reversed("0", FactKind.SALE, LOCAL))),
        ("time", order(time=LOCAL)),
        ("placed_time", order(kind=OrderKind.STATE, placed_time=LOCAL)),
    ],
)
async def test_a_time_without_a_zone_is_named(field: str, event: Decoded, tmp_path: Path) -> None:
    [letter], _ = await left_by(event, tmp_path)
    assert ("UNFIT", field) == (letter.reason, letter.field)
    assert str(LOCAL.date()) in letter.value


async def left_by(event: Decoded, folder: Path) -> tuple[list[DeadLetter], bool]:
    """The dead letters that an event of an adapter leaves, and whether it leaves a case."""

    def decode(_: Message, __: Any) -> Iterator[Decoded]:
        yield event

    adapter = Adapter(name="a", reads="", dedupe="", order="", key=fields.hash_of, decode=decode)
    store = Store(folder, 16 << 20)
    inbox = Inbox(store, "a", 100, 86_400)
    await inbox.put([keyed("a", adapter, Message(b"{}", received=NOW))], NOW)
    async with Client("127.0.0.1:1", retries=None) as client:
        lane = Lane(
            "a",
            adapter,
            None,
            store=store,
            inbox=inbox,
            client=client,
            core=Gate("core", ()),
            tables=Tables(),
            observer=Figures({"a": "order_sync"}, {}, lambda: NOW),
            now=lambda: NOW,
        )
        assert await lane.round()

    assert 0 == inbox.depth
    with store.reading() as tables:
        return list(dead_letters(tables)), bool(tables.cases.size())
