"""GetAvailableToPromise."""

from typing import Final

from holdfast.core import commands as core
from holdfast.core.limits import BATCH_MAX, HORIZON_DAYS_MAX, PROMISE_LEVELS_MAX
from holdfast.v1 import availability_service_pb2 as availability

from .availability import source_states
from .faults import invalid
from .page_tokens import PAGE_SIZE_DEFAULT, page_token, start_of_page
from .shared import SOURCE_STATES, fill_revision
from .validation import check_count, check_name

HORIZON_DAYS_DEFAULT: Final = 30


def promise_from_request(
    request: availability.GetAvailableToPromiseRequest, asked: int
) -> core.GetAvailableToPromise:
    """The command of a GetAvailableToPromise."""
    check_name("sku", request.sku)
    check_count("locations", len(request.locations), 0, BATCH_MAX)
    for index, name in enumerate(request.locations):
        check_name(f"locations[{index}]", name)
    for field, most in (("horizon_days", HORIZON_DAYS_MAX), ("page_size", PROMISE_LEVELS_MAX)):
        if not 0 <= getattr(request, field) <= most:
            raise invalid(field, getattr(request, field), f"0 to {most}")
    return core.GetAvailableToPromise(
        request.sku,
        tuple(request.locations),
        request.horizon_days or HORIZON_DAYS_DEFAULT,
        start_of_page(request.page_token, asked),
        request.page_size or PAGE_SIZE_DEFAULT,
        source_states(request.source_states),
    )


def promise_response(
    view: core.AvailableToPromiseView, asked: int
) -> availability.GetAvailableToPromiseResponse:
    """The answer to a GetAvailableToPromise."""
    response = availability.GetAvailableToPromiseResponse()
    for level in view.levels:
        _fill(response.levels.add(), level)
    response.today.FromNanoseconds(view.begins_ns)
    if view.next_start is not None:
        response.next_page_token = page_token(view.next_start, asked)
    fill_revision(response.revision, view.revision)
    return response


def _fill(message: availability.LevelPromise, level: core.PromiseView) -> None:
    message.location, message.available = level.location, level.available
    message.overdue = level.overdue
    message.source_state = SOURCE_STATES[level.state]
    for day in level.days:
        added_day = message.days.add(incoming=day.incoming, available=day.available)
        added_day.day.FromNanoseconds(day.begins_ns)
    for supply in level.supplies:
        added = message.supplies.add(
            document=supply.document,
            line=supply.line,
            announced=supply.announced,
            received=supply.received,
            incoming=supply.incoming,
            is_transfer=supply.is_transfer,
            over=supply.over,
        )
        if supply.expected_ns or not supply.is_transfer:
            added.expected_time.FromNanoseconds(supply.expected_ns)
