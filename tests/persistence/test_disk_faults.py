"""A disk that fails at any call: the node stops, starts again by itself, and loses no answer.

Each case is one story. A node lives on a directory, and one of the calls by which it, or the
process that writes its journal, changes files goes wrong. It may answer nothing that is not on the
disk. The next node finds all that was answered, and goes on. Then the power is lost, at any moment
since the fault: what the disk may hold then (power_loss.py) is opened, and must hold all that had
been answered by that moment, and go on as well.

A sample of the cases belongs to every test run; all of them are slow.
"""

import errno
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryDirectory

import pytest

from holdfast.persistence.recovery import RECOVERY_ERRORS
from tests.persistence.faulty_disk import (
    NO_FAULT,
    Call,
    Fault,
    FaultyDisk,
    How,
    Record,
    build_library,
)
from tests.persistence.faulty_lives import STOPPED, Lives, state_of
from tests.persistence.judging import verdicts
from tests.persistence.lives import close, life_of, read_back, reopen
from tests.persistence.power_loss import Disk, lay_out

#: Opens a journal, and says what it reads there when it is told to.
READ = """
import sys
from pathlib import Path
from holdfast.persistence.lmdb.store import LmdbJournal
journal = LmdbJournal(Path(sys.argv[1]), 1 << 40, 0, read_only=True)
print("open", flush=True)
sys.stdin.readline()
print(journal.position - len(list(journal.read(0))))
"""

PART_SIZES = (512, 4_096)
FAILURES = (How.SKIPPED, How.MADE, How.SHORT)
DEATHS = (How.KILLED_BEFORE, How.KILLED_AFTER)
KILLED = -9
FOR_EVER = 1 << 32


@dataclass(slots=True)
class Answers:
    """What had been answered by a moment, and which states may be found."""

    position: int = 0
    states: dict[int, set[str]] = field(default_factory=dict)
    last: str = ""

    def hear(self, note: str) -> None:
        match note.split(" "):
            case ["at", position, state]:
                self.last = state
                self.states.setdefault(int(position), set()).add(self.last)
            case ["answered", position]:
                self.position = int(position)
                self.states[self.position] = {self.last}

    def copy(self) -> "Answers":
        states = {position: set(states) for position, states in self.states.items()}
        return Answers(self.position, states)

    def judge(self, position: int, state: str) -> str:
        if position < self.position:
            return f"lost: {self.position} was answered, {position} is left"
        # Before the first life has read anything, there is what there was.
        is_known = state in self.states[position] if self.states else True
        return "good" if is_known else f"another state at {position}"


@dataclass(frozen=True, slots=True)
class Loss:
    """What a disk holds after a loss of power, and what had been answered."""

    files: dict[str, bytes | None]
    answers: Answers
    when: str

    def __str__(self) -> str:
        return self.when


@dataclass(frozen=True, slots=True)
class Story:
    """What a directory holds before, and what is being done with it when a call fails."""

    before: Path | None
    act: Callable[[Lives, Path], int]


class World:
    """A faulty disk, the lives on it, and a place to judge what is left."""

    def __init__(self, disk: FaultyDisk, lives: Lives, judged: Path) -> None:
        self.disk, self.lives, self.judged = disk, lives, judged
        self.path = disk.root / "data"

    def begin(self, story: Story) -> None:
        """Lay the directory out anew, and forget what was."""
        shutil.rmtree(self.path, ignore_errors=True)
        if story.before:
            shutil.copytree(story.before, self.path)
        self.disk.forget()

    def calls(self, story: Story) -> list[Record]:
        """The calls when all goes well."""
        self.begin(story)
        assert 0 == story.act(self.lives, self.path)
        calls = [record for record in self.disk.records() if record.call is not Call.NOTE]
        assert self.disk.calls == len(calls)
        return calls

    def tell(self, story: Story, fault: Fault, losses: int) -> Iterator[str]:
        """Let a story happen, and say what is wrong with it."""
        self.begin(story)
        disks = [Disk(self.disk.root, size) for size in PART_SIZES]
        self.disk.arm(fault)
        if story.act(self.lives, self.path) not in (STOPPED, KILLED):
            yield f"{fault}: it went on"
        failed = len(self.disk.records()) - 1
        self.disk.arm(NO_FAULT)
        if self.lives.live(self.path, seed=8, turns=2):
            yield f"{fault}: the next start failed: {self.disk.records()[-1].path}"
        rng = random.Random(str(fault))
        cases = list(losses_of(disks, self.disk.records(), failed, losses, rng))
        for loss, verdict in verdicts(self.judge, cases):
            if verdict != "good":
                yield f"{fault}: {loss}: {verdict}"

    def judge(self, loss: Loss) -> str:
        """Open what is left, and go on with it."""
        shutil.rmtree(self.judged, ignore_errors=True)
        self.judged.mkdir()
        lay_out(loss.files, self.judged)
        try:
            recovered = reopen(self.judged / "data")
        except RECOVERY_ERRORS as error:
            return f"refused: {error}"
        verdict = loss.answers.judge(recovered.journal.position, state_of(recovered.node))
        life_of(recovered, random.Random(1)).live(turns=1)
        close(recovered)
        again = reopen(self.judged / "data")
        close(again)
        return verdict if state_of(recovered.node) == state_of(again.node) else "different later"


def losses_of(
    disks: list[Disk], records: Sequence[Record], failed: int, count: int, rng: random.Random
) -> Iterator[Loss]:
    """What may be left at some moments, of which the first is that of the fault."""
    # Most is in doubt right before it is synced.
    weights = [5 if is_sync(record) else 1 for record in [*records[failed + 1 :], records[-1]]]
    moments = Counter(rng.choices(range(failed, len(records)), weights, k=count))
    answers = Answers()
    for i, record in enumerate(records):
        if record.call is Call.NOTE:
            answers.hear(record.path)
        for disk in disks:
            disk.apply(record)
        for _ in range(moments[i]):
            when = f"power lost after {i + 1} of {len(records)} calls"
            yield Loss(rng.choice(disks).after_loss(rng), answers.copy(), when)


def is_sync(record: Record) -> bool:
    return record.is_synced or record.call in {Call.SYNC, Call.SYNC_FOLDER}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    # In memory, where there is such a folder: power is lost by calculation, so nothing here has to
    # wait for a disk.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
    with TemporaryDirectory(dir=memory) as name:
        folder = Path(name)
        disk = FaultyDisk(build_library(folder), folder)
        with Lives(disk) as lives:
            yield World(disk, lives, folder / "judged")


@pytest.fixture(scope="module")
def stories(lived: Path) -> dict[str, Story]:
    return {
        "a writer": Story(lived, lambda lives, path: lives.live(path, seed=7, turns=2)),
        "a snapshot": Story(lived, lambda lives, path: lives.write_snapshot(path)),
        "a first start": Story(None, lambda lives, path: lives.live(path, seed=7, turns=1)),
    }


STORIES = ["a writer", "a snapshot", "a first start"]


def is_meta_page(call: Record) -> bool:
    """As LMDB writes it: synchronously, and without what stays the same."""
    return call.is_synced and len(call.data) == 120


def faults_of(calls: Sequence[Record]) -> Iterator[Fault]:
    """Every way in which one of the calls may go wrong, alone or with all that follow."""
    for first, call in enumerate(calls):
        is_among_others = 0 < first < len(calls) - 1 and first % 100
        if (
            is_among_others
            and is_alike(calls[first - 1], call)
            and is_alike(call, calls[first + 1])
        ):
            continue
        for how in FAILURES:
            if not is_overcome(call, how):
                yield Fault(first, how, errno.EIO)
                yield Fault(first, how, errno.ENOSPC, count=FOR_EVER)
        yield from (Fault(first, how) for how in DEATHS)


def is_overcome(call: Record, how: How) -> bool:
    """Whether Python does not mind: it goes on with a write that was short, and does not ask how a
    folder came to be. LMDB minds.
    """
    is_of_lmdb = call.path == "data/journal.mdb"
    return how is {Call.MKDIR: How.MADE}.get(call.call, How.SHORT) and not is_of_lmdb


def is_alike(one: Record, other: Record) -> bool:
    """A snapshot is written in some hundred small pieces."""
    return one.call is other.call is Call.WRITE and one.path == other.path != "data/journal.mdb"


def assert_right(world: World, story: Story, faults: Iterable[Fault], losses: int) -> None:
    wrong = [line for fault in faults for line in world.tell(story, fault, losses)]
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.parametrize("name", STORIES)
def test_a_call_that_fails_stops_the_node_and_costs_no_answer(
    world: World, stories: dict[str, Story], name: str
) -> None:
    """A sample of the calls and of the ways in which they fail."""
    faults = list(faults_of(world.calls(stories[name])))
    assert_right(world, stories[name], random.Random(2).sample(faults, k=5), losses=2)


@pytest.mark.parametrize("losses", [1, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.timeout(1_800)
def test_a_meta_page_that_cannot_be_written_costs_no_answer(
    world: World, stories: dict[str, Story], losses: int
) -> None:
    """LMDB puts the old number back beside the new trees then, or tries to. The next start must not
    refuse that page, and must not write over what the disk may have of it.
    """
    story = stories["a writer"]
    calls = world.calls(story)
    first = next(i for i, call in enumerate(calls) if is_meta_page(call))
    faults = [fault for fault in faults_of(calls) if fault.first == first]
    assert {(how, count) for how in FAILURES for count in (1, FOR_EVER)} <= {
        (fault.how, fault.count) for fault in faults
    }
    assert_right(world, story, faults, losses)


def test_a_reader_that_outlives_its_node_does_not_hold_the_next_one_back(
    world: World, lived: Path
) -> None:
    """A snapshot that is being written is one. LMDB's lock file lives as long as it does, with the
    number that the dead writer had come to; the next one must not go on from there.
    """
    readers = []

    def act(lives: Lives, path: Path) -> int:
        command = [sys.executable, "-c", READ, str(path / "journal.mdb")]
        readers.append(subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True))
        assert readers[-1].stdout
        assert "open\n" == readers[-1].stdout.readline()
        return lives.live(path, seed=7, turns=2)

    story = Story(lived, act)
    calls = world.calls(story)
    first = next(i for i, call in enumerate(calls) if is_meta_page(call))
    faults = [fault for fault in faults_of(calls) if fault.first == first]
    assert_right(world, story, faults, losses=2)
    for reader in readers:
        assert "0\n" == reader.communicate("\n")[0]


@pytest.mark.slow
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("name", STORIES)
def test_no_call_that_fails_costs_an_answer(
    world: World, stories: dict[str, Story], name: str
) -> None:
    """Each of them, in each way, with many losses of power after it."""
    faults = faults_of(world.calls(stories[name]))
    assert_right(world, stories[name], faults, losses=8)


# The judge itself


def test_a_lost_answer_would_be_seen(world: World, lived: Path) -> None:
    """As would another state, and a directory that does not open."""
    files: dict[str, bytes | None] = {"data": None, "data/snapshots": None}
    for file in ("journal.mdb", "node.json"):
        files[f"data/{file}"] = (lived / file).read_bytes()
    node, position = read_back(lived)[1].node, read_back(lived)[1].position
    good = Answers(position, {position: {state_of(node)}})
    assert "good" == world.judge(Loss(files, good, ""))

    more = Answers(position + 1, {position + 1: {state_of(node)}})
    assert world.judge(Loss(files, more, "")).startswith(f"lost: {position + 1} was answered")
    other = Answers(position, {position: {"other"}})
    assert f"another state at {position}" == world.judge(Loss(files, other, ""))
    del files["data/journal.mdb"]
    assert world.judge(Loss(files, good, "")).startswith("refused: ")
