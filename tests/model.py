"""The engine told as plainly as possible: it judges core/node.py, so it has to be simpler.

Rules of this file: dicts and loops, one method per command, guards before changes, no thought of
speed, and nothing taken from the engine but its vocabulary. Revisions are left empty; who compares
leaves them out.
"""

from dataclasses import dataclass, field

from holdfast.core.commands import (
    AvailabilitiesView,
    AvailabilityView,
    Command,
    Conflict,
    DeleteOutcome,
    DeleteSku,
    EventResult,
    EventsOutcome,
    Extend,
    GetAvailability,
    GetReservation,
    HoldOutcome,
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
    Refusal,
    RefusedLine,
    ReservationView,
    Reserve,
    Revision,
    StockEvent,
    Unknown,
)
from holdfast.core.ids import Key, text_from_key
from holdfast.core.limits import NS_PER_MS, ON_HAND_MAX, RETENTION_NS
from holdfast.core.model import (
    GIVE_BACK,
    TRANSITIONS,
    EventKind,
    EventOutcome,
    RefusalCode,
    Remainder,
    State,
    Verb,
    reservation_state,
)

NO_REVISION = Revision(0, 0)


@dataclass(frozen=True)
class StockColumns:
    """A StockBatch by name: who tells it to a node looks the handles up."""

    source: str
    events: tuple[StockEvent, ...]


@dataclass(eq=False)
class Level:
    """One SKU at one location. A level outlives its SKU while reservations rest on it."""

    sku: str
    location: str
    on_hand: int = 0
    reserved: int = 0
    committed: int = 0
    withheld: int = 0

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved - self.committed - self.withheld


@dataclass(eq=False)
class HeldLine:
    """One line of a reservation: the level it rests on, and its units by state."""

    level: Level
    units: dict[State, int]

    def move(self, source: State, target: State, quantity: int) -> None:
        """Move units to another state; the level's promises, or its stock, go along."""
        self.units[source] -= quantity
        self.units[target] += quantity
        self.level.reserved -= quantity * (source == State.HELD)
        self.level.committed -= quantity * (source == State.COMMITTED)
        self.level.committed += quantity * (target == State.COMMITTED)
        self.level.on_hand -= quantity * (target == State.FULFILLED)


@dataclass(eq=False)
class Reservation:
    """What was asked for, when, and how far it has come."""

    asked: Reserve
    reserved_at_ns: int
    expires_at_ns: int
    lines: dict[tuple[str, str], HeldLine]
    requests: dict[Key, tuple[int, Move | Extend, Outcome]] = field(default_factory=dict)

    def total(self, state: State) -> int:
        """Units in a state, over all lines."""
        return sum(line.units[state] for line in self.lines.values())

    @property
    def state(self) -> State:
        return reservation_state({state: self.total(state) for state in State})


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

    def reserve(self, command: Reserve, now_ns: int) -> HoldOutcome | Unknown | Conflict:
        """Hold all lines or none."""
        known = self.reservations.get(command.key)
        if known is not None:
            first_expiry_ns = known.reserved_at_ns + known.asked.hold_ms * NS_PER_MS
            return reserve_conflict(known.asked, command) or HoldOutcome(None, first_expiry_ns, ())
        for i, line in enumerate(command.lines):
            if line.sku not in self.skus:
                return Unknown(f"lines[{i}].sku", line.sku)
            if line.location not in self.locations:
                return Unknown(f"lines[{i}].location", line.location)
        disabled = [line for line in command.lines if not self.locations[line.location].enabled]
        if disabled:
            return self.refuse_reserve(RefusalCode.LOCATION_DISABLED, disabled)
        short = [line for line in command.lines if line.quantity > self.available(line)]
        if short:
            return self.refuse_reserve(RefusalCode.INSUFFICIENT_STOCK, short)

        expires_at_ns = now_ns + command.hold_ms * NS_PER_MS
        lines = {}
        for line in command.lines:
            level = self.skus[line.sku][line.location]
            level.reserved += line.quantity
            units = dict.fromkeys(State, 0) | {State.HELD: line.quantity}
            lines[line.sku, line.location] = HeldLine(level, units)
        self.reservations[command.key] = Reservation(command, now_ns, expires_at_ns, lines)
        self.holding[command.key] = self.reservations[command.key]
        return HoldOutcome(None, expires_at_ns, ())

    def available(self, line: Line) -> int:
        """Units that a line could get."""
        level = self.skus[line.sku].get(line.location)
        return level.available if level else 0

    def refuse_reserve(self, code: RefusalCode, lines: list[Line]) -> HoldOutcome:
        blamed = (
            RefusedLine(line.sku, line.location, line.quantity, self.available(line))
            for line in lines
        )
        return HoldOutcome(Refusal(code, tuple(blamed)), 0, ())

    # Move and Extend

    def change(self, command: Move | Extend, now_ns: int) -> Outcome:
        """Answer a repeat as the first time; otherwise obey, and remember what was not refused."""
        reservation = self.reservations.get(command.key)
        if reservation is None:
            return Unknown("reservation_id", key_text(command.key))
        if command.request in reservation.requests:
            at_ns, first, outcome = reservation.requests[command.request]
            if now_ns - at_ns < RETENTION_NS:
                return request_conflict(first, command) or outcome
        if isinstance(command, Move):
            answer: HoldOutcome | MoveOutcome = self.move(reservation, command)
        else:
            answer = self.extend(reservation, command, now_ns)
        if command.request is not None and answer.refusal is None:
            reservation.requests[command.request] = (now_ns, command, answer)
        return answer

    def move(self, reservation: Reservation, command: Move) -> MoveOutcome:
        """Commit, fulfil, release or cancel all lines or none."""
        source, target = TRANSITIONS[command.verb]
        refusal = refuse_state(reservation, source) or refuse_lines(
            reservation, command.lines, source
        )
        if refusal:
            return MoveOutcome(refusal, reservation.state, ())

        if command.lines:
            for asked in command.lines:
                reservation.lines[asked.sku, asked.location].move(source, target, asked.quantity)
            if command.remainder == Remainder.GIVE_BACK:
                for line in reservation.lines.values():
                    line.move(source, GIVE_BACK[source], line.units[source])
        else:
            for line in reservation.lines.values():
                line.move(source, target, line.units[source])
        return MoveOutcome(None, reservation.state, ())

    def extend(self, reservation: Reservation, command: Extend, now_ns: int) -> HoldOutcome:
        """Move the end of a hold, never to an earlier time."""
        refusal = refuse_state(reservation, State.HELD)
        if refusal:
            return HoldOutcome(refusal, 0, ())
        expires_at_ns = max(reservation.expires_at_ns, now_ns + command.hold_ms * NS_PER_MS)
        reservation.expires_at_ns = expires_at_ns
        return HoldOutcome(None, expires_at_ns, ())

    # Reads

    def get_reservation(self, command: GetReservation) -> ReservationView | Unknown:
        """Read one reservation."""
        found = self.reservations.get(command.key)
        if found is None:
            return Unknown("reservation_id", key_text(command.key))
        lines = tuple(
            LineView(sku, location, dict(line.units))
            for (sku, location), line in found.lines.items()
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
                if abs(on_hand) > ON_HAND_MAX:
                    return OutOfRange(f"events[{i}].quantity", event.quantity)
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
        if outcome == EventOutcome.APPLIED and abs(on_hand) > ON_HAND_MAX:
            outcome = EventOutcome.OUT_OF_RANGE
        if outcome == EventOutcome.APPLIED:
            level.on_hand = on_hand
            self.last_sequences[source] = max(last_sequence, event.sequence)
            if event.key:
                self.event_times[event.key] = now_ns
        return EventResult(outcome, level.on_hand, max(0, -level.available))

    def delete_sku(self, command: DeleteSku) -> DeleteOutcome | Unknown:
        """Forget the name; reservations keep the levels they rest on."""
        if command.sku not in self.skus:
            return Unknown("sku", command.sku)
        ended = self.skus.pop(command.sku).values()
        on_hand = sum(level.on_hand for level in ended)
        promised = sum(level.reserved + level.committed for level in ended)
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


def refuse_state(reservation: Reservation, source: State) -> Refusal | None:
    """Refuse a command that finds no units to work on."""
    if reservation.total(source):
        return None
    is_expired = reservation.state == State.EXPIRED
    return Refusal(RefusalCode.EXPIRED if is_expired else RefusalCode.WRONG_STATE)


def refuse_lines(
    reservation: Reservation, lines: tuple[Line, ...], source: State
) -> Refusal | None:
    """Refuse lines that there are not, then lines that ask for more than there is."""
    missing = [line for line in lines if (line.sku, line.location) not in reservation.lines]
    if missing:
        blamed = (RefusedLine(line.sku, line.location, line.quantity, 0) for line in missing)
        return Refusal(RefusalCode.NO_SUCH_LINE, tuple(blamed))
    units = [reservation.lines[line.sku, line.location].units[source] for line in lines]
    excess = tuple(
        RefusedLine(line.sku, line.location, line.quantity, there)
        for line, there in zip(lines, units, strict=True)
        if line.quantity > there
    )
    return Refusal(RefusalCode.EXCESS_QUANTITY, excess) if excess else None


def reserve_conflict(first: Reserve, now: Reserve) -> Conflict | None:
    """Name the first field in which two Reserves with the same id differ."""
    if len(first.lines) != len(now.lines):
        return Conflict("lines", str(len(first.lines)), str(len(now.lines)))
    for i, (old, new) in enumerate(zip(first.lines, now.lines, strict=True)):
        for name in ("sku", "location", "quantity"):
            if getattr(old, name) != getattr(new, name):
                before, after = str(getattr(old, name)), str(getattr(new, name))
                return Conflict(f"lines[{i}].{name}", before, after)
    if first.hold_ms != now.hold_ms:
        return Conflict("hold_duration", f"{first.hold_ms} ms", f"{now.hold_ms} ms")
    return None


def request_conflict(first: Move | Extend, now: Move | Extend) -> Conflict | None:
    """Name the first field in which two commands with the same request id differ."""
    for name in ("method", "lines", "remainder", "hold_duration"):
        before, after = request_field(first, name), request_field(now, name)
        if before != after:
            return Conflict(name, str(before), str(after))
    return None


def request_field(command: Move | Extend, name: str) -> object:
    """One field of a command under its name on the wire; None where it has no such field."""
    if name == "method":
        return command.verb.name if isinstance(command, Move) else Verb.EXTEND.name
    if name == "hold_duration":
        return command.hold_ms if isinstance(command, Extend) else None
    return getattr(command, name, None)
