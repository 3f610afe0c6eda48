"""What is not well formed is refused by name and value, and leaves no trace.

Every case runs against a real node: the status, its ErrorInfo and its sentence are read off the
wire, and state hash, journal position and journal size stay as they were.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from holdfast.core.limits import ON_HAND_MAX, QUANTITY_MAX
from holdfast.edge.client import BlockingClient, Client, InvalidArgument, NotFound, methods
from holdfast.edge.client.methods import ADMIN, UNARY_METHODS, Method
from holdfast.edge.wire.faults import DOMAIN
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.bad_requests import CASES, ORDER, SKU, Case, event, events, line, reserve, seconds
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.raw import (
    CALL_TIMEOUT_S,
    WAREHOUSE,
    Wire,
    level_of,
    new_name,
    put_stock,
    receipt,
    traces_of,
)

INT64_MAX = 2**63 - 1
SOURCE = "goods-in"
DAY_S = 24 * 3600


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """One node for all cases, since none of them may change it: it knows a SKU, a location and a
    reservation.
    """
    folder = tmp_path_factory.mktemp("bad_input")
    with running_node(folder, message_size_max_kib=1024) as running:
        with BlockingClient(**running.targets, timeout_s=CALL_TIMEOUT_S) as client:
            client.update_location(WAREHOUSE, allow_missing=True)
            client.record_stock_events("goods-in", [event(event_id="opening", quantity=100)])
            client.reserve(ORDER, [(SKU, WAREHOUSE, 10)], hold=DAY_S)
        yield running
        assert [] == running.complaints()


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.method.name}: {case.field}, {case.what}" for case in CASES]
)
async def test_what_is_wrong_is_named_with_its_value_and_changes_nothing(
    case: Case, client: Client, wire: Wire
) -> None:
    """One status, one ErrorInfo, a sentence with the field and the value in it, and no effect."""
    before = await traces_of(client)
    answer = await wire.send(case.method, case.request)
    assert (case.code, case.reason, DOMAIN) == (answer.code, answer.reason, answer.info.domain)
    assert case.field == answer.info.metadata["field"]
    (request,) = answer.details(error_details_pb2.BadRequest)
    assert case.field == request.field_violations[0].field
    assert f"{case.field} is " in answer.message or f"{case.field} '" in answer.message
    assert answer.info.metadata["value"].startswith(case.value[:128])
    assert repr(case.value[:128])[1:-1] in answer.message
    assert answer.retry_after_s is None
    assert before == await traces_of(client)


async def test_an_order_with_three_unknown_skus_names_all_three(client: Client, wire: Wire) -> None:
    """And a location that is unknown beside them: nobody has to ask four times."""
    before = await traces_of(client)
    lines = [line("Mug"), line(), line("Pot"), line("Cup", "W9")]
    answer = await wire.send(methods.RESERVE, reserve(*lines))
    assert ("NOT_FOUND", "UNKNOWN_SKU", "4") == (
        *(answer.code, answer.reason),
        answer.info.metadata["count"],
    )
    named = {
        "lines[0].sku": "Mug",
        "lines[2].sku": "Pot",
        "lines[3].sku": "Cup",
        "lines[3].location": "W9",
    }
    (request,) = answer.details(error_details_pb2.BadRequest)
    assert [*named] == [each.field for each in request.field_violations]
    resources = answer.details(error_details_pb2.ResourceInfo)
    assert [*named.values()] == [each.resource_name for each in resources]
    assert all(f"{field} '{name}'" in answer.message for field, name in named.items())
    assert before == await traces_of(client)


async def test_however_many_names_are_unknown_a_status_comes(wire: Wire) -> None:
    """gRPC drops what does not fit its headers, and a caller would learn nothing."""
    names = [f"{number:04}{'é' * 62}" for number in range(2_000)]
    answer = await wire.send(methods.RESERVE, reserve(*(line(name) for name in names)))
    assert ("NOT_FOUND", "2000") == (answer.code, answer.info.metadata["count"])
    assert all(name in answer.message for name in names[:3])


# Bytes that are no message


BAD_BYTES = {
    "an unfinished tag": b"\xff",
    "a field that is longer than the message": b"\x0a\x7fshort",
    "a field with number 0": b"\x02\x00",
    "a group that never ends": b"\x0b",
    "text that is not UTF-8": b"\x0a\x02\xff\xfe",
}


NOT_UTF_8 = "text that is not UTF-8"

#: A request without fields passes over bytes of one, and does what it is there for.
WITHOUT_FIELDS = (methods.CREATE_SNAPSHOT, methods.DRAIN)

MALFORMED = [
    pytest.param(method, what, id=f"{method.name}-{what}")
    for method in UNARY_METHODS
    for what in BAD_BYTES
    if not (what == NOT_UTF_8 and method in WITHOUT_FIELDS)
]


@pytest.mark.parametrize(("method", "what"), MALFORMED)
async def test_bytes_that_are_no_message_are_malformed(
    method: Method[Any], what: str, client: Client, node: NodeProcess
) -> None:
    """Whatever arrives, the answer is a status and not a crash."""
    before = await traces_of(client)
    async with Wire(node.admin_target if method.package == ADMIN else node.target) as wire:
        answer = await wire.send_bytes(method.path, BAD_BYTES[what])
    if what == NOT_UTF_8 and answer.code != "INVALID_ARGUMENT":
        # In these, field 1 is no text: they have no such field, or it is a message or a flag.
        assert method in (
            *(methods.LIST_LOCATIONS, methods.LIST_SOURCES, methods.LIST_PENDING_REVERSALS),
            *(methods.LIST_QUARANTINED_SKUS, methods.GET_STATUS, methods.RUN_AUDIT),
        )
        return
    assert ("INVALID_ARGUMENT", "MALFORMED_MESSAGE") == (answer.code, answer.reason)
    assert answer.message.startswith("the request cannot be parsed")
    assert before == await traces_of(client)


async def test_a_field_of_a_later_version_is_ignored(wire: Wire) -> None:
    """An old node takes a new client's request, and the answer is the same, byte for byte."""
    request = reservation.ReserveRequest(
        reservation_id=new_name("order"), lines=[line()], hold_duration=seconds(DAY_S)
    )
    plain = request.SerializeToString()
    of_later_version = plain + b"\xba\x3e\x05later" + b"\xc0\x3e\x07"  # fields 999 and 1,000
    path, response = methods.RESERVE.path, reservation.ReserveResponse
    first = (await wire.send_bytes(path, of_later_version)).parsed(response)
    again = (await wire.send_bytes(path, plain)).parsed(response)
    assert again.repeated_request
    again.repeated_request = False
    assert first == again


async def test_a_field_of_the_wrong_wire_type_counts_as_missing(wire: Wire) -> None:
    """Protobuf takes it for an unknown field; what remains is judged as it stands."""
    answer = await wire.send_bytes(methods.GET_AVAILABILITY.path, b"\x08\x01")
    assert ("INVALID_ARGUMENT", "sku") == (answer.code, answer.info.metadata["field"])


async def test_a_message_over_the_limit_is_not_read(client: Client, wire: Wire) -> None:
    """gRPC refuses it before it is a message; there is nothing to wait for, so no RetryInfo."""
    before = await traces_of(client)
    answer = await wire.send_bytes(methods.RESERVE.path, b"\x0a" * (1024 * 1024 + 1))
    assert ("RESOURCE_EXHAUSTED", "", None) == (answer.code, answer.reason, answer.retry_after_s)
    assert "1048576" in answer.message
    assert before == await traces_of(client)


async def test_the_largest_legal_message_is_below_the_smallest_limit(wire: Wire) -> None:
    """2,000 lines with the longest names and quantities are judged, not cut off."""
    lines = [line(f"{number:0128}", "W" * 128, QUANTITY_MAX) for number in range(2_000)]
    request = reservation.ReserveRequest(
        reservation_id="r" * 128, lines=lines, hold_duration=seconds(30 * DAY_S)
    )
    answer = await wire.send(methods.RESERVE, request)
    assert ("NOT_FOUND", "UNKNOWN_SKU") == (answer.code, answer.reason)


@pytest.mark.parametrize(
    "path",
    [
        "/holdfast.v1.ReservationService/Refund",
        "/holdfast.v1.RefundService/Reserve",
        "/holdfast.v2.ReservationService/Reserve",
        "/holdfast.v1.ReservationService/reserve",
        "/Reserve",
    ],
)
async def test_a_method_that_does_not_exist_is_unimplemented(path: str, wire: Wire) -> None:
    """So that a client learns that it speaks to an older or another server."""
    answer = await wire.send_bytes(path, b"")
    assert "UNIMPLEMENTED" == answer.code


# Streams


@pytest.mark.parametrize(
    ("bad", "code", "source"),
    [
        (b"\xff", grpc.StatusCode.INVALID_ARGUMENT, ""),
        (events(event(quantity=0)).SerializeToString(), grpc.StatusCode.INVALID_ARGUMENT, SOURCE),
        (events(event(location="W9")).SerializeToString(), grpc.StatusCode.NOT_FOUND, SOURCE),
    ],
    ids=["no message", "a bad quantity", "an unknown location"],
)
async def test_a_bad_message_is_answered_in_its_place_and_the_stream_goes_on(
    bad: bytes, code: grpc.StatusCode, source: str, client: Client, wire: Wire
) -> None:
    """With its status and no result; what comes before and after is recorded."""
    skus = [new_name("sku") for _ in range(20)]

    async def messages() -> AsyncIterator[bytes]:
        for number, sku in enumerate(skus):
            if number == 10:
                yield bad
            fact = event(event_id=new_name("event"), sku=sku)
            yield events(fact, source="a stream").SerializeToString()

    stream = wire.channel.stream_stream(methods.RECORD_STOCK_EVENTS_STREAM.path)(messages())
    answers = [stock.RecordStockEventsStreamResponse.FromString(data) async for data in stream]
    refused = answers.pop(10)
    assert (code.value[0], source, 0) == (refused.status.code, refused.source, len(refused.results))
    assert [1] * 20 == [answer.results[0].on_hand for answer in answers]
    known = await client.batch_get_availability(skus)
    assert skus == [each.sku for each in known.availabilities]


# Facts beyond what a stock level can hold


async def test_a_fact_that_would_overflow_a_stock_level_is_out_of_range(client: Client) -> None:
    """It has no effect, and the other events of its message have."""
    sku = new_name("sku")
    for _ in range(2):
        facts = [receipt(sku, QUANTITY_MAX) for _ in range(1_000)]
        await client.record_stock_events("goods-in", facts)
    assert ON_HAND_MAX == (await level_of(client, sku)).on_hand
    other = new_name("sku")
    answer = await client.record_stock_events("goods-in", [receipt(other, 1), receipt(sku, 1)])
    applied, out_of_range = (
        stock.STOCK_EVENT_OUTCOME_APPLIED,
        stock.STOCK_EVENT_OUTCOME_OUT_OF_RANGE,
    )
    assert [applied, out_of_range] == [result.outcome for result in answer.results]
    assert ON_HAND_MAX == (await level_of(client, sku)).on_hand


# Commands in the wrong state are data


WRONG_STATE = common.REFUSAL_CODE_WRONG_STATE


@pytest.mark.parametrize("life", ["held", "committed", "released", "fulfilled", "cancelled"])
@pytest.mark.parametrize("method", ["commit", "fulfill", "release", "cancel", "extend"])
async def test_a_command_in_the_wrong_state_is_refused_as_data_without_effect(
    life: str, method: str, client: Client
) -> None:
    """Status OK, a refusal that says why, and no byte in the journal."""
    order = new_name("order")
    (sku,) = await put_stock(client, 3)
    await client.reserve(order, [(sku, WAREHOUSE, 2)])
    for step in {
        "held": (),
        "committed": ("commit",),
        "released": ("release",),
        "fulfilled": ("commit", "fulfill"),
        "cancelled": ("commit", "cancel"),
    }[life]:
        await getattr(client, step)(order)
    is_allowed = {
        "held": ("commit", "release", "extend"),
        "committed": ("fulfill", "cancel"),
    }.get(life, ())
    ask: Callable[..., Awaitable[Any]] = getattr(client, method)
    before = await traces_of(client)
    answer = await (ask(order, 60) if method == "extend" else ask(order))
    if method in is_allowed:
        assert common.OUTCOME_ACCEPTED == answer.outcome
        return
    assert (common.OUTCOME_REFUSED, WRONG_STATE) == (answer.outcome, answer.refusal.code)
    assert answer.refusal.message.startswith("wrong state: ")
    assert before == await traces_of(client)


@pytest.mark.parametrize("method", ["commit", "release"])
async def test_lines_that_a_reservation_does_not_have_are_refused_as_data(
    method: str, client: Client
) -> None:
    """Each line to blame is listed, with what there was to take."""
    order = new_name("order")
    sku, other = await put_stock(client, 3, 3)
    await client.reserve(order, [(sku, WAREHOUSE, 2)])
    ask = getattr(client, method)
    before = await traces_of(client)
    no_such = await ask(order, [(sku, WAREHOUSE, 1), (other, WAREHOUSE, 1)])
    assert common.REFUSAL_CODE_NO_SUCH_LINE == no_such.refusal.code
    assert [(other, 1, 0, 0)] == [
        (each.sku, each.requested, each.available, each.missing) for each in no_such.refusal.lines
    ]
    too_much = await ask(order, [(sku, WAREHOUSE, 3)])
    assert common.REFUSAL_CODE_EXCESS_QUANTITY == too_much.refusal.code
    assert [(sku, 3, 2, 1)] == [
        (each.sku, each.requested, each.available, each.missing) for each in too_much.refusal.lines
    ]
    assert before == await traces_of(client)


async def test_a_refused_reserve_writes_not_one_byte(node: NodeProcess, client: Client) -> None:
    """The journal's file is the same before and after, for every way to be refused."""
    sku, other = await put_stock(client, 3, 3)
    await client.update_location("closed", enabled=False, allow_missing=True)
    before = await traces_of(client)
    file = node.data_dir / "journal.mdb"
    bytes_before = file.read_bytes()
    for lines in (
        [(sku, WAREHOUSE, 4)],
        [(sku, WAREHOUSE, 2), (other, WAREHOUSE, 4)],
        [(sku, WAREHOUSE, 1), (sku, "closed", 1)],
        [(sku, "closed", 1)],
    ):
        answer = await client.reserve(new_name("order"), lines)
        assert common.OUTCOME_REFUSED == answer.outcome
    assert before == await traces_of(client)
    assert bytes_before == file.read_bytes()


async def test_the_client_gives_errors_their_class_and_what_varies(client: Client) -> None:
    """A program reads the field from the metadata and never from the sentence."""
    with pytest.raises(InvalidArgument) as invalid:
        await client.reserve("", [(SKU, WAREHOUSE, 1)])
    assert ("INVALID_VALUE", "reservation_id") == (
        invalid.value.reason,
        invalid.value.metadata["field"],
    )
    with pytest.raises(NotFound) as unknown:
        await client.get_availability("Mug")
    assert ("UNKNOWN_SKU", "Mug") == (unknown.value.reason, unknown.value.metadata["value"])
