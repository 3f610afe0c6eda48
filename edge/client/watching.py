"""What a watch asks for, and where it resumes after a lost connection."""

from collections.abc import Iterable, Sequence

from holdfast.v1 import common_pb2 as common
from holdfast.v1 import watch_service_pb2 as watch

from .parameters import each, flag, integer, of_type, text


def watch_request(
    skus: Iterable[str] = (),
    locations: Iterable[str] = (),
    *,
    from_now: bool = False,
    after: Sequence[common.Revision] = (),
    low_threshold: int = 0,
    crossings_only: bool = False,
) -> watch.WatchAvailabilityRequest:
    """The request of a watch."""
    found = enumerate(each("skus", skus, "an iterable of SKUs"))
    places = enumerate(each("locations", locations, "an iterable of locations"))
    revisions = enumerate(each("after", after, "the revisions of a response"))
    is_from_now = flag("from_now", from_now)
    return watch.WatchAvailabilityRequest(
        skus=[text(f"skus[{position}]", sku) for position, sku in found],
        locations=[text(f"locations[{position}]", place) for position, place in places],
        start=watch.WATCH_START_NOW if is_from_now else watch.WATCH_START_CURRENT_STATE,
        after=[
            of_type(f"after[{position}]", revision, common.Revision, "a Revision")
            for position, revision in revisions
        ],
        low_threshold=integer("low_threshold", low_threshold),
        crossings_only=flag("crossings_only", crossings_only),
    )


def note_position(
    request: watch.WatchAvailabilityRequest, response: watch.WatchAvailabilityResponse
) -> None:
    """Let the request resume behind a response."""
    if response.revisions:
        del request.after[:]
        request.after.extend(response.revisions)
