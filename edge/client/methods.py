"""The RPCs that the client calls, as data: name, response, and whether a repeat is harmless."""

from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from google.protobuf.message import Message

from holdfast.v1 import admin_service_pb2 as admin
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import catalog_service_pb2 as catalog
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock

Response = TypeVar("Response", bound=Message)


@dataclass(frozen=True, slots=True, eq=False)
class Method(Generic[Response]):
    """An RPC."""

    name: str
    response: type[Response]
    is_repeatable: bool = True
    """Whether a repeat is harmless: the request carries an id, reads, or states how things are."""

    @property
    def path(self) -> str:
        """Its name on the wire."""
        return f"/holdfast.v1.{self.name}"


RESERVE: Final = Method("ReservationService/Reserve", reservation.ReserveResponse)
EXTEND: Final = Method("ReservationService/Extend", reservation.ExtendResponse)
COMMIT: Final = Method("ReservationService/Commit", reservation.CommitResponse)
FULFILL: Final = Method("ReservationService/Fulfill", reservation.FulfillResponse)
RELEASE: Final = Method("ReservationService/Release", reservation.ReleaseResponse)
CANCEL: Final = Method("ReservationService/Cancel", reservation.CancelResponse)
GET_RESERVATION: Final = Method(
    "ReservationService/GetReservation", reservation.GetReservationResponse
)
GET_AVAILABILITY: Final = Method(
    "AvailabilityService/GetAvailability", availability.GetAvailabilityResponse
)
BATCH_GET_AVAILABILITY: Final = Method(
    "AvailabilityService/BatchGetAvailability", availability.BatchGetAvailabilityResponse
)
RESOLVE_STOCK_LEVELS: Final = Method(
    "AvailabilityService/ResolveStockLevels", availability.ResolveStockLevelsResponse
)
RECORD_STOCK_EVENTS: Final = Method(
    "StockService/RecordStockEvents", stock.RecordStockEventsResponse
)
PUT_LOCATION: Final = Method("CatalogService/PutLocation", catalog.PutLocationResponse)
LIST_LOCATIONS: Final = Method("CatalogService/ListLocations", catalog.ListLocationsResponse)
# A repeat would end a SKU that was created anew under the same name.
DELETE_SKU: Final = Method(
    "CatalogService/DeleteSku", catalog.DeleteSkuResponse, is_repeatable=False
)
GET_STATUS: Final = Method("AdminService/GetStatus", admin.GetStatusResponse)

#: Each is a method of both clients.
UNARY_METHODS: Final[tuple[Method[Any], ...]] = (
    *(RESERVE, EXTEND, COMMIT, FULFILL, RELEASE, CANCEL, GET_RESERVATION),
    *(GET_AVAILABILITY, BATCH_GET_AVAILABILITY, RESOLVE_STOCK_LEVELS),
    RECORD_STOCK_EVENTS,
    *(PUT_LOCATION, LIST_LOCATIONS, DELETE_SKU),
    GET_STATUS,
)

#: A stream, resumed by its source, which knows what was acknowledged.
APPLY_STOCK_EVENTS: Final = Method(
    "StockService/ApplyStockEvents", stock.ApplyStockEventsResponse, is_repeatable=False
)
#: The coalescer's stream. Every operation on it carries the id of its reservation.
RESERVE_STREAM: Final = Method(
    "ReservationService/ReserveStream", reservation.ReserveStreamResponse
)
