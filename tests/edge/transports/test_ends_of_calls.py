"""How calls end through each transport: too late, with an error, or too long."""

import asyncio
from typing import Any, Final

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2 as details

from holdfast.edge.client import calls, methods
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock
from holdfast.v1 import watch_service_pb2 as watch
from tests.edge.node_process import NodeProcess, standing_still
from tests.edge.raw import (
    OK,
    WAREHOUSE,
    Wire,
    answer_of,
    metrics_of,
    new_name,
    receipt,
)
from tests.edge.transports.neighbours import live_holds, neighbours, new_sku
from tests.real_time import wait_until_so

#: The largest message that the node of this folder reads.
LIMIT_BYTES: Final = 64 << 20

#: The field of any message that nobody knows: 15, length-delimited.
UNKNOWN_FIELD: Final = b"\x7a"

TRACE: Final = "0af7651916cd43dd8448eb211c80319c"


async def ended(node: NodeProcess, method: str, code: str) -> float:
    """Calls of a method that ended so, as /metrics counts them; 0 before the first."""
    name = f'holdfast_calls_total{{code="{code}",method="{method}"}} '
    lines = (await metrics_of(node)).splitlines()
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


# Deadlines


async def test_calls_that_wait_for_a_disk_end_at_their_deadline_and_are_counted(
    node: NodeProcess,
) -> None:
    """Of every kind, with nobody to cancel them but time; what they did is whole or nothing."""
    kinds = ("Reserve", "RecordStockEventsStream", "WatchAvailability")
    before = [await ended(node, name, "DEADLINE_EXCEEDED") for name in kinds]
    cancelled = [await ended(node, name, "CANCELLED") for name in kinds]
    sku = await new_sku(node)
    orders = [new_name("late") for _ in range(20)]
    fact = stock.RecordStockEventsStreamRequest(source="late", events=[receipt(new_name("sku"), 1)])
    async with Wire(node.target) as wire:
        await wire.send_call(calls.get_availability(sku))
        with standing_still(node.writer_pid):
            late = [
                wire.start_call(calls.reserve(order, [(sku, WAREHOUSE, 2)]), timeout_s=1)
                for order in orders
            ]
            streams = [
                open_stream(wire, fact.SerializeToString()),
                wire.channel.unary_stream(methods.WATCH_AVAILABILITY.path)(
                    watch.WatchAvailabilityRequest(skus=["nothing"]).SerializeToString(),
                    timeout=1,
                ),
            ]
            ends = [(await answer_of(call)).code for call in late]
            ends += [(await stream.code()).name for stream in streams]
        assert {"DEADLINE_EXCEEDED"} == set(ends)

        async def are_counted() -> bool:
            """Those that came in before their time was over, which under load not all do."""
            now = [await ended(node, name, "DEADLINE_EXCEEDED") for name in kinds]
            return all(count > first for count, first in zip(now, before, strict=True))

        await wait_until_so(are_counted)
    await live_holds(node, sku, 2, orders)
    assert cancelled == [await ended(node, name, "CANCELLED") for name in kinds]


def open_stream(wire: Wire, data: bytes) -> Any:
    """A stream of facts that says one thing and does not end."""

    async def say() -> Any:
        yield data
        await asyncio.Event().wait()

    return wire.channel.stream_stream(methods.RECORD_STOCK_EVENTS_STREAM.path)(say(), timeout=1)


# Errors


@pytest.mark.parametrize("correlation", [None, "cart 17", "x" * 128])
async def test_a_call_ends_under_the_id_that_its_caller_gave(
    node: NodeProcess, correlation: str | None
) -> None:
    """Well, refused before its body is read, in its body, and after it."""
    metadata = [] if correlation is None else [("x-correlation-id", correlation)]
    unknown = reservation.GetReservationRequest(reservation_id="unknown").SerializeToString()
    expected = {
        (methods.LIST_LOCATIONS.path, b""): (OK, ""),
        ("/holdfast.v1.ReservationService/Guess", b""): ("UNIMPLEMENTED", ""),
        (methods.RESERVE.path, b"\xff"): ("INVALID_ARGUMENT", "MALFORMED_MESSAGE"),
        (methods.RESERVE.path, b""): ("INVALID_ARGUMENT", "INVALID_VALUE"),
        (methods.GET_RESERVATION.path, unknown): ("NOT_FOUND", "UNKNOWN_RESERVATION"),
    }
    async with Wire(node.target) as wire:
        for (path, data), (code, reason) in expected.items():
            answer = await wire.send_bytes(path, data, metadata=metadata)
            assert (code, reason) == (answer.code, answer.reason)
            if code != "UNIMPLEMENTED":
                assert correlation == answer.trailing.get("x-correlation-id")


async def test_a_call_with_a_trace_ends_under_its_id(node: NodeProcess) -> None:
    """A caller's tracing finds the call in the node's log."""
    metadata = [("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")]
    async with Wire(node.target) as wire:
        answer = await wire.send_bytes(methods.LIST_LOCATIONS.path, b"", metadata=metadata)
        assert TRACE == answer.trailing["x-correlation-id"]


async def test_an_error_says_which_field_is_wrong_and_which_thing_is_missing(
    node: NodeProcess,
) -> None:
    """The details of a status come whole, also with letters beyond ASCII."""
    async with Wire(node.target) as wire:
        wrong = await wire.send(methods.RESERVE, reservation.ReserveRequest(reservation_id="a"))
        (bad,) = wrong.details(details.BadRequest)
        assert ["lines"] == [each.field for each in bad.field_violations]
        name = "größe 漢字 \N{PILE OF POO}"
        missing = await wire.send_call(calls.get_availability(name))
        (info,) = missing.details(details.ResourceInfo)
        assert name == info.resource_name
        assert name in missing.message


async def test_a_message_of_a_stream_that_fails_leaves_the_stream(node: NodeProcess) -> None:
    """Bytes that are no message, in the midst of messages."""
    async with Wire(node.target) as wire:
        stream = wire.channel.stream_stream(methods.RESERVE_STREAM.path)()
        for data in (b"\x28\x01", b"\xff", b"\x28\x02"):
            await stream.write(data)
        await stream.done_writing()
        responses = [reservation.ReserveStreamResponse.FromString(data) async for data in stream]
        assert [1, 0, 2] == [each.batch_id for each in responses]
        assert {grpc.StatusCode.INVALID_ARGUMENT.value[0]} == {
            each.status.code for each in responses
        }


async def test_a_watcher_who_asks_for_nonsense_is_refused_before_the_first_message(
    node: NodeProcess,
) -> None:
    """With the same details as any call."""
    async with Wire(node.target) as wire:
        stream = wire.channel.unary_stream(methods.WATCH_AVAILABILITY.path)(
            b"\xff", metadata=(("x-correlation-id", "cart 17"),)
        )
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stream.read()
        assert grpc.StatusCode.INVALID_ARGUMENT == failed.value.code()
        trailing = dict(iter(failed.value.trailing_metadata()))
        assert "cart 17" == trailing["x-correlation-id"]
        assert trailing["grpc-status-details-bin"]


async def test_a_node_that_is_behind_says_when_to_come_back(node: NodeProcess) -> None:
    """In the status and in the metadata that gRPC's own retries read."""
    sku = new_name("sku")
    async with Wire(node.target) as wire:
        await wire.send_call(calls.get_availability(sku))
        with standing_still(node.writer_pid):
            waiting = []
            for _ in range(40):
                facts = [receipt(sku, 1) for _ in range(500)]
                waiting.append(wire.start_call(calls.record_stock_events("flood", facts)))

            async def are_refused() -> list[Any]:
                done = [await answer_of(call) for call in waiting if call.done()]
                return [answer for answer in done if answer.code == "UNAVAILABLE"]

            async def is_refused() -> bool:
                return bool(await are_refused())

            await wait_until_so(is_refused)
            refused = (await are_refused())[0]
        for call in waiting:
            await answer_of(call)
    assert ("UNAVAILABLE", "OVERLOADED") == (refused.code, refused.reason)
    assert refused.retry_after_s is not None
    assert refused.retry_after_s * 1e3 == int(refused.trailing["grpc-retry-pushback-ms"])


# Length


def padded(data: bytes, size: int) -> bytes:
    """A message of this many bytes, filled up with what nobody reads."""
    length = size - len(data) - len(UNKNOWN_FIELD) - 4
    assert 1 << 21 <= length < 1 << 28, "4 bytes of length"
    varint = bytes(
        (length >> shift & 0x7F) | (0x80 if shift < 21 else 0) for shift in (0, 7, 14, 21)
    )
    return data + UNKNOWN_FIELD + varint + bytes(length)


async def test_a_message_of_the_largest_size_is_read_and_one_more_byte_is_refused(
    node: NodeProcess,
) -> None:
    """On the connection of others, who notice nothing."""
    sku = await new_sku(node)
    asked = availability.GetAvailabilityRequest(sku=sku).SerializeToString()
    async with neighbours(node), Wire(node.target) as wire:
        path = methods.GET_AVAILABILITY.path
        assert OK == (await wire.send_bytes(path, padded(asked, LIMIT_BYTES))).code
        refused = await wire.send_bytes(path, padded(asked, LIMIT_BYTES + 1))
        assert "RESOURCE_EXHAUSTED" == refused.code
        assert OK == (await wire.send_call(calls.get_availability(sku))).code


async def test_a_stream_takes_a_message_of_the_largest_size_and_ends_with_a_larger_one(
    node: NodeProcess,
) -> None:
    async with neighbours(node), Wire(node.target) as wire:
        stream = wire.channel.stream_stream(methods.RESERVE_STREAM.path)()
        await stream.write(padded(b"\x28\x01", LIMIT_BYTES))
        response = reservation.ReserveStreamResponse.FromString(await stream.read())
        assert 1 == response.batch_id
        await stream.write(padded(b"\x28\x02", LIMIT_BYTES + 1))
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stream.read()
        assert grpc.StatusCode.RESOURCE_EXHAUSTED == failed.value.code()
