"""Messages of plain events are read column by column, to the same facts as event by event."""

from random import Random
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.descriptor import FieldDescriptor

from holdfast.core import commands as core
from holdfast.core.limits import QUANTITY_MAX
from holdfast.edge.wire.packed import twin
from holdfast.edge.wire.plain_facts import read_plain
from holdfast.edge.wire.stock_facts import events_from_request
from holdfast.v1 import stock_service_pb2 as stock

PLAIN = {"sequence": 7, "sku": "Tea", "location": "W", "kind": 1, "quantity": 2}
MESSAGES = (
    stock.RecordStockEventsRequest,
    stock.RecordStockEventsStreamRequest,
    twin(stock.RecordStockEventsStreamRequest),
)


def request_of(*events: dict[str, Any], message: Any = MESSAGES[0]) -> Any:
    return message(source="till", events=events)


def some_event(rng: Random) -> dict[str, Any]:
    kind = rng.randint(1, 5)
    low = 0 if kind == stock.STOCK_EVENT_KIND_COUNT else 1
    ids = "", "e1", str(UUID(int=rng.getrandbits(128))), "Größe 1"
    return {
        "event_id": rng.choice(ids),
        "sequence": rng.choice([1, 9, 2**63 - 1]),
        "sku": rng.choice(["Tea", "Tee grün", "x" * 128]),
        "location": rng.choice(["W", "Köln"]),
        "kind": kind,
        "quantity": rng.choice([low, 3, QUANTITY_MAX]),
    }


def one_by_one(events: list[dict[str, Any]]) -> tuple[core.StockEvent, ...]:
    """Read with an actor each, so that no message is plain, and without it then."""
    told = [{**event, "actor": "till"} for event in events]
    assert read_plain(request_of(*told)) is None
    read = events_from_request(request_of(*told)).events
    return tuple(event._replace(actor="") for event in read)


@pytest.mark.parametrize("message", MESSAGES, ids=["unary", "stream", "twin"])
def test_the_facts_are_those_that_are_read_one_by_one(message: Any) -> None:
    rng = Random(41)
    for size in (1, 2, 300):
        events = [some_event(rng) for _ in range(size)]
        assert one_by_one(events) == read_plain(request_of(*events, message=message))


def test_a_message_on_the_stream_may_have_a_number() -> None:
    request = stock.RecordStockEventsStreamRequest(source="till", events=[PLAIN], batch_id=3)
    assert events_from_request(request).events == read_plain(request)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sequence": 0},
        {"sequence": 2**63},
        {"event_id": "e1 "},
        {"sku": ""},
        {"sku": "a\tb"},
        {"location": " W"},
        {"location": "x" * 129},
        {"kind": 0},
        {"kind": 77},
        {"quantity": 0},
        {"quantity": QUANTITY_MAX + 1},
        {"kind": stock.STOCK_EVENT_KIND_COUNT, "quantity": -1},
        {"kind": stock.STOCK_EVENT_KIND_STATUS_CHANGE},
    ],
    ids=str,
)
def test_an_event_in_bad_form_is_left_to_be_read_by_itself(wrong: dict[str, Any]) -> None:
    assert read_plain(request_of(PLAIN, {**PLAIN, **wrong}, PLAIN)) is None


def test_an_event_that_says_more_is_left_to_be_read_by_itself() -> None:
    fields = stock.StockEvent.DESCRIPTOR.fields
    more = {field.name: field for field in fields if field.name not in {"event_id", *PLAIN}}
    values: dict[int, Any] = {FieldDescriptor.TYPE_STRING: "said", FieldDescriptor.TYPE_MESSAGE: {}}
    for name, field in more.items():
        value = values.get(field.type, 1)  # a number, an enum or a bool
        told = {name: [value] if field.is_repeated else value}
        assert read_plain(request_of(PLAIN, {**PLAIN, **told}, PLAIN)) is None, name
