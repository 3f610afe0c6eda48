"""The time of the newest state of each order whose quantities fall, for as long as keys are known.

Numbers that rise show by themselves which of two states is the newer. Those that fall do not: an
old state would order again what a newer one has taken off.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

from ..events import OrderEvent
from .inbox import remember
from .store import Store, Tables


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
        key = _key(event.order)

        def note(tables: Tables) -> bool:
            kept = tables.seen.get(key)
            if kept is None or kept < time:
                remember(tables, key, time, self.now())
            return kept is not None and kept > time

        return await self._store.write(note)


def _key(order: str) -> bytes:
    return hashlib.blake2b(b"\0state\0" + order.encode(), digest_size=16).digest()
