"""The node: all shards, their actors and the rules, as one deterministic machine.

`turn(now_ns)` takes what is in the mailboxes, applies it and returns what must be done. It does not
wait, reads no clock and does no I/O; the same state and the same input give the same entries, byte
for byte.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import chain, count

import numpy as np

from .actor import Actor, Origin, Ticket
from .capacity import Capacity, TableFullError
from .commands import Command, Disagreement, Outcome
from .commands.naming import put_names
from .commands.registry import OPERATIONS, Growth, bind_rules
from .execution import Execution
from .limits import ROWS_MAX, SLOTS
from .model import UnknownSkus
from .rules.auditing import Auditing
from .rules.availability import Availability
from .rules.available_to_promise import AvailableToPromise
from .rules.batches import Batches
from .rules.catalogue import Catalogue
from .rules.counts import Counts
from .rules.fact_changes import FactChanges
from .rules.goods_issues import GoodsIssues
from .rules.homes import Homes
from .rules.late_counts import LateCounts
from .rules.level_history import LevelHistory
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
from .tables.schema import SCHEMA
from .tables.shard import Shard
from .tables.sku_names import SkuNames
from .tables.table import Array
from .tables.writing import expire, record, record_seal, take_entry
from .work import EXPIRY, SHARE_BESIDE_COMMANDS, TURN_WORK_MAX, Work, finished

#: Work that may wait for one shard, in microseconds: that of 4,096 Reserves of one line.
MAILBOX_CAPACITY = 24_576

#: Holds that one turn ends, counted with their lines: some 3,000 of one line take half of a turn.
#: When more are due, as after a sale that began on the hour, further turns end the rest before any
#: command is executed.
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
    """Call `turn` again no later than this (nanoseconds since 1970), even with empty mailboxes:
    a hold ends, the sweep of ended reservations or the audit continues, or a source may have become
    silent.
    """

    has_more: bool
    """Whether commands are left in a mailbox, or holds that are due: call `turn` again soon."""

    found: Sequence[Disagreement] = ()
    """What the audit has found for the first time, for operators."""


class Node:
    """All shards of one process, over the data of one timeline.

    `hash_seed` decides where keys lie in hash tables; entries and digests do not depend on it.
    Where strangers choose ids and names it must be random, so that they cannot choose names that
    all collide (kernels/hashing.py).
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
        arrivals = count()
        self.actors = [Actor(n, mailbox_capacity, arrivals) for n in range(shard_count)]
        self.execution = Execution(
            self.actors,
            bind_rules(self._rule_owners(unknown_skus)),
            self.reservations,
            self.backorders,
            self.sku_names,
            self.work,
        )
        self.capacity = Capacity(self.shards, self.index, self.actors)
        self.turn_work_max = turn_work_max
        self.expire_batch_max = expire_batch_max
        self.now_ns = 0
        self._has_window = False
        self._has_put_off = False
        """Whether commands waited in the last turn for upkeep."""

    def _rule_owners(self, unknown_skus: UnknownSkus) -> tuple[object, ...]:
        """The objects whose methods are the rules of this node's commands."""
        shards, homes, work = self.shards, self.homes, self.work
        sources = Sources(shards, unknown_skus, self.source_states)
        history = LevelHistory(self.shards, work)
        counts = Counts(self.reservations, history)
        issues = GoodsIssues(self.reservations, history)
        reversals = Reversals(history)
        planner = StockPlanner(shards, sources, reversals)
        late_counts = LateCounts(sources, counts, work)
        changes = FactChanges(self.reservations, counts, issues, reversals)
        shortfalls = Shortfalls(homes, work)
        facts = StockFacts(planner, homes, changes, late_counts, shortfalls, work)
        return (
            self.reservations,
            self.backorders,
            self.audit,
            sources,
            reversals,
            shortfalls,
            facts,
            Batches(shards, homes, self.reservations, work),
            SoldReserves(shards, homes, self.reservations, shortfalls),
            SourceCatalogue(sources, homes, work),
            Merges(facts, homes, work),
            StockBatches(planner, late_counts, work),
            Availability(shards, homes, self.timeline, work),
            AvailableToPromise(homes, work),
            Catalogue(shards, homes, work),
            SkuQuarantine(shards, homes, work),
            Renames(homes, work),
        )

    def __repr__(self) -> str:
        return f"<Node of {len(self.shards)} shards at {self.now_ns}>"

    def post(
        self, command: Command, ticket: Ticket, principal: str = "", correlation: str = ""
    ) -> int:
        """Queue a command in the mailbox of its home shard, and return its weight (microseconds).
        The journal notes `principal` and `correlation`, NAME_BYTES_MAX bytes each at most, with
        everything that the command changes.

        Raises MailboxFullError, and TableFullError when a table may be too full for what it adds.
        """
        operation = OPERATIONS[type(command)]
        weight = operation.weight(command)
        actor = self.actors[operation.home(command, self.homes)]
        if operation.grows and (rows := operation.rows(command)):
            self.capacity.promise(operation.grows, rows)
        if principal:
            self._promise_name(principal)
        origin = Origin(principal, correlation) if principal or correlation else None
        actor.post(command, weight, ticket, origin)
        return weight

    def _promise_name(self, principal: str) -> None:
        """Promise room for the name of a principal, which takes none where it is known."""
        try:
            self.capacity.promise(Growth.PRINCIPALS, 1)
        except TableFullError:
            if any(shard.principals.find(principal) < 0 for shard in self.shards):
                raise

    def turn(self, now_ns: int) -> Turn:
        """Expire what is due, then execute what waits. `now_ns` counts from 1970; a time before
        that of the last turn counts as that.
        """
        self.now_ns = max(self.now_ns, now_ns)
        self.work.left = self.turn_work_max
        self.capacity.is_stale = True
        if not self._has_window and self._has_writes():
            self._set_window()
        is_late = self._expire()
        self.backorders.settle()
        has_time = self._keep_up(is_late=is_late)
        # A command must see the units of every hold that is over as free, so it waits for them all.
        waits = is_late or not has_time
        answers = [] if waits else list(self.execution.run(self.now_ns, self.turn_work_max))
        return Turn(
            self._take_entries(),
            answers,
            self._next_due_ns(),
            waits or any(actor.mailbox for actor in self.actors),
            [put_names(each, self.sku_names.shown) for each in self.audit.take_found()],
        )

    def _keep_up(self, *, is_late: bool) -> bool:
        """Sweep, audit and review sources a little more, and return whether commands still have
        time. Where they have none, they wait for the next turn, in which nothing of this is done.
        """
        if is_late or self._has_put_off:
            self._has_put_off = False
            return True
        for upkeep in (self.sweep, self.audit, self.source_states):
            if upkeep.next_ns <= self.now_ns:
                upkeep.go_on(self.now_ns)
        done = self.turn_work_max - self.work.left
        self._has_put_off = done > self.turn_work_max * SHARE_BESIDE_COMMANDS
        return not self._has_put_off

    def _take_entries(self) -> list[Entry]:
        return [entry for shard in self.shards if (entry := take_entry(shard))]

    def _next_due_ns(self) -> int:
        return min(
            *(self.sweep.next_ns, self.audit.next_ns, self.source_states.next_ns),
            *(shard.expirations.next_ns for shard in self.shards),
        )

    def _has_writes(self) -> bool:
        """Whether a command that may write waits."""
        mails = (mail for actor in self.actors for mail in actor.mailbox)
        return any(not OPERATIONS[type(mail.command)].is_read for mail in mails)

    def _set_window(self) -> None:
        """Tell the shards how long to keep history. That is an effect, and a node that is read
        alone writes nothing, so it waits for the first command that may write.
        """
        self._has_window = True
        for shard in self.shards:
            keeping = shard.keeping
            if keeping.window_ns != self.history_window_ns:
                shard.now_ns = self.now_ns
                kept = self.history_window_ns, keeping.is_used
                record(shard, Section.HISTORY_WINDOWS, kept)

    def _expire(self) -> bool:
        """End the holds that are due, and return whether some are left for the next turn."""
        work = self.expire_batch_max
        for shard in self.shards:
            work = expire(shard, self.now_ns, work)
        self.work.spend((self.expire_batch_max - work) * EXPIRY)
        return work <= 0 and any(shard.expirations.next_ns <= self.now_ns for shard in self.shards)

    def seal(self) -> list[Entry]:
        """Write each shard's digest, as entries for the journal: the next replay is compared with
        it.
        """
        for shard in self.shards:
            record_seal(shard)
        return self._take_entries()

    def replay(self, entry: Entry, schema: int = SCHEMA) -> Array:
        """Apply an entry of the journal, and return the numbers of its reservations in their shard
        (int32). `schema` is that of the build that wrote it; a seal of an earlier one is not
        compared.

        Raises StateMismatchError for a seal that does not fit the state.
        """
        numbers = replay(self.shards[entry.shard], entry, schema)
        self.capacity.forget()
        self.source_states.forget()
        self.now_ns = max(self.now_ns, entry.now_ns)
        self.sweep.begin(self.now_ns)
        return numbers

    def loaded(self) -> None:
        """Rebuild what is derived, once the shards' states are loaded from a snapshot."""
        self.sku_names.clear()
        for shard in self.shards:
            rebuild(shard)
        self.index.rebuild(self.shards)
        self.capacity.forget()
        self.source_states.forget()
        self.now_ns = max(shard.now_ns for shard in self.shards)
        self.sweep.begin(self.now_ns)

    def state_hash(self) -> str:
        """Hash of all stock levels and reservations by name and quantity, as 32 hexadecimal digits.

        A sum of hashes, so that it does not depend on order, on time or on the number of shards.
        """
        return finished(self.state_hash_in_steps())

    def state_hash_in_steps(self) -> Generator[None, None, str]:
        """The state hash as the generator's return value. Turns may run between its steps, each of
        which takes a millisecond or so.

        Raises StateChangedError in the first step after a turn that changed something. Every change
        is in an entry and gives it the shard's next sequence; so when no sequence has moved, all
        steps have seen one state.
        """
        sequences = [shard.sequence for shard in self.shards]
        first = second = 0
        for part in chain.from_iterable(map(state_bytes.content_hashes, self.shards)):
            first, second = first + part[0], second + part[1]
            yield
            if sequences != [shard.sequence for shard in self.shards]:
                raise StateChangedError
        mask = 0xFFFF_FFFF_FFFF_FFFF
        return f"{first & mask:016x}{second & mask:016x}"
