"""The RPCs that the client calls, as data: name, response, and whether a repeat is harmless."""

from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from google.protobuf.message import Message

from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import catalog_service_pb2 as catalog
from holdfast.v1 import ledger_service_pb2 as ledger
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock
from holdfast.v1 import watch_service_pb2 as watch

#: The package of the methods that have a listener of their own.
ADMIN: Final = "holdfast.admin.v1"

Response = TypeVar("Response", bound=Message)


@dataclass(frozen=True, slots=True, eq=False)
class Method(Generic[Response]):
    """An RPC."""

    name: str
    response: type[Response]
    is_repeatable: bool = True
    """Whether a repeat is harmless: the request carries an id, reads, or states how things are."""
    package: str = "holdfast.v1"

    @property
    def path(self) -> str:
        """Its name on the wire."""
        return f"/{self.package}.{self.name}"


RESERVE: Final = Method("ReservationService/Reserve", reservation.ReserveResponse)
EXTEND: Final = Method("ReservationService/Extend", reservation.ExtendResponse)
COMMIT: Final = Method("ReservationService/Commit", reservation.CommitResponse)
FULFILL: Final = Method("ReservationService/Fulfill", reservation.FulfillResponse)
RELEASE: Final = Method("ReservationService/Release", reservation.ReleaseResponse)
CANCEL: Final = Method("ReservationService/Cancel", reservation.CancelResponse)
GET_RESERVATION: Final = Method(
    "ReservationService/GetReservation", reservation.GetReservationResponse
)
LIST_RESERVATIONS: Final = Method(
    "ReservationService/ListReservations", reservation.ListReservationsResponse
)
GET_AVAILABILITY: Final = Method(
    "AvailabilityService/GetAvailability", availability.GetAvailabilityResponse
)
BATCH_GET_AVAILABILITY: Final = Method(
    "AvailabilityService/BatchGetAvailability", availability.BatchGetAvailabilityResponse
)
GET_AVAILABLE_TO_PROMISE: Final = Method(
    "AvailabilityService/GetAvailableToPromise", availability.GetAvailableToPromiseResponse
)
RESOLVE_STOCK_LEVELS: Final = Method(
    "AvailabilityService/ResolveStockLevels", availability.ResolveStockLevelsResponse
)
GET_SHORTFALL: Final = Method("AvailabilityService/GetShortfall", availability.GetShortfallResponse)
RECORD_STOCK_EVENTS: Final = Method(
    "StockService/RecordStockEvents", stock.RecordStockEventsResponse
)
CREATE_LOCATION: Final = Method("CatalogService/CreateLocation", catalog.CreateLocationResponse)
UPDATE_LOCATION: Final = Method("CatalogService/UpdateLocation", catalog.UpdateLocationResponse)
GET_LOCATION: Final = Method("CatalogService/GetLocation", catalog.GetLocationResponse)
LIST_LOCATIONS: Final = Method("CatalogService/ListLocations", catalog.ListLocationsResponse)
DELETE_SKU: Final = Method("CatalogService/DeleteSku", catalog.DeleteSkuResponse)
RENAME_SKU: Final = Method("CatalogService/RenameSku", catalog.RenameSkuResponse)
MERGE_SKU: Final = Method("CatalogService/MergeSku", catalog.MergeSkuResponse)
LIST_MOVEMENTS: Final = Method("LedgerService/ListMovements", ledger.ListMovementsResponse)
EXPLAIN_AVAILABILITY: Final = Method(
    "LedgerService/ExplainAvailability", ledger.ExplainAvailabilityResponse
)
GET_STATUS: Final = Method("AdminService/GetStatus", admin.GetStatusResponse, package=ADMIN)
LIST_SOURCES: Final = Method("AdminService/ListSources", admin.ListSourcesResponse, package=ADMIN)
LIST_PENDING_REVERSALS: Final = Method(
    "AdminService/ListPendingReversals", admin.ListPendingReversalsResponse, package=ADMIN
)
LIST_QUARANTINED_SKUS: Final = Method(
    "AdminService/ListQuarantinedSkus", admin.ListQuarantinedSkusResponse, package=ADMIN
)
SETTLE_QUARANTINED_SKU: Final = Method(
    "AdminService/SettleQuarantinedSku", admin.SettleQuarantinedSkuResponse, package=ADMIN
)
GET_SOURCE: Final = Method("AdminService/GetSource", admin.GetSourceResponse, package=ADMIN)
UPDATE_SOURCE: Final = Method(
    "AdminService/UpdateSource", admin.UpdateSourceResponse, package=ADMIN
)
RESET_SOURCE: Final = Method("AdminService/ResetSource", admin.ResetSourceResponse, package=ADMIN)
CREATE_SNAPSHOT: Final = Method(
    "AdminService/CreateSnapshot", admin.CreateSnapshotResponse, package=ADMIN
)
RUN_AUDIT: Final = Method("AdminService/RunAudit", admin.RunAuditResponse, package=ADMIN)
REPAIR_STOCK_LEVELS: Final = Method(
    "AdminService/RepairStockLevels", admin.RepairStockLevelsResponse, package=ADMIN
)
FORCE_RELEASE: Final = Method(
    "AdminService/ForceRelease", admin.ForceReleaseResponse, package=ADMIN
)
# A repeat could stop the node that was started in the place of the first.
DRAIN: Final = Method("AdminService/Drain", admin.DrainResponse, is_repeatable=False, package=ADMIN)

#: Each is a method of both clients.
UNARY_METHODS: Final[tuple[Method[Any], ...]] = (
    *(RESERVE, EXTEND, COMMIT, FULFILL, RELEASE, CANCEL, GET_RESERVATION),
    LIST_RESERVATIONS,
    *(GET_AVAILABILITY, BATCH_GET_AVAILABILITY, RESOLVE_STOCK_LEVELS),
    *(GET_AVAILABLE_TO_PROMISE, GET_SHORTFALL),
    RECORD_STOCK_EVENTS,
    *(CREATE_LOCATION, UPDATE_LOCATION, GET_LOCATION, LIST_LOCATIONS, DELETE_SKU),
    *(RENAME_SKU, MERGE_SKU),
    *(LIST_MOVEMENTS, EXPLAIN_AVAILABILITY),
    *(GET_STATUS, LIST_SOURCES, GET_SOURCE, UPDATE_SOURCE, RESET_SOURCE),
    *(LIST_PENDING_REVERSALS, LIST_QUARANTINED_SKUS, SETTLE_QUARANTINED_SKU),
    *(CREATE_SNAPSHOT, DRAIN, RUN_AUDIT, REPAIR_STOCK_LEVELS, FORCE_RELEASE),
)

#: A stream, resumed by its source, which knows what was acknowledged.
RECORD_STOCK_EVENTS_STREAM: Final = Method(
    "StockService/RecordStockEventsStream",
    stock.RecordStockEventsStreamResponse,
    is_repeatable=False,
)
#: Streams of responses, resumed by the client itself.
WATCH_AVAILABILITY: Final = Method(
    "WatchService/WatchAvailability", watch.WatchAvailabilityResponse
)
WATCH_RESERVATIONS: Final = Method(
    "WatchService/WatchReservations", watch.WatchReservationsResponse
)
#: The coalescer's stream. Every operation on it carries the id of its reservation.
RESERVE_STREAM: Final = Method(
    "ReservationService/ReserveStream", reservation.ReserveStreamResponse
)
