"""How sources are: when it is noticed, what it costs, and that a replay comes to the same."""

import numpy as np

from holdfast.core.commands import (
    AvailabilitiesView,
    Command,
    GetAvailability,
    GetSource,
    LevelColumns,
    Line,
    Location,
    Outcome,
    ReadLevels,
    RecordStockEvents,
    Reserve,
    ReserveOutcome,
    Source,
    SourceView,
    StockEvent,
    UpdateLocation,
    UpdateSource,
)
from holdfast.core.handles import make_handle
from holdfast.core.ids import key_from_text
from holdfast.core.kernels.arguments import RESTRICTED
from holdfast.core.limits import HOLD_MS_MAX, NS_PER_MS
from holdfast.core.model import EventKind, Fallback, LocationKind, SourceState
from holdfast.core.node import Node
from holdfast.core.rules.source_states import REVIEWED_MAX
from holdfast.core.tables import state_bytes
from holdfast.core.tables.effects import Section
from tests.core.engine import Ticket

MINUTE_MS = 60_000
MINUTE_NS = MINUTE_MS * NS_PER_MS


class Desk:
    """A node, and another that replays what it writes."""

    def __init__(self, shard_count: int = 4) -> None:
        self.node, self.twin = Node(shard_count), Node(shard_count)
        self.written: list[Section] = []
        self.now_ns = 10**15
        self.ask(UpdateLocation(Location("W", LocationKind.STORE, "W", enabled=True)))

    def turn(self) -> list[Outcome]:
        turn = self.node.turn(self.now_ns)
        for entry in turn.entries:
            self.twin.replay(entry)
            self.written += [section for section, _ in entry.sections]
        return [outcome for _, outcome in turn.answers]

    def ask(self, command: Command) -> Outcome:
        self.node.post(command, Ticket(command))
        (outcome,) = self.turn()
        return outcome

    def tell(self, source: str, *skus: str, sequence: int = 0) -> None:
        facts = (
            StockEvent(
                key_from_text(f"{self.now_ns} {sku} {sequence}"),
                *(sequence and sequence + number, sku, "W", EventKind.RECEIPT, 10),
            )
            for number, sku in enumerate(skus)
        )
        self.ask(RecordStockEvents(source, tuple(facts)))

    def set(self, name: str, fallback: Fallback, cap: int = 0, minutes: int = 1) -> None:
        source = Source(name, minutes * MINUTE_MS, None, fallback, cap)
        self.ask(UpdateSource(source, allow_missing=True))

    def state_of(self, sku: str) -> SourceState:
        outcome = self.ask(GetAvailability((sku,)))
        assert isinstance(outcome, AvailabilitiesView)
        (view,) = outcome.views
        assert view is not None
        (level,) = view.levels
        return level.state

    def can_be_had(self, sku: str, units: int, node: Node | None = None) -> bool:
        command = Reserve(key_from_text(f"{sku} {units}"), (Line(sku, "W", units),), HOLD_MS_MAX)
        if node is None:
            outcome = self.ask(command)
        else:
            node.post(command, Ticket(command))
            ((_, outcome),) = node.turn(self.now_ns).answers
        assert isinstance(outcome, ReserveOutcome)
        return outcome.refusal is None


def digests(node: Node) -> list[tuple[int, int]]:
    return [state_bytes.digest(shard) for shard in node.shards]


def test_silence_is_noticed_before_the_commands_of_a_turn_and_journaled_once() -> None:
    desk = Desk()
    desk.set("erp", Fallback.STOP)
    desk.tell("erp", "Tea", "Mug", "Pot")
    assert desk.can_be_had("Tea", 1)
    desk.now_ns += MINUTE_NS
    assert desk.can_be_had("Tea", 2)
    desk.written.clear()
    desk.now_ns += 1
    assert not desk.can_be_had("Tea", 3)
    assert 4 == desk.written.count(Section.SOURCE_STATES), "once in each shard"
    assert SourceState.STALE is desk.state_of("Mug")
    assert digests(desk.node) == digests(desk.twin)
    assert not desk.can_be_had("Mug", 1, desk.twin), "who replays comes to the same promises"


def test_a_turn_is_asked_for_when_a_source_becomes_silent() -> None:
    """Without a command: a watcher learns of it, and nobody has to ask."""
    desk = Desk()
    desk.set("erp", Fallback.SELL_ON)
    desk.tell("erp", "Tea")
    due_ns = desk.now_ns + MINUTE_NS + 1
    assert due_ns == desk.node.source_states.next_ns
    desk.written.clear()
    desk.now_ns = due_ns
    desk.turn()
    assert Section.SOURCE_STATES in desk.written
    assert SourceState.STALE is desk.state_of("Tea")


def test_who_states_no_interval_and_misses_nothing_writes_nothing() -> None:
    """What is not used costs nothing: no effect, no alarm, no restriction."""
    desk = Desk()
    desk.tell("erp", "Tea", "Mug", sequence=1)
    desk.now_ns += 10**6 * MINUTE_NS
    assert SourceState.CURRENT is desk.state_of("Tea")
    assert Section.SOURCE_STATES not in desk.written
    assert 2**63 - 1 == desk.node.source_states.next_ns
    assert [0] * 4 == [int(shard.header[RESTRICTED]) for shard in desk.node.shards]


def test_many_sources_that_fall_silent_together_are_reviewed_over_turns() -> None:
    """A turn looks at some of them, and commands run meanwhile."""
    desk = Desk(1)
    names = [f"till {number}" for number in range(3 * REVIEWED_MAX)]
    for name in names:
        desk.set(name, Fallback.STOP)
        desk.tell(name, f"sku of {name}")
    desk.now_ns += MINUTE_NS + 1
    desk.turn()
    assert REVIEWED_MAX == int(desk.node.shards[0].header[RESTRICTED])
    assert desk.node.source_states.next_ns <= desk.now_ns
    while desk.node.source_states.next_ns <= desk.now_ns:
        desk.turn()
    assert len(names) == int(desk.node.shards[0].header[RESTRICTED])


def test_a_start_finds_out_what_happened_meanwhile() -> None:
    """From a snapshot, and from the journal: what was due is noticed in the first turn."""
    desk = Desk()
    desk.set("erp", Fallback.CAP, cap=2)
    desk.tell("erp", "Tea")
    loaded = Node(4)
    for old, new in zip(desk.node.shards, loaded.shards, strict=True):
        columns = state_bytes.columns(old)
        state_bytes.load(new, {name: column.copy() for name, column in columns.items()})
    loaded.loaded()
    desk.now_ns += 2 * MINUTE_NS
    for node in (loaded, desk.twin):
        assert not desk.can_be_had("Tea", 3, node)
        assert desk.can_be_had("Tea", 2, node)
        assert not desk.can_be_had("Tea", 1, node)
    assert digests(loaded) == digests(desk.twin)


def test_a_shard_that_hears_of_a_source_later_knows_how_it_is() -> None:
    desk = Desk()
    desk.tell("erp", "Tea", sequence=1)
    desk.tell("erp", "Tea", sequence=5)
    assert SourceState.GAP is desk.state_of("Tea")
    for number, sku in enumerate(("Mug", "Pot", "Cup", "Jug", "Can"), 6):
        desk.tell("erp", sku, sequence=number)
        assert SourceState.GAP is desk.state_of(sku)
    view = desk.ask(GetSource("erp"))
    assert isinstance(view, SourceView)
    assert SourceState.GAP is view.state


def test_reads_by_handle_tell_the_state_and_what_may_be_promised() -> None:
    desk = Desk(1)
    desk.set("erp", Fallback.CAP, cap=3)
    desk.tell("erp", "Tea")
    desk.now_ns += 2 * MINUTE_NS
    desk.tell("wms", "Mug")
    handles = np.array([make_handle(0, 0, row) for row in (0, 1, 2)], np.uint64)
    columns = desk.ask(ReadLevels(handles))
    assert isinstance(columns, LevelColumns)
    assert [SourceState.STALE, SourceState.CURRENT, 0] == columns.states.tolist()
    assert [3, 10, 0] == columns.available.tolist()
    columns = desk.ask(ReadLevels(handles, (SourceState.STALE, SourceState.GAP)))
    assert isinstance(columns, LevelColumns)
    assert [SourceState.STALE, SourceState.CURRENT, 0] == columns.states.tolist()
    assert ([3, 0, 0], [10, 0, 0]) == (columns.available.tolist(), columns.on_hand.tolist())


def test_nothing_that_is_promised_is_taken_back() -> None:
    """A cap below what is promised makes no shortfall, and lets it be shipped."""
    desk = Desk()
    desk.set("erp", Fallback.CAP, cap=1)
    desk.tell("erp", "Tea")
    assert desk.can_be_had("Tea", 7)
    desk.now_ns += 2 * MINUTE_NS
    outcome = desk.ask(GetAvailability(("Tea",)))
    assert isinstance(outcome, AvailabilitiesView)
    (view,) = outcome.views
    assert view is not None
    assert [(7, 0)] == [(level.reserved, level.available) for level in view.levels]
