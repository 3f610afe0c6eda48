"""Files of a drop folder come as messages once they are complete, and move when all is durable."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.adapters.contract import Message, Page, Source, Undecodable
from holdfast.adapters.intake import folder
from holdfast.adapters.intake.folder import Folder
from holdfast.adapters.intake.folder_options import FolderOptions


class Desk:
    """A folder with a clock that is set by hand; it keeps what the folder tells."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.path = path
        self.time = 100.0
        self.problems: list[str] = []
        self.options = FolderOptions(path=path, **{"complete": "renamed"} | options)
        self.source = self.again()

    def again(self) -> Source:
        """The folder as a new process sees it."""
        self.source = Folder(
            self.options,
            lines,
            lambda: self.time,
            lambda name, why: self.problems.append(f"{name}: {why}"),
        )
        return self.source

    def drop(self, name: str, text: str, modified: int = 0) -> Path:
        path = self.path / name
        path.write_text(text)
        os.utime(path, (modified, modified))
        return path

    async def take(self) -> list[str]:
        """The bodies of all messages, each page settled."""
        bodies: list[str] = []
        while (page := await self.source.fetch()).messages:
            bodies += texts(page)
            await self.source.settled(page)
        return bodies

    def names(self, part: str) -> list[str]:
        return sorted(path.name for path in (self.path / part).iterdir() if path.is_file())


def lines(blocks: Iterable[bytes], file: str) -> Iterator[Message]:
    """Each line a message; "bad" cannot be read, "defect" is one, "gone" is a disk that fails."""
    for line in next(iter(blocks), b"").decode().split():
        if line == "bad":
            raise Undecodable("line", line, "a good one")
        if line == "defect":
            raise ZeroDivisionError
        if line == "gone":
            raise OSError(5, "Input/output error")
        yield Message(line.encode(), {"file": file})


def texts(page: Page) -> list[str]:
    return [message.body.decode() for message in page.messages]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "in")


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(folder, "_PAGE_MESSAGES", 2)
    (tmp_path / "in").mkdir()


async def test_an_empty_folder_has_no_messages(desk: Desk) -> None:
    page = await desk.source.fetch()
    assert ((), False) == (tuple(page.messages), page.has_more)
    await desk.source.settled(page)


async def test_the_oldest_file_comes_first(desk: Desk) -> None:
    desk.drop("a", "later", modified=2)
    desk.drop("b", "earlier", modified=1)
    assert ["earlier", "later"] == await desk.take()
    assert ["a", "b"] == desk.names("done")


async def test_a_file_moves_when_all_its_messages_are_durable(desk: Desk) -> None:
    desk.drop("a", "1 2 3")
    page = await desk.source.fetch()
    assert (["1", "2"], "a", True) == (texts(page), page.cursor, page.has_more)
    await desk.source.settled(page)
    assert ["a"] == desk.names("")
    page = await desk.source.fetch()
    assert ["3"] == texts(page)
    assert ["a"] == desk.names("")
    await desk.source.settled(page)
    assert ["a"] == desk.names("done")


async def test_what_is_not_settled_comes_again(desk: Desk) -> None:
    desk.drop("a", "1 2 3")
    first = await desk.source.fetch()
    assert first is await desk.source.fetch()
    await desk.source.settled(first)
    assert ["3"] == texts(await desk.source.fetch())
    desk.again()
    assert ["1", "2", "3"] == await desk.take()


async def test_the_name_of_the_file_comes_with_each_message(desk: Desk) -> None:
    desk.drop("a.csv", "1")
    assert "a.csv" == (await desk.source.fetch()).messages[0].attributes["file"]


async def test_a_file_without_messages_is_done(desk: Desk) -> None:
    desk.drop("a", "")
    assert [] == await desk.take()
    assert ["a"] == desk.names("done")


@pytest.mark.parametrize(
    ("text", "why"),
    [("1 bad", "line is 'bad': expected a good one"), ("defect", "ZeroDivisionError()")],
)
async def test_a_file_that_cannot_be_cut_is_put_aside_and_holds_nothing_up(
    desk: Desk, text: str, why: str
) -> None:
    desk.drop("a", text, modified=1)
    desk.drop("b", "2", modified=2)
    assert ["2"] == await desk.take()
    assert ["a", "a.reason"] == desk.names("failed")
    assert f"{why}\n" == (desk.path / "failed" / "a.reason").read_text()
    assert [f"a: {why}"] == desk.problems


async def test_a_disk_that_fails_is_no_fault_of_the_file(desk: Desk) -> None:
    path = desk.drop("a", "1 2 3 gone")
    page = await desk.source.fetch()
    await desk.source.settled(page)
    with pytest.raises(OSError, match="Input/output"):
        await desk.source.fetch()
    path.write_text("1 2 3")
    assert ["1", "2", "3"] == await desk.take()


async def test_the_same_file_again_is_not_taken_in_again(desk: Desk) -> None:
    desk.drop("a", "1")
    assert ["1"] == await desk.take()
    desk.drop("a", "1")
    assert [] == await desk.take()
    assert ([], ["a"], []) == (desk.names(""), desk.names("done"), desk.problems)


async def test_a_name_that_comes_again_with_another_content_is_reported(desk: Desk) -> None:
    desk.drop("a", "1")
    assert ["1"] == await desk.take()
    for text in ("2", "3"):
        desk.drop("a", text)
        assert [] == await desk.take()
    assert ["a", "a.1", "a.1.reason", "a.reason"] == desk.names("failed")
    assert ["a: done/a has the same name and another content"] * 2 == desk.problems
    assert "1" == (desk.path / "done" / "a").read_text()


async def test_a_partner_may_reuse_names(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "in", reuses_names=True)
    known: set[str] = set()
    for text in ("1", "2", "1"):
        desk.drop("stock.csv", text)
        known.add((await desk.source.fetch()).cursor)
        await desk.take()
    known.discard("")
    assert (2, sorted(known)) == (len(known), desk.names("done"))
    assert all(name.startswith("stock@") and name.endswith(".csv") for name in known)


async def test_a_long_name_has_room_for_its_hash(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "in", reuses_names=True)
    desk.drop("\N{SNOWMAN}" * 80 + ".csv", "1")
    assert ["1"] == await desk.take()


async def test_a_file_that_grows_is_not_complete(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "in", complete="unchanged", unchanged_s=10)
    desk.drop("a", "1")
    assert [] == await desk.take()
    desk.time += 9
    desk.drop("a", "1 2")
    assert [] == await desk.take()
    desk.time += 9
    assert [] == await desk.take()
    desk.time += 1
    assert ["1", "2"] == await desk.take()


async def test_a_marker_says_that_a_file_is_complete(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "in", complete="marked")
    desk.drop("a.csv", "1")
    assert [] == await desk.take()
    desk.drop("a.csv.done", "")
    assert ["1"] == await desk.take()
    assert ([], ["a.csv"]) == (desk.names(""), desk.names("done"))


async def test_a_file_that_changed_while_it_was_read_is_read_again(desk: Desk) -> None:
    desk.drop("a", "1")
    page = await desk.source.fetch()
    desk.drop("a", "1 2")
    await desk.source.settled(page)
    assert ["a"] == desk.names("")
    assert ["1", "2"] == await desk.take()


async def test_a_file_that_is_taken_away_ends(desk: Desk) -> None:
    path = desk.drop("a", "1")
    page = await desk.source.fetch()
    path.unlink()
    await desk.source.settled(page)
    assert [] == await desk.take()


async def test_what_is_no_finished_file_is_left_alone(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "in", pattern="*.csv")
    for name in ("a.csv.tmp", "a.csv.part", ".a.csv", "a.txt"):
        desk.drop(name, "1")
    (desk.path / "dir.csv").mkdir()
    os.mkfifo(desk.path / "pipe.csv")
    (desk.path / "link.csv").symlink_to("/etc/hostname")
    assert [] == await desk.take()
    assert [] == desk.problems


async def test_a_name_that_is_not_utf_8_is_put_aside(desk: Desk) -> None:
    desk.drop("a\udcff", "1")
    assert [] == await desk.take()
    assert ["a?", "a?.reason"] == desk.names("failed")


async def test_a_folder_that_is_gone_is_reported(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "in").rmdir()
    desk.options = FolderOptions(path=tmp_path / "in" / "file" / "x")
    (tmp_path / "in").write_text("")
    desk.again()
    with pytest.raises(OSError, match="Not a directory"):
        await desk.source.fetch()
