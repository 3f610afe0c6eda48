"""Orders that were cancelled before the core had them: what comes late no longer places them.

Channels say how an order stands late and out of order. A cancellation that names no lines, as of a
marketplace that sets the quantities of what is cancelled to 0, leaves nothing in the core that says
so. It is kept here for as long as keys of messages are known.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from ..events import OrderEvent, OrderKind
from .facts import Dead, Settled
from .inbox import order_key, remember
from .store import Store

#: What would place an order.
_PLACING: Final = (OrderKind.HELD, OrderKind.PLACED, OrderKind.STATE)

#: The fault of a core that has no reservation of this name.
_UNKNOWN: Final = "UNKNOWN_RESERVATION"


class Unplaced:
    """Such orders of a process."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def is_over(self, event: OrderEvent) -> bool:
        """Whether an event shows an order as it was before it was cancelled. What was shipped of
        it was, and an event without a time may be a new one.
        """
        if event.kind not in _PLACING or event.time is None:
            return False
        if any(line.shipped for line in event.lines):
            return False
        with self._store.reading() as tables:
            kept = tables.seen.get(order_key("cancelled", event.order))
        return kept is not None and event.time <= datetime.fromisoformat(kept.decode())

    async def note(self, event: OrderEvent) -> None:
        """Keep that an order was cancelled. Raises StoreFull, StoreFailed."""
        now = self._now()
        kept = (event.time or now).astimezone(UTC).isoformat().encode()
        await self._store.write(
            lambda tables: remember(tables, order_key("cancelled", event.order), kept, now)
        )


def is_unplaced(event: OrderEvent, done: Settled | Dead) -> bool:
    """Whether an event cancels an order as a whole that the core does not have."""
    is_whole = event.kind is OrderKind.CANCELLED and not event.lines
    return is_whole and isinstance(done, Dead) and done.reason == _UNKNOWN
