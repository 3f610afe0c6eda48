"""What a front and the engine say to each other, over a Unix socket.

    frame   size of the body u32 · what u8 · number of the call u32 · body

Integers are little-endian. A call has the number that its front gave it; frames about the front
itself have number 0. Both ends are of one installation, so that a method is named by its place in
the list of all.

Frames of one round of the loop leave in one write: at 64 callers a system call then serves a dozen.
"""

import asyncio
import math
import struct
from enum import IntEnum
from typing import Final, NamedTuple

import grpc

from ..call_status import CallStatus
from ..context import CallContext

_HEADER: Final = struct.Struct("<IBI")
_CALL: Final = struct.Struct("<HdBB")
_STATUS: Final = struct.Struct("<BiI")
_SECONDS: Final = struct.Struct("<d")

#: Messages of a stream that may have no answer that its caller took, and answers that it may not
#: have taken: twice what the engine handles at once.
STREAM_WINDOW: Final = 16

#: Where a refusal says nothing of a retry.
_NO_RETRY: Final = -1

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class What(IntEnum):
    """What a frame says."""

    CALL = 1
    """A front begins a call. Body: see `pack_call`."""
    MESSAGE = 2
    """A message of a stream, from either end."""
    END = 3
    """The caller says no more; or, from the engine, the stream has ended well."""
    TAKEN = 4
    """A caller took an answer of a stream, so that the engine may send another."""
    CANCEL = 5
    """Nobody waits for the call any more."""
    ANSWER = 6
    """The answer to a unary call; it has ended."""
    STATUS = 7
    """What a call failed with; it has ended. Body: see `pack_status`."""
    LISTENS = 8
    """The front has opened its port."""
    SERVING = 9
    """What health says from now on. Body: one byte, 0 or 1."""
    STOP = 10
    """The front takes no more calls, and ends after those under way. Body: seconds f64."""
    PING = 11
    """The engine asks whether the front is there."""
    PONG = 12
    """It is."""


class Frame(NamedTuple):
    """A frame, read."""

    what: int
    call: int
    body: bytes


class FrameReader:
    """Cuts what comes out of a socket into frames."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._left = 0
        """Bytes in the parts, of which the first `_at` are read."""
        self._at = 0
        self._needed = _HEADER.size

    def feed(self, data: bytes) -> None:
        """Add what was received."""
        if not self._left:
            self._parts.clear()
            self._at = 0
        self._parts.append(data)
        self._left += len(data)

    def next(self) -> Frame | None:
        """The next frame; None while it has not come whole."""
        if self._left < self._needed:
            return None
        data = self._joined()
        size, what, call = _HEADER.unpack_from(data, self._at)
        self._needed = _HEADER.size + size
        if self._left < self._needed:
            return None
        start = self._at + _HEADER.size
        self._at = start + size
        self._left -= self._needed
        self._needed = _HEADER.size
        return Frame(what, call, data[start : self._at])

    def _joined(self) -> bytes:
        """What is left in one piece: a long message comes in many, which are joined once."""
        if len(self._parts) > 1:
            self._parts[0] = self._parts[0][self._at :]
            self._parts = [b"".join(self._parts)]
            self._at = 0
        return self._parts[0]


class FrameWriter:
    """Writes frames, those of one round of the loop at once."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._call_soon = asyncio.get_running_loop().call_soon
        self._waiting: list[bytes] = []

    def send(self, what: What, call: int, body: bytes = b"") -> None:
        """Send a frame with the others of this round."""
        if not self._waiting:
            self._call_soon(self._flush)
        self._waiting += (_HEADER.pack(len(body), what, call), body)

    def unsent_bytes(self) -> int:
        """What the other end has not taken yet."""
        return self._transport.get_write_buffer_size()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not self._transport.is_closing():
            self._transport.write(b"".join(waiting))


def pack_call(method: int, context: CallContext, data: bytes) -> bytes:
    """A call's body: number of the method u16 · deadline f64, NaN without one · lengths of the ids
    u8, 0 without · correlation id · trace id · request.

    The deadline is an instant of the machine's monotonic clock, which both ends read: what a call
    waits on its way counts.
    """
    deadline_s = math.nan if context.deadline_s is None else context.deadline_s
    correlation, trace = (context.correlation or "").encode(), (context.trace or "").encode()
    head = _CALL.pack(method, deadline_s, len(correlation), len(trace))
    return b"".join((head, correlation, trace, data))


def unpack_call(body: bytes) -> tuple[int, CallContext, bytes]:
    """Number of the method, context and request of a call."""
    method, deadline_s, *lengths = _CALL.unpack_from(body)
    at = _CALL.size
    ids: list[str | None] = []
    for length in lengths:
        ids.append(body[at : at + length].decode() or None)
        at += length
    deadline = None if deadline_s != deadline_s else deadline_s
    return method, CallContext("", deadline, *ids), body[at:]


def pack_status(status: CallStatus) -> bytes:
    """A status' body: code u8 · milliseconds until a retry i32, -1 without · length of the message
    u32 · message · google.rpc.Status.
    """
    message = status.message.encode()
    retry = _NO_RETRY if status.retry_after_ms is None else status.retry_after_ms
    head = _STATUS.pack(status.code.value[0], retry, len(message))
    return b"".join((head, message, status.details))


def unpack_status(body: bytes) -> CallStatus:
    """The status that a call ended with."""
    code, retry, length = _STATUS.unpack_from(body)
    end = _STATUS.size + length
    return CallStatus(
        _CODES[code],
        body[_STATUS.size : end].decode(),
        body[end:],
        None if retry == _NO_RETRY else retry,
    )


def pack_seconds(seconds: float) -> bytes:
    """The body of a STOP."""
    return _SECONDS.pack(seconds)


def unpack_seconds(body: bytes) -> float:
    """How long a front that stops waits for the calls under way."""
    seconds: float = _SECONDS.unpack(body)[0]
    return seconds
