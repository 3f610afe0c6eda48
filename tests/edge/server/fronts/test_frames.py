"""What fronts and the engine say to each other, read again however it was cut."""

import asyncio
import math

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.edge.server.call_status import CallStatus
from holdfast.edge.server.context import CallContext
from holdfast.edge.server.fronts.frames import (
    Frame,
    FrameReader,
    FrameWriter,
    What,
    pack_call,
    pack_status,
    unpack_call,
    unpack_status,
)
from holdfast.edge.wire import faults

IDS = st.none() | st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)


class Kept:
    """A transport that keeps what is written to it, write by write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def is_closing(self) -> bool:
        return self.closing


async def written(frames: list[Frame]) -> list[bytes]:
    """The writes that send these frames."""
    kept = Kept()
    writer = FrameWriter(kept)  # type: ignore[arg-type]  # all that is used of a transport
    for frame in frames:
        writer.send(What(frame.what), frame.call, frame.body)
    await asyncio.sleep(0)
    return kept.writes


FRAMES = st.lists(
    st.builds(
        Frame,
        st.sampled_from(list(What)),
        st.integers(0, 2**32 - 1),
        st.binary(max_size=40),
    ),
    min_size=1,
    max_size=8,
)


@given(FRAMES, st.data())
async def test_frames_are_read_as_they_were_sent_however_they_are_cut(
    frames: list[Frame], data: st.DataObject
) -> None:
    (sent,) = await written(frames)
    cuts = data.draw(st.lists(st.integers(0, len(sent)), max_size=12).map(sorted))
    reader, read = FrameReader(), []
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        reader.feed(sent[start:end])
        while (frame := reader.next()) is not None:
            read.append(frame)
    assert frames == read
    assert reader.next() is None


async def test_frames_of_one_round_of_the_loop_leave_together() -> None:
    frames = [Frame(What.MESSAGE, number, b"x") for number in range(100)]
    assert 1 == len(await written(frames))


async def test_a_long_message_is_joined_once() -> None:
    """It comes in hundreds of pieces; joining them at each would move gigabytes."""
    frame = Frame(What.ANSWER, 7, bytes(1 << 20))
    (sent,) = await written([frame])
    pieces = [sent[start : start + 4_096] for start in range(0, len(sent), 4_096)]
    reader = FrameReader()
    for number, piece in enumerate(pieces):
        assert reader.next() is None
        assert number == len(reader._parts)
        reader.feed(piece)
    assert frame == reader.next()


@given(
    st.integers(0, 65_535),
    st.none() | st.floats(allow_nan=False),
    IDS.filter(lambda text: text is None or len(text) <= 128),
    IDS.filter(lambda text: text is None or len(text) <= 32),
    st.binary(max_size=100),
)
def test_a_call_is_read_as_it_was_packed(
    method: int, deadline_s: float | None, correlation: str | None, trace: str | None, data: bytes
) -> None:
    context = CallContext("", deadline_s, correlation, trace)
    assert (method, context, data) == unpack_call(pack_call(method, context, data))


@pytest.mark.parametrize(
    "fault",
    [faults.overloaded(3, 100), faults.draining(), faults.invalid("lines[0].sku", "ä" * 200, "x")],
)
@pytest.mark.parametrize("correlation", [None, "order 7"])
def test_a_status_is_read_as_it_was_packed(fault: faults.Fault, correlation: str | None) -> None:
    status = CallStatus.of(fault)
    read = unpack_status(pack_status(status))
    assert (status.code, status.message) == (read.code, read.message)
    assert status.metadata(correlation) == read.metadata(correlation)


def test_every_code_of_grpc_can_be_sent() -> None:
    for code in grpc.StatusCode:
        assert code is unpack_status(pack_status(CallStatus(code, "", b"", None))).code


def test_a_deadline_that_no_clock_shows_is_kept() -> None:
    """NaN stands for none; the oldest instant and the last are instants."""
    for deadline_s in (0.0, -1.0, math.inf):
        _, context, _ = unpack_call(pack_call(0, CallContext("", deadline_s), b""))
        assert deadline_s == context.deadline_s
