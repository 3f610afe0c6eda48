"""GetAvailability and BatchGetAvailability by SKU; reads by handle are in batches.py."""

from collections.abc import Generator
from typing import Final

from holdfast.core import commands as core
from holdfast.core.limits import BATCH_MAX
from holdfast.v1 import availability_service_pb2 as availability

from .faults import invalid, not_found
from .shared import INT64_MAX, revision_message
from .validation import bad_name, check_count, check_name, is_name

#: Stock levels that are put into a message at once: some 2 ms.
PIECE_LEVELS: Final = 1_000


def availability_from_request(request: availability.GetAvailabilityRequest) -> core.GetAvailability:
    """The command of a GetAvailability."""
    check_name("sku", request.sku)
    return core.GetAvailability((request.sku,))


def availability_response(
    command: core.GetAvailability, outcome: core.AvailabilitiesView
) -> Generator[None, None, availability.GetAvailabilityResponse]:
    """The answer to a GetAvailability, in pieces. Raises the fault UNKNOWN_SKU when no event ever
    named it.
    """
    (view,) = outcome.views
    if view is None:
        raise not_found("sku", command.skus[0])
    response = availability.GetAvailabilityResponse()
    yield from _fill(response.availability, view)
    return response


def is_by_handle(request: availability.BatchGetAvailabilityRequest) -> bool:
    """Whether a BatchGetAvailability names handles. Raises a `Fault` when it names SKUs as well."""
    if request.stock_levels and request.skus:
        expected = "either skus or stock_levels"
        raise invalid("stock_levels", "set together with skus", expected)
    return not request.skus


def batch_availability_from_request(
    request: availability.BatchGetAvailabilityRequest,
) -> core.GetAvailability:
    """The command of a BatchGetAvailability that names SKUs."""
    skus = request.skus
    check_count("skus", len(skus), 1, BATCH_MAX)
    for index, sku in enumerate(skus):
        if not is_name(sku):
            raise bad_name(f"skus[{index}]", sku)
    return core.GetAvailability(tuple(skus))


def batch_availability_response(
    command: core.GetAvailability, outcome: core.AvailabilitiesView
) -> Generator[None, None, availability.BatchGetAvailabilityResponse]:
    """The answer to a BatchGetAvailability by SKU, in pieces. Unknown SKUs are listed, not a fault:
    one typo must not cost a caller the other 999.
    """
    response = availability.BatchGetAvailabilityResponse()
    count = 0
    for sku, view in zip(command.skus, outcome.views, strict=True):
        if view is None:
            response.unknown_skus.append(sku)
            continue
        if count + len(view.levels) >= PIECE_LEVELS:
            yield
            count = 0
        count += 1 + len(view.levels)
        yield from _fill(response.availabilities.add(), view)
    return response


def _fill(
    message: availability.Availability, view: core.AvailabilityView
) -> Generator[None, None, None]:
    """One SKU, level by level. A shortfall at one location takes nothing from the network's sum:
    units that are missing in one place cannot be shipped from there, the others still can.
    """
    message.sku = view.sku
    message.revision.CopyFrom(revision_message(view.revision))
    network_available = 0
    for index, (location, on_hand, reserved, committed, available, enabled) in enumerate(
        view.levels
    ):
        if index % PIECE_LEVELS == 0 and index:
            yield
        if enabled and available > 0:
            network_available += available
        message.levels.add(
            location=location,
            on_hand=on_hand,
            reserved=reserved,
            committed=committed,
            available=available,
            shortfall=max(0, -available),
            enabled=enabled,
        )
    # One level holds up to 2e18 units, so five of them are beyond an int64.
    message.network_available = min(network_available, INT64_MAX)
