"""A connection to a caller: bytes go into the library's session, and calls come out.

The library keeps the rules of HTTP/2 (RFC 9113). What is decided here is how much may wait: what a
caller sends and nobody has taken, what it is sent and does not read.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Final

import grpc
import ngh2

from ....wire import faults
from ...call_status import CallStatus
from ...endpoints import Endpoint
from ...fair_rounds import Rounds
from .grpc_calls import Call
from .grpc_fields import NOT_GRPC, Fields, context_of, is_grpc, trailers_of
from .grpc_messages import Parts
from .stream import Http2Stream

#: What a caller may send on a stream, and on all of a connection, before it is taken.
STREAM_WINDOW: Final = 1 << 18
CONNECTION_WINDOW: Final = 1 << 26

#: What of messages that are not whole may wait on a connection: windows do not bound it, for a
#: message may be larger than they are. Or four of the largest, when that is more.
PARTS_BYTES_MAX: Final = 1 << 28

#: The usual 100 would queue the callers of one channel silently.
STREAMS_MAX: Final = 10_000

#: The header size limit announced to callers: gRPC's own. The library ends a connection that sends
#: four times as much.
HEADERS_BYTES_MAX: Final = 1 << 14

#: The library can end a connection for its rate of resets (CVE-2023-44487), and of frames that say
#: nothing, such as PRIORITY. That would fail the calls of a client that gives up many at once, or
#: has its priorities. Here work ends with its call, and each call has its place in a round, so that
#: such a flood costs no more than a flood of calls. The number is as large as a limit can be.
NO_LIMIT: Final = ((1 << 64) - 1, (1 << 64) - 1)

#: What of a connection's answers may wait for its reader. Streams wait with theirs before; when the
#: answers of single calls are more than this, the connection is ended.
UNSENT_BYTES_MAX: Final = 1 << 26

#: What is asked of the session at once.
WRITE_BYTES: Final = 1 << 18

#: What the session reads in one piece, and what may wait for it before no more is taken from the
#: socket. A byte of compressed headers can stand for a whole field, so a piece is small.
READ_BYTES: Final = 1 << 13
UNREAD_MAX: Final = 1 << 16

#: Streams that wait for their reader and are looked at in one round: ten thousand take 5 ms.
LOOKED_AT: Final = 256

#: What a field of headers weighs in a round, whatever its length: HTTP/2's own measure of the cost
#: of one (RFC 9113, 6.5.2).
FIELD_BYTES: Final = 32

#: How long a caller has for its first settings, as with gRPC's own server.
HANDSHAKE_S: Final = 120.0
#: How long a socket may be full and take nothing.
FULL_S: Final = 60.0
#: How long a caller has to answer the notice of our end.
NOTICE_S: Final = 1.0
#: The time between two looks at whether a caller takes what is waiting for it.
LOOK_S: Final = 5.0
#: How long a caller has for the last bytes of its connection.
LAST_BYTES_S: Final = 10.0

#: Why a connection ends that lets too much wait (RFC 9113, 7).
ENHANCE_YOUR_CALM: Final = 0xB

_CONFIGURATION: Final = ngh2.Configuration(
    auto_window_update=False,
    stream_reset_rate_limit=NO_LIMIT,
    glitch_rate_limit=NO_LIMIT,
    max_inbound_header_list_size=4 * HEADERS_BYTES_MAX,
)
_SETTINGS: Final = {
    ngh2.Setting.MAX_CONCURRENT_STREAMS: STREAMS_MAX,
    ngh2.Setting.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
    ngh2.Setting.MAX_HEADER_LIST_SIZE: HEADERS_BYTES_MAX,
}


@dataclass(frozen=True, slots=True)
class Served:
    """What the connections of a transport have in common."""

    endpoints: Mapping[bytes, Endpoint]
    """By full name, as in :path."""
    message_bytes_max: int
    loop: asyncio.AbstractEventLoop
    rounds: Rounds
    connections: "set[Http2Connection]" = field(default_factory=set)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a connection has ended."""

    async def are_gone(self) -> None:
        """Wait until there are no connections."""
        while self.connections:
            self.left.clear()
            await self.left.wait()


class Http2Connection(asyncio.Protocol):
    """Serves the calls of one connection."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._session = ngh2.Connection(ngh2.Role.SERVER, _CONFIGURATION)
        self._streams: dict[int, Http2Stream] = {}
        self._parts = Parts(max(PARTS_BYTES_MAX, 4 * served.message_bytes_max))
        self._unread = bytearray()
        self._events: deque[Any] = deque()
        self._due: deque[Callable[[], int]] = deque()
        self._waiting: OrderedDict[Http2Stream, None] = OrderedDict()
        self._unlooked = 0
        self._is_working = self._is_reading_paused = False
        self._is_flush_due = self._is_full = False
        self._ends_when_idle = False
        self._has_met = self._is_draining = self._is_lost = False
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Http2Connection, {len(self._streams)} streams>"

    def connection_made(self, transport: Any) -> None:
        """Called by asyncio, with an asyncio.Transport; uvloop's are of no such class."""
        self._transport = transport
        self._served.connections.add(self)
        self._session.initiate_connection(_SETTINGS)
        self._session.set_local_window_size(CONNECTION_WINDOW)
        self._in(HANDSHAKE_S, transport.abort)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._unread += data
        self._work_soon()
        if len(self._unread) > UNREAD_MAX and not self._is_reading_paused:
            self._is_reading_paused = True
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """Called by asyncio: the socket is full. What is to be sent waits in the session, and so
        does the end of a connection that means harm. A client's library reads whatever its
        application does, so that a socket which stays full has nobody at its other end.
        """
        self._is_full = True
        if self._has_met and not self._is_draining:
            self._in(FULL_S, self._look_at_socket, self._transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Called by asyncio."""
        self._is_full = False
        self._flush()

    def connection_lost(self, _error: Exception | None) -> None:
        """Called by asyncio: the caller has gone, or we have ended it. Its calls end in rounds."""
        self._cancel_timer()
        self._forget()
        self._is_lost = True
        self._due.extend(partial(self._end_stream, number) for number in self._streams)
        self._work_soon()

    def work(self) -> int | None:
        """Hand on a message of a stream, or handle an event, or read what brings events: what was
        read is done with first. See `Source`.
        """
        if self._transport.is_closing() and not self._is_lost:
            self._forget()  # nobody waits for what is left
        if self._due:
            return self._due.popleft()()
        if self._events:
            return self._do(self._events.popleft())
        if self._unread:
            return self._read()
        self._is_working = False
        if self._is_lost:
            self._served.connections.discard(self)
            self._served.left.set()
        elif self._is_reading_paused and not self._transport.is_closing():
            self._is_reading_paused = False
            self._transport.resume_reading()
        return None

    def in_round(self, work: Callable[[], int]) -> None:
        """Do this when it is our turn; it returns its bytes."""
        self._due.append(work)
        self._work_soon()

    def drain(self) -> None:
        """Let the caller begin no more calls here, and end when those under way have ended.

        It is told so first, and once it has heard that, which calls were still taken (RFC 9113,
        6.8).
        """
        if not self._has_met:
            self._close()  # it has not even begun
            return
        self._is_draining = True
        self._in(NOTICE_S, self._say_end)
        with suppress(ngh2.NGH2Error):
            self._session.send_shutdown_notice()
            self._session.ping()
        self._flush()

    def end(self) -> None:
        """End, with what is under way."""
        for stream in tuple(self._streams.values()):
            if stream.call is not None:
                stream.call.fail(CallStatus.of(faults.draining()))
        self._flush()
        self._close()

    def flush_soon(self) -> None:
        """Send what there is when this round of the loop is done: of many calls in one write."""
        if not self._is_flush_due:
            self._is_flush_due = True
            self._served.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flush_due = False
        if self._transport.is_closing():
            return  # nobody reads what is left
        try:
            while not self._is_full and (data := self._session.data_to_send(WRITE_BYTES)):
                self._transport.write(data)
                self._unlooked = len(self._waiting)
        except ngh2.NGH2Error:
            self._close()  # the session has failed before
        if not self._is_full:
            self._let_go_on()
        if self._session.queued_body_size() > UNSENT_BYTES_MAX:
            self._end_with_too_much()
        self._take_events()

    def _let_go_on(self) -> None:
        """Have a look at streams that wait, and at the others in the next rounds."""
        count = min(LOOKED_AT, self._unlooked)
        for stream in tuple(islice(self._waiting, count)):
            self._waiting.move_to_end(stream)
            stream.go_on()
        self._unlooked -= count
        if self._unlooked:
            self.flush_soon()

    def _end_with_too_much(self) -> None:
        """Say so, and end: its answers would fill the memory."""
        with suppress(ngh2.NGH2Error):
            self._session.terminate_connection(ENHANCE_YOUR_CALM)
            self._transport.write(self._session.data_to_send(WRITE_BYTES))
        self._close()

    def _take_events(self) -> None:
        self._events += self._session.events()
        if self._events:
            self._work_soon()

    def _work_soon(self) -> None:
        if not self._is_working:
            self._is_working = True
            self._served.rounds.add(self)

    def _forget(self) -> None:
        self._due.clear()
        self._events.clear()
        self._unread.clear()

    def _read(self) -> int:
        """Let the session read some of what came; return the bytes of it."""
        data = bytes(self._unread[:READ_BYTES])
        del self._unread[:READ_BYTES]
        try:
            self._session.receive_data(data)
        except ngh2.NGH2Error:
            self._close()  # this is not HTTP/2, or means harm
        else:
            self._unlooked = len(self._waiting)
            self._take_events()
            self.flush_soon()
        return len(data)

    def _do(self, event: Any) -> int:
        """Handle an event; return the bytes of what was handed on for it."""
        kind = type(event)
        if kind is ngh2.DataReceived:
            return self._hear(event.stream_id, event.data, is_last=event.end_stream)
        if kind is ngh2.RequestReceived:
            return self._begin(event.stream_id, event.headers, is_all=event.end_stream)
        if kind is ngh2.TrailersReceived:
            return self._hear(event.stream_id, b"", is_last=True)
        if kind is ngh2.StreamClosed:
            return self._end_stream(event.stream_id)
        if kind is ngh2.SettingsReceived:
            self._have_met()
        elif kind is ngh2.PingAcknowledged:
            self._say_end()
        elif kind is ngh2.ConnectionClosed:
            self._close()
        return 0

    def _begin(self, number: int, headers: Fields, *, is_all: bool) -> int:
        """Begin a call, and end its input if that is all; return its weight."""
        stream = Http2Stream(self._session, number, self.flush_soon, self.in_round, self._waiting)
        self._streams[number] = stream
        self._begin_call(stream, headers)
        if is_all:
            self._hear(number, b"", is_last=True)
        return FIELD_BYTES * len(headers)

    def _begin_call(self, stream: Http2Stream, headers: Fields) -> None:
        """Begin a call, or reject what is not gRPC."""
        named = dict(headers)
        if not is_grpc(named.get(b"content-type", b"")):
            stream.answer(NOT_GRPC)
            return
        try:
            endpoint = self._endpoint_of(named.get(b":path", b""))
            context = context_of(headers, self._served.loop.time())
        except CallStatus as status:
            stream.end(trailers_of(status, None))
            return
        stream.call = Call(
            self._served.loop,
            stream,
            endpoint,
            context,
            self._served.message_bytes_max,
            self._parts,
        )

    def _endpoint_of(self, path: bytes) -> Endpoint:
        """Raises a `CallStatus` when there is none."""
        endpoint = self._served.endpoints.get(path)
        if endpoint is None:
            message = f"no method {path.decode('latin-1')!r}"
            raise CallStatus(grpc.StatusCode.UNIMPLEMENTED, message, b"", None)
        return endpoint

    def _hear(self, number: int, data: bytes, *, is_last: bool) -> int:
        stream = self._streams.get(number)
        if stream is None:
            return 0  # it has ended, and the session has dropped what came
        stream.untaken += len(data)
        stream.was_all_said = is_last
        if stream.call is None:
            stream.take()
            return 0
        return stream.call.hear(data, is_last=is_last)

    def _end_stream(self, number: int) -> int:
        """Both sides have said all, or one has given it up. Return the weight of what that ends."""
        stream = self._streams.pop(number, None)
        weight = 0
        if stream is not None:
            self._waiting.pop(stream, None)
            weight = 0 if stream.call is None else stream.call.leave()
            stream.take()
        self._end_if_idle()
        return weight

    def _have_met(self) -> None:
        """The caller has sent its settings."""
        if not self._has_met:
            self._has_met = True
            self._cancel_timer()

    def _say_end(self) -> None:
        """Tell a caller who has heard the notice which calls were still taken."""
        if not self._is_draining or self._ends_when_idle:
            return
        self._ends_when_idle = True
        self._look(None)
        with suppress(ngh2.NGH2Error):
            self._session.send_goaway()
        self._flush()
        self._end_if_idle()

    def _look(self, before: int | None) -> None:
        """End when all that is waited for is its reader, who has taken nothing since the last look,
        when so many bytes were unsent.
        """
        unsent = self._session.queued_body_size() + self._transport.get_write_buffer_size()
        if unsent == before and all(each.waits_for_reader() for each in self._streams.values()):
            self._transport.abort()
            return
        self._in(LOOK_S, self._look, unsent)

    def _look_at_socket(self, before: int) -> None:
        """End when it is full, and was when so many bytes were in it, of which none has left."""
        unsent = self._transport.get_write_buffer_size()
        if self._is_full and unsent == before:
            self._transport.abort()
        elif self._is_full:
            self._in(FULL_S, self._look_at_socket, unsent)

    def _end_if_idle(self) -> None:
        if self._ends_when_idle and not self._streams:
            self._flush()
            self._close()

    def _close(self) -> None:
        """End the connection when its last bytes have left: a peer that does not read has some time
        to take them, and would have all of it otherwise.
        """
        if not self._transport.is_closing():
            self._transport.close()
            self._in(LAST_BYTES_S, self._transport.abort)

    def _in(self, seconds: float, do: Callable[..., object], *given: object) -> None:
        """Do this after that long, in place of what was to be done before."""
        self._cancel_timer()
        self._timer = self._served.loop.call_later(seconds, do, *given)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
