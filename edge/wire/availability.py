"""GetAvailability and BatchGetAvailability; ResolveStockLevels."""

from collections.abc import Generator, Iterable
from typing import Any, Final

from google.protobuf.message import Message

from holdfast.core import commands as core
from holdfast.core.handles import split_handles
from holdfast.core.limits import BATCH_MAX
from holdfast.core.model import SourceState, Unresolved
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import common_pb2 as common

from .batches import OPERATIONS_MAX
from .faults import invalid, not_found
from .handles import check_timeline
from .name_rules import first_bad_name
from .packed import ColumnError, column, fill, twin
from .shared import (
    INT64_MAX,
    SOURCE_STATES,
    add_revisions,
    engine_members,
    fill_revision,
    wire_members,
)
from .validation import bad_name, check_count, check_name, enum_member

#: Stock levels that are put into a message at once: some 2 ms.
PIECE_LEVELS: Final = 1_000

_STATES_READ: Final = engine_members(common, "SOURCE_STATE", SourceState)

REASONS: Final = wire_members(availability, "UNRESOLVED_REASON", Unresolved)


def availability_from_request(request: availability.GetAvailabilityRequest) -> core.GetAvailability:
    """The command of a GetAvailability."""
    check_name("sku", request.sku)
    return core.GetAvailability((request.sku,), (), source_states(request.source_states))


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
    yield from _fill([(response.availability, view)])
    return response


def handles_from_request(request: Any, timeline: int) -> core.ReadLevels:
    """The command of a BatchGetAvailability by handle, read from its twin."""
    try:
        handles = column(request, availability.BatchGetAvailabilityRequest, "stock_levels")
    except ColumnError as error:
        raise invalid(error.name, error.found, error.expected) from error
    if not len(handles):
        raise invalid("skus", "0 items", f"1 to {BATCH_MAX:,} items, or stock_levels")
    check_count("stock_levels", len(handles), 1, OPERATIONS_MAX)
    if request.locations:
        raise invalid("locations", "set together with stock_levels", "locations together with skus")
    check_timeline("stock_levels", handles, split_handles(timeline, handles)[1])
    return core.ReadLevels(handles, source_states(request.source_states))


def handles_response(outcome: core.LevelColumns) -> Message:
    """The answer to a BatchGetAvailability by handle: int64 columns, in units."""
    response: Message = twin(availability.BatchGetAvailabilityResponse)()
    for name in ("on_hand", "reserved", "committed", "available", "unavailable"):
        fill(response, name, getattr(outcome, name))
    response.source_states = outcome.states.tobytes()  # type: ignore[attr-defined]
    add_revisions(response, outcome.revisions)
    return response


def levels_from_request(request: availability.ResolveStockLevelsRequest) -> core.ResolveLevels:
    """The command of a ResolveStockLevels."""
    check_count("stock_levels", len(request.stock_levels), 1, OPERATIONS_MAX)
    names = [(name.sku, name.location) for name in request.stock_levels]
    texts = [text for name in names for text in name]
    if (bad := first_bad_name(texts)) is not None:
        field = ("sku", "location")[bad % 2]
        raise bad_name(f"stock_levels[{bad // 2}].{field}", texts[bad])
    return core.ResolveLevels(tuple(names))


def levels_response(
    command: core.ResolveLevels, outcome: core.Handles
) -> availability.ResolveStockLevelsResponse:
    """The answer to a ResolveStockLevels: one handle per name, and why a name has none."""
    response = availability.ResolveStockLevelsResponse(handles=outcome.handles.tolist())
    for index, reason in outcome.unresolved.items():
        sku, location = command.names[index]
        level = availability.StockLevelName(sku=sku, location=location)
        response.unresolved.add(index=index, stock_level=level, reason=REASONS[reason])
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
    check_count("skus", len(request.skus), 1, BATCH_MAX)
    check_count("locations", len(request.locations), 0, BATCH_MAX)
    skus, locations = tuple(request.skus), tuple(request.locations)
    for field, names in (("skus", skus), ("locations", locations)):
        if (bad := first_bad_name(names)) is not None:
            raise bad_name(f"{field}[{bad}]", names[bad])
    return core.GetAvailability(skus, locations, source_states(request.source_states))


def source_states(given: Iterable[int]) -> tuple[SourceState, ...]:
    """The states of levels to read, each once."""
    states = (
        enum_member(f"source_states[{index}]", state, _STATES_READ, common.SourceState)
        for index, state in enumerate(given)
    )
    return tuple(dict.fromkeys(states))


def fill_level(message: availability.StockLevel, level: core.LevelView) -> None:
    """Set the fields of a StockLevel."""
    # One by one: as arguments of a message they would cost half as much again.
    location, on_hand, reserved, committed, available, enabled = level[:6]
    unavailable, incoming, quarantined, state, backordered = level[6:]
    message.location = location
    message.on_hand = on_hand
    message.reserved = reserved
    message.committed = committed
    message.available = available
    message.enabled = enabled
    message.source_state = SOURCE_STATES[state]
    if available < 0:
        message.shortfall = -available
    if incoming:
        message.incoming = incoming
    if backordered:
        message.backordered = backordered
    if quarantined:
        message.quarantined = True
    for status, quantity in unavailable.items() if unavailable else ():
        message.unavailable.add(status=status, quantity=quantity)


def _fill(
    messages: Iterable[tuple[availability.Availability, core.AvailabilityView]],
) -> Generator[None, None, None]:
    """SKUs, level by level. A shortfall at one location takes nothing from the network's sum: units
    that are missing in one place cannot be shipped from there, the others still can.
    """
    count = 0
    for message, view in messages:
        message.sku = view.sku
        fill_revision(message.revision, view.revision)
        network_available = 0
        add = message.levels.add
        for level in view.levels:
            if count == PIECE_LEVELS:
                yield
                count = 0
            count += 1
            if level.available > 0:
                network_available += level.available
            fill_level(add(), level)
        # One level holds up to 2e18 units, so five of them are beyond an int64.
        message.network_available = min(network_available, INT64_MAX)
