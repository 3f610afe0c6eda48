"""Whom a shortfall endangers: searches that take several turns, and what happens meanwhile."""

from random import Random

import pytest

from holdfast.core.commands import (
    Command,
    DeleteSku,
    EventsOutcome,
    GetShortfall,
    Line,
    Location,
    Move,
    Outcome,
    RecordStockEvents,
    Reserve,
    Shortfall,
    ShortfallView,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import Key, key_from_parts, key_from_text
from holdfast.core.limits import (
    ENDANGERED_IN_ALL_MAX,
    ENDANGERED_LISTED_MAX,
    HOLD_MS_MAX,
    LINES_KEPT_NS,
)
from holdfast.core.model import EventKind, LocationKind, Remainder, Verb
from holdfast.core.node import Node
from holdfast.core.rules import shortfalls
from tests.core.engine import Ticket


class Desk:
    """A node with one location, on which SKUs are counted and promised."""

    def __init__(self, turn_work_max: int = 10**9, shard_count: int = 1) -> None:
        self.node = Node(shard_count, mailbox_capacity=10**9, turn_work_max=turn_work_max)
        self.now_ns = 1
        self.ask(UpdateLocation(Location("W", LocationKind.STORE, "W", enabled=True)))

    def post(self, command: Command) -> Ticket:
        ticket = Ticket(command)
        self.node.post(command, ticket)
        return ticket

    def turn(self) -> dict[Ticket, Outcome]:
        return {
            ticket: outcome
            for ticket, outcome in self.node.turn(self.now_ns).answers
            if isinstance(ticket, Ticket)
        }

    def ask(self, command: Command) -> Outcome:
        ticket, answers = self.post(command), dict[Ticket, Outcome]()
        while ticket not in answers:
            answers = self.turn()
        return answers[ticket]

    def count(self, *skus: str, units: int) -> tuple[Shortfall, ...]:
        self.now_ns += 1
        facts = (
            StockEvent(
                key_from_parts("count", str(self.now_ns), sku), 0, sku, "W", EventKind.COUNT, units
            )
            for sku in skus
        )
        outcome = self.ask(RecordStockEvents("wms", tuple(facts)))
        assert isinstance(outcome, EventsOutcome)
        return outcome.shortfalls

    def reserve(self, name: str | Key, *skus: str) -> None:
        self.now_ns += 1
        key = key_from_text(name) if isinstance(name, str) else name
        lines = tuple(Line(sku, "W", 1) for sku in skus)
        self.ask(Reserve(key, lines, HOLD_MS_MAX))

    def release(self, name: str) -> Ticket:
        return self.post(Move(Verb.RELEASE, key_from_text(name), None, None, Remainder.KEEP))


def listed(shortfall: Shortfall) -> list[str]:
    return [each.reservation_id for each in shortfall.endangered]


def of_view(outcome: Outcome) -> Shortfall:
    assert isinstance(outcome, ShortfallView)
    return outcome.shortfall


def test_rows_that_are_used_again_do_not_make_a_reservation_older() -> None:
    """The number of a reservation does not tell its age: those that have left give theirs back."""
    desk = Desk()
    desk.count("Tea", units=9)
    for number in range(3):
        desk.reserve(f"old {number}", "Tea")
    desk.release("old 0")
    desk.turn()
    for _ in range(3):
        desk.now_ns += 2 * LINES_KEPT_NS
        desk.turn()
    desk.reserve("new", "Tea")
    assert 3 == len(desk.node.shards[0].reservations), "the first row is used again"
    (shortfall,) = desk.count("Tea", units=0)
    assert ["new", "old 2", "old 1"] == listed(shortfall)


@pytest.mark.parametrize("shard_count", [1, 4])
def test_twenty_are_listed_of_each_level_and_a_thousand_in_all(shard_count: int) -> None:
    """Beyond them the answer says how many units are left, so no answer is too long."""
    desk = Desk(shard_count=shard_count)
    skus = [f"S{number}" for number in range(60)]
    desk.count(*skus, units=99)
    for number in range(25):
        desk.reserve(f"r{number}", *skus)
    shortfalls_found = desk.count(*skus, units=0)
    assert skus == [each.sku for each in shortfalls_found]
    assert [ENDANGERED_LISTED_MAX] * 50 + [0] * 10 == [
        len(each.endangered) for each in shortfalls_found
    ]
    assert [5] * 50 + [25] * 10 == [each.unlisted for each in shortfalls_found]
    assert 50 * ENDANGERED_LISTED_MAX == ENDANGERED_IN_ALL_MAX
    newest = [f"r{number}" for number in range(24, 4, -1)]
    assert newest == listed(shortfalls_found[0])


@pytest.mark.parametrize("seed", range(5))
def test_a_search_over_many_turns_finds_what_one_turn_finds(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shortfalls, "SOUGHT_MAX", 7)
    desks = [Desk(10**9, 2), Desk(1, 2)]
    answers = []
    for desk in desks:
        rng = Random(seed)
        skus = [f"S{number}" for number in range(6)]
        desk.count(*skus, units=100)
        for number in range(60):
            key = key_from_text(f"r{number}") if rng.random() < 0.5 else random_key(rng)
            desk.reserve(key, *rng.sample(skus, 3))
        answers.append(
            (
                desk.count("S1", "S3", "S1", "S5", units=rng.randint(0, 20)),
                of_view(desk.ask(GetShortfall("S3", "W", 5))),
            )
        )
    assert answers[0] == answers[1]
    assert 3 == len(answers[0][0])


def random_key(rng: Random) -> Key:
    return Key(rng.getrandbits(63), rng.getrandbits(63), None)


def test_others_go_on_during_a_search_and_what_ended_meanwhile_is_not_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer is of the instant in which it is given, and adds up."""
    monkeypatch.setattr(shortfalls, "SOUGHT_MAX", 2)
    monkeypatch.setattr(shortfalls, "PROMISE_SOUGHT", 100)
    desk = Desk(turn_work_max=300, shard_count=4)
    desk.count("Tea", units=40)
    for number in range(40):
        desk.reserve(f"r{number}", "Tea")
    event = StockEvent(key_from_text("e"), 0, "Tea", "W", EventKind.COUNT, 35)
    fact = desk.post(RecordStockEvents("till 1", (event,)))
    assert desk.node.homes.of_source("till 1") != desk.node.homes.of_sku("Tea")
    answers: dict[Ticket, Outcome] = {}
    release, turns = desk.release("r39"), 0
    while fact not in answers:
        answers.update(desk.turn())
        turns += 1
    assert release in answers
    assert turns > 15
    outcome = answers[fact]
    assert isinstance(outcome, EventsOutcome)
    (shortfall,) = outcome.shortfalls
    assert -4 == shortfall.available
    assert ["r38", "r37", "r36", "r35"] == listed(shortfall)
    assert 5 == outcome.results[0].shortfall


def test_a_sku_that_ends_during_a_search_has_no_shortfall() -> None:
    """Wherever the turns end: its row is not there any more when it is reported."""
    gone = [ended_meanwhile(work) for work in range(240, 480, 20)]
    assert Shortfall("Tea", "W", 0, 0) in gone


def ended_meanwhile(work: int) -> Shortfall:
    """What is reported of a SKU that ends after the first turn, of so much work."""
    desk = Desk(shard_count=4)
    others = [f"g{number}" for number in range(40)]
    desk.count("Tea", "Pot", *others, units=1)
    for sku in (*others, "Tea"):
        desk.reserve(f"order {sku}", sku)
    desk.node.turn_work_max = work
    sold = [
        StockEvent(key_from_parts("sold", sku), 0, sku, "W", EventKind.SALE, 1)
        for sku in ("Tea", *others)
    ]
    back = StockEvent(key_from_parts("back"), 0, "Pot", "W", EventKind.RETURN, 1, to_status="bad")
    ticket, answers = desk.post(RecordStockEvents("erp", (*sold, back))), desk.turn()
    desk.release("order Tea")
    desk.post(DeleteSku("Tea"))
    while ticket not in answers:
        answers = desk.turn()
    outcome = answers[ticket]
    assert isinstance(outcome, EventsOutcome)
    assert len(others) <= len(outcome.shortfalls) <= len(others) + 1
    found = [each for each in outcome.shortfalls if each.sku == "Tea"]
    return found[0] if found else Shortfall("", "", 0, 0)


def test_a_level_that_nobody_promised_from_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A till that sells what nobody counted costs what it did."""
    monkeypatch.setattr(shortfalls, "SOUGHT_MAX", "a search would fail")
    desk = Desk()
    assert () == desk.count("Tea", units=-3)
    assert Shortfall("Tea", "W", -3, -3) == of_view(desk.ask(GetShortfall("Tea", "W", 1)))
