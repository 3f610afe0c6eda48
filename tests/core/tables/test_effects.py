"""Entries as ordered sections: what may change places within a stage, and what begins another."""

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.commands import (
    Command,
    DeleteSku,
    Line,
    Location,
    RecordStockEvents,
    Reserve,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import key_from_text
from holdfast.core.kernels.codes import COMMITTED, FLAG_TEXT, HELD
from holdfast.core.model import EventKind, LocationKind
from holdfast.core.node import Node
from holdfast.core.tables import state_bytes
from holdfast.core.tables.effects import DTYPES, STANDS_ALONE, Entry, Section
from holdfast.core.tables.names import pack_names
from tests.core.engine import NodeEngine

PLACES, SKUS, ORDERS, ROOM = 3, 4, 5, 4

#: What stands at its place among others of its stage, because it is compared with the state before
#: the entry or is written no more.
NOT_PERMUTED = STANDS_ALONE | {
    *(Section.SEAL, Section.ID_TEXTS, Section.STOCK_PADDED, Section.STOCK_PLAIN)
}

Unit = list[tuple[Section, np.ndarray]]


def opening() -> list[Command]:
    places = [f"W{number}" for number in range(PLACES)]
    put = [
        UpdateLocation(Location(name, LocationKind.STORE, name, enabled=True)) for name in places
    ]
    facts = tuple(
        StockEvent(None, number + 1, f"S{number}", "W0", EventKind.COUNT, 100)
        for number in range(SKUS)
    )
    lines = tuple(Line(f"S{number}", "W0", 9) for number in range(SKUS))
    orders = [Reserve(key_from_text(f"order {n}"), lines, 1_000) for n in range(ORDERS)]
    return [*put, RecordStockEvents("erp", facts), *orders]


def engine() -> NodeEngine:
    made = NodeEngine(1)
    made.turn(opening(), 1)
    return made


BASE = engine()


def records(section: Section, rng: Random, **fields: int) -> Unit:
    """Some effects of a kind, each field a random number below the one given for it."""
    effects = np.zeros(rng.randint(1, ROOM), DTYPES[section])
    for field, end in fields.items():
        effects[field] = [rng.randrange(end) for _ in effects]
    return [(section, effects)]


def names(section: Section, rng: Random) -> Unit:
    packed = [pack_names(f"{section.name} {number}") for number in range(rng.randint(1, ROOM))]
    return [(section, np.concatenate(packed))]


def backorders(rng: Random) -> Unit:
    """Units of some lines that are promised from supply: each is new."""
    unit = records(Section.BACKORDERS, rng, latest_ns=9, row=SKUS, given_back=1)
    effects = unit[0][1]
    effects["line"], effects["is_new"] = range(len(effects)), 1
    effects["units"] = effects["change"] = [rng.randint(1, 9) for _ in effects]
    return unit


def renames(rng: Random) -> Unit:
    """SKUs get other names, some of them twice."""
    unit = records(Section.SKU_RENAMES, rng, sku=SKUS, is_present=2)
    for effect in unit[0][1]:
        effect["name"] = f"S{effect['sku']} as {rng.randrange(2)}".encode()
    return unit


def stage(rng: Random) -> list[Unit]:
    """Effects of every kind that may change places, none of which refers to another of them."""
    texts = {Section.ID_TEXTS, Section.TEXT_BYTES}
    kinds = [each for each in Section if DTYPES[each].itemsize == 1 and each not in texts]
    units = [names(section, rng) for section in kinds]
    reservations = records(Section.RESERVATIONS, rng, key_hi=9, key_lo=9, hold_ms=9)
    reservations[0][1]["flags"] = FLAG_TEXT
    reservations[0][1]["line_count"] = 1
    count = len(reservations[0][1])
    lines = np.zeros(count, DTYPES[Section.LINES])
    lines["quantity"], lines["row"] = rng.randrange(9), rng.randrange(SKUS)
    moves = np.zeros(ROOM, DTYPES[Section.MOVES])
    moves["quantity"] = [rng.randint(1, 2) for _ in moves]
    moves["line"] = [rng.randrange(ORDERS * SKUS) for _ in moves]
    moves["leaves"], moves["enters"] = HELD, COMMITTED
    levels = np.zeros(SKUS, DTYPES[Section.LEVELS])
    levels["sku"], levels["location"] = range(SKUS), 1
    units += [
        [*reservations, (Section.LINES, lines)],
        [(Section.MOVES, moves)],
        [(Section.LEVELS, levels)],
        records(Section.LOCATIONS, rng, location=PLACES, display_name=PLACES, kind=2, enabled=2),
        [
            *((Section.RESERVATION_TEXTS, np.array([(0, 5)], DTYPES[Section.RESERVATION_TEXTS])),),
            (Section.TEXT_BYTES, pack_names("text")),
        ],
        records(Section.ENDS, rng, reservation=ORDERS),
        records(Section.FORGETS, rng, count=1),
        records(Section.LINKS, rng, next_part=9, reservation=ORDERS),
        records(Section.EXTENDS, rng, expires_at_ns=10**9, reservation=ORDERS),
        [
            *records(Section.COUNTED, rng, quantity=9, seen=9),
            *records(Section.STOCK, rng, key_lo=9, delta=9, sequence=99, row=SKUS, has_key=2),
        ],
        records(Section.UNAVAILABLE, rng, units=9, row=SKUS, status=1),
        records(Section.SUPPLIES, rng, units=9, key_lo=3, row=SKUS, is_receipt=2, text_size=1),
        records(Section.COUNTS, rng, as_of_ns=9, row=SKUS, basis=2, flags=8),
        records(Section.POSTED, rng, units=9, row=SKUS),
        records(Section.REVERSALS, rng, key_lo=9, target_lo=9, quantity=9, row=SKUS, kind=4),
        backorders(rng),
        renames(rng),
        records(Section.GAPS, rng, first=9, last=9, kind=3),
        records(Section.SOURCES, rng, expected_interval_ms=9, unknown_skus=4, fallback=4, cap=9),
        records(Section.SOURCE_STATES, rng, state=4),
        records(Section.REQUESTS, rng, key_hi=9, key_lo=9, result=9, lines_hash=9, verb=5),
        records(Section.ATTRIBUTIONS, rng, principal=1, kind=9, start=1, count=2),
        records(Section.SKU_QUARANTINES, rng, sku=SKUS, is_quarantined=2),
        records(Section.QUARANTINES, rng, row=SKUS, is_quarantined=2),
        records(Section.DECISIONS, rng, kind=9, start=1, count=2),
        records(Section.CORRELATIONS, rng, kind=9, start=1, count=2, is_next=2),
        records(Section.STOCK_DETAILS, rng, occurred_at_ns=9, stock=2, has_time=2),
    ]
    staged = {section for unit in units for section, _ in unit}
    assert set(Section) - NOT_PERMUTED == staged, (
        "a new kind says here whether it may change places"
    )
    return units


def digest_after(units: list[Unit]) -> tuple[int, int]:
    node = Node(1)
    for entry in BASE.entries:
        node.replay(entry)
    sections = [section for unit in units for section in unit]
    node.replay(Entry(0, node.shards[0].sequence + 1, 2, sections))
    return state_bytes.digest(node.shards[0])


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_kinds_of_one_stage_may_change_places(seed: int, chance: Random) -> None:
    """In whatever order they are replayed, the state is the same, byte for byte."""
    units = stage(Random(seed))
    expected = digest_after(sorted(units, key=lambda unit: list(DTYPES).index(unit[0][0])))
    chance.shuffle(units)
    assert expected == digest_after(units)


def test_an_end_between_two_lives_of_a_name_keeps_its_place() -> None:
    """A SKU ends and begins anew in one turn: three stages, of which the end is the second."""
    desk = engine()
    for event in (
        RecordStockEvents("erp", (StockEvent(None, 9, "new", "W0", EventKind.COUNT, 5),)),
        DeleteSku("new"),
        RecordStockEvents("erp", (StockEvent(None, 10, "new", "W1", EventKind.COUNT, 6),)),
    ):
        desk.post(event)
    desk.run(2)
    kinds = [section for section, _ in desk.entries[-1].sections]
    life = [Section.SKU_NAMES, Section.LEVELS, Section.COUNTED, Section.STOCK]
    noted = [Section.SOURCE_STATES, Section.GAPS]
    assert [*life, *noted, Section.ENDED_SKUS, *life] == kinds
    live = state_bytes.digest(desk.node.shards[0])
    assert live == state_bytes.digest(desk.replayed().shards[0])
    desk.restart()
    shard, rows = desk.node.shards[0], np.zeros(9, np.int64)
    (end,) = shard.list_levels(np.array([shard.skus.find("new")]), rows)
    (row,) = rows[:end].tolist()
    assert 6 == desk.node.shards[0].levels.records[row]["on_hand"]


def test_plain_traffic_is_one_stage() -> None:
    """No kind stands twice in the entry of a turn without an end."""
    desk = engine()
    desk.turn(opening(), 2)
    for entry in desk.entries:
        kinds = [section for section, _ in entry.sections]
        assert len(set(kinds)) == len(kinds)
