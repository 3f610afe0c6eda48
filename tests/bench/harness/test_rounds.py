"""Rounds treat all kinds of load alike."""

from collections.abc import Sequence

import pytest

from bench.harness.load import Call, Load
from bench.harness.rounds import Kind, one_round


class Server:
    """Stands for a process that uses 10 ms of the processor between two looks."""

    def __init__(self) -> None:
        self.looks = 0

    def cpu_seconds(self) -> float:
        self.looks += 1
        return self.looks / 100

    def own_cpu_seconds(self) -> float:
        return self.looks / 200


class Drive:
    """Answers at once, as if in half a second, and remembers who was driven."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def __call__(self, call: Call, requests: Sequence[bytes]) -> Load:
        self.calls.append(call)
        return Load(0.5, [0.001] * len(requests), list(requests), client_cpu_s=0.02)


async def first(request: bytes) -> bytes:
    return request


async def second(request: bytes) -> bytes:
    return request


def kind(call: Call, check: object = lambda _answers: None) -> Kind:
    return Kind(Server(), call, lambda count: [b"x"] * count, check)  # type: ignore[arg-type]


async def test_kinds_take_turns_forwards_and_backwards() -> None:
    drive = Drive()
    await one_round({"first": kind(first), "second": kind(second)}, 40, drive)
    assert [first, second, second, first, first, second, second, first] == drive.calls


async def test_a_round_sums_its_stretches() -> None:
    result = (await one_round({"only": kind(first)}, 40, Drive()))["only"]
    assert 40 / 2.0 == result.rate
    assert [0.001] * 40 == result.latencies_s
    assert 4 * 10_000 / 40 == pytest.approx(result.server_us)
    assert 4 * 5_000 / 40 == pytest.approx(result.own_us)
    assert 4 * 20_000 / 40 == pytest.approx(result.client_us)


async def test_answers_that_are_not_what_a_kind_is_about_spoil_the_round() -> None:
    def check(answers: Sequence[bytes]) -> None:
        raise LookupError(f"{len(answers)} wrong answers")

    with pytest.raises(LookupError, match="10 wrong answers"):
        await one_round({"only": kind(first, check)}, 40, Drive())
