"""Stock facts as columns: an answer for each, and the same effects as if each had come alone."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from holdfast.core.audit import check_invariants
from holdfast.core.commands import (
    DeleteSku,
    GetAvailability,
    Location,
    Move,
    RecordStockEvents,
    Reserve,
    ResetSource,
    SourceReset,
    StockBatch,
    StockCodes,
    StockEvent,
    Unknown,
    UpdateLocation,
)
from holdfast.core.commands import Line as ReserveLine
from holdfast.core.ids import event_key, key_from_parts, key_from_text, source_key
from holdfast.core.limits import GAPS_MAX, NUMBERED_MAX, ON_HAND_MAX, QUANTITY_MAX, RETENTION_NS
from holdfast.core.model import EventKind, EventOutcome, LocationKind, Remainder, UnknownSkus, Verb
from holdfast.core.node import Node
from holdfast.core.tables import state_bytes
from holdfast.core.tables.effects import DTYPES, Entry, Section
from holdfast.core.tables.layouts import STOCK_EVENT
from tests.core.engine import NodeEngine, Ticket, as_batch
from tests.model import StockColumns

#: With four shards the first four have one each.
SKUS = ("Tea", "Mug", "Pot", "Cup", "Jug")
UUID = "6f1b24cd-3a0e-4c4e-9d57-0d6a1f6d7a10"

APPLIED, DUPLICATE, OUT_OF_ORDER, UNKNOWN, OUT_OF_RANGE, REUSED, *_ = EventOutcome

#: SKU, kind, quantity, number of the id (0 for none), sequence.
Fact = tuple[str, EventKind, int, int, int]
RECEIPT, SALE, COUNT = EventKind.RECEIPT, EventKind.SALE, EventKind.COUNT
RETURN = EventKind.RETURN
PLAIN = [kind for kind in EventKind if kind <= COUNT]


class Desk:
    """A node with ten of everything."""

    def __init__(self, shard_count: int = 4) -> None:
        self.engine = NodeEngine(shard_count)
        self.now_ns = 1
        self.ask(UpdateLocation(Location("W", LocationKind.STORE, "W", enabled=True)))
        opening = [StockEvent(None, n + 1, sku, "W", COUNT, 10) for n, sku in enumerate(SKUS)]
        self.ask(RecordStockEvents("opening", tuple(opening)))

    def ask(self, command: Any) -> Any:
        (outcome,) = self.engine.turn([command], self.now_ns)
        return outcome

    def feed(self, *facts: Fact, source: str = "erp") -> list[EventOutcome]:
        """Send one message of columns."""
        outcome = self.ask(StockColumns(source, events(source, facts)))
        return [result.outcome for result in outcome.results]

    def on_hand(self, sku: str) -> int:
        (view,) = self.ask(GetAvailability((sku,))).views
        return int(view.levels[0].on_hand)

    def digests(self) -> list[tuple[int, int]]:
        return [state_bytes.digest(shard) for shard in self.engine.node.shards]


def events(source: str, facts: Sequence[Fact]) -> tuple[StockEvent, ...]:
    return tuple(
        StockEvent(
            key_from_parts(source, str(number)) if number else None,
            sequence,
            sku,
            "W",
            kind,
            quantity,
        )
        for sku, kind, quantity, number, sequence in facts
    )


@pytest.mark.parametrize("shard_count", [1, 4, 7])
@pytest.mark.parametrize("seed", range(5))
def test_a_message_does_what_its_facts_would_do_alone(shard_count: int, seed: int) -> None:
    """Answers and state agree with single facts, in order, with repeats and late ones mixed in."""
    rng = random.Random(seed)
    feed, alone = Desk(shard_count), Desk(shard_count)
    for _ in range(6):
        facts = [a_fact(rng) for _ in range(rng.choice((1, 5, 50)))]
        expected = [
            alone.ask(RecordStockEvents("erp", (event,))).results[0]
            for event in events("erp", facts)
        ]
        answer = feed.ask(StockColumns("erp", events("erp", facts)))
        assert expected == list(answer.results)
        assert alone.engine.node.state_hash() == feed.engine.node.state_hash()
        assert [] == list(check_invariants(feed.engine.node))


def a_fact(rng: random.Random) -> Fact:
    number = rng.choice((0, *range(1, 40)))
    sequence = rng.randint(1, 60) if not number or rng.random() < 0.3 else 0
    return (rng.choice(SKUS), rng.choice(PLAIN), rng.randint(1, 9), number, sequence)


def test_an_id_counts_once_in_a_message_whatever_shard_it_names() -> None:
    """The second is a duplicate, or the id is reused for other content."""
    desk = Desk()
    facts = [("Tea", SALE, 1, 7, 0), ("Mug", SALE, 1, 7, 0), ("Tea", SALE, 1, 8, 0)]
    assert [APPLIED, REUSED, APPLIED] == desk.feed(*facts)
    assert (8, 10) == (desk.on_hand("Tea"), desk.on_hand("Mug"))
    assert [DUPLICATE, REUSED, DUPLICATE] == desk.feed(*facts)
    assert (8, 10) == (desk.on_hand("Tea"), desk.on_hand("Mug"))


def test_numbers_rise_over_all_shards() -> None:
    """A number that is not above the last one is late, whatever shard had the last, and whatever
    shard has the gap.
    """
    desk = Desk()
    facts = [
        *(("Tea", SALE, 1, 0, 5), ("Mug", SALE, 1, 0, 5), ("Pot", SALE, 1, 1, 4)),
        *(("Cup", SALE, 1, 2, 0), ("Jug", SALE, 1, 0, 6), ("Tea", SALE, 1, 3, 7)),
        ("Tea", SALE, 1, 4, 5),
    ]
    expected = [APPLIED, REUSED, APPLIED, APPLIED, APPLIED, APPLIED, OUT_OF_ORDER]
    assert expected == desk.feed(*facts)
    assert [DUPLICATE, APPLIED] == desk.feed(("Tea", SALE, 1, 0, 7), ("Mug", SALE, 1, 0, 8))


def test_what_was_never_recorded_is_not_reported_as_a_duplicate() -> None:
    """A number below the first; and a late one, and one whose level was not there, are missing."""
    desk = Desk()
    assert [APPLIED] == desk.feed(("Tea", SALE, 1, 0, 9_999))
    late = [("Tea", SALE, 1, 0, number) for number in (1, 2, 3)]
    assert [OUT_OF_ORDER] * 3 == desk.feed(*late)
    pos = [("Tea", SALE, 1, 0, number) for number in (1, 3, 2, 3)]
    assert [APPLIED, APPLIED, APPLIED, DUPLICATE] == desk.feed(*pos, source="pos")
    stale = [("Nothing", SALE, 1, 0, 10), ("Tea", SALE, 1, 0, 11)]
    assert [UNKNOWN, APPLIED] == desk.feed(*stale, source="wms")
    desk.engine.restart()
    again = ("Tea", SALE, 1, 0, 10)
    assert [APPLIED, DUPLICATE] == desk.feed(again, again, source="wms")
    assert [OUT_OF_ORDER] == desk.feed(*late[:1])


def test_a_number_is_a_duplicate_also_when_its_content_is_forgotten() -> None:
    """Until so many ranges were skipped that the oldest is forgotten as well."""
    desk = Desk(1)
    count = NUMBERED_MAX + 2
    for first in range(1, count + 1, 8_190):
        numbers = range(first, min(first + 8_190, count + 1))
        assert {APPLIED} == set(desk.feed(*(("Tea", RECEIPT, 1, 0, n) for n in numbers)))
    again = [("Tea", RECEIPT, 9, 0, number) for number in (1, 2, 3, count)]
    assert [DUPLICATE, DUPLICATE, REUSED, REUSED] == desk.feed(*again)
    for number in range(GAPS_MAX + 1):
        assert [APPLIED] == desk.feed(("Tea", RECEIPT, 1, 0, count + 2 * number + 2))
    assert [OUT_OF_ORDER, REUSED] == desk.feed(*again[1:3])
    desk.engine.restart()
    assert [OUT_OF_ORDER, REUSED] == desk.feed(*again[1:3])


def test_a_reset_source_counts_on_from_where_it_was_set() -> None:
    """One absurd number is mended; ids stay known; nobody is told that an unknown one is known."""
    desk = Desk()
    desk.feed(("Tea", SALE, 1, 1, 0), ("Tea", SALE, 1, 0, 7), ("Mug", SALE, 1, 0, 2**63 - 1))
    assert [APPLIED] == desk.feed(("Tea", SALE, 1, 0, 9))
    assert SourceReset(2**63 - 1) == desk.ask(ResetSource("erp", 7))
    facts = [("Tea", SALE, 1, 0, 7), ("Tea", SALE, 1, 1, 0), ("Tea", SALE, 1, 0, 8)]
    assert [OUT_OF_ORDER, DUPLICATE, APPLIED] == desk.feed(*facts)
    desk.engine.restart()
    assert [OUT_OF_ORDER, DUPLICATE, DUPLICATE] == desk.feed(*facts)
    assert Unknown("source", "nobody") == desk.ask(ResetSource("nobody", 0))


def test_reset_and_facts_of_one_turn_keep_their_order() -> None:
    desk = Desk()
    facts = StockColumns("erp", events("erp", [("Tea", SALE, 1, 0, 5), ("Mug", SALE, 1, 0, 9)]))
    desk.engine.turn([facts, ResetSource("erp", 2), facts, ResetSource("erp", 1)], desk.now_ns)
    assert (8, 8) == (desk.on_hand("Tea"), desk.on_hand("Mug"))
    desk.engine.restart()
    assert (8, 8) == (desk.on_hand("Tea"), desk.on_hand("Mug"))


@pytest.mark.parametrize("number", [0, 5], ids=["by id", "by number"])
@pytest.mark.parametrize(
    ("field", "fact"),
    [
        ("sku", ("Mug", SALE, 1)),
        ("kind", ("Tea", RECEIPT, 1)),
        ("quantity", ("Tea", SALE, 2)),
    ],
)
def test_other_content_is_reported_in_either_form(
    number: int, field: str, fact: tuple[str, EventKind, int]
) -> None:
    """In a later message and in the same one, before and after a restart."""
    desk = Desk()
    key = (0, number) if number else (1, 0)
    both = events("erp", [("Tea", SALE, 1, *key), (*fact, *key)])
    for again in (StockColumns("erp", both), RecordStockEvents("erp", both)):
        for restarts in (False, True):
            results = desk.ask(again).results
            assert (REUSED, field) == (results[1].outcome, results[1].difference.field)
            if restarts:
                desk.engine.restart()
    assert 9 == desk.on_hand("Tea")


def test_an_event_is_the_same_after_its_sku_began_anew() -> None:
    """The handle is another, the names are not."""
    desk = Desk()
    fact = ("Tea", SALE, 1, 1, 0)
    desk.feed(fact)
    desk.ask(DeleteSku("Tea"))
    assert [DUPLICATE] == desk.feed(fact)
    assert [REUSED] == desk.feed(("Tea", SALE, 2, 1, 0))
    desk.ask(RecordStockEvents("erp", events("erp", [("Tea", RECEIPT, 4, 2, 0)])))
    assert [DUPLICATE] == desk.feed(fact)
    assert 4 == desk.on_hand("Tea")


def test_a_node_can_be_told_not_to_let_a_sale_create_a_sku() -> None:
    """A receipt and a count begin one, also within a message; the others have no effect."""
    desk = Desk()
    desk.engine = NodeEngine(4, unknown_skus=UnknownSkus.CREATE_BY_RECEIPT)
    desk.ask(UpdateLocation(Location("W", LocationKind.STORE, "W", enabled=True)))
    unknown = EventOutcome.UNKNOWN_SKU
    facts = [
        *(("Mgu", SALE, 1, 1, 1), ("New", RETURN, 1, 2, 2), ("New", RECEIPT, 3, 3, 3)),
        *(("New", SALE, 1, 4, 4), ("Newer", COUNT, 2, 5, 5), ("Mgu", SALE, 1, 6, 6)),
    ]
    results = desk.ask(RecordStockEvents("erp", events("erp", facts))).results
    expected = [unknown, unknown, APPLIED, APPLIED, APPLIED, unknown]
    assert expected == [result.outcome for result in results]
    assert [2, 4] == [index for index, result in enumerate(results) if result.creates_sku]
    (view,) = desk.ask(GetAvailability(("Mgu",))).views
    assert view is None
    again = desk.ask(RecordStockEvents("erp", events("erp", [("Mgu", RECEIPT, 1, 1, 0)])))
    assert [(APPLIED, True)] == [(each.outcome, each.creates_sku) for each in again.results]


def test_facts_and_columns_share_ids_and_numbers() -> None:
    """What came as an object is known to columns, and the other way round."""
    desk = Desk()
    as_object = RecordStockEvents("erp", events("erp", [("Tea", SALE, 1, 1, 3)]))
    assert APPLIED is desk.ask(as_object).results[0].outcome
    facts = [("Tea", SALE, 1, 1, 9), ("Tea", SALE, 1, 2, 3), ("Tea", SALE, 1, 2, 4)]
    assert [DUPLICATE, OUT_OF_ORDER, APPLIED] == desk.feed(*facts)
    again = RecordStockEvents("erp", events("erp", facts[2:]))
    assert DUPLICATE is desk.ask(again).results[0].outcome


def test_a_level_that_is_not_there_stops_no_other_fact() -> None:
    """No such SKU, and one that has ended; nothing is remembered of the fact."""
    desk = Desk()
    desk.ask(DeleteSku("Mug"))
    facts = [("Mug", SALE, 1, 1, 1), ("Tea", SALE, 1, 2, 2), ("Nothing", SALE, 1, 3, 3)]
    assert [UNKNOWN, APPLIED, UNKNOWN] == desk.feed(*facts)
    by_name = RecordStockEvents("erp", events("erp", [("Mug", RECEIPT, 4, 1, 0)]))
    assert APPLIED is desk.ask(by_name).results[0].outcome
    assert [APPLIED] == desk.feed(("Tea", SALE, 1, 0, 3))


@pytest.mark.parametrize(("shard", "row"), [(4, 0), (2**16 - 1, 0), (0, -1), (0, 2), (1, 10**9)])
def test_a_handle_of_nothing_reaches_no_table(shard: int, row: int) -> None:
    desk = Desk()
    batch = as_batch(desk.engine.node, StockColumns("erp", events("erp", [("Tea", SALE, 1, 1, 0)])))
    batch.events["shard"], batch.events["row"] = shard, row
    before = desk.digests()
    outcome = desk.ask(StockBatch("erp", batch.events))
    assert [UNKNOWN] == [result.outcome for result in outcome.results]
    assert before == desk.digests()


def test_a_fact_beyond_the_limit_leaves_its_id_and_its_number_free() -> None:
    """It is judged with what stands before it; what comes after it goes on."""
    desk = Desk(1)
    to_limit = -(-ON_HAND_MAX // QUANTITY_MAX)
    facts: list[Fact] = [("Tea", RECEIPT, QUANTITY_MAX, 0, n + 1) for n in range(to_limit)]
    expected = [APPLIED] * (to_limit - 1) + [OUT_OF_RANGE]
    assert expected == desk.feed(*facts)
    more = [("Tea", RECEIPT, QUANTITY_MAX, 1, to_limit), ("Tea", COUNT, 5, 1, to_limit)]
    assert [OUT_OF_RANGE, APPLIED] == desk.feed(*more)
    assert 5 == desk.on_hand("Tea")


def test_levels_of_the_same_row_in_several_shards_keep_apart() -> None:
    """Each event sees those before it at its own level, and no other's. So many of them are looked
    for in 256 slots.
    """
    desk = Desk()
    goods = [f"sku {number}" for number in range(170)]
    opening = [StockEvent(None, n + 1, sku, "W", COUNT, n) for n, sku in enumerate(goods)]
    desk.ask(RecordStockEvents("goods", tuple(opening)))
    for times in (1, 2):
        facts = [(sku, RECEIPT, 1_000, 0, n + 200 * times) for n, sku in enumerate(goods)]
        results = desk.ask(StockColumns("erp", events("erp", facts))).results
        expected = [1_000 * times + n for n in range(170)]
        assert expected == [result.on_hand for result in results]
        assert expected == [desk.on_hand(sku) for sku in goods]


def test_a_sale_of_promised_units_tells_the_shortfall() -> None:
    """Of held and of committed units alike."""
    desk = Desk()
    for name, quantity in (("held", 3), ("committed", 5)):
        desk.ask(Reserve(key_from_text(name), (ReserveLine("Tea", "W", quantity),), 60_000))
    desk.ask(Move(Verb.COMMIT, key_from_text("committed"), None, None, Remainder.KEEP))
    facts = events("till", [("Tea", SALE, 5, 0, 1), ("Tea", COUNT, 9, 0, 2)])
    results = desk.ask(StockColumns("till", facts)).results
    assert [(5, 3), (9, 0)] == [(each.on_hand, each.shortfall) for each in results]


def test_a_restart_comes_to_the_same_bytes_and_knows_what_came() -> None:
    """Objects and columns of one turn stand in one section, in their order."""
    desk = Desk()
    commands = [
        StockColumns("erp", events("erp", [("Tea", SALE, 1, 1, 5), ("Mug", SALE, 1, 2, 6)])),
        RecordStockEvents("erp", events("erp", [("Tea", COUNT, 3, 3, 7)])),
        StockColumns("erp", events("erp", [("Tea", RECEIPT, 2, 4, 8), ("Jug", SALE, 1, 5, 0)])),
    ]
    desk.engine.turn(commands, desk.now_ns)
    desk.engine.restart()
    before = desk.digests()
    assert 5 == desk.on_hand("Tea")
    for command in commands:
        assert {DUPLICATE} == {result.outcome for result in desk.ask(command).results}
    assert before == desk.digests()


def test_ids_are_forgotten_after_their_retention() -> None:
    desk = Desk()
    fact = ("Tea", SALE, 1, 1, 0)
    assert [APPLIED] == desk.feed(fact)
    desk.now_ns += RETENTION_NS - 1
    assert [DUPLICATE] == desk.feed(fact)
    desk.now_ns += 1
    assert [APPLIED] == desk.feed(fact)


def test_a_message_of_duplicates_writes_nothing() -> None:
    desk = Desk()
    desk.feed(("Tea", SALE, 1, 1, 0))
    before = len(desk.engine.entries)
    desk.feed(("Tea", SALE, 1, 1, 0), ("Mug", SALE, 1, 1, 0))
    assert before == len(desk.engine.entries)


@pytest.mark.parametrize("section", [Section.STOCK_PADDED, Section.STOCK_PLAIN])
def test_facts_of_older_builds_are_replayed(section: Section) -> None:
    """They kept ids and last numbers, and not what the events were: those repeat as they like."""
    desk = Desk(1)
    desk.feed(("Tea", SALE, 1, 1, 5), ("Mug", COUNT, 3, 0, 6))
    expected = desk.engine.node.state_hash()
    desk.engine.entries = [as_older(entry, section) for entry in desk.engine.entries]
    desk.engine.node = desk.engine.replayed()
    desk.engine.follower.node = desk.engine.replayed()
    assert expected == desk.engine.node.state_hash()
    assert [] == list(check_invariants(desk.engine.node))
    facts = [("Mug", SALE, 7, 1, 9), ("Mug", SALE, 7, 0, 4), ("Mug", SALE, 7, 0, 7)]
    assert [DUPLICATE, DUPLICATE, APPLIED] == desk.feed(*facts)


def as_older(entry: Entry, section: Section) -> Entry:
    """An entry as an older build wrote it."""
    sections = []
    for kind, effects in entry.sections:
        if kind is Section.STOCK:
            older = np.zeros(len(effects), DTYPES[section])
            for field in DTYPES[Section.STOCK_PLAIN].names or ():
                older[field] = effects[field]
            sections.append((section, older))
        elif kind not in (Section.COUNTED, Section.GAPS):
            sections.append((kind, effects))
    return Entry(entry.shard, entry.sequence, entry.now_ns, sections)


def test_the_columns_of_an_answer_are_as_long_as_the_message() -> None:
    """Whatever became of its events."""
    node = Node(2)
    node.post(StockBatch("erp", np.zeros(3, STOCK_EVENT)), Ticket(None))
    ((_, outcome),) = node.turn(1).answers
    assert isinstance(outcome, StockCodes)
    columns = (outcome.codes, outcome.on_hand, outcome.shortfalls, outcome.available)
    assert [[UNKNOWN] * 3, [0] * 3, [0] * 3, [0] * 3] == [column.tolist() for column in columns]
    assert [0] == [revision.shard for revision in outcome.revisions]


def test_a_uuid_is_its_own_key_within_its_source() -> None:
    """Columns of UUIDs become keys without a hash for each; sources keep apart."""
    key, scope = event_key("erp", UUID), source_key("erp")
    plain = key_from_text(UUID)
    assert (plain.hi, plain.lo) == (key.hi ^ scope.hi, key.lo ^ scope.lo)
    assert key != event_key("pos", UUID)
    assert key == event_key("erp", UUID.upper())
    assert key_from_parts("erp", UUID[1:]) == event_key("erp", UUID[1:])
