"""The invariants hold in every state that commands lead to, and each of them can fail."""

import random
from collections.abc import Callable

import numpy as np
import pytest

from holdfast.core.audit import check_invariants, units_by_line
from holdfast.core.commands import (
    Command,
    Line,
    Location,
    Move,
    RecordStockEvents,
    Reserve,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import key_from_text
from holdfast.core.kernels.arguments import (
    ENDED,
    FIRST_FREE_RESERVATION,
    FIRST_FREE_SPLIT,
    FREE_LINES,
    FREE_RESERVATIONS,
    FREE_SPLITS,
    FREE_TEXTS,
    SKUS,
    UNITS_ON_HAND,
)
from holdfast.core.kernels.codes import FLAG_TEXT
from holdfast.core.model import EventKind, LocationKind, Remainder, Verb
from holdfast.core.node import Node
from holdfast.core.rules.retention import Retention
from holdfast.core.tables.names import pack_names
from holdfast.core.tables.shard import Shard
from tests.persistence.journals import JournalWriter, MemoryJournal
from tests.persistence.lives import Life


def lived(seed: int, turns: int = 60) -> Node:
    """A node with something of everything."""
    life = Life(Node(4), JournalWriter(MemoryJournal()), random.Random(seed))
    life.live(turns)
    return life.node


@pytest.mark.parametrize("seed", range(5))
def test_every_state_that_commands_lead_to_is_sound(seed: int) -> None:
    """After each of many turns."""
    life = Life(Node(4), JournalWriter(MemoryJournal()), random.Random(seed))
    for _ in range(40):
        life.live(turns=1)
        assert [] == check_invariants(life.node)


def test_an_empty_node_is_sound() -> None:
    """No rows, no sums, no complaint."""
    assert [] == check_invariants(Node(3))


def test_units_are_counted_as_the_engine_counts_them() -> None:
    """The same figures by numpy as by kernels."""
    for shard in lived(seed=1).shards:
        numbers, units = units_by_line(shard)
        expected = [list(shard.units(line).values()) for line in numbers.tolist()]
        assert expected == units.tolist()


def set_field(table: str, field: str, change: int) -> Callable[[Shard], None]:
    """Change a number that is not zero, if there is one."""

    def tamper(shard: Shard) -> None:
        column = getattr(shard, table)[field]
        column[np.flatnonzero(column)[-1]] += np.array(change).astype(column.dtype)

    return tamper


def set_split(shard: Shard) -> None:
    shard.splits.records[0, 0] -= 1_000
    shard.splits.records[0, 2] += 1_000


def lose_line(shard: Shard) -> None:
    shard.lines.count -= 1


def empty_line(shard: Shard) -> None:
    whole = np.flatnonzero(shard.lines["state"] >= 3)[-1]
    shard.lines.records["quantity"][whole] = 0


def displace_text(shard: Shard) -> None:
    named = np.flatnonzero(shard.reservations["flags"] & FLAG_TEXT)[0]
    shard.reservations.records["id_text"][named] = len(shard.id_texts)


def lose_text(shard: Shard) -> None:
    shard.id_texts.granules.count = int(shard.reservations.used["id_text"].max())


def lose_split(shard: Shard) -> None:
    shard.splits.count -= 1


def lose_reservation(shard: Shard) -> None:
    shard.reservations.count -= 1


def repeat_level(shard: Shard) -> None:
    shard.levels.records["location"][: len(shard.levels)] = 0


def repeat_name(shard: Shard) -> None:
    shard.skus.add(pack_names("twice"))
    shard.skus.add(pack_names("twice"))


def misplace_sku(shard: Shard) -> None:
    names = (f"stray-{number}" for number in range(100))
    home = Node(4).homes.of_sku
    shard.skus.add(pack_names(next(name for name in names if home(name) != shard.number)))
    shard.header[SKUS] += 1


def repeat_id(shard: Shard) -> None:
    first = np.flatnonzero(shard.reservations["flags"] == 0)[:2]
    for field in ("key_hi", "key_lo", "flags"):
        records = shard.reservations.records[field]
        records[first[1]] = records[first[0]]
    shard.reservations.records["next_part"][first] = -1


def swap_links(shard: Shard) -> None:
    links = shard.reservations["next_part"]
    first, second = np.flatnonzero(links >= 0)[:2]
    links[[first, second]] = links[[second, first]]


def lose_link(shard: Shard) -> None:
    links = shard.reservations["next_part"]
    links[np.flatnonzero(links >= 0)[0]] = -1


def forget_lines(shard: Shard) -> None:
    """Leave the first reservation without lines."""
    shard.reservations.records["line_count"][0] = 0


def forget_units(shard: Shard) -> None:
    shard.header[UNITS_ON_HAND] -= 1


def forget_sku(shard: Shard) -> None:
    shard.header[SKUS] -= 1


def name_sku(name: str, *, sku: int = 0, is_noted: bool = True) -> Callable[[Shard], None]:
    """Give a SKU another name in the table, and where it is noted also among those of the node."""

    def tamper(shard: Shard) -> None:
        (record,) = shard.sku_name_records.extend(1)
        record["sku"], record["name"] = sku, name.encode()
        shard.sku_name_records.records["sku"] = sku
        if is_noted:
            first = shard.skus.text(sku)
            shard.sku_names.load(shard.sku_name_records, {sku: first})

    return tamper


def present_twice(shard: Shard) -> None:
    name_sku("other")(shard)
    shard.sku_name_records.records["is_present"][0] = 1


@pytest.mark.parametrize(
    ("tamper", "problem"),
    [
        (name_sku("other", sku=1_000, is_noted=False), "is of no SKU"),
        (name_sku("other", is_noted=False), "is not a name of"),
        (lambda shard: name_sku(shard.skus.text(1))(shard), "and another name of"),
        (present_twice, "is not as it is noted"),
        (set_field("levels", "reserved", 1), "reserved of stock level"),
        (set_field("levels", "committed", 1), "committed of stock level"),
        (set_field("levels", "on_hand", 3 * 10**18), "on_hand of stock level"),
        (set_field("levels", "sku", 1_000), "has no sku"),
        (set_field("levels", "location", 1_000), "has no location"),
        (set_field("lines", "row", 1_000), "is at no stock level"),
        (set_field("lines", "state", 50), "is in an unknown state"),
        (set_field("reservations", "first_line", 1), "are not those of reservations"),
        (forget_lines, "has no lines"),
        (displace_text, "has no text, or one of another"),
        (set_field("reservations", "expires_at_ns", -(10**15)), "ends before it began"),
        (set_split, "less than no units"),
        (lose_line, "has lines that are not there"),
        (empty_line, "has no units"),
        (lose_text, "has no text, or one of another"),
        (lose_split, "split lines and rows of splits do not match"),
        (lose_reservation, "are not those of reservations"),
        (repeat_level, "two stock levels are of the same SKU and location"),
        (repeat_name, "a name stands twice among the skus"),
        (misplace_sku, "belongs to another shard"),
        (repeat_id, "two reservations have the same id"),
        (swap_links, "is linked to another"),
        (forget_units, "the running total of on_hand is"),
        (forget_sku, "the running total of skus is"),
        (lose_link, "later parts of reservations and links to them do not match"),
    ],
)
def test_every_problem_is_named(tamper: Callable[[Shard], None], problem: str) -> None:
    """With the shard that it is in, where it is in one."""
    node = lived(seed=3)
    tamper(node.shards[1])
    problems = check_invariants(node)
    assert any(problem in each for each in problems), problems


def retired(seed: int) -> Node:
    """A node of which much has ended and left: a third of its orders, and what they took."""
    node, rng = Node(2, retention=Retention(1, 10**9, 1)), random.Random(seed)
    skus = [f"S{number}" for number in range(5)]
    events = (
        StockEvent(None, n, sku, "W", EventKind.COUNT, 9_999) for n, sku in enumerate(skus, 1)
    )
    commands: list[Command] = [UpdateLocation(Location("W", LocationKind.STORE, "", enabled=True))]
    commands.append(RecordStockEvents("erp", tuple(events)))
    for number in range(60):
        key = key_from_text(f"order {number}")
        lines = tuple(Line(sku, "W", 5, f"{sku} of {number}") for sku in rng.sample(skus, 3))
        commands.append(Reserve(key, lines, 1_000))
        if number % 3:
            some = (lines[0]._replace(quantity=2),)
            commands.append(Move(Verb.COMMIT, key, None, some, Remainder.KEEP))
        if number % 2:
            commands.append(Move(Verb.CANCEL, key, None, None, Remainder.KEEP))
    for at, command in enumerate(commands):
        node.post(command, Nobody())
        node.turn(at)
    for seconds in (2, 3, 4):
        node.turn(seconds * 10**9)
    return node


class Nobody:
    """A caller who does not wait."""

    def cancelled(self) -> bool:
        return False


def set_header(place: int, change: int) -> Callable[[Shard], None]:
    def tamper(shard: Shard) -> None:
        shard.header[place] += change

    return tamper


def end_nothing(shard: Shard) -> None:
    shard.ended.records["states"][shard.ended.first % len(shard.ended.records)] = 0


def lose_mark(shard: Shard) -> None:
    shard.ended_marks.count = 0


def mix_marks(shard: Shard) -> None:
    shard.ended_marks.append((-1, 0))


def repeat_ended_id(shard: Shard) -> None:
    """Let an order that is there have the id of one that has left."""
    place = np.flatnonzero(shard.reservations["line_count"])[0]
    ended = shard.ended.records[shard.ended.first % len(shard.ended.records)]
    for field in ("key_hi", "key_lo"):
        shard.reservations.records[field][place] = ended[field]


def test_what_has_left_leaves_a_sound_state() -> None:
    """With free rows, blocks and splits among those in use, and ids that are left."""
    node = retired(seed=1)
    assert [] == check_invariants(node)
    for place in (FREE_RESERVATIONS, FREE_SPLITS, FREE_LINES, FREE_TEXTS):
        assert any(shard.header[place] for shard in node.shards), place
    assert any(len(shard.ended) for shard in node.shards)


@pytest.mark.parametrize(
    ("tamper", "problem"),
    [
        (set_header(FREE_RESERVATIONS, 1), "reservations are free, not"),
        (set_header(FIRST_FREE_RESERVATION, 1), "rows of reservations that are free do not match"),
        (set_header(FREE_SPLITS, 1), "rows of splits are free, not"),
        (set_header(FIRST_FREE_SPLIT, 1), "split lines and rows of splits do not match"),
        (set_header(FREE_LINES, 1), "lines are free, not"),
        (set_header(FREE_TEXTS, 1), "granules of text are free, not"),
        (set_header(ENDED, 10**9), "ended ids, in a ring of"),
        (end_nothing, "had no units"),
        (lose_mark, "ended ids without a mark"),
        (mix_marks, "mark 0 of ended ids is before the last"),
        (repeat_ended_id, "two reservations have the same id"),
    ],
)
def test_every_problem_of_what_has_left_is_named(
    tamper: Callable[[Shard], None], problem: str
) -> None:
    node = retired(seed=1)
    tamper(node.shards[0])
    problems = check_invariants(node)
    assert any(problem in each for each in problems), problems
