"""The time of the newest state of each order whose quantities fall, for as long as keys are known;
and when an order was first heard of that does not say when it was placed, for a year.

Numbers that rise show by themselves which of two states is the newer. Those that fall do not: an
old state would order again what a newer one has taken off.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from ..events import OrderEvent
from .inbox import order_key, remember
from .store import Store, Tables

#: How long it is known when an order was first heard of: shops change a tag of one after months.
FIRST_KEPT: Final = timedelta(days=365)


class LatestStates:
    """Such times of a process."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self.now = now

    async def is_outdated(self, event: OrderEvent) -> bool:
        """Whether a newer state of the order came before; else this one is the newest from now on.
        One without a time counts as the newest, and is not kept. Raises StoreFull, StoreFailed.
        """
        if event.time is None:
            return False
        time = event.time.astimezone(UTC).isoformat(timespec="microseconds").encode()
        key = order_key("state", event.order)

        def note(tables: Tables) -> bool:
            kept = tables.seen.get(key)
            if kept is None or kept < time:
                remember(tables, key, time, self.now())
            return kept is not None and kept > time

        return await self._store.write(note)

    async def placed(self, event: OrderEvent) -> datetime:
        """When an order was placed, as far as its event says so; else when it was first heard of,
        which is later: the core has known it for no longer. Raises StoreFull, StoreFailed.
        """
        now = self.now()
        if event.placed_time is not None and event.placed_time <= now:
            return event.placed_time
        key = order_key("first", event.order)

        def note(tables: Tables) -> bytes:
            kept = tables.seen.get(key)
            if kept is None:
                kept = now.astimezone(UTC).isoformat().encode()
                remember(tables, key, kept, now + FIRST_KEPT)
            return kept

        return datetime.fromisoformat((await self._store.write(note)).decode())
