"""What a person may not expect of stock events that were recorded, in sentences."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from holdfast.v1 import stock_service_pb2 as stock

Recorded: TypeAlias = tuple[stock.StockEvent, stock.StockEventResult]

_EXCEEDED: Final = (
    stock.STOCK_EVENT_OUTCOME_EXCEEDS_UNAVAILABLE,
    stock.STOCK_EVENT_OUTCOME_EXCEEDS_SHIPPED,
    stock.STOCK_EVENT_OUTCOME_UNKNOWN_ORDER,
)


def event_notes(
    events: Iterable[stock.StockEvent], results: Iterable[stock.StockEventResult]
) -> list[str]:
    """Sentences on what a person may not expect: lines that were new among others that were not,
    fewer units than the event names, and goods that went below zero, as those of a mistyped SKU do.
    """
    recorded = list(zip(events, results, strict=True))
    notes = _new_among_others(recorded)
    for note_on in _NOTES:
        notes += filter(None, (note_on(event, result) for event, result in recorded))
    return notes


def _new_among_others(recorded: Sequence[Recorded]) -> list[str]:
    new = [
        _level(event)
        for event, result in recorded
        if result.outcome == stock.STOCK_EVENT_OUTCOME_APPLIED
    ]
    return [f"New: {', '.join(new)}."] if 0 < len(new) < len(recorded) else []


def _not_seen(event: stock.StockEvent, result: stock.StockEventResult) -> str:
    if not result.reapplied:
        return ""
    return f"{_level(event)}: not seen by the count, {_reapplied(result)}."


def _exceeded(event: stock.StockEvent, result: stock.StockEventResult) -> str:
    if result.outcome not in _EXCEEDED:
        return ""
    return f"{_level(event)}: there are {result.possible:,}, not {event.quantity:,}."


def _promised(event: stock.StockEvent, result: stock.StockEventResult) -> str:
    if result.outcome != stock.STOCK_EVENT_OUTCOME_EXCEEDS_AVAILABLE:
        return ""
    return (
        f"{_level(event)}: {result.possible:,} of {event.quantity:,} may go: the "
        "rest is promised or not there. Say --takes-promised if they have left."
    )


def _overreceived(event: stock.StockEvent, result: stock.StockEventResult) -> str:
    if result.in_transit >= 0:
        return ""
    return (
        f"{event.sku}: under {event.reference.id}, {-result.in_transit:,} units more were received "
        "or lost than dispatched."
    )


def _untracked(event: stock.StockEvent, result: stock.StockEventResult) -> str:
    if not result.untracked:
        return ""
    return (
        f"{_level(event)}: {event.reference.kind} {event.reference.id} is as it "
        "was before: there is no room to note this, or it is not known any more."
    )


def _below_zero(event: stock.StockEvent, result: stock.StockEventResult) -> str:
    if result.on_hand >= 0:
        return ""
    return f"{_level(event)} has {result.on_hand:,} on hand: is the SKU right?"


_NOTES: Final[Sequence[Callable[[stock.StockEvent, stock.StockEventResult], str]]] = (
    *(_not_seen, _exceeded, _promised),
    *(_overreceived, _untracked, _below_zero),
)


def _level(event: stock.StockEvent) -> str:
    return f"{event.sku} at {event.location}"


def _reapplied(result: stock.StockEventResult) -> str:
    """What a count had not seen."""
    kinds = (stock.StockEventKind.Name(each.kind) for each in result.reapplied)
    names = (name.removeprefix("STOCK_EVENT_KIND_").lower() for name in kinds)
    return ", ".join(
        f"{each.quantity:+,} ({name} of {each.source})"
        if each.source
        else f"{each.quantity:+,} shipped"
        for each, name in zip(result.reapplied, names, strict=True)
    )
