"""A lane: what its messages say goes to the core in the order of each source."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from holdfast.adapters.contract import Message
from holdfast.adapters.intake.cloudevents import ADAPTER, to_batch
from holdfast.adapters.mapping import Tables
from holdfast.adapters.runtime.gate import Gate
from holdfast.adapters.runtime.inbox import Inbox, Keyed
from holdfast.adapters.runtime.lane import Lane
from holdfast.adapters.runtime.store import Store
from holdfast.edge.client import Client
from holdfast.v1 import stock_service_pb2 as stock
from tests.adapters.events_of import SALE

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
MIB = 1 << 20


class Core:
    """Takes every fact, and keeps what it was called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[str]]] = []

    async def record_stock_events(
        self, source: str, events: list[stock.StockEvent]
    ) -> stock.RecordStockEventsResponse:
        self.calls.append((source, [event.event_id for event in events]))
        applied = stock.StockEventResult(outcome=stock.STOCK_EVENT_OUTCOME_APPLIED)
        return stock.RecordStockEventsResponse(results=[applied] * len(events))


class Told:
    """Takes no notice."""

    def decoded(self, *_: object) -> None: ...
    def ignored(self, *_: object) -> None: ...
    def settled(self, *_: object) -> None: ...
    def buried(self, *_: object) -> None: ...


def lane(folder: Path, core: Core) -> tuple[Lane, Inbox]:
    store = Store(folder, 16 * MIB)
    inbox = Inbox(store, "events", 1_000, 86_400)
    made = Lane(
        "events",
        ADAPTER,
        ADAPTER.options(),
        store=store,
        inbox=inbox,
        client=cast(Client, core),
        core=Gate("core", ()),
        tables=Tables(),
        told=Told(),
        now=lambda: NOW,
    )
    return made, inbox


async def test_what_sources_tell_by_turns_takes_one_call_for_each_source(tmp_path: Path) -> None:
    core = Core()
    under_test, inbox = lane(tmp_path, core)
    tills = ("pos/1/1", "pos/1/2", "pos/2/1")
    facts = [
        replace(SALE, source=till, id=f"{till}/{number}", quantity=SALE.quantity * 100, sequence=0)
        for number in range(50)
        for till in tills
    ]
    messages = [Message(to_batch(facts[at : at + 10])) for at in range(0, len(facts), 10)]
    await inbox.put([Keyed(each, ADAPTER.key(each), "") for each in messages], NOW)

    assert await under_test.round()

    expected = [(till, [f"{till}/{number}" for number in range(50)]) for till in tills]
    assert expected == sorted(core.calls)
    assert not await under_test.round()
