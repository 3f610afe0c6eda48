"""A caller of a connection who says what no gRPC library would. One loop, no sockets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import ngh2

from holdfast.edge.server.call_status import CallStatus
from holdfast.edge.server.context import CallContext
from holdfast.edge.server.endpoints import Endpoint
from holdfast.edge.server.fair_rounds import Rounds
from holdfast.edge.server.methods import Kind
from holdfast.edge.server.transports.http2.connection import Http2Connection, Served

LIMIT = 1 << 20


class Wire:
    """The socket between both ends: what the node writes comes to the caller."""

    def __init__(self, caller: Any) -> None:
        self.caller = caller
        self.is_closed = self.is_aborted = False
        self.unsent = self.taken = 0
        """Bytes that the socket has not taken, and that it takes between two looks at that."""
        self.on_close: Callable[[], object] | None = None
        """What is called when it is closed and its last bytes have left."""
        self.written_late = 0
        """Writes after it was closed, of which asyncio complains."""
        self.paused: list[bool] = []
        """Whether nothing is read, after each change."""

    def write(self, data: bytes) -> None:
        if self.is_closed:
            self.written_late += 1
            return
        self.caller.receive_data(data)

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True
        if self.on_close is not None:
            asyncio.get_running_loop().call_soon(self.on_close)

    def abort(self) -> None:
        self.is_closed = self.is_aborted = True

    def get_write_buffer_size(self) -> int:
        self.unsent -= self.taken
        return self.unsent

    def pause_reading(self) -> None:
        self.paused.append(True)

    def resume_reading(self) -> None:
        self.paused.append(False)


class Methods:
    """Endpoints of each kind, and what became of their calls."""

    def __init__(self) -> None:
        self.cancelled = 0
        self.round = 0
        self.worked: Counter[int] = Counter()
        """Messages that Echo and Talk were handed, by the round of the loop."""
        self.may_answer = asyncio.Event()
        self.all = (
            Endpoint("/a.b/Echo", Kind.UNARY, self._echo),
            Endpoint("/a.b/Wait", Kind.UNARY, self._wait),
            Endpoint("/a.b/Break", Kind.UNARY, self._break),
            Endpoint("/a.b/Count", Kind.SERVER_STREAM, self._count),
            Endpoint("/a.b/Talk", Kind.BOTH_STREAM, self._talk),
        )

    async def _echo(self, data: bytes, _call: CallContext) -> bytes:
        self.worked[self.round] += 1
        return data

    async def _break(self, _data: bytes, _call: CallContext) -> bytes:
        raise ZeroDivisionError

    async def _wait(self, data: bytes, _call: CallContext) -> bytes:
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return data

    async def _count(self, data: bytes, _call: CallContext) -> AsyncIterator[bytes]:
        for number in range(int(data)):
            yield b"%d" % number
        raise CallStatus(grpc.StatusCode.OUT_OF_RANGE, "no more", b"", None)

    async def _talk(
        self, requests: AsyncIterator[bytes], _call: CallContext
    ) -> AsyncIterator[bytes]:
        try:
            async for data in requests:
                self.worked[self.round] += 1
                await self.may_answer.wait()
                yield data
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


class Caller:
    """A client's session of HTTP/2, and the connection that serves it."""

    def __init__(self, neighbour: "Caller | None" = None, *, reads: bool = True) -> None:
        """Served beside a neighbour, or alone; one who does not read gives no window back."""
        self.methods = Methods()
        loop = asyncio.get_running_loop()
        endpoints = {each.name.encode(): each for each in self.methods.all}
        self.served: Served = (
            neighbour.served if neighbour else Served(endpoints, LIMIT, loop, Rounds())
        )
        unbounded = ngh2.Configuration(
            max_send_header_block_length=1 << 20, auto_window_update=reads
        )
        self.session = ngh2.Connection(ngh2.Role.CLIENT, unbounded)
        self.session.initiate_connection()
        self.wire = Wire(self.session)
        self.node = Http2Connection(self.served)
        self.node.connection_made(self.wire)
        self.trailers: dict[int, dict[bytes, bytes]] = {}
        self.data: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.error_codes: list[int] = []
        """With which errors the node ended the connection."""

    def begin(self, path: str, **more: str) -> int:
        """Send the headers of a call."""
        fields = {
            ":method": "POST",
            ":scheme": "http",
            ":path": path,
            ":authority": "node",
            "content-type": "application/grpc",
            **{name.replace("_", "-"): value for name, value in more.items()},
        }
        return int(self.session.send_request([(k.encode(), v.encode()) for k, v in fields.items()]))

    def say(self, number: int, data: bytes, *, is_last: bool = True) -> None:
        """Send data of a call."""
        self.session.send_data(number, data, end_stream=is_last)

    def give_window(self, number: int) -> None:
        """Let the node send on a stream, and on its connection."""
        for each in (0, number):
            self.session.set_local_window_size(1 << 24, stream_id=each)

    async def until_quiet(self) -> None:
        """Let both go on until neither has anything to do."""
        quiet = 0
        while quiet < 20:  # rounds in which a flood is worked
            data = self.session.data_to_send()
            if data:
                self.node.data_received(data)
            await asyncio.sleep(0)
            self.methods.round += 1
            events = self.session.events()
            for event in events:
                self._note(event)
            quiet = 0 if data or events else quiet + 1

    def _note(self, event: Any) -> None:
        if isinstance(event, ngh2.ResponseReceived | ngh2.TrailersReceived):
            self.trailers.setdefault(event.stream_id, {}).update(event.headers)
        elif isinstance(event, ngh2.DataReceived):
            self.data[event.stream_id] = self.data.get(event.stream_id, b"") + event.data
        elif isinstance(event, ngh2.StreamClosed):
            self.ended.add(event.stream_id)
        elif isinstance(event, ngh2.GoAwayReceived):
            self.error_codes.append(event.error_code)

    async def call(self, path: str, data: bytes, **more: str) -> dict[bytes, bytes]:
        """Call a method with a body; return all headers and trailers of the answer."""
        number = self.begin(path, **more)
        self.say(number, data)
        await self.until_quiet()
        return self.trailers.get(number, {})
