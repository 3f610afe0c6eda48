"""What a connection does with callers whom no gRPC library would play. One loop, no sockets."""

import grpc
import pytest

ngh2 = pytest.importorskip("ngh2", reason="the extra holdfast[ngh2] is not installed")

from holdfast.edge.server.call_status import CallStatus  # noqa: E402
from holdfast.edge.server.fair_rounds import BYTES_A_ROUND  # noqa: E402
from holdfast.edge.server.transports.http2 import connection as under_test  # noqa: E402
from holdfast.edge.server.transports.http2.grpc_messages import CUT_BYTES, framed  # noqa: E402
from holdfast.edge.server.transports.http2.grpc_requests import MESSAGE_BYTES  # noqa: E402
from tests.edge.server.transports.http2.odd_caller import LIMIT, Caller  # noqa: E402

ONE = b"the method takes one message, and "


@pytest.fixture
async def caller() -> Caller:
    made = Caller()
    await made.until_quiet()
    return made


async def test_a_call_is_answered(caller: Caller) -> None:
    number = caller.begin("/a.b/Echo")
    caller.say(number, framed(b"hello"))
    await caller.until_quiet()
    assert framed(b"hello") == caller.data[number]
    assert b"0" == caller.trailers[number][b"grpc-status"]
    assert {number} == caller.ended
    assert "<Http2Connection, 0 streams>" == repr(caller.node)


@pytest.mark.parametrize(
    ("path", "body", "code", "message"),
    [
        ("/a.b/Echo", b"", b"12", ONE + b"none came"),
        ("/a.b/Echo", framed(b"") * 2, b"12", ONE + b"more than one came"),
        ("/a.b/Echo", framed(b"abc")[:-1], b"13", b"the caller ended in the midst of a message"),
        ("/a.b/Talk", b"\0\0", b"13", b"the caller ended in the midst of a message"),
        ("/a.b/Nothing", framed(b""), b"12", b"no method '/a.b/Nothing'"),
        ("/a.b/Count", framed(b"3"), b"11", b"no more"),
        ("/a.b/Count", framed(b"0"), b"11", b"no more"),
    ],
)  # fmt: skip
async def test_a_call_that_fails_says_why(
    caller: Caller, path: str, body: bytes, code: bytes, message: bytes
) -> None:
    answer = await caller.call(path, body)
    assert (b"200", code, message) == tuple(
        answer[name] for name in (b":status", b"grpc-status", b"grpc-message")
    )
    assert b"0" == (await caller.call("/a.b/Echo", framed(b"")))[b"grpc-status"]


async def test_a_defect_is_reported_as_one_and_logged(
    caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    assert b"13" == (await caller.call("/a.b/Break", framed(b"")))[b"grpc-status"]
    assert "ZeroDivisionError" in "".join(capsys.readouterr())


async def test_a_timeout_that_is_none_is_refused(caller: Caller) -> None:
    answer = await caller.call("/a.b/Echo", framed(b""), grpc_timeout="soon")
    assert b"13" == answer[b"grpc-status"]
    assert answer[b"grpc-message"].startswith(b"grpc-timeout is 'soon'")


async def test_a_request_that_is_not_grpc_is_refused(caller: Caller) -> None:
    number = caller.session.send_request(
        [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"node")]
    )
    caller.say(number, bytes(1_000))
    await caller.until_quiet()
    assert {b":status": b"415"} == caller.trailers[number]


async def test_a_call_whose_time_is_over_ends_with_its_work(caller: Caller) -> None:
    answer = await caller.call("/a.b/Wait", framed(b""), grpc_timeout="0S")
    while not answer:
        await caller.until_quiet()
        answer = caller.trailers.get(1, {})
    assert b"4" == answer[b"grpc-status"]
    assert 1 == caller.methods.cancelled


@pytest.mark.parametrize("path", ["/a.b/Wait", "/a.b/Talk"])
async def test_a_call_that_is_given_up_is_cancelled_and_others_go_on(
    caller: Caller, path: str
) -> None:
    left, stays = (caller.begin(path) for _ in range(2))
    for number in (left, stays):
        caller.say(number, framed(b"hello"))
    await caller.until_quiet()
    caller.session.reset_stream(left)
    await caller.until_quiet()
    assert 1 == caller.methods.cancelled
    caller.methods.may_answer.set()
    await caller.until_quiet()
    assert framed(b"hello") == caller.data[stays]


async def test_calls_end_with_their_connection(caller: Caller) -> None:
    for path in ("/a.b/Wait", "/a.b/Talk"):
        caller.say(caller.begin(path), framed(b""))
    await caller.until_quiet()
    caller.node.connection_lost(None)
    await caller.served.are_gone()
    await caller.until_quiet()
    assert 2 == caller.methods.cancelled


async def test_nothing_is_written_to_a_connection_that_has_ended(caller: Caller) -> None:
    """Nor is what it sent before worked, whatever was about to be sent."""
    caller.node.data_received(ping())
    caller.say(caller.begin("/a.b/Echo"), framed(b""))
    caller.node.data_received(caller.session.data_to_send())
    caller.wire.close()
    await caller.until_quiet()
    caller.node.connection_lost(None)
    await caller.until_quiet()
    assert 0 == caller.wire.written_late
    assert {} == caller.trailers


async def test_a_stream_that_nobody_takes_stops_its_writer_and_nobody_else(
    caller: Caller,
) -> None:
    """He may send a window; when his messages are taken, he goes on."""
    number = caller.begin("/a.b/Talk")
    message = framed(bytes(1 << 16))
    for _ in range(10):
        caller.say(number, message, is_last=False)
    await caller.until_quiet()
    unsent = caller.session.queued_body_size(number)
    assert unsent >= 10 * len(message) - under_test.STREAM_WINDOW - 2 * len(message)
    assert b"0" == (await caller.call("/a.b/Echo", framed(b"")))[b"grpc-status"]
    caller.methods.may_answer.set()
    await caller.until_quiet()
    assert 0 == caller.session.queued_body_size(number)
    assert 10 * message == caller.data[number]


async def test_what_was_not_taken_of_calls_that_ended_is_given_back(caller: Caller) -> None:
    """Otherwise the window of the connection would close in the end, for all."""
    before = caller.session.remote_window_size
    for _ in range(20):
        number = caller.begin("/a.b/Talk")
        caller.say(number, framed(bytes(1 << 17)), is_last=False)
        caller.say(number, framed(bytes(1 << 17))[:-1], is_last=False)
        await caller.until_quiet()
        caller.session.reset_stream(number)
        await caller.until_quiet()
    assert before - caller.session.remote_window_size <= under_test.CONNECTION_WINDOW // 2


async def test_a_connection_that_is_no_http_is_closed(caller: Caller) -> None:
    odd = Caller()
    odd.node.data_received(b"GET / HTTP/1.1\r\nHost: node\r\n\r\n")
    await odd.until_quiet()
    assert odd.wire.is_closed
    caller.node.data_received(b"\xff" * 100)
    await caller.until_quiet()
    assert caller.wire.is_closed


@pytest.mark.parametrize("path", ["/a.b/Echo", "/a.b/Count", "/a.b/Talk"])
async def test_a_caller_who_compresses_is_told_what_is_read(caller: Caller, path: str) -> None:
    """As the protocol has it (https://github.com/grpc/grpc/blob/master/doc/compression.md)."""
    answer = await caller.call(path, b"\1" + framed(b"abc")[1:], grpc_encoding="gzip")
    assert (b"12", b"identity") == (answer[b"grpc-status"], answer[b"grpc-accept-encoding"])
    assert b"0" == (await caller.call("/a.b/Echo", framed(b"")))[b"grpc-status"]


async def test_headers_beyond_what_is_announced_are_read_up_to_a_bound(caller: Caller) -> None:
    """A session that is sent more has to end: what the headers change in its table is lost."""
    assert under_test.HEADERS_BYTES_MAX == caller.session.remote_settings[6]
    answer = await caller.call("/a.b/Echo", framed(b""), x_long="a" * 60_000)
    assert b"0" == answer[b"grpc-status"]
    assert {} == await caller.call("/a.b/Echo", framed(b""), x_long="a" * 70_000)
    assert caller.wire.is_closed


async def test_a_socket_that_is_full_waits(caller: Caller) -> None:
    caller.node.pause_writing()
    assert {} == await caller.call("/a.b/Echo", framed(b""))
    caller.node.resume_writing()
    await caller.until_quiet()
    assert b"0" == caller.trailers[1][b"grpc-status"]


async def test_a_flood_is_read_no_further_until_it_is_worked(caller: Caller) -> None:
    for _ in range(90):
        caller.say(caller.begin("/a.b/Echo"), framed(b""))
    caller.node.data_received(b"".join(iter(caller.session.data_to_send, b"")))
    assert [] == caller.wire.paused
    caller.node.data_received(ping() * (under_test.UNREAD_MAX // len(ping()) + 1))
    assert [True] == caller.wire.paused
    while len(caller.wire.paused) < 2:
        await caller.until_quiet()
    assert [True, False] == caller.wire.paused
    assert 90 == len(caller.ended)


# What one read brings at once is worked over many rounds of the loop


async def test_large_messages_that_end_together_are_worked_apart(caller: Caller) -> None:
    """What a piece costs is the message that it ends, not the last byte of it."""
    body = framed(bytes(BYTES_A_ROUND + 1))
    numbers = [caller.begin("/a.b/Echo") for _ in range(8)]
    for number in numbers:
        caller.say(number, body[:-1], is_last=False)
    await caller.until_quiet()
    for number in numbers:
        caller.say(number, body[-1:])
    await caller.until_quiet()
    assert [1] * 8 == list(caller.methods.worked.values())


async def test_messages_that_are_never_whole_do_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it takes to read one is given back at once, so that windows do not bound them."""
    monkeypatch.setattr(under_test, "PARTS_BYTES_MAX", 0)  # so four messages of the largest size
    caller = Caller()
    body = framed(bytes(LIMIT))
    numbers = [caller.begin(path) for path in ("/a.b/Echo", "/a.b/Talk") for _ in range(4)]
    for number in numbers:
        caller.say(number, body[:-1], is_last=False)
    await caller.until_quiet()
    refused = [number for number in numbers if number in caller.trailers]
    assert 4 <= len(refused) < len(numbers)
    assert {b"8"} == {caller.trailers[number][b"grpc-status"] for number in refused}
    for number in set(numbers) - set(refused):
        caller.say(number, body[-1:])
    caller.methods.may_answer.set()
    await caller.until_quiet()
    assert {b"0"} == {
        caller.trailers[number][b"grpc-status"] for number in set(numbers) - set(refused)
    }


@pytest.mark.parametrize("count", [1, 4])
async def test_small_messages_of_streams_are_worked_in_rounds(caller: Caller, count: int) -> None:
    """However many streams there are, and though none of their methods waits for anything."""
    caller.methods.may_answer.set()
    numbers = [caller.begin("/a.b/Talk") for _ in range(count)]
    for number in numbers:
        caller.say(number, framed(b"") * 400)
    await caller.until_quiet()
    assert BYTES_A_ROUND // MESSAGE_BYTES + 1 >= max(caller.methods.worked.values())
    assert all(framed(b"") * 400 == caller.data[number] for number in numbers)


async def test_messages_weigh_what_it_takes_to_cut_them_out(caller: Caller) -> None:
    """They are cut from the body when it is read, before any is worked."""
    number = caller.begin("/a.b/Talk")
    caller.say(number, framed(b"") * 3_000)
    caller.node.data_received(caller.session.data_to_send())
    weights: list[int] = list(iter(caller.node.work, None))
    assert CUT_BYTES * 3_000 <= max(weights)
    await caller.until_quiet()


async def test_headers_of_many_fields_are_worked_apart(caller: Caller) -> None:
    """A field that both sides know takes a byte, so a single read may bring 200,000 of them."""
    fields = {f"x-{number}": "" for number in range(1_000)}
    data = b""
    for _ in range(20):
        caller.say(caller.begin("/a.b/Echo", **fields), framed(b""))
        data += caller.session.data_to_send()
    caller.node.data_received(data)
    await caller.until_quiet()
    most = BYTES_A_ROUND // (under_test.FIELD_BYTES * len(fields)) + 1
    assert most >= max(caller.methods.worked.values())
    assert 20 == len(caller.ended)


async def test_who_floods_lets_others_be_read(caller: Caller) -> None:
    """The bytes of one read are looked at in pieces, and the others have their turns between."""
    other = Caller(caller)
    await other.until_quiet()
    caller.node.data_received(ping() * 20_000)
    assert b"0" == (await other.call("/a.b/Echo", framed(b"")))[b"grpc-status"]
    assert [True] == caller.wire.paused
    await caller.until_quiet()
    assert not caller.wire.is_closed


def ping() -> bytes:
    """A frame that the library answers by itself."""
    return bytes((0, 0, 8, 6, 1, 0, 0, 0, 0)) + bytes(8)


# The end


async def test_who_drains_answers_what_is_under_way_and_takes_no_more(caller: Caller) -> None:
    number = caller.begin("/a.b/Wait")
    caller.say(number, framed(b""))
    await caller.until_quiet()
    caller.node.drain()
    await caller.until_quiet()
    assert not caller.session.can_send_request
    assert not caller.wire.is_closed
    caller.methods.may_answer.set()
    await caller.until_quiet()
    assert b"0" == caller.trailers[number][b"grpc-status"]
    assert caller.wire.is_closed


@pytest.mark.parametrize("path", ["/a.b/Nothing", "/a.b/Echo", "/a.b/Count", "/a.b/Talk"])
async def test_a_caller_who_goes_on_after_the_end_is_told_to_stop(
    caller: Caller, path: str
) -> None:
    """He has all of his answer first. His stream would take a place, and hold up a drain."""
    caller.methods.may_answer.set()
    number = caller.begin(path)
    caller.say(number, framed(b"") + b"\1" + bytes(100), is_last=False)
    await caller.until_quiet()
    assert b"12" == caller.trailers[number][b"grpc-status"]
    assert {number} == caller.ended
    caller.node.drain()
    await caller.until_quiet()
    assert caller.wire.is_closed


async def test_a_caller_who_reads_late_has_all_of_his_answer(caller: Caller) -> None:
    """Though he has more to say than was read."""
    caller.methods.may_answer.set()
    number = caller.begin("/a.b/Talk")
    caller.session.update_settings({ngh2.Setting.INITIAL_WINDOW_SIZE: 0})
    caller.say(number, framed(bytes(100)), is_last=False)
    await caller.until_quiet()
    caller.say(number, b"\1" + bytes(100), is_last=False)
    await caller.until_quiet()
    assert set() == caller.ended
    caller.session.update_settings({ngh2.Setting.INITIAL_WINDOW_SIZE: 1_000})
    await caller.until_quiet()
    assert framed(bytes(100)) == caller.data[number]
    assert b"12" == caller.trailers[number][b"grpc-status"]
    assert {number} == caller.ended


async def test_an_answer_that_fills_all_of_the_window_keeps_its_trailers() -> None:
    """The library sends them when there is a window again."""
    caller = Caller(reads=False)
    await caller.until_quiet()
    caller.methods.may_answer.set()
    number = caller.begin("/a.b/Talk")
    answer = framed(bytes(65_535 - 5))
    caller.say(number, answer, is_last=False)
    await caller.until_quiet()
    assert answer == caller.data[number]
    caller.say(number, b"\1" + bytes(100), is_last=False)
    await caller.until_quiet()
    assert set() == caller.ended
    caller.give_window(number)
    await caller.until_quiet()
    assert b"12" == caller.trailers[number][b"grpc-status"]
    assert {number} == caller.ended


async def test_a_deadline_ends_a_stream_that_waits_to_be_read() -> None:
    """When he reads on, he has what was sent, and his stream is at its end."""
    caller = Caller(reads=False)
    await caller.until_quiet()
    caller.methods.may_answer.set()
    number = caller.begin("/a.b/Talk")
    for _ in range(4):
        caller.say(number, framed(bytes(1 << 16)), is_last=False)
    await caller.until_quiet()
    (stream,) = caller.node._streams.values()
    assert stream.call is not None
    stream.call.fail(CallStatus(grpc.StatusCode.DEADLINE_EXCEEDED, "late", b"", None))
    await caller.until_quiet()
    assert set() == caller.ended
    caller.give_window(number)
    await caller.until_quiet()
    assert b"4" == caller.trailers[number][b"grpc-status"]
    assert {number} == caller.ended


async def test_a_connection_without_calls_ends_with_the_notice(caller: Caller) -> None:
    caller.node.drain()
    await caller.until_quiet()
    assert caller.wire.is_closed


async def test_a_connection_that_never_began_ends_at_once() -> None:
    odd = Caller()
    odd.node.drain()
    assert odd.wire.is_closed


async def test_calls_that_last_longer_are_told_to_go_elsewhere(caller: Caller) -> None:
    number = caller.begin("/a.b/Wait")
    caller.say(number, framed(b""))
    await caller.until_quiet()
    caller.node.drain()
    caller.node.end()
    await caller.until_quiet()
    assert b"14" == caller.trailers[number][b"grpc-status"]
    assert caller.wire.is_closed
