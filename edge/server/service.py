"""One short method per RPC: read the request, ask the node, write the answer.

edge/wire checks the form of a request, admission.py whether the node can take it, and the core
decides. A method takes the parsed request and the context of its call, and returns the response or
raises a `Fault`; endpoints.py handles bytes and status. A method that streams takes or returns an
iterator instead.
"""

from collections.abc import AsyncIterator
from functools import partial

from google.protobuf.message import Message

from holdfast.core.commands import ReserveAgainstSupply, ReserveAlreadySold
from holdfast.core.commands.registry import (
    AVAILABLE_TO_PROMISE,
    CREATE_LOCATION,
    DELETE_SKU,
    EXTEND,
    GET_AVAILABILITY,
    GET_LOCATION,
    GET_RESERVATION,
    GET_SHORTFALL,
    LIST_LOCATIONS,
    MERGE_SKU,
    MOVE,
    MOVE_BATCH,
    READ_LEVELS,
    RECORD_STOCK_EVENTS,
    RENAME_SKU,
    RESERVE,
    RESERVE_AGAINST_SUPPLY,
    RESERVE_ALREADY_SOLD,
    RESERVE_BATCH,
    RESOLVE_LEVELS,
    UPDATE_LOCATION,
)
from holdfast.core.model import Verb
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import catalog_service_pb2 as catalog
from holdfast.v1 import ledger_service_pb2 as ledger
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock
from holdfast.v1 import watch_service_pb2 as watch

from ..wire import batches, faults
from ..wire.availability import (
    availability_from_request,
    availability_response,
    batch_availability_from_request,
    handles_from_request,
    handles_response,
    is_by_handle,
    levels_from_request,
    levels_response,
)
from ..wire.batch_availability import batch_availability_response
from ..wire.catalogue import (
    create_from_request,
    create_response,
    delete_sku_from_request,
    delete_sku_response,
    get_location_from_request,
    get_location_response,
    list_from_request,
    list_response,
    merge_sku_from_request,
    merge_sku_response,
    rename_sku_from_request,
    rename_sku_response,
    update_from_request,
    update_response,
)
from ..wire.encoding import Encoded
from ..wire.page_tokens import list_asked_for
from ..wire.reservations import (
    extend_from_request,
    extend_response,
    fulfill_response,
    get_reservation_from_request,
    get_reservation_response,
    move_from_request,
    move_response,
    reserve_from_request,
    reserve_response,
)
from ..wire.shortfalls import shortfall_from_request, shortfall_response
from ..wire.stock_batches import stock_from_request, stock_refused, stock_response
from ..wire.stock_facts import events_from_request, events_response
from ..wire.supply import promise_from_request, promise_response
from ..wire.validation import check_has_been
from .admission import Admission
from .context import CallContext
from .ledger_reader import LedgerReader
from .ordered_streams import OrderedStreams
from .pace import Pace
from .reserve_lane import ReserveLane
from .watch.reservations import ReservationWatches
from .watch.watches import Watches


class Service:
    """The methods of holdfast.v1."""

    def __init__(self, admission: Admission, ledger_reader: LedgerReader | None = None) -> None:
        """`ledger_reader` is None where no ledger is kept."""
        self.admission = admission
        self._ledger_reader = ledger_reader
        self.streams = OrderedStreams(admission)
        self.pace = Pace()
        self.lanes = {"Reserve": ReserveLane(admission)}
        """By method: where calls wait together for a turn. Those that cannot go to the method."""
        self.watches = Watches(admission.pump)
        self._reservation_watches = ReservationWatches(ledger_reader, admission.pump)
        self._ask = admission.ask
        self._timeline = admission.pump.node.timeline

    # ReservationService

    async def Reserve(
        self, request: reservation.ReserveRequest, context: CallContext
    ) -> reservation.ReserveResponse:
        """Hold all lines or none."""
        command = reserve_from_request(request)
        # The request goes along because faults name its lines by their number. The engine counts
        # lines after equal ones are summed, the caller before.
        if isinstance(command, ReserveAgainstSupply):
            outcome = await self._ask(RESERVE_AGAINST_SUPPLY, context, command, request)
        elif isinstance(command, ReserveAlreadySold):
            outcome = await self._ask(RESERVE_ALREADY_SOLD, context, command, request)
        else:
            outcome = await self._ask(RESERVE, context, command, request)
        return reserve_response(outcome)

    async def Extend(
        self, request: reservation.ExtendRequest, context: CallContext
    ) -> reservation.ExtendResponse:
        """Move the end of a hold."""
        command = extend_from_request(request)
        return extend_response(await self._ask(EXTEND, context, command, request))

    async def Commit(
        self, request: reservation.CommitRequest, context: CallContext
    ) -> reservation.CommitResponse:
        """Turn held units into committed ones."""
        command = move_from_request(Verb.COMMIT, request)
        outcome = await self._ask(MOVE, context, command, request)
        return move_response(reservation.CommitResponse, outcome)

    async def Fulfill(
        self, request: reservation.FulfillRequest, context: CallContext
    ) -> reservation.FulfillResponse:
        """Ship committed units."""
        command = move_from_request(Verb.FULFILL, request)
        return fulfill_response(await self._ask(MOVE, context, command, request))

    async def Release(
        self, request: reservation.ReleaseRequest, context: CallContext
    ) -> reservation.ReleaseResponse:
        """Give held units back."""
        command = move_from_request(Verb.RELEASE, request)
        outcome = await self._ask(MOVE, context, command, request)
        return move_response(reservation.ReleaseResponse, outcome)

    async def Cancel(
        self, request: reservation.CancelRequest, context: CallContext
    ) -> reservation.CancelResponse:
        """Give committed units back."""
        command = move_from_request(Verb.CANCEL, request)
        outcome = await self._ask(MOVE, context, command, request)
        return move_response(reservation.CancelResponse, outcome)

    async def GetReservation(
        self, request: reservation.GetReservationRequest, context: CallContext
    ) -> reservation.GetReservationResponse:
        """Read one reservation."""
        command = get_reservation_from_request(request)
        view = await self._ask(GET_RESERVATION, context, command)
        return await self.pace.finish(get_reservation_response(command, view))

    async def ListReservations(
        self, request: reservation.ListReservationsRequest, _context: CallContext
    ) -> Encoded:
        """List reservations by SKU, location, state, age or owner."""
        return await self._ledger().ask("ListReservations", request)

    async def BatchReserve(self, request: Message, context: CallContext) -> Message:
        """Hold many single lines."""
        command = batches.reserve_batch_from_request(request, self._timeline)
        return batches.reserve_batch_response(await self._ask(RESERVE_BATCH, context, command))

    async def BatchCommit(self, request: Message, context: CallContext) -> Message:
        """Commit many reservations whole."""
        command = batches.move_batch_from_request(Verb.COMMIT, request)
        outcome = await self._ask(MOVE_BATCH, context, command)
        return batches.move_batch_response(reservation.BatchCommitResponse, outcome)

    async def BatchFulfill(self, request: Message, context: CallContext) -> Message:
        """Fulfill many reservations whole."""
        command = batches.move_batch_from_request(Verb.FULFILL, request)
        outcome = await self._ask(MOVE_BATCH, context, command)
        return batches.move_batch_response(reservation.BatchFulfillResponse, outcome)

    async def BatchRelease(self, request: Message, context: CallContext) -> Message:
        """Release many reservations whole."""
        command = batches.move_batch_from_request(Verb.RELEASE, request)
        outcome = await self._ask(MOVE_BATCH, context, command)
        return batches.move_batch_response(reservation.BatchReleaseResponse, outcome)

    def ReserveStream(
        self, requests: AsyncIterator[Message], context: CallContext
    ) -> AsyncIterator[Message]:
        """Hold, commit, fulfill and release in batches, answered in their order."""
        return self.streams.answer(
            requests,
            context,
            partial(batches.stream_batch_from_request, timeline=self._timeline),
            batches.stream_batch_response,
            batches.stream_batch_refused,
        )

    # AvailabilityService

    async def GetAvailability(
        self, request: availability.GetAvailabilityRequest, context: CallContext
    ) -> availability.GetAvailabilityResponse:
        """Read one SKU."""
        command = availability_from_request(request)
        outcome = await self._ask(GET_AVAILABILITY, context, command)
        return await self.pace.finish(availability_response(command, outcome))

    async def BatchGetAvailability(
        self, request: availability.BatchGetAvailabilityRequest, context: CallContext
    ) -> Message | Encoded:
        """Read several SKUs, or stock levels by handle."""
        if is_by_handle(request):
            handles = handles_from_request(request, self._timeline)
            return handles_response(await self._ask(READ_LEVELS, context, handles))
        command = batch_availability_from_request(request)
        outcome = await self._ask(GET_AVAILABILITY, context, command)
        return await self.pace.finish(batch_availability_response(command, outcome))

    async def GetAvailableToPromise(
        self, request: availability.GetAvailableToPromiseRequest, context: CallContext
    ) -> availability.GetAvailableToPromiseResponse:
        """Read how much of one SKU may be promised, by date."""
        asked = list_asked_for(request, self._timeline)
        command = promise_from_request(request, asked)
        view = await self._ask(AVAILABLE_TO_PROMISE, context, command)
        return promise_response(view, asked)

    async def ResolveStockLevels(
        self, request: availability.ResolveStockLevelsRequest, context: CallContext
    ) -> Message:
        """Look up the handles of stock levels."""
        command = levels_from_request(request)
        return levels_response(command, await self._ask(RESOLVE_LEVELS, context, command))

    async def GetShortfall(
        self, request: availability.GetShortfallRequest, context: CallContext
    ) -> availability.GetShortfallResponse:
        """Read the shortfall of a stock level."""
        command = shortfall_from_request(request)
        return shortfall_response(await self._ask(GET_SHORTFALL, context, command))

    # StockService

    async def RecordStockEvents(
        self, request: stock.RecordStockEventsRequest, context: CallContext
    ) -> stock.RecordStockEventsResponse:
        """Record stock facts."""
        command = events_from_request(request)
        return events_response(await self._ask(RECORD_STOCK_EVENTS, context, command))

    def RecordStockEventsStream(
        self, requests: AsyncIterator[Message], context: CallContext
    ) -> AsyncIterator[Message]:
        """Record a stream of stock facts, acknowledged message by message, in their order."""
        read = partial(stock_from_request, timeline=self._timeline)
        return self.streams.answer(requests, context, read, stock_response, stock_refused)

    # WatchService

    def WatchAvailability(
        self, request: watch.WatchAvailabilityRequest, _context: CallContext
    ) -> AsyncIterator[Message | Encoded]:
        """Stream changes of stock as they become durable."""
        return self.watches.watch(request)

    def WatchReservations(
        self, request: watch.WatchReservationsRequest, _context: CallContext
    ) -> AsyncIterator[Message]:
        """Stream changes of reservations."""
        return self._reservation_watches.watch(request)

    # CatalogService

    async def CreateLocation(
        self, request: catalog.CreateLocationRequest, context: CallContext
    ) -> catalog.CreateLocationResponse:
        """Create a location."""
        command = create_from_request(request)
        return create_response(await self._ask(CREATE_LOCATION, context, command))

    async def UpdateLocation(
        self, request: catalog.UpdateLocationRequest, context: CallContext
    ) -> catalog.UpdateLocationResponse:
        """Change a location."""
        command = update_from_request(request)
        return update_response(await self._ask(UPDATE_LOCATION, context, command))

    async def GetLocation(
        self, request: catalog.GetLocationRequest, context: CallContext
    ) -> catalog.GetLocationResponse:
        """Read one location."""
        command = get_location_from_request(request)
        return get_location_response(await self._ask(GET_LOCATION, context, command))

    async def ListLocations(
        self, request: catalog.ListLocationsRequest, context: CallContext
    ) -> catalog.ListLocationsResponse:
        """List locations, page by page."""
        asked = list_asked_for(request, self._timeline)
        view = await self._ask(LIST_LOCATIONS, context, list_from_request(request, asked))
        return list_response(view, asked)

    async def DeleteSku(
        self, request: catalog.DeleteSkuRequest, context: CallContext
    ) -> catalog.DeleteSkuResponse:
        """End a SKU."""
        command = delete_sku_from_request(request)
        return delete_sku_response(await self._ask(DELETE_SKU, context, command))

    async def RenameSku(
        self, request: catalog.RenameSkuRequest, context: CallContext
    ) -> catalog.RenameSkuResponse:
        """Call a SKU by another name."""
        command = rename_sku_from_request(request)
        return rename_sku_response(await self._ask(RENAME_SKU, context, command))

    async def MergeSku(
        self, request: catalog.MergeSkuRequest, context: CallContext
    ) -> catalog.MergeSkuResponse:
        """Make one SKU of two."""
        command = merge_sku_from_request(request)
        return merge_sku_response(await self._ask(MERGE_SKU, context, command))

    # LedgerService

    async def ListMovements(
        self, request: ledger.ListMovementsRequest, _context: CallContext
    ) -> Encoded:
        """List movements of stock."""
        if request.HasField("from_time"):
            check_has_been("from_time", request.from_time, self.admission.pump.now_ns())
        return await self._ledger().ask("ListMovements", request)

    async def ExplainAvailability(
        self, request: ledger.ExplainAvailabilityRequest, _context: CallContext
    ) -> Encoded:
        """Explain the figures of a stock level, part by part."""
        if request.HasField("time"):
            check_has_been("time", request.time, self.admission.pump.now_ns())
        return await self._ledger().ask("ExplainAvailability", request)

    def _ledger(self) -> LedgerReader:
        if self._ledger_reader is None:
            raise faults.ledger_off()
        return self._ledger_reader
