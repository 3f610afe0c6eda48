"""What a watch asks for, and where it resumes after a lost connection."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple

from holdfast.v1 import common_pb2 as common
from holdfast.v1 import watch_service_pb2 as watch

from .calls import states_of_sources
from .methods import WATCH_AVAILABILITY, WATCH_RESERVATIONS, Method, Response
from .parameters import each, flag, integer, of_type, text


class Watch(NamedTuple, Generic[Response]):
    """A watch, ready to be started, and again where it has come to."""

    method: Method[Response]
    request: Any
    note: Callable[[Any, Response], None]
    """Lets the request resume after a response."""


def availability_watch(
    skus: Iterable[str] = (),
    locations: Iterable[str] = (),
    *,
    from_now: bool = False,
    after: Sequence[common.Revision] = (),
    low_threshold: int = 0,
    crossings_only: bool = False,
    source_states: Iterable[common.SourceState | str] = (),
) -> Watch[watch.WatchAvailabilityResponse]:
    """A watch of stock."""
    found = enumerate(each("skus", skus, "an iterable of SKUs"))
    places = enumerate(each("locations", locations, "an iterable of locations"))
    revisions = enumerate(each("after", after, "the revisions of a response"))
    is_from_now = flag("from_now", from_now)
    request = watch.WatchAvailabilityRequest(
        skus=[text(f"skus[{position}]", sku) for position, sku in found],
        locations=[text(f"locations[{position}]", place) for position, place in places],
        start=watch.WATCH_START_NOW if is_from_now else watch.WATCH_START_CURRENT_STATE,
        after=[
            of_type(f"after[{position}]", revision, common.Revision, "a Revision")
            for position, revision in revisions
        ],
        low_threshold=integer("low_threshold", low_threshold),
        crossings_only=flag("crossings_only", crossings_only),
        source_states=states_of_sources(source_states),
    )
    return Watch(WATCH_AVAILABILITY, request, _note_revisions)


def _note_revisions(
    request: watch.WatchAvailabilityRequest, response: watch.WatchAvailabilityResponse
) -> None:
    if response.revisions:
        del request.after[:]
        request.after.extend(response.revisions)


def reservations_watch(
    sku: str = "", location: str = "", *, from_oldest: bool = False, resume_token: str = ""
) -> Watch[watch.WatchReservationsResponse]:
    """A watch of reservations."""
    is_from_oldest = flag("from_oldest", from_oldest)
    request = watch.WatchReservationsRequest(
        sku=text("sku", sku),
        location=text("location", location),
        start=watch.WATCH_START_CURRENT_STATE if is_from_oldest else watch.WATCH_START_NOW,
        resume_token=text("resume_token", resume_token),
    )
    return Watch(WATCH_RESERVATIONS, request, _note_token)


def _note_token(
    request: watch.WatchReservationsRequest, response: watch.WatchReservationsResponse
) -> None:
    request.resume_token = response.resume_token
