"""What is too heavy to be read is refused by its bytes, and nothing that is legal is."""

from typing import Any

import pytest
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.kernels.codes import FIELD_NUMBERS
from holdfast.core.limits import BATCH_MAX, LINES_MAX
from holdfast.edge.server.methods import ADMIN, PUBLIC, methods_of
from holdfast.edge.wire.batches import OPERATIONS_MAX
from holdfast.edge.wire.fact_rules import SEEN_MAX
from holdfast.edge.wire.faults import Fault
from holdfast.edge.wire.weighing import LIGHT_BYTES, WEIGHT_MAX, Scales
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock

EMPTY_LINE = b"\x12\x00"


def check(message_class: Any, data: bytes) -> None:
    Scales(message_class.DESCRIPTOR).check(data)


def filled(message_class: Any) -> Any:
    """A message with something in each field that is no list and no message of another kind."""
    message = message_class()
    for field in message_class.DESCRIPTOR.fields:
        if field.message_type is None and not field.is_repeated:
            setattr(message, field.name, "x" * 64 if field.type == field.TYPE_STRING else 1)
    return message


def test_the_heaviest_requests_are_light_enough() -> None:
    """Each with as much as its limits allow, and all fields set."""
    event = filled(stock.StockEvent)
    event.reference.CopyFrom(filled(type(event.reference)))
    event.seen_reservations.extend(["x"] * SEEN_MAX)
    line, name = filled(reservation.ReserveLine), filled(availability.StockLevelName)
    skus = ["x" * 64] * BATCH_MAX
    for request in (
        stock.RecordStockEventsRequest(source="s", events=[event] * BATCH_MAX),
        reservation.ReserveRequest(reservation_id="r", lines=[line] * LINES_MAX),
        availability.ResolveStockLevelsRequest(stock_levels=[name] * OPERATIONS_MAX),
        availability.BatchGetAvailabilityRequest(skus=skus, locations=skus),
    ):
        data = request.SerializeToString()
        assert len(data) > LIGHT_BYTES
        check(type(request), data)


@pytest.mark.parametrize(
    ("message_class", "data"),
    [
        (reservation.ReserveRequest, EMPTY_LINE * (WEIGHT_MAX // 4 + 1)),
        (stock.RecordStockEventsRequest, EMPTY_LINE * (1 << 20)),
        (availability.BatchGetAvailabilityRequest, b"\x0a\x00" * (WEIGHT_MAX + 1)),
        (reservation.ReserveRequest, b"\x78\x01" * (WEIGHT_MAX + 1)),
    ],
    ids=["lines", "events", "names", "a field that nobody knows"],
)
def test_what_is_too_heavy_is_refused(message_class: Any, data: bytes) -> None:
    """A length says nothing: 64 KiB of these are light, and legal messages are longer."""
    with pytest.raises(Fault, match="request is 'more than 131,072 fields'"):
        check(message_class, data)
    check(message_class, data[:LIGHT_BYTES])


def test_what_is_inside_counts() -> None:
    """Lines in the message of a oneof."""
    lines = b"\x0a\x00" * (WEIGHT_MAX // 4)
    request = reservation.CommitRequest()
    field = request.DESCRIPTOR.fields_by_name["lines"]
    size = len(lines)
    length = bytes((size & 127 | 128, size >> 7 & 127 | 128, size >> 14))
    with pytest.raises(Fault):
        check(reservation.CommitRequest, bytes((field.number << 3 | 2,)) + length + lines)


@given(st.binary(max_size=300))
def test_noise_is_weighed_without_an_error(data: bytes) -> None:
    check(stock.RecordStockEventsRequest, data)


def test_fields_that_have_messages_have_small_numbers() -> None:
    """So that the scales look into each."""
    for method in methods_of((*PUBLIC, *ADMIN)):
        for field in GetMessageClass(method.input_type).DESCRIPTOR.fields:
            assert field.message_type is None or field.number < FIELD_NUMBERS
