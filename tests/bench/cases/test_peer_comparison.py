"""A peer that fails costs its own figures and no others."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from bench.cases import peer_comparison
from bench.cases.peer_comparison import run
from bench.harness.plan import BenchError, Plan
from bench.peers import tigerbeetle
from bench.peers.peer import Demand, MissingError, Peer

ROUNDS = 2


class StubPeer:
    """Answers everything at once, until it is out of answers; or does not start, with an error."""

    def __init__(self, answers: int = 1_000_000, error: Exception | None = None) -> None:
        self.answers = answers
        self.error = error

    async def call(self, _request: bytes) -> bytes:
        if not self.answers:
            raise ConnectionResetError("the peer is gone")
        self.answers -= 1
        return b""

    async def start(self, _folder: Path) -> AsyncIterator[Peer]:
        if self.error is not None:
            raise self.error
        yield Peer(lambda _demand: self.call, messages, no_check)


def messages(demand: Demand) -> list[bytes]:
    return [b""] * demand.messages


def no_check(_demand: Demand, _answers: Sequence[bytes]) -> None:
    """Any answer will do."""


BROKEN = StubPeer(error=BenchError("no database"))
MISSING = StubPeer(error=MissingError("not installed"))


async def compare(
    monkeypatch: pytest.MonkeyPatch, folder: Path, **makers: object
) -> tuple[set[str], Plan]:
    """The peers that have figures, and the plan that knows of the others."""
    monkeypatch.setattr(peer_comparison, "MAKERS", makers)
    plan = Plan(folder, ROUNDS, is_quick=True)
    figures = await run(plan)
    assert {ROUNDS} == {len(each.samples) for each in figures}
    return {each.key.removeprefix("peers.").partition("_")[0] for each in figures}, plan


@pytest.fixture(autouse=True)
def no_tigerbeetle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(tigerbeetle.VARIABLE, raising=False)


async def test_a_peer_that_does_not_start_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, plan = await compare(
        monkeypatch,
        tmp_path,
        holdfast=StubPeer().start,
        redis=StubPeer().start,
        postgres=BROKEN.start,
    )

    assert {"holdfast", "redis"} == found
    assert {"peers, PostgreSQL": "BenchError: no database"} == plan.failures


async def test_a_peer_that_is_missing_is_left_out_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, plan = await compare(
        monkeypatch, tmp_path, holdfast=StubPeer().start, redis=MISSING.start
    )

    assert {"holdfast"} == found
    assert "not installed" == plan.left_out["Redis"]
    assert {} == plan.failures


@pytest.mark.parametrize("answers", [0, 100, 1_500])
async def test_a_peer_that_fails_in_a_round_costs_no_other_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: int
) -> None:
    found, plan = await compare(
        monkeypatch, tmp_path, holdfast=StubPeer().start, redis=StubPeer(answers).start
    )

    assert {"holdfast"} == found
    assert {"peers, Redis": "ConnectionResetError: the peer is gone"} == plan.failures


async def test_without_holdfast_the_others_have_no_ratio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, plan = await compare(
        monkeypatch, tmp_path, holdfast=BROKEN.start, redis=StubPeer().start
    )

    assert {"redis"} == found
    assert {"peers, Holdfast"} == set(plan.failures)


async def test_a_failing_tigerbeetle_costs_no_other_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(tigerbeetle.VARIABLE, "/bin/false")
    found, plan = await compare(monkeypatch, tmp_path, holdfast=StubPeer().start)

    assert {"holdfast"} == found
    assert "does not print its rate" in plan.failures["peers, TigerBeetle"]


async def test_tigerbeetle_is_measured_in_each_round_and_held_against_holdfast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tigerbeetle"
    program.write_text("#!/bin/sh\necho load accepted = 1,000 tx/s\n")
    program.chmod(0o755)
    monkeypatch.setenv(tigerbeetle.VARIABLE, str(program))
    found, plan = await compare(monkeypatch, tmp_path, holdfast=StubPeer().start)

    assert {"holdfast", "tigerbeetle"} == found
    assert {} == plan.failures


async def test_a_peer_of_single_calls_is_asked_for_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    async def singles(_folder: Path) -> AsyncIterator[Peer]:
        def build(demand: Demand) -> list[bytes]:
            asked.append(demand.size)
            return messages(demand)

        yield Peer(lambda _demand: StubPeer().call, build, no_check, size_max=1)

    found, _ = await compare(monkeypatch, tmp_path, holdfast=StubPeer().start, checkout=singles)

    assert {"holdfast", "checkout"} == found
    assert {1} == set(asked)
