"""The event loop of a process that serves: uvloop's, which takes gRPC's wake-ups together.

gRPC's poller writes a byte into a socket for each of its events, four of them a call. Its reader
takes all events that are there, and one byte. So the loop would go round once more for each event
that came together with others, to find nothing.
"""

import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import uvloop

#: Bytes that are taken in one round; more stay for the next.
_WAKE_UPS_MAX: Final = 4_096

#: The class that reads events, which grpcio does not export. Another version may have another; then
#: the loop is uvloop's.
_QUEUE: Final = "PollerCompletionQueue"


class EventLoop(uvloop.Loop):
    """A loop of uvloop, to be made by `uvloop.run(…, loop_factory=EventLoop)`."""

    def add_reader(  # type: ignore[override]  # in uvloop's form, and not in asyncio's
        self, fd: Any, callback: Callable[..., Any], *args: Any
    ) -> None:
        """Call this whenever `fd` can be read."""
        if reads_grpc_events(callback):
            callback = partial(read_together, fd, callback)
        super().add_reader(fd, callback, *args)


def reads_grpc_events(callback: object) -> bool:
    """Whether a reader is that of a queue of gRPC's events."""
    method = callback.func if isinstance(callback, partial) else callback
    return type(getattr(method, "__self__", None)).__name__ == _QUEUE


def read_together(source: socket.socket, callback: Callable[..., object], *args: object) -> None:
    """Take all wake-ups but the one that the reader takes, then let it read. An event is there
    before its byte is written, so the reader finds all that these bytes stand for.
    """
    waiting = len(source.recv(_WAKE_UPS_MAX, socket.MSG_PEEK))
    if waiting > 1:
        source.recv(waiting - 1)
    callback(*args)
