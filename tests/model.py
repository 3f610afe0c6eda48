"""The engine told as plainly as possible: it judges core/node.py, so it has to be simpler.

Rules of this file: dicts and loops, one method per command, guards before changes, no thought of
speed, and nothing taken from the engine but its vocabulary. Revisions are left empty; who compares
leaves them out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.core.commands import (
    Ambiguous,
    AvailabilitiesView,
    AvailabilityView,
    Command,
    Conflict,
    DeleteOutcome,
    DeleteSku,
    EventResult,
    EventsOutcome,
    Extend,
    ExtendOutcome,
    GetAvailability,
    GetReservation,
    LevelView,
    Line,
    LineView,
    Location,
    LocationOutcome,
    Move,
    MoveOutcome,
    Outcome,
    OutOfRange,
    PutLocation,
    RecordStockEvents,
    RefusedLine,
    ReservationView,
    Reserve,
    ReserveOutcome,
    Revision,
    Shortfall,
    StockEvent,
    Unknown,
)
from holdfast.core.ids import Key, text_from_key
from holdfast.core.limits import NS_PER_MS, ON_HAND_MAX, RETENTION_NS, TOTAL_MAX
from holdfast.core.model import (
    GIVE_BACK,
    TRANSITIONS,
    EventKind,
    EventOutcome,
    RefusalCode,
    Remainder,
    State,
    Verb,
)
from tests.model_reservations import (
    HeldLine,
    Level,
    Reservation,
    again,
    refuse_lines,
    refuse_reserve,
    refuse_state,
    refused_line,
    request_conflict,
    reserve_conflict,
)

NO_REVISION = Revision(0, 0, 0)


@dataclass(frozen=True)
class StockColumns:
    """A StockBatch by name: who tells it to a node looks the handles up."""

    source: str
    events: tuple[StockEvent, ...]


class Model:
    """All that a node knows."""

    def __init__(self) -> None:
        self.locations: dict[str, Location] = {}
        self.skus: dict[str, dict[str, Level]] = {}
        self.reservations: dict[Key, Reservation] = {}
        self.holding: dict[Key, Reservation] = {}  # those that hold units; the others cannot expire
        self.event_times: dict[Key, int] = {}
        self.last_sequences: dict[str, int] = {}

    def execute(self, command: Command | StockColumns, now_ns: int) -> Outcome:
        """Let time pass, then obey."""
        self.expire(now_ns)
        match command:
            case Reserve():
                outcome: Outcome = self.reserve(command, now_ns)
            case Move() | Extend():
                outcome = self.change(command, now_ns)
            case GetReservation():
                outcome = self.get_reservation(command)
            case GetAvailability():
                outcome = AvailabilitiesView(tuple(self.availability(sku) for sku in command.skus))
            case RecordStockEvents():
                outcome = self.record_stock_events(command, now_ns)
            case StockColumns(source, events):
                results = [self.record_stock_event(source, event, now_ns) for event in events]
                outcome = EventsOutcome(tuple(results), ())
            case PutLocation():
                self.locations[command.location.name] = command.location
                outcome = LocationOutcome(command.location, ())
            case DeleteSku():
                outcome = self.delete_sku(command)
        return outcome

    def expire(self, now_ns: int) -> None:
        """Free what is held by reservations whose time has come."""
        for key, reservation in list(self.holding.items()):
            if reservation.expires_at_ns <= now_ns:
                for line in reservation.lines.values():
                    line.move(State.HELD, State.EXPIRED, line.units[State.HELD])
            if not reservation.total(State.HELD):
                del self.holding[key]

    # Reserve

    def reserve(self, command: Reserve, now_ns: int) -> ReserveOutcome | Unknown | Conflict:
        """Hold all lines or none."""
        known = self.reservations.get(command.key)
        if known is not None:
            return reserve_conflict(known.asked, command) or again(known)
        unknown = list(self.unknown(command.lines))
        if unknown:
            return Unknown(unknown[0].field, unknown[0].value, tuple(unknown[1:]))
        disabled = [line for line in command.lines if not self.locations[line.location].enabled]
        if disabled:
            blamed = [refused_line(line, self.available(line)) for line in disabled]
            return refuse_reserve(RefusalCode.LOCATION_DISABLED, blamed)
        short = self.short(command.lines)
        if short:
            return refuse_reserve(RefusalCode.INSUFFICIENT_STOCK, short)

        expires_at_ns = now_ns + command.hold_ms * NS_PER_MS
        lines = {}
        for line in command.lines:
            level = self.skus[line.sku][line.location]
            level.reserved += line.quantity
            units = dict.fromkeys(State, 0) | {State.HELD: line.quantity}
            lines[line.sku, line.location, line.line_id] = HeldLine(level, units)
        self.reservations[command.key] = Reservation(command, now_ns, expires_at_ns, lines)
        self.holding[command.key] = self.reservations[command.key]
        return ReserveOutcome(None, State.HELD, expires_at_ns, command.lines, ())

    def unknown(self, lines: tuple[Line, ...]) -> Iterator[Unknown]:
        """All names that stand for nothing."""
        for i, line in enumerate(lines):
            if line.sku not in self.skus:
                yield Unknown(f"lines[{i}].sku", line.sku)
            if line.location not in self.locations:
                yield Unknown(f"lines[{i}].location", line.location)

    def short(self, lines: tuple[Line, ...]) -> list[RefusedLine]:
        """Lines that ask for more than the lines before them leave."""
        taken: dict[tuple[str, str], int] = {}
        short = []
        for line in lines:
            place = line.sku, line.location
            available = self.available(line) - taken.get(place, 0)
            if line.quantity > available:
                short.append(refused_line(line, available))
            else:
                taken[place] = taken.get(place, 0) + line.quantity
        return short

    def available(self, line: Line) -> int:
        """Units that a line could get."""
        level = self.skus[line.sku].get(line.location)
        return level.available if level else 0

    # Move and Extend

    def change(self, command: Move | Extend, now_ns: int) -> Outcome:
        """Obey once, and remember what was not refused; a repeat is told how things are now."""
        reservation = self.reservations.get(command.key)
        if reservation is None:
            return Unknown("reservation_id", key_text(command.key))
        is_repeat = False
        if command.request in reservation.requests:
            at_ns, first = reservation.requests[command.request]
            is_repeat = now_ns - at_ns < RETENTION_NS
            if is_repeat and (conflict := request_conflict(first, command)):
                return conflict
        answer: Ambiguous | ExtendOutcome | MoveOutcome
        if isinstance(command, Extend):
            answer = self.extend(reservation, command, now_ns, is_repeat)
        elif is_repeat:
            answer = self.moved(reservation, command)
        else:
            answer = self.move(reservation, command)
        if isinstance(answer, Ambiguous):
            return answer
        if command.request is not None and answer.refusal is None and not is_repeat:
            reservation.requests[command.request] = (now_ns, command)
        return answer

    def move(self, reservation: Reservation, command: Move) -> MoveOutcome | Ambiguous:
        """Commit, fulfil, release or cancel all lines or none."""
        source, target = TRANSITIONS[command.verb]
        for i, line in enumerate(command.lines or ()):
            count = len(reservation.named(line))
            if count > 1:
                return Ambiguous(f"lines[{i}]", line.sku, line.location, line.line_id, count)
        refusal = refuse_state(reservation, source)
        if command.lines is not None:
            refusal = refusal or refuse_lines(reservation, command.lines, source)
        if refusal:
            return MoveOutcome(refusal, reservation.state, ())

        if command.lines is not None:
            for asked in command.lines:
                (name,) = reservation.named(asked)
                reservation.lines[name].move(source, target, asked.quantity)
            if command.remainder == Remainder.GIVE_BACK:
                for held in reservation.lines.values():
                    held.move(source, GIVE_BACK[source], held.units[source])
        else:
            for held in reservation.lines.values():
                held.move(source, target, held.units[source])
        return self.moved(reservation, command)

    def moved(self, reservation: Reservation, command: Move) -> MoveOutcome:
        """What a command that has taken effect is answered."""
        shortfalls = []
        for (sku, location, _), line in reservation.lines.items():
            level = line.level
            is_shipped = command.verb is Verb.FULFILL and line.units[State.FULFILLED] > 0
            is_there = self.skus.get(sku, {}).get(location) is level
            if is_shipped and is_there and level.available < 0:
                shortfalls.append(Shortfall(sku, location, level.on_hand, level.available))
        return MoveOutcome(None, reservation.state, (), tuple(dict.fromkeys(shortfalls)))

    def extend(
        self, reservation: Reservation, command: Extend, now_ns: int, is_repeat: bool
    ) -> ExtendOutcome:
        """Move the end of a hold, never to an earlier time."""
        refusal = refuse_state(reservation, State.HELD)
        if refusal:
            return ExtendOutcome(refusal, 0, ())
        if not is_repeat:
            wanted_ns = now_ns + command.hold_ms * NS_PER_MS
            reservation.expires_at_ns = max(reservation.expires_at_ns, wanted_ns)
        return ExtendOutcome(None, reservation.expires_at_ns, ())

    # Reads

    def get_reservation(self, command: GetReservation) -> ReservationView | Unknown:
        """Read one reservation."""
        found = self.reservations.get(command.key)
        if found is None:
            return Unknown("reservation_id", key_text(command.key))
        lines = tuple(
            LineView(sku, location, dict(line.units), line_id)
            for (sku, location, line_id), line in found.lines.items()
        )
        return ReservationView(found.state, lines, found.reserved_at_ns, found.expires_at_ns, ())

    def availability(self, sku: str) -> AvailabilityView | None:
        """Read the levels of one SKU."""
        if sku not in self.skus:
            return None
        levels = tuple(
            LevelView(
                level.location,
                level.on_hand,
                level.reserved,
                level.committed,
                level.available,
                self.locations[level.location].enabled,
            )
            for level in self.skus[sku].values()
        )
        return AvailabilityView(sku, levels, NO_REVISION)

    # Stock and catalogue

    def record_stock_events(
        self, command: RecordStockEvents, now_ns: int
    ) -> EventsOutcome | Unknown | OutOfRange:
        """Record all facts or none: first find what each would do, then do it."""
        for i, event in enumerate(command.events):
            if event.location not in self.locations:
                return Unknown(f"events[{i}].location", event.location)
        on_hand_after: dict[tuple[str, str], int] = {}
        event_times = dict(self.event_times)
        last_sequence = self.last_sequences.get(command.source, 0)
        results = []
        for i, event in enumerate(command.events):
            place = (event.sku, event.location)
            level = self.skus.get(event.sku, {}).get(event.location, Level(*place))
            on_hand = on_hand_after.get(place, level.on_hand)
            outcome = judge_event(event, event_times, last_sequence, now_ns)
            if outcome == EventOutcome.APPLIED:
                on_hand = on_hand_with(event, on_hand)
                if what := out_of_range(level, on_hand):
                    field = f"events[{i}].quantity"
                    what = f"{what} after the event"
                    return OutOfRange(field, event.quantity, what, ON_HAND_MAX)
                on_hand_after[place] = on_hand
                if event.key:
                    event_times[event.key] = now_ns
                last_sequence = max(last_sequence, event.sequence)
            shortfall = max(0, level.reserved + level.committed + level.withheld - on_hand)
            results.append(EventResult(outcome, on_hand, shortfall))

        self.event_times = event_times
        self.last_sequences[command.source] = last_sequence
        for (sku, location), on_hand in on_hand_after.items():
            levels = self.skus.setdefault(sku, {})
            levels.setdefault(location, Level(sku, location)).on_hand = on_hand
        return EventsOutcome(tuple(results), ())

    def record_stock_event(self, source: str, event: StockEvent, now_ns: int) -> EventResult:
        """Record one fact of columns: what is wrong with it touches no other."""
        level = self.skus.get(event.sku, {}).get(event.location)
        last_sequence = self.last_sequences.get(source, 0)
        outcome = judge_event(event, self.event_times, last_sequence, now_ns)
        if outcome == EventOutcome.APPLIED and level is None:
            outcome = EventOutcome.UNKNOWN_STOCK_LEVEL
        if level is None:
            return EventResult(outcome, 0, 0)
        on_hand = on_hand_with(event, level.on_hand)
        if outcome == EventOutcome.APPLIED and out_of_range(level, on_hand):
            outcome = EventOutcome.OUT_OF_RANGE
        if outcome == EventOutcome.APPLIED:
            level.on_hand = on_hand
            self.last_sequences[source] = max(last_sequence, event.sequence)
            if event.key:
                self.event_times[event.key] = now_ns
        return EventResult(outcome, level.on_hand, max(0, -level.available))

    def delete_sku(self, command: DeleteSku) -> DeleteOutcome | Unknown | OutOfRange:
        """Forget the name; reservations keep the levels they rest on."""
        if command.sku not in self.skus:
            return Unknown("sku", command.sku)
        ended = self.skus[command.sku].values()
        on_hand = sum(level.on_hand for level in ended)
        promised = sum(level.reserved + level.committed for level in ended)
        for what, total in (("on_hand", on_hand), ("reserved + committed", promised)):
            if abs(total) > TOTAL_MAX:
                return OutOfRange("sku", command.sku, f"its total {what}, {total},", TOTAL_MAX)
        del self.skus[command.sku]
        return DeleteOutcome(len(ended), on_hand, promised, NO_REVISION)

    # Judgement of the model itself

    def check_invariants(self) -> None:
        """A level promises exactly the live units of its lines, no line ever loses a unit, and what
        is held can expire.
        """
        reserved: dict[Level, int] = {}
        committed: dict[Level, int] = {}
        for key, reservation in self.reservations.items():
            assert key in self.holding or not reservation.total(State.HELD)
            for asked, line in zip(
                reservation.asked.lines, reservation.lines.values(), strict=True
            ):
                assert asked.quantity == sum(line.units.values())
                assert min(line.units.values()) >= 0
                level = line.level
                reserved[level] = reserved.get(level, 0) + line.units[State.HELD]
                committed[level] = committed.get(level, 0) + line.units[State.COMMITTED]
        live = {level for levels in self.skus.values() for level in levels.values()}
        for level in live | reserved.keys():
            assert level.reserved == reserved.get(level, 0)
            assert level.committed == committed.get(level, 0)
            assert not out_of_range(level, level.on_hand)
            assert level.on_hand >= -ON_HAND_MAX


def key_text(key: Key) -> str:
    """Spell an id as its caller did."""
    return text_from_key(key.hi, key.lo) if key.text is None else key.text


def judge_event(
    event: StockEvent, event_times: dict[Key, int], last_sequence: int, now_ns: int
) -> EventOutcome:
    """Tell a new fact from one that was recorded, and from one that comes too late."""
    at_ns = event_times.get(event.key) if event.key else None
    if at_ns is not None and now_ns - at_ns < RETENTION_NS:
        return EventOutcome.DUPLICATE
    if 0 < event.sequence <= last_sequence:
        return EventOutcome.OUT_OF_ORDER if event.key else EventOutcome.DUPLICATE
    return EventOutcome.APPLIED


def on_hand_with(event: StockEvent, on_hand: int) -> int:
    """Units on hand after a fact."""
    match event.kind:
        case EventKind.COUNT:
            return event.quantity
        case EventKind.SALE:
            return on_hand - event.quantity
        case _:
            return on_hand + event.quantity


def out_of_range(level: Level, on_hand: int) -> str:
    """What a level with so many units on hand can't hold, or nothing."""
    if on_hand > ON_HAND_MAX:
        return "on_hand"
    return "available" if on_hand - level.reserved - level.committed < -ON_HAND_MAX else ""
