"""Makes stories for a node and the model in tests/model.py, from a seed: rounds of commands,
few SKUs, ids and request ids, short holds, and a clock that likes to step exactly onto an end.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from holdfast.core.commands import (
    LOCATION_FIELDS,
    Command,
    CreateLocation,
    DeleteSku,
    Extend,
    GetReservation,
    GetShortfall,
    Line,
    Location,
    MergeSku,
    Move,
    RecordStockEvents,
    Reference,
    RenameSku,
    Reserve,
    ReserveAlreadySold,
    Reversed,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.commands.stock import RESERVATION, SUPPLY, TRANSFER
from holdfast.core.ids import (
    Key,
    key_from_parts,
    key_from_text,
    location_request_key,
    sku_request_key,
)
from holdfast.core.limits import HOLD_MS_MAX, NS_PER_MS, RETENTION_NS
from holdfast.core.model import (
    REVERSIBLE,
    CountBasis,
    EventKind,
    LocationKind,
    Remainder,
    State,
    Verb,
)
from tests.core.operator_stories import force, reset, settle, update_source
from tests.core.supply_stories import announce, count_late, reserve_against_supply
from tests.model import Model, StockColumns
from tests.model_reservations import key_text

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

#: Most reservations have none.
OWNERS = ("", "", "ann", "customer 4711 of the shop in the high street")

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
        self.to_come: list[tuple[str, StockEvent]] = []
        """Events that are reversed before they are sent."""
        self.kinds: list[Callable[[], Command]] = [
            *[self.reserve] * 8,
            *[self.sell] * 3,
            *[self.move] * 12,
            *[self.extend] * 3,
            *[partial(reserve_against_supply, self)] * 3,
            *[self.stock] * 4,
            *[partial(announce, self)] * 4,
            *[partial(count_late, self)] * 3,
            *[self.again] * 6,
            *[self.read] * 2,
            *(self.location, self.delete, partial(reset, self), partial(update_source, self)),
            *(partial(update_source, self), *[partial(settle, self)] * 2),
            *(self.rename, self.rename, self.merge),
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
        """Some names; the last one, which is rarely known, rarely; of a renamed SKU any."""
        chosen = self.rng.sample(names if self.is_one_in(10) else names[:-1], count)
        known = self.model.names
        return [self.rng.choice(known.of.get(known.first(name), [name])) for name in chosen]

    def a_sku(self) -> str:
        return self.some(SKUS, 1)[0]

    # Reservations

    def reserve(self) -> Command:
        key = key_from_text(self.rng.choice(IDS))
        hold_ms, lines = self.rng.choice(HOLDS_MS), self.lines(self.rng.randint(1, 4))
        return Reserve(key, lines, hold_ms, self.rng.choice(OWNERS))

    def sell(self) -> Command:
        """Something that is sold already, whether it is there or not."""
        key = key_from_text(self.rng.choice(IDS))
        hold_ms, lines = self.rng.choice(HOLDS_MS), self.lines(self.rng.randint(1, 4))
        return ReserveAlreadySold(key, lines, hold_ms, self.rng.choice(OWNERS))

    def rush(self) -> Command:
        """One of many who want the same."""
        line = Line(*self.rng.choice((("Tea", "W1"), ("Mug", "W1"))), self.rng.randint(1, 4))
        key = key_from_text(self.rng.choice(IDS))
        return Reserve(key, (line,), 60_000, self.rng.choice(OWNERS))

    def lines(self, count: int) -> tuple[Line, ...]:
        """Lines of anything, each SKU at each location once under an id; most lines have none."""
        ids = LINE_IDS if self.is_one_in(3) else ("",)
        places = [
            (sku, name, line_id)
            for sku in self.some(SKUS, 3)
            for name in self.some(LOCATIONS, 2)
            for line_id in ids
        ]
        chosen = dict.fromkeys(self.rng.sample(places, count))  # two may have got one name
        return tuple(Line(sku, name, self.rng.randint(1, 3), i) for sku, name, i in chosen)

    def move(self) -> Command:
        if self.is_one_in(20):
            return force(self)
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
        if self.is_one_in(2):
            sku, location = self.some(SKUS, 1)[0], self.some(LOCATIONS, 1)[0]
            return GetShortfall(sku, location, self.rng.choice((1, 2, 20)))
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
        line = line._replace(quantity=self.rng.randint(1, 3))
        if line.line_id and self.is_one_in(3):
            return line._replace(sku="", location="")
        return line._replace(line_id="") if self.is_one_in(4) else line

    def again(self) -> Command:
        """Something that was sent not long ago; sometimes with other content under the same id."""
        if not self.sent:
            return self.reserve()
        command = self.rng.choice(self.sent[-12:])
        match command:
            case ReserveAlreadySold() if self.is_one_in(4):
                return Reserve(command.key, command.lines, command.hold_ms, command.owner)
            case Reserve() | Move(lines=(_, *_)) if self.is_one_in(4):
                lines = list(command.lines or ())
                return replace(command, lines=tuple(self.rng.sample(lines, len(lines))))
            case Reserve(_, (first, *rest)) | Move(_, _, _, (first, *rest)) if self.is_one_in(4):
                return replace(command, lines=(first._replace(quantity=first.quantity + 1), *rest))
            case Reserve() if self.is_one_in(8):
                return replace(command, owner=self.rng.choice(OWNERS))
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
        events = tuple(self.detailed(self.event(source)) for _ in range(size))
        if self.is_one_in(3):
            events += self.columns_before.get(source, ())  # again, now that all are known
        self.columns_before[source] = events[:20]
        return StockColumns(source, events)

    def detailed(self, event: StockEvent) -> StockEvent:
        """A fact of columns, which may say when it happened, and under which document."""
        if event.kind is not EventKind.COUNT and self.is_one_in(3):
            event = event._replace(occur_time_ns=self.instant() or None)
        if self.is_one_in(3):
            till = Reference("receipt", self.rng.choice(("17", "18", "")), "1")
            event = event._replace(reference=till)
        return event

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
        if self.is_one_in(4):
            return self.reversal(source, event)
        if self.is_one_in(8):
            return self.shipment_reversal(source, event)
        mine = [each for of, each in self.to_come if of == source]
        if mine and self.is_one_in(4):
            return self.rng.choice(mine)
        if self.is_one_in(5):
            return self.supply(event)
        if self.is_one_in(5):
            return self.transfer(event)
        if self.is_one_in(3):
            return event._replace(occur_time_ns=self.instant())
        if self.is_one_in(4):
            return self.count(event)
        if self.is_one_in(4):
            order = Reference(RESERVATION, key_text(self.key()), self.rng.choice(("", "", "1")))
            return event._replace(
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
            return event._replace(
                kind=EventKind.RETURN,
                quantity=self.rng.randint(1, 3),
                reference=order,
                to_status=self.rng.choice(("", *STATUSES)),
            )
        statuses = self.rng.sample(("", *STATUSES), 2)
        match event.kind:
            case EventKind.COUNT:
                kind, quantity = EventKind.STATUS_CHANGE, self.rng.randint(1, 4)
                return event._replace(
                    kind=kind,
                    quantity=quantity,
                    from_status=statuses[0],
                    to_status=statuses[1],
                )
            case EventKind.SALE:
                return event._replace(from_status=statuses[0])
            case EventKind.ADJUSTMENT if event.quantity < 0:
                return event._replace(from_status=statuses[0])
            case _:
                return event._replace(to_status=statuses[0])

    def reversal(self, source: str, event: StockEvent) -> StockEvent:
        """The reversal of an event that was sent, or will be."""
        sent = [each for each in self.sent[-20:] if isinstance(each, RecordStockEvents)]
        known = [(each.source, one) for each in sent for one in each.events if one.key]
        if not known or self.is_one_in(4):
            known = [(source, event._replace(key=key_from_parts(source, self.some_id("e"))))]
            self.to_come = [*self.to_come[-5:], *known]
        of, undone = self.rng.choice(known)
        assert undone.key is not None
        assert undone.key.text is not None
        days_ago = self.now_ns - 8 * DAY_NS
        kind = undone.kind if undone.kind in REVERSIBLE else EventKind.RECEIPT
        return undone._replace(
            key=key_from_parts(source, self.some_id("v")),
            sequence=event.sequence,
            kind=EventKind.REVERSAL,
            quantity=undone.quantity + self.is_one_in(10) or 1,
            occur_time_ns=self.instant(),
            as_of_sequence=0,
            basis=None,
            picked_quantity=0,
            seen_reservations=(),
            reverses=Reversed(
                *(of, undone.key.text, undone.key, kind),
                self.rng.choice((None, None, self.now_ns, days_ago)),
            ),
        )

    def some_id(self, letter: str) -> str:
        return f"{letter}{self.rng.randrange(20)}"

    def shipment_reversal(self, source: str, event: StockEvent) -> StockEvent:
        """Units of a reservation that were not shipped after all, if they were."""
        there = self.model.reservations
        shipped = [key for key in there if there[key].total(State.FULFILLED)]
        key = self.rng.choice(shipped or list(there) or [key_from_text("r?")])
        order = Reference(RESERVATION, key_text(key), self.rng.choice(("", "", "1")))
        kind, quantity = EventKind.SHIPMENT_REVERSAL, self.rng.randint(1, 3)
        own = key_from_parts(source, self.some_id("s"))
        event = event._replace(key=own, kind=kind, quantity=quantity, reference=order)
        if key not in self.model.reservations:
            return event
        line = self.rng.choice(self.model.reservations[key].asked.lines)
        return event._replace(sku=line.sku, location=line.location, sequence=0)

    def transfer(self, event: StockEvent) -> StockEvent:
        """Units that go from one location to another, or come, or were lost or too many."""
        document = self.rng.choice(("move 1", "move 2", f"m{self.rng.randrange(20)}"))
        named = Reference(TRANSFER, document, self.rng.choice(("", "1")))
        kinds = EventKind.RECEIPT, EventKind.TRANSFER_DISPATCH, EventKind.TRANSFER_ADJUSTMENT
        kind = self.rng.choice((*kinds[:2], *kinds[:2], kinds[2]))
        units = self.rng.randint(1, 4)
        if kind is EventKind.TRANSFER_ADJUSTMENT:
            units = self.rng.choice((-3, -2, -1, 1, 2))
        event = event._replace(kind=kind, quantity=units, reference=named)
        status = self.rng.choice(("", "", "inspect"))
        if kind is EventKind.RECEIPT:
            return event._replace(to_status=status)
        if kind is EventKind.TRANSFER_ADJUSTMENT:
            return event
        return event._replace(
            from_status=status,
            to_location=self.some(LOCATIONS, 1)[0],
            takes_promised=self.is_one_in(2),
            expected_ns=self.rng.choice((None, self.now_ns + self.rng.randint(-1, 3) * DAY_NS)),
        )

    def supply(self, event: StockEvent) -> StockEvent:
        """Something that is said of supply, or a receipt of some."""
        names = self.rng.choice(
            (("order", "1"), ("order", "2"), (f"o{self.rng.randrange(20)}", ""))
        )
        named = Reference(SUPPLY, *names)
        if self.is_one_in(3):
            status = self.rng.choice(("", "", "inspect"))
            quantity, kind = self.rng.randint(1, 3), EventKind.RECEIPT
            return event._replace(kind=kind, quantity=quantity, reference=named, to_status=status)
        return event._replace(
            kind=EventKind.SUPPLY,
            quantity=self.rng.choice((0, 2, 3, 5)),
            reference=named,
            occur_time_ns=self.instant(),
            expected_ns=self.now_ns + self.rng.randint(-2, 5) * DAY_NS // 2,
        )

    def count(self, event: StockEvent) -> StockEvent:
        """A count of another moment."""
        seen = tuple(key_text(self.key()) for _ in range(self.rng.choice((0, 0, 1, 2))))
        return event._replace(
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

    def delete(self) -> Command:
        sku = self.a_sku()
        key = sku_request_key(sku, self.rng.choice("xy")) if self.is_one_in(2) else None
        return DeleteSku(sku, key)

    def rename(self) -> Command:
        sku = self.some(SKUS, 1)[0]
        key = sku_request_key(sku, self.rng.choice("xy")) if self.is_one_in(2) else None
        return RenameSku(sku, self.rng.choice((*SKUS, "Chai", "Stein")), key)

    def merge(self) -> Command:
        sku, into = self.some(SKUS, 2)
        key = sku_request_key(sku, self.rng.choice("xy")) if self.is_one_in(2) else None
        return MergeSku(sku, into, key)

    def location(self) -> Command:
        location = location_named(self.some(LOCATIONS, 1)[0], not self.is_one_in(3))
        if self.is_one_in(4):
            return CreateLocation(location)
        kind = self.rng.choice(list(LocationKind))
        fields = tuple(self.rng.sample(LOCATION_FIELDS, self.rng.randint(0, 3)))
        allow_missing = not self.is_one_in(3)
        request = self.rng.choice((None, location_request_key(location.name, "x")))
        return UpdateLocation(replace(location, kind=kind), fields, allow_missing, request)


def location_named(name: str, is_enabled: bool = True) -> Location:
    return Location(name, LocationKind.WAREHOUSE, f"The place {name}", is_enabled)
