"""Two engines behind one interface, so that every test of behaviour judges both.

A test speaks of turns: commands that arrive together, and a time. It sees outcomes without
revisions, since those depend on how many shards there are; tests of revisions talk to a Node.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from holdfast.core.commands import (
    AvailabilitiesView,
    AvailabilityView,
    AvailableToPromiseView,
    Command,
    Conflict,
    DeleteOutcome,
    EventResult,
    EventsOutcome,
    Extend,
    ExtendOutcome,
    ForcedOutcome,
    ForceRelease,
    LocationOutcome,
    MergeOutcome,
    Move,
    MoveOutcome,
    Outcome,
    QuarantinedSkusView,
    Reference,
    RenameOutcome,
    ReservationView,
    ReserveOutcome,
    ResetSource,
    SettleSku,
    ShortfallView,
    StockBatch,
    StockCodes,
    StockDetails,
    StockEvent,
    TextColumn,
)
from holdfast.core.model import EventOutcome, UnknownSkus
from holdfast.core.node import Node
from holdfast.core.rules.retention import Retention
from holdfast.core.tables.layouts import STOCK_EVENT
from tests.core.journal_follower import Follower
from tests.model import NO_REVISION, Model, StockColumns
from tests.model_facts import Availabilities

#: Commands whose content is kept as a hash.
FINGERPRINTED = Move | Extend | SettleSku | ResetSource | ForceRelease


@dataclass(eq=False)
class Ticket:
    """A command, whether its caller still waits, and its answer."""

    command: Command
    is_cancelled: bool = False
    outcome: Outcome | None = None

    def cancelled(self) -> bool:
        return self.is_cancelled


class Engine(Protocol):
    """What scripts need of an engine."""

    def turn(self, commands: Sequence[Command], now_ns: int) -> list[Outcome]:
        """Execute commands that arrive together; answer in their order."""

    def restart(self) -> None:
        """Forget everything but the journal, and go on from there."""


class ModelEngine:
    """The plain model. Its memory is its journal, and it executes in the order of arrival."""

    def __init__(
        self, *, unknown_skus: UnknownSkus = UnknownSkus.CREATE, window_ns: int = 0
    ) -> None:
        self.model = Model(unknown_skus=unknown_skus, window_ns=window_ns)

    def turn(self, commands: Sequence[Command], now_ns: int) -> list[Outcome]:
        self.model.let_pass(now_ns)
        return [comparable(command, self._execute(command, now_ns)) for command in commands]

    def _execute(self, command: Command, now_ns: int) -> Outcome:
        outcome = self.model.execute(command, now_ns)
        self.model.check_invariants()
        return outcome

    def restart(self) -> None:
        pass


class NodeEngine:
    """The real engine, with a list for a journal."""

    def __init__(
        self,
        shard_count: int,
        *,
        unknown_skus: UnknownSkus = UnknownSkus.CREATE,
        window_ns: int = 0,
    ) -> None:
        # One hold ends in a turn, so that stories have commands that wait for the others. A sweep
        # passes over all reservations whenever time has passed. No method of this: the engine goes
        # with the last reference to it, and with it the address space of its nodes.
        self._new_node = partial(
            Node,
            shard_count,
            expire_batch_max=1,
            unknown_skus=unknown_skus,
            retention=Retention(pass_ns=1),
            history_window_ns=window_ns,
            audit_interval_ns=1,
        )
        self.node = self._new_node()
        self.follower = Follower(self._new_node)
        self.entries: list[Any] = []
        self.next_due_ns = 0

    def turn(self, commands: Sequence[Command], now_ns: int) -> list[Outcome]:
        tickets = [self.post(command) for command in commands]
        self.run(now_ns)
        return [ticket.outcome for ticket in tickets if ticket.outcome is not None]

    def post(self, command: Command) -> Ticket:
        """Put a command into its mailbox."""
        ticket = Ticket(command)
        posted = as_batch(self.node, command) if isinstance(command, StockColumns) else command
        assert self.node.post(posted, ticket), "the mailbox has room"
        return ticket

    def run(self, now_ns: int) -> list[Ticket]:
        """Run until nothing waits, keep the entries; return the tickets as they were executed."""
        tickets = []
        has_more = True
        while has_more:
            turn = self.node.turn(now_ns)
            has_more = turn.has_more
            self.entries += turn.entries
            self.follower.follow(turn.entries, self.node)
            assert not turn.found, "the audit finds nothing in a sound state"
            self.next_due_ns = turn.next_due_ns
            for ticket, outcome in turn.answers:
                assert isinstance(ticket, Ticket)
                assert ticket.outcome is None, "one answer for each command"
                ticket.outcome = comparable(ticket.command, outcome)
                tickets.append(ticket)
        return tickets

    def replayed(self) -> Node:
        """Build another node from the journal."""
        node = self._new_node()
        for entry in self.entries:
            node.replay(entry)
        return node

    def restart(self) -> None:
        """Stop in good order, and start: the state is that which was sealed."""
        before = self.node.state_hash()
        self.entries += self.follower.stop(self.node)
        self.node = self.replayed()
        self.follower.follow([], self.node)
        self.follower.load()
        assert before == self.node.state_hash()


def as_batch(node: Node, command: StockColumns) -> StockBatch:
    """Spell facts as columns, with the handles that their levels have now."""
    first = node.sku_names.first
    names = [(first.get(event.sku, event.sku), event.location) for event in command.events]
    shards, rows = node.homes.find_rows(names)
    events = np.zeros(len(names), STOCK_EVENT)
    events["shard"], events["row"] = [shard.number for shard in shards], np.maximum(rows, -1)
    for record, event in zip(events, command.events, strict=True):
        if event.key:
            record["key_hi"], record["key_lo"], record["has_key"] = event.key.hi, event.key.lo, 1
        record["sequence"], record["kind"] = event.sequence, event.kind
        record["quantity"] = event.quantity
    return StockBatch(command.source, events, details_of(command.events))


def text_column(texts: Sequence[str]) -> TextColumn:
    """Texts as a column of UTF-8."""
    encoded = [text.encode() for text in texts]
    sizes = np.array([len(text) for text in encoded], np.int64)
    return TextColumn(np.frombuffer(b"".join(encoded), np.uint8), np.cumsum(sizes) - sizes, sizes)


def details_of(events: Sequence[StockEvent]) -> StockDetails | None:
    """What facts came with, as columns."""
    references = [event.reference or Reference("", "", "") for event in events]
    kinds = {reference.kind for reference in references if reference.id or reference.line}
    assert len(kinds) < 2, "columns have one kind of references"
    times = np.array([event.occur_time_ns or 0 for event in events], np.int64)
    named = [bool(reference.id or reference.line) for reference in references]
    if not times.any() and not any(named):
        return None
    ids, lines = (
        text_column([getattr(each, name) for each in references]) for name in ("id", "line")
    )
    return StockDetails(times, "".join(kinds), ids, lines, (times != 0) | np.array(named))


def comparable(command: Command, outcome: Outcome) -> Outcome:
    """Leave out what engines may answer differently: revisions, and states that hold no units."""
    match outcome:
        case AvailabilitiesView(views=views):
            return Availabilities(tuple(view and without_revision(view) for view in views))
        case Conflict("new_sku" | "into_sku" as field):
            return Conflict(field, "", "")
        case Conflict("location" | "update_mask" | "allow_missing" as field):
            return Conflict(field, "", "")  # fingerprints
        case MergeOutcome():
            return replace(outcome, revisions=())
        case DeleteOutcome() | RenameOutcome() | AvailableToPromiseView() | ShortfallView():
            return replace(outcome, revision=NO_REVISION)
        case ReservationView(lines=lines):
            lines = tuple(
                line._replace(quantities={s: n for s, n in line.quantities.items() if n})
                for line in lines
            )
            return replace(outcome, lines=lines, revisions=())
        case Conflict("source"):
            return Conflict("source", "", "")
        case Conflict(field) if isinstance(command, FINGERPRINTED) and field != "method":
            return Conflict(field, "", "")  # the field is the contract, its rendering is not
        case QuarantinedSkusView(skus):
            return replace(outcome, skus=tuple(sorted(skus)))
        case StockCodes():
            fields = ("codes", "on_hand", "shortfalls", "available")
            columns = [getattr(outcome, field).tolist() for field in fields]
            left = iter(outcome.differences)
            results = (
                EventResult(
                    EventOutcome(code),
                    *(on_hand, shortfall, available),
                    difference=next(left) if code == EventOutcome.ID_REUSED else None,
                )
                for code, on_hand, shortfall, available in zip(*columns, strict=True)
            )
            return EventsOutcome(tuple(results), (), outcome.skipped)
        case ReserveOutcome():
            return outcome._replace(revisions=())
        case ExtendOutcome() | MoveOutcome() | ForcedOutcome():
            return replace(outcome, revisions=())
        case EventsOutcome() | LocationOutcome():
            return replace(outcome, revisions=())
        case _:
            return outcome


def without_revision(view: AvailabilityView) -> AvailabilityView:
    return view._replace(revision=NO_REVISION, levels=tuple(view.levels))
