"""Taking a command of the model back, so that another order can be tried."""

from collections.abc import Callable
from copy import copy
from dataclasses import fields, replace
from typing import Any

from holdfast.core.commands import Extend, Line, Move, RecordStockEvents, Reserve, StockEvent
from holdfast.core.ids import Key
from tests.edge.history.asked_operations import Operation
from tests.model import Model, StockColumns
from tests.model_reservations import Level

Undo = Callable[[], object]


def keep(model: Model, operation: Operation) -> list[Undo]:
    """What an operation may change, kept; the steps that bring it back, to be taken backwards."""
    steps: list[Undo] = []
    for command in operation.commands:
        match command:
            case Reserve(key, lines):
                steps += [_levels(model, lines), _reservation(model, key)]
            case Move(_, key) | Extend(key):
                known = model.reservations[key]
                steps += [_levels(model, known.asked.lines), _reservation(model, key)]
            case RecordStockEvents(source, events) | StockColumns(source, events):
                steps += [_levels(model, events), _source(model, source)]
    return steps


def _levels(model: Model, lines: tuple[Line, ...] | tuple[StockEvent, ...]) -> Undo:
    known = [line for line in lines if line.location in model.skus.get(line.sku, {})]
    levels = [model.skus[line.sku][line.location] for line in known]
    figures = [_figures(level) for level in levels]
    new = {(line.sku, line.location) for line in lines} - {(e.sku, e.location) for e in known}

    def undo() -> None:
        for level, before in zip(levels, figures, strict=True):
            for name, value in before.items():
                setattr(level, name, value)
        for sku, location in new:
            del model.skus[sku][location]
            if not model.skus[sku]:
                del model.skus[sku]

    return undo


def _figures(level: Level) -> dict[str, Any]:
    """All that a level is, by field."""
    values = {each.name: getattr(level, each.name) for each in fields(level)}
    return {name: copy(value) for name, value in values.items()}


def _reservation(model: Model, key: Key) -> Undo:
    known = model.reservations.get(key)
    if known is None:

        def forget() -> None:
            del model.reservations[key], model.holding[key], model.open[key]

        return forget
    units = [dict(line.units) for line in known.lines.values()]
    requests, expires_at_ns = dict(known.requests), known.expires_at_ns

    def undo() -> None:
        for line, before in zip(known.lines.values(), units, strict=True):
            line.units = dict(before)
        known.requests, known.expires_at_ns = dict(requests), expires_at_ns

    return undo


def _source(model: Model, name: str) -> Undo:
    known = model.facts.sources.get(name)
    if known is None:
        return lambda: model.facts.sources.pop(name, None)
    before = replace(known, ids=dict(known.ids), numbers=dict(known.numbers), gaps=list(known.gaps))
    return lambda: model.facts.sources.update({name: before})
