"""Reserves against supply: who is promised what, who gets what comes, and how much there may be."""

from typing import Any

import numpy as np
import pytest

from holdfast.core.audit import check_invariants
from holdfast.core.capacity import TableFullError
from holdfast.core.commands import (
    Audit,
    AuditView,
    BatchCodes,
    Command,
    GetAvailability,
    GetReservation,
    GetShortfall,
    Line,
    Location,
    Move,
    MoveBatch,
    RecordStockEvents,
    Reference,
    Reserve,
    ReserveAgainstSupply,
    Reversed,
    Source,
    StockEvent,
    UpdateLocation,
    UpdateSource,
)
from holdfast.core.commands.stock import RESERVATION, SUPPLY
from holdfast.core.ids import Key, key_from_parts, key_from_text
from holdfast.core.limits import HOLD_MS_MAX, NS_PER_DAY
from holdfast.core.model import (
    BatchOutcome,
    EventKind,
    EventOutcome,
    Fallback,
    LocationKind,
    RefusalCode,
    Remainder,
    Verb,
)
from holdfast.core.node import Node
from holdfast.core.tables import state_bytes
from holdfast.core.tables.effects import Entry, Section
from holdfast.core.tables.layouts import OPERATION
from tests.core.engine import ModelEngine, NodeEngine, Ticket

NOON_NS = 1_767_268_800 * 10**9
FRIDAY_NS = NOON_NS + 3 * NS_PER_DAY


class Shop:
    """A node and the model, which are told and asked the same."""

    def __init__(self, shard_count: int = 4) -> None:
        self.node = NodeEngine(shard_count)
        self.model = ModelEngine()
        self.now_ns = NOON_NS
        self.ids = 0
        self.ask(UpdateLocation(Location("W", LocationKind.WAREHOUSE, "", enabled=True)))

    def ask(self, command: Command) -> Any:
        (expected,) = self.model.turn([command], self.now_ns)
        assert [expected] == self.node.turn([command], self.now_ns)
        assert [] == check_invariants(self.node.node)
        return expected

    def tell(self, kind: EventKind, quantity: int, sku: str = "Mug", **more: Any) -> Any:
        self.ids += 1
        if kind is EventKind.SUPPLY:
            more = {"expected_ns": FRIDAY_NS, "reference": Reference(SUPPLY, "po", sku), **more}
        key = key_from_parts("erp", str(self.ids))
        event = StockEvent(key, 0, sku, "W", kind, quantity, **more)
        return self.ask(RecordStockEvents("erp", (event,)))

    def want(self, name: str, *lines: Line, hold_ms: int = HOLD_MS_MAX) -> Any:
        latest = (FRIDAY_NS,) * len(lines)
        return self.ask(ReserveAgainstSupply(key_from_text(name), lines, hold_ms, latest))

    def move(self, verb: Verb, name: str, *lines: Line) -> Any:
        key = key_from_text(name)
        return self.ask(Move(verb, key, None, lines or None, Remainder.KEEP))

    def waits(self, name: str) -> list[int]:
        view = self.ask(GetReservation(key_from_text(name)))
        return [line.backordered.units if line.backordered else 0 for line in view.lines]

    def level(self, sku: str = "Mug") -> Any:
        return self.ask(GetAvailability((sku,))).views[0].levels[0]


def mugs(units: int, line_id: str = "") -> Line:
    return Line("Mug", "W", units, line_id)


def test_a_reserve_without_a_latest_time_writes_what_it_always_did() -> None:
    """The same bytes, also beside backorders; and a Reserve against supply that needs none."""
    shop = Shop(1)
    shop.tell(EventKind.RECEIPT, 9)
    shop.ask(Reserve(key_from_text("a"), (mugs(1),), HOLD_MS_MAX))
    shop.want("b", mugs(1))
    for entry in shop.node.entries[-2:]:
        kinds = {section for section, _ in entry.sections}
        assert kinds <= {Section.RESERVATIONS, Section.LINES, *_TEXTS}


_TEXTS = {Section.RESERVATION_TEXTS, Section.TEXT_BYTES}


def test_lines_of_one_reserve_share_what_is_there_and_what_comes() -> None:
    """Each against what those before it leave, over several shards; all or none."""
    shop = Shop()
    skus = ("Mug", "Tea", "Pot", "Cup")
    for sku in skus:
        shop.tell(EventKind.RECEIPT, 2, sku)
        shop.tell(EventKind.SUPPLY, 4, sku)
    lines = [Line(sku, "W", 3, line_id) for sku in skus for line_id in ("x", "y")]
    refused = shop.want("a", *lines, mugs(1))
    assert RefusalCode.INSUFFICIENT_STOCK is refused.refusal.code
    (blamed,) = refused.refusal.lines
    assert (1, 0) == (blamed.requested, blamed.available)
    assert () == refused.backorders
    held = shop.want("a", *lines)
    assert [1, 3] * 4 == [each.units for each in held.backorders]
    shop.node.restart()
    assert [1, 3] * 4 == shop.waits("a")
    for sku in skus:
        shop.tell(EventKind.RECEIPT, 2, sku, reference=Reference(SUPPLY, "po", sku))
    assert [0, 2] * 4 == shop.waits("a")


def test_a_line_without_a_latest_time_has_to_be_there() -> None:
    shop = Shop()
    shop.tell(EventKind.SUPPLY, 9)
    lines = (mugs(1, "x"), mugs(1, "y"))
    asked = ReserveAgainstSupply(key_from_text("a"), lines, HOLD_MS_MAX, (FRIDAY_NS, None))
    assert ["y"] == [each.line_id for each in shop.ask(asked).refusal.lines]


@pytest.mark.parametrize("latest_ns", [0, NOON_NS, FRIDAY_NS - NS_PER_DAY])
def test_supply_that_is_due_later_promises_nothing(latest_ns: int) -> None:
    shop = Shop()
    shop.tell(EventKind.SUPPLY, 9)
    asked = ReserveAgainstSupply(key_from_text("a"), (mugs(1),), HOLD_MS_MAX, (latest_ns,))
    assert RefusalCode.INSUFFICIENT_STOCK is shop.ask(asked).refusal.code


def test_the_last_instant_of_all_is_a_latest_time() -> None:
    shop = Shop()
    shop.tell(EventKind.SUPPLY, 9)
    asked = ReserveAgainstSupply(key_from_text("a"), (mugs(9),), HOLD_MS_MAX, (2**63 - 1,))
    assert 9 == shop.ask(asked).backorders[0].units


def test_a_disabled_location_and_a_source_that_is_capped_promise_no_supply() -> None:
    shop = Shop()
    shop.tell(EventKind.RECEIPT, 3)
    shop.tell(EventKind.SUPPLY, 9)
    shop.ask(UpdateSource(Source("erp", 1_000, None, Fallback.CAP, 2), allow_missing=True))
    shop.now_ns += 2 * 10**9
    refused = shop.want("a", mugs(3))
    assert 2 == refused.refusal.lines[0].available
    shop.ask(UpdateLocation(Location("W", LocationKind.WAREHOUSE, "", enabled=False)))
    refused = shop.want("a", mugs(2))
    assert RefusalCode.LOCATION_DISABLED is refused.refusal.code


def test_a_receipt_binds_a_thousand_orders_in_their_order() -> None:
    """In one turn, in one entry, of which a replay makes the same."""
    node, now_ns = Node(1, mailbox_capacity=10**9), NOON_NS
    entries: list[Entry] = []

    def ask(*commands: Command) -> None:
        for command in commands:
            node.post(command, Ticket(command))
        has_more = True
        while has_more:
            turn = node.turn(now_ns)
            entries.extend(turn.entries)
            has_more = turn.has_more

    ask(UpdateLocation(Location("W", LocationKind.WAREHOUSE, "", enabled=True)))
    order = Reference(SUPPLY, "po", "")
    supply = StockEvent(
        *(None, 1, "Mug", "W", EventKind.SUPPLY, 5_000), reference=order, expected_ns=FRIDAY_NS
    )
    ask(RecordStockEvents("erp", (supply,)))
    keys = [Key(1, number, None) for number in range(1, 1_001)]
    ask(*(ReserveAgainstSupply(key, (mugs(2),), HOLD_MS_MAX, (FRIDAY_NS,)) for key in keys))
    shard = node.shards[0]
    assert 1_000 == len(shard.backorders)
    before = len(entries)
    receipt = StockEvent(None, 2, "Mug", "W", EventKind.RECEIPT, 1_501, reference=order)
    ask(RecordStockEvents("erp", (receipt,)))
    (entry,) = entries[before:]
    assert 751 == len(entry.effects(Section.BACKORDERS))
    assert [1, *[2] * 249] == shard.backorders["units"].tolist()
    assert sorted(shard.backorders["reservation"]) == shard.backorders["reservation"].tolist()
    assert [] == check_invariants(node)
    other = Node(1)
    for each in entries:
        other.replay(each)
    assert state_bytes.digest(shard) == state_bytes.digest(other.shards[0])
    loaded = Node(1)
    columns = {name: each.copy() for name, each in state_bytes.columns(shard).items()}
    state_bytes.load(loaded.shards[0], columns)
    loaded.loaded()
    assert [] == check_invariants(loaded)
    backordered = loaded.shards[0].backordered.records[:9]
    assert shard.backordered.records[:9].tolist() == backordered.tolist()


def test_a_batch_ships_what_is_on_hand_and_tells_the_rest() -> None:
    shop = Shop()
    shop.tell(EventKind.RECEIPT, 5)
    shop.tell(EventKind.SUPPLY, 9)
    names = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(1, 4)]
    for name, units in zip(names, (4, 3, 2), strict=True):
        shop.want(name, mugs(units))
        shop.move(Verb.COMMIT, name)
    keys = [key_from_text(name) for name in names]
    operations = np.zeros(3, OPERATION)
    operations["key_hi"], operations["key_lo"] = zip(*((k.hi, k.lo) for k in keys), strict=True)
    (outcome,) = shop.node.turn([MoveBatch(Verb.FULFILL, operations)], shop.now_ns)
    assert isinstance(outcome, BatchCodes)
    waits = BatchOutcome.BACKORDERED
    assert [BatchOutcome.ACCEPTED, waits, waits] == outcome.codes.tolist()


def test_a_receipt_that_was_none_leaves_a_shortfall_which_its_supply_ends() -> None:
    """Units that were bound stay so: another caller is refused what comes for them."""
    shop = Shop()
    supply = Reference(SUPPLY, "po", "Mug")
    shop.tell(EventKind.SUPPLY, 10)
    shop.want("a", mugs(6))
    shop.now_ns += 1
    shop.want("b", mugs(4))
    shop.tell(EventKind.RECEIPT, 7, reference=supply)
    named = Reversed("erp", "2", key_from_parts("erp", "2"), EventKind.RECEIPT)
    outcome = shop.tell(EventKind.REVERSAL, 7, reverses=named, reference=supply)
    assert EventOutcome.APPLIED == outcome.results[0].outcome
    (short,) = outcome.shortfalls
    assert (-7, 0) == (short.available, short.uncovered)
    endangered = [(each.reservation_id, each.quantity) for each in short.endangered]
    assert [("b", 1), ("a", 6)] == endangered
    assert ([0], [3]) == (shop.waits("a"), shop.waits("b"))
    assert 0 == shop.want("c", mugs(1)).refusal.lines[0].available
    outcome = shop.tell(EventKind.RECEIPT, 10, reference=supply)
    assert () == outcome.shortfalls
    assert ([0], [0]) == (shop.waits("a"), shop.waits("b"))
    assert (10, 0) == (shop.level().on_hand, shop.level().available)


def test_goods_that_left_all_the_same_are_not_waited_for() -> None:
    """A goods issue is a fact, also of units that nobody knew to be there."""
    shop = Shop()
    shop.tell(EventKind.RECEIPT, 2)
    shop.tell(EventKind.SUPPLY, 9)
    shop.want("a", mugs(5))
    shop.move(Verb.COMMIT, "a")
    shop.tell(EventKind.GOODS_ISSUE, 4, reference=Reference(RESERVATION, "a", ""))
    assert [1] == shop.waits("a")
    shop.tell(EventKind.RECEIPT, 3)
    assert [0] == shop.waits("a")
    assert (1, 0) == (shop.level().on_hand, shop.level().available)


def test_what_a_hold_gives_back_goes_to_the_next_before_anybody_else() -> None:
    """When it expires in the turn in which others ask."""
    shop = Shop()
    shop.tell(EventKind.RECEIPT, 3)
    shop.tell(EventKind.SUPPLY, 9)
    shop.want("a", mugs(5), hold_ms=1_000)
    shop.want("b", mugs(4))
    shop.now_ns += 10**9
    refused = shop.ask(Reserve(key_from_text("c"), (mugs(1),), HOLD_MS_MAX))
    assert 0 == refused.refusal.lines[0].available
    assert [1] == shop.waits("b")
    assert (3, 4, 0, 1) == (*shop.level()[1:4], shop.level().backordered)


def test_who_gives_back_a_part_keeps_what_is_on_hand() -> None:
    shop = Shop()
    shop.tell(EventKind.RECEIPT, 2)
    shop.tell(EventKind.SUPPLY, 9)
    shop.want("a", mugs(5))
    shop.move(Verb.RELEASE, "a", mugs(1))
    assert [2] == shop.waits("a")
    shop.move(Verb.RELEASE, "a", mugs(3))
    assert [0] == shop.waits("a")
    assert (1, 1) == (shop.level().reserved, shop.level().available)


def test_who_is_endangered_on_hand_is_nobody_who_waits() -> None:
    """Newer promises that take nothing from what is on hand are not listed."""
    shop = Shop()
    shop.tell(EventKind.RECEIPT, 5)
    shop.tell(EventKind.SUPPLY, 9)
    shop.want("a", mugs(5))
    shop.now_ns += 1
    shop.want("b", mugs(4))
    outcome = shop.tell(EventKind.COUNT, 3)
    (short,) = outcome.shortfalls
    assert [("a", 2)] == [(each.reservation_id, each.quantity) for each in short.endangered]
    assert (-2, 0) == (short.available, short.uncovered)
    outcome = shop.tell(EventKind.SUPPLY, 5)
    (short,) = outcome.shortfalls
    assert [("b", 1)] == [(each.reservation_id, each.quantity) for each in short.waiting]


def test_a_shortfall_lists_as_many_lines_as_were_asked_for() -> None:
    shop = Shop()
    shop.tell(EventKind.SUPPLY, 9)
    for number in range(3):
        shop.now_ns += 1
        shop.want(f"r{number}", mugs(3))
    shop.tell(EventKind.SUPPLY, 0)
    for most, names in ((1, ["r2"]), (9, ["r2", "r1", "r0"])):
        short = shop.ask(GetShortfall("Mug", "W", most)).shortfall
        assert 9 == short.uncovered
        assert names == [each.reservation_id for each in short.waiting]


def test_the_audit_knows_backorders_and_finds_damage_among_them() -> None:
    shop = Shop(1)
    shop.tell(EventKind.RECEIPT, 2)
    shop.tell(EventKind.STATUS_CHANGE, 1, to_status="damaged")
    shop.tell(EventKind.SUPPLY, 9)
    shop.want("a", mugs(5))
    node = shop.node.node

    def audit() -> AuditView:
        node.post(Audit(begins=True), Ticket(Audit()))
        passes = node.audit.passes
        while node.audit.passes == passes:
            shop.now_ns += 10**9
            node.turn(shop.now_ns)
        node.post(Audit(), Ticket(Audit()))
        ((_, view),) = node.turn(shop.now_ns).answers
        assert isinstance(view, AuditView)
        return view

    assert 0 == audit().disagreements
    node.shards[0].levels.records["withheld"][0] += 1
    assert [("unavailable", -2, -3)] == [each[3:] for each in audit().listed]


def test_a_shard_has_so_many_backorders_and_refuses_the_next_before_it_is_queued() -> None:
    node = Node(1, rows_max=64)
    command = ReserveAgainstSupply(key_from_text("a"), (mugs(1),) * 65, HOLD_MS_MAX, (1,) * 65)
    with pytest.raises(TableFullError, match="backorders of shard 0: 64 at most"):
        node.post(command, Ticket(command))
