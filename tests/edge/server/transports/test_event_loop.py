"""The event loop goes round once for the wake-ups of gRPC that come together."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc.aio
import pytest
import uvloop

from holdfast.edge.server.transports.event_loop import (
    EventLoop,
    read_together,
    reads_grpc_events,
)


class Readers(uvloop.Loop):
    """A loop that notes its readers."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[object] = []

    def add_reader(  # type: ignore[override]  # as in the loop itself
        self, fd: Any, callback: Callable[..., Any], *args: Any
    ) -> None:
        """Note it as well."""
        self.readers.append(callback)
        super().add_reader(fd, callback, *args)


@pytest.mark.parametrize("count", [1, 2, 100])
def test_one_round_takes_all_wake_ups(count: int) -> None:
    """The reader takes its one byte, and none is left."""
    source, target = socket.socketpair()
    with source, target:
        source.setblocking(False)
        target.send(b"1" * count)
        read: list[bytes] = []
        read_together(source, lambda: read.append(source.recv(1)))
        assert [b"1"] == read
        with pytest.raises(BlockingIOError):
            source.recv(1)


def test_the_reader_of_grpc_is_known() -> None:
    """It is what a server of this version of grpc adds to its loop, and others are not."""

    async def serve() -> list[object]:
        await grpc.aio.server().stop(None)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Readers)
        return loop.readers

    readers = uvloop.run(serve(), loop_factory=Readers)
    assert [True] == [reads_grpc_events(each) for each in readers]
    assert not any(map(reads_grpc_events, (print, partial(print), lambda: None)))


def test_any_other_reader_gets_its_bytes() -> None:
    """The loop reads nothing before it."""
    source, target = socket.socketpair()

    async def read() -> bytes:
        loop = asyncio.get_running_loop()
        came: asyncio.Future[bytes] = loop.create_future()

        def take() -> None:
            loop.remove_reader(source)
            came.set_result(source.recv(3))

        target.send(b"abc")
        loop.add_reader(source, take)
        return await came

    with source, target:
        assert b"abc" == uvloop.run(read(), loop_factory=EventLoop)
