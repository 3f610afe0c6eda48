"""What is not well formed is refused by name and value, and leaves no trace.

Every case runs against a real node: the status, its ErrorInfo and its sentence are read off the
wire, and state hash, journal position and journal size stay as they were.
"""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, NamedTuple

import grpc
import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from holdfast.core.constants import ON_HAND_MAX, QUANTITY_MAX
from holdfast.edge import calls
from holdfast.edge.calls import UNARY_METHODS, Method
from holdfast.edge.client import BlockingClient, Client, InvalidArgument, NotFound
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import catalog_service_pb2 as catalog
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.wire import (
    CALL_TIMEOUT_S,
    OK,
    WAREHOUSE,
    Wire,
    level_of,
    new_name,
    put_stock,
    receipt,
    traces_of,
)

SKU = "Tea"
ORDER = "an order of two lines"
INT64_MAX = 2**63 - 1
DAY_S = 24 * 3600


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """One node for all cases, since none of them may change it: it knows a SKU, a location and a
    reservation.
    """
    folder = tmp_path_factory.mktemp("bad_input")
    with running_node(folder, message_size_max_kib=1024) as running:
        with BlockingClient(running.target, timeout_s=CALL_TIMEOUT_S) as client:
            client.put_location(WAREHOUSE)
            client.record_stock_events("goods-in", [event(event_id="opening", quantity=100)])
            client.reserve(ORDER, [(SKU, WAREHOUSE, 10)], hold=DAY_S)
        yield running
        assert [] == running.complaints()


@pytest.fixture
async def client(node: NodeProcess) -> AsyncIterator[Client]:
    """A client."""
    async with Client(node.target, timeout_s=CALL_TIMEOUT_S, own_connection=True) as connected:
        yield connected


@pytest.fixture
async def wire(node: NodeProcess) -> AsyncIterator[Wire]:
    """A connection for bytes."""
    async with Wire(node.target) as connected:
        yield connected


# Cases: a method, a request with one thing wrong, and what is said about it


class Case(NamedTuple):
    """A request, and the status that it gets."""

    what: str
    method: Method[Any]
    request: Message
    field: str
    value: str
    code: str = "INVALID_ARGUMENT"
    reason: str = "INVALID_VALUE"


def seconds(number: int, nanos: int = 0) -> Duration:
    return Duration(seconds=number, nanos=nanos)


def line(sku: str = SKU, location: str = WAREHOUSE, quantity: int = 1) -> reservation.ReserveLine:
    return reservation.ReserveLine(sku=sku, location=location, quantity=quantity)


def part(sku: str = SKU, location: str = WAREHOUSE, quantity: int = 1) -> reservation.LineQuantity:
    return reservation.LineQuantity(sku=sku, location=location, quantity=quantity)


def reserve(*lines: reservation.ReserveLine, hold: Duration | None = None) -> Message:
    return reservation.ReserveRequest(
        reservation_id="never", lines=lines or [line()], hold_duration=hold
    )


def event(**wrong: Any) -> stock.StockEvent:
    return stock.StockEvent(
        **{
            "event_id": "never",
            "sku": SKU,
            "location": WAREHOUSE,
            "kind": stock.STOCK_EVENT_KIND_RECEIPT,
            "quantity": 1,
            **wrong,
        }
    )


def events(*facts: stock.StockEvent, source: str = "goods-in") -> Message:
    return stock.RecordStockEventsRequest(source=source, events=facts or [event()])


def location(**fields: Any) -> Message:
    return catalog.PutLocationRequest(location=catalog.Location(**fields))


#: What is no name: nothing, too much of it, and what breaks a line of a log.
BAD_NAMES = {
    "empty": "",
    "129 bytes": "x" * 129,
    "130 bytes in 65 characters": "é" * 65,
    "a line break": "a\nb",
    "a zero": "a\0b",
    "an escape": "\x1b[2J",
    "a line separator": "a\u2028b",
}

RESERVATION_ID_METHODS: dict[Method[Any], type[Any]] = {
    calls.RESERVE: reservation.ReserveRequest,
    calls.EXTEND: reservation.ExtendRequest,
    calls.COMMIT: reservation.CommitRequest,
    calls.FULFILL: reservation.FulfillRequest,
    calls.RELEASE: reservation.ReleaseRequest,
    calls.CANCEL: reservation.CancelRequest,
    calls.GET_RESERVATION: reservation.GetReservationRequest,
}

MOVES: dict[Method[Any], type[Any]] = {
    calls.COMMIT: reservation.CommitRequest,
    calls.FULFILL: reservation.FulfillRequest,
    calls.RELEASE: reservation.ReleaseRequest,
    calls.CANCEL: reservation.CancelRequest,
}


def bad_names() -> Iterator[Case]:
    """Every field that takes a name, with every kind of bad name."""
    for what, text in BAD_NAMES.items():
        for method, request in RESERVATION_ID_METHODS.items():
            yield Case(what, method, request(reservation_id=text), "reservation_id", text)
        yield Case(what, calls.RESERVE, reserve(line(sku=text)), "lines[0].sku", text)
        yield Case(
            what, calls.RESERVE, reserve(line(), line(location=text)), "lines[1].location", text
        )
        for method, request in MOVES.items():
            lines = [part(), part(sku=text)]
            asked = request(reservation_id=ORDER, lines=lines)
            yield Case(what, method, asked, "lines[1].sku", text)
            if text:  # none is allowed: then a repeat is a new command
                asked = request(reservation_id=ORDER, request_id=text)
                yield Case(what, method, asked, "request_id", text)
        sku = availability.GetAvailabilityRequest(sku=text)
        yield Case(what, calls.GET_AVAILABILITY, sku, "sku", text)
        skus = availability.BatchGetAvailabilityRequest(skus=[SKU, SKU, text])
        yield Case(what, calls.BATCH_GET_AVAILABILITY, skus, "skus[2]", text)
        yield Case(what, calls.RECORD_STOCK_EVENTS, events(source=text), "source", text)
        for field in ("event_id", "sku", "location"):
            wrong = events(event(), event(**{field: text}))
            yield Case(what, calls.RECORD_STOCK_EVENTS, wrong, f"events[1].{field}", text)
        yield Case(what, calls.PUT_LOCATION, location(location=text), "location.location", text)
        if text:  # a place need not have a name for people
            named = location(location="W2", display_name=text)
            yield Case(what, calls.PUT_LOCATION, named, "location.display_name", text)
        yield Case(what, calls.DELETE_SKU, catalog.DeleteSkuRequest(sku=text), "sku", text)


def bad_quantities() -> Iterator[Case]:
    """Nothing, less than nothing, and more than any stock."""
    for quantity in (0, -1, QUANTITY_MAX + 1, INT64_MAX, -INT64_MAX - 1):
        what, field = f"quantity {quantity}", "lines[1].quantity"
        asked = reserve(line(), line(quantity=quantity))
        yield Case(what, calls.RESERVE, asked, field, str(quantity))
        for method, request in MOVES.items():
            lines = [part(), part(quantity=quantity)]
            asked = request(reservation_id=ORDER, lines=lines)
            yield Case(what, method, asked, field, str(quantity))
    asked = reserve(line(quantity=QUANTITY_MAX), line(), line("Mug"))
    yield Case("a sum that is too much", calls.RESERVE, asked, "lines[1].quantity", "1")
    for kind, quantities in {
        stock.STOCK_EVENT_KIND_RECEIPT: (0, -1, QUANTITY_MAX + 1),
        stock.STOCK_EVENT_KIND_ADJUSTMENT: (0, -QUANTITY_MAX - 1, QUANTITY_MAX + 1),
        stock.STOCK_EVENT_KIND_SALE: (0, -1, INT64_MAX),
        stock.STOCK_EVENT_KIND_RETURN: (0, -1, QUANTITY_MAX + 1),
        stock.STOCK_EVENT_KIND_COUNT: (-1, QUANTITY_MAX + 1, -INT64_MAX - 1),
    }.items():
        for quantity in quantities:
            wrong = events(event(), event(kind=kind, quantity=quantity))
            what = f"{stock.StockEventKind.Name(kind)} of {quantity}"
            field = "events[1].quantity"
            yield Case(what, calls.RECORD_STOCK_EVENTS, wrong, field, str(quantity))


def bad_counts() -> Iterator[Case]:
    """Too few and too many."""
    none = reservation.ReserveRequest(reservation_id="never")
    yield Case("no lines", calls.RESERVE, none, "lines", "0 long")
    many = reserve(*[line()] * 2_001)
    yield Case("2,001 lines", calls.RESERVE, many, "lines", "2,001 long")
    for method, request in MOVES.items():
        too_many = request(reservation_id=ORDER, lines=[part()] * 2_001)
        yield Case("2,001 lines", method, too_many, "lines", "2,001 long")
    nothing = availability.BatchGetAvailabilityRequest()
    yield Case("nothing", calls.BATCH_GET_AVAILABILITY, nothing, "stock_levels", "0 long")
    skus = availability.BatchGetAvailabilityRequest(skus=[SKU] * 1_001)
    yield Case("1,001 of them", calls.BATCH_GET_AVAILABILITY, skus, "skus", "1,001 long")
    for count in (0, 1_001):
        what, told = f"{count} of them", f"{count:,} long"
        facts = stock.RecordStockEventsRequest(source="goods-in", events=[event()] * count)
        yield Case(what, calls.RECORD_STOCK_EVENTS, facts, "events", told)


def bad_durations() -> Iterator[Case]:
    """Too short, too long, and what no millisecond counts."""
    for what, hold, told in (
        ("nothing", seconds(0), "0 s"),
        ("a millisecond too short", seconds(0, 999_000_000), "0 s and 999000000 ns"),
        ("a nanosecond too much", seconds(1, 1), "1 s and 1 ns"),
        ("half a millisecond too much", seconds(60, 500_000), "60 s and 500000 ns"),
        ("30 days and a millisecond", seconds(30 * DAY_S, 1_000_000), "2592000 s and 1000000 ns"),
        ("the past", seconds(-60), "-60 s"),
        ("the past, in nanoseconds", seconds(0, -1), "0 s and -1 ns"),
        ("ten thousand years", seconds(315_576_000_000), "315576000000 s"),
        ("more than a duration can be", seconds(INT64_MAX), f"{INT64_MAX} s"),
        ("nanoseconds that are seconds", seconds(1, 1_000_000_000), "1 s and 1000000000 ns"),
    ):
        yield Case(what, calls.RESERVE, reserve(hold=hold), "hold_duration", told)
        longer = reservation.ExtendRequest(reservation_id=ORDER, hold_duration=hold)
        yield Case(what, calls.EXTEND, longer, "hold_duration", told)
    none = reservation.ExtendRequest(reservation_id=ORDER)
    yield Case("no duration", calls.EXTEND, none, "hold_duration", "")


def bad_enums() -> Iterator[Case]:
    """Numbers that no name was given to, and the one that means that nothing was chosen."""
    for method, request in {
        calls.COMMIT: reservation.CommitRequest,
        calls.FULFILL: reservation.FulfillRequest,
    }.items():
        asked = request(reservation_id=ORDER, lines=[part()], remainder=3)
        yield Case("remainder 3", method, asked, "remainder", "3")
    for kind, told in ((0, "STOCK_EVENT_KIND_UNSPECIFIED"), (6, "6"), (-1, "-1")):
        wrong = events(event(), event(kind=kind))
        yield Case(f"kind {kind}", calls.RECORD_STOCK_EVENTS, wrong, "events[1].kind", told)
    for kind in (4, -1):
        wrong = location(location=WAREHOUSE, kind=kind)
        yield Case(f"kind {kind}", calls.PUT_LOCATION, wrong, "location.kind", str(kind))


def bad_identities() -> Iterator[Case]:
    """Events that could not be told from their repeats, and a location that is not said."""
    facts = events(event(), event(event_id=""))
    yield Case("neither id nor number", calls.RECORD_STOCK_EVENTS, facts, "events[1].event_id", "")
    for number in (2**63, 2**64 - 1):
        facts = events(event(event_id="", sequence=number))
        what = f"sequence {number}"
        yield Case(what, calls.RECORD_STOCK_EVENTS, facts, "events[0].sequence", str(number))
    nothing = catalog.PutLocationRequest()
    yield Case("no location", calls.PUT_LOCATION, nothing, "location.location", "")


def unknown_things() -> Iterator[Case]:
    """SKUs, locations and reservations that nobody made."""
    not_found = "NOT_FOUND"
    of_sku = (not_found, "UNKNOWN_SKU")
    of_location = (not_found, "UNKNOWN_LOCATION")
    of_reservation = (not_found, "UNKNOWN_RESERVATION")
    for what, asked, field, value, status in (
        ("SKU", reserve(line(), line("Mug")), "lines[1].sku", "Mug", of_sku),
        ("location", reserve(line(), line(SKU, "W9")), "lines[1].location", "W9", of_location),
        # Lines are summed before anyone looks; the caller still hears of his own.
        ("summed", reserve(line(), line(), line("Mug")), "lines[2].sku", "Mug", of_sku),
        ("both", reserve(line("Mug", "W9")), "lines[0].sku", "Mug", of_sku),
    ):
        yield Case(f"unknown {what}", calls.RESERVE, asked, field, value, *status)
    for method, request in RESERVATION_ID_METHODS.items():
        if method is not calls.RESERVE:
            asked = request(reservation_id="nobody's")
            if method is calls.EXTEND:
                asked.hold_duration.FromSeconds(60)
            field = "reservation_id"
            yield Case("unknown", method, asked, field, "nobody's", *of_reservation)
    asked = availability.GetAvailabilityRequest(sku="Mug")
    yield Case("unknown", calls.GET_AVAILABILITY, asked, "sku", "Mug", *of_sku)
    asked = catalog.DeleteSkuRequest(sku="Mug")
    yield Case("unknown", calls.DELETE_SKU, asked, "sku", "Mug", *of_sku)
    facts = events(event(), event(event_id="other", location="W9"))
    field = "events[1].location"
    yield Case("unknown", calls.RECORD_STOCK_EVENTS, facts, field, "W9", *of_location)


CASES = [
    case
    for cases in (
        bad_names,
        bad_quantities,
        bad_counts,
        bad_durations,
        bad_enums,
        bad_identities,
        unknown_things,
    )
    for case in cases()
]


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.method.name}: {case.field}, {case.what}" for case in CASES]
)
async def test_what_is_wrong_is_named_with_its_value_and_changes_nothing(
    case: Case, client: Client, wire: Wire
) -> None:
    """One status, one ErrorInfo, a sentence with the field and the value in it, and no effect."""
    before = await traces_of(client)
    answer = await wire.send(case.method, case.request)
    assert (case.code, case.reason, "holdfast") == (answer.code, answer.reason, answer.info.domain)
    assert case.field == answer.info.metadata["field"]
    assert answer.message.startswith(f"{case.field} is ")
    assert answer.info.metadata["value"].startswith(case.value[:128])
    assert repr(case.value[:128])[1:-1] in answer.message
    assert answer.retry_after_s is None
    assert before == await traces_of(client)


# Bytes that are no message


BAD_BYTES = {
    "an unfinished tag": b"\xff",
    "a field that is longer than the message": b"\x0a\x7fshort",
    "a field with number 0": b"\x02\x00",
    "a group that never ends": b"\x0b",
    "text that is not UTF-8": b"\x0a\x02\xff\xfe",
}


@pytest.mark.parametrize("what", BAD_BYTES)
@pytest.mark.parametrize("method", UNARY_METHODS, ids=lambda method: str(method.name))
async def test_bytes_that_are_no_message_are_malformed(
    method: Method[Any], what: str, client: Client, wire: Wire
) -> None:
    """Whatever arrives, the answer is a status and not a crash."""
    before = await traces_of(client)
    answer = await wire.send_bytes(method.path, BAD_BYTES[what])
    if what == "text that is not UTF-8" and answer.code != "INVALID_ARGUMENT":
        # In these, field 1 is no text: they have no such field, or it is a message or a flag.
        assert method in (calls.LIST_LOCATIONS, calls.GET_STATUS)
        return
    assert ("INVALID_ARGUMENT", "MALFORMED_MESSAGE") == (answer.code, answer.reason)
    assert answer.message.startswith("the request cannot be read")
    assert before == await traces_of(client)


async def test_a_field_of_a_later_version_is_ignored(wire: Wire) -> None:
    """An old node takes a new client's request, and the answer is the same, byte for byte."""
    request = reservation.ReserveRequest(
        reservation_id=new_name("order"), lines=[line()], hold_duration=seconds(DAY_S)
    )
    plain = request.SerializeToString()
    of_later_version = plain + b"\xba\x3e\x05later" + b"\xc0\x3e\x07"  # fields 999 and 1,000
    first = await wire.send_bytes(calls.RESERVE.path, of_later_version)
    assert OK == first.code
    assert first == await wire.send_bytes(calls.RESERVE.path, plain)


async def test_a_field_of_the_wrong_wire_type_counts_as_missing(wire: Wire) -> None:
    """Protobuf takes it for an unknown field; what remains is judged as it stands."""
    answer = await wire.send_bytes(calls.GET_AVAILABILITY.path, b"\x08\x01")
    assert ("INVALID_ARGUMENT", "sku") == (answer.code, answer.info.metadata["field"])


async def test_a_message_over_the_limit_is_not_read(client: Client, wire: Wire) -> None:
    """gRPC refuses it before it is a message; there is nothing to wait for, so no RetryInfo."""
    before = await traces_of(client)
    answer = await wire.send_bytes(calls.RESERVE.path, b"\x0a" * (1024 * 1024 + 1))
    assert ("RESOURCE_EXHAUSTED", "", None) == (answer.code, answer.reason, answer.retry_after_s)
    assert "1048576" in answer.message
    assert before == await traces_of(client)


async def test_the_largest_legal_message_is_below_the_smallest_limit(wire: Wire) -> None:
    """2,000 lines with the longest names and quantities are judged, not cut off."""
    lines = [line(f"{number:0128}", "W" * 128, QUANTITY_MAX) for number in range(2_000)]
    request = reservation.ReserveRequest(
        reservation_id="r" * 128, lines=lines, hold_duration=seconds(30 * DAY_S)
    )
    answer = await wire.send(calls.RESERVE, request)
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


async def acknowledged(
    wire: Wire, messages: AsyncIterable[bytes]
) -> tuple[list[stock.ApplyStockEventsResponse], grpc.aio.AioRpcError]:
    """Stream messages; return what was acknowledged and the error that ended it."""
    stream = wire.channel.stream_stream(calls.APPLY_STOCK_EVENTS.path)(messages)
    answers: list[stock.ApplyStockEventsResponse] = []
    try:
        while (data := await stream.read()) is not grpc.aio.EOF:
            answers.append(stock.ApplyStockEventsResponse.FromString(data))
    except grpc.aio.AioRpcError as error:
        return answers, error
    raise AssertionError("the stream ended well")


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"\xff", grpc.StatusCode.INVALID_ARGUMENT),
        (events(event(quantity=0)).SerializeToString(), grpc.StatusCode.INVALID_ARGUMENT),
        (events(event(location="W9")).SerializeToString(), grpc.StatusCode.NOT_FOUND),
    ],
    ids=["no message", "a bad quantity", "an unknown location"],
)
async def test_a_bad_message_ends_its_stream_behind_the_good_ones_before_it(
    bad: bytes, code: grpc.StatusCode, client: Client, wire: Wire
) -> None:
    """What came before is acknowledged, what comes after never happened."""
    skus = [new_name("sku") for _ in range(20)]

    async def messages() -> AsyncIterator[bytes]:
        for number, sku in enumerate(skus):
            if number == 10:
                yield bad
            fact = event(event_id=new_name("event"), sku=sku)
            yield events(fact, source="a stream").SerializeToString()

    answers, error = await acknowledged(wire, messages())
    assert code == error.code()
    assert [1] * 10 == [answer.results[0].on_hand for answer in answers]
    known = await client.batch_get_availability(skus)
    assert skus[:10] == [each.sku for each in known.availabilities]


# Facts beyond what a stock level can hold


async def test_a_fact_that_would_overflow_a_stock_level_is_out_of_range(
    client: Client, wire: Wire
) -> None:
    """Its whole message is refused, in either direction, and the level stays at its limit."""
    sku = new_name("sku")
    for _ in range(2):
        facts = [receipt(sku, QUANTITY_MAX) for _ in range(1_000)]
        await client.record_stock_events("goods-in", facts)
    assert ON_HAND_MAX == (await level_of(client, sku)).on_hand
    before = await traces_of(client)
    answer = await wire.send(
        calls.RECORD_STOCK_EVENTS,
        events(event(event_id=new_name("event")), event(event_id=new_name("event"), sku=sku)),
    )
    assert ("INVALID_ARGUMENT", "OUT_OF_RANGE") == (answer.code, answer.reason)
    assert "events[1].quantity" == answer.info.metadata["field"]
    assert before == await traces_of(client)


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
    await client.put_location("closed", enabled=False)
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
