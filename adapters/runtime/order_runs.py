"""Events of an order that name some of its lines each, such as rows of a file, as one event.

The core adds nothing to a reservation, so each of them would make one of its own, and whatever
comes later of the order looks at all of these.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final, TypeVar

from ..events import Event, OrderEvent, OrderKind

Item = TypeVar("Item")

#: What adds lines to an order.
_ADDING: Final = (OrderKind.HELD, OrderKind.PLACED)


def runs(items: Iterable[Item], event_of: Callable[[Item], Event]) -> Iterator[list[Item]]:
    """Items of an order in their order, together where their events can be one."""
    run: list[Item] = []
    names: set[object] = set()
    for item in items:
        event = event_of(item)
        its = _names(event)
        if run and not (_are_alike(event_of(run[0]), event) and names.isdisjoint(its)):
            yield run
            run, names = [], set()
        run.append(item)
        names |= its
    if run:
        yield run


def joined(events: Sequence[Event]) -> OrderEvent:
    """Events of a run of several as one, with the ids of the first."""
    orders = [event for event in events if isinstance(event, OrderEvent)]
    return replace(orders[0], lines=tuple(chain.from_iterable(each.lines for each in orders)))


def _are_alike(first: Event, event: Event) -> bool:
    """Whether two events add lines, and are the same but for these and what they are known by."""
    if not isinstance(first, OrderEvent) or not isinstance(event, OrderEvent):
        return False
    if event.kind not in _ADDING or not event.lines or not first.lines:
        return False
    traced = replace(event, correlation_id=first.correlation_id)
    return replace(traced, id=first.id, lines=first.lines) == first


def _names(event: Event) -> set[object]:
    """How the lines of an event are told apart. One that is named again is a repeat."""
    if not isinstance(event, OrderEvent):
        return set()
    return {line.id or (line.sku, line.location) for line in event.lines}
