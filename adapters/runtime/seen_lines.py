"""Lines of the reservations of orders as they were last seen, for as long as keys are known.

The core drops the lines of a reservation a day after its end. A state that comes later tells of
units that were done under it and of others that are new, and does not say which is which.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from holdfast.v1 import reservation_service_pb2 as reservation

from .inbox import order_key, remember
from .store import Store

#: What became of units that were open when they were last seen, by how their reservation ended;
#: they were shipped in all other cases.
_ENDS: Final = {
    reservation.RESERVATION_STATE_RELEASED: "released",
    reservation.RESERVATION_STATE_EXPIRED: "expired",
    reservation.RESERVATION_STATE_CANCELLED: "cancelled",
}


class SeenLines:
    """Such lines of a process."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def of(self, order: str) -> Mapping[str, reservation.Reservation]:
        """The reservations of an order that were seen with their lines, by name."""
        with self._store.reading() as tables:
            kept = tables.seen.get(order_key("lines", order))
        seen = reservation.ListReservationsResponse.FromString(kept or b"")
        return {each.reservation_id: each for each in seen.reservations}

    async def note(self, order: str, found: Sequence[reservation.Reservation]) -> None:
        """Keep the lines of an order as they are. Raises StoreFull, StoreFailed."""
        seen = reservation.ListReservationsResponse(
            reservations=(
                reservation.Reservation(reservation_id=each.reservation_id, lines=each.lines)
                for each in found
            )
        )
        key, kept = order_key("lines", order), seen.SerializeToString()
        await self._store.write(lambda tables: remember(tables, key, kept, self._now()))


def recalled(
    found: Sequence[reservation.Reservation], seen: Mapping[str, reservation.Reservation]
) -> list[reservation.Reservation]:
    """Reservations with the lines that were seen of those whose lines the core has dropped."""
    return [
        each if each.lines or each.reservation_id not in seen else _ended(each, seen)
        for each in found
    ]


def _ended(
    each: reservation.Reservation, seen: Mapping[str, reservation.Reservation]
) -> reservation.Reservation:
    """A reservation that has ended, since its lines were dropped: none of its units is open."""
    whole = reservation.Reservation(reservation_id=each.reservation_id, state=each.state)
    whole.lines.extend(seen[each.reservation_id].lines)
    end = _ENDS.get(each.state, "fulfilled")
    for line in whole.lines:
        setattr(line, end, getattr(line, end) + line.held + line.committed)
        line.held = line.committed = 0
    return whole
