"""Sentences on what became of stock facts, beside the table or the JSON of their results."""

from collections.abc import Iterable
from typing import Final

from holdfast.v1 import stock_service_pb2 as stock

from .console import amount

#: Outcomes of facts that are on record, with all the effect that they can have.
RECORDED: Final = frozenset(
    {
        stock.STOCK_EVENT_OUTCOME_APPLIED,
        stock.STOCK_EVENT_OUTCOME_DUPLICATE,
        stock.STOCK_EVENT_OUTCOME_ALREADY_COUNTED,
        stock.STOCK_EVENT_OUTCOME_REVERSED,
    }
)

_DIFFERS: Final = "{field} was {recorded} and is now {now}"

#: Outcome -> what it means; the others need no words.
SENTENCES: Final = {
    stock.STOCK_EVENT_OUTCOME_OUT_OF_ORDER: "number {event.sequence} is not above the last of the "
    "source, and not missing. If it must count, record it under an event id, without a number.",
    stock.STOCK_EVENT_OUTCOME_UNKNOWN_STOCK_LEVEL: "there is no such stock level.",
    stock.STOCK_EVENT_OUTCOME_OUT_OF_RANGE: "more units than a node counts.",
    stock.STOCK_EVENT_OUTCOME_ID_REUSED: "its id or number was used before with other content: "
    + _DIFFERS
    + ".",
    stock.STOCK_EVENT_OUTCOME_UNKNOWN_SKU: "the SKU is unknown, and the source or the node is not "
    "set to create it by this kind of fact.",
    stock.STOCK_EVENT_OUTCOME_EXCEEDS_UNAVAILABLE: "there are {possible:,} with the status, not "
    "{units:,}.",
    stock.STOCK_EVENT_OUTCOME_EXCEEDS_SHIPPED: "{possible:,} were shipped under "
    "{event.reference.id} and are left, not {units:,}.",
    stock.STOCK_EVENT_OUTCOME_TOO_MANY_STATUSES: "the shard of the SKU knows 64 statuses already.",
    stock.STOCK_EVENT_OUTCOME_COUNT_IN_FUTURE: "the count is of a time that is to come.",
    stock.STOCK_EVENT_OUTCOME_COUNT_OUTDATED: "a later count is known.",
    stock.STOCK_EVENT_OUTCOME_COUNT_TOO_OLD: "the count is older than what the node looks back to.",
    stock.STOCK_EVENT_OUTCOME_UNKNOWN_ORDER: "reservation {event.reference.id} is not known, or "
    "not any more; units shipped of late and not posted: {possible:,}. If {units:,} have "
    "left, record a sale.",
    stock.STOCK_EVENT_OUTCOME_ALREADY_COUNTED: "a count had seen it already.",
    stock.STOCK_EVENT_OUTCOME_REVERSED: "its reversal came before it, so it changes nothing.",
    stock.STOCK_EVENT_OUTCOME_REVERSAL_PENDING: "nothing is undone yet: the reversal waits for "
    "event {event.reverses.event_id} of this kind, which has not come. Is that the id that was "
    "printed when it was recorded? `holdfast sources reversals` lists what waits.",
    stock.STOCK_EVENT_OUTCOME_ALREADY_REVERSED: "another reversal has undone event "
    "{event.reverses.event_id}, or waits for it.",
    stock.STOCK_EVENT_OUTCOME_REVERSAL_DIFFERS: "event {event.reverses.event_id} said something "
    "else: " + _DIFFERS + ".",
    stock.STOCK_EVENT_OUTCOME_CANNOT_REVERSE: "no more reversals can wait, or be of reversals. "
    "Record the opposite fact.",
    stock.STOCK_EVENT_OUTCOME_SUPPLY_OUTDATED: "something later is known of this supply.",
    stock.STOCK_EVENT_OUTCOME_TOO_MANY_SUPPLIES: "there is no room for another supply or transfer.",
    stock.STOCK_EVENT_OUTCOME_EXCEEDS_AVAILABLE: "{possible:,} of {units:,} may go: the rest is "
    "promised or not there. Say --takes-promised if they have left.",
}


def notes(
    events: Iterable[stock.StockEvent], results: Iterable[stock.StockEventResult]
) -> list[str]:
    """Sentences on what a person may not expect: lines that were new among others that were not,
    facts without effect, and goods that went below zero, as those of a mistyped SKU do.
    """
    pairs = list(zip(events, results, strict=True))
    new = [
        f"{event.sku} at {event.location}"
        for event, result in pairs
        if result.outcome == stock.STOCK_EVENT_OUTCOME_APPLIED
    ]
    found = [f"New: {', '.join(new)}."] if 0 < len(new) < len(pairs) else []
    found += [
        f"{event.sku} at {event.location}: not seen by the count, {_reapplied(result)}."
        for event, result in pairs
        if result.reapplied
    ]
    found += [
        f"{event.sku} at {event.location}: {sentence(event, result)}"
        for event, result in pairs
        if result.outcome in SENTENCES
    ]
    found += [
        f"{event.sku}: under {event.reference.id}, {amount(-result.in_transit, 'unit')} more "
        "received or lost than dispatched."
        for event, result in pairs
        if result.in_transit < 0
    ]
    found += [
        f"{event.sku} at {event.location}: {event.reference.kind} {event.reference.id} is as it "
        "was before: there is no room to note this, or it is not known any more."
        for event, result in pairs
        if result.untracked
    ]
    return found + [
        f"{event.sku} at {event.location} has {result.on_hand:,} on hand: is the SKU right?"
        for event, result in pairs
        if result.on_hand < 0
    ]


def sentence(event: stock.StockEvent, result: stock.StockEventResult) -> str:
    """What an outcome means for an event; of one that is in SENTENCES."""
    difference = result.difference
    return SENTENCES[result.outcome].format(
        event=event,
        units=abs(event.quantity),
        possible=result.possible,
        field=difference.field,
        recorded=difference.recorded,
        now=difference.now,
    )


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
