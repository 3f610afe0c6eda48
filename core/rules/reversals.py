"""Which event a reversal undoes, and whether it can (docs/adr/0037).

A reversal says again what its event said, so nothing but its id, kind and quantity has to be
remembered of that, as of every event with an id. Rules of this file: `judge` decides and writes
nothing; what it decided is written once the reversal is.
"""

from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from ..commands import (
    Difference,
    ListPendingReversals,
    PendingReversal,
    PendingReversalsView,
    StockEvent,
)
from ..commands.registry import LIST_PENDING_REVERSALS, executes
from ..commands.stock import OTHERS, TRANSFER
from ..ids import Key
from ..kernels.codes import AWAITED_CAME, AWAITED_DIFFERS, AWAITS, UNDOES
from ..limits import PENDING_REVERSALS_MAX, RETENTION_NS, REVERSALS_DEEP_MAX
from ..model import EventKind, EventOutcome
from ..tables.effects import DTYPES, Section
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.undone import find_awaited, is_undone
from ..tables.writing import record_all
from ..work import REVERSAL_LISTED
from .level_history import FactSought, LevelHistory

#: By how much a fact of a kind changes on hand, in units of its quantity.
SIGNS = {
    EventKind.RECEIPT: 1,
    EventKind.RETURN: 1,
    EventKind.ADJUSTMENT: 1,
    EventKind.SALE: -1,
    EventKind.TRANSFER_DISPATCH: -1,
}


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a reversal undoes nothing."""

    outcome: EventOutcome
    difference: Difference | None = None


@dataclass(frozen=True, slots=True)
class Undoing:
    """What a reversal undoes, or lets count again."""

    event: StockEvent
    """The fact in the end, as the reversal describes it."""
    sign: int
    """-1 when the fact is undone, 1 when it counts again, 0 when it has not come."""
    is_pending: bool = False
    """Whether the event has not come that is undone from now on."""
    what: int = UNDOES
    content: int = 0
    depth: int = 1
    number: int = 0
    """The number of the fact in the history, or 0."""
    occurred_ns: int = 0
    """When the fact happened, or 0 where the history does not say it."""
    is_counted: bool = False
    """Whether the last count of the level says how things are, whatever the fact was."""

    @property
    def delta(self) -> int:
        """By how much on hand changes, unless that was counted."""
        return self.sign * SIGNS.get(self.event.kind, 0) * self.event.quantity


@dataclass(slots=True)
class _Chain:
    """Events from the target of a reversal down to the fact: whether each is undone."""

    undone: list[bool]
    fact: Key
    reversal: Array | None = None
    """The last reversal before the fact, which knows what it was."""


class Reversals:
    """Reversals over the shards of a node."""

    def __init__(self, history: LevelHistory) -> None:
        self.history = history

    @executes(LIST_PENDING_REVERSALS)
    def list_pending(self, command: ListPendingReversals, _now_ns: int) -> PendingReversalsView:
        """A page of the reversals whose events have not come."""
        found: list[PendingReversal] = []
        first, place = divmod(command.start, PENDING_REVERSALS_MAX + 1)
        for shard in self.history.shards[first:]:
            for at in range(place, len(shard.awaited)):
                if len(found) == command.count:
                    start = shard.number * (PENDING_REVERSALS_MAX + 1) + at
                    return PendingReversalsView(tuple(found), start)
                if shard.awaited.records[at]["is_undone"]:
                    found.append(_pending(shard, shard.awaited.records[at]))
            place = 0
        self.history.work.spend(len(found) * REVERSAL_LISTED)
        return PendingReversalsView(tuple(found), None)

    def is_reversed(self, shard: Shard, event: Array) -> bool:
        """Whether a reversal of an event (STOCK_EVENT) came before it."""
        place = find_awaited_event(shard, event)
        return place >= 0 and bool(shard.awaited.records[place]["is_undone"])

    def judge(self, event: StockEvent, shard: Shard, row: int, now_ns: int) -> Undoing | Refused:
        """What a reversal comes to at a row of a shard; -1 where there is no level yet."""
        named = event.reverses
        assert named is not None
        recorded = self._recorded(named.key, now_ns)
        chain = self._chain(shard, named.key)
        if recorded is None and (chain is None or len(chain.undone) == 1):
            return self._judge_unknown(event, shard, row, now_ns)
        if chain is None or len(chain.undone) > REVERSALS_DEEP_MAX:
            return Refused(EventOutcome.CANNOT_REVERSE)
        if recorded is not None:
            if difference := _difference(event, named.kind, *recorded, shard, row):
                return Refused(EventOutcome.REVERSAL_DIFFERS, difference)
            is_reversal = recorded[0]["kind"] == EventKind.REVERSAL
            if is_reversal and chain.reversal is None:  # one that had no effect
                return Refused(EventOutcome.ALREADY_REVERSED)
        kind = named.kind if chain.reversal is None else EventKind(int(chain.reversal["kind"]))
        known = self._recorded(chain.fact, now_ns) or self._awaited(chain.fact)
        if known is not None and (difference := _difference(event, kind, *known, shard, row)):
            return Refused(EventOutcome.REVERSAL_DIFFERS, difference)  # it undid something else
        if chain.undone != [bool(at % 2) for at in range(len(chain.undone))]:
            return Refused(EventOutcome.ALREADY_REVERSED)
        fact = as_fact(event, kind)
        content, depth = content_undone(fact), 1 if chain.reversal is None else 2
        counts_again = len(chain.undone) % 2 == 0
        if find_awaited(shard, chain.fact.hi, chain.fact.lo) >= 0:
            if chain.reversal is not None:
                content = int(chain.reversal["content"])
            return Undoing(fact, 0, not counts_again, content=content, depth=depth)
        if chain.reversal is not None and int(chain.reversal["content"]) != content:
            return Refused(EventOutcome.REVERSAL_DIFFERS, Difference(OTHERS, "", ""))
        undoing = Undoing(fact, 1 if counts_again else -1, content=content, depth=depth)
        # The source of the fact stands in the first of its reversals, not in this one.
        source = named.source if chain.reversal is None else None
        return self._with_count(undoing, chain.fact, source, shard, row, now_ns)

    def write(self, undoing: Undoing, event: StockEvent, shard: Shard, row: int) -> None:
        """Write what a reversal undoes, or waits for."""
        named, key = event.reverses, event.key
        assert named is not None
        assert key is not None
        effect = np.zeros(1, DTYPES[Section.REVERSALS])
        effect["key_hi"], effect["key_lo"] = key.hi, key.lo
        effect["target_hi"], effect["target_lo"] = named.key.hi, named.key.lo
        effect["fact"], effect["quantity"], effect["row"] = undoing.number, event.quantity, row
        effect["content"], effect["kind"] = undoing.content, undoing.event.kind
        effect["depth"], effect["what"] = undoing.depth, undoing.what
        effect["source"], effect["event_id"] = named.source.encode(), named.event_id.encode()
        record_all(shard, Section.REVERSALS, effect)

    def note_came(self, shard: Shard, event: Array, named: StockEvent | None) -> None:
        """Write that an event (STOCK_EVENT) came for which a reversal waits in a shard. If it is
        not what that says, nothing waits for it any more.
        """
        effect = np.zeros(1, DTYPES[Section.REVERSALS])
        for field in ("key_hi", "key_lo", "quantity", "row"):
            effect[field] = event[field]
        is_same = find_awaited_event(shard, event) >= 0
        effect["what"] = AWAITED_CAME if is_same else AWAITED_DIFFERS
        if is_same and named is not None and named.reverses is not None:
            target, kind = named.reverses.key, named.reverses.kind
            effect["target_hi"], effect["target_lo"], effect["kind"] = target.hi, target.lo, kind
            effect["depth"] = 1 + (kind is EventKind.REVERSAL)
            effect["content"] = content_undone(as_fact(named, kind))
        record_all(shard, Section.REVERSALS, effect)

    def _judge_unknown(
        self, event: StockEvent, shard: Shard, row: int, now_ns: int
    ) -> Undoing | Refused:
        """An event that was not recorded: it is still to come, or was recorded too long ago."""
        named = event.reverses
        assert named is not None
        hi, lo = named.key.hi, named.key.lo
        awaited = self._awaited(named.key)
        if awaited and (difference := _difference(event, named.kind, *awaited, shard, row)):
            return Refused(EventOutcome.REVERSAL_DIFFERS, difference)
        if any(is_undone(each, hi, lo) for each in self.history.shards):
            return Refused(EventOutcome.ALREADY_REVERSED)
        fact, depth = as_fact(event, named.kind), 1 + (named.kind is EventKind.REVERSAL)
        content = content_undone(fact) if depth == 1 else 0
        at_ns = named.occur_time_ns
        if at_ns is not None and at_ns <= now_ns - RETENTION_NS and depth == 1:
            undoing = Undoing(fact, -1, content=content)
            return self._with_count(undoing, named.key, named.source, shard, row, now_ns)
        if awaited is not None:  # its reversal was undone
            return Undoing(fact, 0, is_pending=True, content=content, depth=depth)
        if len(shard.awaited) >= PENDING_REVERSALS_MAX:
            return Refused(EventOutcome.CANNOT_REVERSE)
        return Undoing(fact, 0, is_pending=True, what=AWAITS, content=content, depth=depth)

    def _recorded(self, key: Key, now_ns: int) -> tuple[Array, Shard] | None:
        """What is remembered of an event, and where."""
        for shard in self.history.shards:
            found = shard.events.find(key.hi, key.lo, now_ns)
            if found is not None:
                return found, shard
        return None

    def _awaited(self, key: Key) -> tuple[Array, Shard] | None:
        """What a reversal that waits for an event says of it, and where."""
        for shard in self.history.shards:
            if (place := find_awaited(shard, key.hi, key.lo)) >= 0:
                return shard.awaited.records[place], shard
        return None

    def _chain(self, shard: Shard, key: Key) -> _Chain | None:
        """What the undoing of an event leads to; None when a part of that is forgotten."""
        hi, lo = key.hi, key.lo
        chain = _Chain([], key)
        while len(chain.undone) <= REVERSALS_DEEP_MAX:
            chain.undone.append(is_undone(shard, hi, lo))
            known = shard.reversed.find(hi, lo, shard.now_ns)
            if known is None or not known["depth"]:
                break
            chain.reversal = known
            hi, lo = int(known["target_hi"]), int(known["target_lo"])
            is_there = find_depth(shard, hi, lo) or find_awaited(shard, hi, lo) >= 0
            if known["depth"] > 1 and not is_there:
                return None
        chain.fact = Key(hi, lo, None)
        return chain

    def _with_count(
        self, undoing: Undoing, key: Key, source: str | None, shard: Shard, row: int, now_ns: int
    ) -> Undoing:
        """The same, and whether the last count of the level had seen the fact."""
        if row < 0:
            return undoing
        fact, recorded = undoing.event, shard.events.find(key.hi, key.lo, now_ns)
        came_at_ns = None if recorded is None else int(recorded["at_ns"])
        number = None if source is None else shard.sources.find(source)
        sought = FactSought(number, key.lo & 0xFFFF, came_at_ns)
        found = self.history.last_count_of(sought, shard, row, now_ns)
        is_counted = found.is_counted and fact.kind in SIGNS
        return replace(undoing, number=found.number, occurred_ns=found.at_ns, is_counted=is_counted)


def _difference(
    event: StockEvent, said: EventKind, first: Array, place: Shard, shard: Shard, row: int
) -> Difference | None:
    """The first field in which a reversal describes another event than is known: `first` is what
    was recorded, or what a reversal that waits for it says. `said` is the kind that it gives.
    """
    kind = EventKind(int(first["kind"])) if first["kind"] else said
    compared = {
        "kind": (kind.name, said.name),
        "quantity": (str(int(first["quantity"])), str(event.quantity)),
    }
    if place is not shard or int(first["row"]) != row:
        names = place.name_row(int(first["row"]))
        compared["sku"], compared["location"] = zip(names, (event.sku, event.location), strict=True)
    for field, (recorded, now) in compared.items():
        if recorded != now and first["kind"]:
            return Difference(field, recorded, now)
    if place is not shard or int(first["row"]) != row:
        return Difference("sku", _earlier_sku(place, int(first["row"])), event.sku)
    has_content = kind not in (EventKind.REVERSAL, EventKind.GOODS_ISSUE) and first["kind"]
    if has_content and int(first["content"]) != content_of(as_fact(event, kind)):
        return Difference(OTHERS, "", "")
    return None


def _earlier_sku(place: Shard, row: int) -> str:
    """The SKU of a row whose name is another's now: it ended, or was merged into that."""
    sku = place.skus.text(int(place.levels.records["sku"][row]))
    return f"{sku}, until it {'was merged' if sku in place.sku_names.first else 'ended'}"


def _pending(shard: Shard, awaited: Array) -> PendingReversal:
    source, event_id = (bytes(awaited[name]).decode() for name in ("source", "event_id"))
    names = shard.name_row(int(awaited["row"]))
    kind, quantity = EventKind(int(awaited["kind"])), int(awaited["quantity"])
    return PendingReversal(source, event_id, kind, *names, quantity, int(awaited["at_ns"]))


def find_awaited_event(shard: Shard, event: Array) -> int:
    """The place of an event (STOCK_EVENT) among those for which reversals wait, if it is what its
    reversal says; or -1.
    """
    is_here = event["has_key"] and event["shard"] == shard.number
    if not len(shard.awaited) or not is_here:
        return -1
    place = find_awaited(shard, int(event["key_hi"]), int(event["key_lo"]))
    if place < 0:
        return -1
    awaited = shard.awaited.records[place]
    is_same = all(awaited[field] == event[field] for field in ("row", "kind", "quantity"))
    has_content = event["kind"] not in (EventKind.REVERSAL, EventKind.GOODS_ISSUE)
    return place if is_same and (not has_content or awaited["content"] == event["content"]) else -1


def find_depth(shard: Shard, hi: int, lo: int) -> int:
    """1 for the reversal of a fact, 2 for that of a reversal, 0 for any other event."""
    known = shard.reversed.find(hi, lo, shard.now_ns)
    return 0 if known is None else int(known["depth"])


def as_fact(event: StockEvent, kind: EventKind) -> StockEvent:
    """The fact that a reversal names."""
    return event._replace(kind=kind, reverses=None)


def content_undone(fact: StockEvent) -> int:
    """`content_of` a fact as a reversal names it, which states a time of its own."""
    return content_of(fact._replace(occur_time_ns=None))


def content_of(event: StockEvent) -> int:
    """A hash over what else an event says that changes what it does, in 16 bits; 0 for a plain
    one. It distinguishes what comes under one id by mistake.
    """
    if event.is_plain:
        return 0
    order, named = event.reservation, event.reverses
    supply, transfer = event.supply, event.transfer
    has_instant = event.kind in (EventKind.COUNT, EventKind.GOODS_ISSUE)
    said = "\0".join(
        (
            *(event.from_status, event.to_status),
            *((order.id, order.line) if order else ("", "")),
            *((str(event.occur_time_ns),) if has_instant else ()),
            *(str(event.as_of_sequence), str(event.basis)),
            *(str(event.picked_quantity), *event.seen_reservations),
            *((named.source, named.event_id, named.kind.name) if named else ()),
            *((supply.id, supply.line, str(event.expected_ns)) if supply else ()),
            *((TRANSFER, transfer.id, transfer.line, event.to_location) if transfer else ()),
        )
    )
    return crc32(said.encode()) & 0xFFFF or 1
