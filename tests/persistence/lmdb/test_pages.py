"""What `check_pages` promises: a whole file passes, and a damaged one is named or does no harm.

That no harm is done is shown and not argued: LMDB opens the damaged file in a process of its own
(this file, run as a program), reads every value and appends to it. A crash there fails the test.
"""

import errno
import os
import random
import shutil
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import lmdb
import pytest

from holdfast.persistence.lmdb import nodes
from holdfast.persistence.lmdb.data_file import DamagedFileError
from holdfast.persistence.lmdb.pages import (
    PageReport,
    check_pages,
    iterate_values,
)

KEY = struct.Struct(">Q")
PAGE = 4096
META_BYTES = 152
TXNID = 144  # where mm_txnid lies in a meta page
APPENDS = 60


def open_file(path: Path, *, sync: bool = False) -> lmdb.Environment:
    """As the journal opens it, but without waiting for the disk."""
    return lmdb.open(str(path), subdir=False, map_size=1 << 30, max_dbs=0, sync=sync)


def append(env: lmdb.Environment, position: int, value: bytes) -> None:
    with env.begin(write=True) as transaction:
        assert transaction.put(KEY.pack(position), value, append=True, overwrite=False)


def values_of(count: int, seed: int) -> Iterator[bytes]:
    """Values as large as those of a journal: most fit into a page, some take many."""
    rng = random.Random(seed)
    for _ in range(count):
        size = rng.choice((rng.randint(200, 1_500), rng.randint(2_000, 9_000)))
        yield rng.randbytes(rng.randint(50_000, 200_000) if rng.random() < 0.08 else size)


def read_all(env: lmdb.Environment) -> dict[int, bytes]:
    with env.begin() as transaction:
        return {KEY.unpack(key)[0]: bytes(value) for key, value in transaction.cursor()}


@dataclass(frozen=True, slots=True)
class Sample:
    """A journal of 60 appends."""

    path: Path
    data: bytes
    report: PageReport

    def half(self, offset: int) -> int:
        return int.from_bytes(self.data[offset : offset + 2], "little")

    def long(self, offset: int) -> int:
        return int.from_bytes(self.data[offset : offset + 8], "little")

    @property
    def newest(self) -> int:
        """Where the newest meta page begins."""
        return PAGE * (self.report.txnid & 1)

    @property
    def root(self) -> int:
        """The page at the root of the main tree, a branch."""
        return self.long(self.newest + 128)

    def nodes(self, page: int) -> list[int]:
        """Where the nodes of a tree page lie in the file."""
        start = page * PAGE
        return [start + self.half(at) for at in range(start + 16, start + self.half(start + 12), 2)]

    @property
    def leaves(self) -> list[int]:
        return [
            int.from_bytes(self.data[node : node + 6], "little") for node in self.nodes(self.root)
        ]

    @property
    def records(self) -> int:
        """The only page of the tree of free-page records."""
        return self.long(self.newest + 80)

    @property
    def tree_pages(self) -> list[int]:
        return [self.root, *self.leaves, self.records]

    def structure(self) -> Iterator[int]:
        """Every byte that means something and is not a value."""
        yield from (*range(META_BYTES), *range(PAGE, PAGE + META_BYTES))
        for page in self.tree_pages:
            yield from range(page * PAGE, page * PAGE + self.half(page * PAGE + 12))
            for node in self.nodes(page):
                has_more = page == self.root or self.half(node + 4)  # a child, or an overflow page
                yield from range(node, node + (24 if has_more else 16))
        yield from range(min(self.nodes(self.records)), (self.records + 1) * PAGE)
        for _, offset, _ in iterate_values(self.path):
            if offset % PAGE == 16:  # after the header of an overflow page
                yield from range(offset - 16, offset)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    path = tmp_path_factory.mktemp("sample") / "journal.mdb"
    with open_file(path) as env:
        for position, value in enumerate(values_of(APPENDS, seed=1), 1):
            append(env, position, value)
    sample = Sample(path, path.read_bytes(), check_pages(path, consecutive_keys=True))
    newest = sample.report.meta_pages[0]
    assert (2, 1) == (newest.get("main_depth"), newest.get("free_depth")), "one page of records"
    assert 1 == sample.half(sample.root * PAGE + 10), "a branch"
    return sample


@pytest.fixture
def copy(tmp_path: Path, sample: Sample) -> Path:
    """A copy to damage."""
    return Path(shutil.copy(sample.path, tmp_path / "journal.mdb"))


def damage_of(path: Path) -> DamagedFileError | None:
    try:
        check_pages(path, consecutive_keys=True)
    except DamagedFileError as damage:
        return damage
    return None


def write_at(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


# Whole files


def test_a_new_file_passes(tmp_path: Path) -> None:
    path = tmp_path / "journal.mdb"
    open_file(path).close()
    report = check_pages(path)
    assert (0, None, None, 0) == (report.entries, report.first_key, report.last_key, report.txnid)
    assert [] == list(iterate_values(path))


def test_a_journal_passes_after_every_append(tmp_path: Path) -> None:
    path = tmp_path / "journal.mdb"
    with open_file(path) as env:
        for position, value in enumerate(values_of(APPENDS, seed=2), 1):
            append(env, position, value)
            report = check_pages(path, consecutive_keys=True)
            assert (report.txnid, report.entries) == (position, position)
            assert (report.first_key, report.last_key) == (1, position)


@pytest.mark.parametrize("seed", range(3))
def test_trimming_replacing_dropping_and_giving_up_leave_no_page_without_owner(
    tmp_path: Path, seed: int
) -> None:
    path, rng = tmp_path / "journal.mdb", random.Random(seed)
    with open_file(path) as env:
        for _ in range(80):
            with env.begin(write=True) as transaction:
                change_at_random(env, transaction, rng)
                if rng.random() < 0.1:
                    transaction.abort()
            assert check_pages(path).entries == len(read_all(env))


def change_at_random(
    env: lmdb.Environment, transaction: lmdb.Transaction, rng: random.Random
) -> None:
    if rng.random() < 0.03:
        transaction.drop(env.open_db(txn=transaction), delete=False)
    for _ in range(rng.choice((1, 4, 40))):
        key, size = KEY.pack(rng.randrange(300)), rng.choice((0, 100, 900, 2_100, 40_000))
        if rng.random() < 0.4:
            transaction.delete(key)
        else:
            transaction.put(key, bytes(size))


def test_free_pages_may_lie_past_the_end_of_a_whole_file(tmp_path: Path) -> None:
    """LMDB takes pages at the end, frees them in the same transaction and never writes them."""
    path = tmp_path / "journal.mdb"
    with open_file(path) as env:
        for position in range(1, 6):
            append(env, position, bytes(300))
        with env.begin(write=True) as transaction:
            transaction.put(KEY.pack(6), bytes(300))
            transaction.put(KEY.pack(7), bytes(100_000))
            transaction.delete(KEY.pack(7))
    report = check_pages(path)
    assert path.stat().st_size < (report.meta_pages[0].get("last_page") + 1) * PAGE
    assert 6 == report.last_key


@pytest.mark.slow
def test_a_writer_that_is_killed_leaves_a_whole_file_with_all_that_it_acknowledged(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.mdb"
    for seed in range(20):
        with program("write", str(path), str(seed), stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(random.Random(seed).randint(1, 60))]
            writer.kill()
            lines += writer.stdout.readlines()
        acknowledged = [int(line) for line in lines if line.endswith(b"\n")]
        report = check_pages(path, consecutive_keys=True)
        assert report.last_key is not None
        assert report.last_key >= acknowledged[-1]


def test_the_size_of_the_parts_makes_no_difference(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = list(iterate_values(sample.path))
    monkeypatch.setattr(nodes, "PART_BYTES", PAGE)
    assert check_pages(sample.path, consecutive_keys=True) == sample.report
    assert list(iterate_values(sample.path)) == places


def test_every_value_is_found_at_its_place(sample: Sample) -> None:
    with open_file(sample.path) as env:
        expected = read_all(env)
    found = {
        key: sample.data[offset : offset + size]
        for key, offset, size in iterate_values(sample.path)
    }
    assert found == expected
    assert list(found) == list(range(1, APPENDS + 1))


# Damage has a name


def test_damage_names_file_byte_and_reason(sample: Sample, copy: Path) -> None:
    page = sample.root
    write_at(copy, page * PAGE, (page ^ 1).to_bytes(8, "little"))
    with pytest.raises(DamagedFileError) as caught:
        check_pages(copy)
    assert (caught.value.path, caught.value.offset) == (copy, page * PAGE)
    assert str(caught.value) == (
        f"journal.mdb: damaged at byte {page * PAGE}: page {page} says it is page {page ^ 1}"
    )


def test_a_lost_page_is_named(sample: Sample, copy: Path) -> None:
    for page in sample.tree_pages:
        write_at(copy, page * PAGE, bytes(PAGE))
        with pytest.raises(DamagedFileError, match=f"page {page} says it is page 0") as caught:
            check_pages(copy)
        assert caught.value.offset == page * PAGE
        write_at(copy, page * PAGE, sample.data[page * PAGE : (page + 1) * PAGE])
    assert check_pages(copy) == sample.report


def test_pages_written_to_the_wrong_place_are_found(sample: Sample, copy: Path) -> None:
    """A leaf in the place of another, and with the number of the other."""
    one, other = sample.leaves[1:3]
    leaf = bytearray(sample.data[other * PAGE : (other + 1) * PAGE])
    leaf[:8] = one.to_bytes(8, "little")
    write_at(copy, one * PAGE, bytes(leaf))
    with pytest.raises(DamagedFileError, match=r"key \d+ is out of order") as caught:
        check_pages(copy)
    assert caught.value.offset // PAGE == one


def test_a_page_listed_as_free_while_in_use_is_found(sample: Sample, copy: Path) -> None:
    """LMDB would hand it out and write over it."""
    first_listed = sample.nodes(sample.records)[0] + 24  # after node header, key and count
    write_at(copy, first_listed, sample.root.to_bytes(8, "little"))
    with pytest.raises(DamagedFileError):
        check_pages(copy)


def test_a_gap_between_keys_is_damage_only_where_keys_are_consecutive(tmp_path: Path) -> None:
    path = tmp_path / "journal.mdb"
    with open_file(path) as env:
        for position in (1, 2, 4):
            append(env, position, b"value")
    assert 4 == check_pages(path).last_key
    with pytest.raises(DamagedFileError, match="key 4 does not follow"):
        check_pages(path, consecutive_keys=True)


def test_a_page_that_cannot_be_read_is_named(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, pread = sample.leaves[0] * PAGE, os.pread

    def read(descriptor: int, size: int, offset: int) -> bytes:
        if offset == broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return pread(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", read)
    with pytest.raises(DamagedFileError, match="Input/output error") as caught:
        check_pages(sample.path)
    assert caught.value.offset == broken


def test_no_flip_in_a_transaction_number_rolls_back_an_append(tmp_path: Path) -> None:
    """Transaction 7 that says 5 looks older than 6: the pair is in order, the content is not. It is
    what the disk has after a write of transaction 7's meta page that failed, to the byte when no
    page was added, so it is taken for transaction 7.
    """
    path = tmp_path / "journal.mdb"
    with open_file(path) as env:
        for position in range(1, 17):
            append(env, position, b"value")
            for bit in (0, 1, 2, 3, 4, 5, 63):
                for meta in (0, PAGE):
                    flip(path, (meta + TXNID) * 8 + bit)
                    if damage_of(path) is None:
                        report = check_pages(path, consecutive_keys=True)
                        assert (position, position) == (report.txnid, report.last_key)
                    flip(path, (meta + TXNID) * 8 + bit)


def flip(path: Path, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(bit // 8)
        byte = file.read(1)[0]
        file.seek(bit // 8)
        file.write(bytes([byte ^ 1 << bit % 8]))


# Cut files and flipped bits: named, or LMDB does not mind


def test_a_cut_file_is_named_or_has_lost_nothing_in_use(
    sample: Sample, copy: Path, tmp_path: Path
) -> None:
    rng, size = random.Random(3), len(sample.data)
    sizes = {*range(0, size, PAGE), *rng.sample(range(size), 200), size - 1}
    harmless = []
    for size in sorted(sizes, reverse=True):
        os.truncate(copy, size)
        damage = damage_of(copy)
        if damage is None:
            harmless.append(size)
        else:
            assert damage.offset == size
    verdicts = judge_in_a_process(sample, [f"cut {size}" for size in harmless], tmp_path)
    assert set(verdicts) <= {"same"}


def test_a_flipped_bit_is_named_or_does_no_harm(sample: Sample, tmp_path: Path) -> None:
    rng, structure = random.Random(4), list(sample.structure())
    metas, trees = structure[: 2 * META_BYTES], structure[2 * META_BYTES :]
    places = [*rng.sample(metas, 70), *rng.sample(trees, 150), *rng.sample(range(2 * PAGE), 5)]
    places += (page * PAGE + rng.randrange(PAGE) for page in sample.tree_pages)
    flips = [f"flip {place * 8 + rng.randrange(8)}" for place in places]
    expect_no_harm(judge_in_a_process(sample, flips, tmp_path))


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_every_bit_of_the_structure_is_named_or_does_no_harm(
    sample: Sample, tmp_path: Path
) -> None:
    bits = (place * 8 + bit for place in sorted({*sample.structure()}) for bit in range(8))
    flips = [f"flip {bit}" for bit in bits]
    expect_no_harm(judge_in_a_process(sample, flips, tmp_path))


def expect_no_harm(verdicts: list[str]) -> None:
    """Value bytes and sizes of values are for the checksum of the value."""
    assert Counter(verdicts).keys() <= {"damaged", "same", "value", "size"}
    assert verdicts.count("damaged") > len(verdicts) // 2


def judge_in_a_process(sample: Sample, damages: list[str], folder: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, __file__, "judge", str(sample.path), str(folder / "judged.mdb")],
        input="\n".join(damages),
        capture_output=True,
        text=True,
        check=False,
    )
    verdicts = done.stdout.split()
    where = damages[len(verdicts)] if len(verdicts) < len(damages) else "the end"
    assert 0 == done.returncode, f"{done.returncode} at {where}\n{done.stderr}"
    return verdicts


# This file as a program


def program(*arguments: str, stdout: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, __file__, *arguments], stdout=stdout)


def write_forever(path: Path, seed: int) -> None:
    """Append and trim as a journal does, durably, and report every position."""
    with open_file(path, sync=True) as env:
        kept = sorted(read_all(env))
        position = kept[-1] if kept else 0
        for value in values_of(sys.maxsize, seed):
            position += 1
            kept.append(position)
            with env.begin(write=True) as transaction:
                transaction.put(KEY.pack(position), value, append=True)
                while len(kept) > 40:
                    transaction.delete(KEY.pack(kept.pop(0)))
            sys.stdout.write(f"{position}\n")
            sys.stdout.flush()


def judge(original: Path, scratch: Path, damages: Iterable[str]) -> None:
    """Report for each damage what becomes of it."""
    data = original.read_bytes()
    shutil.copy(original, scratch)
    with open_file(scratch) as env:
        expected = read_all(env)
    for damage in damages:
        kind, number = damage.split()
        damaged = bytearray(data if kind == "flip" else data[: int(number)])
        if kind == "flip":
            damaged[int(number) // 8] ^= 1 << int(number) % 8
        scratch.write_bytes(damaged)
        sys.stdout.write(verdict_on(scratch, expected) + "\n")
        sys.stdout.flush()


def verdict_on(path: Path, expected: dict[int, bytes]) -> str:
    if damage_of(path):
        return "damaged"
    with open_file(path) as env:
        found = read_all(env)
        verdict = compare(found, expected)
        for position in range(APPENDS + 1, APPENDS + 21):
            found[position] = bytes([position]) * 700
            append(env, position, found[position])
        if read_all(env) != found:
            return "appends-lost"
    with open_file(path) as env:
        if read_all(env) != found:
            return "appends-lost"
    check_pages(path, consecutive_keys=True)
    return verdict


def compare(found: dict[int, bytes], expected: dict[int, bytes]) -> str:
    """What a reader sees: the same, one value with one other bit, or one of another size."""
    if list(found) != list(expected):
        return "keys"
    differing = [key for key in expected if found[key] != expected[key]]
    if not differing:
        return "same"
    one, other = found[differing[0]], expected[differing[0]]
    if len(differing) == 1 and len(one) != len(other):
        shorter = min(len(one), len(other))
        return "size" if one[:shorter] == other[:shorter] else "lost"
    bits = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return "value" if len(differing) == 1 and bits.bit_count() == 1 else "lost"


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write_forever(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        judge(Path(sys.argv[2]), Path(sys.argv[3]), sys.stdin)
