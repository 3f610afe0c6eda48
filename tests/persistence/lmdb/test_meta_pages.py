"""Meta pages: one whose write has failed, and the durable ones that a start puts in its place."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import lmdb
import pytest

from holdfast.persistence.lmdb.meta_pages import find_data_version, write_meta_pages
from holdfast.persistence.lmdb.pages import PageReport, check_pages
from tests.persistence.journals import open_journal

PAGE = 4_096
#: What LMDB writes of a meta page in a commit, and where its last page and its number begin in it.
WRITTEN_BYTES, LAST_PAGE, TXNID = 120, 104, 112
APPENDS = 7


def value_of(position: int) -> bytes:
    """Some take a page at the end of the file, some only pages that were free."""
    return bytes([position]) * (6_000 if position % 3 else 300)


def appends(path: Path) -> Iterator[tuple[int, bytes, bytes]]:
    """Position, and the file before and after its append."""
    journal = open_journal(path)
    before = path.read_bytes()
    for position in range(1, APPENDS + 1):
        assert position == journal.put(value_of(position))
        after = path.read_bytes()
        yield position, before, after
        before = after
    journal.close()


def failed_writes(position: int, before: bytes, after: bytes, step: int = 1) -> Iterator[bytes]:
    """The file after an append whose meta page could not be written: what came of the write, and
    then of the write by which LMDB puts the number and the last page back, each up to some byte.
    """
    start = PAGE * (position & 1) + 32
    old = before[start : start + WRITTEN_BYTES]
    new = after[start : start + WRITTEN_BYTES]
    put_back = new[:LAST_PAGE] + old[LAST_PAGE:]
    for first in range(0, WRITTEN_BYTES + 1, step):
        written = new[:first] + old[first:]
        for second in {0, 40, 60, first, WRITTEN_BYTES}:
            page = put_back[:second] + written[second:]
            yield after[:start] + page + after[start + WRITTEN_BYTES :]


def settled(path: Path) -> PageReport:
    """What a start does before LMDB opens the file."""
    report = check_pages(path, consecutive_keys=True)
    write_meta_pages(path, report.meta_pages)
    return report


def read_all(path: Path) -> list[bytes]:
    journal = open_journal(path)
    values = [bytes(value) for _, value in journal.read(0)]
    journal.close()
    return values


@pytest.mark.parametrize("step", [24, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.timeout(1_800)
def test_a_failed_write_leaves_the_append_or_the_one_before_it(tmp_path: Path, step: int) -> None:
    """However far it got, and whatever LMDB could put back. Its page shows the new trees under an
    old number, or an old number beside parts of both.
    """
    for position, before, after in appends(tmp_path / "journal.mdb"):
        for data in failed_writes(position, before, after, step):
            path = tmp_path / "failed.mdb"
            path.write_bytes(data)
            report = check_pages(path, consecutive_keys=True)
            assert report.entries in {position - 1, position}
            write_meta_pages(path, report.meta_pages)
            again = check_pages(path, consecutive_keys=True)
            assert (report.entries, report.txnid) == (again.entries, again.txnid)


def test_lmdb_goes_on_from_what_was_settled(tmp_path: Path) -> None:
    """It reads the same append, and the next one follows it."""
    for position, before, after in appends(tmp_path / "journal.mdb"):
        for data in failed_writes(position, before, after, step=60):
            path = tmp_path / "failed.mdb"
            path.write_bytes(data)
            entries = settled(path).entries
            assert [value_of(i + 1) for i in range(entries)] == read_all(path)

            journal = open_journal(path)
            journal.put(b"the next")
            journal.close()
            assert entries + 1 == settled(path).entries
            assert b"the next" == read_all(path)[-1]


def test_an_append_whose_trees_are_all_there_is_kept(tmp_path: Path) -> None:
    """With the number before it, its page is to the byte one of an append that was answered, with a
    flipped bit: it must not be taken back.
    """
    for position, before, after in appends(tmp_path / "journal.mdb"):
        path = tmp_path / "failed.mdb"
        path.write_bytes(list(failed_writes(position, before, after))[-1])
        assert position == check_pages(path, consecutive_keys=True).entries


def test_a_whole_file_is_left_as_it_is(tmp_path: Path) -> None:
    """To the byte."""
    for _, _, after in appends(tmp_path / "journal.mdb"):
        path = tmp_path / "whole.mdb"
        path.write_bytes(after)
        settled(path)
        assert after == path.read_bytes()


def test_each_page_is_durable_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest first: what it replaces may be all that the disk has of the older."""
    path = tmp_path / "journal.mdb"
    *_, (position, _, _) = appends(path)
    places, flags, pwrite, opened = [], [], os.pwrite, os.open

    def noted_pwrite(descriptor: int, data: bytes, offset: int) -> int:
        places.append(offset)
        return pwrite(descriptor, data, offset)

    def noted_open(name: Path, how: int) -> int:
        flags.append(how)
        return opened(name, how)

    report = check_pages(path, consecutive_keys=True)
    monkeypatch.setattr(os, "pwrite", noted_pwrite)
    monkeypatch.setattr(os, "open", noted_open)
    write_meta_pages(path, report.meta_pages)
    newest = PAGE * (position & 1)
    assert [newest, PAGE - newest] == places
    assert all(how & os.O_DSYNC for how in flags)


def test_a_page_that_is_written_in_part_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.mdb"
    *_, _ = appends(path)
    report = check_pages(path)
    monkeypatch.setattr(os, "pwrite", lambda _descriptor, data, _offset: len(data) // 2)
    with pytest.raises(OSError, match="written in part"):
        write_meta_pages(path, report.meta_pages)


# The version of the format


def test_the_version_of_the_format_is_found(tmp_path: Path) -> None:
    """In the header of either version, which have different sizes."""
    for lib_version, expected in ((0, (1, 20)), (1, (3, 28))):
        path = tmp_path / f"{lib_version}.mdb"
        lmdb.open(str(path), subdir=False, lib_version=lib_version).close()
        assert expected == find_data_version(path)
    (tmp_path / "other").write_bytes(b"something else")
    assert find_data_version(tmp_path / "other") is None


def test_a_journal_is_of_version_1_whatever_the_machine_prefers(tmp_path: Path) -> None:
    """An environment variable says which version new files have, unless the opener says it."""
    path = tmp_path / "journal.mdb"
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from tests.persistence.journals import open_journal\n"
        "open_journal(Path(sys.argv[1])).close()\n"
    )
    environment = os.environ | {"LMDB_DEFAULT_LIB_VERSION": "1"}
    subprocess.run([sys.executable, "-c", script, path], env=environment, check=True)
    assert (1, 20) == find_data_version(path)
