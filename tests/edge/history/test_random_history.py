"""Random operations of many callers, a node that is killed again and again, and one order of all
operations that explains every answer.

Callers send all kinds of requests: single ones, columns, linked groups and streams; holds are short
and end all the time; a caller who gets no answer asks again with the same ids, or gives up. The
judgement is described in tests/edge/history/checker.py; here it is shown to find what is made up.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.core.commands import GetAvailability, RecordStockEvents, Reserve
from holdfast.core.limits import RETENTION_NS
from holdfast.persistence.verify import verify
from tests.edge.history.asked_operations import Attempt, Operation
from tests.edge.history.checker import Checker, ViolationError
from tests.edge.history.front_killer import FrontKiller
from tests.edge.history.journal_turns import Turn, read_turns
from tests.edge.history.requests import PUT_PLACES
from tests.edge.history.traffic import Disturber, Killer, Traffic, run_traffic
from tests.edge.node_process import NodeProcess, running_node
from tests.model import Model

CALLERS = 16

#: A machine under load takes its time to start a node again and again.
pytestmark = pytest.mark.timeout(600)


@dataclass(slots=True)
class History:
    """What callers were told, and what the journal says."""

    operations: list[Operation]
    turns: list[Turn]

    def check(self) -> Checker:
        """Raises ViolationError."""
        model = Model(window_ns=RETENTION_NS)
        for place in PUT_PLACES:
            model.execute(place, 0)
        checker = Checker(model, self.operations, self.turns)
        checker.check()
        return checker

    def answered(self, kind: type, is_right: Callable[[Attempt], bool]) -> list[Attempt]:
        """Answers to commands of this kind, in the order in which they came."""
        found = (
            attempt
            for operation in self.operations
            for attempt in operation.attempts
            if isinstance(operation.commands[0], kind) and attempt.answered_at is not None
        )
        return sorted(filter(is_right, found), key=lambda each: each.answered_at or 0)


def record(
    folder: Path,
    operations: int,
    kills: int,
    seed: int,
    killer: Callable[[NodeProcess, Traffic, int, int], Disturber] = Killer,
    **settings: object,
) -> History:
    """Let callers work and the node be killed, or what else the killer kills, and see that its
    directory is sound.
    """
    with running_node(folder, snapshot_every_mib=1, **settings) as node:
        traffic, disturber = asyncio.run(
            run_traffic(node, CALLERS, operations, seed, lambda at, of: killer(at, of, kills, seed))
        )
        assert [] == node.complaints()
        node.kill()
    turns = read_turns(node.data_dir)
    report = verify(node.data_dir)
    assert report.is_good, report.findings
    assert len(turns) == report.appends
    assert kills <= disturber.kills
    assert traffic.unanswered, "no call was hit"
    return History(traffic.operations, turns)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> History:
    """A short history."""
    return record(tmp_path_factory.mktemp("node"), 2_000, 2, seed=11)


@pytest.fixture
def history(recorded: History) -> History:
    """A deep copy, to be checked or spoilt."""
    return deepcopy(recorded)


def test_one_order_explains_all_answers_of_a_node_that_is_killed(history: History) -> None:
    """Those that were given; a call without an answer took effect at most once."""
    history.check()


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_one_order_explains_the_answers_to_200_000_operations(tmp_path: Path) -> None:
    """The same, longer: snapshots are written and history is archived meanwhile."""
    history = record(tmp_path, 200_000, 22, seed=5)
    assert any((tmp_path / "data" / "archive").iterdir()), "nothing was trimmed"
    history.check()


@pytest.mark.parametrize(
    ("operations", "kills"),
    [(1_000, 3), pytest.param(100_000, 60, marks=(pytest.mark.slow, pytest.mark.timeout(3_600)))],
)
def test_one_order_explains_all_answers_while_fronts_are_killed(
    tmp_path: Path, operations: int, kills: int
) -> None:
    """What a front had passed on and not answered is there once, or not at all."""
    record(tmp_path, operations, kills, 17, FrontKiller, fronts=2).check()


def turns_with(history: History, kind: str) -> Iterator[tuple[Turn, list[tuple[str, str]]]]:
    """Turns that have effects of a kind in shard 1, and those effects."""
    for turn in history.turns[5:]:
        if units := turn.queues.get((1, kind)):
            yield turn, units


def changed_answer(history: History) -> None:
    """One unit more on hand than there was."""
    attempt = history.answered(GetAvailability, bool)[4]
    place, (on_hand, *others) = next(iter(attempt.answer.items()))
    attempt.answer = {**attempt.answer, place: (on_hand + 1, *others)}


def accepted_refusal(history: History) -> None:
    """A reserve of a batch that was short is told that it is held."""
    short = history.answered(Reserve, lambda each: each.answer == [3])
    short[4].answer = [1]


def dropped_write(history: History) -> None:
    """An acknowledged fact is missing from the journal."""
    acknowledged = {
        unit
        for operation in history.operations
        if operation.attempts[0].answer is not None and len(operation.units) == 1
        for unit in operation.units
    }
    for _, units in turns_with(history, "stock"):
        for unit in units:
            if unit in acknowledged:
                units.remove(unit)
                return


def lost_tail(history: History) -> None:
    """The last appends are gone, as after answers that were sent before their append."""
    (shard, sequence, _), *_ = history.answered(RecordStockEvents, bool)[-1].revisions
    lost = next(i for i, t in enumerate(history.turns) if t.sequences.get(shard) == sequence)
    del history.turns[lost:]


def swapped_writes(history: History) -> None:
    """The facts of two turns have changed places."""
    (_, one), (_, other), *_ = turns_with(history, "stock")
    one[:], other[:] = other[:], one[:]


def stale_read(history: History) -> None:
    """A read is answered as an earlier read was."""
    reads = history.answered(GetAvailability, bool)
    reads[-1].answer, reads[-1].revisions = reads[0].answer, reads[0].revisions


def early_read(history: History) -> None:
    """A read is answered as the last one was, with revisions of its own."""
    *reads, last = history.answered(GetAvailability, bool)
    early, place = max(
        ((each, place) for each in reads for place in each.answer),
        key=lambda found: abs(found[0].answer[found[1]][0] - last.answer[found[1]][0]),
    )
    early.answer = early.answer | {place: last.answer[place]}


def repeat_in_two_turns(history: History) -> None:
    """A fact is applied again in a later turn."""
    (_, one), (_, other), *_ = turns_with(history, "stock")
    other.append(one[0])


def repeat_in_one_turn(history: History) -> None:
    """A fact is applied twice in a turn."""
    _, units = next(turns_with(history, "stock"))
    units.append(units[0])


def made_up_effect(history: History) -> None:
    """A reservation that nobody asked for."""
    _, units = next(turns_with(history, "reserve"))
    units.append(("reserve", "made up"))


def made_up_move(history: History) -> None:
    """A unit of a reservation is cancelled, and nobody asked for it."""
    turn, _ = next(turns_with(history, "reserve"))
    name, sku, place, _ = next(each for each in turn.units if each[3] == "HELD")
    turn.units.update({(name, sku, place, "HELD"): -1, (name, sku, place, "CANCELLED"): 1})


def endless_hold(history: History) -> None:
    """A hold does not end when it is due."""
    next(turn for turn in history.turns if turn.expired).expired.popitem()


def late_effect(history: History) -> None:
    """What had been answered before a call was sent is said to come after it."""
    facts = history.answered(RecordStockEvents, bool)
    facts[-1].asked_at, facts[-1].answered_at = -2.0, -1.0


UNEXPLAINED = "no order explains"

#: How a history is spoilt, and what has to be found.
SPOILT: Mapping[Callable[[History], None], str] = {
    changed_answer: UNEXPLAINED,
    accepted_refusal: UNEXPLAINED,
    dropped_write: UNEXPLAINED,
    lost_tail: "a revision that the journal lacks",
    swapped_writes: f"{UNEXPLAINED}|an effect of the past|an effect in two turns",
    stale_read: "an answer of the past",
    early_read: UNEXPLAINED,
    repeat_in_two_turns: "an effect in two turns",
    repeat_in_one_turn: "an effect that happened twice",
    made_up_effect: "an effect that nobody asked for",
    made_up_move: "other units",
    endless_hold: "holds were due and did not end",
    late_effect: "an answer of the past",
}


@pytest.mark.parametrize(
    ("spoil", "found"), SPOILT.items(), ids=[spoil.__name__ for spoil in SPOILT]
)
def test_a_history_that_no_node_may_have_is_found(
    history: History, spoil: Callable[[History], None], found: str
) -> None:
    """Each of them is what some fault of a node would lead to."""
    spoil(history)
    with pytest.raises(ViolationError, match=found):
        history.check()
