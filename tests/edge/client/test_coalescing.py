"""The coalescer: many callers over one stream, each of whom surely gets his own answer, once.

First against a real node; then against a server that follows a script. Nothing here waits for a
time: a caller who is forgotten hangs the test, and that is the failure.
"""

import asyncio
import random
import re
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from holdfast.edge.client import (
    Client,
    DeadlineExceeded,
    HoldfastError,
    InvalidArgument,
    NotFound,
    Retries,
    Unavailable,
)
from holdfast.edge.client.operations import OPERATIONS_MAX
from holdfast.v1 import reservation_service_pb2 as reservation
from tests.edge.client.stream_script import (
    ACCEPTED,
    HOLD_MS,
    Script,
    breaking,
    ended_sku,
    good,
    hold,
    other_timeline,
    playing,
    silent,
)
from tests.edge.node_process import NodeProcess
from tests.edge.raw import WAREHOUSE, figures_of, put_stock, receipt

CALLERS: Final = 1_000


async def batches_of(node: NodeProcess) -> int:
    """How many batches the node has answered over streams."""
    async with httpx.AsyncClient() as browser:
        page = (await browser.get(node.url("/metrics"))).text
    labels = re.findall(r"^holdfast_calls_total\{(.*?)\} (\S+)", page, re.MULTILINE)
    return int(sum(float(count) for label, count in labels if '"ReserveStream"' in label))


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


async def test_a_bad_name_is_reported_to_who_gave_it_and_to_nobody_else(client: Client) -> None:
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
    """Unknown names are not remembered; when a SKU has ended, the next of its name is found."""
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


async def test_handles_of_another_timeline_are_found_anew() -> None:
    """After a restore behind the same address, those who name a SKU need not start again."""
    script = Script(other_timeline)
    async with playing(script) as client, client.coalescer() as holdfast:
        assert 7 == await holdfast._levels.handle("Tea", WAREHOUSE)
        script.handles["Tea"] = 8
        assert [ACCEPTED] * 20 == await asyncio.gather(
            *(hold(holdfast, name) for name in ["Tea", "Mug"] * 10)
        )
        script.handles["Tea"] = 7
        holdfast._levels.forget("Tea", WAREHOUSE, 8)
        assert 7 == await holdfast._levels.handle("Tea", WAREHOUSE)
        script.handles["Tea"] = 8
        assert 5 == await holdfast.available("Tea", WAREHOUSE)
        script.handles["Tea"] = 7  # as of two nodes behind one address: it does not try for ever
        holdfast._levels.forget("Tea", WAREHOUSE, 8)
        for asked in (hold(holdfast, "Tea"), holdfast.available("Tea", WAREHOUSE)):
            with pytest.raises(HoldfastError) as refused:
                await asked
            assert "OTHER_TIMELINE" == refused.value.reason


async def test_a_level_that_is_sold_out_has_nothing() -> None:
    """A good handle may read as nothing at all, too."""
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
