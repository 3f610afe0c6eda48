"""The wire as a test sees it: bytes out, and whatever comes back, word for word.

The client in edge/client is kinder: it retries, parses and gives errors a class. Where a test is
about the answer itself, it asks through this file.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Self

import grpc
import grpc.aio
import httpx
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.edge.client import Client, NotFound
from holdfast.edge.client.calls import Call
from holdfast.edge.client.methods import Method
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.node_process import NodeProcess

OK: Final = "OK"
WAREHOUSE: Final = "W1"

#: What `grpc.aio` and a test that runs beside it may need under load; nothing waits for it.
CALL_TIMEOUT_S: Final = 30.0

_numbers = count(1)

Metadata = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """All that came back for one call."""

    code: str
    data: bytes
    message: str
    info: error_details_pb2.ErrorInfo
    retry_after_s: float | None
    trailing: Mapping[str, str | bytes]

    def details(self, kind: type[Any]) -> list[Any]:
        """The details of one kind in its status."""
        status: Any = self.trailing.get("grpc-status-details-bin", b"")
        found = status_pb2.Status.FromString(status).details
        return [kind.FromString(each.value) for each in found if each.Is(kind.DESCRIPTOR)]

    @property
    def reason(self) -> str:
        """The reason of its ErrorInfo; empty when it has none."""
        return str(self.info.reason)

    def parsed(self, response: type[Any]) -> Any:
        """The message, of an answer that is one."""
        assert self.code == OK, f"{self.code} {self.reason}: {self.message}"
        return response.FromString(self.data)


class Wire:
    """A connection of its own, over which bytes are sent as they are."""

    def __init__(self, target: str) -> None:
        self._channel = grpc.aio.insecure_channel(
            target,
            options=(
                ("grpc.use_local_subchannel_pool", 1),
                ("grpc.max_receive_message_length", -1),
                ("grpc.initial_reconnect_backoff_ms", 50),
                ("grpc.max_reconnect_backoff_ms", 100),
            ),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()

    @property
    def channel(self) -> Any:
        """For the stubs of other services."""
        return self._channel

    def start(
        self,
        path: str,
        data: bytes,
        *,
        timeout_s: float | None = CALL_TIMEOUT_S,
        metadata: Metadata = (),
        waits: bool = True,
    ) -> Any:
        """Begin a call and return it; no serializer touches the bytes. Waits for a connection if
        there is none, unless told not to.
        """
        call = self._channel.unary_unary(path)
        return call(data, timeout=timeout_s, metadata=tuple(metadata), wait_for_ready=waits)

    def start_call(self, call: Call[Any], **options: Any) -> Any:
        """Begin what edge/client/calls.py has made."""
        return self.start(call.method.path, call.request.SerializeToString(), **options)

    async def send_bytes(self, path: str, data: bytes, **options: Any) -> Answer:
        """Call a method with bytes."""
        return await answer_of(self.start(path, data, **options))

    async def send(self, method: Method[Any], request: Message, **options: Any) -> Answer:
        """Call a method with a message."""
        return await self.send_bytes(method.path, request.SerializeToString(), **options)

    async def send_call(self, call: Call[Any], **options: Any) -> Answer:
        """Call what edge/client/calls.py has made."""
        return await self.send(call.method, call.request, **options)


async def answer_of(call: Any) -> Answer:
    """Wait for a call that was begun. Cancelled calls are answers too."""
    data = b""
    try:
        data = await call
    except grpc.aio.AioRpcError:
        pass  # code, message and details are read below, as for a good one
    except asyncio.CancelledError:
        if not call.cancelled():
            raise  # not the call but this test
    trailing = dict(iter(await call.trailing_metadata() or ()))
    info, retry_after_s = _details(trailing.get("grpc-status-details-bin", b""))
    code = (await call.code()).name
    return Answer(code, data, await call.details() or "", info, retry_after_s, trailing)


def _details(status: Any) -> tuple[error_details_pb2.ErrorInfo, float | None]:
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    retry_after_s = None
    for detail in status_pb2.Status.FromString(status).details:
        if detail.Unpack(retry):
            delay = retry.retry_delay
            retry_after_s = delay.seconds + delay.nanos / 1e9
        else:
            detail.Unpack(info)
    return info, retry_after_s


def what_is_held(data: bytes) -> reservation.ReserveResponse:
    """The answer to a Reserve without what distinguishes a repeat from the first: whether it is
    one, and what it rests on.
    """
    response = reservation.ReserveResponse.FromString(data)
    response.ClearField("repeated_request")
    response.ClearField("revisions")
    return response


def new_name(kind: str) -> str:
    """Make a name that no other test of this process has."""
    return f"{kind}-{next(_numbers)}"


def receipt(sku: str, quantity: int, location: str = WAREHOUSE) -> stock.StockEvent:
    """A fact: goods arrived."""
    return stock.StockEvent(
        event_id=new_name("event"),
        sku=sku,
        location=location,
        kind=stock.STOCK_EVENT_KIND_RECEIPT,
        quantity=quantity,
    )


async def put_stock(client: Client, *quantities: int, location: str = WAREHOUSE) -> list[str]:
    """Receive goods of new SKUs at a location and return the SKUs."""
    await client.update_location(location, allow_missing=True)
    skus = [new_name("sku") for _ in quantities]
    events = [receipt(*each, location) for each in zip(skus, quantities, strict=True)]
    await client.record_stock_events("goods-in", events)
    return skus


async def level_of(client: Client, sku: str, location: str = WAREHOUSE) -> availability.StockLevel:
    """Read one stock level."""
    answer = await client.get_availability(sku)
    (level,) = (each for each in answer.availability.levels if each.location == location)
    return level


async def figures_of(client: Client, sku: str, location: str = WAREHOUSE) -> tuple[int, int, int]:
    """Read on_hand, reserved and committed of one stock level."""
    level = await level_of(client, sku, location)
    return level.on_hand, level.reserved, level.committed


@dataclass(frozen=True, slots=True)
class Traces:
    """The places where anything that has an effect leaves a trace."""

    state_hash: str
    position: int
    size_bytes: int


async def traces_of(client: Client) -> Traces:
    """Read what an effect would change."""
    status: admin.GetStatusResponse = await client.get_status(include_state_hash=True)
    return Traces(status.state_hash, status.durable_position, status.journal_size_bytes)


async def metrics_of(node: NodeProcess) -> str:
    """Read /metrics."""
    async with httpx.AsyncClient() as browser:
        return (await browser.get(node.url("/metrics"))).text


def figure(metrics: str, name: str) -> float:
    """Read one figure of /metrics."""
    match = re.search(rf"^{re.escape(name)} (\S+)$", metrics, re.MULTILINE)
    assert match is not None, f"no {name} in:\n{metrics}"
    return float(match[1])


async def are_known(client: Client, orders: Sequence[str]) -> list[bool]:
    """Ask which of these reservations exist."""

    async def is_known(order: str) -> bool:
        try:
            await client.get_reservation(order)
        except NotFound:
            return False
        return True

    return await asyncio.gather(*(is_known(order) for order in orders))
