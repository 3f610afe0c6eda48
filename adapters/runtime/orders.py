"""What happens to orders, as commands on the reservations that bear their ids."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Final, TypeAlias

from holdfast.edge.client import Client, NotFound
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation

from ..events import OrderEvent, OrderKind
from .divided import Divided, Parts, part_id
from .facts import Dead, Settled
from .latest_states import LatestStates
from .order_calls import APPLIED, OrderCalls, is_refused, judged, lines_of
from .order_lines import LINE_DIFFERS, has_lines, located, spread, spread_open
from .order_named import PLACED, has_all_or_none
from .order_placing import ALREADY_PLACED, Placing
from .order_states import OrderStates
from .seen_lines import SeenLines

#: Refusals that say that a command found nothing to do, so that another one may.
_NOTHING_TO_DO: Final = {
    common.REFUSAL_CODE_WRONG_STATE,
    common.REFUSAL_CODE_EXCESS_QUANTITY,
    common.REFUSAL_CODE_RESERVATION_ENDED,
}

#: What happens to what is there of an order, all of it where an event names no lines.
_OF_ALL: Final = {
    OrderKind.SHIPPED,
    OrderKind.CANCELLED,
    OrderKind.SETTLED,
    OrderKind.REFUNDED,
}

#: States in which a reservation has nothing to give back.
_ENDED: Final = {
    reservation.RESERVATION_STATE_RELEASED,
    reservation.RESERVATION_STATE_EXPIRED,
    reservation.RESERVATION_STATE_CANCELLED,
}

#: States in which the units of a reservation have left.
_LEFT: Final = {
    reservation.RESERVATION_STATE_FULFILLED,
    reservation.RESERVATION_STATE_RETURNED,
}


CarryOut: TypeAlias = Callable[[OrderEvent], Awaitable[Settled | Dead]]


class Orders:
    """Carries out events of orders on the core. Raises what the client raises, but NotFound; and
    StoreFull, StoreFailed.
    """

    def __init__(
        self, client: Client, divided: Divided, latest: LatestStates, seen: SeenLines
    ) -> None:
        self._calls = OrderCalls(client)
        self._divided = divided
        self.states = OrderStates(self._calls, latest, seen)
        self._placing = Placing(self._calls, self.states)

    async def apply(self, event: OrderEvent) -> Settled | Dead:
        """Carry out an event whose names and quantities are the core's, and that is no case.
        Raises Undecodable.
        """
        by_kind = {
            OrderKind.HELD: self._placing.hold,
            OrderKind.PLACED: self._placing.place,
            OrderKind.SHIPPED: self._ship,
            OrderKind.CANCELLED: self._cancel,
            OrderKind.STATE: self.states.bring_up,
            OrderKind.SETTLED: self._settle,
            OrderKind.REFUNDED: self._refund,
        }
        carry_out = by_kind[event.kind]
        try:
            if event.kind not in _OF_ALL:
                return await carry_out(event)
            if not event.lines or event.kind is OrderKind.SETTLED:
                return await self._whole(event, carry_out)
            return await self._lines(event, carry_out)
        except NotFound as error:
            return Dead(error.reason, error.message, *_blamed(error))

    async def apply_run(self, event: OrderEvent) -> Settled | Dead:
        """Carry out events that were joined, if the core has all of their lines or none, so that
        the outcome is that of each. Nothing is done if it is dead. Raises Undecodable.
        """
        if not has_all_or_none(*await self.states.look(event)):
            text = "the order has some of the lines and not others"
            return Dead(LINE_DIFFERS, text, "order", event.order)
        return await self.apply(event)

    async def _lines(self, event: OrderEvent, carry_out: CarryOut) -> Settled | Dead:
        """Carry out an event on lines. Those that the first reservation of an order does not have,
        or not with so many units, are taken from all that it has; of a refund, those still open.
        """
        if not all(line.location for line in event.lines):
            event, found = await self.states.look(event)
            there = found or [await self._calls.read(event.order)]
            event = replace(event, lines=located(event.lines, there))
        if parts := self._divided.parts(event.source, event.id):
            return await self._in_parts(event, carry_out, parts)
        done = await carry_out(event)
        if done == Settled(APPLIED):
            return done
        event, found = await self.states.look(event)
        parts = spread(event.lines, found)
        is_refund = event.kind is OrderKind.REFUNDED and has_lines(event.lines, found)
        if is_refund and not parts:
            parts = spread_open(event.lines, found)
        if not parts:
            return Settled("NOTHING_OPEN") if is_refund and isinstance(done, Dead) else done
        await self._divided.note(event.source, event.id, parts)
        return await self._in_parts(event, carry_out, parts)

    async def _in_parts(
        self, event: OrderEvent, carry_out: CarryOut, parts: Parts
    ) -> Settled | Dead:
        for name, taken in parts.items():
            lines = tuple(
                replace(event.lines[place], quantity=Decimal(units)) for place, units in taken
            )
            part = replace(event, order=name, lines=lines, id=part_id(event.id, name))
            of_part = await carry_out(part)
            if isinstance(of_part, Dead):
                return of_part
        return Settled(APPLIED)

    async def _whole(self, event: OrderEvent, carry_out: CarryOut) -> Settled | Dead:
        """Carry out an event of a whole order on all its reservations: what was ordered later or
        moved has one of its own. Where that changes something, others had nothing to do.
        """
        found = await self.states.find(event.order)
        names = [each.reservation_id for each in found] or [event.order]
        done = [await carry_out(replace(event, order=name)) for name in names]
        return next((each for each in done if each == Settled(APPLIED)), done[-1])

    async def _settle(self, event: OrderEvent) -> Settled | Dead:
        committed = await self._calls.commit(event, event.order)
        if not is_refused(committed):
            return Settled(APPLIED)
        state = (await self._calls.read(event.order)).state
        if state in PLACED:
            return Settled(ALREADY_PLACED)
        if state in _ENDED:  # whichever way: the money came too late
            return Dead("RESERVATION_ENDED", committed.refusal.message, "order", event.order)
        return judged(committed)

    async def _refund(self, event: OrderEvent) -> Settled | Dead:
        cancelled = await self._cancel(event)
        is_refused_here = isinstance(cancelled, Dead)
        if is_refused_here and (await self._calls.read(event.order)).state in _LEFT:
            return Settled("ALREADY_SHIPPED")
        return cancelled

    async def _ship(self, event: OrderEvent) -> Settled | Dead:
        lines = lines_of(event) or None
        shipped = await self._calls.fulfill(event, event.order, lines)
        if not is_refused(shipped) or shipped.refusal.code not in _NOTHING_TO_DO:
            return judged(shipped)
        # What left may still be held here: shipped is shipped, so the order counts as placed.
        if is_refused(await self._calls.commit(event, event.order)):
            return judged(shipped)
        return judged(await self._calls.fulfill(event, event.order, lines, "ship-placed"))

    async def _cancel(self, event: OrderEvent) -> Settled | Dead:
        """Give back what is committed, what is held, or of a whole order both."""
        lines = lines_of(event) or None
        cancelled = await self._calls.cancel(event, event.order, lines)
        if lines is not None and not is_refused(cancelled):
            return Settled(APPLIED)
        released = await self._calls.release(event, event.order, lines)
        if not is_refused(cancelled) or not is_refused(released):
            return Settled(APPLIED)
        if (await self._calls.read(event.order)).state in _ENDED:
            return Settled("ALREADY_ENDED")
        return judged(cancelled)


def _blamed(error: NotFound) -> tuple[str, str]:
    return error.metadata.get("field", ""), error.metadata.get("value", "")
