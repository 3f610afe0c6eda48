"""The pump: turn, then append, then answer, in that order, for as long as the node lives.

While the journal's process makes one append durable, commands gather in the mailboxes. When enough
have gathered, their turn runs and its append waits, so that the disk does not idle under load. With
fewer, the turn runs when the append is done, so that appends stay few; or behind fronts, when
callers are many, as long after it as it took. So the size of an append follows the load. At most
one append is in flight and one turn waiting, so the mailboxes bound memory.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from holdfast.core.actor import Ticket
from holdfast.core.commands import Outcome, RunCodes
from holdfast.core.limits import NS_PER_S
from holdfast.core.node import Node, Turn
from holdfast.core.statistics import ShardStatistics, read_statistics
from holdfast.core.tables.effects import Entry
from holdfast.core.tables.table import Array
from holdfast.persistence.journal import JournalAppender

from .audit_alarms import log_disagreements
from .clock import Clock

#: Work, in microseconds, for which a turn runs while an append is in flight: that of 128 Reserves.
#: An append costs as much processor time as about ten of them; below this, waiting for more costs
#: less than one more append.
EARLY_TURN_MIN = 768

#: Rounds of the loop without a command before a turn runs, when callers are many. gRPC hands over
#: one call at a time, so under load the next command is soon there, and a turn and its append cost
#: as much as ten calls or more. On two idle cores, 64 callers got 7,500 to 9,000 calls a second
#: with 4 rounds and 10,300 to 10,900 with 160, and 16 callers 7,500 and 7,000. Behind fronts, what
#: comes is waited for by the clock (see below), and rounds cost more than they bring.
QUIET_ROUNDS = 160
QUIET_ROUNDS_BEHIND_FRONTS = 4

#: Up to so many answers in the last turn, callers are few, and the next turn waits for nobody. What
#: comes during its append shares the turn after it, whose answers show when callers become many.
FEW_ANSWERS = 1

#: Behind fronts, commands come from other processes, and rounds of the loop say nothing of when. So
#: there a turn waits for as long as the last append took, if the last turn had more callers than
#: these: whoever misses a turn waits as long for the next. The wait is no shorter than the loop's
#: timers, and no longer than appends take on a disk that is well.
FEW_BEHIND_FRONTS = 8
GATHER_MIN_S = 0.001
GATHER_MAX_S = 0.01

#: Rounds after which a turn runs in any case, some 0.5 ms: a command now and then would otherwise
#: keep the first one waiting until there are 128 of them.
ROUNDS_MAX = 320

Answers = Sequence[tuple[Ticket, Outcome]]


class Waiter(Protocol):
    """A ticket that is told the outcome, once that may be known; a future is one."""

    def done(self) -> bool:
        """Whether nobody waits any more."""

    def set_result(self, result: Outcome, /) -> None:
        """Hand the outcome on."""


@dataclass(frozen=True, slots=True)
class PumpStatistics:
    """Figures of the pump since the node's start."""

    turns: int
    appends: int
    append_seconds: float
    """Seconds spent in appends; nearly all of it is waiting for the disk."""
    append_age_seconds: float
    """Seconds since the append under way was handed to the journal; 0 when there is none."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A turn that wrote, and the headers of the shards that it changed, as it left them."""

    turn: Turn
    durable: "asyncio.Future[None]"
    headers: dict[int, Array] = field(default_factory=dict)


class Observer(Protocol):
    """Who wants to know what turns write. It is called on the loop's thread, between turns."""

    def wrote(self, entries: Sequence[Entry]) -> None:
        """A turn wrote these, and the tables are as it left them. They are not durable yet."""

    def became_durable(self) -> None:
        """An append is on the disk."""


def _callers(answers: Answers) -> int:
    """How many are answered. Those of a run share one answer."""
    return sum(len(outcome.codes) if isinstance(outcome, RunCodes) else 1 for _, outcome in answers)


def _nothing() -> None:
    """Collects nothing: all commands are posted when they come."""


def _nothing_of(_answers: Answers) -> None:
    """Prepares nothing: all answers are made when they may leave."""


class Pump:
    """Runs a node over a journal, on the event loop's thread.

    `on_failure` is called when a turn, an append or what follows them fails. It must end the
    process: half a turn may be applied, or half an append written.
    """

    def __init__(
        self,
        node: Node,
        journal: JournalAppender,
        clock: Clock,
        on_failure: Callable[[BaseException], None],
        *,
        is_behind_fronts: bool = False,
    ) -> None:
        self.node = node
        self.journal = journal
        self.headroom_bytes = journal.headroom_bytes()
        self._clock = clock
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        journal.start(self._appended, on_failure)
        self._is_scheduled = False
        self._posted = self._seen = self._rounds = self._quiet_rounds = 0
        self._quiet_rounds_wanted = 0
        self._is_behind_fronts = is_behind_fronts
        self._quiet_rounds_of_many = (
            QUIET_ROUNDS_BEHIND_FRONTS if is_behind_fronts else QUIET_ROUNDS
        )
        self._has_many_callers = False
        self._gathering: asyncio.TimerHandle | None = None
        self._is_draining = False
        self._waiting: _Written | None = None
        self._appending: _Written | None = None
        self._append_began_s = self._append_took_s = 0.0
        self._durable_headers = {shard.number: shard.header.copy() for shard in node.shards}
        self._reads: list[Answers] = []
        self._observer: Observer | None = None
        self.collect: Callable[[], None] = _nothing
        """Called before each turn: posts what still waits to be."""
        self.prepare: Callable[[Answers], None] = _nothing_of
        """Called while the journal writes what a turn wrote: makes what of its answers can be made
        before they may leave.
        """
        self._due: deque[Answers] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_ns = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._turns = self._appends = 0
        self._append_seconds = 0.0
        # Holds may have ended while no node was there, and the first turn sets the alarm.
        self.schedule(0)

    def __repr__(self) -> str:
        state = "appending" if self._appending else "idle"
        return f"<Pump {state} after {self._turns} turns, {self._appends} appends>"

    def statistics(self) -> PumpStatistics:
        """The pump's figures as they are now."""
        return PumpStatistics(self._turns, self._appends, self._append_seconds, self.append_age_s())

    def append_age_s(self) -> float:
        """Seconds since the append under way was handed to the journal; 0 when there is none."""
        return self._loop.time() - self._append_began_s if self._appending else 0.0

    def is_durable(self) -> bool:
        """Whether all that turns have changed so far is on the disk."""
        return self._appending is None and self._waiting is None

    def observe(self, observer: Observer | None) -> None:
        """Call this observer from now on; None for no observer."""
        self._observer = observer

    def now_ns(self) -> int:
        """The time of a turn that ran now, in nanoseconds since 1970."""
        return max(self.node.now_ns, self._clock())

    async def until_durable(self) -> None:
        """Wait until all that turns have changed so far is on the disk."""
        written = self._waiting or self._appending
        if written is not None:
            await asyncio.shield(written.durable)  # others wait for it too

    def durable_statistics(self) -> list[ShardStatistics]:
        """The figures of every shard at the journal's durable position. Like an answer, they report
        nothing that could still be lost.
        """
        return [read_statistics(header) for header in self._durable_headers.values()]

    def schedule(self, weight: int = 1) -> None:
        """Note that commands of this weight (microseconds) were posted, and make sure that a turn
        comes.

        The turn of a lone caller runs in the next round of the loop. With many callers it runs when
        further rounds bring no more commands, or behind fronts after a while, so that they share
        it. While an append is in flight, or callers are waited for, it runs early when enough was
        posted; see the top of this file.
        """
        self._posted += weight
        is_enough = self._posted >= EARLY_TURN_MIN
        if self._gathering is not None and is_enough:
            self._gathering.cancel()
            self._gathering = None
        elif self._is_scheduled or (self._appending and not is_enough):
            return
        self._is_scheduled = True
        if self._has_many_callers and not is_enough:
            wait_s = max(GATHER_MIN_S, min(self._append_took_s, GATHER_MAX_S))
            self._gathering = self._loop.call_later(wait_s, self._gathered)
        else:
            self._loop.call_soon(self._run)

    def _gathered(self) -> None:
        self._gathering = None
        self._run()

    def _run(self) -> None:
        if self._is_gathering():
            self._loop.call_soon(self._run)
        elif self._waiting is None:
            self._guarded(self._run_turn)
        else:
            self._is_scheduled = False  # at most one turn waits; `_appended` schedules the next

    def _guarded(self, step: Callable[..., None], *of: object) -> None:
        """Take a step; the loop would log its failure and go on."""
        try:
            step(*of)
        except BaseException as error:  # noqa: BLE001 - it may be half done: no going on
            self._on_failure(error)

    def _run_turn(self) -> None:
        self.collect()
        self._is_scheduled = False
        self._posted = self._seen = self._rounds = self._quiet_rounds = 0
        turn = self.node.turn(self._clock())
        self._turns += 1
        callers = _callers(turn.answers)
        self._quiet_rounds_wanted = self._quiet_rounds_of_many if callers > FEW_ANSWERS else 0
        self._has_many_callers = self._is_behind_fronts and callers > FEW_BEHIND_FRONTS
        self._settle(turn)
        self._set_alarm(turn.next_due_ns)
        if turn.found:
            log_disagreements(turn.found)
        if turn.has_more:
            self.schedule(EARLY_TURN_MIN)

    def _is_gathering(self) -> bool:
        """Whether the loop's last rounds brought a command, so that the next ones may too."""
        self._rounds += 1
        self._quiet_rounds = 0 if self._posted > self._seen else self._quiet_rounds + 1
        self._seen = self._posted
        is_enough = self._posted >= EARLY_TURN_MIN or self._rounds >= ROUNDS_MAX
        return not is_enough and self._quiet_rounds < self._quiet_rounds_wanted

    def _settle(self, turn: Turn) -> None:
        """Append what a turn wrote. If it wrote nothing, answer it once all that it saw is
        durable.
        """
        if turn.entries:
            self._write(turn)
            self.prepare(turn.answers)
        elif self._appending is not None:
            # Its reads and refusals may rest on the append in flight.
            self._reads.append(turn.answers)
        else:
            self._answer(turn.answers)

    def _write(self, turn: Turn) -> None:
        """Append what a turn wrote, now or after the append in flight."""
        self._idle.clear()
        self._waiting = written = _Written(turn, self._loop.create_future())
        if self._appending is None:
            self._append()  # before the rest, so that the disk works meanwhile
        for entry in turn.entries:
            written.headers[entry.shard] = self.node.shards[entry.shard].header.copy()
        if self._observer is not None:
            self._observer.wrote(turn.entries)

    def _append(self) -> None:
        assert self._waiting is not None
        written, self._waiting, self._appending = self._waiting, None, self._waiting
        self._append_began_s = self._loop.time()
        self.journal.append(written.turn.entries)

    def _appended(self, seconds: float, headroom_bytes: int) -> None:
        self._guarded(self._go_on, seconds, headroom_bytes)

    def _go_on(self, seconds: float, headroom_bytes: int) -> None:
        self.headroom_bytes = headroom_bytes
        self._append_took_s = self.append_age_s()
        self._append_seconds += seconds
        self._appends += 1
        written, self._appending = self._appending, None
        reads, self._reads = self._reads, []
        if self._waiting is not None:
            self._append()  # before answering, so that the disk works meanwhile
        assert written is not None
        self._durable_headers |= written.headers
        for answers in (written.turn.answers, *reads):
            self._answer(answers)
        written.durable.set_result(None)
        if self._observer is not None:
            self._observer.became_durable()
        if self._posted:
            self.schedule(0)
        if self._appending is None:
            self._idle.set()

    def _answer(self, answers: Answers) -> None:
        """Answer the commands of one turn in one round of the loop: what their callers do with the
        answers takes as long as the turn.
        """
        if answers:
            self._due.append(answers)
            if len(self._due) == 1:
                self._release()

    def _release(self) -> None:
        answers = self._due[0]
        self._loop.call_soon(self._released)
        for ticket, outcome in answers:
            waiter = cast(Waiter, ticket)
            if not waiter.done():  # its caller may have gone away
                waiter.set_result(outcome)

    def _released(self) -> None:
        self._due.popleft()
        if self._due:
            self._release()

    def _set_alarm(self, expiry_ns: int) -> None:
        if expiry_ns == self._alarm_ns or self._is_draining:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_ns = expiry_ns
        delay = max(0.0, (expiry_ns - self._clock()) / NS_PER_S)
        # A day at most: not every loop takes longer delays, and a wake-up a day costs nothing.
        self._alarm = self._loop.call_later(min(delay, 86_400.0), self._ring)

    def _ring(self) -> None:
        self._alarm_ns = 0
        self.schedule()

    def is_storage_full(self) -> bool:
        """Whether new writes must be refused.

        Once it is full, the disk is asked every time: with all writes refused, no append would
        report that space was freed.
        """
        if self.headroom_bytes <= 0:
            self.headroom_bytes = self.journal.headroom_bytes()
        return self.headroom_bytes <= 0

    async def drain(self) -> None:
        """Wait until every queued command is answered, then seal the state into the journal and
        close it.
        """
        self._is_draining = True
        if self._alarm is not None:
            self._alarm.cancel()
        while self._is_busy():
            self.schedule(EARLY_TURN_MIN)
            await asyncio.sleep(0)
            await self._idle.wait()
        # No await between the test and the seal, so no turn can come after the seal.
        self._guarded(self._write, Turn(self.node.seal(), (), self._alarm_ns, has_more=False))
        await self._idle.wait()
        self.journal.close()

    def _is_busy(self) -> bool:
        has_mail = any(actor.mailbox for actor in self.node.actors)
        is_working = self._is_scheduled or not self._idle.is_set()
        return is_working or has_mail or bool(self._due)
