"""A lane: what its messages say goes to the core in the order of each source."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from holdfast.adapters.contract import Adapter, Message, Undecodable
from holdfast.adapters.events import OrderEvent, OrderKind, Shown, StockFact
from holdfast.adapters.intake import poslog
from holdfast.adapters.intake.cloudevents import ADAPTER
from holdfast.adapters.intake.poslog_options import PoslogOptions
from holdfast.adapters.mapping import Tables
from holdfast.adapters.runtime import lane as lane_module
from holdfast.adapters.runtime.awaited import GRACE, report_awaited
from holdfast.adapters.runtime.cases import cases
from holdfast.adapters.runtime.dead_letters import dead_letters, edit, replay
from holdfast.adapters.runtime.gate import Gate
from holdfast.adapters.runtime.inbox import Inbox, Keyed
from holdfast.adapters.runtime.lane import Lane
from holdfast.adapters.runtime.store import Store, StoreFull
from holdfast.adapters.runtime.store import Tables as StoreTables
from holdfast.adapters.runtime.till_gaps import tell_gaps
from holdfast.edge.client import Client
from holdfast.v1 import stock_service_pb2 as stock
from tests.adapters.events_of import SALE, to_batch
from tests.adapters.order_shop import Line, Shop, new_core

#: One that the core takes: in whole base units.
WHOLE = replace(SALE, quantity=SALE.quantity * 100, unit="", sequence=0)
NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
MIB = 1 << 20


class Core:
    """Takes every fact, and keeps what it was called with."""

    def __init__(self) -> None:
        self.outcome = stock.STOCK_EVENT_OUTCOME_APPLIED
        self.calls: list[tuple[str, list[str]]] = []
        self.under_way = 0
        self.most_under_way = 0

    async def record_stock_events(
        self, source: str, events: list[stock.StockEvent]
    ) -> stock.RecordStockEventsResponse:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        self.calls.append((source, [event.event_id for event in events]))
        await asyncio.sleep(0)
        self.under_way -= 1
        result = stock.StockEventResult(outcome=self.outcome)
        return stock.RecordStockEventsResponse(results=[result] * len(events))


class NoFigures:
    """Takes no notice."""

    def decoded(self, *_: object) -> None: ...
    def ignored(self, *_: object) -> None: ...
    def settled(self, *_: object) -> None: ...
    def buried(self, *_: object) -> None: ...


class FullAtFirst:
    """A store without room for the first so many changes."""

    def __init__(self, store: Store, changes: int) -> None:
        self._store = store
        self._left = changes

    def reading(self) -> AbstractContextManager[StoreTables]:
        return self._store.reading()

    async def write(self, change: Callable[[StoreTables], Any]) -> Any:
        if self._left:
            self._left -= 1
            raise StoreFull("full")
        return await self._store.write(change)


def lane(
    folder: Path,
    core: Core,
    adapter: Adapter = ADAPTER,
    full_changes: int = 0,
    body_bytes_max: int | None = None,
) -> tuple[Lane, Inbox]:
    store = Store(folder, 16 * MIB)
    inbox = Inbox(store, "events", 1_000, 86_400)
    made = Lane(
        "events",
        adapter,
        adapter.options(),
        store=cast(Store, FullAtFirst(store, full_changes)),
        inbox=inbox,
        client=cast(Client, core),
        core=Gate("core", ()),
        tables=Tables(),
        observer=NoFigures(),
        now=lambda: NOW,
        body_bytes_max=body_bytes_max,
    )
    return made, inbox


async def test_what_sources_tell_by_turns_takes_one_call_for_each_source(tmp_path: Path) -> None:
    core = Core()
    under_test, inbox = lane(tmp_path, core)
    tills = ("pos/1/1", "pos/1/2", "pos/2/1")
    facts = [
        replace(WHOLE, source=till, id=f"{till}/{number}") for number in range(50) for till in tills
    ]
    messages = [Message(to_batch(facts[at : at + 10])) for at in range(0, len(facts), 10)]
    await inbox.put([Keyed(each, ADAPTER.key(each), "") for each in messages], NOW)

    assert await under_test.round()

    expected = [(till, [f"{till}/{number}" for number in range(50)]) for till in tills]
    assert expected == sorted(core.calls)
    assert not await under_test.round()


async def test_what_a_channel_shows_at_a_time_without_a_zone_is_a_dead_letter(
    tmp_path: Path,
) -> None:
    shown = Shown(item="a", node="n", quantity=1, time=NOW.replace(tzinfo=None))
    adapter = replace(ADAPTER, decode=lambda *_: [shown])
    under_test, inbox = lane(tmp_path, Core(), adapter)
    await inbox.put([Keyed(Message(b"{}"), "1", "")], NOW)

    assert await under_test.round()

    with inbox._store.reading() as tables:
        [letter] = dead_letters(tables)
    assert "a time with its zone" in letter.text


@pytest.mark.parametrize("name", ["time", "placed_time"])
async def test_an_order_at_a_time_without_a_zone_is_a_dead_letter_that_names_it(
    tmp_path: Path, name: str
) -> None:
    shop = Shop(new_core())
    state, naive = shop.state(Line("1", "A", 1)), NOW.replace(tzinfo=None)
    is_placed = name == "placed_time"
    event = replace(state, placed_time=naive) if is_placed else replace(state, time=naive)
    adapter = replace(ADAPTER, decode=lambda *_: [event])
    under_test, inbox = lane(tmp_path, Core(), adapter)
    await inbox.put([Keyed(Message(b"{}"), "1", "")], NOW)

    assert await under_test.round()

    with inbox._store.reading() as tables:
        [letter] = dead_letters(tables)
    assert ("UNFIT", name) == (letter.reason, letter.field)


async def test_a_number_that_a_till_left_out_goes_to_the_exception_queue(tmp_path: Path) -> None:
    sent = "".join(
        f"<Transaction><RetailStoreID>1</RetailStoreID><WorkstationID>2</WorkstationID>"
        f"<SequenceNumber>{number}</SequenceNumber><BusinessDayDate>2026-11-27</BusinessDayDate>"
        f"<ControlTransaction/></Transaction>"
        for number in (7, 9)
    )
    under_test, inbox = lane(tmp_path, Core(), poslog.ADAPTER)
    await inbox.put([Keyed(Message(f"<POSLog>{sent}</POSLog>".encode()), "1", "")], NOW)
    assert await under_test.round()

    store = inbox._store
    await tell_gaps(store, NOW + PoslogOptions().numbers_grace)
    with store.reading() as tables:
        (case,) = cases(tables)
    assert ("events", "till_gap", "pos/1/2") == (case.adapter, case.kind, case.subject)


async def test_a_reversal_whose_event_does_not_come_goes_to_the_exception_queue(
    tmp_path: Path,
) -> None:
    """The till numbers the lines of a post-void anew: without the tax, its sale is line 1."""
    sent = (
        "<Transaction><RetailStoreID>1</RetailStoreID><WorkstationID>2</WorkstationID>"
        "<SequenceNumber>261</SequenceNumber><BusinessDayDate>2026-11-27</BusinessDayDate>"
        "<EndDateTime>2026-11-27T08:00:00Z</EndDateTime><RetailTransaction>"
        '<TransactionLink ReasonCode="PostVoid"><SequenceNumber>260</SequenceNumber>'
        "</TransactionLink><LineItem><SequenceNumber>1</SequenceNumber><Sale><ItemID>A</ItemID>"
        "<Quantity>3</Quantity></Sale></LineItem></RetailTransaction></Transaction>"
    )
    core = Core()
    core.outcome = stock.STOCK_EVENT_OUTCOME_REVERSAL_PENDING
    under_test, inbox = lane(tmp_path, core, poslog.ADAPTER)
    await inbox.put([Keyed(Message(sent.encode()), "1", "")], NOW)
    assert await under_test.round()

    store = inbox._store
    await report_awaited(store, NOW + GRACE)
    with store.reading() as tables:
        (case,) = cases(tables)
    assert ("events", "reversal_pending", "pos/1/2 2026-11-27/260/1") == (
        *(case.adapter, case.kind),
        case.subject,
    )


async def test_a_backlog_of_many_sources_is_no_crowd_for_the_core(tmp_path: Path) -> None:
    """Calls that come all at once are late all at once, and are then all tried again."""
    core = Core()
    under_test, inbox = lane(tmp_path, core)
    facts = [replace(WHOLE, source=f"till/{till}", id=f"{till}/1") for till in range(500)]
    message = Message(to_batch(facts))
    await inbox.put([Keyed(message, ADAPTER.key(message), "")], NOW)

    assert await under_test.round()

    assert 500 == len(core.calls)
    assert lane_module.SOURCES_AT_ONCE == core.most_under_way


async def test_a_backlog_of_orders_is_no_crowd_for_the_core(tmp_path: Path) -> None:
    core = Core()
    under_test, _ = lane(tmp_path, core)
    calls = [under_test._ask(partial(core.record_stock_events, "shop", [])) for _ in range(100)]
    await asyncio.gather(*calls)
    assert lane_module.CALLS_AT_ONCE == core.most_under_way


async def put(inbox: Inbox, *facts: StockFact) -> None:
    message = Message(to_batch(list(facts)))
    await inbox.put([Keyed(message, ADAPTER.key(message), "")], NOW)


@pytest.mark.parametrize("a_message", [1, 500])
async def test_what_takes_long_is_decoded_beside_the_loop(tmp_path: Path, a_message: int) -> None:
    threads: list[int] = []

    def decode(message: Message, options: Any) -> Iterator[Any]:
        threads.append(threading.get_ident())
        yield from ADAPTER.decode(message, options)

    core = Core()
    under_test, inbox = lane(tmp_path, core, replace(ADAPTER, decode=decode))
    await put(inbox, replace(WHOLE, id="one"))
    assert await under_test.round()
    many = [replace(WHOLE, id=f"many/{number}") for number in range(500)]
    for at in range(0, len(many), a_message):
        await put(inbox, *many[at : at + a_message])
    assert await under_test.round()

    here = threading.get_ident()
    assert [True, *[False] * (500 // a_message)] == [thread == here for thread in threads]
    assert 501 == sum(len(ids) for _, ids in core.calls)


def words(message: Message, _: Any) -> Iterator[Any]:
    """A sale for each word, or an error for one that begins with "!"."""
    for word in message.body.decode().split():
        is_wrong = word.startswith("!")
        yield Undecodable("word", word, "no mark") if is_wrong else replace(WHOLE, id=word)


async def test_a_replay_delivers_what_was_not_delivered_and_nothing_again(tmp_path: Path) -> None:
    """The core knows an event again for 7 days; a letter may lie for a year, be replayed, and fail
    in part again.
    """
    core = Core()
    under_test, inbox = lane(tmp_path, core, replace(ADAPTER, decode=words))
    store = inbox._store
    await inbox.put([Keyed(Message(b"good !wrong !worse"), "k", "")], NOW)
    letters = []
    for mended in (b"good wrong !worse", b"good wrong worse"):
        assert await under_test.round()
        with store.reading() as tables:
            [letter] = dead_letters(tables)
        letters.append(letter)
        store.write_now(partial(edit, letter=letter, body=mended))
        store.write_now(partial(replay, number=letter.number))
    assert await under_test.round()

    with store.reading() as tables:
        assert [] == list(dead_letters(tables))
    assert [["good"], ["wrong"], ["worse"]] == [ids for _, ids in core.calls]
    assert [1, 2] == [len(each.delivered) for each in letters]


async def test_a_body_of_a_queue_that_is_too_long_is_a_dead_letter(tmp_path: Path) -> None:
    core = Core()
    under_test, inbox = lane(tmp_path, core, body_bytes_max=1_000)
    long = Message(to_batch([replace(WHOLE, id="long", actor="x" * 1_000)]))
    for message in (long, Message(to_batch([WHOLE]))):
        await inbox.put([Keyed(message, ADAPTER.key(message), "")], NOW)

    assert await under_test.round()

    with under_test._store.reading() as tables:
        [letter] = dead_letters(tables)
    assert ("UNDECODABLE", "body", long.body) == (letter.reason, letter.field, letter.message.body)
    assert letter.text.endswith("expected up to 1000 bytes")
    assert [(WHOLE.source, [WHOLE.id])] == core.calls


async def test_a_settlement_that_failed_is_a_case_and_asks_nothing_of_the_core(
    tmp_path: Path,
) -> None:
    core = Core()
    under_test, inbox = lane(tmp_path, core)
    event = OrderEvent(source="bank", id="1", kind=OrderKind.SETTLEMENT_FAILED, order="o-1")
    await inbox.put([Keyed(Message(to_batch([event])), "k", "")], NOW)

    assert await under_test.round()

    with inbox._store.reading() as tables:
        [case] = cases(tables)
        assert [] == list(dead_letters(tables))
    assert ("settlement_failed", "o-1", []) == (case.kind, case.subject, core.calls)


async def test_a_full_store_holds_a_lane_up_and_does_not_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "FULL_S", 0)
    core = Core()
    under_test, inbox = lane(tmp_path, core, full_changes=2)
    message = Message(to_batch([replace(WHOLE, id="one")]))
    await inbox.put([Keyed(message, ADAPTER.key(message), "")], NOW)

    running = asyncio.create_task(under_test.run())
    async with asyncio.timeout(10):
        while inbox.depth:  # noqa: ASYNC110 - a loop of its own empties it
            await asyncio.sleep(0)
    running.cancel()

    assert 3 == len(core.calls)  # the core knows a repeat by its id
