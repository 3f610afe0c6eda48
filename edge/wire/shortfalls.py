"""GetShortfall, and shortfalls in the answers to others."""

from holdfast.core import commands as core
from holdfast.core.limits import ENDANGERED_LISTED_MAX, ENDANGERED_MAX
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import common_pb2 as common

from .faults import invalid
from .shared import fill_revision
from .validation import check_name


def shortfall_from_request(request: availability.GetShortfallRequest) -> core.GetShortfall:
    """The command of a GetShortfall."""
    check_name("sku", request.sku)
    check_name("location", request.location)
    if not 0 <= request.max_lines <= ENDANGERED_MAX:
        raise invalid("max_lines", request.max_lines, f"0 to {ENDANGERED_MAX:,}")
    most = request.max_lines or ENDANGERED_LISTED_MAX
    return core.GetShortfall(request.sku, request.location, most)


def shortfall_response(outcome: core.ShortfallView) -> availability.GetShortfallResponse:
    """The answer to a GetShortfall."""
    response = availability.GetShortfallResponse(shortfall=shortfall_message(outcome.shortfall))
    fill_revision(response.revision, outcome.revision)
    return response


def shortfall_message(shortfall: core.Shortfall) -> common.Shortfall:
    """A stock level where promises exceed supply, with the lines that were looked for."""
    message = common.Shortfall(
        sku=shortfall.sku,
        location=shortfall.location,
        on_hand=shortfall.on_hand,
        available=shortfall.available,
        shortfall=max(0, -shortfall.available),
        unlisted_quantity=shortfall.unlisted,
        uncovered_quantity=shortfall.uncovered,
    )
    for each in shortfall.endangered:
        message.endangered.add(
            reservation_id=each.reservation_id,
            line_id=each.line_id,
            held=each.held,
            committed=each.committed,
            endangered_quantity=each.quantity,
        )
    for late in shortfall.waiting:
        message.uncovered.add(
            reservation_id=late.reservation_id,
            line_id=late.line_id,
            backordered=late.backordered,
            uncovered_quantity=late.quantity,
        ).latest_supply_time.FromNanoseconds(late.latest_ns)
    return message
