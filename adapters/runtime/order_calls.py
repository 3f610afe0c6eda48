"""Commands on the reservations of orders, as events of orders make them.

Rules of this file: every command has a request id made of the event's, so that the core answers a
repeat as it did at first, also after a crash between two of them.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, TypeAlias

from holdfast.edge.client import Client
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation

from ..contract import Undecodable
from ..events import OrderEvent
from .facts import Dead, Settled, units

#: Outcome of an event that has changed something.
APPLIED: Final = "APPLIED"

#: What a request id may have.
REQUEST_ID_BYTES_MAX: Final = 128

#: How long what is sold already is held at most until it is committed, which follows at once: as
#: long as the core holds anything, so that a crash in between loses nothing.
SOLD_HOLD: Final = timedelta(days=30)

#: SKU, location, units, and the order's id of the line.
Line: TypeAlias = tuple[str, str, int, str]


class OrderCalls:
    """Calls of the core for events of orders. They raise what the client raises."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def reserve(
        self, event: OrderEvent, name: str, lines: Sequence[Line]
    ) -> reservation.ReserveResponse:
        """Hold lines under a name, whether they are there or not if they are sold already."""
        return await self.client.reserve(
            name,
            lines,
            SOLD_HOLD if event.is_sold else event.hold,
            event.owner,
            already_sold=event.is_sold,
            correlation_id=event.correlation_id or None,
        )

    async def commit(self, event: OrderEvent, name: str) -> reservation.CommitResponse:
        """Commit all that is held under a name."""
        return await self.client.commit(
            name,
            request_id=request_id(event, "commit"),
            correlation_id=event.correlation_id or None,
        )

    async def fulfill(
        self, event: OrderEvent, name: str, lines: Sequence[Line] | None, verb: str = "ship"
    ) -> reservation.FulfillResponse:
        """Ship lines, or all that is committed."""
        return await self.client.fulfill(
            name,
            lines,
            request_id=request_id(event, verb),
            correlation_id=event.correlation_id or None,
        )

    async def cancel(
        self, event: OrderEvent, name: str, lines: Sequence[Line] | None
    ) -> reservation.CancelResponse:
        """Give committed lines back, or all of them."""
        return await self.client.cancel(
            name,
            lines,
            request_id=request_id(event, "cancel"),
            correlation_id=event.correlation_id or None,
        )

    async def release(
        self, event: OrderEvent, name: str, lines: Sequence[Line] | None
    ) -> reservation.ReleaseResponse:
        """Give held lines back, or all of them."""
        return await self.client.release(
            name,
            lines,
            request_id=request_id(event, "release"),
            correlation_id=event.correlation_id or None,
        )

    async def read(self, name: str) -> reservation.Reservation:
        """A reservation as it is now."""
        return (await self.client.get_reservation(name)).reservation


def request_id(event: OrderEvent, verb: str) -> str:
    """The id of a command of an event: the same for every attempt."""
    name = f"{event.source}/{event.id}/{verb}"
    if len(name.encode()) <= REQUEST_ID_BYTES_MAX:
        return name
    return f"{hashlib.blake2b(name.encode(), digest_size=32).hexdigest()}/{verb}"


def lines_of(event: OrderEvent) -> list[Line]:
    """The lines of an event. Raises Undecodable for units that the core cannot count."""
    return [
        (line.sku, line.location, units(f"lines[{place}].quantity", line.quantity), line.id)
        for place, line in enumerate(event.lines)
    ]


def needed_lines(event: OrderEvent) -> list[Line]:
    """The same of an event that makes no sense without. Raises Undecodable."""
    if not event.lines:
        raise Undecodable("lines", (), "what the order is of")
    return lines_of(event)


def is_refused(response: Any) -> bool:
    """Whether the core has refused a command."""
    return bool(response.outcome == common.OUTCOME_REFUSED)


def judged(response: Any) -> Settled | Dead:
    """What an answer means for its event. What the core refuses is a dead letter: an operator
    settles it and replays the event.
    """
    if not is_refused(response):
        return Settled(APPLIED)
    refusal = response.refusal
    code = common.RefusalCode.Name(refusal.code).removeprefix("REFUSAL_CODE_")
    field = "lines" if refusal.lines else "order"
    blamed = ", ".join(f"{line.sku} at {line.location}" for line in refusal.lines)
    return Dead(code, refusal.message, field, blamed)
