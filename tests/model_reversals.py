"""Reversals of stock facts, as plainly as possible.

Rules of this file: those of tests/model.py.
"""

from dataclasses import dataclass

from holdfast.core.commands import Difference, StockEvent
from holdfast.core.ids import Key
from holdfast.core.limits import RETENTION_NS, REVERSALS_DEEP_MAX
from holdfast.core.model import EventKind, EventOutcome
from tests.model_reservations import Happened, Level
from tests.model_sources import OTHERS, others_of

#: Kinds that change on hand by their quantity.
MOVING = (
    *(EventKind.RECEIPT, EventKind.RETURN, EventKind.ADJUSTMENT, EventKind.SALE),
    EventKind.TRANSFER_DISPATCH,
)


@dataclass
class Recorded:
    """An event with an id that was recorded, where, and as what it was kept."""

    at_ns: int
    event: StockEvent
    level: Level
    happened: Happened


@dataclass
class Known:
    """What is kept of an event that has to do with a reversal: what it undoes, if it does."""

    at_ns: int
    target: Key | None = None
    is_of_fact: bool = True
    fact: StockEvent | None = None
    """The fact in the end, as it was reported."""
    is_undone: bool = False


@dataclass
class Awaited:
    """An event that has not come, as its reversal tells of it."""

    event: StockEvent
    level: Level
    is_undone: bool = True


@dataclass
class Undoing:
    """What a reversal comes to: the fact, and whether it is undone (-1), counts again, or is yet to
    come (0).
    """

    fact: StockEvent
    sign: int
    first: Recorded | None = None
    """The fact as it was recorded, if that is remembered."""
    is_pending: bool = False


class Reversals:
    """Which events are undone."""

    def __init__(self) -> None:
        self.recorded: dict[bytes, Recorded] = {}
        self.known: dict[bytes, Known] = {}
        self.awaited: dict[bytes, Awaited] = {}

    def find(self, key: Key, now_ns: int) -> Known | None:
        found = self.known.get(key.packed)
        return found if found and now_ns - found.at_ns < RETENTION_NS else None

    def find_recorded(self, key: Key, now_ns: int) -> Recorded | None:
        found = self.recorded.get(key.packed)
        return found if found and now_ns - found.at_ns < RETENTION_NS else None

    def is_undone(self, key: Key, now_ns: int) -> bool:
        if key.packed in self.awaited:
            return self.awaited[key.packed].is_undone
        found = self.find(key, now_ns)
        return found is not None and found.is_undone

    def awaited_of(self, event: StockEvent, level: Level) -> Awaited | None:
        """What a reversal that waits for an event tells of it, if it is that."""
        found = self.awaited.get(event.key.packed) if event.key else None
        if found is None or found.level is not level:
            return None
        first = found.event
        if (first.kind, first.quantity) != (event.kind, event.quantity):
            return None
        compares_others = event.kind not in (EventKind.REVERSAL, EventKind.GOODS_ISSUE)
        return None if compares_others and others_of(first) != others_of(event) else found

    def chain(self, key: Key, now_ns: int) -> list[tuple[Key, Known | None]] | None:
        """From the target of a reversal down to the fact; None when a part is forgotten."""
        chain = []
        while True:
            known = self.find(key, now_ns)
            chain.append((key, known))
            if known is None or known.target is None or len(chain) > REVERSALS_DEEP_MAX:
                return chain
            key = known.target
            below = self.find(key, now_ns)
            is_there = (below and below.target) or key.packed in self.awaited
            if not known.is_of_fact and not is_there:
                return None

    def judge(
        self, event: StockEvent, level: Level, now_ns: int
    ) -> tuple[EventOutcome, Difference | None, Undoing | None]:
        """What a reversal comes to."""
        named = event.reverses
        assert named is not None
        first = self.find_recorded(named.key, now_ns)
        chain = self.chain(named.key, now_ns)
        if first is None and (chain is None or len(chain) == 1):
            return self.judge_unknown(event, level, now_ns)
        if chain is None or len(chain) > REVERSALS_DEEP_MAX:
            return EventOutcome.CANNOT_REVERSE, None, None
        if first and (difference := self.difference(event, named.kind, first, level)):
            return EventOutcome.REVERSAL_DIFFERS, difference, None
        if first and first.event.kind == EventKind.REVERSAL and len(chain) == 1:
            return EventOutcome.ALREADY_REVERSED, None, None
        last = chain[-1][0]
        known = chain[-2][1].fact if len(chain) > 1 and chain[-2][1] else None
        at_end = self.find_recorded(last, now_ns) or self.awaited.get(last.packed)
        kind = known.kind if known else named.kind
        if at_end and (difference := self.difference(event, kind, at_end, level)):
            return EventOutcome.REVERSAL_DIFFERS, difference, None
        states = [self.is_undone(key, now_ns) for key, _ in chain]
        if states != [bool(at % 2) for at in range(len(chain))]:
            return EventOutcome.ALREADY_REVERSED, None, None
        counts_again = len(chain) % 2 == 0
        if last.packed in self.awaited:
            fact = known or event
            return EventOutcome.APPLIED, None, Undoing(fact, 0, is_pending=not counts_again)
        fact = as_fact(event, kind)
        if known and others_of(untimed(known)) != others_of(untimed(fact)):
            return EventOutcome.REVERSAL_DIFFERS, Difference(OTHERS, "", ""), None
        sign = 1 if counts_again else -1
        return EventOutcome.APPLIED, None, Undoing(fact, sign, self.find_recorded(last, now_ns))

    def judge_unknown(
        self, event: StockEvent, level: Level, now_ns: int
    ) -> tuple[EventOutcome, Difference | None, Undoing | None]:
        """The same of a reversal whose event was not recorded."""
        named = event.reverses
        assert named is not None
        before = self.awaited.get(named.key.packed)
        if before and (difference := self.difference(event, named.kind, before, level)):
            return EventOutcome.REVERSAL_DIFFERS, difference, None
        if self.is_undone(named.key, now_ns):
            return EventOutcome.ALREADY_REVERSED, None, None
        fact = as_fact(event, named.kind)
        at_ns = named.occur_time_ns
        is_old = at_ns is not None and at_ns <= now_ns - RETENTION_NS
        if is_old and named.kind != EventKind.REVERSAL:
            return EventOutcome.APPLIED, None, Undoing(fact, -1)
        return EventOutcome.APPLIED, None, Undoing(fact, 0, is_pending=True)

    def difference(
        self, event: StockEvent, kind: EventKind, first: Recorded | Awaited, level: Level
    ) -> Difference | None:
        """The first field in which a reversal describes something else, with the kind that it
        says.
        """
        was = first.event
        pairs = {
            "kind": (was.kind.name, kind.name),
            "quantity": (str(was.quantity), str(event.quantity)),
            "sku": (was.sku, event.sku),
            "location": (was.location, event.location),
        }
        for name, (before, now) in pairs.items():
            if before != now:
                return Difference(name, before, now)
        if first.level is not level:
            name = first.level.sku
            end = "ended" if name == event.sku else "was merged"
            return Difference("sku", f"{name}, until it {end}", event.sku)
        compares_others = was.kind not in (EventKind.REVERSAL, EventKind.GOODS_ISSUE)
        if compares_others and others_of(was) != others_of(as_fact(event, was.kind)):
            return Difference(OTHERS, "", "")
        return None

    # What is written

    def note(self, event: StockEvent, level: Level, happened: Happened, now_ns: int) -> None:
        """Remember an event that was recorded."""
        if event.key:
            self.recorded[event.key.packed] = Recorded(now_ns, event, level, happened)

    def came(self, event: StockEvent, level: Level, now_ns: int) -> None:
        """An event came; if a reversal waited for it, it waits no more, and undoes only what it
        says.
        """
        found = self.awaited_of(event, level)
        if event.key:
            self.awaited.pop(event.key.packed, None)
        if found is None:
            return
        assert event.key
        known = self.kept(event.key, now_ns)
        known.is_undone = found.is_undone
        if event.reverses:
            self.keep_reversal(known, event, as_fact(event, event.reverses.kind))

    def undo(self, event: StockEvent, level: Level, undoing: Undoing, now_ns: int) -> None:
        """Let a reversal undo, or wait."""
        named = event.reverses
        assert named is not None
        assert event.key
        is_new = self.find_recorded(named.key, now_ns) is None
        is_new &= not self.find(named.key, now_ns)
        self.keep_reversal(self.kept(event.key, now_ns), event, undoing.fact)
        if is_new and undoing.is_pending and named.key.packed not in self.awaited:
            self.awaited[named.key.packed] = Awaited(undoing.fact, level)
            return
        key, is_undone = named.key, True
        while key.packed not in self.awaited:
            known = self.kept(key, now_ns)
            known.is_undone = is_undone
            if known.target is None:
                if undoing.first:
                    undoing.first.happened.is_undone = is_undone
                return
            key, is_undone = known.target, not is_undone
        self.awaited[key.packed].is_undone = is_undone

    def kept(self, key: Key, now_ns: int) -> Known:
        found = self.find(key, now_ns) or Known(now_ns)
        self.known[key.packed] = found
        return found

    def keep_reversal(self, known: Known, event: StockEvent, fact: StockEvent) -> None:
        named = event.reverses
        assert named is not None
        known.target, known.fact = named.key, fact
        known.is_of_fact = named.kind != EventKind.REVERSAL


def as_fact(event: StockEvent, kind: EventKind) -> StockEvent:
    """The fact that a reversal tells of."""
    return event._replace(kind=kind, reverses=None)


def untimed(fact: StockEvent) -> StockEvent:
    """What a reversal says of a fact: its time is its own."""
    return fact._replace(occur_time_ns=None)
