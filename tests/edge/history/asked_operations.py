"""What callers asked for, in the words of the model, and what they were told.

An operation is what takes effect as a whole: a call, one place of a batch, or a linked group of it.
It is sent in one attempt or, with the same ids, in several.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from holdfast.core.commands import (
    AvailabilitiesView,
    Command,
    Conflict,
    EventsOutcome,
    Extend,
    ExtendOutcome,
    GetAvailability,
    GetReservation,
    Move,
    MoveOutcome,
    RecordStockEvents,
    Refusal,
    ReservationView,
    Reserve,
    ReserveOutcome,
    Revision,
    StockEvent,
    Unknown,
)
from holdfast.core.ids import Key
from holdfast.core.model import TRANSITIONS, BatchOutcome, EventOutcome, State, Verb
from holdfast.core.work import finished
from holdfast.edge.wire.reservations import (
    extend_response,
    fulfill_response,
    get_reservation_response,
    move_response,
    reserve_response,
)
from holdfast.edge.wire.stock_facts import events_response
from holdfast.v1 import reservation_service_pb2 as reservation
from tests.model import Model, StockColumns
from tests.model_facts import Availabilities
from tests.model_reservations import Level, key_text, refuse_lines, refuse_state

Asked: TypeAlias = Command | StockColumns

#: An effect as the journal names it: its kind, and an id.
Unit: TypeAlias = tuple[str, str]

#: The answer in place of a response.
NOT_FOUND: Final = "NOT_FOUND"

_MOVE_RESPONSES: Final[dict[Verb, Callable[[MoveOutcome], Any]]] = {
    Verb.COMMIT: lambda outcome: move_response(reservation.CommitResponse, outcome),
    Verb.FULFILL: fulfill_response,
    Verb.RELEASE: lambda outcome: move_response(reservation.ReleaseResponse, outcome),
    Verb.CANCEL: lambda outcome: move_response(reservation.CancelResponse, outcome),
}


@dataclass(eq=False, slots=True)
class Attempt:
    """A call and its answer."""

    asked_at: float
    answered_at: float | None = None
    """None of a call that was not answered: it may have taken effect."""
    answer: Any = None
    revisions: tuple[Revision, ...] = ()


@dataclass(eq=False, slots=True)
class Operation:
    """Commands of which all take effect or none, and the attempts at them."""

    commands: tuple[Asked, ...]
    units: tuple[Unit, ...] = ()
    is_packed: bool = False
    """Whether a code answers each of the commands."""
    attempts: list[Attempt] = field(default_factory=list)
    effect_at: int | None = None
    """Position of the append that has its effect."""

    @property
    def key(self) -> Key | None:
        """The key of the reservation that it is about."""
        command = self.commands[0]
        return (
            command.key if isinstance(command, Reserve | Move | Extend | GetReservation) else None
        )

    def changes(self, model: Model, now_ns: int) -> bool:
        """Whether it would take effect now."""
        if len(self.commands) > 1:
            lines = sum((each.lines for each in self._reserves()), ())
            return not self._is_known(model) and not model.short(lines)
        return changes(model, self.commands[0], now_ns)

    def answer(self, model: Model, now_ns: int) -> Any:
        """Execute it where no hold is due, and return the outcome as callers see it."""
        if len(self.commands) > 1 and not self._is_known(model):
            codes = _linked_codes(model, self._reserves())
            if BatchOutcome.INSUFFICIENT_STOCK in codes:
                return codes
        outcomes = [model.obey(command, now_ns) for command in self.commands]
        if self.is_packed:
            return [_code(model, *each) for each in zip(self.commands, outcomes, strict=True)]
        return words(self.commands[0], outcomes[0])

    def _reserves(self) -> list[Reserve]:
        return [each for each in self.commands if isinstance(each, Reserve)]

    def _is_known(self, model: Model) -> bool:
        return any(each.key in model.reservations for each in self._reserves())


def changes(model: Model, command: Asked, now_ns: int) -> bool:
    """Whether the model would change."""
    match command:
        case Reserve(key, lines):
            is_new = key not in model.reservations and not list(model.unknown(lines))
            return is_new and not model.short(lines)
        case Move() | Extend():
            known = model.reservations.get(command.key)
            if known is None or (command.request is not None and command.request in known.requests):
                return False
            source = TRANSITIONS[command.verb][0] if isinstance(command, Move) else State.HELD
            refusal = refuse_state(known, source)
            if isinstance(command, Move) and command.lines is not None:
                refusal = refusal or refuse_lines(known, command.lines, source)
            return refusal is None
        case RecordStockEvents(name, events) | StockColumns(name, events):
            return any(_applies(model, name, each, now_ns) for each in events)
        case _:
            return False


def _applies(model: Model, name: str, event: StockEvent, now_ns: int) -> bool:
    known = model.skus.get(event.sku, {}).get(event.location)
    level = known or Level(event.sku, event.location)
    judged = model.facts.judge_by_name(name, event, level, now_ns)
    recorded = EventOutcome.APPLIED, EventOutcome.ALREADY_COUNTED, EventOutcome.REVERSED
    return judged.outcome in recorded


def words(command: Asked, outcome: Any) -> Any:
    """An outcome of a single command as its caller sees it, without revisions."""
    match command, outcome:
        case _, Unknown():
            return NOT_FOUND
        case _, ReserveOutcome():
            return without_revisions(reserve_response(outcome))
        case _, ExtendOutcome():
            return without_revisions(extend_response(outcome))
        case Move(verb), MoveOutcome():
            return without_revisions(_MOVE_RESPONSES[verb](outcome))
        case GetReservation(), ReservationView():
            return without_revisions(finished(get_reservation_response(command, outcome)))
        case _, EventsOutcome():
            return without_revisions(events_response(outcome))
        case _, AvailabilitiesView(views=views) | Availabilities(views):
            return {
                (view.sku, level.location): tuple(level[1:5])
                for view in views
                if view is not None
                for level in view.levels
                if not isinstance(command, GetAvailability)
                or not command.locations
                or level.location in command.locations
            }
    raise AssertionError(f"{command} has the outcome {outcome}")


def without_revisions(response: Any) -> bytes:
    """A response as bytes that can be compared."""
    bare = type(response)()
    bare.CopyFrom(response)
    bare.ClearField("revisions")
    return bytes(bare.SerializeToString(deterministic=True))


def _linked_codes(model: Model, reserves: Sequence[Reserve]) -> list[Any]:
    """What new reserves of a linked group are answered, one by one, when one of them is short."""
    lines = [line for each in reserves for line in each.lines]
    counts = [len(model.short(tuple(lines[: i + 1]))) for i in range(len(lines))]
    is_short = [now > before for before, now in zip([0, *counts], counts, strict=False)]
    return [
        BatchOutcome.INSUFFICIENT_STOCK if short else BatchOutcome.LINKED_REFUSED
        for short in is_short
    ]


def _code(model: Model, command: Asked, outcome: Any) -> Any:
    """The outcome of one place of a batch, or the outcome and the figures of a stock fact."""
    match command, outcome:
        case _, Unknown():
            return BatchOutcome.UNKNOWN_RESERVATION
        case _, Conflict():
            return BatchOutcome.ID_REUSED
        case _, ReserveOutcome(refusal=None):
            return BatchOutcome.REPEATED if outcome.is_repeat else BatchOutcome.ACCEPTED
        case _, MoveOutcome(refusal=None):
            return BatchOutcome.ACCEPTED
        case Move(verb, key), MoveOutcome(refusal=Refusal(code)):
            state, enters = model.reservations[key].state, TRANSITIONS[verb][1]
            has_gone_on = (state, enters) == (State.FULFILLED, State.COMMITTED)
            if state == enters or has_gone_on:
                return BatchOutcome.REPEATED
            return BatchOutcome[code.name]
        case _, ReserveOutcome(refusal=Refusal(code)):
            return BatchOutcome[code.name]
        case _, EventsOutcome((result,)):
            return int(result.outcome), result.on_hand, result.shortfall, result.available
    raise AssertionError(f"{command} has the outcome {outcome}")


def move_unit(command: Move) -> Unit:
    """The unit of a move without a request id: one of a batch, which moves a reservation whole."""
    return "move", f"{key_text(command.key)} {TRANSITIONS[command.verb][1].name}"


def hex_of(key: Key) -> str:
    """A key as `holdfast journal` spells it."""
    return f"{key.hi:016x}{key.lo:016x}"
