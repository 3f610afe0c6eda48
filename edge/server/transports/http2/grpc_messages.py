"""Messages in the body of a call: each has a flag, whether it is compressed, and a length."""

import struct
from typing import Final

import grpc

from ...call_status import CallStatus

_HEAD: Final = struct.Struct(">BI")

#: What it weighs in a round to cut a message out of a body, whatever its length.
CUT_BYTES: Final = 32


def framed(message: bytes) -> bytes:
    """A message as it goes over the wire."""
    return _HEAD.pack(0, len(message)) + message


class Parts:
    """The bytes of messages that are not whole yet, of all calls of a connection."""

    __slots__ = ("_bytes", "_bytes_max")

    def __init__(self, bytes_max: int) -> None:
        self._bytes = 0
        self._bytes_max = bytes_max

    def add(self, size: int) -> None:
        """Count bytes that came; with a minus, that have become a message, or are forgotten."""
        self._bytes += size

    def check(self) -> None:
        """Raise a `CallStatus` when they are too many."""
        if self._bytes > self._bytes_max:
            message = (
                f"{self._bytes} bytes of messages that are not whole wait on this connection, "
                f"{self._bytes_max} may: send fewer large messages at once"
            )
            raise CallStatus(grpc.StatusCode.RESOURCE_EXHAUSTED, message, b"", None)


class MessageReader:
    """Cuts a body into messages of up to `bytes_max` bytes."""

    __slots__ = ("_buffer", "_bytes_max", "_parts")

    def __init__(self, bytes_max: int, parts: Parts) -> None:
        self._bytes_max = bytes_max
        self._parts = parts
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Add what came; return the messages that it ends. Raises a `CallStatus` for one that is
        too large, before it is there, or compressed, and when too many wait for their end.
        """
        buffer = self._buffer
        buffer += data
        self._parts.add(len(data))
        messages = []
        at = 0
        with memoryview(buffer) as view:
            while len(view) - at >= _HEAD.size:
                flag, size = _HEAD.unpack_from(view, at)
                self._check(flag, size)
                end = at + _HEAD.size + size
                if len(view) < end:
                    break
                messages.append(bytes(view[at + _HEAD.size : end]))
                at = end
        del buffer[:at]
        self._parts.add(-at)
        if buffer:
            self._parts.check()
        return messages

    def drop(self) -> None:
        """Forget what was not whole: its call is over."""
        if self._buffer:
            self._parts.add(-len(self._buffer))
            self._buffer.clear()

    def is_empty(self) -> bool:
        """Whether the last message was whole."""
        return not self._buffer

    def _check(self, flag: int, size: int) -> None:
        if flag:
            message = "messages are read uncompressed only: grpc-encoding has to be identity"
            raise CallStatus(grpc.StatusCode.UNIMPLEMENTED, message, b"", None)
        if size > self._bytes_max:
            message = f"message larger than max ({size} vs. {self._bytes_max})"
            raise CallStatus(grpc.StatusCode.RESOURCE_EXHAUSTED, message, b"", None)
