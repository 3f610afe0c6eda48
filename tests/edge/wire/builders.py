"""Requests in which nothing is wrong but what a test changes, and what a fault must say."""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pytest
from google.protobuf.duration_pb2 import Duration

from holdfast.core import commands as core
from holdfast.core.model import Verb
from holdfast.edge.wire.availability import (
    availability_from_request,
    batch_availability_from_request,
)
from holdfast.edge.wire.catalogue import create_from_request
from holdfast.edge.wire.faults import Fault
from holdfast.edge.wire.reservations import (
    extend_from_request,
    move_from_request,
    reserve_from_request,
)
from holdfast.edge.wire.stock_facts import events_from_request
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import catalog_service_pb2 as catalog
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock

ID = "0b4f9a5e-0000-4000-8000-00000000000f"


MOVES = {
    Verb.COMMIT: reservation.CommitRequest,
    Verb.FULFILL: reservation.FulfillRequest,
    Verb.RELEASE: reservation.ReleaseRequest,
    Verb.CANCEL: reservation.CancelRequest,
}


def line(sku: str = "85123A", location: str = "BRISTOL", quantity: int = 5) -> dict[str, Any]:
    return {"sku": sku, "location": location, "quantity": quantity}


def reserve(
    reservation_id: str = ID, lines: list[dict[str, Any]] | None = None, **fields: Any
) -> core.AnyReserve:
    lines = [line()] if lines is None else lines
    return reserve_from_request(
        reservation.ReserveRequest(reservation_id=reservation_id, lines=lines, **fields)
    )


def extend(reservation_id: str = ID, request_id: str = "", **duration: int) -> core.Extend:
    return extend_from_request(
        reservation.ExtendRequest(
            reservation_id=reservation_id,
            request_id=request_id,
            hold_duration=Duration(**duration) if duration else None,
        )
    )


def move(
    verb: Verb = Verb.COMMIT,
    reservation_id: str = ID,
    lines: list[dict[str, Any]] | None = None,
    **fields: Any,
) -> core.Move:
    units = {"all": reservation.All()} if lines is None else {"lines": {"lines": lines}}
    request = MOVES[verb](reservation_id=reservation_id, **units, **fields)
    return move_from_request(verb, request)


def record(source: str = "till/0042", **fields: Any) -> core.StockEvent:
    event = {"event_id": "e1", "kind": "STOCK_EVENT_KIND_SALE", **line(), **fields}
    request = stock.RecordStockEventsRequest(source=source, events=[event])
    (recorded,) = events_from_request(request).events
    return recorded


def availability_of(sku: str) -> core.GetAvailability:
    return availability_from_request(availability.GetAvailabilityRequest(sku=sku))


def availability_of_all(skus: list[str]) -> core.GetAvailability:
    return batch_availability_from_request(availability.BatchGetAvailabilityRequest(skus=skus))


def created(**fields: Any) -> core.Location:
    location = {"location": "BRISTOL", **fields}
    return create_from_request(catalog.CreateLocationRequest(location=location)).location


def fault(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        call(*args, **kwargs)
    return caught.value


def assert_invalid(error: Fault, field: str, value: object, expected: str) -> None:
    """The fault names field and value, and says what would be right."""
    assert "INVALID_VALUE" == error.reason
    assert "INVALID_ARGUMENT" == error.code.name
    assert error.metadata == {"field": field, "value": str(value), "expected": expected}
    assert error.message == f"{field} is {value!r}: expected {expected}"


#: Revisions of an answer, and how they are sent.


REVISIONS = (core.Revision(1, 77, 2**64 - 1), core.Revision(3, 5, 2**64 - 1))


SENT_REVISIONS = [
    common.Revision(shard=1, sequence=77, timeline=2**64 - 1),
    common.Revision(shard=3, sequence=5, timeline=2**64 - 1),
]


def availabilities(*views: core.AvailabilityView | None) -> core.AvailabilitiesView:
    """The answer to a GetAvailability that has these views."""
    levels = [list(view.levels) if view else [] for view in views]
    ends = np.cumsum([0, *map(len, levels)])
    read_at = np.cumsum([view is not None for view in views]) - 1
    return core.AvailabilitiesView(
        tuple(view.sku if view else "?" for view in views),
        np.stack((ends[:-1], ends[1:])),
        np.where([view is not None for view in views], read_at, -1),
        tuple(view.revision for view in views if view),
        level_table(levels),
    )


def level_table(levels_of: Sequence[Sequence[core.LevelView]]) -> core.LevelTable:
    """The levels of each SKU as columns, in a piece for each."""
    levels = [level for each in levels_of for level in each]
    locations = sorted({level.location for level in levels})
    statuses = sorted({status for level in levels for status in level.unavailable})
    unavailable = [
        (place, statuses.index(status), units)
        for place, level in enumerate(levels)
        for status, units in sorted(level.unavailable.items())
    ]
    rows = [(locations.index(level.location), *level[1:6], *level[7:]) for level in levels]
    figures = np.array(rows, np.int64).reshape(-1, len(core.LevelFigure)).T.copy()
    bounds = [0, *accumulate(map(len, levels_of))]
    return core.LevelTable(
        [figures[:, start:end] for start, end in pairwise(bounds)],
        bounds,
        locations,
        np.array(unavailable, np.int64).reshape(-1, 3),
        statuses,
    )
