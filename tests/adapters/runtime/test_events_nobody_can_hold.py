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
    StockFact,
)
from holdfast.adapters.intake import fields
from holdfast.adapters.mapping import Tables
from holdfast.adapters.runtime.dead_letters import dead_letters
from holdfast.adapters.runtime.flow_metrics import Figures
from holdfast.adapters.runtime.gate import Gate
from holdfast.adapters.runtime.inbox import Inbox, keyed
from holdfast.adapters.runtime.lane import Lane
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
    def decode(_: Message, __: Any) -> Iterator[Decoded]:
        yield event

    adapter = Adapter(name="a", reads="", dedupe="", order="", key=fields.hash_of, decode=decode)
    store = Store(tmp_path, 16 << 20)
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

    with store.reading() as tables:
        reasons = [each.reason for each in dead_letters(tables)]
        is_case = bool(tables.cases.size())
    assert 0 == inbox.depth
    assert is_case or reasons[0] in ("DEFECT", "UNFIT", "UNAVAILABLE")
