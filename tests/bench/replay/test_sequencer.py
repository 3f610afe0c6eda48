"""Steps that share a stock level follow each other, and others do not wait."""

import asyncio
from collections.abc import Callable

import pytest

from bench.replay.sequencer import WINDOW, run_in_order


class CutOffError(Exception):
    """What a test stops a replay with."""


class Recorder:
    """Takes steps one callback at a time, and writes down when each began and let go."""

    def __init__(self) -> None:
        self.log: list[tuple[str, int]] = []
        self.running = self.running_max = 0

    async def take(self, index: int, let_go: Callable[[], None]) -> None:
        self.running += 1
        self.running_max = max(self.running_max, self.running)
        self.log.append(("begin", index))
        # The longer the earlier the step: without waiting, later ones would overtake.
        for _ in range(20 - index % 20):
            await asyncio.sleep(0)
        self.log.append(("let go", index))
        let_go()
        await asyncio.sleep(0)
        self.running -= 1


async def test_steps_of_a_level_follow_each_other_and_others_do_not() -> None:
    levels = [frozenset({(f"S{index % 3}", "W"), (f"S{index % 4}", "V")}) for index in range(40)]
    recorder = Recorder()

    await run_in_order(levels, recorder.take, callers=8)

    at = {what: number for number, what in enumerate(recorder.log)}
    for later in range(40):
        for earlier in range(later):
            if levels[later] & levels[earlier]:
                assert at["let go", earlier] < at["begin", later], (earlier, later)
    assert 1 < recorder.running_max <= 8


async def test_no_step_begins_far_ahead_of_the_oldest() -> None:
    count = WINDOW + 10
    is_stuck = asyncio.get_running_loop().create_future()
    begun: list[int] = []

    async def take(index: int, _let_go: Callable[[], None]) -> None:
        begun.append(index)
        if index == 0:
            await is_stuck

    levels = [frozenset({(str(index), "W")}) for index in range(count)]
    running = asyncio.create_task(run_in_order(levels, take, callers=4))
    for _ in range(10 * count):
        await asyncio.sleep(0)

    assert WINDOW == len(begun)
    is_stuck.set_result(None)
    await running
    assert list(range(count)) == sorted(begun)


async def test_the_first_error_ends_it_all() -> None:
    async def take(index: int, _let_go: Callable[[], None]) -> None:
        if index == 3:
            raise CutOffError

    with pytest.raises(CutOffError):
        await run_in_order([frozenset({("S", "W")})] * 9, take, callers=4)
