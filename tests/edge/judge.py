"""A history of calls, and the judgement whether one order of them explains every answer.

What is known of a call: when it was asked and answered, what the answer was, and the revisions in
the answer. A revision names an entry of the journal, and the entries of one turn stand in one
append, so the appends put all turns in order. Within a turn the journal keeps the order of the
reserves and that of the moves, each by itself, and not how they were interleaved. The judge
replays the appends one after the other and finds fault unless

- after every append, in every stock level, 0 <= reserved + committed <= on_hand;
- every accepted command stands in the journal once, in the append that its revisions name, and
  nothing else stands there;
- the plain model in tests/model.py, told the same in that order, gives the same answers;
- every refusal and every read says what was so at some moment of its turn;
- no call saw less than another call that was answered before it was asked.

In a turn moves are told to the model before reserves. They only give units back, and they are of
earlier reservations, whose callers have waited for their answers: if any order explains what was
accepted, this one does.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, product
from pathlib import Path
from typing import Any, Final

import numpy as np

from holdfast.core.audit import check_invariants
from holdfast.core.commands import (
    Command,
    Extend,
    ExtendOutcome,
    GetAvailability,
    Move,
    MoveOutcome,
    RecordStockEvents,
    Reserve,
    ReserveOutcome,
    Unknown,
    UpdateLocation,
)
from holdfast.core.ids import Key, key_from_text
from holdfast.core.kernels.codes import FLAG_LATER_PART
from holdfast.core.limits import RETENTION_NS
from holdfast.core.model import State, Verb
from holdfast.core.node import Node
from holdfast.core.rules.homes import Ended
from holdfast.core.tables.effects import Section
from holdfast.core.tables.shard import Shard
from holdfast.edge.wire.refusals import REFUSAL_CODES
from holdfast.edge.wire.reservations import STATES
from holdfast.persistence.codec import RecordedEntry
from holdfast.persistence.recovery import replay_group
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.node_process import read_journal, replayed_node
from tests.model import Model

ACCEPTED: Final = common.OUTCOME_ACCEPTED

#: Shard and sequence.
Revision = tuple[int, int]
Bits = tuple[int, int]


@dataclass(eq=False, slots=True)
class Exchange:
    """A call and its answer."""

    command: Command
    asked_at: float
    answered_at: float
    response: Any
    is_repeat: bool = False

    @property
    def revisions(self) -> list[Revision]:
        """What the answer rests on."""
        if isinstance(self.command, GetAvailability):
            read = self.response.availability.revision
            return [(read.shard, read.sequence)]
        return [(each.shard, each.sequence) for each in self.response.revisions]

    @property
    def has_effect(self) -> bool:
        """Whether it stands in the journal."""
        if isinstance(self.command, GetAvailability):
            return False
        if isinstance(self.command, RecordStockEvents):
            return bool(self.response.results[0].outcome == stock.STOCK_EVENT_OUTCOME_APPLIED)
        return bool(self.response.outcome == ACCEPTED)

    @property
    def key(self) -> Bits:
        """The id under which its effect stands in the journal."""
        match self.command:
            case Reserve():
                key: Key | None = self.command.key
            case RecordStockEvents():
                key = self.command.events[0].key
            case Extend() | Move():
                key = self.command.request
            case _:
                raise AssertionError(f"{self.command} has no effect of its own")
        assert key is not None
        return key.hi, key.lo


@dataclass(frozen=True, slots=True)
class Moments:
    """What a stock level can have been in the course of a turn."""

    figures: frozenset[tuple[int, int, int]]

    @property
    def available(self) -> set[int]:
        """Units that nobody was promised."""
        return {on_hand - reserved - committed for on_hand, reserved, committed in self.figures}

    @property
    def on_hand(self) -> set[int]:
        """Units on hand."""
        return {on_hand for on_hand, _, _ in self.figures}


class Judge:
    """Replays a journal beside the model, and holds the answers against both."""

    def __init__(
        self, shard_count: int, places: Sequence[UpdateLocation], history: Sequence[Exchange]
    ) -> None:
        self.node = Node(shard_count)
        self.model = Model(window_ns=RETENTION_NS)
        self.history = [exchange for exchange in history if not exchange.is_repeat]
        for place in places:
            self.model.execute(place, 0)
        self._effects = {exchange.key: exchange for exchange in self.history if exchange.has_effect}
        self._without: dict[Revision, list[Exchange]] = defaultdict(list)
        self._unseen = {id(exchange): len(exchange.revisions) for exchange in self.history}
        for exchange in self.history:
            for revision in exchange.revisions:
                self._without[revision].append(exchange)
        self.turns = 0

    def judge(self, appends: Iterable[tuple[int, list[RecordedEntry]]]) -> None:
        """Go through the whole journal."""
        for position, group in appends:
            self._judge_turn(position, group)
        assert not self._effects, f"not in the journal: {list(self._effects.values())[:3]}"
        unseen = [exchange for exchange in self.history if self._unseen[id(exchange)]]
        assert not unseen, f"revisions that no append has: {unseen[:3]}"
        self.model.check_invariants()
        assert [] == check_invariants(self.node)
        self._check_real_time()

    def _judge_turn(self, position: int, group: list[RecordedEntry]) -> None:
        self.turns += 1
        before = {
            recorded.entry.shard: self.node.shards[recorded.entry.shard].levels.used.copy()
            for recorded in group
        }
        replay_group(self.node, position, group)
        now_ns = group[0].entry.now_ns
        self.model.expire(now_ns)
        self._tell_model(group, now_ns)
        for recorded in group:
            shard = self.node.shards[recorded.entry.shard]
            levels = shard.levels.used
            promised = levels["reserved"] + levels["committed"]
            assert (levels["reserved"] >= 0).all(), (position, levels)
            assert (levels["committed"] >= 0).all(), (position, levels)
            assert (promised <= levels["on_hand"]).all(), (position, levels)
            revision = (shard.number, recorded.entry.sequence)
            watchers = self._without.pop(revision, [])
            if watchers:
                course = Course(shard, before[shard.number], recorded)
                for exchange in watchers:
                    self._judge_exchange(exchange, course, revision, now_ns)

    def _tell_model(self, group: Sequence[RecordedEntry], now_ns: int) -> None:
        """Tell the model what the turn accepted; its answers have to be those that were given."""
        here = {(recorded.entry.shard, recorded.entry.sequence) for recorded in group}
        found = [*_moves_and_facts(group), *_reserves(group)]
        # A command that touches several shards stands in each of them.
        for key in dict.fromkeys(found):
            exchange = self._effects.pop(key)
            assert set(exchange.revisions) <= here, f"{exchange} is in the append of {here}"
            outcome = self.model.execute(exchange.command, now_ns)
            match outcome:
                case ReserveOutcome() | ExtendOutcome():
                    assert outcome.refusal is None, (exchange, outcome)
                    assert outcome.expires_at_ns == exchange.response.expire_time.ToNanoseconds()
                case MoveOutcome():
                    assert outcome.refusal is None, (exchange, outcome)
                    assert STATES[outcome.state] == exchange.response.state
                case Unknown():
                    raise AssertionError((exchange, outcome))

    def _judge_exchange(
        self, exchange: Exchange, course: "Course", revision: Revision, now_ns: int
    ) -> None:
        self._unseen[id(exchange)] -= 1
        match exchange.command:
            case GetAvailability(skus=(sku,)):
                for level in exchange.response.availability.levels:
                    figures = (level.on_hand, level.reserved, level.committed)
                    assert figures in course.moments(sku, level.location).figures, exchange
            case RecordStockEvents(events=(event,)):
                moments = course.moments(event.sku, event.location)
                assert exchange.response.results[0].on_hand in moments.on_hand, exchange
            case Reserve() if not exchange.has_effect:
                assert exchange.response.refusal.code == common.REFUSAL_CODE_INSUFFICIENT_STOCK, (
                    exchange
                )
                for line in exchange.response.refusal.lines:
                    assert line.requested > line.available, exchange
                    if course.has(line.sku):
                        assert line.available in course.moments(line.sku, line.location).available
            case Move() | Extend() if not exchange.has_effect and not self._unseen[id(exchange)]:
                # Nobody but its caller and time change a reservation: what the model says of it
                # now is what it would have said at any moment since.
                outcome = self.model.execute(exchange.command, now_ns)
                assert isinstance(outcome, ReserveOutcome | ExtendOutcome | MoveOutcome), (
                    exchange,
                    outcome,
                )
                assert outcome.refusal is not None, (exchange, outcome)
                code = REFUSAL_CODES[outcome.refusal.code]
                assert code == exchange.response.refusal.code, (exchange, outcome)
        assert revision in exchange.revisions

    def _check_real_time(self) -> None:
        """Whoever asks after an answer has come sees at least what it rests on."""
        events = sorted(
            [(exchange.asked_at, 1, exchange) for exchange in self.history]
            + [(exchange.answered_at, 0, exchange) for exchange in self.history],
            key=lambda event: event[:2],
        )
        seen: dict[int, int] = defaultdict(int)
        at_least: dict[int, dict[int, int]] = {}
        for _, is_asked, exchange in events:
            if is_asked:
                at_least[id(exchange)] = dict(seen)
                continue
            for shard, sequence in exchange.revisions:
                assert sequence >= at_least[id(exchange)].get(shard, 0), (
                    f"{exchange} is of the past"
                )
                seen[shard] = max(seen[shard], sequence)


def _reserves(group: Sequence[RecordedEntry]) -> Iterator[Bits]:
    for recorded in group:
        for effect in recorded.entry.effects(Section.RESERVATIONS):
            if not int(effect["flags"]) & FLAG_LATER_PART:
                yield int(effect["key_hi"]), int(effect["key_lo"])


def _moves_and_facts(group: Sequence[RecordedEntry]) -> Iterator[Bits]:
    for recorded in group:
        for section in (Section.STOCK, Section.REQUESTS):
            for effect in recorded.entry.effects(section):
                # The catalogue is there before the first caller.
                if section is Section.STOCK or effect["verb"] != Verb.UPDATE_LOCATION:
                    yield int(effect["key_hi"]), int(effect["key_lo"])


class Course:
    """The stock levels of a shard in the course of one turn."""

    def __init__(self, shard: Shard, before: "np.ndarray", recorded: RecordedEntry) -> None:
        self._shard = shard
        self._before = before
        self._entry = recorded.entry

    def has(self, sku: str) -> bool:
        """Whether a SKU lives in this shard."""
        return self._shard.skus.find(sku) >= 0

    def moments(self, sku: str, location: str) -> Moments:
        """All that a stock level can have been: after the ends of holds, with which a turn begins,
        so many facts, moves and reserves of the turn have happened, each kind in its order.
        """
        row = self._shard.find_row(sku, location)
        if row < len(self._before):
            level = self._before[row]
            start = (int(level["on_hand"]), int(level["reserved"]), int(level["committed"]))
        else:
            start = (0, 0, 0)
        moves = [
            (int(move["leaves"]), int(move["enters"]), int(move["quantity"]))
            for move in self._entry.effects(Section.MOVES)
            if int(self._shard.lines.records["row"][move["line"]]) == row
        ]
        ended = sum(quantity for _, enters, quantity in moves if enters == State.EXPIRED)
        kinds = (
            [
                (int(fact["delta"]), 0, 0)
                for fact in self._entry.effects(Section.STOCK)
                if fact["row"] == row
            ],
            [_change(*move) for move in moves if move[1] != State.EXPIRED],
            [
                (0, int(line["quantity"]), 0)
                for line in self._entry.effects(Section.LINES)
                if line["row"] == row
            ],
        )
        first = (start[0], start[1] - ended, start[2])
        paths = [list(accumulate(kind, _sum, initial=(0, 0, 0))) for kind in kinds]
        return Moments(frozenset(_sum(first, _sum(a, _sum(b, c))) for a, b, c in product(*paths)))


def _change(leaves: int, enters: int, quantity: int) -> tuple[int, int, int]:
    reserved = -quantity if leaves == State.HELD else 0
    committed = quantity * ((enters == State.COMMITTED) - (leaves == State.COMMITTED))
    return -quantity if enters == State.FULFILLED else 0, reserved, committed


def _sum(a: tuple[int, int, int], b: tuple[int, int, int]) -> tuple[int, int, int]:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def expiries_in_journal(data_dir: Path, order: str) -> list[tuple[int, int]]:
    """Find when units of a reservation expired, and how many."""
    node = replayed_node(data_dir)
    parts = node.reservations.find(key_from_text(order))
    assert not isinstance(parts, Ended)
    own = {(part.shard.number, line) for part in parts for line in part.shard.lines_of(part.number)}
    return [
        (recorded.entry.now_ns, int(move["quantity"]))
        for _, group in read_journal(data_dir)
        for recorded in group
        for move in recorded.entry.effects(Section.MOVES)
        if move["enters"] == State.EXPIRED and (recorded.entry.shard, int(move["line"])) in own
    ]
