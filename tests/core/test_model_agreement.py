"""A node and the model in tests/model.py, told the same, answer the same.

The world is small on purpose: few SKUs, ids and request ids, short holds, and a clock that likes to
step exactly onto the end of one, so that repeats, conflicts, expiry, shortfalls and over-asking
happen all the time. A seed makes a story; a story that fails is cut down to the rounds and commands
without which it would not, and told with the failure.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from holdfast.core.commands import (
    LOCATION_FIELDS,
    Command,
    CreateLocation,
    DeleteSku,
    Extend,
    GetAvailability,
    GetReservation,
    Line,
    Location,
    Move,
    RecordStockEvents,
    Reference,
    Reserve,
    ResetSource,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.commands.stock import RESERVATION
from holdfast.core.ids import Key, key_from_parts, key_from_text, sku_request_key
from holdfast.core.limits import HOLD_MS_MAX, NS_PER_MS, RETENTION_NS
from holdfast.core.model import CountBasis, EventKind, LocationKind, Remainder, State, Verb
from tests.core.engine import ModelEngine, NodeEngine, Ticket
from tests.model import Model, StockColumns
from tests.model_reservations import key_text

SHARD_COUNTS = (1, 4, 7)

START_NS = 1_767_225_600 * 10**9

#: The first four have a shard each when there are four. The last is not known from the start, nor
#: is the last location.
SKUS = ("Tea", "Mug", "Pot", "Cup", "Jug")
LOCATIONS = ("W1", "W2", "W3")
IDS = ("6f1b24cd-3a0e-4c4e-9d57-0d6a1f6d7a10", *(f"r{number}" for number in range(11)))

STATUSES = ("damaged", "inspect", "show room")
PLAIN_KINDS = [kind for kind in EventKind if kind <= EventKind.COUNT]

#: Few, so that lines of a reservation share them.
LINE_IDS = ("", "1", "2")

HOLDS_MS = (1_000, 60_000, 60_000, HOLD_MS_MAX)

#: Steps of the clock: mostly none or few, often exactly onto an end or a nanosecond short of it.
DAY_NS = 24 * 3_600 * 10**9
ELAPSED_NS = (0, 0, 0, 0, 1, 10**6, 10**9 - 1, 10**9, 59 * 10**9)
LEAPS_NS = (RETENTION_NS - 1, RETENTION_NS, 2 * RETENTION_NS, HOLD_MS_MAX * NS_PER_MS, 2 * DAY_NS)


#: How long what happened at a level is kept: a few rounds, so that counts are too old now and then.
WINDOW_NS = 90 * 10**9


@dataclass(frozen=True)
class Round:
    """Commands that arrive together, after some time. Nobody waits any more for `given_up`."""

    elapsed_ns: int
    commands: tuple[Command | StockColumns, ...]
    given_up: tuple[Command, ...] = ()
    restart: bool = False


class Storyteller:
    """Makes rounds of commands, knowing from a model of its own what there is to talk about."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.model = Model(window_ns=WINDOW_NS)
        self.now_ns = START_NS
        self.sent: list[Command] = []
        self.columns_before: dict[str, tuple[StockEvent, ...]] = {}
        self.kinds: list[Callable[[], Command]] = [
            *[self.reserve] * 8,
            *[self.move] * 12,
            *[self.extend] * 3,
            *[self.stock] * 4,
            *[self.again] * 6,
            self.read,
            self.location,
            self.delete,
            self.reset,
        ]

    def story(self, rounds_count: int) -> list[Round]:
        """Two places with five of everything, and what happens there."""
        opening: list[Command] = [UpdateLocation(location_named(name)) for name in LOCATIONS[:2]]
        counts = [(sku, name, EventKind.COUNT, 5) for sku in SKUS[:4] for name in LOCATIONS[:2]]
        stock = (StockEvent(key_from_parts("day 1", *c[:2]), 0, *c) for c in counts)
        opening.append(RecordStockEvents("day 1", tuple(stock)))
        for command in opening:
            self.model.execute(command, self.now_ns)
        rounds = [Round(0, (command,)) for command in opening]
        return rounds + [self.round() for _ in range(rounds_count)]

    def round(self) -> Round:
        elapsed_ns = self.rng.choice(LEAPS_NS if self.is_one_in(50) else ELAPSED_NS)
        self.now_ns += elapsed_ns
        kinds = self.rng.choices(self.kinds, k=self.rng.choice((1, 1, 1, 2, 5)))
        if self.is_one_in(6):
            kinds = [self.rush] * self.rng.randint(2, 6)
        commands = tuple(self.command(kind) for kind in kinds)
        if self.is_one_in(5):
            commands = (self.columns(),)  # alone, so that its handles are those of its own time
        for command in commands:
            self.model.execute(command, self.now_ns)
        given_up = (self.command(self.rng.choice(self.kinds)),) if self.is_one_in(8) else ()
        return Round(elapsed_ns, commands, given_up, restart=self.is_one_in(12))

    def command(self, kind: Callable[[], Command]) -> Command:
        command = kind()
        self.sent.append(command)
        return command

    def is_one_in(self, count: int) -> bool:
        return self.rng.randrange(count) == 0

    def some(self, names: Sequence[str], count: int) -> list[str]:
        """Some names; the last one, which is rarely known, rarely."""
        return self.rng.sample(names if self.is_one_in(10) else names[:-1], count)

    # Reservations

    def reserve(self) -> Command:
        key = key_from_text(self.rng.choice(IDS))
        return Reserve(key, self.lines(self.rng.randint(1, 4)), self.rng.choice(HOLDS_MS))

    def rush(self) -> Command:
        """One of many who want the same."""
        line = Line(*self.rng.choice((("Tea", "W1"), ("Mug", "W1"))), self.rng.randint(1, 4))
        return Reserve(key_from_text(self.rng.choice(IDS)), (line,), 60_000)

    def lines(self, count: int) -> tuple[Line, ...]:
        """Lines of anything, each SKU at each location once under an id; most lines have none."""
        ids = LINE_IDS if self.is_one_in(3) else ("",)
        places = [
            (sku, name, line_id)
            for sku in self.some(SKUS, 3)
            for name in self.some(LOCATIONS, 2)
            for line_id in ids
        ]
        chosen = self.rng.sample(places, count)
        return tuple(Line(sku, name, self.rng.randint(1, 3), i) for sku, name, i in chosen)

    def move(self) -> Command:
        verb = self.rng.choice((Verb.COMMIT, Verb.COMMIT, Verb.FULFILL, Verb.RELEASE, Verb.CANCEL))
        # Only Commit and Fulfill have a remainder on the wire.
        give_back = verb in (Verb.COMMIT, Verb.FULFILL) and self.is_one_in(3)
        remainder = Remainder.GIVE_BACK if give_back else Remainder.KEEP
        key = self.key()
        return Move(verb, key, self.request(key), self.lines_of(key), remainder)

    def extend(self) -> Command:
        key = self.key()
        return Extend(key, self.request(key), self.rng.choice(HOLDS_MS))

    def read(self) -> Command:
        return GetReservation(self.key())

    def key(self) -> Key:
        """A reservation, mostly one with something left to move, seldom one that does not exist."""
        there = self.model.reservations
        live = [key for key in there if there[key].state in (State.HELD, State.COMMITTED)]
        keys = live if live and not self.is_one_in(4) else list(there)
        return self.rng.choice(keys) if keys and not self.is_one_in(20) else key_from_text("r?")

    def request(self, key: Key) -> Key | None:
        number = self.rng.randrange(4)
        return key_from_parts(key_text(key), f"q{number}") if number else None

    def lines_of(self, key: Key) -> tuple[Line, ...] | None:
        """Lines of a reservation with other quantities, by one name or another; or all; or others,
        seldom.
        """
        if self.is_one_in(3) or key not in self.model.reservations:
            return None
        if self.is_one_in(8):
            return self.lines(1)
        lines = self.model.reservations[key].asked.lines
        chosen = self.rng.sample(lines, self.rng.randint(1, len(lines)))
        return tuple(self.named(line) for line in chosen)

    def named(self, line: Line) -> Line:
        """Some units of a line, which may leave out its id, or all else."""
        line = replace(line, quantity=self.rng.randint(1, 3))
        if line.line_id and self.is_one_in(3):
            return replace(line, sku="", location="")
        return replace(line, line_id="") if self.is_one_in(4) else line

    def again(self) -> Command:
        """Something that was sent not long ago; sometimes with other content under the same id."""
        if not self.sent:
            return self.reserve()
        command = self.rng.choice(self.sent[-12:])
        match command:
            case Reserve() | Move(lines=(_, *_)) if self.is_one_in(4):
                lines = list(command.lines or ())
                return replace(command, lines=tuple(self.rng.sample(lines, len(lines))))
            case Reserve(_, (first, *rest)) | Move(_, _, _, (first, *rest)) if self.is_one_in(4):
                return replace(command, lines=(replace(first, quantity=first.quantity + 1), *rest))
            case Reserve() | Extend() if self.is_one_in(4):
                return replace(command, hold_ms=command.hold_ms - 1)
            case Move(verb=Verb.COMMIT | Verb.FULFILL) if self.is_one_in(4):
                return replace(command, remainder=Remainder.GIVE_BACK)
        return command

    # Stock and catalogue

    def stock(self) -> Command:
        source = self.rng.choice(("erp", "pos"))
        return RecordStockEvents(
            source, tuple(self.any_event(source) for _ in range(self.rng.choice((1, 1, 2, 4))))
        )

    def columns(self) -> StockColumns:
        source = self.rng.choice(("erp", "pos"))
        size = self.rng.choice((1, 2, 5, 20))
        events = tuple(self.event(source) for _ in range(size))
        if self.is_one_in(3):
            events += self.columns_before.get(source, ())  # again, now that all are known
        self.columns_before[source] = events[:20]
        return StockColumns(source, events)

    def event(self, source: str) -> StockEvent:
        """A fact with an id, a number, or both."""
        number = self.rng.randrange(10)
        key = key_from_parts(source, f"e{number}") if number else None
        sequence = 0 if key and self.rng.randrange(3) else self.rng.randint(1, 9)
        (sku,), (location,) = self.some(SKUS, 1), self.some(LOCATIONS, 1)
        return StockEvent(key, sequence, sku, location, *self.fact())

    def any_event(self, source: str) -> StockEvent:
        """A fact, plain or not: of units that have or get a status, or that come back."""
        event = self.event(source)
        if self.is_one_in(3):
            return replace(event, occur_time_ns=self.instant())
        if self.is_one_in(4):
            return self.count(event)
        if self.is_one_in(4):
            order = Reference(RESERVATION, key_text(self.key()), self.rng.choice(("", "", "1")))
            return replace(
                event,
                kind=EventKind.GOODS_ISSUE,
                quantity=self.rng.randint(1, 3),
                reference=order,
                occur_time_ns=self.instant(),
            )
        if self.is_one_in(3):
            return event
        if self.is_one_in(2):
            line = self.rng.choice(("", "", "1"))
            order = Reference(RESERVATION, key_text(self.key()), line)
            return replace(
                event,
                kind=EventKind.RETURN,
                quantity=self.rng.randint(1, 3),
                reference=order,
                to_status=self.rng.choice(("", *STATUSES)),
            )
        statuses = self.rng.sample(("", *STATUSES), 2)
        match event.kind:
            case EventKind.COUNT:
                kind, quantity = EventKind.STATUS_CHANGE, self.rng.randint(1, 4)
                return replace(
                    event,
                    kind=kind,
                    quantity=quantity,
                    from_status=statuses[0],
                    to_status=statuses[1],
                )
            case EventKind.SALE:
                return replace(event, from_status=statuses[0])
            case EventKind.ADJUSTMENT if event.quantity < 0:
                return replace(event, from_status=statuses[0])
            case _:
                return replace(event, to_status=statuses[0])

    def count(self, event: StockEvent) -> StockEvent:
        """A count of another moment."""
        seen = tuple(key_text(self.key()) for _ in range(self.rng.choice((0, 0, 1, 2))))
        return replace(
            event,
            kind=EventKind.COUNT,
            quantity=self.rng.randint(0, 9),
            occur_time_ns=self.instant(),
            as_of_sequence=self.rng.choice((0, 0, 0, 2, 5)),
            basis=self.rng.choice((None, *CountBasis)),
            picked_quantity=self.rng.choice((0, 0, 2)),
            seen_reservations=seen,
        )

    def instant(self) -> int | None:
        """A moment not long ago, or one to come."""
        ago = self.rng.choice((0, 1, 10**6, 10**9, 59 * 10**9, 80 * 10**9, 90 * 10**9, -(10**9)))
        return self.rng.choice((None, self.now_ns - ago, self.now_ns - ago))

    def fact(self) -> tuple[EventKind, int]:
        kind = self.rng.choice(PLAIN_KINDS)
        sign = -1 if kind == EventKind.ADJUSTMENT and self.is_one_in(2) else 1
        return kind, sign * self.rng.randint(0 if kind == EventKind.COUNT else 1, 6)

    def reset(self) -> Command:
        return ResetSource(self.rng.choice(("erp", "pos", "?")), self.rng.choice((0, 0, 4)))

    def delete(self) -> Command:
        sku = self.some(SKUS, 1)[0]
        key = sku_request_key(sku, self.rng.choice("xy")) if self.is_one_in(2) else None
        return DeleteSku(sku, key)

    def location(self) -> Command:
        location = location_named(self.some(LOCATIONS, 1)[0], not self.is_one_in(3))
        if self.is_one_in(4):
            return CreateLocation(location)
        kind = self.rng.choice(list(LocationKind))
        fields = tuple(self.rng.sample(LOCATION_FIELDS, self.rng.randint(0, 3)))
        allow_missing = not self.is_one_in(3)
        return UpdateLocation(replace(location, kind=kind), fields, allow_missing)


def location_named(name: str, is_enabled: bool = True) -> Location:
    return Location(name, LocationKind.WAREHOUSE, f"The place {name}", is_enabled)


class Duel:
    """A node and the model, led through the same turns."""

    def __init__(self, shard_count: int, *, creates_skus: bool = True) -> None:
        self.node = NodeEngine(shard_count, creates_skus=creates_skus, window_ns=WINDOW_NS)
        self.model = ModelEngine(creates_skus=creates_skus, window_ns=WINDOW_NS)
        self.now_ns = START_NS

    def turn(self, commands: Sequence[Command], given_up: Sequence[Command] = ()) -> None:
        """Run one turn of both. What callers gave up on comes first, and must leave no trace."""
        for command in given_up:
            self.node.post(command).is_cancelled = True
        tickets = [self.node.post(command) for command in commands]
        executed = self.node.run(self.now_ns)
        assert set(tickets) == set(executed), "every command is answered, and nothing else"
        check_order(tickets, executed)
        # Between shards a turn has no order: the model follows the node.
        for ticket in executed:
            assert self.model.turn([ticket.command], self.now_ns) == [ticket.outcome]
        assert self.node.next_due_ns > self.now_ns

    def compare_reads(self, *more: Command) -> None:
        """Read all stock levels of both; reading leaves nothing in the journal."""
        some = tuple(LOCATIONS[self.now_ns % 2 :: 2])
        reads = [GetAvailability(SKUS), GetAvailability(SKUS[:2], some), *more]
        entries_before = len(self.node.entries)

        assert self.model.turn(reads, self.now_ns) == self.node.turn(reads, self.now_ns)
        assert entries_before == len(self.node.entries)

    def compare_everything(self) -> None:
        """Read all there is of both, before and after a restart of the node."""
        reads = [GetReservation(key) for key in self.model.model.reservations]
        self.compare_reads(*reads)
        self.node.restart()
        self.compare_reads(*reads)


def check_order(posted: Sequence[Ticket], executed: Sequence[Ticket]) -> None:
    """Commands on one SKU are executed in the order in which they came."""
    for sku in SKUS:
        came = [ticket for ticket in posted if is_on(sku, ticket.command)]
        assert came == [ticket for ticket in executed if is_on(sku, ticket.command)]


def is_on(sku: str, command: Command) -> bool:
    """Tell whether a command is on this SKU and no other."""
    match command:
        case Reserve(lines=[line]):
            return line.sku == sku
        case RecordStockEvents(events=[event]):
            return event.sku == sku
        case DeleteSku(name):
            return name == sku
        case _:
            return False


def fight(shard_count: int, story: Sequence[Round], *, creates_skus: bool) -> None:
    """Lead a node and the model through a story."""
    duel = Duel(shard_count, creates_skus=creates_skus)
    for each in story:
        duel.now_ns += each.elapsed_ns
        if each.restart:
            duel.node.restart()
        duel.turn(each.commands, each.given_up)
        duel.compare_reads()
    duel.compare_everything()


def fight_and_explain(shard_count: int, seed: int, rounds_count: int) -> None:
    """Fight; when that fails, do it again with the shortest story that fails too, and tell it."""
    story = Storyteller(seed).story(rounds_count)
    creates_skus = seed % 4 > 0
    if not fails(shard_count, story, creates_skus=creates_skus):
        return
    story = shortened(story, lambda shorter: fails(shard_count, shorter, creates_skus=creates_skus))
    told = "\n".join(str(each) for each in story)
    try:
        fight(shard_count, story, creates_skus=creates_skus)
    except Exception as error:
        error.add_note(f"The shortest story of seed {seed} that fails like this:\n{told}")
        raise


def fails(shard_count: int, story: Sequence[Round], *, creates_skus: bool) -> bool:
    """Tell whether a story comes to a bad end."""
    try:
        fight(shard_count, story, creates_skus=creates_skus)
    except Exception:  # noqa: BLE001 - whatever it is, it is a failure
        return True
    return False


def shortened(story: list[Round], is_bad: Callable[[list[Round]], bool]) -> list[Round]:
    """Leave out every round and every command without which the story is still bad."""
    for i in reversed(range(len(story))):
        shorter = story[:i] + story[i + 1 :]
        if is_bad(shorter):
            story = shorter
    for i in range(len(story)):
        for field in ("commands", "given_up"):
            for j in reversed(range(len(getattr(story[i], field)))):
                kept = getattr(story[i], field)
                simpler = replace(story[i], **{field: kept[:j] + kept[j + 1 :]})
                shorter = [*story[:i], simpler, *story[i + 1 :]]
                if is_bad(shorter):
                    story = shorter
    return story


@pytest.mark.parametrize("shard_count", SHARD_COUNTS)
@pytest.mark.parametrize("seed", range(20))
def test_node_answers_like_the_model(shard_count: int, seed: int) -> None:
    """Whatever arrives, in whatever order and at whatever time, a node says what the model says."""
    fight_and_explain(shard_count, seed, rounds_count=40)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("shard_count", SHARD_COUNTS)
def test_node_answers_like_the_model_in_hundreds_of_stories(shard_count: int) -> None:
    """The same, longer and more often."""
    for seed in range(1_000, 1_300):
        fight_and_explain(shard_count, seed, rounds_count=60)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("shard_count", SHARD_COUNTS)
def test_node_answers_like_the_model_when_its_tables_grow(shard_count: int) -> None:
    """Hundreds of reservations on hundreds of SKUs: every table grows several times."""
    rng = random.Random(shard_count)
    goods = [f"sku-{number}" for number in range(300)]
    duel = Duel(shard_count)
    duel.turn([UpdateLocation(location_named("W1"))])
    for sku in goods:
        key = key_from_parts("day 1", sku)
        duel.turn(
            [RecordStockEvents("day 1", (StockEvent(key, 0, sku, "W1", EventKind.COUNT, 9),))]
        )
    for number in range(0, 800, 10):
        duel.now_ns += rng.randrange(5 * 10**9)
        duel.turn([a_reserve(f"order-{number + i}", rng.sample(goods, 3), rng) for i in range(10)])
        duel.turn([a_move(f"order-{rng.randrange(number + 10)}", rng) for _ in range(8)])
    duel.compare_reads(GetAvailability(tuple(goods)))
    duel.compare_everything()


def a_reserve(name: str, goods: Sequence[str], rng: random.Random) -> Reserve:
    wanted = tuple(Line(sku, "W1", rng.randint(1, 3)) for sku in goods[: rng.randint(1, 3)])
    return Reserve(key_from_text(name), wanted, rng.choice(HOLDS_MS))


def a_move(name: str, rng: random.Random) -> Move:
    verb = rng.choice((Verb.COMMIT, Verb.COMMIT, Verb.FULFILL, Verb.RELEASE, Verb.CANCEL))
    request = key_from_parts(name, rng.choice(("q1", "q2", "q3")))
    return Move(verb, key_from_text(name), request, None, Remainder.KEEP)
