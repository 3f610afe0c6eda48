"""What was tried in the model and taken back has left no trace."""

from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Any

from holdfast.core.commands import (
    Extend,
    Move,
    RecordStockEvents,
    Reserve,
    StockEvent,
)
from holdfast.core.ids import event_key
from holdfast.core.limits import NS_PER_MS
from holdfast.core.model import EventKind
from tests.edge.history.asked_operations import Operation
from tests.edge.history.requests import OPENING_UNITS, PLACES, PUT_PLACES, SKUS, Imagination
from tests.edge.history.undoing import Undo, keep
from tests.model import Model, StockColumns

NAMES = [(sku, place) for sku in SKUS for place in PLACES]
CALLERS = 4
TURNS = 40


def opening() -> Operation:
    """The goods that callers of a history ask for."""
    events = [
        StockEvent(event_key("", f"{name}"), 0, *name, EventKind.RECEIPT, OPENING_UNITS)
        for name in NAMES
    ]
    return Operation((RecordStockEvents("opening", tuple(events)),))


def all_of(model: Model) -> str:
    """All that a model knows, in words that can be compared."""
    model.check_invariants()
    return repr(vars(model))


def take(
    model: Model, operations: Sequence[Operation], now_ns: int
) -> tuple[list[Undo], set[type[Any]]]:
    """Execute operations as the checker does: the steps that take them back, and which kinds of
    them took effect. What has no effect is executed too, and has to leave the model as it was.
    """
    trail, kinds = [], set()
    for operation in operations:
        if operation.changes(model, now_ns):
            trail += keep(model, operation)
            kinds |= {type(each) for each in operation.commands}
        operation.answer(model, now_ns)
    return trail, kinds


def test_what_is_taken_back_leaves_no_trace() -> None:
    """The operations of a turn are tried in two orders, and come to pass in a third; holds end
    between turns.
    """
    chance = Random(7)
    model = Model()
    for place in PUT_PLACES:
        model.execute(place, 0)
    handles = {name: number for number, name in enumerate(NAMES)}
    shared: deque[Any] = deque(maxlen=40)
    callers = [Imagination(f"c{n}", Random(n), handles, shared) for n in range(CALLERS)]
    seen: set[type[Any]] = set()
    for turn in range(TURNS):
        now_ns = turn * 400 * NS_PER_MS
        model.expire(now_ns)
        asked = (each for caller in callers for each in caller.next().operations)
        operations = list(asked) if turn else [opening()]
        before = all_of(model)
        for _ in range(2):
            chance.shuffle(operations)
            trail, _ = take(model, operations, now_ns)
            while trail:
                trail.pop()()
            assert before == all_of(model)
        chance.shuffle(operations)
        seen |= take(model, operations, now_ns)[1]
    assert {Reserve, Move, Extend, RecordStockEvents, StockColumns} == seen
    assert any(reservation.state.name == "EXPIRED" for reservation in model.reservations.values())
