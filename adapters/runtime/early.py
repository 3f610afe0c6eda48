"""Events that overtook their order: they wait for it, and become dead letters if it does not come.

Partners send side by side: a warehouse may report a shipment, or a shop a refund, before the order
or its shipment has come from another one. What the core refuses then it takes a little later.

Rules of this file: an event that waits lies beside the inbox, and comes into it again when its time
is due, after what came meanwhile. What an operator replays does not wait.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Final

from ..contract import Message
from ..events import Event
from ..intake import cloudevents
from . import boxes
from .facts import Dead
from .records import Waiting, lane_prefix, pack_waiting, read_waiting
from .store import Store, Tables

#: Seconds between the attempts: six more within an hour.
WAITS_S: Final = (5, 10, 45, 240, 600, 2_700)

#: What the core says of an order, a line or units that it does not know yet.
REASONS: Final = {"UNKNOWN_RESERVATION", "NO_SUCH_LINE", "UNKNOWN_ORDER", "EXCEEDS_SHIPPED"}

#: How many come back at once: not more than a page of a lane takes.
DUE_MAX: Final = 500


class Early:
    """Such events of an adapter."""

    def __init__(self, store: Store, adapter: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._adapter = adapter
        self._prefix = b"\0early\0" + lane_prefix(adapter)
        self._now = now

    async def come_due(self) -> None:
        """Put those whose time has come into the inbox again. Raises StoreFull, StoreFailed."""
        with self._store.reading() as tables:
            due = list(islice(self._due(tables), DUE_MAX))
        if due:
            await self._store.write(lambda tables: self._put_back(tables, due))

    def put_aside(
        self, waiting: Waiting, event: Event, dead: Dead
    ) -> Callable[[Tables], None] | None:
        """The change that lets an event wait for its order; None where waiting does not help, or
        has not.
        """
        has_time = waiting.attempts < len(WAITS_S) and not waiting.replay_of
        if dead.reason not in REASONS or not has_time:
            return None
        attributes = {"content-type": cloudevents.STRUCTURED}
        message = Message(cloudevents.to_json(event), attributes, waiting.message.received)
        attempts = waiting.attempts + 1
        early = replace(waiting, message=message, attempts=attempts, is_event=True, delivered=())
        due_ms = _milliseconds(self._now()) + WAITS_S[waiting.attempts] * 1_000

        def change(tables: Tables) -> None:
            key = self._prefix + due_ms.to_bytes(8) + boxes.new_number(tables).to_bytes(8)
            tables.inbox.put(key, pack_waiting(early))
            boxes.count(tables, boxes.EARLY, self._adapter, 1)

        return change

    def _due(self, tables: Tables) -> Iterator[bytes]:
        end = self._prefix + (_milliseconds(self._now()) + 1).to_bytes(8)
        for key, _ in tables.inbox.entries(self._prefix):
            if key >= end:
                return
            yield key

    def _put_back(self, tables: Tables, due: list[bytes]) -> None:
        for key in due:
            if (record := tables.inbox.get(key)) is not None:
                tables.inbox.delete(key)
                boxes.count(tables, boxes.EARLY, self._adapter, -1)
                early = replace(read_waiting(key, record), number=boxes.new_number(tables))
                boxes.put(tables, boxes.INBOX, self._adapter, early)


def _milliseconds(now: datetime) -> int:
    return int(now.timestamp() * 1_000)
