"""What a client may do while its connection lasts without failing a call. No sockets."""

import asyncio
from collections.abc import Callable
from typing import Final

import pytest

pytest.importorskip("ngh2", reason="the extra holdfast[ngh2] is not installed")

from holdfast.edge.server.transports.http2 import connection as under_test
from holdfast.edge.server.transports.http2.grpc_messages import framed
from tests.edge.http2 import OPENING, PREFACE, SETTINGS, frame, headers, message
from tests.edge.server.transports.http2.odd_caller import Caller

#: One more than streams that may be open at once, which is what the library allows of other things
#: as well, at once or a second.
MANY: Final = under_test.STREAMS_MAX + 1

#: The last number of a stream that a client may give (RFC 9113, 5.1.1).
LAST: Final = (1 << 31) - 1

PRIORITY, RST_STREAM, UNKNOWN = 2, 3, 0xBB
REFUSED_STREAM: Final = 7


def given_up(number: int) -> bytes:
    """A call that its caller gives up before it has said anything."""
    cancel = frame(RST_STREAM, 0, (8).to_bytes(4, "big"), number)
    return headers("/a.b/Wait", number) + cancel


def with_priority(number: int) -> bytes:
    """As old clients send them, with each call; nobody heeds them any more (RFC 9113, 5.3.2)."""
    return frame(PRIORITY, 0, bytes(4) + b"\x10", number)


def of_no_known_type(_number: int) -> bytes:
    """What an extension may send, and whoever does not know it ignores (RFC 9113, 5.5)."""
    return frame(UNKNOWN, 0, bytes(8))


async def until_worked(caller: Caller) -> None:
    """Let the node read all that came."""
    while await is_working(caller):
        """In the next round, too."""


async def is_working(caller: Caller) -> bool:
    """Whether it is, a round later."""
    await asyncio.sleep(0)
    return caller.node._is_working


@pytest.mark.parametrize("each", [given_up, with_priority, of_no_known_type])
async def test_calls_go_on_beside_ten_thousand_of(each: Callable[[int], bytes]) -> None:
    """Though the library has rates of these, beyond which it would end the connection."""
    caller = Caller()
    await caller.until_quiet()
    number = caller.begin("/a.b/Wait")
    caller.say(number, framed(b"hello"))
    await caller.until_quiet()
    caller.node.data_received(b"".join(each(number + 2 * (1 + at)) for at in range(MANY)))
    await until_worked(caller)
    caller.methods.may_answer.set()
    await caller.until_quiet()
    assert framed(b"hello") == caller.data[number]
    assert b"0" == caller.trailers[number][b"grpc-status"]
    assert not caller.wire.is_closed


class Written:
    """Takes what the node writes, and hands it on to nobody."""

    def __init__(self) -> None:
        self.data = b""

    def receive_data(self, data: bytes) -> None:
        """Called by the wire."""
        self.data += data

    def streams_of(self, kind: int) -> list[int]:
        """The streams of which there were frames of a kind."""
        found = []
        at = 0
        while at < len(self.data):
            if self.data[at + 3] == kind:
                found.append(int.from_bytes(self.data[at + 5 : at + 9], "big"))
            at += 9 + int.from_bytes(self.data[at : at + 3], "big")
        return found


async def test_calls_beyond_the_limit_before_it_is_known_are_refused_one_by_one() -> None:
    """Which clients try again by themselves (RFC 9113, 8.7); those that know it wait."""
    caller = Caller()
    written = caller.wire.caller = Written()
    calls = b"".join(headers("/a.b/Wait", 1 + 2 * at) for at in range(MANY))
    caller.node.data_received(PREFACE + frame(SETTINGS) + calls)
    await until_worked(caller)
    await asyncio.sleep(0)
    assert [2 * MANY - 1] == written.streams_of(RST_STREAM)
    assert REFUSED_STREAM.to_bytes(4, "big") == written.data[-4:]
    assert not caller.wire.is_closed
    assert under_test.STREAMS_MAX == len(caller.node._streams)


async def test_the_last_stream_of_a_connection_is_answered_like_the_first() -> None:
    caller = Caller()
    written = caller.wire.caller = Written()
    numbers = (1, 3, LAST - 2, LAST)
    calls = b"".join(headers("/a.b/Echo", each) + message(b"hello", each) for each in numbers)
    caller.node.data_received(OPENING + calls)
    await until_worked(caller)
    await asyncio.sleep(0)
    assert [*numbers] == written.streams_of(0)
