"""The coalescer when its stream breaks, makes no sense or is closed: each caller is told, once.

A caller who is forgotten hangs the test, and that is the failure.
"""

import asyncio
from uuid import uuid4

import pytest

from holdfast.edge.client import (
    Closed,
    HoldfastError,
    Unavailable,
)
from holdfast.edge.client.coalescing import IN_FLIGHT_MAX, Coalescer
from holdfast.edge.client.operations import COLUMNS
from tests.edge.client.stream_script import (
    ACCEPTED,
    REPEATED,
    Part,
    Script,
    babbling,
    breaking,
    breaking_at_once,
    ending,
    forbidding,
    good,
    hold,
    mistaken,
    playing,
    repeating,
    silent,
    too_short,
)
from tests.edge.raw import WAREHOUSE


@pytest.mark.parametrize("part", [breaking, breaking_at_once, ending])
@pytest.mark.parametrize("times", [1, 3])
async def test_a_lone_caller_is_answered_though_the_stream_breaks(part: Part, times: int) -> None:
    """The coalescer does not wait for a second caller to wake it up."""
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
    """The longest queue may be one of cancelled callers."""
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


async def test_an_error_that_no_attempt_can_mend_is_raised_at_once() -> None:
    """To all who wait; whoever comes later gets a new stream."""
    async with playing(Script(forbidding, good)) as client, client.coalescer() as holdfast:
        asks = (verb(uuid4()) for verb in (holdfast.commit, holdfast.release, holdfast.fulfill))
        errors = await asyncio.gather(*asks, return_exceptions=True)
        assert ["PERMISSION_DENIED: not you"] * 3 == list(map(str, errors))
        assert ACCEPTED == await holdfast.commit(uuid4())


async def test_the_patience_of_a_caller_ends() -> None:
    """A server that stays away is reported, and looked for again by the next caller."""
    script = Script(breaking)
    async with playing(script, timeout_s=0.5) as client, client.coalescer() as holdfast:
        for _ in range(2):
            with pytest.raises(Unavailable, match="the cable is out"):
                await holdfast.commit(uuid4())
        script.parts.append(good)
        assert ACCEPTED == await holdfast.commit(uuid4())


@pytest.mark.parametrize("part", [too_short, babbling, mistaken])
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
    """A defect in the writing half is reported like one in the reading half."""
    async with playing(Script(good)) as client, client.coalescer() as holdfast:
        with monkeypatch.context() as patched:
            patched.setitem(COLUMNS, "commit", ())
            with pytest.raises(HoldfastError, match="the coalescer failed: ValueError"):
                await holdfast.commit(uuid4())
        assert ACCEPTED == await holdfast.commit(uuid4())


# Closing


async def waiting_callers(holdfast: Coalescer, script: Script) -> list[asyncio.Task[int]]:
    """Callers in every stage: in a batch, after it, and in a lookup that nobody answers."""
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


async def test_who_waits_when_it_is_closed_gets_an_error() -> None:
    """Each waiter gets an error, and an answer that did not come is not taken for a no."""
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


async def test_who_waits_when_the_client_is_closed_gets_an_error() -> None:
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
