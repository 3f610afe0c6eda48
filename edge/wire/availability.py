"""Messages of AvailabilityService that name SKUs to commands, outcomes to messages."""

from holdfast.core import commands as core
from holdfast.core.limits import BATCH_MAX
from holdfast.v1 import availability_service_pb2 as availability

from .faults import not_found
from .shared import INT64_MAX, revision_to_message
from .validation import bad_name, check_count, check_name, is_name


def availability_from_request(request: availability.GetAvailabilityRequest) -> core.GetAvailability:
    """Read a GetAvailability."""
    check_name("sku", request.sku)
    return core.GetAvailability((request.sku,))


def availability_response(
    command: core.GetAvailability, outcome: core.AvailabilitiesView
) -> availability.GetAvailabilityResponse:
    """Answer a GetAvailability; NOT_FOUND when no stock fact ever named the SKU."""
    (view,) = outcome.views
    if view is None:
        raise not_found("sku", command.skus[0])
    return availability.GetAvailabilityResponse(availability=_availability(view))


def batch_availability_from_request(
    request: availability.BatchGetAvailabilityRequest,
) -> core.GetAvailability:
    """Read a BatchGetAvailability."""
    skus = request.skus
    check_count("skus", len(skus), 1, BATCH_MAX)
    for index, sku in enumerate(skus):
        if not is_name(sku):
            raise bad_name(f"skus[{index}]", sku)
    return core.GetAvailability(tuple(skus))


def batch_availability_response(
    command: core.GetAvailability, outcome: core.AvailabilitiesView
) -> availability.BatchGetAvailabilityResponse:
    """Answer a BatchGetAvailability."""
    response = availability.BatchGetAvailabilityResponse()
    for sku, view in zip(command.skus, outcome.views, strict=True):
        if view is None:
            response.unknown_skus.append(sku)
        else:
            response.availabilities.append(_availability(view))
    return response


def _availability(view: core.AvailabilityView) -> availability.Availability:
    message = availability.Availability(sku=view.sku, revision=revision_to_message(view.revision))
    network_available = 0
    for level in view.levels:
        available = level.available
        if level.enabled and available > 0:
            network_available += available
        message.levels.add(
            location=level.location,
            on_hand=level.on_hand,
            reserved=level.reserved,
            committed=level.committed,
            available=available,
            shortfall=max(0, -available),
            enabled=level.enabled,
        )
    message.network_available = min(network_available, INT64_MAX)
    return message
