"""Orders that are held and placed: with all their lines, in however many events these come.

Files of rows and many webhooks name one line an event. The core adds nothing to a reservation, so
what an order does not have yet is reserved under its next name, as what a channel orders later is.

Rules of this file: what is refused changes nothing. A line that the order has with another SKU,
location or quantity is refused, unless it is sold already: then what is missing is added, and what
is too much is a case.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final, TypeAlias

from holdfast.edge.client import AlreadyExists
from holdfast.v1 import reservation_service_pb2 as reservation

from ..events import Exceptional, OrderEvent
from .facts import Dead, Settled
from .order_calls import APPLIED, Line, OrderCalls, is_refused, judged, lines_of, needed_lines
from .order_lines import LINE_DIFFERS, Found, next_name
from .order_shortfalls import short_case
from .order_states import OrderStates

ALREADY_PLACED: Final = "ALREADY_PLACED"

#: States of a reservation that was committed, and not called off.
PLACED: Final = {
    reservation.RESERVATION_STATE_COMMITTED,
    reservation.RESERVATION_STATE_FULFILLED,
    reservation.RESERVATION_STATE_RETURNED,
}

#: The refusal of a commit after the hold has run out.
_EXPIRED: Final = "EXPIRED"

#: SKU, location, and the order's id of a line.
_Key: TypeAlias = tuple[str, str, str]


class Placing:
    """Holds and places orders. Raises Undecodable, and what the client raises."""

    def __init__(self, calls: OrderCalls, states: OrderStates) -> None:
        self._calls = calls
        self._states = states

    async def hold(self, event: OrderEvent) -> Settled | Dead:
        """Hold the lines of an event, beside those that are held."""
        try:
            reserved = await self._calls.reserve(event, event.order, needed_lines(event))
            return judged(reserved)
        except AlreadyExists:
            found = await self._states.find(event.order)
            added = await self._add(event, found)
            if isinstance(added, Dead):
                return added
            if not added and len(found) == 1:  # its lines are the same, and something else is not
                raise
            return Settled(APPLIED if added else "ALREADY_HELD")

    async def place(self, event: OrderEvent) -> Settled | Dead:
        """Commit an order with the lines of an event. What is sold already is not refused."""
        placed = await self._placed(event)
        if not event.is_sold:
            return placed
        if isinstance(placed, Dead) and placed.reason == _EXPIRED:  # since it was looked at
            placed = await self._placed(event)
        if isinstance(placed, Dead):
            return placed
        found = await self._states.find(event.order)
        short = await short_case(self._calls.client, event, found)
        return Settled(placed.outcome, short or _case_of(event, difference(event, found)))

    async def _placed(self, event: OrderEvent) -> Settled | Dead:
        found = await self._states.find(event.order)
        added = await self._add(event, found)
        if isinstance(added, Dead):
            return added
        held = [each.reservation_id for each in found if any(line.held for line in each.lines)]
        for name in (*held, *added):
            committed = judged(await self._calls.commit(event, name))
            if isinstance(committed, Dead):
                return committed
        return Settled(APPLIED) if held or added else await self._placed_before(event, found)

    async def _placed_before(self, event: OrderEvent, found: Found) -> Settled | Dead:
        """What an event means that finds nothing to commit: it is a repeat, or comes too late."""
        committed = await self._calls.commit(event, found[-1].reservation_id)
        if is_refused(committed) and any(each.state in PLACED for each in found):
            return Settled(ALREADY_PLACED)
        return judged(committed)

    async def _add(self, event: OrderEvent, found: Found) -> Sequence[str] | Dead:
        """Hold what of an event an order does not have; the name of the reservation, if any."""
        differs = None if event.is_sold else difference(event, found)
        lines = [] if differs else absent(event, found)
        if differs or not lines:
            return differs or []
        name = next_name(event.order, found)
        reserved = judged(await self._calls.reserve(event, name, lines))
        return reserved if isinstance(reserved, Dead) else [name]


def absent(event: OrderEvent, found: Found) -> list[Line]:
    """The lines of an event, as far as an order does not have them. Raises Undecodable where it has
    none, and the event names none.
    """
    if not found:
        return needed_lines(event)
    if any(not each.lines and not _has_run_out(event, each) for each in found):
        return []  # it ended so long ago that nobody can tell
    missing = _asked(event) - _there(event, found)
    return [(sku, location, units, id_) for (sku, location, id_), units in missing.items()]


def difference(event: OrderEvent, found: Found) -> Dead | None:
    """A line of an event that an order has with another SKU, location or quantity; of one that is
    sold already, with a higher quantity or elsewhere as well.
    """
    there = _there(event, found)
    places: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for (sku, location, id_), units in there.items():
        if id_ and units:
            places[id_].add((sku, location))
    for (sku, location, id_), units in _asked(event).items():
        known = there[sku, location, id_]
        if places[id_] - {(sku, location)} and (event.is_sold or not known):
            text = f"the order has line {id_} as another SKU or at another location"
        elif known and (known > units or (known < units and not event.is_sold)):
            text = f"the order has {known} of {sku} at {location} where {units} are named"
        else:
            continue
        return Dead(LINE_DIFFERS, text, "lines", f"{id_ or sku} at {location}")
    return None


def _asked(event: OrderEvent) -> Counter[_Key]:
    asked: Counter[_Key] = Counter()
    for sku, location, units, id_ in lines_of(event):
        asked[sku, location, id_] += units
    return asked


def _there(event: OrderEvent, found: Found) -> Counter[_Key]:
    """Units by line that were reserved. Those whose hold ran out do not count for a sale."""
    there: Counter[_Key] = Counter()
    for each in found:
        for line in each.lines:
            gone = line.expired if event.is_sold else 0
            there[line.sku, line.location, line.line_id] += line.quantity - gone
    return there


def _has_run_out(event: OrderEvent, each: reservation.Reservation) -> bool:
    return event.is_sold and each.state == reservation.RESERVATION_STATE_EXPIRED


def _case_of(event: OrderEvent, differs: Dead | None) -> Exceptional | None:
    if differs is None:
        return None
    return Exceptional(
        source=event.source,
        id=event.id,
        kind="order_differs",
        subject=event.order,
        text=differs.text,
        correlation_id=event.correlation_id,
    )
