"""Calls as data: every RPC, and a function for each that turns arguments into a call of it.

Rules of this file: nothing is sent here. A call is made once and holds its ids, so that each of its
attempts carries the same; what is missing is made up here. Form is judged by the server alone. Like
all of the client it imports nothing of the server.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    NamedTuple,
    TypeAlias,
    TypedDict,
    TypeVar,
    Unpack,
)
from uuid import uuid4

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from holdfast.v1 import admin_service_pb2 as admin
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import catalog_service_pb2 as catalog
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: SKU, location, quantity.
Line: TypeAlias = tuple[str, str, int]
#: A time, or seconds.
Hold: TypeAlias = timedelta | float
#: The name of a source, and events of it.
SourceEvents: TypeAlias = tuple[str, Iterable[stock.StockEvent]]

NS_PER_S: Final = 1_000_000_000

Response = TypeVar("Response", bound=Message)


@dataclass(frozen=True, slots=True, eq=False)
class StockColumns:
    """Up to 8,190 stock events of one source, as columns of equal length: for feeds of hundreds of
    thousands a second. Lists do, NumPy arrays are faster.

    `stock_levels` are handles of `resolve_stock_levels`. `kinds` may be one for all events. Give
    ids in two halves, sequences, or both; holdfast.v1.StockEventColumns says more.
    """

    source: str
    stock_levels: "ArrayLike"
    kinds: "ArrayLike"
    quantities: "ArrayLike"
    id_high: "ArrayLike" = ()
    id_low: "ArrayLike" = ()
    sequences: "ArrayLike" = ()

    def message(self) -> Message:
        """Spell it as a message of ApplyStockEvents."""
        from .stock_columns import message_from_columns  # noqa: PLC0415 - numpy takes its time

        return message_from_columns(self)


class Options(TypedDict, total=False):
    """What every method takes besides its own arguments."""

    timeout_s: float | None
    """The most that the call takes, all attempts and waits together."""
    correlation_id: str | None
    """Goes along with the call and into the server's log."""


@dataclass(frozen=True, slots=True, eq=False)
class Method(Generic[Response]):
    """An RPC."""

    name: str
    response: type[Response]
    is_repeatable: bool = True
    """Whether a second time does nothing: the request carries an id, reads, or states what is."""

    @property
    def path(self) -> str:
        """Its name on the wire."""
        return f"/holdfast.v1.{self.name}"


class Call(NamedTuple, Generic[Response]):
    """A call before it is sent."""

    method: Method[Response]
    request: Message
    timeout_s: float | None = None
    correlation_id: str | None = None


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
# The second time it would end a SKU that was created anew under the name.
DELETE_SKU: Final = Method(
    "CatalogService/DeleteSku", catalog.DeleteSkuResponse, is_repeatable=False
)
GET_STATUS: Final = Method("AdminService/GetStatus", admin.GetStatusResponse)

UNARY_METHODS: Final[tuple[Method[Any], ...]] = (
    *(RESERVE, EXTEND, COMMIT, FULFILL, RELEASE, CANCEL, GET_RESERVATION),
    *(GET_AVAILABILITY, BATCH_GET_AVAILABILITY, RESOLVE_STOCK_LEVELS),
    RECORD_STOCK_EVENTS,
    *(PUT_LOCATION, LIST_LOCATIONS, DELETE_SKU),
    GET_STATUS,
)

#: The stream. What it has sent is sent again by its source, which knows what was acknowledged.
APPLY_STOCK_EVENTS: Final = Method(
    "StockService/ApplyStockEvents", stock.ApplyStockEventsResponse, is_repeatable=False
)


# ReservationService


def reserve(
    reservation_id: str,
    lines: Iterable[Line],
    hold: Hold | None = None,
    **options: Unpack[Options],
) -> Call[reservation.ReserveResponse]:
    """Hold all lines or none, for a timedelta or for seconds; 15 minutes unless told otherwise."""
    request = reservation.ReserveRequest(
        reservation_id=reservation_id,
        lines=_lines(lines),
        hold_duration=None if hold is None else _duration(hold),
    )
    return Call(RESERVE, request, **options)


def extend(
    reservation_id: str,
    hold: Hold,
    *,
    request_id: str | None = None,
    **options: Unpack[Options],
) -> Call[reservation.ExtendResponse]:
    """Let a hold end this time from now, if that is later than it would have ended."""
    request = reservation.ExtendRequest(
        reservation_id=reservation_id,
        request_id=request_id or _new_id(),
        hold_duration=_duration(hold),
    )
    return Call(EXTEND, request, **options)


def commit(
    reservation_id: str,
    lines: Iterable[Line] | None = None,
    *,
    remainder: reservation.Remainder | str | None = None,
    request_id: str | None = None,
    **options: Unpack[Options],
) -> Call[reservation.CommitResponse]:
    """Place the order: for these lines, or for all that is held.

    What `lines` leave out stays held, or is released with REMAINDER_GIVE_BACK.
    """
    request = reservation.CommitRequest(
        reservation_id=reservation_id,
        request_id=request_id or _new_id(),
        lines=_part(lines),
        remainder=remainder,
    )
    return Call(COMMIT, request, **options)


def fulfill(
    reservation_id: str,
    lines: Iterable[Line] | None = None,
    *,
    remainder: reservation.Remainder | str | None = None,
    request_id: str | None = None,
    **options: Unpack[Options],
) -> Call[reservation.FulfillResponse]:
    """Ship these lines, or all that is committed.

    What `lines` leave out stays committed, or is cancelled with REMAINDER_GIVE_BACK.
    """
    request = reservation.FulfillRequest(
        reservation_id=reservation_id,
        request_id=request_id or _new_id(),
        lines=_part(lines),
        remainder=remainder,
    )
    return Call(FULFILL, request, **options)


def release(
    reservation_id: str,
    lines: Iterable[Line] | None = None,
    *,
    request_id: str | None = None,
    **options: Unpack[Options],
) -> Call[reservation.ReleaseResponse]:
    """Give these lines back before the order is placed, or all that is held."""
    request = reservation.ReleaseRequest(
        reservation_id=reservation_id, request_id=request_id or _new_id(), lines=_part(lines)
    )
    return Call(RELEASE, request, **options)


def cancel(
    reservation_id: str,
    lines: Iterable[Line] | None = None,
    *,
    request_id: str | None = None,
    **options: Unpack[Options],
) -> Call[reservation.CancelResponse]:
    """Give these lines back after the order was placed, or all that is committed."""
    request = reservation.CancelRequest(
        reservation_id=reservation_id, request_id=request_id or _new_id(), lines=_part(lines)
    )
    return Call(CANCEL, request, **options)


def get_reservation(
    reservation_id: str, **options: Unpack[Options]
) -> Call[reservation.GetReservationResponse]:
    """Read a reservation."""
    request = reservation.GetReservationRequest(reservation_id=reservation_id)
    return Call(GET_RESERVATION, request, **options)


# AvailabilityService


def get_availability(
    sku: str, **options: Unpack[Options]
) -> Call[availability.GetAvailabilityResponse]:
    """Read what can be promised of a SKU, by location and over the network."""
    return Call(GET_AVAILABILITY, availability.GetAvailabilityRequest(sku=sku), **options)


def batch_get_availability(
    skus: Iterable[str], **options: Unpack[Options]
) -> Call[availability.BatchGetAvailabilityResponse]:
    """Read up to 1,000 SKUs. Unknown ones are listed in the response; they are no error."""
    request = availability.BatchGetAvailabilityRequest(skus=skus)
    return Call(BATCH_GET_AVAILABILITY, request, **options)


def resolve_stock_levels(
    levels: Iterable[tuple[str, str]], **options: Unpack[Options]
) -> Call[availability.ResolveStockLevelsResponse]:
    """Ask for the handles of up to 8,190 SKUs at locations; 0 where there is no stock level."""
    names = [{"sku": sku, "location": location} for sku, location in levels]
    request = availability.ResolveStockLevelsRequest(stock_levels=names)
    return Call(RESOLVE_STOCK_LEVELS, request, **options)


# StockService


def record_stock_events(
    source: str, events: Iterable[stock.StockEvent], **options: Unpack[Options]
) -> Call[stock.RecordStockEventsResponse]:
    """Record up to 1,000 facts of a source, all or none."""
    request = stock.RecordStockEventsRequest(source=source, events=events)
    return Call(RECORD_STOCK_EVENTS, request, **options)


def apply_stock_events_message(batch: SourceEvents | StockColumns) -> Message:
    """Turn what a stream is fed with into its message."""
    if isinstance(batch, StockColumns):
        return batch.message()
    source, events = batch
    return stock.ApplyStockEventsRequest(source=source, events=events)


# CatalogService


def put_location(
    location: str,
    kind: catalog.LocationKind | str = catalog.LOCATION_KIND_WAREHOUSE,
    *,
    display_name: str = "",
    enabled: bool = True,
    **options: Unpack[Options],
) -> Call[catalog.PutLocationResponse]:
    """Create a location, or make an existing one be like this in all respects."""
    as_it_shall_be = catalog.Location(
        location=location, kind=kind, display_name=display_name, enabled=enabled
    )
    return Call(PUT_LOCATION, catalog.PutLocationRequest(location=as_it_shall_be), **options)


def list_locations(**options: Unpack[Options]) -> Call[catalog.ListLocationsResponse]:
    """Read all locations."""
    return Call(LIST_LOCATIONS, catalog.ListLocationsRequest(), **options)


def delete_sku(sku: str, **options: Unpack[Options]) -> Call[catalog.DeleteSkuResponse]:
    """End a SKU. It has no id, so it is tried again only where the server says it did nothing."""
    return Call(DELETE_SKU, catalog.DeleteSkuRequest(sku=sku), **options)


# AdminService


def get_status(
    *, include_state_hash: bool = False, **options: Unpack[Options]
) -> Call[admin.GetStatusResponse]:
    """Read what the node is doing and how full it is."""
    request = admin.GetStatusRequest(include_state_hash=include_state_hash)
    return Call(GET_STATUS, request, **options)


def _lines(lines: Iterable[Line]) -> list[dict[str, Any]]:
    # Half as dear as a message for each, which protobuf would copy.
    return [
        {"sku": sku, "location": location, "quantity": quantity}
        for sku, location, quantity in lines
    ]


def _part(lines: Iterable[Line] | None) -> list[dict[str, Any]] | None:
    """Turn the lines of a partial command. On the wire none means all: nobody may get there by
    filtering a list until nothing is left.
    """
    if lines is None:
        return None
    part = _lines(lines)
    if not part:
        raise ValueError("lines is empty: expected at least one, or None for all of them")
    return part


def _duration(hold: Hold) -> Duration:
    """Turn a time into a duration, to the nanosecond: the server refuses what it cannot keep."""
    duration = Duration()
    if isinstance(hold, timedelta):
        duration.FromTimedelta(hold)
    else:
        duration.FromNanoseconds(round(hold * NS_PER_S))
    return duration


def _new_id() -> str:
    return str(uuid4())
