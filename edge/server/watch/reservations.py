"""Watchers of reservations: each asks the ledger for what comes after its token, page by page.

A watcher is a token: the node keeps nothing for it, so a slow one costs nothing, and one that
comes back after a restart goes on.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from google.protobuf.message import Message

from holdfast.v1.watch_service_pb2 import (
    WATCH_START_NOW,
    WATCH_START_UNSPECIFIED,
    WatchReservationsRequest,
    WatchReservationsResponse,
)

from ...wire import faults
from ...wire.reservation_changes import PAGE_MAX, check_watch, token_from
from ..ledger_reader import LedgerReader
from ..pump import Pump

#: Open calls of WatchReservations. Each asks the ledger's process, which does one thing at a time.
RESERVATION_WATCHERS_MAX: Final = 100

#: How long a watcher rests between two questions, for each watcher that there is: so together they
#: ask a hundred times a second at most.
REST_S: Final = 0.01

#: Rests after which a watcher that got nothing asks again though nothing was appended: the
#: ledger may have been behind.
QUIET_RESTS: Final = 100


_FROM_NOW: Final = (WATCH_START_UNSPECIFIED, WATCH_START_NOW)


class ReservationWatches:
    """All watchers of reservations of a node with this ledger, None for one that keeps none."""

    def __init__(self, ledger_reader: LedgerReader | None, pump: Pump) -> None:
        self._ledger_reader = ledger_reader
        self._pump = pump
        self._watchers = 0

    def __repr__(self) -> str:
        return f"<ReservationWatches of {self._watchers} watchers>"

    async def watch(self, request: WatchReservationsRequest) -> AsyncIterator[Message]:
        """The responses to a watcher, without end. Raises a `Fault`."""
        if self._ledger_reader is None:
            raise faults.ledger_off()
        if self._watchers >= RESERVATION_WATCHERS_MAX:
            raise faults.too_many_watchers("WatchReservations", RESERVATION_WATCHERS_MAX)
        self._watchers += 1
        try:
            async for response in self._responses(self._ledger_reader, request):
                yield response
        finally:
            self._watchers -= 1

    async def _responses(
        self, reader: LedgerReader, request: WatchReservationsRequest
    ) -> AsyncIterator[WatchReservationsResponse]:
        check_watch(request)
        asked = WatchReservationsRequest()
        asked.CopyFrom(request)
        is_first = True
        if not asked.resume_token and asked.start in _FROM_NOW:
            # At once, without the ledger: a caller cut off before that answers then misses nothing.
            asked.resume_token = token_from(self._pump.node.timeline, self._pump.now_ns())
            yield WatchReservationsResponse(resume_token=asked.resume_token)
            is_first = False
        while True:
            position = reader.durable_position()
            answer = await reader.ask("WatchReservations", asked)
            response = WatchReservationsResponse.FromString(answer.SerializeToString())
            asked.resume_token = response.resume_token
            if is_first or response.changes or response.reset:
                yield response
            is_first = False
            if len(response.changes) >= PAGE_MAX:
                await asyncio.sleep(REST_S)
                continue
            for _ in range(1 if response.changes else QUIET_RESTS):
                await asyncio.sleep(REST_S * self._watchers)
                if reader.durable_position() != position:
                    break
