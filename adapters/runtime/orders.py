"""What happens to orders, as commands on the reservations that bear their ids.

Rules of this file: every command has a request id made of the event's, so that the core answers a
repeat as it did at first, also after a crash between two of them. What the core refuses is a dead
letter: an operator settles it and replays the event.
"""

import hashlib
from typing import Any, Final

from holdfast.edge.client import Client, NotFound
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation

from ..contract import Undecodable
from ..events import OrderEvent, OrderKind
from .facts import Dead, Settled, units

#: What a request id may have.
REQUEST_ID_BYTES_MAX: Final = 128

#: Refusals that say that a command found nothing to do, so that another one may.
_NOTHING_TO_DO: Final = {
    common.REFUSAL_CODE_WRONG_STATE,
    common.REFUSAL_CODE_EXCESS_QUANTITY,
    common.REFUSAL_CODE_RESERVATION_ENDED,
}

#: States in which a reservation has nothing to give back.
_ENDED: Final = {
    reservation.RESERVATION_STATE_RELEASED,
    reservation.RESERVATION_STATE_EXPIRED,
    reservation.RESERVATION_STATE_CANCELLED,
}


class Orders:
    """Carries out events of orders on the core. Raises what the client raises, but NotFound."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def apply(self, event: OrderEvent) -> Settled | Dead:
        """Carry out an event whose names and quantities are the core's. Raises Undecodable."""
        by_kind = {
            OrderKind.HELD: self._hold,
            OrderKind.PLACED: self._place,
            OrderKind.SHIPPED: self._ship,
            OrderKind.CANCELLED: self._cancel,
        }
        try:
            return await by_kind[event.kind](event)
        except NotFound as error:
            return Dead(error.reason, error.message, *_blamed(error))

    async def _hold(self, event: OrderEvent) -> Settled | Dead:
        return _judged(await self._reserve(event))

    async def _place(self, event: OrderEvent) -> Settled | Dead:
        try:
            committed = await self._commit(event)
        except NotFound:
            reserved = _judged(await self._reserve(event))
            if isinstance(reserved, Dead):
                return reserved
            committed = await self._commit(event)
        if _is_refused(committed) and committed.refusal.code == common.REFUSAL_CODE_WRONG_STATE:
            state = await self._state(event)
            if state == reservation.RESERVATION_STATE_COMMITTED:
                return Settled("ALREADY_PLACED")
        return _judged(committed)

    async def _ship(self, event: OrderEvent) -> Settled | Dead:
        shipped = await self._fulfill(event, "ship")
        if not _is_refused(shipped) or shipped.refusal.code not in _NOTHING_TO_DO:
            return _judged(shipped)
        # What left may still be held here: shipped is shipped, so the order counts as placed.
        if _is_refused(await self._commit(event)):
            return _judged(shipped)
        return _judged(await self._fulfill(event, "ship-placed"))

    async def _cancel(self, event: OrderEvent) -> Settled | Dead:
        """Give back what is committed, what is held, or of a whole order both."""
        lines, correlation_id = _lines(event) or None, event.correlation_id or None
        cancelled = await self._client.cancel(
            event.order,
            lines,
            request_id=request_id(event, "cancel"),
            correlation_id=correlation_id,
        )
        if lines is not None and not _is_refused(cancelled):
            return Settled("APPLIED")
        released = await self._client.release(
            event.order,
            lines,
            request_id=request_id(event, "release"),
            correlation_id=correlation_id,
        )
        if not _is_refused(cancelled) or not _is_refused(released):
            return Settled("APPLIED")
        if await self._state(event) in _ENDED:
            return Settled("ALREADY_ENDED")
        return _judged(cancelled)

    async def _reserve(self, event: OrderEvent) -> reservation.ReserveResponse:
        if not event.lines:
            raise Undecodable("lines", (), "what the order is of")
        return await self._client.reserve(
            event.order,
            _lines(event),
            event.hold,
            event.owner,
            correlation_id=event.correlation_id or None,
        )

    async def _commit(self, event: OrderEvent) -> reservation.CommitResponse:
        return await self._client.commit(
            event.order,
            request_id=request_id(event, "commit"),
            correlation_id=event.correlation_id or None,
        )

    async def _fulfill(self, event: OrderEvent, verb: str) -> reservation.FulfillResponse:
        return await self._client.fulfill(
            event.order,
            _lines(event) or None,
            request_id=request_id(event, verb),
            correlation_id=event.correlation_id or None,
        )

    async def _state(self, event: OrderEvent) -> int:
        found = await self._client.get_reservation(event.order)
        return int(found.reservation.state)


def request_id(event: OrderEvent, verb: str) -> str:
    """The id of a command of an event: the same for every attempt."""
    name = f"{event.source}/{event.id}/{verb}"
    if len(name.encode()) <= REQUEST_ID_BYTES_MAX:
        return name
    return f"{hashlib.blake2b(name.encode(), digest_size=32).hexdigest()}/{verb}"


def _lines(event: OrderEvent) -> list[tuple[str, str, int, str]]:
    return [
        (line.sku, line.location, units(f"lines[{place}].quantity", line.quantity), line.id)
        for place, line in enumerate(event.lines)
    ]


def _is_refused(response: Any) -> bool:
    return bool(response.outcome == common.OUTCOME_REFUSED)


def _judged(response: Any) -> Settled | Dead:
    if not _is_refused(response):
        return Settled("APPLIED")
    refusal = response.refusal
    code = common.RefusalCode.Name(refusal.code).removeprefix("REFUSAL_CODE_")
    field = "lines" if refusal.lines else "order"
    blamed = ", ".join(f"{line.sku} at {line.location}" for line in refusal.lines)
    return Dead(code, refusal.message, field, blamed)


def _blamed(error: NotFound) -> tuple[str, str]:
    return error.metadata.get("field", ""), error.metadata.get("value", "")
