"""The audit finds what was damaged, and blames nothing else; what it finds is not promised."""

import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from holdfast.core.commands import (
    Audit,
    AuditView,
    Command,
    Disagreement,
    GetAvailability,
    LevelName,
    Line,
    Location,
    Move,
    Outcome,
    RecordStockEvents,
    Refusal,
    RepairLevels,
    RepairsOutcome,
    Reserve,
    StockEvent,
    Unknown,
    UpdateLocation,
)
from holdfast.core.ids import Key, key_from_text, repair_request_key
from holdfast.core.kernels.arguments import UNITS_RESERVED
from holdfast.core.limits import HOLD_MS_MAX, ON_HAND_MAX
from holdfast.core.model import (
    EventKind,
    LocationKind,
    RefusalCode,
    Remainder,
    RepairVerdict,
    Verb,
)
from holdfast.core.node import Node
from holdfast.core.rules import auditing
from holdfast.core.rules.retention import Retention
from holdfast.core.tables import state_bytes
from holdfast.core.tables.effects import Entry, Section
from holdfast.core.tables.shard import Shard
from holdfast.core.work import TURN_WORK_MAX
from tests.core.engine import Ticket
from tests.persistence.journals import JournalWriter, MemoryJournal
from tests.persistence.lives import Life

MUG = LevelName("mug", "W")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passes over many turns, so that much changes after them and before them."""
    monkeypatch.setattr(auditing, "TALLIED_MAX", 20)
    monkeypatch.setattr(auditing, "COMPARED_MAX", 10)
    monkeypatch.setattr(auditing, "SUMMED_MAX", 7)


class Shop:
    """A node of which the tables can be damaged, and its journal."""

    def __init__(self, shard_count: int = 1) -> None:
        self.node = Node(shard_count)
        self.entries: list[Entry] = []
        self.found: list[Disagreement] = []
        self.now_ns = 1
        self.ask(UpdateLocation(Location("W", LocationKind.STORE, "W", enabled=True)))
        for number, sku in enumerate(("mug", "plate", "bowl")):
            self.ask(fact(number + 1, sku, EventKind.RECEIPT, 100))
        self.ask(fact(4, "mug", EventKind.STATUS_CHANGE, 7, to_status="damaged"))
        self.ask(hold("a", 10))
        self.ask(hold("b", 20))
        self.ask(
            Move(Verb.COMMIT, key_from_text("b"), None, (Line("mug", "W", 5),), Remainder.KEEP)
        )

    def ask(self, command: Command) -> Outcome:
        """The outcome of a command, which may wait for a turn in which nothing is kept up."""
        ticket = Ticket(command)
        self.node.post(command, ticket)
        answers: dict[object, Outcome] = {}
        while ticket not in answers:
            answers.update(self.turn())
        return answers[ticket]

    def turn(self) -> Sequence[tuple[object, Outcome]]:
        """Let a turn pass; return its answers."""
        self.now_ns += 1
        turn = self.node.turn(self.now_ns)
        self.entries += turn.entries
        self.found += turn.found
        return turn.answers

    def audit(self) -> AuditView:
        """Run a pass from its beginning to its end."""
        before = self.view(Audit(begins=True)).passes
        for _ in range(1_000):
            view = self.view(Audit())
            if view.passes > before:
                return view
        raise AssertionError("a pass ends")

    def view(self, command: Audit) -> AuditView:
        outcome = self.ask(command)
        assert isinstance(outcome, AuditView)
        return outcome

    def repair(
        self, *levels: LevelName, is_dry_run: bool = False, request: Key | None = None
    ) -> RepairsOutcome:
        outcome = self.ask(RepairLevels(levels, "a bad module", "ops", is_dry_run, request))
        assert isinstance(outcome, RepairsOutcome)
        return outcome

    def available(self) -> tuple[int, bool]:
        """What may be promised of the mug, and whether it is in quarantine."""
        outcome = self.ask(GetAvailability(("mug",)))
        level = next(iter(outcome.views[0].levels))  # type: ignore[attr-defined]
        return level.available, level.is_quarantined

    def shard(self) -> Shard:
        return self.node.homes.shard_of_sku("mug")

    def row(self) -> int:
        return self.shard().find_row(*MUG)

    def replayed(self) -> Node:
        node = Node(len(self.node.shards))
        for entry in self.entries:
            node.replay(entry)
        return node


def fact(number: int, sku: str, kind: EventKind, quantity: int, **more: str) -> RecordStockEvents:
    event = StockEvent(None, number, sku, "W", kind, quantity, **more)  # type: ignore[arg-type]
    return RecordStockEvents("erp", (event,))


def hold(name: str, quantity: int) -> Reserve:
    return Reserve(key_from_text(name), (Line("mug", "W", quantity),), HOLD_MS_MAX)


def tables_of(node: Node) -> list[dict[str, bytes]]:
    """The exact state, but for the time, which goes on without entries."""
    return [
        {name: column.tobytes() for name, column in columns.items() if name != "position"}
        for columns in map(state_bytes.columns, node.shards)
    ]


# --- a sound node ---


@pytest.mark.parametrize("shard_count", [1, 4])
@pytest.mark.parametrize("seed", range(3))
def test_a_sound_node_under_load_is_never_blamed(shard_count: int, seed: int) -> None:
    """Passes go on over turns of batches, moves, expiry and reservations that leave, so that lines
    come and go before and after them.
    """
    retention = Retention(lines_kept_ns=1, ids_kept_ns=2, pass_ns=1)
    node = Node(shard_count, audit_interval_ns=1, retention=retention)
    life = Life(node, JournalWriter(MemoryJournal()), random.Random(seed))
    for _ in range(200):
        life.live(turns=1)
        assert () == tuple(node.audit.take_found())
    view = Shop.view(wrapped(node), Audit())
    assert view.passes > 2
    assert 0 == view.disagreements == view.quarantined
    assert view.stock_levels > 30


def wrapped(node: Node) -> Shop:
    """A shop around a node that has lived elsewhere."""
    shop = Shop.__new__(Shop)
    shop.node, shop.entries, shop.found, shop.now_ns = node, [], [], node.now_ns
    return shop


def test_a_pass_counts_what_it_compared() -> None:
    """Three levels and two reservations."""
    view = Shop().audit()
    assert (1, 3, 2, 0) == (view.passes, view.stock_levels, view.reservations, view.disagreements)
    assert ((), 0, ()) == (view.listed, view.quarantined, view.quarantined_levels)


def test_an_empty_node_is_audited() -> None:
    """No levels, no pieces."""
    assert 0 == wrapped_audit(Node(2)).stock_levels


def wrapped_audit(node: Node) -> AuditView:
    return wrapped(node).audit()


def test_passes_begin_by_themselves_and_rest_between_pieces() -> None:
    """A piece costs a hundredth of the time until the next."""
    shop = Shop()
    audit = shop.node.audit
    audit.interval_ns, audit.next_ns = 10**12, 0
    pieces = []
    while not audit.passes:
        shop.now_ns = max(shop.now_ns, audit.next_ns)
        shop.turn()
        spent = TURN_WORK_MAX - shop.node.work.left
        pieces.append((spent, audit.next_ns - shop.now_ns))
    assert all(rest_ns == int(spent * 99) * 1_000 for spent, rest_ns in pieces[:-1])
    assert len(pieces) > 3
    assert shop.now_ns + 10**12 == shop.node.audit.next_ns


def test_without_an_interval_no_pass_begins_by_itself() -> None:
    """What is not used costs nothing."""
    shop = Shop()
    for _ in range(20):
        shop.turn()
    assert 0 == shop.node.audit.passes


# --- damage ---


def add(field: str, units: int) -> Callable[[Shop], None]:
    """Damage a figure of the mug."""

    def damage(shop: Shop) -> None:
        shop.shard().levels.records[field][shop.row()] += units

    return damage


def lose_a_line(shop: Shop) -> None:
    """Damage a line: it holds less."""
    lines = shop.shard().lines.records[:100]  # all that there are; its room is for millions
    lines["quantity"][np.flatnonzero(lines["quantity"] == 10)[0]] = 8


def lose_a_status(shop: Shop) -> None:
    shop.shard().unavailable.records["units"][0] = 4


DAMAGES: dict[str, tuple[Callable[[Shop], None], tuple[str, int, int]]] = {
    "reserved": (add("reserved", 3), ("reserved", 28, 25)),
    "reserved less": (add("reserved", -3), ("reserved", 22, 25)),
    "committed": (add("committed", 2), ("committed", 7, 5)),
    "withheld": (add("withheld", 1), ("unavailable", 8, 7)),
    "a line": (lose_a_line, ("reserved", 25, 23)),
    "a status": (lose_a_status, ("unavailable", 7, 4)),
    "on hand": (add("on_hand", ON_HAND_MAX), ("on_hand", ON_HAND_MAX + 100, ON_HAND_MAX)),
}


@pytest.mark.parametrize("shard_count", [1, 3])
@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_reported_once_and_quarantined(name: str, shard_count: int) -> None:
    """By its level, figure and what it should be. A later pass does not report it again."""
    shop = Shop(shard_count)
    damage, (figure, is_, should) = DAMAGES[name]
    damage(shop)
    view = shop.audit()
    expected = Disagreement(shop.shard().number, "mug", "W", figure, is_, should)
    assert expected in view.listed
    assert [expected] == [each for each in shop.found if each.sku]
    assert (1, (MUG,)) == (view.quarantined, view.quarantined_levels)
    shop.found.clear()
    again = shop.audit()
    assert view.listed == again.listed
    assert [] == shop.found


def test_a_level_in_quarantine_makes_no_promises_and_takes_facts() -> None:
    """By any way that leads to a promise; what is held can be committed, shipped and released."""
    shop = Shop()
    add("reserved", 3)(shop)
    shop.audit()
    assert (0, True) == shop.available()
    refused = shop.ask(hold("c", 1))
    assert isinstance(refused.refusal, Refusal)  # type: ignore[attr-defined]
    assert RefusalCode.INSUFFICIENT_STOCK is refused.refusal.code  # type: ignore[attr-defined]
    assert 0 == refused.refusal.lines[0].available  # type: ignore[attr-defined]
    results = shop.ask(fact(5, "mug", EventKind.RECEIPT, 50)).results  # type: ignore[attr-defined]
    assert (150, 0) == (results[0].on_hand, results[0].available)
    for verb in (Verb.COMMIT, Verb.FULFILL):
        moved = shop.ask(Move(verb, key_from_text("a"), None, None, Remainder.KEEP))
        assert moved.refusal is None  # type: ignore[attr-defined]
    assert (140, 18, 5) == tuple(shop.shard().levels.records[shop.row()].tolist())[:3]
    for sku in ("plate", "bowl"):
        reserve = Reserve(key_from_text(sku), (Line(sku, "W", 1),), HOLD_MS_MAX)
        assert shop.ask(reserve).refusal is None  # type: ignore[attr-defined]


def test_a_repair_gives_back_what_was_lost_whatever_happened_since() -> None:
    """The dry run reports the same and changes nothing; the journal has the repair, its reason and
    who decided it; its replay comes to the same state.
    """
    shop = Shop()
    add("reserved", 3)(shop)
    add("withheld", -2)(shop)
    shop.audit()
    shop.ask(Move(Verb.RELEASE, key_from_text("a"), None, None, Remainder.KEEP))
    before = len(shop.entries)
    dry = shop.repair(is_dry_run=True)
    assert before == len(shop.entries)
    (repair,) = dry.repairs
    assert ("mug", "W", RepairVerdict.REPAIRED) == repair[:3]
    assert (18, 5, 5) == repair[3:6]
    assert (15, 5, 7) == repair[6:]
    assert dry == shop.repair()
    sections = [section for section, _ in shop.entries[-1].sections]
    assert [Section.REPAIRS, Section.QUARANTINES, Section.DECISIONS] == sections[:3]
    texts = shop.entries[-1].effects(Section.DECISION_TEXTS).tobytes()
    assert b"\x0ca bad module\x03ops" == texts
    assert (100 - 15 - 5 - 7, False) == shop.available()
    assert 0 == shop.audit().disagreements
    assert tables_of(shop.node) == tables_of(shop.replayed())


def test_the_repeat_of_a_repair_by_its_id_repairs_nothing() -> None:
    """It reports how the levels are, also of one that came into quarantine since; other content
    under the id is refused, and a dry run has none.
    """
    shop = Shop()
    add("reserved", 3)(shop)
    shop.audit()
    request = repair_request_key("q1")
    assert [RepairVerdict.REPAIRED] == [e.verdict for e in shop.repair(request=request).repairs]
    again = shop.repair(request=request)
    assert (True, ()) == (again.is_repeat, again.repairs)
    add("reserved", 2)(shop)
    shop.audit()
    before = len(shop.entries)
    (there,) = shop.repair(request=request).repairs
    assert (RepairVerdict.NOT_REPAIRED, 27, 27) == (there[2], there.reserved, there.reserved_after)
    other = shop.ask(RepairLevels((MUG,), "a bad module", "ops", request=request))
    assert "stock_levels" == other.field  # type: ignore[attr-defined]
    assert before == len(shop.entries)
    (repaired,) = shop.repair(request=repair_request_key("q2")).repairs
    assert RepairVerdict.REPAIRED is repaired.verdict
    assert tables_of(shop.node) == tables_of(shop.replayed())


def test_a_quarantine_outlasts_a_restart_and_ends_when_all_is_well() -> None:
    """The journal leads to sound tables: the next pass says so, and the repair changes nothing."""
    shop = Shop()
    add("reserved", 3)(shop)
    shop.audit()
    shop.node = shop.replayed()
    assert (0, True) == shop.available()
    assert [RepairVerdict.NOT_AUDITED] == [each.verdict for each in shop.repair().repairs]
    assert (0, True) == shop.available()
    assert 0 == shop.audit().disagreements
    (repair,) = shop.repair().repairs
    assert RepairVerdict.REPAIRED is repair.verdict
    assert repair[3:6] == repair[6:]
    assert (63, False) == shop.available()


def test_what_is_on_hand_is_counted_before_it_is_repaired() -> None:
    """Nobody here knows how many there are."""
    shop = Shop()
    add("on_hand", ON_HAND_MAX)(shop)
    shop.audit()
    assert [RepairVerdict.NEEDS_COUNT] == [each.verdict for each in shop.repair().repairs]
    shop.ask(fact(5, "mug", EventKind.COUNT, 90))
    assert [RepairVerdict.REPAIRED] == [each.verdict for each in shop.repair().repairs]
    assert (53, False) == shop.available()


def test_a_total_that_drifts_is_reported_and_summed_up_again() -> None:
    """It belongs to no level: none is in quarantine."""
    shop = Shop()
    shop.shard().header[UNITS_RESERVED] += 1
    view = shop.audit()
    assert (Disagreement(0, "", "", "total reserved", 26, 25),) == view.listed
    assert 0 == view.quarantined
    shop.repair()
    assert 0 == shop.audit().disagreements


def test_a_reservation_that_cannot_be_read_is_reported() -> None:
    """Its lines are at no stock level; nothing is read or written outside a table."""
    shop = Shop()
    shop.shard().lines.records["row"][0] = 2**30
    shop.shard().reservations.records["first_line"][1] = 2**30
    view = shop.audit()
    assert {"lines", "reserved", "committed"} == {each.figure for each in view.listed}


def test_levels_are_repaired_by_name() -> None:
    """What is sound stays; what is unknown is named."""
    shop = Shop()
    add("committed", 1)(shop)
    shop.audit()
    plate = LevelName("plate", "W")
    verdicts = [each.verdict for each in shop.repair(plate, MUG).repairs]
    assert [RepairVerdict.NOT_QUARANTINED, RepairVerdict.REPAIRED] == verdicts
    unknown = shop.ask(RepairLevels((MUG, LevelName("mug", "X")), "", ""))
    assert Unknown("stock_levels[1]", "mug at X") == unknown


def test_a_shard_that_is_damaged_throughout_stays_within_its_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The quarantine is full with one level: more are reported, and the node goes on."""
    monkeypatch.setattr("holdfast.core.tables.shard.QUARANTINED_MAX", 1)
    shop = Shop()
    shop.shard().levels.records["reserved"][:3] += 1
    view = shop.audit()
    assert 1 == view.quarantined
    assert {"mug", "plate", "bowl"} == {each.sku for each in view.listed if each.sku}
