"""The node: all shards, their actors and the rules, as one deterministic machine.

`turn(now_ns)` takes what is in the mailboxes, applies it and returns what must be done. It does not
wait, reads no clock and does no I/O; the same state and the same input give the same entries, byte
for byte.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from inspect import isgeneratorfunction
from itertools import count, groupby
from operator import attrgetter
from typing import Any, TypeAlias, cast

import numpy as np

from .actor import Actor, Mail, Origin, Ticket
from .commands import Command, Disagreement, Outcome, RecordStockEvents, Reserve
from .commands.naming import put_names
from .commands.registry import OPERATIONS, Growth, bind_rules
from .limits import ROWS_MAX, SLOTS
from .model import UnknownSkus
from .room import NoRoomError, Room
from .rules import single_line
from .rules.auditing import Auditing
from .rules.availability import Availability
from .rules.available_to_promise import AvailableToPromise
from .rules.batches import Batches
from .rules.catalogue import Catalogue
from .rules.counts import Counts
from .rules.fact_changes import FactChanges
from .rules.homes import Homes
from .rules.late_counts import LateCounts
from .rules.merges import Merges
from .rules.renames import Renames
from .rules.reservations import Reservations
from .rules.retention import DEFAULT_RETENTION, Retention, Sweep
from .rules.reversals import Reversals
from .rules.shortfalls import Shortfalls
from .rules.sku_quarantine import SkuQuarantine
from .rules.sold_reserves import SoldReserves
from .rules.source_catalogue import SourceCatalogue
from .rules.source_states import SourceStates
from .rules.sources import Sources
from .rules.stock_batches import StockBatches
from .rules.stock_facts import StockFacts
from .rules.stock_plan import StockPlanner
from .rules.supply_reserves import SupplyReserves
from .tables import state_bytes
from .tables.apply import replay
from .tables.effects import Entry, Section
from .tables.rebuilding import rebuild
from .tables.reservation_index import ReservationIndex
from .tables.shard import Shard
from .tables.sku_names import SkuNames
from .tables.table import Array
from .tables.writing import expire, record, record_origin, record_seal, take_entry
from .work import EXPIRY, LINE_NAMED, ORIGIN_NOTED, TURN_WORK_MAX, Steps, Work

_ARRIVAL = attrgetter("arrival")

Rule: TypeAlias = Callable[[Any, int], Any]


def _is_plain(mail: Mail) -> bool:
    """Whether it is a single-line Reserve on nobody's behalf, which runs with others."""
    return single_line.takes(mail.command) and not (mail.origin and mail.origin.principal)


#: Work that may wait for one shard: 4,096 Reserves of one line.
MAILBOX_CAPACITY = 24_576

#: Holds that a turn lets end, counted with their lines: some 3,000 of one line take half of a turn.
#: When more are due, as after a sale that began on the hour, further turns follow before any
#: command.
EXPIRE_BATCH_MAX = int(TURN_WORK_MAX / 2 / EXPIRY)


#: Bytes of the seed of hash tables: SipHash's key.
HASH_SEED_BYTES = 16


class StateChangedError(Exception):
    """A turn changed the state between two steps of its hash."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn produced, and the order in which the caller must treat it."""

    entries: Sequence[Entry]
    """Append to the journal and make durable BEFORE any answer leaves the process."""

    answers: Sequence[tuple[Ticket, Outcome]]
    """Answer AFTER everything appended so far is durable. Refusals and reads wait too: they may
    rest on undurable holds.
    """

    next_due_ns: int
    """Call `turn` again no later than this, even with empty mailboxes: a hold ends, the sweep of
    ended reservations or the audit goes on, or a source may have become silent.
    """

    has_more: bool
    """Whether commands are left in a mailbox, or holds that are due: call `turn` again soon."""

    found: Sequence[Disagreement] = ()
    """What the audit has found and did not know before: tell operators."""


class Node:
    """All shards of one process, over the data of one timeline.

    `hash_seed` decides where keys lie in hash tables; entries and digests do not depend on it.
    Where strangers choose ids and names it has to be drawn at random, so that they can't choose
    ones that meet in one place (kernels/hashing.py).
    """

    def __init__(
        self,
        shard_count: int,
        mailbox_capacity: int = MAILBOX_CAPACITY,
        turn_work_max: int = TURN_WORK_MAX,
        expire_batch_max: int = EXPIRE_BATCH_MAX,
        timeline: int = 0,
        slot_count: int = SLOTS,
        hash_seed: bytes = bytes(HASH_SEED_BYTES),
        rows_max: int = ROWS_MAX,
        *,
        unknown_skus: UnknownSkus = UnknownSkus.CREATE,
        retention: Retention = DEFAULT_RETENTION,
        history_window_ns: int = 0,
        audit_interval_ns: int = 0,
    ) -> None:
        self.history_window_ns = history_window_ns
        self.timeline = timeline
        seed = np.frombuffer(hash_seed, np.int64)
        self.index = ReservationIndex(shard_count, seed)
        self.sku_names = SkuNames()
        self.shards = [
            Shard(number, self.index, self.sku_names, seed, timeline, rows_max)
            for number in range(shard_count)
        ]
        self.homes = Homes(self.shards, self.index, self.sku_names, slot_count)
        self.work = Work()
        self.reservations = Reservations(self.shards, self.homes, self.work)
        self.backorders = SupplyReserves(self.shards, self.homes, self.reservations, self.work)
        self.source_states = SourceStates(self.shards, self.work)
        self.sweep = Sweep(self.shards, self.work, retention)
        self.audit = Auditing(self.shards, self.homes, self.work, audit_interval_ns)
        self._rules = bind_rules(self._rule_owners(unknown_skus))
        self._long = {each for each, rule in self._rules.items() if isgeneratorfunction(rule)}
        arrivals = count()
        self.actors = [Actor(n, mailbox_capacity, arrivals) for n in range(shard_count)]
        self.room = Room(self.shards, self.index, self.actors)
        self.turn_work_max = turn_work_max
        self.expire_batch_max = expire_batch_max
        self.now_ns = 0
        self._has_window = False

    def _rule_owners(self, unknown_skus: UnknownSkus) -> Iterator[object]:
        """All rules over these shards."""
        sources = Sources(self.shards, unknown_skus, self.source_states)
        counts = Counts(self.reservations, self.work)
        reversals = Reversals(counts)
        planner = StockPlanner(self.shards, sources, reversals)
        yield self.reservations
        yield self.backorders
        yield self.audit
        yield Batches(self.shards, self.homes, self.reservations, self.work)
        yield sources
        yield SourceCatalogue(sources, self.homes, self.work)
        late_counts = LateCounts(sources, counts, self.work)
        changes = FactChanges(self.reservations, counts, reversals)
        yield reversals
        shortfalls = Shortfalls(self.homes, self.work)
        yield shortfalls
        yield SoldReserves(self.shards, self.homes, self.reservations, shortfalls)
        facts = StockFacts(planner, self.homes, changes, late_counts, shortfalls, self.work)
        yield facts
        yield Merges(facts, self.homes, self.work)
        yield StockBatches(planner, late_counts, self.work)
        yield Availability(self.shards, self.homes, self.timeline, self.work)
        yield AvailableToPromise(self.homes, self.work)
        yield Catalogue(self.shards, self.homes, self.work)
        yield SkuQuarantine(self.shards, self.homes, self.work)
        yield Renames(self.homes, self.work)

    def __repr__(self) -> str:
        return f"<Node of {len(self.shards)} shards at {self.now_ns}>"

    def post(
        self, command: Command, ticket: Ticket, principal: str = "", correlation: str = ""
    ) -> int:
        """Queue a command in the mailbox of its home, and return its weight there. The journal
        notes principal and correlation id, of NAME_BYTES_MAX bytes at most, with all that the
        command changes. Raises MailboxFullError, and NoRoomError when a table may be too full for
        it.
        """
        operation = OPERATIONS[type(command)]
        weight = operation.weight(command)
        actor = self.actors[operation.home(command, self.homes)]
        if operation.grows and (rows := operation.rows(command)):
            self.room.promise(operation.grows, rows)
        if principal:
            self._promise_name(principal)
        origin = Origin(principal, correlation) if principal or correlation else None
        actor.post(command, weight, ticket, origin)
        return weight

    def _promise_name(self, principal: str) -> None:
        try:
            self.room.promise(Growth.PRINCIPALS, 1)
        except NoRoomError:
            if any(shard.principals.find(principal) < 0 for shard in self.shards):
                raise

    def turn(self, now_ns: int) -> Turn:
        """Expire what is due, then execute what waits. A `now_ns` before the last one counts as the
        last one.
        """
        self.now_ns = max(self.now_ns, now_ns)
        self.work.left = self.turn_work_max
        self.room.is_stale = True
        if not self._has_window:
            self._set_window()
        is_late = self._expire()
        self.backorders.settle()
        if self.sweep.next_ns <= self.now_ns and not is_late:
            self.sweep.go_on(self.now_ns)
        if self.audit.next_ns <= self.now_ns and not is_late:
            self.audit.go_on(self.now_ns)
        self.source_states.go_on(self.now_ns)
        # A command must see every unit free whose hold is over, so it waits for the last of them.
        answers = [] if is_late else list(self._run())
        entries = [entry for shard in self.shards if (entry := take_entry(shard))]
        return Turn(
            entries,
            answers,
            min(
                *(self.sweep.next_ns, self.audit.next_ns, self.source_states.next_ns),
                *(shard.expirations.next_ns for shard in self.shards),
            ),
            is_late or any(actor.mailbox for actor in self.actors),
            [put_names(each, self.sku_names.shown) for each in self.audit.take_found()],
        )

    def _set_window(self) -> None:
        """Let the shards know how long to keep what happens, once there is something to write."""
        mails = (mail for actor in self.actors for mail in actor.mailbox)
        if any(not OPERATIONS[type(mail.command)].is_read for mail in mails):
            self._has_window = True
            for shard in self.shards:
                keeping = shard.keeping
                if keeping.window_ns != self.history_window_ns:
                    shard.now_ns = self.now_ns
                    kept = self.history_window_ns, keeping.is_used
                    record(shard, Section.HISTORY_WINDOWS, kept)

    def _expire(self) -> bool:
        """Let due holds end, and return whether some are left for the next turn."""
        work = self.expire_batch_max
        for shard in self.shards:
            work = expire(shard, self.now_ns, work)
        self.work.spend((self.expire_batch_max - work) * EXPIRY)
        return work <= 0 and any(shard.expirations.next_ns <= self.now_ns for shard in self.shards)

    def _run(self) -> Iterator[tuple[Ticket, Outcome]]:
        """Execute what waits: single-line Reserves by shard, where they meet; with anything else
        among it, in the order in which it came.
        """
        share = self._share()
        boxes = [actor.take(share) for actor in self.actors]
        left: list[list[Mail]] = [[] for _ in boxes]
        mails = [mail for box in boxes for mail in box]
        if all(map(_is_plain, mails)) and not self.sku_names.first:
            yield from self._run_plain(boxes, left)
        else:
            yield from self._run_mixed(boxes, left, share)
        for shard, waiting in enumerate(left) if any(left) else ():
            if waiting:
                self.actors[shard].put_back(waiting)

    def _share(self) -> float:
        """What one mailbox may take of the turn: as much as it likes when there is time for all,
        else as much as the others, so that a flood on one shard delays the others by a turn. What a
        command that has begun still takes is not known from its weight.
        """
        weights = [actor.weight for actor in self.actors if actor.mailbox]
        has_begun = any(actor.begun for actor in self.actors)
        if not weights or (sum(weights) <= self.work.left and not has_begun):
            return self.turn_work_max
        return max(1, self.work.left / len(weights))

    def _run_mixed(
        self, boxes: Sequence[list[Mail]], left: Sequence[list[Mail]], share: float
    ) -> Iterator[tuple[Ticket, Outcome]]:
        """Execute in the order in which it came, until the turn is over. `left` gets what is not
        done, and what lies behind that in its mailbox.
        """
        whole = self.work.left
        names = self.sku_names
        # A rename may come before in the same turn, so each is looked at when its turn comes.
        came = merge(*boxes, key=_ARRIVAL)
        mails = (self._inside(mail) if names.first else mail for mail in came)
        for (is_plain, origin), run in groupby(mails, self._kind):
            if is_plain:
                answers = self._run_plain(self._by_home(run, left), left)
            else:
                answers = self._run_each(run, left, share, whole)
            yield from self._noted(origin, answers) if origin else answers

    def _inside(self, mail: Mail) -> Mail:
        """The mail with the first name of each SKU that it names. Stock facts may be many: their
        rule names some at a time.
        """
        command, first = mail.command, self.sku_names.first
        if type(command) is RecordStockEvents or single_line.is_as_named(command, first):
            return mail
        return mail._replace(command=put_names(mail.command, self.sku_names.first))

    def _kind(self, mail: Mail) -> tuple[bool, Origin | None]:
        """Mail of one kind can run together: plain or not, and of which origin if not. A plain one
        may lie in the mailbox of a name that its SKU has got since.
        """
        is_plain = _is_plain(mail)
        if is_plain and self.sku_names.first:
            command = cast(Reserve, mail.command)
            is_plain = self.homes.of_sku(command.lines[0].sku) == mail.shard
        return is_plain, None if is_plain else mail.origin

    def _outside(self, outcome: Outcome) -> Outcome:
        """The outcome with the name by which each SKU is called now."""
        if not self.sku_names.first:
            return outcome
        # Before the command its lines were named, which took as long.
        self.work.spend(2 * LINE_NAMED * len(getattr(outcome, "lines", ())))
        return put_names(outcome, self.sku_names.shown)

    def _run_each(
        self, run: Iterable[Mail], left: Sequence[list[Mail]], share: float, whole: float
    ) -> Iterator[tuple[Ticket, Outcome]]:
        """Execute one after the other. The first command of a turn, when its `whole` work is left,
        is executed whatever it weighs.
        """
        for mail in run:
            outcome = None
            is_first = self.work.left == whole
            if not left[mail.shard] and (is_first or self._has_time(mail)):
                outcome = self._execute(mail, share)
                if not OPERATIONS[type(mail.command)].is_read:
                    self.backorders.settle()
            if outcome is None:
                left[mail.shard].append(mail)
            else:
                yield mail.ticket, self._outside(outcome)

    def _noted(
        self, origin: Origin, answers: Iterator[tuple[Ticket, Outcome]]
    ) -> Iterator[tuple[Ticket, Outcome]]:
        """The answers, with a note of their origin on all that was written for them."""
        before = [shard.effects.written() for shard in self.shards]
        yield from answers
        self.work.spend(len(self.shards) * ORIGIN_NOTED)
        for shard, written in zip(self.shards, before, strict=True):
            record_origin(shard, origin.principal, origin.correlation, written)

    def _by_home(self, run: Iterable[Mail], left: Sequence[list[Mail]]) -> list[list[Mail]]:
        boxes: list[list[Mail]] = [[] for _ in self.shards]
        for mail in run:
            (left if left[mail.shard] else boxes)[mail.shard].append(mail)
        return boxes

    def _run_plain(
        self, boxes: Sequence[list[Mail]], left: Sequence[list[Mail]]
    ) -> Iterator[tuple[Ticket, Outcome]]:
        """Execute Reserves of one line each, which lie by the shard of their SKU."""
        for shard, box in zip(self.shards, boxes, strict=True):
            if box:
                reserves = [cast(Reserve, mail.command) for mail in box]
                ids = [mail.origin.correlation if mail.origin else "" for mail in box]
                outcomes = single_line.reserve_run(
                    self.reservations, shard, reserves, ids, self.now_ns
                )
                if self.sku_names.first:
                    outcomes = single_line.renamed(reserves, outcomes, self.sku_names.shown)
                yield from zip((mail.ticket for mail in box), outcomes, strict=False)
                if len(outcomes) < len(box):
                    left[shard.number].extend(box[len(outcomes) :])

    def _has_time(self, mail: Mail) -> bool:
        """Whether a command may begin in what is left of the turn; a long one, and one that has
        begun, may go on in any rest.
        """
        is_long = type(mail.command) in self._long or self.actors[mail.shard].begun
        return self.work.left > (0 if is_long else mail.weight)

    def _execute(self, mail: Mail, share: float) -> Outcome | None:
        """The outcome of a command; None of one that goes on in the next turn. A long rule takes
        steps, and so may any other at its end.
        """
        command, actor = mail.command, self.actors[mail.shard]
        if actor.begun:
            return self._go_on(actor, actor.begun, self.now_ns, share)
        if type(command) not in self._long:
            self.work.spend(mail.weight)
        told = self._rules[type(command)](command, self.now_ns)
        if isinstance(told, Generator):
            return self._go_on(actor, told, None, share)
        return cast(Outcome, told)

    def _go_on(
        self, actor: Actor, steps: Steps[Any], now_ns: int | None, share: float
    ) -> Outcome | None:
        """Take steps for the mailbox's share of the turn; those that begin get no time."""
        actor.begun = steps
        others = max(0.0, self.work.left - share)
        self.work.left -= others
        try:
            steps.send(cast(int, now_ns))
        except StopIteration as end:
            actor.begun = None
            return cast(Outcome, end.value)
        finally:
            self.work.left += others
        return None

    def seal(self) -> list[Entry]:
        """Write each shard's digest into the journal: the next replay must come to it, or say that
        it did not.
        """
        for shard in self.shards:
            record_seal(shard)
        return [entry for shard in self.shards if (entry := take_entry(shard))]

    def replay(self, entry: Entry, *, compares_seal: bool = True) -> Array:
        """Apply an entry of the journal, and return the numbers that its reservations have got in
        their shard (int32). Raises StateMismatchError for a seal that does not fit; one of an
        earlier schema cannot be compared.
        """
        numbers = replay(self.shards[entry.shard], entry, compares_seal=compares_seal)
        self.room.forget()
        self.source_states.forget()
        self.now_ns = max(self.now_ns, entry.now_ns)
        self.sweep.begin(self.now_ns)
        return numbers

    def loaded(self) -> None:
        """Rebuild what is derived, after the shards' states were loaded from a snapshot."""
        self.sku_names.clear()
        for shard in self.shards:
            rebuild(shard)
        self.index.rebuild(self.shards)
        self.room.forget()
        self.source_states.forget()
        self.now_ns = max(shard.now_ns for shard in self.shards)
        self.sweep.begin(self.now_ns)

    def state_hash(self) -> str:
        """Hash of all stock levels and reservations by name and quantity, as 32 hexadecimal digits.

        A sum of hashes, so that it does not depend on order, on time or on the number of shards.
        """
        steps = self.state_hash_in_steps()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return str(end.value)

    def state_hash_in_steps(self) -> Generator[None, None, str]:
        """The state hash as the generator's return value. Turns may run between its steps, each of
        which takes a millisecond or so.

        Raises StateChangedError in the first step after a turn that changed something. Every change
        is in an entry and gives it the shard's next sequence; so when no sequence has moved, all
        steps have seen one state.
        """
        sequences = [shard.sequence for shard in self.shards]
        first = second = 0
        for shard in self.shards:
            for part in state_bytes.content_hashes(shard):
                first, second = first + part[0], second + part[1]
                yield
                if sequences != [each.sequence for each in self.shards]:
                    raise StateChangedError
        mask = 0xFFFF_FFFF_FFFF_FFFF
        return f"{first & mask:016x}{second & mask:016x}"
