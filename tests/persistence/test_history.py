"""Every effect that the journal can hold is shown, by name and quantity."""

from collections.abc import Iterator, Sequence

import pytest

from holdfast.core.commands import (
    Command,
    DeleteSku,
    Extend,
    Line,
    Location,
    Move,
    RecordStockEvents,
    Reference,
    RenameSku,
    Reserve,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import Key, key_from_parts, key_from_text
from holdfast.core.model import EventKind, LocationKind, Remainder, Verb
from holdfast.core.node import Node
from holdfast.core.tables.effects import Section
from holdfast.persistence.codec import read_appends
from holdfast.persistence.history import RecordFilter, effect_records
from holdfast.persistence.history_text import record_text
from holdfast.persistence.shard_history import EffectRecord
from tests.persistence.journals import JournalWriter, MemoryJournal

NS_PER_S = 1_000_000_000
UUID = "00000000-0000-4000-8000-000000000001"

#: Two SKUs that live in different shards of two.
SKUS = ("A-1", "A-4")


class Nobody:
    """A ticket that nobody waits for."""

    def cancelled(self) -> bool:
        return False


def journal_of(commands: Sequence[Command]) -> MemoryJournal:
    """Write what a node of two shards decides, a command a second, and its seal."""
    node, journal = Node(2), MemoryJournal()
    writer = JournalWriter(journal)
    for second, command in enumerate(commands, 1):
        assert node.post(command, Nobody())
        writer.append(node.turn(second * NS_PER_S).entries)
    writer.append(node.seal())
    return journal


def life() -> Iterator[Command]:
    yield UpdateLocation(Location("W", LocationKind.STORE, "Corner", enabled=False))
    yield UpdateLocation(Location("W", LocationKind.STORE, "Corner", enabled=True))
    events = [
        StockEvent(key_from_parts("erp", sku), number, sku, "W", EventKind.RECEIPT, 9)
        for number, sku in enumerate(SKUS, 1)
    ]
    yield RecordStockEvents("erp", tuple(events))
    yield Reserve(key_from_text("order"), (Line("A-1", "W", 2), Line("A-4", "W", 3)), 60_000)
    yield Reserve(key_from_text(UUID), (Line("A-1", "W", 1),), 60_000)
    yield Extend(key_from_text(UUID), Key(1, 2, "later"), 90_000)
    yield Move(
        Verb.COMMIT,
        key_from_text("order"),
        Key(3, 4, "pay"),
        (Line("A-4", "W", 1),),
        Remainder.GIVE_BACK,
    )
    yield RenameSku("A-4", "A-5", Key(5, 6, "new number"))
    yield DeleteSku("A-5")


def records_of(wanted: RecordFilter) -> Iterator[EffectRecord]:
    return effect_records(read_appends(journal_of(list(life())), 0, {}), wanted)


def lines_of(wanted: RecordFilter) -> list[str]:
    """What is shown, without the columns in front."""
    return [record_text(record).split(maxsplit=3)[3] for record in records_of(wanted)]


def test_all_effects_are_shown() -> None:
    lines = lines_of(RecordFilter(after=2))

    seals = [line for line in lines if line.startswith("seal ")]
    assert 2 == len(seals)
    assert {
        "sku 0 is 'A-1'",
        "sku 0 is 'A-4'",
        "source 0 is 'erp'",
        "level 0 is A-1 at W",
        "level 0 is A-4 at W",
        "receipt +9 A-1 at W, from erp #1",
        "receipt +9 A-4 at W, from erp #2",
        "order: reserve 2 A-1 at W for 0:01:00",
        "order: reserve 3 A-4 at W for 0:01:00",
        f"{UUID}: reserve 1 A-1 at W for 0:01:00",
        f"{UUID}: held until 1970-01-01T00:01:36.000Z",
        f"remember extend {1:016x}{2:016x}",
        "order: 1 A-4 at W held -> committed",
        "order: 2 A-4 at W held -> released",
        "order: 2 A-1 at W held -> released",
        f"remember commit {3:016x}{4:016x}",
        "sku A-4 is called A-5 now",
        f"remember rename_sku {5:016x}{6:016x}",
        "sku A-4 ended",
    } <= set(lines)
    assert 1 == sum(line.startswith("order: goes on in shard ") for line in lines)


def test_locations_are_shown_by_every_shard() -> None:
    lines = [line for line in lines_of(RecordFilter()) if line.startswith("location W")]

    disabled, enabled = (
        "location W: store 'Corner', disabled",
        "location W: store 'Corner', enabled",
    )
    assert [disabled, disabled, enabled, enabled] == lines


def test_a_sku_is_found_in_the_lines_of_a_reservation() -> None:
    lines = lines_of(RecordFilter(sku="A-4"))

    assert "level 0 is A-4 at W" == lines[0]
    assert "order: reserve 3 A-4 at W for 0:01:00" in lines
    assert "sku A-4 ended" == lines[-1]
    assert not [line for line in lines if "A-1" in line]


def test_a_record_says_where_it_stands() -> None:
    reserve, extend = records_of(RecordFilter(reservation_id=UUID))

    assert {
        "position": 5,
        "epoch": 1,
        "time": "1970-01-01T00:00:05.000Z",
    }.items() <= reserve.items()
    assert 6 == extend["position"]
    assert reserve["shard"] == extend["shard"]


def attributed_life() -> MemoryJournal:
    """Commands of two principals and of none, some of them in one turn."""
    node, journal = Node(2), MemoryJournal()
    writer = JournalWriter(journal)
    commands: list[tuple[Command, str]] = list(zip(life(), [""] * 9, strict=False))[1:3]
    for number in range(3):
        order = Reserve(key_from_text(f"o{number}"), (Line("A-1", "W", 1),), 60_000)
        commands.append((order, ("shop", "", "till")[number]))
    commands.append((DeleteSku("A-4"), "clerk"))
    commands.append((Move(Verb.COMMIT, key_from_text("o2"), None, None, Remainder.KEEP), "till"))
    for command, principal in commands:
        assert node.post(command, Nobody(), principal)
    writer.append(node.turn(NS_PER_S).entries)
    return journal


def test_each_effect_tells_on_whose_behalf_it_came() -> None:
    """Of commands in one turn, each its own; of a command without a principal, nobody."""
    records = list(effect_records(read_appends(attributed_life(), 0, {}), RecordFilter()))
    found = {
        (record["kind"], record.get("reservation_id", ""), record.get("principal", ""))
        for record in records
        if record["kind"] not in ("name", "location", "level", "stock")
    }
    assert {
        ("reserve", "o0", "shop"),
        ("reserve", "o1", ""),
        ("reserve", "o2", "till"),
        ("sku_ended", "", "clerk"),
        ("move", "o2", "till"),
    } == found
    assert all("principal" not in record for record in records if record["kind"] == "stock")
    assert {"shop", "till", "clerk"} == {
        record["name"] for record in records if record.get("of") == "principal"
    }
    texts = [record_text(record) for record in records]
    assert 1 == sum(text.endswith("o0: reserve 1 A-1 at W for 0:01:00, for shop") for text in texts)


def test_a_life_with_principals_is_replayed_to_its_state() -> None:
    """Their names are state; what is noted of them is not."""
    node = Node(2)
    for _, group in read_appends(attributed_life(), 0, {}):
        for recorded in group:
            node.replay(recorded.entry)
    assert {"till", "shop", "clerk"} == {
        shard.principals.text(number)
        for shard in node.shards
        for number in range(len(shard.principals))
    }


def test_each_effect_tells_under_which_correlation_id_it_came() -> None:
    """Each command its own, in one turn and over shards; what time did has none. One that repeats
    another, or is refused, notes nothing.
    """
    node, journal = Node(2), MemoryJournal()
    writer = JournalWriter(journal)
    commands: list[tuple[Command, str]] = [(command, "setup") for command in life()][1:3]
    for name, quantity, correlation in (
        *(("o0", 1, "cart"), ("o1", 1, ""), ("o1", 1, "again"), ("o4", 10**9, "in vain")),
        *(("o2", 1, "cart"), ("o3", 1, "cart")),
    ):
        line = Line("A-1", "W", quantity)
        commands.append((Reserve(key_from_text(name), (line,), 60_000), correlation))
    both = (Line("A-1", "W", 1), Line("A-4", "W", 1))
    commands += [
        (Reserve(key_from_text("both"), both, 60_000), "x" * 128),
        (DeleteSku("A-4"), "cleaning"),
        (Move(Verb.COMMIT, key_from_text("o2"), None, None, Remainder.KEEP), "checkout"),
    ]
    for command, correlation in commands:
        assert node.post(command, Nobody(), correlation=correlation)
    writer.append(node.turn(NS_PER_S).entries)
    writer.append(node.turn(100 * NS_PER_S).entries)
    records = list(effect_records(read_appends(journal, 0, {}), RecordFilter()))
    found = {
        (record["kind"], record.get("reservation_id", record.get("sku", ""))): record.get(
            "correlation_id", ""
        )
        for record in records
        if record["kind"] in ("reserve", "sku_ended", "move", "stock")
    }
    assert {
        ("stock", "A-1"): "setup",
        ("stock", "A-4"): "setup",
        ("reserve", "o0"): "cart",
        ("reserve", "o1"): "",
        ("reserve", "o2"): "cart",
        ("reserve", "o3"): "cart",
        ("reserve", "both"): "x" * 128,
        ("sku_ended", "A-4"): "cleaning",
        ("move", "o2"): "checkout",
        ("move", "o0"): "",
        ("move", "o1"): "",
        ("move", "o3"): "",
        ("move", "both"): "",
    } == found
    texts = [record_text(record) for record in records]
    assert 1 == sum(text.endswith("held -> committed, under checkout") for text in texts)


def test_a_stock_fact_has_its_own_correlation_id_or_that_of_its_call() -> None:
    """Also what it changes beside on hand; several of one id share a note."""
    node, journal = Node(2), MemoryJournal()
    writer = JournalWriter(journal)
    setup, *_ = life()
    events = (
        StockEvent(None, 1, "A-1", "W", EventKind.RECEIPT, 5, correlation_id="quay 1"),
        StockEvent(None, 2, "A-4", "W", EventKind.RECEIPT, 5, correlation_id="quay 1"),
        StockEvent(None, 3, "A-1", "W", EventKind.SALE, 1),
        StockEvent(
            *(None, 4, "A-1", "W", EventKind.RECEIPT, 2),
            to_status="damaged",
            correlation_id="quay 2",
        ),
        StockEvent(None, 5, "A-1", "W", EventKind.SALE, 1, reason="gift"),
    )
    for command, correlation in ((setup, ""), (RecordStockEvents("erp", events), "night run")):
        assert node.post(command, Nobody(), correlation=correlation)
    writer.append(node.turn(NS_PER_S).entries)
    facts = [
        record
        for record in effect_records(read_appends(journal, 0, {}), RecordFilter())
        if record["kind"] == "stock"
    ]
    assert {1: "quay 1", 2: "quay 1", 3: "night run", 4: "quay 2", 5: "night run"} == {
        fact["source_sequence"]: fact["correlation_id"] for fact in facts
    }
    assert ["gift"] == [fact["reason"] for fact in facts if "reason" in fact]


@pytest.mark.parametrize("origin", [{}, {"principal": "shop"}])
def test_who_sends_no_correlation_id_pays_nothing(origin: dict[str, str]) -> None:
    """Not a byte: no section of theirs is in the journal."""
    node = Node(2)
    for command in life():
        assert node.post(command, Nobody(), **origin)
    kinds = {section for entry in node.turn(NS_PER_S).entries for section, _ in entry.sections}
    assert {Section.STOCK, Section.RESERVATIONS} <= kinds
    assert not kinds & {Section.CORRELATIONS, Section.CORRELATION_TEXTS}


def test_a_stock_fact_tells_what_it_came_with() -> None:
    """Each fact its own, also where another of the same turn came with nothing."""
    given = [
        StockEvent(None, 1, "A-1", "W", EventKind.RECEIPT, 1),
        StockEvent(
            *(None, 2, "A-1", "W", EventKind.RECEIPT, 2),
            occur_time_ns=-NS_PER_S,
            reference=Reference("purchase_order", "4711", "20"),
            reason="goods in",
            actor="Zoë",
        ),
        StockEvent(None, 3, "A-4", "W", EventKind.SALE, 3, occur_time_ns=0),
        StockEvent(None, 4, "A-1", "W", EventKind.SALE, 4, reference=Reference("", "r9", "")),
    ]
    commands = [next(life()), RecordStockEvents("erp", tuple(given))]
    records = list(effect_records(read_appends(journal_of(commands), 0, {}), RecordFilter()))
    facts = {record["source_sequence"]: record for record in records if record["kind"] == "stock"}
    names = ("occur_time", "reference", "reason", "actor")
    found = {
        number: {name: fact[name] for name in names if name in fact}
        for number, fact in facts.items()
    }
    assert {
        1: {},
        2: {
            "occur_time": "1969-12-31T23:59:59.000Z",
            "reference": {"kind": "purchase_order", "id": "4711", "line": "20"},
            "reason": "goods in",
            "actor": "Zoë",
        },
        3: {"occur_time": "1970-01-01T00:00:00.000Z"},
        4: {"reference": {"kind": "", "id": "r9", "line": ""}},
    } == found
    assert record_text(facts[2]).endswith(
        "receipt +2 A-1 at W, from erp #2, at 1969-12-31T23:59:59.000Z, of purchase_order 4711 20, "
        "by Zoë, because: goods in"
    )
    assert record_text(facts[1]).endswith("receipt +1 A-1 at W, from erp #1")
