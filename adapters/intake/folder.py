"""A drop folder: files that are complete become messages, and go to done/ when those are durable.

    in/stock-0711.csv        complete: it was renamed to this name, or is unchanged for a while
    in/done/stock-0710.csv   all of it is durable
    in/failed/odd.csv        not taken in; odd.csv.reason says why

There is no cursor: where a file lies says how far it has come. A file that was half taken in when
the process died is read again from its beginning, and what comes twice is known by its key and ids.

Rules of this file: it reads, moves and explains files, and knows nothing of what is in them. Links
are not followed, so that whoever may write here cannot have other files read.
"""

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from ..contract import Message, Page
from .folder_options import FolderOptions

#: Bytes that are read at once.
_BLOCK_BYTES: Final = 1_048_576
#: Messages, and bytes of them, that are made durable at once.
_PAGE_MESSAGES: Final = 64
_PAGE_BYTES: Final = 4_194_304
#: Ends of names of files that somebody is still writing.
UNFINISHED: Final = (".tmp", ".part", ".filepart", ".partial", ".processing")
MARKER: Final = ".done"
_NAME_BYTES: Final = 255

Cut = Callable[[Iterable[bytes], str], Iterator[Message]]
"""The messages of a file: of its blocks and its name."""


@dataclass(slots=True)
class _Reading:
    """A file that is being taken in."""

    path: Path
    name: str
    """What it is known by, and called in done/."""
    before: "_Look"
    messages: Iterator[Message]
    ahead: Message | None = None


class _Look(NamedTuple):
    """What shows that a file has changed."""

    size: int
    modified_ns: int
    inode: int


class Folder:
    """The source of the messages of a folder; see Source. One process at a time may use it."""

    def __init__(
        self,
        options: FolderOptions,
        cut: Cut,
        now: Callable[[], float],
        tell: Callable[[str, str], None],
    ) -> None:
        """`now` is a clock in seconds that is not set back, and `tell` gets the name of each file
        that fails and why.
        """
        self._options = options
        self._cut = cut
        self._now = now
        self._tell = tell
        self._done = options.path / "done"
        self._failed = options.path / "failed"
        self._seen: dict[str, tuple[_Look, float]] = {}
        self._reading: _Reading | None = None
        self._page: Page | None = None

    async def fetch(self) -> Page:
        """Messages of the oldest file that is complete; the same until they are settled. Raises
        OSError when the folder cannot be read.
        """
        return await asyncio.to_thread(self._fetch)

    async def settled(self, page: Page) -> None:
        """The messages of the page are durable. Raises OSError when the file cannot be moved."""
        await asyncio.to_thread(self._settle, page)

    async def check(self) -> None:
        """Look into the folder. Raises OSError when it cannot be read."""
        await asyncio.to_thread(os.listdir, self._options.path)

    def _fetch(self) -> Page:
        if self._page is None:
            self._page = self._next_page()
        return self._page or Page((), "")

    def _next_page(self) -> Page | None:
        while self._reading or self._open_next():
            reading = self._reading
            assert reading is not None
            try:
                messages = list(_some(reading))
            except OSError:
                self._reading = None
                raise
            except Exception as wrong:  # noqa: BLE001  A defect, too, fails one file alone.
                self._fail(reading.path, str(wrong) or repr(wrong))
                continue
            if messages:
                return Page(messages, reading.name, has_more=True)
            self._finish(reading)
        return None

    def _settle(self, page: Page) -> None:
        if page is not self._page:
            return
        reading = self._reading
        if reading and page.messages and reading.ahead is None:
            self._finish(reading)
        self._page = None

    def _finish(self, reading: _Reading) -> None:
        """All of a file is durable, unless it has changed since: then it is read again."""
        self._reading = None
        if _look(reading.path) == reading.before:
            reading.path.replace(self._done / reading.name)
            _marker(reading.path).unlink(missing_ok=True)

    def _open_next(self) -> bool:
        """Whether there was another file to read."""
        self._done.mkdir(parents=True, exist_ok=True)
        self._failed.mkdir(exist_ok=True)
        return any(self._open(path, look) for path, look in self._complete())

    def _open(self, path: Path, look: _Look) -> bool:
        """Whether a file is to be read: not when it fails, or was taken in before."""
        try:
            path.name.encode()
            name = _with_hash(path) if self._options.reuses_names else path.name
            earlier = self._done / name
            if not earlier.exists():
                self._reading = self._opened(path, name, look)
                return True
            if _same(path, earlier):
                path.replace(earlier)
                _marker(path).unlink(missing_ok=True)
            else:
                self._fail(path, f"done/{name} has the same name and another content")
        except FileNotFoundError:
            pass  # Somebody has taken it away.
        except UnicodeEncodeError:
            self._fail(path, "the name is not UTF-8")
        except PermissionError:
            self._fail(path, "may not be read")
        return False

    def _opened(self, path: Path, name: str, look: _Look) -> _Reading:
        handle = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
        return _Reading(path, name, look, self._cut(_blocks(handle), name))

    def _complete(self) -> list[tuple[Path, _Look]]:
        """The files that are complete, the oldest first."""
        with os.scandir(self._options.path) as entries:
            files = [Path(each.path) for each in entries if each.is_file(follow_symlinks=False)]
        names = {path.name for path in files}
        looks = {
            path.name: look
            for path in files
            if self._is_wanted(path.name) and (look := _look(path))
        }
        self._seen = {name: seen for name, seen in self._seen.items() if name in looks}
        ready = [
            (path, looks[path.name])
            for path in files
            if path.name in looks and self._is_complete(path.name, looks[path.name], names)
        ]
        return sorted(ready, key=lambda each: (each[1].modified_ns, each[0].name))

    def _is_wanted(self, name: str) -> bool:
        is_other = name.startswith(".") or name.endswith((*UNFINISHED, MARKER))
        return not is_other and fnmatchcase(name, self._options.pattern)

    def _is_complete(self, name: str, look: _Look, names: set[str]) -> bool:
        if self._options.complete == "renamed":
            return True
        if self._options.complete == "marked":
            return name + MARKER in names
        known, since = self._seen.get(name, (None, 0.0))
        if known != look:
            self._seen[name] = look, self._now()
            since = self._now()
        return self._now() - since >= self._options.unchanged_s

    def _fail(self, path: Path, reason: str) -> None:
        """Puts a file aside, with the reason beside it."""
        self._reading = None
        kept = path.name.encode(errors="replace").decode()
        number, to = 0, self._failed / kept
        while to.exists():
            number += 1
            to = self._failed / f"{kept}.{number}"
        to.with_name(f"{to.name}.reason").write_text(f"{reason}\n", encoding="utf-8")
        path.replace(to)
        _marker(path).unlink(missing_ok=True)
        self._tell(kept, reason)


def _blocks(handle: BinaryIO) -> Iterator[bytes]:
    """The file in blocks; it is closed with the iterator."""
    with handle:
        while block := handle.read(_BLOCK_BYTES):
            yield block


def _some(reading: _Reading) -> Iterator[Message]:
    """Some messages of a file. The next one is read as well, to know whether these are all."""
    count, size = 0, 0
    message = reading.ahead or next(reading.messages, None)
    while message is not None and count < _PAGE_MESSAGES and size < _PAGE_BYTES:
        yield message
        count, size = count + 1, size + len(message.body)
        message = next(reading.messages, None)
    reading.ahead = message


def _look(path: Path) -> _Look | None:
    """What a file looks like; None when somebody has taken it away."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return _Look(status.st_size, status.st_mtime_ns, status.st_ino)


def _marker(path: Path) -> Path:
    return path.with_name(path.name + MARKER)


def _with_hash(path: Path) -> str:
    """A name that no file with another content has, short enough to be one."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()
    end = f"@{digest}{path.suffix}"
    stem = path.stem.encode()[: _NAME_BYTES - len(end.encode())].decode(errors="ignore")
    return stem + end


def _same(one: Path, other: Path) -> bool:
    """Whether two files have the same content."""
    if one.lstat().st_size != other.lstat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while block := first.read(_BLOCK_BYTES):
            if block != second.read(_BLOCK_BYTES):
                return False
    return True
