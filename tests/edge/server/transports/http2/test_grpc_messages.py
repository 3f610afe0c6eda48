"""Messages are cut from a body however it comes, and refused before they are there."""

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.edge.server.call_status import CallStatus
from holdfast.edge.server.transports.http2.grpc_messages import MessageReader, framed

LIMIT = 1_000


@given(st.lists(st.binary(max_size=300), max_size=6), st.lists(st.integers(0, 2_000), max_size=8))
def test_messages_come_whole_and_in_order(messages: list[bytes], cuts: list[int]) -> None:
    body = b"".join(framed(message) for message in messages)
    reader = MessageReader(LIMIT)
    read = []
    start = 0
    for end in (*sorted(cuts), len(body)):
        read += reader.feed(body[start:end])
        start = max(start, end)
    assert messages == read
    assert reader.is_empty()


def test_a_part_of_a_message_is_kept() -> None:
    reader = MessageReader(LIMIT)
    assert [] == reader.feed(framed(b"abc")[:-1])
    assert not reader.is_empty()


def test_the_largest_message_is_read_and_one_more_byte_is_refused_by_its_length() -> None:
    assert [bytes(LIMIT)] == MessageReader(LIMIT).feed(framed(bytes(LIMIT)))
    with pytest.raises(CallStatus, match=r"larger than max \(1001 vs\. 1000\)") as failed:
        MessageReader(LIMIT).feed(framed(bytes(LIMIT + 1))[:5])
    assert grpc.StatusCode.RESOURCE_EXHAUSTED is failed.value.code


def test_a_compressed_message_is_refused() -> None:
    """As a server does that has no such encoding; its headers say which it has."""
    with pytest.raises(CallStatus, match="grpc-encoding has to be identity") as failed:
        MessageReader(LIMIT).feed(b"\1" + framed(b"abc")[1:])
    assert grpc.StatusCode.UNIMPLEMENTED is failed.value.code
