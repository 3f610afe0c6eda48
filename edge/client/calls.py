"""A function for each unary RPC, which turns arguments into a call.

Rules of this file: nothing is sent here. A call is made once, with its ids, so all its attempts
carry the same ones; an id that was left out is made up here. Types are judged here (parameters.py),
limits by the server. These functions become the methods of the clients, and their docstrings are
written for those: they say what the response holds, and what is raised besides the errors of every
call (see `Client`).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypedDict, Unpack
from uuid import uuid4

from google.protobuf.message import Message

from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import catalog_service_pb2 as catalog
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock

from . import methods
from .lines import Line, add_lines
from .methods import Method, Response
from .parameters import (
    duration,
    each,
    fields,
    flag,
    instant,
    integer,
    member,
    seconds,
    text,
    texts,
)
from .stock_events import checked

#: How long from now, as a timedelta or in seconds.
Hold: TypeAlias = timedelta | float


class Options(TypedDict, total=False):
    """Keyword arguments of every method."""

    timeout_s: float | None
    """Seconds for the whole call, with all attempts and waits; by default the client's."""
    correlation_id: str | None
    """Any text, sent along, logged and kept in the journal; by default the client's."""


class Call(NamedTuple, Generic[Response]):
    """A call, ready to be sent."""

    method: Method[Response]
    request: Message
    timeout_s: float | None = None
    correlation_id: str | None = None


# ReservationService


def reserve(
    reservation_id: str,
    lines: Iterable[Line],
    hold: Hold | None = None,
    owner: str = "",
    *,
    latest_supply: datetime | None = None,
    already_sold: bool = False,
    **options: Unpack[Options],
) -> Call[reservation.ReserveResponse]:
    """Hold units for a customer: all lines, or none of them.

    `reservation_id` is yours (a cart, an order, a UUID); a repeat with the same id holds nothing
    twice. There may be up to 2,000 lines, in any order; those of the same SKU and location stay
    apart if they have ids. `hold` is 1 second to 30 days, in whole milliseconds, and 15 minutes by
    default; `owner` is whom it is for. The response says what is held and until when, or which
    lines are short. An id whose units are all gone is refused with RESERVATION_ENDED. With
    `latest_supply`, units that are not on hand are promised from supply that is expected by the end
    of that day in UTC: the response says how many of a line, and when. What is `already_sold`, for
    example by a marketplace, is held whether units are there or not; `shortfalls` says what is
    missing now, and whom that endangers.

    Raises `NotFound` if a SKU or location is unknown, and `AlreadyExists` if the id was used with
    other content.

        answer = client.reserve("order-17", [("MUG", "STORE-9", 2)], hold=900)
        if answer.outcome == OUTCOME_REFUSED:
            print(answer.refusal.message)
    """
    request = reservation.ReserveRequest(
        reservation_id=text("reservation_id", reservation_id),
        hold_duration=None if hold is None else duration("hold", hold),
        owner=text("owner", owner),
        already_sold=flag("already_sold", already_sold),
    )
    add_lines(request.lines, lines)
    if latest_supply is not None:
        latest = instant("latest_supply", latest_supply)
        for line in request.lines:
            line.latest_supply_time.CopyFrom(latest)
    return call(methods.RESERVE, request, **options)


def extend(
    reservation_id: str,
    hold: Hold,
    *,
    request_id: str | None = None,
    **options: Unpack[Options],
) -> Call[reservation.ExtendResponse]:
    """Let a hold end `hold` from now, 1 second to 30 days. It is not shortened.

    The response says when the hold ends. Raises `NotFound` if the reservation is unknown, and
    `AlreadyExists` if `request_id` was used with other content.
    """
    request = reservation.ExtendRequest(
        reservation_id=text("reservation_id", reservation_id),
        request_id=id_or_new(request_id),
        hold_duration=duration("hold", hold),
    )
    return call(methods.EXTEND, request, **options)


def commit(
    reservation_id: str,
    lines: Iterable[Line] | None = None,
    *,
    remainder: reservation.Remainder | str | None = None,
    request_id: str | None = None,
    **options: Unpack[Options],
) -> Call[reservation.CommitResponse]:
    """Place the order: for these lines, or for everything that is held.

    Units that `lines` leaves out stay held, or are released with REMAINDER_GIVE_BACK. The id of a
    line may name it alone: ("", "", 1, "line-3"). The response has the state of the reservation.
    Pass a `request_id` of your own if your process may restart before it has the answer; otherwise
    one is made up for all attempts of this call.

    Raises `NotFound` if the reservation is unknown, `AlreadyExists` if `request_id` was used with
    other content, and ValueError if `lines` is empty: None means everything.

        client.commit("order-17", [("MUG", "STORE-9", 1)], remainder="REMAINDER_GIVE_BACK")
    """
    request = reservation.CommitRequest(
        reservation_id=text("reservation_id", reservation_id),
        request_id=id_or_new(request_id),
        remainder=_remainder(remainder),
    )
    _set_units(request, lines)
    return call(methods.COMMIT, request, **options)


def fulfill(
    reservation_id: str,
    lines: Iterable[Line] | None = None,
    *,
    remainder: reservation.Remainder | str | None = None,
    request_id: str | None = None,
    **options: Unpack[Options],
) -> Call[reservation.FulfillResponse]:
    """Ship these lines, or everything that is committed: the units leave the stock on hand.

    Units that `lines` leaves out stay committed, or are cancelled with REMAINDER_GIVE_BACK.
    `request_id`, response and errors are as in `commit`; the response also names stock levels where
    promises exceed supply now.
    """
    request = reservation.FulfillRequest(
        reservation_id=text("reservation_id", reservation_id),
        request_id=id_or_new(request_id),
        remainder=_remainder(remainder),
    )
    _set_units(request, lines)
    return call(methods.FULFILL, request, **options)


def release(
    reservation_id: str,
    lines: Iterable[Line] | None = None,
    *,
    request_id: str | None = None,
    **options: Unpack[Options],
) -> Call[reservation.ReleaseResponse]:
    """Give back these lines, or everything that is held, before the order is placed.

    `request_id`, response and errors are as in `commit`.
    """
    request = reservation.ReleaseRequest(
        reservation_id=text("reservation_id", reservation_id),
        request_id=id_or_new(request_id),
    )
    _set_units(request, lines)
    return call(methods.RELEASE, request, **options)


def cancel(
    reservation_id: str,
    lines: Iterable[Line] | None = None,
    *,
    request_id: str | None = None,
    **options: Unpack[Options],
) -> Call[reservation.CancelResponse]:
    """Give back these lines, or everything that is committed, after the order was placed.

    `request_id`, response and errors are as in `commit`.
    """
    request = reservation.CancelRequest(
        reservation_id=text("reservation_id", reservation_id),
        request_id=id_or_new(request_id),
    )
    _set_units(request, lines)
    return call(methods.CANCEL, request, **options)


def get_reservation(
    reservation_id: str, **options: Unpack[Options]
) -> Call[reservation.GetReservationResponse]:
    """The reservation as it is now: its state, its times, and the units of each line by state.

    Raises `NotFound` if it is unknown.
    """
    request = reservation.GetReservationRequest(
        reservation_id=text("reservation_id", reservation_id)
    )
    return call(methods.GET_RESERVATION, request, **options)


# AvailabilityService


def get_availability(
    sku: str,
    source_states: Iterable[common.SourceState | str] = (),
    **options: Unpack[Options],
) -> Call[availability.GetAvailabilityResponse]:
    """What can be promised of a SKU, by location and over the network, in its base unit; with
    `source_states`, at stock levels whose source is in one of these states.

    Raises `NotFound` if no stock event ever named the SKU.
    """
    request = availability.GetAvailabilityRequest(
        sku=text("sku", sku), source_states=states_of_sources(source_states)
    )
    return call(methods.GET_AVAILABILITY, request, **options)


def batch_get_availability(
    skus: Iterable[str],
    locations: Iterable[str] = (),
    source_states: Iterable[common.SourceState | str] = (),
    **options: Unpack[Options],
) -> Call[availability.BatchGetAvailabilityResponse]:
    """What can be promised of up to 1,000 SKUs, in the order given; see `get_availability`. With
    `locations`, of which there may be up to 1,000, what can be promised there; with
    `source_states`, at stock levels whose source is in one of these states.

    Unknown SKUs are listed in the response. Raises `NotFound` if a location is unknown.
    """
    request = availability.BatchGetAvailabilityRequest(
        skus=texts("skus", skus, "an iterable of SKUs"),
        locations=texts("locations", locations, "an iterable of locations"),
        source_states=states_of_sources(source_states),
    )
    return call(methods.BATCH_GET_AVAILABILITY, request, **options)


def get_available_to_promise(
    sku: str,
    locations: Iterable[str] = (),
    *,
    horizon_days: int = 0,
    source_states: Iterable[common.SourceState | str] = (),
    page_size: int = 0,
    page_token: str = "",
    **options: Unpack[Options],
) -> Call[availability.GetAvailableToPromiseResponse]:
    """What can be promised of a SKU by date, as supply comes: today and up to 180 days more,
    30 by default; with `source_states`, at stock levels whose source is in one of these states. A
    page of 100 stock levels, or `page_size`, up to 250; the response's `next_page_token` leads to
    the next page, and is empty after the last.

    Raises `NotFound` if no stock event ever named the SKU, or if a location is unknown.
    """
    request = availability.GetAvailableToPromiseRequest(
        sku=text("sku", sku),
        locations=texts("locations", locations, "an iterable of locations"),
        horizon_days=integer("horizon_days", horizon_days, 32),
        source_states=states_of_sources(source_states),
        page_size=integer("page_size", page_size, 32),
        page_token=text("page_token", page_token),
    )
    return call(methods.GET_AVAILABLE_TO_PROMISE, request, **options)


def resolve_stock_levels(
    levels: Iterable[tuple[str, str]], **options: Unpack[Options]
) -> Call[availability.ResolveStockLevelsResponse]:
    """The handles of up to 8,190 stock levels, given as SKU and location, in the order given.

    A handle is 0 where there is no such stock level; `unresolved` in the response says which those
    are, and what is missing. A handle stays valid as long as its SKU exists.
    """
    request = availability.ResolveStockLevelsRequest(stock_levels=level_names(levels))
    return call(methods.RESOLVE_STOCK_LEVELS, request, **options)


def get_shortfall(
    sku: str, location: str, *, max_lines: int = 0, **options: Unpack[Options]
) -> Call[availability.GetShortfallResponse]:
    """By how much promises exceed supply at a stock level, and the lines of reservations that this
    endangers: 20 of them, or `max_lines`, up to 1,000, of the newest reservations first.

    Raises `NotFound` if the SKU or the location is unknown.
    """
    place = {"sku": text("sku", sku), "location": text("location", location)}
    most = integer("max_lines", max_lines, 32)
    request = availability.GetShortfallRequest(**place, max_lines=most)
    return call(methods.GET_SHORTFALL, request, **options)


# StockService


def record_stock_events(
    source: str, events: Iterable[stock.StockEvent], **options: Unpack[Options]
) -> Call[stock.RecordStockEventsResponse]:
    """Record 1 to 1,000 stock events of a source, in the order given: all or none.

    For each event, the response has its outcome, the units on hand after it, and by how much
    promises exceed supply; `shortfalls` names the reservations that this endangers. Raises
    `NotFound` if a location is unknown.

        sale = StockEvent(event_id="7", sku="MUG", location="STORE-9", quantity=1)
        sale.kind = STOCK_EVENT_KIND_SALE
        client.record_stock_events("till/9", [sale])
    """
    request = stock.RecordStockEventsRequest(source=text("source", source), events=checked(events))
    return call(methods.RECORD_STOCK_EVENTS, request, **options)


# CatalogService


def create_location(
    location: str,
    kind: catalog.LocationKind | str = catalog.LOCATION_KIND_WAREHOUSE,
    *,
    display_name: str = "",
    enabled: bool = True,
    **options: Unpack[Options],
) -> Call[catalog.CreateLocationResponse]:
    """Create a location; `enabled` says whether it takes new reservations.

    A repeat with the same content is harmless. Raises `AlreadyExists` if the location is there with
    other content.
    """
    created = catalog.Location(
        location=text("location", location),
        kind=member("kind", kind, catalog.LocationKind),
        display_name=text("display_name", display_name),
        enabled=flag("enabled", enabled),
    )
    request = catalog.CreateLocationRequest(location=created)
    return call(methods.CREATE_LOCATION, request, **options)


def update_location(
    location: str,
    *,
    kind: catalog.LocationKind | str | None = None,
    display_name: str | None = None,
    enabled: bool | None = None,
    allow_missing: bool = False,
    request_id: str | None = None,
    **options: Unpack[Options],
) -> Call[catalog.UpdateLocationResponse]:
    """Change what is given of a location; the rest stays as it is. The response has all of it.

    With `allow_missing` a location that is not there is created, as an enabled warehouse unless
    something else is given. `request_id` is as in `commit`: a repeat does not take back what others
    have changed since. Raises `NotFound` if the location is unknown.
    """
    changes: dict[str, Any] = {}
    if kind is not None:
        changes["kind"] = member("kind", kind, catalog.LocationKind)
    if display_name is not None:
        changes["display_name"] = text("display_name", display_name)
    if enabled is not None:
        changes["enabled"] = flag("enabled", enabled)
    request = catalog.UpdateLocationRequest(
        location=catalog.Location(location=text("location", location), **changes),
        update_mask={"paths": list(changes)},
        allow_missing=flag("allow_missing", allow_missing),
        request_id=id_or_new(request_id),
    )
    return call(methods.UPDATE_LOCATION, request, **options)


def get_location(location: str, **options: Unpack[Options]) -> Call[catalog.GetLocationResponse]:
    """The location as it is. Raises `NotFound` if it is unknown."""
    request = catalog.GetLocationRequest(location=text("location", location))
    return call(methods.GET_LOCATION, request, **options)


def list_locations(
    page_size: int = 0, page_token: str = "", **options: Unpack[Options]
) -> Call[catalog.ListLocationsResponse]:
    """A page of locations, in the order in which they were created: 100 of them, or `page_size`, up
    to 1,000. The response's `next_page_token` leads to the next, and is empty after the last.
    """
    request = catalog.ListLocationsRequest(
        page_size=integer("page_size", page_size, 32), page_token=text("page_token", page_token)
    )
    return call(methods.LIST_LOCATIONS, request, **options)


_LEVELS: Final = "an iterable of stock levels, each SKU and location"


def call(
    method: Method[Response],
    request: Message,
    *,
    timeout_s: float | None = None,
    correlation_id: str | None = None,
) -> Call[Response]:
    """A call of a method with its options."""
    return Call(
        method,
        request,
        None if timeout_s is None else seconds("timeout_s", timeout_s),
        correlation_id,
    )


def level_names(levels: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Stock levels as requests name them. Raises TypeError with the position of a wrong one."""
    found = enumerate(each("levels", levels, _LEVELS))
    return [_level(f"levels[{position}]", level) for position, level in found]


def _level(path: str, level: tuple[str, str]) -> dict[str, str]:
    sku, location = fields(path, level, (2,), "SKU and location")
    return {"sku": text(f"{path}.sku", sku), "location": text(f"{path}.location", location)}


def _set_units(request: Any, lines: Iterable[Line] | None) -> None:
    """The lines of a command, or all: filtering a list until it is empty must not come to all."""
    if lines is None:
        request.all.SetInParent()
        return
    add_lines(request.lines.lines, lines)
    if not request.lines.lines:
        raise ValueError("lines is empty: expected at least one, or None for all of them")


def _remainder(remainder: reservation.Remainder | str | None) -> reservation.Remainder | None:
    return None if remainder is None else member("remainder", remainder, reservation.Remainder)


def states_of_sources(given: Iterable[common.SourceState | str]) -> list[common.SourceState]:
    """States of sources as a request names them. Raises TypeError, ValueError."""
    states = each("source_states", given, "an iterable of states of sources")
    return [member("source_states", state, common.SourceState) for state in states]


def id_or_new(request_id: str | None) -> str:
    """The id of a command; a new one if it has none."""
    given = "" if request_id is None else text("request_id", request_id)
    return given or str(uuid4())
