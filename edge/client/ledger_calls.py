"""The calls that the ledger answers, as calls.py makes the others."""

from datetime import datetime
from typing import Unpack

from holdfast.v1 import common_pb2 as common
from holdfast.v1 import ledger_service_pb2 as ledger
from holdfast.v1 import reservation_service_pb2 as reservation

from . import methods
from .calls import Call, Options, call
from .correlation import carried
from .parameters import instant, integer, member, of_type, text


def list_movements(
    sku: str = "",
    location: str = "",
    *,
    reservation_id: str = "",
    source: str = "",
    reference_id: str = "",
    by_correlation_id: str = "",
    from_time: datetime | None = None,
    until_time: datetime | None = None,
    page_size: int = 0,
    page_token: str = "",
    **options: Unpack[Options],
) -> Call[ledger.ListMovementsResponse]:
    """A page of movements of stock, newest first: 100 of them, or `page_size`, up to 1,000.

    What is given must all fit; `by_correlation_id` is that of the calls that moved them. Times have
    a time zone, and `until_time` is the first instant that does not count. The response's
    `next_page_token` leads to the next page, and is empty after the last; `coverage` says what the
    node's ledger holds. Raises a `HoldfastError` of reason LEDGER_OFF where the node keeps none.
    """
    request = ledger.ListMovementsRequest(
        sku=text("sku", sku),
        location=text("location", location),
        reservation_id=text("reservation_id", reservation_id),
        source=text("source", source),
        reference_id=text("reference_id", reference_id),
        correlation_id=carried(text("by_correlation_id", by_correlation_id)),
        from_time=None if from_time is None else instant("from_time", from_time),
        until_time=None if until_time is None else instant("until_time", until_time),
        page_size=integer("page_size", page_size, 32),
        page_token=text("page_token", page_token),
    )
    return call(methods.LIST_MOVEMENTS, request, **options)


def explain_availability(
    sku: str,
    location: str,
    at: datetime | common.Revision | None = None,
    **options: Unpack[Options],
) -> Call[ledger.ExplainAvailabilityResponse]:
    """Why a stock level has what it has: each change of stock on hand, each hold and commitment.

    `at` is a time with a time zone or the revision of an answer, and now by default. Raises
    `NotFound` if there was no such stock level then, and a `HoldfastError` of reason LEDGER_OFF
    where the node keeps no ledger, or BEFORE_LEDGER where it does not reach back so far.
    """
    request = ledger.ExplainAvailabilityRequest(
        sku=text("sku", sku), location=text("location", location)
    )
    if isinstance(at, datetime):
        request.time.CopyFrom(instant("at", at))
    elif at is not None:
        request.revision.CopyFrom(of_type("at", at, common.Revision, "a datetime or a Revision"))
    return call(methods.EXPLAIN_AVAILABILITY, request, **options)


def list_reservations(
    sku: str = "",
    location: str = "",
    *,
    state: reservation.ReservationState | str | None = None,
    create_time_before: datetime | None = None,
    owner: str = "",
    page_size: int = 0,
    page_token: str = "",
    **options: Unpack[Options],
) -> Call[reservation.ListReservationsResponse]:
    """A page of reservations with their lines: 100 of them, or `page_size`, up to 1,000.

    What is given must all fit: a line of the SKU and at the location, the state of the whole, a
    time with a time zone before which it was accepted, and its owner. Tokens are as in
    `list_movements`. Raises a `HoldfastError` of reason LEDGER_OFF where the node keeps no ledger.
    """
    before = create_time_before
    request = reservation.ListReservationsRequest(
        sku=text("sku", sku),
        location=text("location", location),
        state=None if state is None else member("state", state, reservation.ReservationState),
        create_time_before=None if before is None else instant("create_time_before", before),
        owner=text("owner", owner),
        page_size=integer("page_size", page_size, 32),
        page_token=text("page_token", page_token),
    )
    return call(methods.LIST_RESERVATIONS, request, **options)
