"""One short method per RPC: read the request, ask the node, write the answer.

Nothing is decided here. Form is judged in convert.py, admission in router.py, stock in the core. A
method takes the parsed request and returns the response, or raises errors.Fault; handlers.py does
the bytes and the status.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from google.protobuf.message import Message

from holdfast.core.commands import (
    AvailabilitiesView,
    Command,
    Conflict,
    DeleteOutcome,
    EventsOutcome,
    HoldOutcome,
    LocationOutcome,
    MoveOutcome,
    OutOfRange,
    RecordStockEvents,
    ReservationView,
    Unknown,
)
from holdfast.core.model import Verb
from holdfast.v1 import admin_service_pb2 as admin
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import catalog_service_pb2 as catalog
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock

from . import convert
from .errors import Fault
from .router import Router

#: Messages of one stock stream that may wait for their journal entry at once. Enough to keep the
#: journal busy while the next message is on the wire; a faster sender meets gRPC's flow control.
STREAM_IN_FLIGHT_MAX = 8

Expected = TypeVar("Expected")


class Service:
    """The methods of holdfast.v1."""

    def __init__(
        self, router: Router, status: Callable[[admin.GetStatusRequest], admin.GetStatusResponse]
    ) -> None:
        self.router = router
        self.status = status

    async def _ask(
        self, command: Command, expected: type[Expected], request: Message | None = None
    ) -> Expected:
        """Return the outcome, or raise the fault that it is, told in terms of the request."""
        outcome = await self.router.post(command)
        if isinstance(outcome, expected):
            return outcome
        assert isinstance(outcome, Unknown | Conflict | OutOfRange), outcome
        raise convert.fault_from_outcome(outcome, request)

    # ReservationService

    async def Reserve(self, request: reservation.ReserveRequest) -> reservation.ReserveResponse:
        """Hold all lines or none."""
        command = convert.reserve_from_request(request)
        return convert.reserve_response(await self._ask(command, HoldOutcome, request))

    async def Extend(self, request: reservation.ExtendRequest) -> reservation.ExtendResponse:
        """Move the end of a hold."""
        command = convert.extend_from_request(request)
        return convert.extend_response(await self._ask(command, HoldOutcome))

    async def Commit(self, request: reservation.CommitRequest) -> reservation.CommitResponse:
        """Turn held units into committed ones."""
        command = convert.move_from_request(Verb.COMMIT, request)
        outcome = await self._ask(command, MoveOutcome)
        return convert.move_response(reservation.CommitResponse, outcome)

    async def Fulfill(self, request: reservation.FulfillRequest) -> reservation.FulfillResponse:
        """Ship committed units."""
        command = convert.move_from_request(Verb.FULFILL, request)
        outcome = await self._ask(command, MoveOutcome)
        return convert.move_response(reservation.FulfillResponse, outcome)

    async def Release(self, request: reservation.ReleaseRequest) -> reservation.ReleaseResponse:
        """Give held units back."""
        command = convert.move_from_request(Verb.RELEASE, request)
        outcome = await self._ask(command, MoveOutcome)
        return convert.move_response(reservation.ReleaseResponse, outcome)

    async def Cancel(self, request: reservation.CancelRequest) -> reservation.CancelResponse:
        """Give committed units back."""
        command = convert.move_from_request(Verb.CANCEL, request)
        outcome = await self._ask(command, MoveOutcome)
        return convert.move_response(reservation.CancelResponse, outcome)

    async def GetReservation(
        self, request: reservation.GetReservationRequest
    ) -> reservation.GetReservationResponse:
        """Read one reservation."""
        command = convert.get_reservation_from_request(request)
        return convert.get_reservation_response(command, await self._ask(command, ReservationView))

    # AvailabilityService

    async def GetAvailability(
        self, request: availability.GetAvailabilityRequest
    ) -> availability.GetAvailabilityResponse:
        """Read one SKU."""
        command = convert.availability_from_request(request)
        return convert.availability_response(command, await self._ask(command, AvailabilitiesView))

    async def BatchGetAvailability(
        self, request: availability.BatchGetAvailabilityRequest
    ) -> availability.BatchGetAvailabilityResponse:
        """Read several SKUs."""
        command = convert.batch_availability_from_request(request)
        outcome = await self._ask(command, AvailabilitiesView)
        return convert.batch_availability_response(command, outcome)

    # StockService

    async def RecordStockEvents(
        self, request: stock.RecordStockEventsRequest
    ) -> stock.RecordStockEventsResponse:
        """Record stock facts."""
        command = convert.events_from_request(request)
        return convert.events_response(await self._ask(command, EventsOutcome))

    async def ApplyStockEvents(
        self, requests: AsyncIterator[stock.ApplyStockEventsRequest]
    ) -> AsyncIterator[stock.ApplyStockEventsResponse]:
        """Record a stream of stock facts and acknowledge message by message, in order."""
        waiting: asyncio.Queue[_Answer | None] = asyncio.Queue(STREAM_IN_FLIGHT_MAX)
        reader = asyncio.create_task(self._apply_all(requests, waiting))
        try:
            while (answer := await waiting.get()) is not None:
                yield await answer
        finally:
            reader.cancel()

    async def _apply_all(
        self,
        requests: AsyncIterator[stock.ApplyStockEventsRequest],
        waiting: "asyncio.Queue[_Answer | None]",
    ) -> None:
        """Post each message as it comes; one at fault ends the stream, behind those before it."""
        try:
            async for request in requests:
                command = convert.events_from_request(request)
                await waiting.put(asyncio.create_task(self._apply(command)))
            await waiting.put(None)
        except Fault as fault:
            await waiting.put(asyncio.create_task(_fail(fault)))

    async def _apply(self, command: RecordStockEvents) -> stock.ApplyStockEventsResponse:
        return convert.apply_events_response(command, await self._ask(command, EventsOutcome))

    # CatalogService

    async def PutLocation(self, request: catalog.PutLocationRequest) -> catalog.PutLocationResponse:
        """Create or change a location."""
        command = convert.location_from_request(request)
        return convert.location_response(await self._ask(command, LocationOutcome))

    async def ListLocations(
        self, _request: catalog.ListLocationsRequest
    ) -> catalog.ListLocationsResponse:
        """List all locations."""
        return convert.list_locations_response(self.router.pump.node.stock.locations())

    async def DeleteSku(self, request: catalog.DeleteSkuRequest) -> catalog.DeleteSkuResponse:
        """End a SKU."""
        command = convert.delete_sku_from_request(request)
        return convert.delete_sku_response(await self._ask(command, DeleteOutcome))

    # AdminService

    async def GetStatus(self, request: admin.GetStatusRequest) -> admin.GetStatusResponse:
        """Tell what the node is doing."""
        return self.status(request)


_Answer = asyncio.Task[stock.ApplyStockEventsResponse]


async def _fail(fault: Fault) -> stock.ApplyStockEventsResponse:
    raise fault
