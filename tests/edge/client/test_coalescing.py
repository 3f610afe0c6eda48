"""The coalescer: many callers over one stream, of whom each gets his own answer, once and surely.

First against a real node; then against a server that follows a script, where a stream breaks off at
the very place that a test wants. Nothing here waits for a time: a caller who is forgotten hangs the
test, and that is the failure.
"""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import uuid4

import grpc
import grpc.aio
import httpx
import pytest

from holdfast.edge.client import (
    Client,
    Closed,
    DeadlineExceeded,
    HoldfastError,
    InvalidArgument,
    NotFound,
    Retries,
    Unavailable,
)
from holdfast.edge.client.coalescing import IN_FLIGHT_MAX, Coalescer
from holdfast.edge.client.operations import COLUMNS, OPERATIONS_MAX
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import reservation_service_pb2 as reservation
from tests.edge.node_process import NodeProcess
from tests.edge.raw import WAREHOUSE, figures_of, put_stock, receipt

HOLD_MS: Final = 3_600_000
CALLERS: Final = 1_000

ACCEPTED = reservation.BATCH_OUTCOME_ACCEPTED
REPEATED = reservation.BATCH_OUTCOME_REPEATED
UNKNOWN = reservation.BATCH_OUTCOME_UNKNOWN_STOCK_LEVEL

#: Waits that pass at once, for as long as a machine under load may need for the rest.
PATIENCE: Final[dict[str, Any]] = {"timeout_s": 60.0, "retries": Retries(base_s=0.001, cap_s=0.001)}


async def batches_of(node: NodeProcess) -> int:
    """How many batches the node has answered over streams."""
    async with httpx.AsyncClient() as browser:
        page = (await browser.get(node.url("/metrics"))).text
    labels = re.findall(r"^holdfast_calls_total\{(.*?)\} (\S+)", page, re.MULTILINE)
    return int(sum(float(count) for label, count in labels if '"ReserveStream"' in label))


async def hold(holdfast: Coalescer, sku: str, quantity: int = 1) -> int:
    """Hold under a new id."""
    return await holdfast.reserve(uuid4(), sku, WAREHOUSE, quantity, hold_ms=HOLD_MS)


# At a real node


async def test_a_thousand_callers_share_a_few_batches(node: NodeProcess, client: Client) -> None:
    """Each holds, reads, and then ships, keeps or gives back; nobody is lost or mixed up."""
    skus = await put_stock(client, *[1_000] * 20)
    before = await batches_of(node)

    async def buy(number: int) -> list[int]:
        order, sku = uuid4(), skus[number % 20]
        codes = [await holdfast.reserve(order, sku, WAREHOUSE, 2, hold_ms=HOLD_MS)]
        assert 900 <= await holdfast.available(sku, WAREHOUSE) <= 998
        if number % 4 == 0:
            return [*codes, await holdfast.release(order), await holdfast.commit(order)]
        codes.append(await holdfast.commit(order))
        if number % 4 == 1:
            codes.append(await holdfast.fulfill(order))
        return codes

    async with client.coalescer() as holdfast:
        codes = await asyncio.gather(*map(buy, range(CALLERS)))

    given_back = [ACCEPTED, ACCEPTED, reservation.BATCH_OUTCOME_WRONG_STATE]
    expected = [given_back, [ACCEPTED] * 3, [ACCEPTED] * 2, [ACCEPTED] * 2]
    assert [expected[number % 4] for number in range(CALLERS)] == codes
    # SKUs 0, 4, ... were all given back, 1, 5, ... all shipped, 50 callers each.
    shipped, kept = (900, 0, 0), (1_000, 0, 100)
    figures = [(1_000, 0, 0), shipped, kept, kept] * 5
    assert figures == [await figures_of(client, sku) for sku in skus]
    assert await batches_of(node) - before < CALLERS // 10


async def test_more_callers_than_a_batch_holds_are_all_served(client: Client) -> None:
    """What does not fit goes with the next one, with reads and names as well."""
    (sku,) = await put_stock(client, 10**6)
    count = OPERATIONS_MAX + 100
    async with client.coalescer() as holdfast:
        names = (holdfast.available(f"nothing {number}", WAREHOUSE) for number in range(count))
        unknown = await asyncio.gather(*names, return_exceptions=True)
        codes = await asyncio.gather(*(hold(holdfast, sku) for _ in range(count)))
    assert [NotFound] * count == list(map(type, unknown))
    assert [ACCEPTED] * count == codes


async def test_a_bad_name_is_told_to_who_gave_it_and_to_nobody_else(client: Client) -> None:
    """Unknown, malformed, no text: they travel together with good ones."""
    (sku,) = await put_stock(client, 10)
    names = ["never heard of", "", "x" * 129, "a\nb", "\ud800"]
    async with client.coalescer() as holdfast:
        answers = await asyncio.gather(
            *(holdfast.available(name, WAREHOUSE) for name in names),
            holdfast.available(sku, WAREHOUSE),
            hold(holdfast, "never heard of"),
            hold(holdfast, sku),
            return_exceptions=True,
        )
    kinds = [NotFound, *[InvalidArgument] * 3, ValueError, int, NotFound, int]
    assert kinds == [type(answer) for answer in answers]
    assert isinstance(answers[0], NotFound)
    assert "UNKNOWN_STOCK_LEVEL" == answers[0].reason
    assert "'never heard of' at 'W1'" in str(answers[0])


async def test_an_unknown_name_may_become_known(client: Client) -> None:
    """Not to know is not remembered; and of a SKU that ended, the next one of its name is found."""
    (sku,) = await put_stock(client, 5)
    async with client.coalescer() as holdfast:
        assert ACCEPTED == await hold(holdfast, sku)
        await client.delete_sku(sku)
        with pytest.raises(NotFound):
            await hold(holdfast, sku)
        await client.record_stock_events("goods-in again", [receipt(sku, 5)])
        assert ACCEPTED == await hold(holdfast, sku)


async def test_numbers_that_fit_no_column_are_answered_like_any_wrong_number(
    client: Client,
) -> None:
    """They do not break the batch of those who travel with them."""
    (sku,) = await put_stock(client, 10)
    quantities = [0, -1, 2**63, 2**64, 2**200]
    durations = [0, -1, 2**32, 2**200]
    async with client.coalescer() as holdfast:
        wrong_quantities = (hold(holdfast, sku, each) for each in quantities)
        wrong_durations = (
            holdfast.reserve(uuid4(), sku, WAREHOUSE, 1, hold_ms=each) for each in durations
        )
        codes = await asyncio.gather(*wrong_quantities, hold(holdfast, sku), *wrong_durations)
        not_a_number: Any = 1.5
        with pytest.raises(TypeError):
            await hold(holdfast, sku, not_a_number)
    assert [reservation.BATCH_OUTCOME_INVALID_QUANTITY] * 5 == codes[:5]
    assert ACCEPTED == codes[5]
    assert [reservation.BATCH_OUTCOME_INVALID_HOLD_DURATION] * 4 == codes[6:]


@pytest.mark.parametrize("seed", [1, 2])
async def test_callers_who_go_away_do_not_touch_the_others(client: Client, seed: int) -> None:
    """Cancelled before, while and after they are sent, in every kind of question."""
    chance = random.Random(seed)
    skus = await put_stock(client, *[10_000] * 10)

    async def buy(number: int) -> int:
        order, sku = uuid4(), skus[number % 10]
        assert ACCEPTED == await holdfast.reserve(order, sku, WAREHOUSE, 1, hold_ms=HOLD_MS)
        await holdfast.available(sku, WAREHOUSE)
        assert ACCEPTED == await holdfast.commit(order)
        return await holdfast.fulfill(order)

    async with client.coalescer() as holdfast:
        tasks = [asyncio.create_task(buy(number)) for number in range(CALLERS)]
        leaving = chance.sample(tasks, CALLERS // 2)
        for start in range(0, len(leaving), 20):
            for task in leaving[start : start + 20]:
                task.cancel()
            for _ in range(chance.randrange(20)):
                await asyncio.sleep(0)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
    for task, answer in zip(tasks, answers, strict=True):
        if task not in leaving:
            assert ACCEPTED == answer
        else:
            assert answer == ACCEPTED or isinstance(answer, asyncio.CancelledError)


# At a server with a script


Part = Callable[[AsyncIterator[bytes], Any], AsyncIterator[bytes]]


class Script(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """A server whose streams play the parts of a script, one each; the last part stays on."""

    def __init__(self, *parts: Part) -> None:
        self.parts = list(parts)
        self.streams = 0
        self.batches: list[tuple[str, int]] = []
        """Kind and size of the batches that came in."""
        self.arrived = asyncio.Event()
        self.unary: Callable[[], Awaitable[None]] | None = None
        self.handles = {"Tea": 7}
        """By SKU; all others have 5."""
        self.on_hand = 5
        self.asked: list[tuple[str, str | None]] = []
        """The methods that were called, and their correlation ids."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        if details.method == "/holdfast.v1.ReservationService/ReserveStream":
            return grpc.stream_stream_rpc_method_handler(self.stream)
        if details.method.endswith("/BatchGetAvailability"):
            return grpc.unary_unary_rpc_method_handler(self.read)
        return grpc.unary_unary_rpc_method_handler(self.resolve)

    async def stream(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        self.note("ReserveStream", context)
        part = self.parts[min(self.streams, len(self.parts) - 1)]
        self.streams += 1
        async for answer in part(self.noted(requests), context):
            yield answer

    async def noted(self, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for data in requests:
            kind, batch = batch_in(data)
            self.batches.append((kind, len(batch.id_high)))
            self.arrived.set()
            yield data

    def note(self, method: str, context: Any) -> None:
        self.asked.append((method, dict(context.invocation_metadata()).get("x-correlation-id")))

    async def resolve(self, data: bytes, context: Any) -> bytes:
        await self.answer("ResolveStockLevels", context)
        names = availability.ResolveStockLevelsRequest.FromString(data).stock_levels
        handles = [self.handles.get(name.sku, 5) for name in names]
        return availability.ResolveStockLevelsResponse(handles=handles).SerializeToString()

    async def read(self, data: bytes, context: Any) -> bytes:
        """Handles that were given out have `on_hand` units; of all others there is nothing."""
        await self.answer("BatchGetAvailability", context)
        handles = availability.BatchGetAvailabilityRequest.FromString(data).stock_levels
        known = {5, *self.handles.values()}
        on_hand = [self.on_hand if handle in known else 0 for handle in handles]
        nothing = [0] * len(handles)
        return availability.BatchGetAvailabilityResponse(
            on_hand=on_hand, reserved=nothing, committed=nothing
        ).SerializeToString()

    async def answer(self, method: str, context: Any) -> None:
        self.note(method, context)
        if self.unary is not None:
            self.arrived.set()
            await self.unary()


def batch_in(data: bytes) -> tuple[str, Any]:
    request = reservation.ReserveStreamRequest.FromString(data)
    kind = request.WhichOneof("batch")
    assert kind is not None
    return kind, getattr(request, kind)


def answer_to(data: bytes, code: int = ACCEPTED) -> bytes:
    kind, batch = batch_in(data)
    answer: dict[str, Any] = {kind: {"outcomes": bytes([code]) * len(batch.id_high)}}
    return reservation.ReserveStreamResponse(**answer).SerializeToString()


async def good(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """Answer everything."""
    async for data in requests:
        yield answer_to(data)


async def repeating(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """Say of everything that it was done before."""
    async for data in requests:
        yield answer_to(data, REPEATED)


async def silent(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """Take everything and answer nothing."""
    async for data in requests:
        if not data:
            yield b""


async def breaking(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    """Break off at the first batch."""
    async for data in requests:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "the cable is out")
        yield data


async def breaking_at_once(_requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    """Break off before anything is read."""
    await context.abort(grpc.StatusCode.UNAVAILABLE, "the cable is out")
    yield b""


async def ending(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """End in peace, without an answer to what came."""
    async for data in requests:
        if data:
            return
        yield data


async def ended_sku(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """No stock level has the handle 7."""
    async for data in requests:
        _, batch = batch_in(data)
        codes = [UNKNOWN if handle == 7 else ACCEPTED for handle in batch.stock_levels]
        answer: dict[str, Any] = {"reserve": {"outcomes": bytes(codes)}}
        yield reservation.ReserveStreamResponse(**answer).SerializeToString()


async def forbidding(_requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    """Fail for a reason that no other attempt can mend."""
    await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")
    yield b""


async def too_short(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """Leave codes out."""
    async for data in requests:
        kind, _ = batch_in(data)
        answer: dict[str, Any] = {kind: {}}
        yield reservation.ReserveStreamResponse(**answer).SerializeToString()


async def babbling(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """Answer with bytes that are no message."""
    async for _ in requests:
        yield b"\xff\xff\xff"


@asynccontextmanager
async def playing(script: Script, **options: Any) -> AsyncIterator[Client]:
    """Serve a script, and connect to it."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((script,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        settings = PATIENCE | options
        async with Client(f"127.0.0.1:{port}", own_connection=True, **settings) as client:
            yield client
    finally:
        await server.stop(None)


@pytest.mark.parametrize("part", [breaking, breaking_at_once, ending])
@pytest.mark.parametrize("times", [1, 3])
async def test_a_lone_caller_is_answered_though_the_stream_breaks(part: Part, times: int) -> None:
    """Nobody else has to come and wake the coalescer up."""
    script = Script(*[part] * times, repeating)
    async with playing(script) as client, client.coalescer() as holdfast:
        assert REPEATED == await holdfast.commit(uuid4())


async def test_callers_who_come_while_the_stream_is_mended_get_their_own_answers() -> None:
    """Nothing is given to a stream that is over: it would shift all answers by one batch."""
    script = Script(breaking, breaking, good)
    async with playing(script) as client, client.coalescer() as holdfast:
        first = asyncio.create_task(holdfast.commit(uuid4()))
        rest: list[asyncio.Task[int]] = []
        while not first.done():
            verb = (holdfast.commit, holdfast.fulfill, holdfast.release)[len(rest) % 3]
            rest.append(asyncio.create_task(verb(uuid4())))
            await asyncio.sleep(0)
        assert [ACCEPTED] * (len(rest) + 1) == await asyncio.gather(first, *rest)
    assert 3 == script.streams


async def test_a_batch_of_callers_who_went_away_holds_up_nobody() -> None:
    """The longest queue may be one of ghosts."""
    async with playing(Script(good)) as client, client.coalescer() as holdfast:
        ghosts = [asyncio.create_task(holdfast.commit(uuid4())) for _ in range(10)]
        living = asyncio.create_task(holdfast.release(uuid4()))
        await asyncio.sleep(0)
        for ghost in ghosts:
            ghost.cancel()
        assert ACCEPTED == await living


async def test_no_kind_of_question_starves_another() -> None:
    """While a crowd reserves without end, a single release is answered soon."""
    script = Script(good)
    async with playing(script) as client, client.coalescer() as holdfast:
        crowd_goes_on = True

        async def reserve() -> None:
            while crowd_goes_on:
                await hold(holdfast, "Tea")

        crowd = [asyncio.create_task(reserve()) for _ in range(50)]
        while len(script.batches) < 5:
            await hold(holdfast, "Tea")
        before = len(script.batches)
        assert ACCEPTED == await holdfast.release(uuid4())
        assert len(script.batches) - before <= 4 * IN_FLIGHT_MAX
        crowd_goes_on = False
        await asyncio.gather(*crowd)


async def test_only_so_many_batches_are_in_flight() -> None:
    """The others wait and grow."""
    script = Script(silent)
    async with playing(script) as client:
        async with client.coalescer() as holdfast:
            tasks = []
            for _ in range(IN_FLIGHT_MAX):
                script.arrived.clear()
                tasks.append(asyncio.create_task(holdfast.commit(uuid4())))
                await script.arrived.wait()
            tasks += [asyncio.create_task(holdfast.commit(uuid4())) for _ in range(10)]
            assert 7 == await holdfast._levels.handle("Tea", WAREHOUSE)
            assert [("commit", 1)] * IN_FLIGHT_MAX == script.batches
        errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert [Closed] * (IN_FLIGHT_MAX + 10) == list(map(type, errors))


async def test_an_error_that_no_attempt_can_mend_is_told_at_once() -> None:
    """To all who wait; who comes later gets a new stream."""
    async with playing(Script(forbidding, good)) as client, client.coalescer() as holdfast:
        asks = (verb(uuid4()) for verb in (holdfast.commit, holdfast.release, holdfast.fulfill))
        errors = await asyncio.gather(*asks, return_exceptions=True)
        assert ["PERMISSION_DENIED: not you"] * 3 == list(map(str, errors))
        assert ACCEPTED == await holdfast.commit(uuid4())


async def test_the_patience_of_a_caller_ends() -> None:
    """A server that stays away is reported, and looked for again by the next caller."""
    script = Script(breaking)
    async with playing(script, timeout_s=0.05) as client, client.coalescer() as holdfast:
        for _ in range(2):
            with pytest.raises(Unavailable, match="the cable is out"):
                await holdfast.commit(uuid4())
        script.parts.append(good)
        assert ACCEPTED == await holdfast.commit(uuid4())


@pytest.mark.parametrize("part", [too_short, babbling])
async def test_an_answer_that_makes_no_sense_fails_those_who_wait_for_it(part: Part) -> None:
    """The coalescer lives on."""
    async with playing(Script(part, good)) as client, client.coalescer() as holdfast:
        asks = (holdfast.commit(uuid4()) for _ in range(3))
        errors = await asyncio.gather(*asks, return_exceptions=True)
        assert [HoldfastError] * 3 == list(map(type, errors))
        assert "INTERNAL: the coalescer failed" in str(errors[0])
        assert ACCEPTED == await holdfast.commit(uuid4())


async def test_a_batch_that_cannot_be_spelt_fails_those_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A defect in the writing half is told like one in the reading half."""
    async with playing(Script(good)) as client, client.coalescer() as holdfast:
        with monkeypatch.context() as patched:
            patched.setitem(COLUMNS, "commit", ())
            with pytest.raises(HoldfastError, match="the coalescer failed: ValueError"):
                await holdfast.commit(uuid4())
        assert ACCEPTED == await holdfast.commit(uuid4())


# What it has from its client


async def test_the_correlation_id_of_the_client_goes_along() -> None:
    script = Script(good)
    async with playing(script, correlation_id="c1") as client, client.coalescer() as holdfast:
        assert ACCEPTED == await hold(holdfast, "Tea")
        assert 5 == await holdfast.available("Tea", WAREHOUSE)
    expected = ["ResolveStockLevels", "ReserveStream", "BatchGetAvailability"]
    assert [(method, "c1") for method in expected] == script.asked


async def test_an_operation_ends_with_the_timeout_of_the_client() -> None:
    """The server is alive, and says nothing. Those who come later have their own time."""
    script = Script(silent)
    async with playing(script, timeout_s=0.05) as client, client.coalescer() as holdfast:
        for _ in range(2):
            asks = [holdfast.commit(uuid4()) for _ in range(3)]
            errors = await asyncio.gather(*asks, return_exceptions=True)
            assert [DeadlineExceeded] * 3 == list(map(type, errors))
            assert "no answer within 0.05 s; it may have taken effect" in str(errors[0])
        assert 1 == script.streams
        assert not any(holdfast._pending.values())


async def test_a_lookup_ends_with_the_timeout_of_the_client() -> None:
    script = Script(good)
    script.unary = asyncio.Event().wait  # type: ignore[assignment]
    async with playing(script, timeout_s=0.05) as client, client.coalescer() as holdfast:
        with pytest.raises(DeadlineExceeded):
            await hold(holdfast, "Tea")


async def test_answered_operations_leave_nothing_behind() -> None:
    """At full speed, what is kept until its deadline is millions."""
    async with playing(Script(good)) as client, client.coalescer() as holdfast:
        for _ in range(10):
            await asyncio.gather(*(holdfast.commit(uuid4()) for _ in range(100)))
        assert not holdfast._deadlines._waiting


async def test_a_client_that_tries_once_has_a_coalescer_that_tries_once() -> None:
    script = Script(breaking, good)
    async with playing(script, retries=None) as client, client.coalescer() as holdfast:
        with pytest.raises(Unavailable, match="the cable is out"):
            await holdfast.commit(uuid4())
        assert ACCEPTED == await holdfast.commit(uuid4())
        assert 1 == client.statistics().errors


async def test_mending_is_paid_from_the_budget_of_the_client() -> None:
    script = Script(*[breaking] * 3, good)
    retries = Retries(base_s=0.0, tokens_max=2)
    async with playing(script, retries=retries) as client, client.coalescer() as holdfast:
        with pytest.raises(Unavailable, match=r"the cable is out \(after 3 attempts\)"):
            await holdfast.commit(uuid4())
        assert 2 == client.statistics().retries


# Handles that have gone stale


async def test_a_reserve_with_a_stale_handle_finds_the_new_one() -> None:
    """The SKU ended, and was created again under its name."""
    script = Script(ended_sku)
    async with playing(script) as client, client.coalescer() as holdfast:
        assert 7 == await holdfast._levels.handle("Tea", WAREHOUSE)
        script.handles["Tea"] = 8
        assert ACCEPTED == await hold(holdfast, "Tea")
        assert 8 == await holdfast._levels.handle("Tea", WAREHOUSE)
        assert [("reserve", 1)] * 2 == script.batches


@pytest.mark.parametrize("now", [0, 8])
async def test_a_read_with_a_stale_handle_does_not_answer_for_another_sku(now: int) -> None:
    """A handle whose SKU has ended reads as nothing at all."""
    script = Script(good)
    async with playing(script) as client, client.coalescer() as holdfast:
        assert 5 == await holdfast.available("Tea", WAREHOUSE)
        script.handles["Tea"] = now
        if now:
            assert 5 == await holdfast.available("Tea", WAREHOUSE)
        else:
            with pytest.raises(NotFound, match="no stock level of 'Tea'"):
                await holdfast.available("Tea", WAREHOUSE)


async def test_a_level_that_is_sold_out_has_nothing() -> None:
    """Nothing at all is what a good handle may read as, too."""
    script = Script(good)
    script.on_hand = 0
    async with playing(script) as client, client.coalescer() as holdfast:
        assert 0 == await holdfast.available("Tea", WAREHOUSE)


@pytest.mark.parametrize("wrong", ["r1", 7, None, b"1" * 16])
async def test_an_id_that_is_no_uuid_is_named(wrong: Any) -> None:
    async with playing(Script(good)) as client, client.coalescer() as holdfast:
        asks = (
            holdfast.reserve(wrong, "Tea", WAREHOUSE, 1, hold_ms=HOLD_MS),
            *(verb(wrong) for verb in (holdfast.commit, holdfast.fulfill, holdfast.release)),
        )
        for ask in asks:
            with pytest.raises(TypeError, match=r"^reservation_id is .*: expected a UUID"):
                await ask


@pytest.mark.parametrize("wrong", [1.0, True, "1", None])
async def test_a_number_that_is_no_integer_is_named(wrong: Any) -> None:
    async with playing(Script(good)) as client, client.coalescer() as holdfast:
        with pytest.raises(TypeError, match=r"^quantity is .*: expected an integer"):
            await hold(holdfast, "Tea", wrong)
        with pytest.raises(TypeError, match=r"^hold_ms is .*: expected an integer"):
            await holdfast.reserve(uuid4(), "Tea", WAREHOUSE, 1, hold_ms=wrong)


# Closing


async def waiting_callers(holdfast: Coalescer, script: Script) -> list[asyncio.Task[int]]:
    """Callers in every stage: in a batch, behind it, and in a lookup that nobody answers."""
    tasks = [asyncio.create_task(holdfast.commit(uuid4()))]
    await script.arrived.wait()
    script.arrived.clear()
    script.unary = asyncio.Event().wait  # type: ignore[assignment]
    tasks.append(asyncio.create_task(holdfast.available("Tea", WAREHOUSE)))
    await script.arrived.wait()
    tasks += [asyncio.create_task(holdfast.release(uuid4())) for _ in range(5)]
    tasks.append(asyncio.create_task(hold(holdfast, "Mug")))
    await asyncio.sleep(0)
    return tasks


async def test_who_waits_when_it_is_closed_is_told() -> None:
    """Nobody hangs, and an answer that never came is not taken for a no."""
    script = Script(silent)
    async with playing(script) as client:
        async with client.coalescer() as holdfast:
            tasks = await waiting_callers(holdfast, script)
        errors = await asyncio.gather(*tasks, return_exceptions=True)
        assert [Closed] * len(tasks) == list(map(type, errors))
        assert "the coalescer was closed" in str(errors[0])
        for ask in (holdfast.commit(uuid4()), holdfast.available("Pot", WAREHOUSE)):
            with pytest.raises(Closed, match="the coalescer is closed; nothing was sent"):
                await ask


async def test_who_waits_when_the_client_is_closed_is_told() -> None:
    """Also when somebody closes the client under the coalescer."""
    script = Script(silent)
    async with playing(script) as client, client.coalescer() as holdfast:
        tasks = await waiting_callers(holdfast, script)
        await client.close()
        errors = await asyncio.gather(*tasks, return_exceptions=True)
        assert [Closed] * len(tasks) == list(map(type, errors))
        asks = (hold(holdfast, "Tea"), holdfast.commit(uuid4()), holdfast.available("Pot", "W1"))
        for ask in asks:
            with pytest.raises(Closed, match="the client is closed; nothing was sent"):
                await ask
        with pytest.raises(Closed):
            await client.coalescer().__aenter__()


async def test_it_can_be_closed_before_its_first_step() -> None:
    """No task of it has run yet, and a caller waits already."""
    async with playing(Script(good)) as client:
        async with client.coalescer() as holdfast:
            asked = holdfast._ask("commit", 0, 1)
        with pytest.raises(Closed, match="was closed"):
            await asked
