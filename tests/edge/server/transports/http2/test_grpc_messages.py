"""Messages are cut from a body however it comes, and refused before they are there."""

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.edge.server.call_status import CallStatus
from holdfast.edge.server.transports.http2.grpc_messages import MessageReader, Parts, framed

LIMIT = 1_000


def reader_of(bytes_max: int, parts: Parts | None = None) -> MessageReader:
    return MessageReader(bytes_max, parts or Parts(1 << 20))


@given(st.lists(st.binary(max_size=300), max_size=6), st.lists(st.integers(0, 2_000), max_size=8))
def test_messages_come_whole_and_in_order(messages: list[bytes], cuts: list[int]) -> None:
    body = b"".join(framed(message) for message in messages)
    reader = reader_of(LIMIT)
    read = []
    start = 0
    for end in (*sorted(cuts), len(body)):
        read += reader.feed(body[start:end])
        start = max(start, end)
    assert messages == read
    assert reader.is_empty()


def test_a_part_of_a_message_is_kept() -> None:
    reader = reader_of(LIMIT)
    assert [] == reader.feed(framed(b"abc")[:-1])
    assert not reader.is_empty()


def test_the_largest_message_is_read_and_one_more_byte_is_refused_by_its_length() -> None:
    assert [bytes(LIMIT)] == reader_of(LIMIT).feed(framed(bytes(LIMIT)))
    with pytest.raises(CallStatus, match=r"larger than max \(1001 vs\. 1000\)") as failed:
        reader_of(LIMIT).feed(framed(bytes(LIMIT + 1))[:5])
    assert grpc.StatusCode.RESOURCE_EXHAUSTED is failed.value.code


def test_a_compressed_message_is_refused() -> None:
    """As a server does that has no such encoding; its headers say which it has."""
    with pytest.raises(CallStatus, match="grpc-encoding has to be identity") as failed:
        reader_of(LIMIT).feed(b"\1" + framed(b"abc")[1:])
    assert grpc.StatusCode.UNIMPLEMENTED is failed.value.code


def test_parts_of_messages_may_wait_up_to_a_bound() -> None:
    """Of all calls together; a message that is whole, and a call that is over, make room again."""
    parts = Parts(1_500)
    first, second, third = (reader_of(LIMIT, parts) for _ in range(3))
    body = framed(bytes(995))
    assert [[], []] == [first.feed(body[:700]), second.feed(body[:800])]
    with pytest.raises(CallStatus, match=r"1501 bytes .* 1500 may") as failed:
        third.feed(body[:1])
    assert grpc.StatusCode.RESOURCE_EXHAUSTED is failed.value.code
    third.drop()
    assert [bytes(995)] == first.feed(body[700:])
    assert [] == third.feed(body[:700])
    second.drop()
    assert [] == first.feed(body[:800])


def test_parts_that_were_refused_are_given_back_as_they_were_counted() -> None:
    """Else whoever sends much that is refused would have room for as much more."""
    parts = Parts(1_000)
    for _ in range(3):
        refused = reader_of(LIMIT, parts)
        with pytest.raises(CallStatus, match="identity"):
            refused.feed(b"\1" + bytes(900))
        refused.drop()
    reader_of(LIMIT, parts).feed(framed(bytes(600))[:-1])
    with pytest.raises(CallStatus, match="wait on this connection"):
        reader_of(LIMIT, parts).feed(framed(bytes(600))[:-1])
