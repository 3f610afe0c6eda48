"""The node: all shards, their actors and the rules, as one deterministic machine.

`turn(now_ns)` takes what is in the mailboxes, applies it and returns what must be done. It does not
wait, reads no clock and does no I/O; the same state and the same input give the same entries, byte
for byte.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import count, groupby
from operator import itemgetter
from typing import cast

import numpy as np

from .actor import Actor, Mail, Ticket
from .commands import Command, Outcome, Reserve
from .commands.registry import OPERATIONS, RESERVE, bind_rules
from .limits import SLOTS
from .rules import single_line
from .rules.availability import Availability
from .rules.batches import Batches
from .rules.catalogue import Catalogue
from .rules.homes import Homes
from .rules.reservations import Reservations
from .rules.stock_batches import StockBatches
from .rules.stock_facts import StockFacts
from .tables import state_bytes
from .tables.apply import replay
from .tables.effects import Entry
from .tables.rebuilding import rebuild
from .tables.reservation_index import ReservationIndex
from .tables.shard import Shard
from .tables.writing import expire, record_attributions, record_seal, take_entry

_ARRIVAL = itemgetter(0)


def _kind(mail: Mail) -> tuple[bool, str]:
    """Mail of one kind can run together: single-line Reserves or not, and of which principal."""
    return single_line.takes(mail[2]), mail[4]


#: A turn takes commands of this weight of one actor, so that a flood on one shard delays the
#: others by a turn at most.
TURN_BATCH_MAX = 1_024


#: Holds that a turn lets end, counted with their lines: some 8,000 of one line take it 5 ms. When
#: more are due, as after a sale that began on the hour, further turns follow before any command.
EXPIRE_BATCH_MAX = 16_384


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

    next_expiry_ns: int
    """Call `turn` again no later than this, even with empty mailboxes."""

    has_more: bool
    """Whether commands are left in a mailbox, or holds that are due: call `turn` again soon."""


class Node:
    """All shards of one process, over the data of one timeline.

    `hash_seed` decides where keys lie in hash tables; entries and digests do not depend on it.
    Where strangers choose ids and names it has to be drawn at random, so that they can't choose
    ones that meet in one place (kernels/hashing.py).
    """

    def __init__(
        self,
        shard_count: int,
        mailbox_capacity: int = 4_096,
        turn_batch_max: int = TURN_BATCH_MAX,
        expire_batch_max: int = EXPIRE_BATCH_MAX,
        timeline: int = 0,
        slot_count: int = SLOTS,
        hash_seed: bytes = bytes(HASH_SEED_BYTES),
    ) -> None:
        self.timeline = timeline
        seed = np.frombuffer(hash_seed, np.int64)
        self.index = ReservationIndex(shard_count, seed)
        self.shards = [Shard(number, self.index, seed, timeline) for number in range(shard_count)]
        self.homes = Homes(self.shards, self.index, slot_count)
        self.reservations = Reservations(self.shards, self.homes)
        self._rules = bind_rules(self._rule_owners())
        arrivals = count()
        self.actors = [Actor(n, mailbox_capacity, arrivals) for n in range(shard_count)]
        self.turn_batch_max = turn_batch_max
        self.expire_batch_max = expire_batch_max
        self.now_ns = 0

    def _rule_owners(self) -> Iterator[object]:
        """All rules over these shards."""
        stock_facts = StockFacts(self.shards, self.homes)
        yield self.reservations
        yield Batches(self.shards, self.homes, self.reservations)
        yield stock_facts
        yield StockBatches(self.shards, stock_facts)
        yield Availability(self.shards, self.homes, self.timeline)
        yield Catalogue(self.shards, self.homes)

    def __repr__(self) -> str:
        return f"<Node of {len(self.shards)} shards at {self.now_ns}>"

    def post(self, command: Command, ticket: Ticket, principal: str = "") -> int:
        """Queue a command in the mailbox of its home, and return its weight there. The journal
        notes the principal, a name of NAME_BYTES_MAX bytes at most, with all that the command
        changes. Raises MailboxFullError.
        """
        operation = OPERATIONS[type(command)]
        weight = operation.weight(command)
        self.actors[operation.home(command, self.homes)].post(command, weight, ticket, principal)
        return weight

    def turn(self, now_ns: int) -> Turn:
        """Expire what is due, then execute what waits. A `now_ns` before the last one counts as the
        last one.
        """
        self.now_ns = max(self.now_ns, now_ns)
        is_late = self._expire()
        # A command must see every unit free whose hold is over, so it waits for the last of them.
        answers = [] if is_late else list(self._run())
        entries = [entry for shard in self.shards if (entry := take_entry(shard))]
        return Turn(
            entries,
            answers,
            min(shard.expirations.next_ns for shard in self.shards),
            is_late or any(actor.mailbox for actor in self.actors),
        )

    def _expire(self) -> bool:
        """Let due holds end, and return whether some are left for the next turn."""
        work = self.expire_batch_max
        for shard in self.shards:
            work = expire(shard, self.now_ns, work)
        return work <= 0 and any(shard.expirations.next_ns <= self.now_ns for shard in self.shards)

    def _run(self) -> Iterator[tuple[Ticket, Outcome]]:
        """Execute what waits: single-line Reserves by shard, where they meet; with anything else
        among it, in the order in which it came.
        """
        boxes = [actor.take(self.turn_batch_max) for actor in self.actors]
        if all(single_line.takes(mail[2]) and not mail[4] for box in boxes for mail in box):
            yield from self._run_plain(boxes)
            return
        for (is_plain, principal), run in groupby(merge(*boxes, key=_ARRIVAL), _kind):
            answers = self._run_group(run, is_plain=is_plain)
            yield from self._attributed(principal, answers) if principal else answers

    def _run_group(
        self, run: Iterable[Mail], *, is_plain: bool
    ) -> Iterator[tuple[Ticket, Outcome]]:
        if is_plain:
            yield from self._run_plain(self._by_home(run))
            return
        for _, _, command, ticket, _ in run:
            yield ticket, self._rules[type(command)](command, self.now_ns)

    def _attributed(
        self, principal: str, answers: Iterator[tuple[Ticket, Outcome]]
    ) -> Iterator[tuple[Ticket, Outcome]]:
        """The answers, with all that was written for them in the name of a principal."""
        before = [shard.effects.written() for shard in self.shards]
        yield from answers
        for shard, written in zip(self.shards, before, strict=True):
            record_attributions(shard, principal, written)

    def _by_home(self, run: Iterable[Mail]) -> list[list[Mail]]:
        boxes: list[list[Mail]] = [[] for _ in self.shards]
        for mail in run:
            boxes[RESERVE.home(cast(Reserve, mail[2]), self.homes)].append(mail)
        return boxes

    def _run_plain(self, boxes: Sequence[list[Mail]]) -> Iterator[tuple[Ticket, Outcome]]:
        """Execute Reserves of one line each, which lie by the shard of their SKU."""
        for shard, box in zip(self.shards, boxes, strict=True):
            if box:
                reserves = [cast(Reserve, command) for _, _, command, _, _ in box]
                outcomes = single_line.reserve_run(self.reservations, shard, reserves, self.now_ns)
                yield from zip((mail[3] for mail in box), outcomes, strict=True)

    def seal(self) -> list[Entry]:
        """Write each shard's digest into the journal: the next replay must come to it, or say that
        it did not.
        """
        for shard in self.shards:
            record_seal(shard)
        return [entry for shard in self.shards if (entry := take_entry(shard))]

    def replay(self, entry: Entry, *, compares_seal: bool = True) -> None:
        """Apply an entry of the journal. Raises StateMismatchError for a seal that does not fit;
        one of an earlier schema cannot be compared.
        """
        replay(self.shards[entry.shard], entry, compares_seal=compares_seal)
        self.now_ns = max(self.now_ns, entry.now_ns)

    def loaded(self) -> None:
        """Rebuild what is derived, after the shards' states were loaded from a snapshot."""
        for shard in self.shards:
            rebuild(shard)
        self.index.rebuild(self.shards)
        self.now_ns = max(shard.now_ns for shard in self.shards)

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
