"""Counts of one message that say several things of the same stock.

They are of two lots, two shelves, or two of a partner's items that are one SKU here: nobody knows
whether they add up, and the last of them would be taken for all that is there.

Rules of this file: pure.
"""

from collections.abc import Iterable
from typing import Final

from ..events import Event, FactKind, StockFact
from .facts import Dead

COUNTED_TWICE: Final = "COUNTED_TWICE"


def counted_twice(events: Iterable[Event]) -> set[tuple[str, str]]:
    """Sources and ids of the counts of which there are several, of one source, SKU, location and
    instant. One that comes again under its id is one.
    """
    found: dict[tuple[object, ...], set[tuple[str, str]]] = {}
    for event in events:
        if isinstance(event, StockFact) and event.kind is FactKind.COUNT:
            as_of = event.time, event.sequence, event.as_of_sequence
            same = event.source, event.sku, event.location, *as_of
            found.setdefault(same, set()).add((event.source, event.id))
    return {each for some in found.values() if len(some) > 1 for each in some}


def ambiguous(fact: StockFact) -> Dead:
    """What the dead letter of such a count says."""
    text = f"{fact.sku} at {fact.location} is counted again in its message: do the counts add up?"
    return Dead(COUNTED_TWICE, text, "quantity", str(fact.quantity))
