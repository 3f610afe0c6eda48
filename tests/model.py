"""The engine, written as plainly as possible: it judges core/node.py, so it has to be simpler.

Rules of this file: dicts and loops, one method per command, guards before changes, no thought of
speed, and nothing taken from the engine but its vocabulary. Revisions are left empty;
comparisons leave them out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from holdfast.core.commands import (
    Ambiguous,
    AnyReserve,
    AvailabilityView,
    AvailableToPromiseView,
    Command,
    Conflict,
    CreateLocation,
    DeleteSku,
    EventsOutcome,
    Extend,
    ExtendOutcome,
    ForcedOutcome,
    ForceRelease,
    GetAvailability,
    GetAvailableToPromise,
    GetReservation,
    GetShortfall,
    GetSource,
    Line,
    LineView,
    ListQuarantinedSkus,
    MergeSku,
    Move,
    MoveOutcome,
    Outcome,
    RecordStockEvents,
    RefusedLine,
    RenameSku,
    ReservationView,
    Reserve,
    ReserveAgainstSupply,
    ReserveAlreadySold,
    ReserveOutcome,
    ResetSource,
    Revision,
    SequenceRange,
    SettleSku,
    ShortfallView,
    StockEvent,
    Unknown,
    UpdateLocation,
    UpdateSource,
)
from holdfast.core.ids import Key
from holdfast.core.limits import (
    IDS_KEPT_NS,
    LINES_KEPT_NS,
    MARK_NS,
    NS_PER_DAY,
    NS_PER_MS,
    RETENTION_NS,
)
from holdfast.core.model import (
    GIVE_BACK,
    TRANSITIONS,
    RefusalCode,
    Remainder,
    SourceState,
    State,
    UnknownSkus,
    Verb,
)
from tests.model_backorders import (
    again,
    backordered_line,
    backorders,
    coming_by,
    moved,
    refuse_shipping,
    settle,
    shortfall_at,
    wait,
)
from tests.model_counts import Counts
from tests.model_facts import Availabilities, Facts
from tests.model_locations import Locations
from tests.model_names import Names
from tests.model_reservations import (
    HeldLine,
    Level,
    Reservation,
    beyond_room,
    check_promises,
    key_text,
    refuse_lines,
    refuse_reserve,
    refuse_state,
    refused_line,
    request_conflict,
    reserve_conflict,
    up_to,
)
from tests.model_supply import promise

NO_REVISION = Revision(0, 0, 0)


@dataclass(frozen=True)
class StockColumns:
    """A StockBatch by name: whoever sends it to a node looks the handles up."""

    source: str
    events: tuple[StockEvent, ...]


class Model:
    """All that a node knows."""

    def __init__(
        self, *, unknown_skus: UnknownSkus = UnknownSkus.CREATE, window_ns: int = 0
    ) -> None:
        self.places = Locations()
        self.locations = self.places.known
        self.skus: dict[str, dict[str, Level]] = {}
        self.reservations: dict[Key, Reservation] = {}
        self.counts = Counts(self.reservations, window_ns, self.reopen, self.last_number)
        self.holding: dict[Key, Reservation] = {}  # those that hold units; the others cannot expire
        # Those that were not seen to have ended; the others in the order in which they were.
        self.open: dict[Key, Reservation] = {}
        self.ended: dict[Key, Reservation] = {}
        self.dropped: dict[Key, Reservation] = {}
        self.facts = Facts(self.skus, self.locations, self.counts, unknown_skus=unknown_skus)
        self.now_ns = 0
        self.waiting = self.facts.waiting
        self.names = Names()

    def execute(self, command: Command | StockColumns, now_ns: int) -> Outcome:
        """Let time pass, then obey."""
        self.let_pass(now_ns)
        return self.obey(command, now_ns)

    def obey(self, command: Command | StockColumns, now_ns: int) -> Outcome:
        """Execute a command when all holds that are due have ended."""
        outcome = self.obey_by_first_names(self.names.inside(command), now_ns)
        self.names.began |= self.skus.keys()
        return self.names.outside(outcome)

    def obey_by_first_names(self, command: Command | StockColumns, now_ns: int) -> Outcome:
        """Execute a command that names each SKU as it was called first."""
        match command:
            case ReserveAgainstSupply():
                outcome: Outcome = self.reserve_against_supply(command, now_ns)
            case ReserveAlreadySold():
                outcome = self.reserve_already_sold(command, now_ns)
            case Reserve():
                outcome = self.reserve(command, now_ns)
            case Move() | Extend():
                outcome = self.change(command, now_ns)
            case ForceRelease():
                outcome = self.force_release(command, now_ns)
            case GetReservation():
                outcome = self.get_reservation(command, now_ns)
            case GetAvailability():
                outcome = self.availabilities(command)
            case GetAvailableToPromise():
                outcome = self.available_to_promise(command, now_ns)
            case GetShortfall():
                outcome = self.shortfall(command, now_ns)
            case RecordStockEvents():
                outcome = self.facts.record_stock_events(command, now_ns)
            case StockColumns(source, events):
                skipped: list[SequenceRange] = []
                results = [
                    self.facts.record_stock_event(source, event, now_ns, skipped)
                    for event in events
                ]
                self.facts.review(source, now_ns)
                outcome = EventsOutcome(tuple(results), (), tuple(skipped))
            case ResetSource() | UpdateSource() | GetSource():
                outcome = self.facts.look_after_source(command, now_ns)
            case ListQuarantinedSkus() | SettleSku():
                outcome = self.facts.look_after_skus(command, now_ns)
            case CreateLocation():
                outcome = self.places.create(command.location)
            case UpdateLocation():
                outcome = self.places.change(command, now_ns)
            case DeleteSku():
                outcome = self.names.end(command, self.skus, self.facts, now_ns)
            case RenameSku():
                outcome = self.names.rename(command, self.skus, now_ns)
            case MergeSku():
                outcome = self.names.merge(command, self.skus, self.facts, now_ns)
        settle(self.waiting)
        return outcome

    def let_pass(self, now_ns: int) -> None:
        """End the holds that are due, and let go of what ended long ago."""
        self.expire(now_ns)
        settle(self.waiting)
        for source in self.facts.sources.values():
            source.review(now_ns)
        if now_ns > self.now_ns:
            self.now_ns = now_ns
            self.sweep(now_ns)

    def expire(self, now_ns: int) -> None:
        """Free what is held by reservations whose time has come."""
        for key, reservation in list(self.holding.items()):
            if reservation.expires_at_ns <= now_ns:
                for line in reservation.lines.values():
                    line.move(State.HELD, State.EXPIRED, line.units[State.HELD])
            if not reservation.total(State.HELD):
                del self.holding[key]

    def last_number(self, name: str) -> int:
        """How far a source has come."""
        source = self.facts.sources.get(name)
        return source.last_sequence if source else 0

    def reopen(self, key: Key) -> None:
        """Let a reservation live again that had ended, of which units are committed."""
        if key in self.ended:
            self.open[key] = self.ended.pop(key)
            self.open[key].ended_at_ns = None

    def sweep(self, now_ns: int) -> None:
        """Let reservations go, a step each: they end, then their lines leave, then their ids."""
        ids_kept_ns = IDS_KEPT_NS - LINES_KEPT_NS + MARK_NS
        for key in up_to(now_ns - ids_kept_ns, self.dropped, "dropped_at_ns"):
            del self.dropped[key], self.reservations[key]
        for key in up_to(now_ns - LINES_KEPT_NS, self.ended, "ended_at_ns"):
            self.dropped[key] = self.ended.pop(key)
            self.dropped[key].dropped_at_ns = now_ns
        for key in [key for key, known in self.open.items() if not known.is_live]:
            self.ended[key] = self.open.pop(key)
            self.ended[key].ended_at_ns = now_ns

    # Reserve

    def reserve(self, command: AnyReserve, now_ns: int) -> ReserveOutcome | Unknown | Conflict:
        """Hold all lines or none."""
        known = self.reservations.get(command.key)
        if known is not None:
            conflict = known.dropped_at_ns is None and reserve_conflict(
                self.names.inside(known.asked), command
            )
            return conflict or again(known, now_ns)
        unknown = list(self.unknown(command.lines))
        if unknown:
            return Unknown(*unknown[0], more=tuple(unknown[1:]))
        refused = self.refuse(command, now_ns)
        if refused:
            return refused

        expires_at_ns = now_ns + command.hold_ms * NS_PER_MS
        lines = {}
        for line in command.lines:
            begun = Level(line.sku, line.location)
            level = self.skus[line.sku].setdefault(line.location, begun)
            level.reserved += line.quantity
            units = dict.fromkeys(State, 0) | {State.HELD: line.quantity}
            lines[line.sku, line.location, line.line_id] = HeldLine(level, units)
        self.reservations[command.key] = Reservation(
            command, now_ns, expires_at_ns, lines, self.names.first
        )
        self.holding[command.key] = self.open[command.key] = self.reservations[command.key]
        return ReserveOutcome(None, State.HELD, expires_at_ns, command.lines, ())

    def refuse(self, command: AnyReserve, now_ns: int) -> ReserveOutcome | None:
        """Why not all lines can be had. What is sold already can, as far as numbers go."""
        if isinstance(command, ReserveAlreadySold):
            beyond = list(beyond_room(command.lines, self.skus))
            return refuse_reserve(RefusalCode.INSUFFICIENT_STOCK, beyond) if beyond else None
        disabled = [line for line in command.lines if not self.locations[line.location].enabled]
        if disabled:
            blamed = [refused_line(line, self.available(line)) for line in disabled]
            return refuse_reserve(RefusalCode.LOCATION_DISABLED, blamed)
        latest = command.latest_ns if isinstance(command, ReserveAgainstSupply) else ()
        short = self.short(command.lines, latest, now_ns)
        return refuse_reserve(RefusalCode.INSUFFICIENT_STOCK, short) if short else None

    def reserve_already_sold(self, command: ReserveAlreadySold, now_ns: int) -> Outcome:
        """Hold all lines; tell where more is promised than there is."""
        outcome = self.reserve(command, now_ns)
        if not isinstance(outcome, ReserveOutcome) or outcome.refusal:
            return outcome
        there = (self.skus.get(line.sku, {}).get(line.location) for line in outcome.lines)
        shortfalls = self.facts.endangering(filter(None, there), now_ns)
        return outcome._replace(shortfalls=tuple(shortfalls))

    def reserve_against_supply(self, command: ReserveAgainstSupply, now_ns: int) -> Outcome:
        """Hold all lines or none; what is not there has to come."""
        known = filter(lambda line: line.sku in self.skus, command.lines)
        there = {(line.sku, line.location): self.available(line) for line in known}
        outcome = self.reserve(command, now_ns)
        if not isinstance(outcome, ReserveOutcome) or outcome.refusal or outcome.is_repeat:
            return outcome
        self.waiting += wait(self.reservations[command.key], command.latest_ns, there)
        return outcome._replace(backorders=backorders(self.reservations[command.key], now_ns))

    def unknown(self, lines: tuple[Line, ...]) -> Iterator[tuple[str, str]]:
        """All names that stand for nothing."""
        for i, line in enumerate(lines):
            if line.sku not in self.skus:
                yield f"lines[{i}].sku", line.sku
            if line.location not in self.locations:
                yield f"lines[{i}].location", line.location

    def short(
        self, lines: tuple[Line, ...], latest: tuple[int | None, ...] = (), now_ns: int = 0
    ) -> list[RefusedLine]:
        """Lines that ask for more than the lines before them leave, by their latest times."""
        taken: dict[tuple[str, str], int] = {}
        short = []
        for line, latest_ns in zip(lines, latest or (None,) * len(lines), strict=True):
            place = line.sku, line.location
            available = self.available(line) - taken.get(place, 0)
            level = self.skus[line.sku].get(line.location)
            if level and line.quantity > available and latest_ns is not None:
                later = self.facts.restricted(level, coming_by(level, now_ns, latest_ns))
                available = max(0, available, later - taken.get(place, 0))
            if line.quantity > available:
                short.append(refused_line(line, available))
            else:
                taken[place] = taken.get(place, 0) + line.quantity
        return short

    def available(self, line: Line) -> int:
        """Units that a line could get."""
        level = self.skus[line.sku].get(line.location)
        return self.facts.restricted(level) if level else 0

    # Move and Extend

    def change(self, command: Move | Extend, now_ns: int) -> Outcome:
        """Obey once, and remember what was not refused; a repeat returns how things are now."""
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
            answer = moved(reservation, command, self.skus)
        else:
            answer = self.move(reservation, command, now_ns)
        if isinstance(answer, Ambiguous):
            return answer
        if command.request is not None and answer.refusal is None and not is_repeat:
            reservation.requests[command.request] = (now_ns, command)
        return answer

    def move(self, reservation: Reservation, command: Move, now_ns: int) -> MoveOutcome | Ambiguous:
        """Commit, fulfil, release or cancel all lines or none."""
        source, target = TRANSITIONS[command.verb]
        if reservation.dropped_at_ns is not None:
            return MoveOutcome(refuse_state(reservation, source), reservation.state, ())
        for i, line in enumerate(command.lines or ()):
            count = len(reservation.named(line))
            if count > 1:
                return Ambiguous(f"lines[{i}]", line.sku, line.location, line.line_id, count)
        refusal = refuse_state(reservation, source)
        if command.lines is not None:
            refusal = refusal or refuse_lines(reservation, command.lines, source)
        if command.verb is Verb.FULFILL:
            refusal = refusal or refuse_shipping(reservation, command.lines)
        if refusal:
            return MoveOutcome(refusal, reservation.state, ())

        if command.lines is not None:
            for asked in command.lines:
                (name,) = reservation.named(asked)
                reservation.lines[name].move(source, target, asked.quantity, now_ns)
            if command.remainder == Remainder.GIVE_BACK:
                for held in reservation.lines.values():
                    held.move(source, GIVE_BACK[source], held.units[source])
        else:
            for held in reservation.lines.values():
                held.move(source, target, held.units[source], now_ns)
        settle(self.waiting)
        return moved(reservation, command, self.skus)

    def force_release(
        self, command: ForceRelease, now_ns: int
    ) -> ForcedOutcome | Unknown | Conflict:
        """Give back all that is held or committed."""
        found = self.reservations.get(command.key)
        if found is None:
            return Unknown("reservation_id", key_text(command.key))
        return self.facts.requests.obey(command, now_ns, found.force)

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

    def get_reservation(self, command: GetReservation, now_ns: int) -> ReservationView | Unknown:
        """Read one reservation."""
        found = self.reservations.get(command.key)
        if found is None:
            return Unknown("reservation_id", key_text(command.key))
        if found.dropped_at_ns is not None:
            return ReservationView(found.state, (), None, None, ())
        lines = tuple(
            LineView(sku, location, dict(line.units), line_id, backordered_line(line, now_ns))
            for (sku, location, line_id), line in found.lines.items()
        )
        times = found.reserved_at_ns, found.expires_at_ns
        return ReservationView(found.state, lines, *times, (), found.asked.owner)

    def availabilities(self, command: GetAvailability) -> Availabilities | Unknown:
        """Read the levels of some SKUs, everywhere or at some locations."""
        for i, location in enumerate(command.locations):
            if location not in self.locations:
                return Unknown(f"locations[{i}]", location)
        return Availabilities(
            tuple(self.availability(sku, command.locations, command.states) for sku in command.skus)
        )

    def availability(
        self,
        sku: str,
        locations: tuple[str, ...] = (),
        states: tuple[SourceState, ...] = (),
    ) -> AvailabilityView | None:
        """Read the levels of one SKU. Nothing can be promised at a disabled location."""
        if sku not in self.skus:
            return None
        levels = tuple(
            self.facts.view(level)
            for level in self.skus[sku].values()
            if not locations or level.location in locations
        )
        levels = tuple(level for level in levels if not states or level.state in states)
        return AvailabilityView(sku, levels, NO_REVISION)

    def available_to_promise(
        self, command: GetAvailableToPromise, now_ns: int
    ) -> AvailableToPromiseView | Unknown:
        """Read by date what may be promised of a SKU: all of its levels on one page."""
        if command.sku not in self.skus:
            return Unknown("sku", command.sku)
        for i, location in enumerate(command.locations):
            if location not in self.locations:
                return Unknown(f"locations[{i}]", location)
        views = tuple(
            promise(
                level,
                enabled=self.facts.may_promise(level),
                now_ns=now_ns,
                horizon_days=command.horizon_days,
                room=self.facts.room_of(level),
                state=self.facts.state_of(level),
            )
            for level in self.skus[command.sku].values()
            if not command.locations or level.location in command.locations
            if not command.states or self.facts.state_of(level) in command.states
        )
        today_ns = now_ns // NS_PER_DAY * NS_PER_DAY
        return AvailableToPromiseView(command.sku, views, today_ns, NO_REVISION, None)

    def shortfall(self, command: GetShortfall, now_ns: int) -> ShortfallView | Unknown:
        """Read what promises exceed supply by at one level, and whom that endangers."""
        if command.sku not in self.skus:
            return Unknown("sku", command.sku)
        if command.location not in self.locations:
            return Unknown("location", command.location)
        there = self.skus[command.sku].get(command.location)
        level = there or Level(command.sku, command.location)
        found = shortfall_at(level, self.reservations.values(), command.most, now_ns)
        # Nothing can be promised at a disabled location.
        found = replace(found, available=self.facts.offered(level))
        return ShortfallView(found, NO_REVISION)

    # Judgement of the model itself

    def check_invariants(self) -> None:
        """A level promises exactly the live units of its lines, no line ever loses a unit, and what
        is held can expire.
        """
        for key, reservation in self.reservations.items():
            assert key in self.holding or not reservation.total(State.HELD)
        levels = (level for levels in self.skus.values() for level in levels.values())
        check_promises(levels, self.reservations.values())
