"""A damaged journal: recovery comes to everything that was acknowledged, or stops and says where.

Each case runs in a child process, whose death is a failure, as is less than was acknowledged. A
state that was recovered must also be able to go on: now and then one lives for another turn, and is
recovered once more. The sampled run belongs to every test run; the long one is slow.
"""

import os
import random
import re
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.core.model import State
from holdfast.core.node import Node
from holdfast.persistence.lmdb.pages import check_pages
from holdfast.persistence.recovery import RECOVERY_ERRORS
from tests.persistence.judging import verdicts
from tests.persistence.lives import close, digests, flip, life_of, live_on, reopen, snapshot_of

PAGE = 4_096
META_BITS = [8 * page + bit for page in (0, PAGE) for bit in range(8 * 152)]

#: An expected error names the file, and the place in it or the append.
NAMES_THE_PLACE = re.compile(r"journal\.mdb: .*\b(byte|position) \d+").search


@dataclass(frozen=True, slots=True)
class Damage:
    """One way in which a file can go wrong."""

    kind: str
    at: int
    source: int = 0

    def apply(self, data: bytes) -> bytes:
        match self.kind:
            case "flip":
                return flip(data, self.at)
            case "cut":
                return data[: self.at]
            case "zero":
                return data[: self.at] + bytes(PAGE) + data[self.at + PAGE :]
            case "copy":
                page = data[self.source : self.source + PAGE]
                return data[: self.at] + page + data[self.at + PAGE :]
            case "grow":
                return data + b"\xff" * self.at
        raise AssertionError(self.kind)


@dataclass(frozen=True, slots=True)
class Sample:
    """A directory, its journal's bytes, and what was acknowledged."""

    path: Path
    data: bytes
    position: int
    digests: list[tuple[int, int]]

    def judge(self, damage: Damage) -> str:
        """Recover from a damaged journal: `named`, `same`, or what is wrong."""
        (self.path / "journal.mdb").write_bytes(damage.apply(self.data))
        try:
            recovered = reopen(self.path)
        except RECOVERY_ERRORS as error:
            return "named" if NAMES_THE_PLACE(str(error)) else f"does not name the place: {error}"
        if (self.position, self.digests) != (recovered.journal.position, digests(recovered.node)):
            close(recovered)
            return f"silently different at position {recovered.journal.position}"
        if damage.at % 4:
            close(recovered)
            return "same"
        life_of(recovered, random.Random(1)).live(turns=1, seal_every=1)
        close(recovered)
        again = reopen(self.path)
        close(again)
        return "same" if digests(recovered.node) == digests(again.node) else "different later"


def make_sample(path: Path, turns: int, *, with_snapshot: bool = False) -> Sample:
    """A directory of two lives, with a snapshot between them if wanted."""
    live_on(path, turns=turns // 2, seed=1)
    if with_snapshot:
        snapshot_of(path)
    live_on(path, turns=turns - turns // 2, seed=2)
    recovered = reopen(path)
    close(recovered)
    data = (path / "journal.mdb").read_bytes()
    return Sample(path, data, recovered.journal.position, digests(recovered.node))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return make_sample(tmp_path_factory.mktemp("sample") / "data", turns=70)


@pytest.fixture(scope="module")
def sample_with_snapshot(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return make_sample(tmp_path_factory.mktemp("sample") / "data", turns=70, with_snapshot=True)


def assert_survived(sample: Sample, damages: Sequence[Damage]) -> Counter[str]:
    """Return how many ended in which good way."""
    results = list(verdicts(sample.judge, damages))
    assert len(damages) == len(results)
    bad = [f"{damage}: {verdict}" for damage, verdict in results if verdict not in GOOD]
    assert not bad, "\n".join(bad[:20])
    return Counter(verdict for _, verdict in results)


GOOD = {"named", "same"}


def cuts(data: bytes, rng: random.Random, count: int) -> list[Damage]:
    """Every end of a page and the bytes about it, and others."""
    edges = {page + near for page in range(0, len(data), PAGE) for near in (-1, 0, 1)}
    sizes = edges | set(rng.sample(range(len(data)), count))
    return [Damage("cut", size) for size in sorted(sizes) if 0 <= size < len(data)]


def page_faults(data: bytes, rng: random.Random) -> list[Damage]:
    """Pages lost, or written over with another."""
    pages = range(0, len(data), PAGE)
    return [Damage("zero", page) for page in pages] + [
        Damage("copy", page, rng.choice([other for other in pages if other != page]))
        for page in pages
    ]


def flips(data: bytes, rng: random.Random, count: int) -> list[Damage]:
    return [Damage("flip", bit) for bit in rng.sample(range(8 * len(data)), count)]


def test_the_sample_holds_what_can_be_damaged(sample: Sample) -> None:
    """Or the tests below would prove little."""
    (sample.path / "journal.mdb").write_bytes(sample.data)
    recovered = reopen(sample.path)
    close(recovered)
    shards = recovered.node.shards
    pages = check_pages(sample.path / "journal.mdb", consecutive_keys=True).meta_pages[0]
    assert recovered.node.now_ns > 0
    assert all(len(shard.lines) > 10 for shard in shards)
    assert any((shard.reservations["next_part"] >= 0).any() for shard in shards)
    assert any((shard.lines["state"] == State.EXPIRED).any() for shard in shards)
    assert any(len(shard.requests.current.records) for shard in shards)
    assert any(len(shard.splits) for shard in shards)
    assert any(shard.skus.removed.used.any() for shard in shards)
    assert 60 <= sample.position <= 100
    assert 2 == pages.get("main_depth")
    assert pages.get("main_branch_pages") > 0 < pages.get("main_overflow_pages")
    assert pages.get("free_entries") > 0 < pages.get("free_leaf_pages")


def test_the_undamaged_journal_comes_back(sample: Sample) -> None:
    """And whatever stands past its end."""
    assert Counter(same=3) == assert_survived(sample, [Damage("grow", n) for n in (0, 1, 8_192)])


def test_a_cut_journal_is_recovered_or_refused(sample: Sample) -> None:
    """At any byte: all but the very last free pages are missed."""
    damages = cuts(sample.data, random.Random(1), count=100)
    assert assert_survived(sample, damages)["named"] > len(damages) // 2


def test_a_flipped_bit_is_found_or_harmless(sample: Sample) -> None:
    """Anywhere in the file."""
    assert_survived(sample, flips(sample.data, random.Random(1), count=80))


def test_a_flipped_bit_in_the_meta_pages_is_found_or_harmless(sample: Sample) -> None:
    """Where one bit can take LMDB back to the append before."""
    assert_survived(sample, [Damage("flip", bit) for bit in random.Random(1).sample(META_BITS, 50)])


def test_a_lost_page_is_found_or_harmless(sample: Sample) -> None:
    """Zeroed, or written over with another."""
    assert_survived(sample, page_faults(sample.data, random.Random(1)))


def test_damage_before_a_snapshot_is_found_or_harmless(sample_with_snapshot: Sample) -> None:
    """Where recovery reads only the end of the journal."""
    damages = [
        *flips(sample_with_snapshot.data, random.Random(2), count=40),
        *cuts(sample_with_snapshot.data, random.Random(2), count=0),
    ]
    assert assert_survived(sample_with_snapshot, damages)["same"] > 10


def test_a_crash_would_be_seen(sample: Sample) -> None:
    """The judge itself: a signal, an exit, a bare exception and a wrong state are all failures."""
    ends: dict[int, Callable[[], object]] = {
        0: lambda: os.kill(os.getpid(), signal.SIGKILL),
        1: lambda: os._exit(3),
        2: lambda: 1 // 0,
        3: lambda: "same",
    }

    def judge(damage: Damage) -> str:
        return str(ends[damage.at]())

    results = [verdict for _, verdict in verdicts(judge, [Damage("flip", n) for n in ends])]
    assert [
        "the process ended by SIGKILL",
        "the process ended by exit 3",
        "a bare ZeroDivisionError('integer division or modulo by zero')",
        "same",
    ] == results
    wrong = Sample(sample.path, sample.data, sample.position + 1, sample.digests)
    assert "silently different" in wrong.judge(Damage("grow", 0))
    wrong = Sample(sample.path, sample.data, sample.position, digests(Node(1)))
    assert "silently different" in wrong.judge(Damage("grow", 0))


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(4))
def test_many_flipped_bits_are_found_or_harmless(sample: Sample, seed: int) -> None:
    """One in each 64 bytes, another with each seed."""
    rng = random.Random(seed)
    places = range(0, 8 * len(sample.data), 512)
    assert_survived(sample, [Damage("flip", place + rng.randrange(512)) for place in places])


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_every_flipped_bit_in_the_meta_pages_is_found_or_harmless(sample: Sample) -> None:
    """All of what LMDB keeps there."""
    assert_survived(sample, [Damage("flip", bit) for bit in META_BITS])


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_a_journal_cut_anywhere_is_recovered_or_refused(sample: Sample) -> None:
    """At every thirteenth byte."""
    assert_survived(sample, [Damage("cut", size) for size in range(0, len(sample.data), 13)])
