"""What waits for a peer that does not read, and what ends with it. One loop, no sockets."""

import asyncio
from functools import partial

import pytest

ngh2 = pytest.importorskip("ngh2", reason="the extra holdfast[ngh2] is not installed")

from holdfast.edge.server.fair_rounds import BYTES_A_ROUND  # noqa: E402
from holdfast.edge.server.transports.http2 import connection, stream  # noqa: E402
from holdfast.edge.server.transports.http2.grpc_calls import LEAVE_BYTES  # noqa: E402
from holdfast.edge.server.transports.http2.grpc_messages import framed  # noqa: E402
from tests.edge.server.transports.http2.odd_caller import Caller  # noqa: E402

MESSAGE = framed(bytes(1 << 14))


async def who_reads_nothing() -> Caller:
    """A caller whose streams have no window until it gives them one."""
    caller = Caller()
    await caller.until_quiet()
    caller.session.update_settings({ngh2.Setting.INITIAL_WINDOW_SIZE: 0})
    await caller.until_quiet()
    caller.methods.may_answer.set()
    return caller


async def talks(caller: Caller, streams: int, messages: int) -> list[int]:
    """Streams with so many messages each, all of which will be answered."""
    numbers = [caller.begin("/a.b/Talk") for _ in range(streams)]
    for number in numbers:
        caller.say(number, MESSAGE * messages)
    await caller.until_quiet()
    return numbers


def unsent(caller: Caller) -> int:
    size: int = caller.node._session.queued_body_size()
    return size


async def test_streams_that_are_not_read_have_a_bound_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond it each has one message, so that whoever reads goes on whatever the others do."""
    monkeypatch.setattr(stream, "UNSENT_TOGETHER_MAX", 10 * len(MESSAGE))
    monkeypatch.setattr(connection, "LOOKED_AT", 3)
    caller = await who_reads_nothing()
    numbers = await talks(caller, streams=20, messages=6)
    bound = (10 + 1 + len(numbers)) * len(MESSAGE)
    assert 10 * len(MESSAGE) < unsent(caller) <= bound
    late = (await talks(caller, streams=1, messages=6))[0]
    caller.session.set_local_window_size(1 << 20, stream_id=late)
    await caller.until_quiet()
    assert MESSAGE * 6 == caller.data[late]
    caller.session.update_settings({ngh2.Setting.INITIAL_WINDOW_SIZE: 1 << 20})
    await caller.until_quiet()
    assert all(MESSAGE * 6 == caller.data[number] for number in numbers)


async def test_a_caller_with_more_answers_than_may_wait_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Single calls do not wait for their reader; he is told why."""
    monkeypatch.setattr(connection, "UNSENT_BYTES_MAX", 10 * len(MESSAGE))
    caller = await who_reads_nothing()
    for _ in range(11):
        caller.say(caller.begin("/a.b/Echo"), MESSAGE)
        assert not caller.wire.is_closed
        await caller.until_quiet()
    assert caller.wire.is_closed
    assert [connection.ENHANCE_YOUR_CALM] == caller.error_codes
    assert 0 == unsent(caller)


async def test_who_waits_is_looked_at_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand of them in each round would keep the loop for milliseconds."""
    monkeypatch.setattr(connection, "LOOKED_AT", 3)
    caller = await who_reads_nothing()
    numbers = await talks(caller, streams=50, messages=6)
    caller.methods.worked.clear()
    caller.session.update_settings({ngh2.Setting.INITIAL_WINDOW_SIZE: 1 << 20})
    await caller.until_quiet()
    assert all(MESSAGE * 6 == caller.data[number] for number in numbers)
    assert 3 >= max(caller.methods.worked.values())


# The end of a connection whose peer takes nothing


async def test_who_reads_not_even_why_a_connection_ends_has_some_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its descriptor would be ours for as long as it likes."""
    monkeypatch.setattr(connection, "LAST_BYTES_S", 0.0)
    caller = Caller()
    await caller.until_quiet()
    caller.node.data_received(b"\xff" * 100)
    await caller.until_quiet()
    assert caller.wire.is_aborted


async def test_who_reads_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LAST_BYTES_S", 0.0)
    caller = Caller()
    await caller.until_quiet()
    caller.wire.on_close = partial(caller.node.connection_lost, None)
    caller.node.data_received(b"\xff" * 100)
    await caller.until_quiet()
    assert not caller.wire.is_aborted


@pytest.mark.parametrize("taken", [0, 1])
async def test_a_socket_that_is_full_and_takes_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    """Not one that takes a byte between two looks, nor one that is not full any more."""
    monkeypatch.setattr(connection, "FULL_S", 0.0)
    caller = Caller()
    await caller.until_quiet()
    caller.wire.unsent, caller.wire.taken = 1 << 20, taken
    caller.node.pause_writing()
    await caller.until_quiet()
    assert (not taken) is caller.wire.is_aborted
    caller.wire.taken = 0
    caller.node.resume_writing()
    await caller.until_quiet()
    assert (not taken) is caller.wire.is_aborted


@pytest.mark.parametrize(
    ("path", "taken", "is_ended"),
    [("/a.b/Talk", 0, True), ("/a.b/Talk", 1, False), ("/a.b/Wait", 0, False)],
    ids=["takes nothing", "takes something", "is not answered yet"],
)
async def test_a_drain_waits_no_longer_for_a_caller_who_takes_nothing(
    monkeypatch: pytest.MonkeyPatch, path: str, taken: int, is_ended: bool
) -> None:
    """It waits for one who reads, and for one whose answer is not there."""
    caller = await who_reads_nothing()
    if path == "/a.b/Wait":
        caller.methods.may_answer.clear()
    caller.say(caller.begin(path), MESSAGE * 6 if path == "/a.b/Talk" else MESSAGE)
    await caller.until_quiet()
    monkeypatch.setattr(connection, "LOOK_S", 0.0)
    caller.wire.unsent, caller.wire.taken = 1 << 20, taken
    caller.node.drain()
    await caller.until_quiet()
    assert is_ended is caller.wire.is_aborted
    caller.node.connection_lost(None)


# What a caller ends at once ends over many rounds of the loop


@pytest.mark.parametrize("path", ["/a.b/Wait", "/a.b/Talk"])
@pytest.mark.parametrize("how", ["breaks off", "gives up", "runs late"])
async def test_calls_that_end_together_end_in_rounds(path: str, how: str) -> None:
    """Each is an exception in its coroutines: ten thousand of a connection took 0.2 s."""
    caller = Caller()
    numbers = [caller.begin(path) for _ in range(300)]
    for number in numbers:
        caller.say(number, framed(b""))
    await caller.until_quiet()
    while caller.node._is_working:
        await caller.until_quiet()
    if how == "breaks off":
        caller.wire.close()
        caller.node.connection_lost(None)
    elif how == "gives up":
        for number in numbers:
            caller.session.reset_stream(number)
        caller.node.data_received(caller.session.data_to_send())
    else:
        for each in caller.node._streams.values():
            assert each.call is not None
            each.call.end_late()
    most = before = 0
    while caller.methods.cancelled < len(numbers):
        await asyncio.sleep(0)
        before, most = caller.methods.cancelled, max(most, caller.methods.cancelled - before)
    assert most <= BYTES_A_ROUND // LEAVE_BYTES + 1
