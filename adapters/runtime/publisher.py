"""The way out to a channel: what it is to show, offered on its paths until it shows it.

A walk takes the riskiest pairs, notes in the store that they are offered, and asks the channel
until there is a verdict for each. One that the channel takes its time with is kept with its
answers, so that a restart goes on with it. Of any other, a restart knows that its offers may have
arrived: those pairs are offered again.

Rules of this file: which pairs, what they show and what a verdict means is the board's. What a
channel missed while it was away, it gets once, as it is by then.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain, count, islice
from typing import Any, Final

from ..contract import (
    OfferVerdict,
    Publish,
    Refused,
    Rejected,
    Request,
    Response,
    Stale,
    Undecodable,
    Wait,
)
from ..events import Exceptional, Shown
from ..publishing.blame import Blame
from ..publishing.board import Board
from ..publishing.flights import Flight, Heard
from . import offer_cases
from .cases import raise_case
from .controls import is_paused
from .flow_metrics import Figures
from .kept_pairs import AT_ONCE, KeptPairs
from .levels import Levels
from .loads import Loads
from .partner import Partner, PartnerAway
from .polls import cursor_key, read_cursor
from .publish_records import (
    WalkRecord,
    delete_walk,
    put_walk,
    walks,
)
from .settings import Configured
from .store import Store, StoreFailed, StoreFull, Tables
from .task_groups import together

#: Requests of one walk. A feed that is asked for every minute takes some for hours.
REQUESTS_MAX: Final = 1_000

#: Seconds in which a channel has to say what became of a load that it has begun to take, or how it
#: stands. Then it is offered again: no vendor states a time, and a feed takes minutes.
UNANSWERED_S: Final = 3_600.0

#: Seconds for which pairs wait whose channel refused them all, or was not understood.
REFUSED_S: Final = 60.0

#: Seconds after which it looks for orders of operators, and for pairs that are due.
LOOK_S: Final = 0.5

#: Seconds from the end of one computation of the buffers to the start of the next.
MEASURE_S: Final = 5.0

#: Seconds for which it pauses after so many pairs.
MEASURE_PAUSE_S: Final = 0.1

Step = Request | Wait | Sequence[OfferVerdict]


@dataclass(slots=True)
class Walk:
    """Offers on their way along a path."""

    place: int
    """Of its path."""
    number: int
    flights: list[Flight] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    began_s: float = 0.0
    was_sent: bool = False
    is_handed_over: bool = False
    """Whether pairs may be offered on a quicker path, since the channel takes its time."""


class Publisher:
    """What one channel is told."""

    def __init__(
        self,
        configured: Configured,
        publish: Publish,
        board: Board,
        *,
        levels: Levels,
        store: Store,
        partner: Partner,
        is_away: Callable[[], bool],
        figures: Figures,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        """`is_away` says whether the channel is not reached, or its orders are late. `clock` is
        for how long things take: seconds since 1970 that no correction of the time makes jump.
        """
        assert configured.settings.publish is not None
        self.name = configured.name
        self.board = board
        self.loaded = asyncio.Event()
        """Set when the board knows what was kept before the process began."""
        self.arrived = asyncio.Event()
        """Set when there may be something to do."""
        self.problem = ""
        """Why the channel does not take what it is offered; empty once it has."""
        self._fallback = configured.settings.publish.fallback
        self._options = configured.options
        self._paths = publish.paths
        self._places = {path.name: place for place, path in enumerate(publish.paths)}
        self._levels = levels
        self._store = store
        self._partner = partner
        self._is_away = is_away
        self._figures = figures
        self._now = now
        self._now_s = clock
        self._loads = Loads(publish.paths, board, partner)
        self._kept = KeptPairs(self.name, board, store)
        self._numbers = count(1)
        self._blame = Blame()
        board.begin(self._now_s())

    async def run(self) -> None:
        """Offer what changes until the task is cancelled. Raises StoreFailed."""
        await self._levels.loaded.wait()
        await self._kept.restore(self._now_s)
        self.loaded.set()
        async with together() as group:
            group.create_task(self._measure())
            for walk in self._kept_walks():
                group.create_task(self._run_walk(walk))
            while True:
                self.arrived.clear()  # before it looks: what comes meanwhile is not missed
                await self._look()
                for walk in self._begun():
                    group.create_task(self._run_walk(walk))
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._wait_s()):
                        await self.arrived.wait()

    def hear(self, shown: Shown) -> Callable[[Tables], None] | None:
        """Take in what the channel shows, as it said; what has to be kept of it."""
        return self._note(shown, *self.board.hear(shown, self._now_s()))

    def hear_read(self, shown: Shown) -> Callable[[Tables], None] | None:
        """The same, as it was read back."""
        return self._note(shown, *self.board.hear_read(shown, self._now_s()))

    def hear_sale(self, sold: datetime) -> None:
        """The core now has what the channel sold then."""
        now_s = self._now_s()
        self.board.sold(now_s - (self._now() - sold).total_seconds(), now_s)

    # Looking

    async def _look(self) -> None:
        """Let time pass on the board, and do what operators have ordered."""
        now_s = self._now_s()
        is_silent = self._levels.silent_s > self._fallback.after_s
        self.board.away(now_s, is_away=self._blame.is_deaf or self._is_away())
        await _by_turns(
            chain(
                self.board.pass_time(now_s),
                self.board.items_as_of(self._now(), now_s),
                self.board.core_silent(is_silent, now_s),
                self.board.leave_claims(now_s),
            )
        )
        if read_cursor(self._store, self.name, _AGAIN):
            await self._offer_rejected_again(now_s)

    async def _measure(self) -> None:
        """Let buffers follow what was measured, in a small share of the time however many they are:
        demand and lags change slowly, and a level that changes is reckoned with at once.
        """
        while True:
            await asyncio.sleep(MEASURE_S)
            await _by_turns(self.board.measure(self._now_s()), MEASURE_PAUSE_S)

    async def _offer_rejected_again(self, now_s: float) -> None:
        """Do as an operator has ordered, and keep it: a restart does not reject them again."""
        keep = self._kept.keeping(self.board.offer_rejected_again(now_s))

        def change(tables: Tables) -> None:
            keep(tables)
            tables.cursors.delete(cursor_key(self.name, _AGAIN))

        await self._write(change)

    def _begun(self) -> Iterator[Walk]:
        """The walks that begin now. Each takes its offers when it has its turn."""
        if self._levels.is_settling or is_paused(self._store, self.name):
            return
        now_s = self._now_s()
        self._loads.look(now_s)
        for place, path in enumerate(self._paths):
            while self._loads.may_begin(place, now_s):
                self._figures.walks.labels(self.name, path.name).inc()
                self._loads.begin(place)
                yield Walk(place, next(self._numbers))

    def _wait_s(self) -> float:
        if self.board.waiting and (wait_s := self._loads.wait_s(0)) > 0:
            return min(LOOK_S, wait_s)
        return LOOK_S

    # Walking

    async def _run_walk(self, walk: Walk) -> None:
        """A walk to its end. While the channel is away it begins again, with what is the riskiest
        by then; one that has come somewhere goes on from there.
        """
        try:
            if walk.responses:
                step = self._next(walk, walk.responses)
            else:
                step = await self._partner.gate.call(partial(self._first_step, walk))
            await self._go_on(walk, step)
        except StoreFailed:
            raise
        except Exception as error:  # noqa: BLE001 - an adapter's defect must not stop the others
            await self._fail(walk, error)

    async def _first_step(self, walk: Walk) -> Step:
        """What comes of the first request. Raises PartnerAway, and then nobody knows whether the
        offers have arrived.
        """
        walk.began_s = self._now_s()
        await self._take(walk)
        if not walk.flights:
            return []
        await self._write(self._keeping(walk.flights))
        step = self._next(walk, [])
        if not isinstance(step, Request):
            return step
        if not walk.was_sent:
            self._loads.send(walk.place, step)
            walk.was_sent = True
        try:
            return await self._partner.ask_once(step, partial(self._judged, walk))
        except PartnerAway:
            await self._lose(walk)
            raise

    async def _take(self, walk: Walk) -> None:
        """Take the offers of a walk: they are on their way from then on."""
        load = self._loads.take(walk.place, walk.began_s)
        while taken := list(islice(load, AT_ONCE)):
            walk.flights += taken
            await asyncio.sleep(0)

    async def _go_on(self, walk: Walk, step: Step) -> None:
        """A walk from its second request on: these are repeated until the channel answers."""
        while isinstance(step, Request | Wait):
            if len(walk.responses) == REQUESTS_MAX:
                raise Refused(f"it is not done after {REQUESTS_MAX:,} requests")
            if walk.responses:
                await self._write(partial(put_walk, adapter=self.name, walk=self._record(walk)))
            if isinstance(step, Wait):
                await self._hand_over(walk)
                await asyncio.sleep(step.seconds)
                step = step.request
            try:
                async with asyncio.timeout(UNANSWERED_S):
                    step = await self._partner.gate.call(partial(self._ask_on, walk, step))
            except TimeoutError:
                await self._give_up(walk)
                return
        await self._settle(walk, step)

    async def _ask_on(self, walk: Walk, request: Request) -> Step:
        """What comes of a later request. What the channel has of the offers takes its time while
        it does not answer.
        """
        try:
            return await self._partner.ask_once(request, partial(self._judged, walk))
        except PartnerAway:
            await self._hand_over(walk)
            raise

    async def _hand_over(self, walk: Walk) -> None:
        """Let pairs of a walk be offered on a quicker path."""
        if walk.is_handed_over:
            return
        walk.is_handed_over = True
        for at in range(0, len(walk.flights), AT_ONCE):
            self.board.hand_over(walk.flights[at : at + AT_ONCE], self._now_s())
            await asyncio.sleep(0)
        self.arrived.set()

    def _judged(self, walk: Walk, response: Response) -> Step:
        """What comes next after a response, which may ask for a wait or a new session."""
        step = self._next(walk, [*walk.responses, response])
        walk.responses.append(response)
        return step

    def _next(self, walk: Walk, responses: Sequence[Response]) -> Step:
        offers = [flight.offer for flight in walk.flights]
        step = self._paths[walk.place].next(offers, responses, self._options)
        if not isinstance(step, Request | Wait) and len(step) != len(offers):
            raise ValueError(f"{len(step):,} verdicts for {len(offers):,} offers")
        return step

    # Ends

    async def _settle(self, walk: Walk, verdicts: Sequence[OfferVerdict]) -> None:
        now, now_s = self._now(), self._now_s()
        cases = []
        for place, (flight, verdict) in enumerate(zip(walk.flights, verdicts, strict=True), 1):
            self.board.settle(flight, verdict, now_s)
            self._blame.clear(flight.row)
            if (case := self._case_of(flight, verdict)) is not None:
                cases.append(raise_case(self.name, case, now))
            if place % AT_ONCE == 0:
                await asyncio.sleep(0)
        kinds = Counter(type(verdict).__name__.lower() for verdict in verdicts)
        for kind, number in kinds.items():
            self._figures.offers.labels(self.name, kind).inc(number)
        self.problem = ""
        if walk.flights:
            self._blame.understood()
            self._loads.measure(walk.place, now_s - walk.began_s)
        await self._end(walk, cases)

    def _case_of(self, flight: Flight, verdict: OfferVerdict) -> Exceptional | None:
        if isinstance(verdict, Rejected):
            return offer_cases.rejected(self.name, flight.offer, verdict)
        if isinstance(verdict, Stale) and self.board.stays_stale(flight.row):
            return offer_cases.stays_stale(self.name, flight.offer)
        return None

    async def _fail(self, walk: Walk, error: Exception) -> None:
        """A walk that leads nowhere: its pairs are offered again later, in smaller loads, until the
        offer to blame stands alone. Where the channel is, no pair is parked.
        """
        self.problem = str(error) if isinstance(error, Refused | Undecodable) else repr(error)
        self._figures.offers.labels(self.name, "failed").inc(len(walk.flights))
        now, now_s = self._now(), self._now_s()
        cases = []
        self._blame.doubt(flight.row for flight in walk.flights)
        if len(walk.flights) > 1:
            are_all = isinstance(error, Refused) and self._blame.are_all_refused()
            self._loads.halve(walk.place)
            await self._lose(walk, REFUSED_S if are_all else 0.0)
        else:
            for flight in walk.flights:
                if not self._blame.is_to_blame(flight.row):
                    self.board.doubt(flight, now_s)
                    continue
                self.board.reject(flight, now_s)
                failed = Rejected(f"its answer was not understood: {self.problem}")
                case = offer_cases.rejected(self.name, flight.offer, failed)
                cases.append(raise_case(self.name, case, now))
        await self._end(walk, cases)

    async def _give_up(self, walk: Walk) -> None:
        """Offer again what a channel says nothing of, mostly on paths that take less time."""
        path = self._paths[walk.place].name
        self.problem = f"it does not say what became of a {path} of {len(walk.flights):,} offers"
        self._figures.offers.labels(self.name, "unanswered").inc(len(walk.flights))
        self._loads.measure(walk.place, UNANSWERED_S)
        await self._lose(walk)
        case = offer_cases.unanswered(self.name, path, self.problem)
        await self._end(walk, [raise_case(self.name, case, self._now())])

    async def _end(self, walk: Walk, cases: Sequence[Callable[[Tables], None]]) -> None:
        """A walk has landed. The next one does not wait until that is kept: a crash in between has
        the same offered again, and both are kept by one write.
        """
        keep = self._keeping(walk.flights)
        self._loads.end(walk.place, was_sent=walk.was_sent)
        self.arrived.set()

        def change(tables: Tables) -> None:
            keep(tables)
            if walk.responses:
                delete_walk(tables, self.name, walk.number)
            for case in cases:
                case(tables)

        await self._write(change)

    async def _lose(self, walk: Walk, put_off_s: float = 0.0) -> None:
        flights, walk.flights = walk.flights, []
        now_s = self._now_s()
        for place, flight in enumerate(flights, 1):
            self.board.lose(flight, now_s, put_off_s)
            if place % AT_ONCE == 0:
                await asyncio.sleep(0)

    # Keeping

    async def _write(self, change: Callable[[Tables], Any]) -> None:
        """Write into the store. One that is full costs offers after the next start, which are made
        again, and not now.
        """
        try:
            await self._store.write(change)
        except StoreFull as error:
            self.problem = str(error)

    def _keeping(self, flights: Sequence[Flight]) -> Callable[[Tables], None]:
        return self._kept.keeping(flight.row for flight in flights)

    def _record(self, walk: Walk) -> WalkRecord:
        path = self._paths[walk.place].name
        offers = [flight.offer for flight in walk.flights]
        return WalkRecord(walk.number, path, offers, [*walk.responses])

    def _kept_walks(self) -> list[Walk]:
        """The walks that go on."""
        now_s = self._now_s()
        with self._store.reading() as tables:
            kept = walks(tables, self.name)
        self._numbers = count(1 + max((each.number for each in kept), default=0))
        return [self._kept_walk(each, now_s) for each in kept if each.path in self._places]

    def _kept_walk(self, kept: WalkRecord, now_s: float) -> Walk:
        """A walk that goes on."""
        place = self._places[kept.path]
        self._loads.begin(place)
        flights = self.board.take_again(kept.offers, now_s)
        return Walk(place, kept.number, flights, kept.responses, now_s, is_handed_over=True)

    def _note(self, shown: Shown, heard: Heard, row: int) -> Callable[[Tables], None] | None:
        self._figures.heard.labels(self.name, heard).inc()
        if heard not in (Heard.DIFFERS, Heard.DIFFERS_AGAIN):
            return None
        self.arrived.set()
        keep = self._kept.keeping([row])
        differs = offer_cases.differs(self.name, shown, self.board.pairs.target[row])
        case = raise_case(self.name, differs, self._now())

        def change(tables: Tables) -> None:
            keep(tables)
            if heard is Heard.DIFFERS_AGAIN:
                case(tables)

        return change


async def _by_turns(steps: Iterable[None], pause_s: float = 0.0) -> None:
    """Take steps, so many at once that others do not wait for long."""
    for place, _ in enumerate(steps, 1):
        if place % AT_ONCE == 0:
            await asyncio.sleep(pause_s)


def order_rejected_again(name: str) -> Callable[[Tables], None]:
    """The change by which an operator has a channel be offered again what it has rejected."""
    return lambda tables: tables.cursors.put(cursor_key(name, _AGAIN), b"ordered")


#: Purpose of the cursor that holds such an order.
_AGAIN: Final = "republish"
