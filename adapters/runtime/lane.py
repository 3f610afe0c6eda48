"""One adapter's way in: from its inbox to the core, in order, each message once in effect.

A round takes the oldest messages, decodes them, sends what they say to the core, and takes them out
of the inbox in one transaction with the dead letters and cases that they left. A process that dies
in between sends them again, and the core knows them by source and id.

Rules of this file: what cannot be understood or is not taken becomes a dead letter and holds
nothing up. The core being away holds everything up, and loses nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any, Final, Protocol, TypeVar

from holdfast.edge.client import Client, HoldfastError
from holdfast.v1 import stock_service_pb2 as stock

from .. import mapping
from ..contract import Adapter, Undecodable
from ..events import (
    Event,
    Exceptional,
    Ignored,
    Numbered,
    OrderEvent,
    Shown,
    StockFact,
    time_without_zone,
)
from .ambiguous_counts import ambiguous, counted_twice
from .awaited import GRACE, note_reversal
from .cases import case_of_dead, case_of_money, case_of_shortfall, raise_case
from .controls import LOOK_S, is_paused
from .dead_letters import bury, dead_of, event_letter, message_letter, unfit
from .decoding import Decoding
from .divided import Divided
from .early import Early
from .facts import Again, Dead, Settled, chunks, message_of, verdict
from .gate import Gate
from .inbox import Inbox
from .latest_states import LatestStates
from .order_calls import APPLIED
from .order_facts import OrderFacts
from .order_runs import joined, runs
from .orders import CarryOut, Orders
from .records import Waiting, fingerprint
from .renumbered import as_numbered, receipts_here, undone_receipt
from .seen_lines import SeenLines
from .sold_times import sold_at
from .store import FULL_S, Store, StoreFailed, StoreFull, Tables
from .task_groups import together
from .till_gaps import note_numbers
from .unmapped import note_unmapped
from .unplaced import Unplaced, is_unplaced

#: Events that are mapped before others get their turn on the loop: some milliseconds.
MAPPED_AT_ONCE: Final = 200

#: Calls to the core that may be under way. A backlog of hundreds of orders at once had a slow core
#: miss the deadline of each, over and over; and others wait behind all that come at once. Beside
#: 300 tills that came back, a Reserve took 190 ms at p99 with 64, 53 with 16 and 33 with 8, and the
#: tills took 29 to 32 s with each. A core that is 50 ms away gets 160 calls a second of an adapter.
CALLS_AT_ONCE: Final = 8

#: Sources whose facts are recorded at once. Facts have no hurry that Reserves have: beside 300
#: tills that came back to idle cores, a Reserve took 19 ms at p99 with 8, 11 with 4 and 9 with 2,
#: and the tills took 8, 8 and 9 s.
SOURCES_AT_ONCE: Final = 2


Answer = TypeVar("Answer")
AnyEvent = TypeVar("AnyEvent", bound=Event)


class Observer(Protocol):
    """Observes what becomes of messages; flow_metrics.py does."""

    def decoded(self, adapter: str, event: Event) -> None:
        """An event came out of a message."""

    def ignored(self, adapter: str, reason: str) -> None:
        """A message, or a part of one, does not concern stock."""

    def settled(self, adapter: str, event: Event, outcome: str, received: datetime | None) -> None:
        """The core has an event."""

    def buried(self, adapter: str, reason: str) -> None:
        """A dead letter was made."""


#: Takes in what a channel shows, and returns what has to be kept of it.
Hear = Callable[[Shown], Callable[[Tables], None] | None]


def nothing_heard(_: Shown) -> None:
    """For partners that are not told what to show."""


#: Takes in when something was sold that the core has now.
Sold = Callable[[datetime], None]


def nothing_sold(_: datetime) -> None:
    """For partners that sell on no channel."""


@dataclass(slots=True)
class Item:
    """An event of a message on its way."""

    waiting: Waiting
    event: Event
    """As it was decoded."""
    mapped: Event
    """In the core's names and units."""


@dataclass(slots=True)
class Round:
    """What a round has come to: what is written at its end."""

    changes: list[Callable[[Tables], None]] = field(default_factory=list)
    numbers: list[Numbered] = field(default_factory=list)

    def commit(self, tables: Tables) -> None:
        """Write it all in one transaction."""
        for change in self.changes:
            change(tables)


class Lane:
    """The way of one adapter."""

    def __init__(
        self,
        name: str,
        adapter: Adapter,
        options: Any,
        *,
        store: Store,
        inbox: Inbox,
        client: Client,
        core: Gate,
        tables: mapping.Tables,
        observer: Observer,
        now: Callable[[], datetime],
        body_bytes_max: int | None = None,
        hear: Hear = nothing_heard,
        sold: Sold = nothing_sold,
    ) -> None:
        """`body_bytes_max` is of messages that no door, cut or page has bounded."""
        self.name = name
        self.inbox = inbox
        self._decoding = Decoding(inbox, adapter, options, body_bytes_max)
        self._store = store
        self._client = client
        self._divided = Divided(store, now)
        notes = self._divided, LatestStates(store, now), SeenLines(store, now)
        self._orders = Orders(client, *notes)
        self._order_facts = OrderFacts(client, self._orders.states, self._divided)
        self._unplaced = Unplaced(store, now)
        self._early = Early(store, name, now)
        self._core = core
        self._calls = asyncio.Semaphore(CALLS_AT_ONCE)
        self._recording = asyncio.Semaphore(SOURCES_AT_ONCE)
        self._tables = tables
        self._observer = observer
        self._now = now
        self._hear = hear
        self._sold = sold
        self.problem = ""
        """Why it cannot go on; empty when it can."""

    async def run(self) -> None:
        """Deliver what comes until the task is cancelled. Raises StoreFailed."""
        while True:
            self.inbox.arrived.clear()  # before it looks: what comes meanwhile is not missed
            try:
                if is_paused(self._store, self.name) or not await self.round():
                    await self._wait()
                self.problem = ""
            except StoreFull as error:
                # What is left of the store may do for one message, and somebody may make room.
                self.problem = str(error)
                await asyncio.sleep(FULL_S)

    async def round(self) -> bool:
        """Deliver the oldest messages; whether there were any. Raises StoreFull, StoreFailed."""
        await self._early.come_due()
        page = await (self._decoding.page(1) if self.problem else self._decoding.page())
        if not page:
            return False
        done = Round()
        items = [item for each in page for item in await self._items(*each, done)]
        for is_fact, run in groupby(items, key=_is_fact_of):
            await (self._record if is_fact else self._carry_out)(list(run), done)
        done.changes.append(note_numbers(self.name, done.numbers, self._now()))
        numbers = [waiting.number for waiting, _ in page]
        done.changes.append(lambda tables: self.inbox.remove(tables, numbers))
        done.changes.append(lambda tables: self.inbox.forget(tables, self._now(), len(items)))
        await self._store.write(done.commit)
        return True

    # Events

    async def _items(self, waiting: Waiting, said: Sequence[Any], done: Round) -> list[Item]:
        """The events of a message. One with parts that cannot be understood is a dead letter, and
        its other parts count: once, so what was taken before it was replayed is left out.
        """
        items: list[Item] = []
        errors: list[Exception] = []
        taken: list[Event] = []
        taken_before = set(waiting.delivered)
        for place, decoded in enumerate(said, 1):
            if isinstance(decoded, Exception):
                errors.append(decoded)
            elif isinstance(decoded, Ignored):
                self._observer.ignored(self.name, decoded.reason)
            elif isinstance(decoded, Numbered):
                done.numbers.append(decoded)
            elif isinstance(decoded, Shown) and time_without_zone(decoded):
                errors.append(Undecodable("time", f"{decoded.time}", "a time with its zone"))
            elif isinstance(decoded, Shown):
                if (change := self._hear(decoded)) is not None:
                    done.changes.append(change)
            elif not taken_before or fingerprint(decoded) not in taken_before:
                taken.append(decoded)
                if (item := self._mapped(waiting, decoded, done)) is not None:
                    items.append(item)
            if place % MAPPED_AT_ONCE == 0:
                await asyncio.sleep(0)
        if errors:
            letter = message_letter(self.name, waiting, errors, taken, self._now())
            done.changes.append(bury(letter))
            self._observer.buried(self.name, letter.reason)
        return self._unambiguous(items, done)

    def _unambiguous(self, items: list[Item], done: Round) -> list[Item]:
        """Events of a message without counts of which nobody knows what they say together."""
        twice = counted_twice(item.mapped for item in items)
        if not twice:
            return items
        found: list[Item] = []
        for item in items:
            if (item.mapped.source, item.mapped.id) in twice:
                self._bury(item, "map", ambiguous(_fact(item)), done)
            else:
                found.append(item)
        return found

    def _mapped(self, waiting: Waiting, event: Event, done: Round) -> Item | None:
        if name := time_without_zone(event):
            dead = Dead("UNFIT", f"its {name} has no zone", name, f"{getattr(event, name)}")
            self._bury(Item(waiting, event, event), "decode", dead, done)
            return None
        self._observer.decoded(self.name, event)
        try:
            mapped = mapping.apply(event, self._tables, waiting.message.received)
            return Item(waiting, event, mapped)
        except mapping.Unmapped as error:
            dead = Dead("UNMAPPED", str(error), error.field, error.value)
            self._bury(Item(waiting, event, event), "map", dead, done)
            done.changes.append(note_unmapped(self.name, error, self._now()))
            return None

    # Facts

    async def _record(self, items: list[Item], done: Round) -> None:
        """Facts of different sources go side by side, those of one source one after another: what
        many tills send by turns takes a call for each till and not for each receipt.
        """
        by_source: dict[str, list[Item]] = {}
        for item in items:
            by_source.setdefault(_fact(item).source, []).append(item)
        async with together() as group:
            for run in by_source.values():
                group.create_task(self._record_in_order(run, done))

    async def _record_in_order(self, items: list[Item], done: Round) -> None:
        async with self._recording:
            for receipt, run in groupby(items, key=lambda item: undone_receipt(_fact(item))):
                some = list(run)
                for chunk in chunks(await self._numbered(some, done) if receipt else some, _fact):
                    await self._record_chunk(chunk, done)

    async def _numbered(self, items: list[Item], done: Round) -> list[Item]:
        """Reversals of a receipt by the lines that it has, if the core can tell."""
        found, named = [], [*map(_fact, items)]
        try:
            facts = await self._ask(partial(as_numbered, self._client, self._divided, named))
        except (StoreFull, StoreFailed):
            raise
        except Exception:  # noqa: BLE001 - as without a ledger: they are sent as they are named
            return items
        for item, fact in zip(items, facts, strict=True):
            if isinstance(fact, Dead):
                self._settle(item, fact, done)
            else:
                found.append(replace(item, mapped=fact))
        return found

    async def _record_chunk(self, items: list[Item], done: Round) -> None:
        """Record facts of one source; halve what the core refuses as a whole, to find who is to
        blame.
        """
        sent, events = [], []
        for item in items:
            try:
                events.append(message_of(_fact(item), item.waiting.correlation_id))
                sent.append(item)
            except Exception as error:  # noqa: BLE001 - an event must not stop the others
                self._bury(item, "deliver", unfit(error), done)
        if not sent:
            return
        source = _fact(sent[0]).source
        try:
            response = await self._ask(lambda: self._client.record_stock_events(source, events))
        except HoldfastError as error:
            await self._record_apart(sent, error, done)
            return
        await self._judge(sent, response, done)

    async def _record_apart(self, items: list[Item], error: HoldfastError, done: Round) -> None:
        if len(items) == 1:
            self._bury(items[0], "deliver", dead_of(error), done)
            return
        half = len(items) // 2
        await self._record_chunk(items[:half], done)
        await self._record_chunk(items[half:], done)

    async def _judge(
        self, items: list[Item], response: stock.RecordStockEventsResponse, done: Round
    ) -> None:
        for shortfall in response.shortfalls:
            done.changes.append(raise_case(self.name, case_of_shortfall(shortfall), self._now()))
        here = receipts_here(map(_fact, items), response.results)
        for item, result in zip(items, response.results, strict=True):
            judged = verdict(_fact(item), result)
            if isinstance(judged, Dead):
                fact = _correlated(_fact(item), item.waiting)
                record = partial(self._order_facts.record, fact, result, judged)
                judged = await self._carried_out(record)
            if isinstance(judged, Again):
                await self._record_chunk([replace(item, mapped=judged.fact)], done)
            else:
                self._settle(item, judged, done, is_here=undone_receipt(_fact(item)) in here)

    # Orders and cases

    async def _carry_out(self, items: list[Item], done: Round) -> None:
        """Events of different orders go side by side, those of one order one after another."""
        by_order: dict[str, list[Item]] = {}
        for item in items:
            order = item.mapped.order if isinstance(item.mapped, OrderEvent) else ""
            by_order.setdefault(order, []).append(item)
        async with together() as group:
            for run in by_order.values():
                group.create_task(self._carry_out_in_order(run, done))

    async def _carry_out_in_order(self, items: Sequence[Item], done: Round) -> None:
        for run in runs(items, _event_of):
            judged = await self._judged_run([_event_of(item) for item in run], done)
            for item, each in zip(run, judged, strict=True):
                self._settle(item, each, done)

    async def _judged_run(self, events: list[Event], done: Round) -> list[Settled | Dead]:
        """Carry out events as one; halve what cannot be. A case of all of them is opened once."""
        if len(events) == 1:
            return [await self._carry_out_one(events[0], done)]
        judged = await self._apply(joined(events), self._orders.apply_run)
        if isinstance(judged, Settled):
            return [judged, *[Settled(judged.outcome)] * (len(events) - 1)]
        half = len(events) // 2
        first = await self._judged_run(events[:half], done)
        return [*first, *await self._judged_run(events[half:], done)]

    async def _carry_out_one(self, event: Event, done: Round) -> Settled | Dead:
        if isinstance(event, OrderEvent):
            event = case_of_money(event) or event
        if isinstance(event, OrderEvent):
            return await self._apply(event, self._orders.apply)
        assert isinstance(event, Exceptional)
        done.changes.append(raise_case(self.name, event, self._now()))
        return Settled("CASE_OPENED")

    async def _apply(self, event: OrderEvent, carry_out: CarryOut) -> Settled | Dead:
        if self._unplaced.is_over(event):
            return Settled("CANCELLED_BEFORE")
        applied = partial(carry_out, event)
        done = await self._carried_out(applied)
        if not is_unplaced(event, done):
            return done
        await self._unplaced.note(event)
        done = await self._carried_out(applied)  # another lane may have placed it meanwhile
        return Settled("NOT_PLACED") if is_unplaced(event, done) else done

    async def _carried_out(
        self, attempt: Callable[[], Awaitable[Settled | Dead]]
    ) -> Settled | Dead:
        try:
            return await self._ask(attempt)
        except HoldfastError as error:
            return dead_of(error)
        except (StoreFull, StoreFailed):
            raise
        except Exception as error:  # noqa: BLE001 - an event must not stop the others
            return unfit(error)

    async def _ask(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of the core, once there is one. Raises what time does not heal."""
        async with self._calls:
            return await self._core.call(attempt)

    # Ends

    def _settle(
        self, item: Item, judged: Settled | Dead, done: Round, *, is_here: bool = False
    ) -> None:
        """`is_here` is of a reversal of a receipt that has come: no more of it will."""
        if isinstance(judged, Dead):
            event = _correlated(item.event, item.waiting)
            if (aside := self._early.put_aside(item.waiting, event, judged)) is not None:
                done.changes.append(aside)
            else:
                self._bury(item, "deliver", judged, done)
            return
        if judged.case is not None:
            done.changes.append(raise_case(self.name, judged.case, self._now()))
        grace = timedelta() if is_here else GRACE
        if change := note_reversal(self.name, item.mapped, judged.outcome, self._now(), grace):
            done.changes.append(change)
        received = item.waiting.message.received
        self._observer.settled(self.name, item.event, judged.outcome, received)
        is_replay = bool(item.waiting.replay_of)
        if judged.outcome == APPLIED and (sold := sold_at(item.event)) and not is_replay:
            self._sold(sold)

    def _bury(self, item: Item, stage: str, dead: Dead, done: Round) -> None:
        event = _correlated(item.event, item.waiting)
        letter = event_letter(self.name, item.waiting, event, stage, dead, self._now())
        done.changes.append(bury(letter))
        if (case := case_of_dead(event, dead)) is not None:
            done.changes.append(raise_case(self.name, case, self._now()))
        self._observer.buried(self.name, dead.reason)

    # Waiting

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self.inbox.arrived.wait()


def _correlated(event: AnyEvent, waiting: Waiting) -> AnyEvent:
    """An event with a correlation id: its own, or that of its message. Facts get theirs when they
    become messages, since to copy each takes longer than to decode it.
    """
    return event if event.correlation_id else replace(event, correlation_id=waiting.correlation_id)


def _event_of(item: Item) -> Event:
    return _correlated(item.mapped, item.waiting)


def _fact(item: Item) -> StockFact:
    assert isinstance(item.mapped, StockFact)
    return item.mapped


def _is_fact_of(item: Item) -> bool:
    return isinstance(item.mapped, StockFact)
