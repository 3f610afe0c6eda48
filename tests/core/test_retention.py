"""A node goes on past any count of reservations: what has ended is used again.

`scripts/ended.txt` tells what callers see of it.
"""

import random
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from holdfast.core.audit import check_invariants
from holdfast.core.commands import (
    Command,
    GetReservation,
    Line,
    Location,
    Move,
    MoveBatch,
    Outcome,
    RecordStockEvents,
    ReservationView,
    Reserve,
    ReserveBatch,
    ReserveOutcome,
    StockEvent,
    Unknown,
    UpdateLocation,
)
from holdfast.core.ids import Key, key_from_text
from holdfast.core.kernels.codes import ACCEPTED
from holdfast.core.limits import HOLD_MS_MAX, LINES_KEPT_NS, MARK_NS
from holdfast.core.model import EventKind, LocationKind, Remainder, State, Verb
from holdfast.core.node import Node
from holdfast.core.rules.retention import SWEPT_MAX, Retention
from holdfast.core.tables import state_bytes
from holdfast.core.tables.effects import Entry, Section
from holdfast.core.tables.layouts import OPERATION
from tests.core.engine import Ticket

HOUR_NS = 3_600 * 10**9
SKUS = [f"S{number}" for number in range(6)]

#: Lines stay for an hour, ids for three more.
RETENTION = Retention(lines_kept_ns=HOUR_NS, ids_kept_ns=4 * HOUR_NS, pass_ns=1)


class Shop:
    """A node with small tables, and a dict of the orders that should be known."""

    def __init__(self, rows_max: int, shard_count: int = 2) -> None:
        self.rng = random.Random(1)
        self.rows_max = rows_max
        self.shard_count = shard_count
        self.node = self.new_node()
        self.now_ns = 1
        self.made = 0
        self.twin: Node | None = None
        self.ask(UpdateLocation(Location("W", LocationKind.STORE, "", enabled=True)))
        facts = (
            StockEvent(None, number, sku, "W", EventKind.RECEIPT, 10**12)
            for number, sku in enumerate(SKUS, 1)
        )
        self.ask(RecordStockEvents("erp", tuple(facts)))

    def new_node(self) -> Node:
        return Node(self.shard_count, rows_max=self.rows_max, retention=RETENTION)

    def ask(self, *commands: Command) -> list[Outcome | None]:
        tickets = [Ticket(command) for command in commands]
        for ticket in tickets:
            self.node.post(ticket.command, ticket)
        has_more = True
        while has_more:
            turn = self.node.turn(self.now_ns)
            self.follow(turn.entries)
            has_more = turn.has_more
            for answered, outcome in turn.answers:
                assert isinstance(answered, Ticket)
                answered.outcome = outcome
        return [ticket.outcome for ticket in tickets]

    def pass_time(self, elapsed_ns: int) -> None:
        self.now_ns += elapsed_ns
        self.ask()

    def follow(self, entries: object) -> None:
        if self.twin is not None:
            assert isinstance(entries, list)
            for entry in entries:
                assert isinstance(entry, Entry)
                self.twin.replay(entry)

    def restart_beside(self) -> None:
        """Let a twin go on from a snapshot, by replay."""
        self.twin = self.new_node()
        for mine, other in zip(self.node.shards, self.twin.shards, strict=True):
            columns = state_bytes.columns(mine)
            state_bytes.load(other, {name: column.copy() for name, column in columns.items()})
        self.twin.loaded()

    def next_key(self) -> Key:
        self.made += 1
        is_text = self.rng.random() < 0.3
        uuid = f"00000000-0000-4000-8000-{self.made:012x}"
        return key_from_text(f"order {self.made}" if is_text else uuid)

    def reserve(self, lines_max: int, hold_ms: int = 1_000) -> Reserve:
        count = self.rng.randint(1, lines_max)
        lines = tuple(
            Line(sku, "W", self.rng.randint(2, 5), self.rng.choice(("", f"line {sku}")))
            for sku in self.rng.sample(SKUS, count)
        )
        return Reserve(self.next_key(), lines, hold_ms)

    def end(self, made: Reserve) -> Iterator[Command]:
        """End it in one of the ways there are, or leave that to time."""
        some = (Line(made.lines[0].sku, "W", 1, made.lines[0].line_id),)
        match self.rng.randrange(4):
            case 0:
                yield Move(Verb.RELEASE, made.key, None, None, Remainder.KEEP)
            case 1:
                yield Move(Verb.COMMIT, made.key, None, some, Remainder.GIVE_BACK)
                yield Move(Verb.FULFILL, made.key, None, None, Remainder.KEEP)
            case 2:
                yield Move(Verb.COMMIT, made.key, None, None, Remainder.KEEP)
                yield Move(Verb.CANCEL, made.key, None, None, Remainder.KEEP)

    def batch(self, count: int) -> np.ndarray:
        operations = np.zeros(count, OPERATION)
        home = self.node.homes.shard_of_sku(SKUS[0])
        operations["shard"], operations["row"] = home.number, home.find_row(SKUS[0], "W")
        operations["quantity"], operations["hold_ms"] = 1, 1_000
        operations["key_hi"], operations["key_lo"] = 7, np.arange(self.made, self.made + count) + 1
        self.made += count
        return operations


def test_small_tables_are_filled_a_thousand_times_over() -> None:
    """A hundred thousand reservations of all sizes through tables of three hundred rows. Lives on
    by replay, from a snapshot taken on the way, are the same to the byte.
    """
    shop = Shop(rows_max=300)
    for round_number in range(1_000):
        operations = shop.batch(60)
        operations["hold_ms"][::2] = HOLD_MS_MAX  # these are released
        reserves = [shop.reserve(lines_max=4) for _ in range(4)]
        codes, *outcomes = shop.ask(ReserveBatch(operations, None), *reserves)
        assert {ACCEPTED} == set(codes.codes.tolist())  # type: ignore[union-attr]
        assert all(isinstance(each, ReserveOutcome) and not each.refusal for each in outcomes)
        shop.ask(
            MoveBatch(Verb.RELEASE, operations[::2].copy()),
            *(command for made in reserves for command in shop.end(made)),
        )
        shop.pass_time(2 * HOUR_NS)
        if round_number % 100 == 0:
            assert [] == check_invariants(shop.node)
        if round_number == 700:
            shop.restart_beside()
    assert 64_000 <= shop.made
    assert shop.twin is not None
    for mine, other in zip(shop.node.shards, shop.twin.shards, strict=True):
        assert state_bytes.digest(mine) == state_bytes.digest(other)
    assert shop.node.state_hash() == shop.twin.state_hash()
    assert [] == check_invariants(shop.twin)


def resident_bytes() -> int:
    """Memory that this process has, by the machine's kernel."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_memory_is_flat_over_twenty_million_reservations() -> None:
    """Of hours that pass with every batch. From a quarter of them on, nothing is added."""
    batch_size, rounds = 8_190, 2_450
    shop = Shop(rows_max=500_000, shard_count=1)
    flat_from = 0
    for round_number in range(rounds):
        operations = shop.batch(batch_size)
        (codes,) = shop.ask(ReserveBatch(operations, None))
        assert {ACCEPTED} == set(codes.codes.tolist())  # type: ignore[union-attr]
        shop.ask(MoveBatch(Verb.RELEASE, operations[::2].copy()))
        shop.pass_time(HOUR_NS // 2)
        while shop.node.sweep.next_ns <= shop.now_ns:
            shop.ask()
        if round_number == rounds // 4:
            flat_from = resident_bytes()
    grown = resident_bytes() - flat_from
    assert 20_000_000 < shop.made
    assert grown < 4 * 2**20
    assert [] == check_invariants(shop.node)


def test_every_id_is_known_for_its_time_and_not_longer() -> None:
    """Each of many, asked for again and again while the tables turn over."""
    shop = Shop(rows_max=300)
    ended: dict[Key, tuple[int, int]] = {}
    for _ in range(150):
        made = [shop.reserve(3, shop.rng.choice((1_000, HOLD_MS_MAX))) for _ in range(6)]
        shop.ask(*made)
        shop.ask(*(Move(Verb.RELEASE, each.key, None, None, Remainder.KEEP) for each in made))
        shop.pass_time(HOUR_NS // 2)
        ended |= {each.key: (shop.now_ns, len(each.lines)) for each in made}
        keys = shop.rng.sample(sorted(ended, key=lambda key: (key.hi, key.lo)), min(20, len(ended)))
        views = shop.ask(*map(GetReservation, keys))
        for key, view in zip(keys, views, strict=True):
            at_ns, line_count = ended[key]
            age_ns = shop.now_ns - at_ns
            if age_ns < HOUR_NS:
                assert isinstance(view, ReservationView)
                assert line_count == len(view.lines)
            elif 2 * HOUR_NS <= age_ns < 4 * HOUR_NS:
                assert isinstance(view, ReservationView)
                assert (State.RELEASED, ()) == (view.state, view.lines)
            elif age_ns > 6 * HOUR_NS + MARK_NS:
                assert isinstance(view, Unknown)
                del ended[key]


def test_what_is_not_over_stays() -> None:
    """Committed orders outlive any retention, in the middle of all that comes and goes."""
    shop = Shop(rows_max=200)
    kept = [shop.reserve(lines_max=4) for _ in range(10)]
    shop.ask(*kept)
    shop.ask(*(Move(Verb.COMMIT, each.key, None, None, Remainder.KEEP) for each in kept))
    for _ in range(100):
        shop.ask(*(shop.reserve(lines_max=4) for _ in range(20)))
        shop.pass_time(2 * HOUR_NS)
    for made, view in zip(
        kept, shop.ask(*(GetReservation(each.key) for each in kept)), strict=True
    ):
        assert isinstance(view, ReservationView)
        found = [(line.sku, line.quantities[State.COMMITTED], line.line_id) for line in view.lines]
        assert [(line.sku, line.quantity, line.line_id) for line in made.lines] == found


def test_a_long_pass_is_cut_into_turns() -> None:
    """After a stop of days all of it is due; a turn takes its part of it."""
    shop = Shop(rows_max=4 * SWEPT_MAX, shard_count=1)
    shop.ask(ReserveBatch(shop.batch(3 * SWEPT_MAX), None))
    shop.pass_time(HOUR_NS)
    shop.now_ns += LINES_KEPT_NS
    seen: list[int] = []
    while not seen or shop.node.sweep.next_ns <= shop.now_ns:
        entries = shop.node.turn(shop.now_ns).entries
        seen.append(sum(len(entry.effects(Section.ENDS)) for entry in entries))
    assert len(seen) > 3
    assert SWEPT_MAX // 2 == max(seen), "a reservation counts, and so does its line"


def test_a_node_that_is_sweeping_has_time_for_commands() -> None:
    """They are answered in the same turns."""
    shop = Shop(rows_max=4 * SWEPT_MAX, shard_count=1)
    shop.ask(ReserveBatch(shop.batch(3 * SWEPT_MAX), None))
    shop.pass_time(HOUR_NS)
    shop.now_ns += LINES_KEPT_NS
    (outcome,) = shop.ask(shop.reserve(lines_max=2))
    assert isinstance(outcome, ReserveOutcome)
    assert shop.node.sweep.next_ns <= shop.now_ns


def test_a_turn_is_bounded_however_many_shards_a_sweep_finds_something_in() -> None:
    """Reservations over several shards cost the rules a look each; ids are forgotten everywhere."""
    shop = Shop(rows_max=2_000, shard_count=4)
    for _ in range(40):
        shop.ask(*(shop.reserve(lines_max=4) for _ in range(50)))
    shop.pass_time(2_000_000_000)
    spent: list[float] = []
    for _ in range(6):
        shop.now_ns += 2 * HOUR_NS
        while not spent or shop.node.sweep.next_ns <= shop.now_ns:
            shop.node.turn(shop.now_ns)
            spent.append(shop.node.turn_work_max - shop.node.work.left)
    assert sum(spent) > 4 * shop.node.turn_work_max
    assert max(spent) <= shop.node.turn_work_max / 2
    assert all(shard.reservations.room == shard.reservations.rows_max for shard in shop.node.shards)
