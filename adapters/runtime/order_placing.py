"""Orders that are held and placed: with all their lines, in however many events these come.

Files of rows and many webhooks name one line an event. The core adds nothing to a reservation, so
what an order does not have yet is reserved under its next name, as what a channel orders later is.

Rules of this file: what is refused changes nothing. A line that the order has with another SKU,
location or quantity is refused, unless it is sold already: then what is missing is added, and what
is too much is a case.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from holdfast.edge.client import AlreadyExists

from ..events import Exceptional, OrderEvent
from .cases import case_of_order
from .facts import Dead, Settled
from .order_calls import APPLIED, OrderCalls, is_refused, judged, needed_lines
from .order_lines import Found, new_name
from .order_named import EXPIRED, PLACED, absent, concerned, difference, gone
from .order_shortfalls import short_case
from .order_states import OrderStates, looking_again

ALREADY_PLACED: Final = "ALREADY_PLACED"


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
            held = await looking_again(partial(self._held_beside, event))
            if held is None:  # its lines are the same, and something else is not
                raise
            return held

    async def place(self, event: OrderEvent) -> Settled | Dead:
        """Commit the lines of an event, or all of an order. What is sold already is not refused."""
        placed = await looking_again(partial(self._placed, event))
        if not event.is_sold:
            return placed
        if isinstance(placed, Dead) and placed.reason == EXPIRED:  # since it was looked at
            placed = await looking_again(partial(self._placed, event))
        if isinstance(placed, Dead):
            return placed
        event, found = await self._states.look(event)
        short = await short_case(self._calls.client, event, found)
        return Settled(placed.outcome, short or _case_of(event, difference(event, found)))

    async def _held_beside(self, event: OrderEvent) -> Settled | Dead | None:
        event, found = await self._states.look(event)
        added = gone(event, found) or await self._add(event, found)
        if isinstance(added, Dead):
            return added
        if not added and len(found) == 1:
            return None
        return Settled(APPLIED if added else "ALREADY_HELD")

    async def _placed(self, event: OrderEvent) -> Settled | Dead:
        event, found = await self._states.look(event)
        its = concerned(event, found)
        held = [each.reservation_id for each in its if any(line.held for line in each.lines)]
        if is_gone := gone(event, found):
            return is_gone if held else await self._repeated(event, its) or is_gone
        added = await self._add(event, found)
        if isinstance(added, Dead):
            return added
        for name in (*held, *added):
            committed = judged(await self._calls.commit(event, name))
            if isinstance(committed, Dead):
                return committed
        return Settled(APPLIED) if held or added else await self._placed_before(event, its)

    async def _placed_before(self, event: OrderEvent, its: Found) -> Settled | Dead:
        """What an event means that finds nothing to commit: it is a repeat, or comes too late."""
        committed = await self._calls.commit(event, its[-1].reservation_id)
        if is_refused(committed) and any(each.state in PLACED for each in its):
            return Settled(ALREADY_PLACED)
        return judged(committed)

    async def _repeated(self, event: OrderEvent, its: Found) -> Settled | None:
        """What an event was answered whose lines it has committed, and that were given back since:
        the process ended before it could note it.
        """
        for each in its:
            if is_refused(await self._calls.commit(event, each.reservation_id)):
                return None
        return Settled(APPLIED)

    async def _add(self, event: OrderEvent, found: Found) -> Sequence[str] | Dead:
        """Hold what of an event an order does not have; the name of the reservation, if any."""
        differs = None if event.is_sold else difference(event, found)
        lines = [] if differs else absent(event, found)
        if differs or not lines:
            return differs or []
        name = new_name(event.order, found)
        reserved = judged(await self._calls.reserve(event, name, lines))
        return reserved if isinstance(reserved, Dead) else [name]


def _case_of(event: OrderEvent, differs: Dead | None) -> Exceptional | None:
    return None if differs is None else case_of_order(event, "order_differs", differs.text)
