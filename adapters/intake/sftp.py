"""A drop folder on another machine: its files are brought into the folder here by SFTP.

What is brought is the folder's from then on: whole under another name first, renamed, taken in, and
known again there. So a file that is brought twice, because the process died before the partner's
copy was moved, counts once.

Rules of this file: asyncssh does the protocol. The server has to be in `known_hosts`, we show a
key, and its names of files are taken for names, not for paths. Whatever fails is an OSError, which
time heals or an operator.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

import asyncssh

from ..contract import Page, Source
from .folder import MARKER, UNFINISHED
from .folder_options import FolderOptions, SftpOptions

#: Files that are brought at once, before they are taken in.
_FILES: Final = 20
#: Seconds for one look, with all that it brings; a server that hangs is left.
_LOOK_S: Final = 600.0
_CONNECT_S: Final = 20.0


class _Look(NamedTuple):
    size: int
    modified: int


class SftpFolder:
    """The source of the messages of a folder on another machine; see Source."""

    def __init__(
        self,
        folder: Source,
        local: FolderOptions,
        options: SftpOptions,
        now: Callable[[], float],
    ) -> None:
        """`folder` takes the files in at `local.path`, where a file is complete when it is there;
        `local.complete` says when it is complete at the partner's.
        """
        self._folder = folder
        self._local = local
        self._options = options
        self._now = now
        self._seen: dict[str, tuple[_Look, float]] = {}

    async def fetch(self) -> Page:
        """Messages of the files that were brought, or are brought now. Raises OSError."""
        page = await self._folder.fetch()
        if page.messages:
            return page
        await self._trying(self._bring)
        return await self._folder.fetch()

    async def settled(self, page: Page) -> None:
        """The messages of the page are durable."""
        await self._folder.settled(page)

    async def check(self) -> None:
        """Log in, and look into the folder there. Raises OSError."""
        await self._trying(lambda sftp: sftp.listdir(self._options.path))

    async def _trying(self, attempt: Callable[[asyncssh.SFTPClient], Awaitable[object]]) -> None:
        try:
            async with asyncio.timeout(_LOOK_S), self._connected() as sftp:
                await attempt(sftp)
        except TimeoutError:
            raise OSError(f"SFTP {self._options.host}: it takes too long") from None
        except (asyncssh.Error, ValueError) as error:  # ValueError: keys that cannot be read
            raise OSError(f"SFTP {self._options.host}: {error}") from error

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncssh.SFTPClient]:
        options = self._options
        async with (
            asyncssh.connect(
                options.host,
                options.port,
                username=options.user,
                client_keys=[str(options.key)],
                known_hosts=str(options.known_hosts),
                agent_path=None,
                config=None,
                connect_timeout=_CONNECT_S,
                login_timeout=_CONNECT_S,
            ) as connection,
            connection.start_sftp_client() as sftp,
        ):
            yield sftp

    async def _bring(self, sftp: asyncssh.SFTPClient) -> None:
        """Brings some of the files that are complete, the oldest first."""
        looks: dict[str, _Look] = {}
        async for entry in sftp.scandir(self._options.path):
            name, known = str(entry.filename), entry.attrs
            if known.type == asyncssh.FILEXFER_TYPE_REGULAR and is_name(name):
                looks[name] = _Look(known.size or 0, known.mtime or 0)
        self._seen = {name: seen for name, seen in self._seen.items() if name in looks}
        ready = [name for name in looks if self._is_complete(name, looks)]
        for name in sorted(ready, key=lambda name: (looks[name].modified, name))[:_FILES]:
            await self._bring_one(sftp, name, looks[name])

    def _is_complete(self, name: str, looks: dict[str, _Look]) -> bool:
        is_other = name.startswith(".") or name.endswith((*UNFINISHED, MARKER))
        if is_other or not fnmatchcase(name, self._local.pattern):
            return False
        if self._local.complete != "unchanged":
            return self._local.complete == "renamed" or name + MARKER in looks
        known, since = self._seen.get(name, (None, 0.0))
        if known != looks[name]:
            since = self._now()
            self._seen[name] = looks[name], since
        return self._now() - since >= self._local.unchanged_s

    async def _bring_one(self, sftp: asyncssh.SFTPClient, name: str, look: _Look) -> None:
        """Brings a file, and then puts the partner's copy aside. One that waits here under the
        same name goes first.
        """
        here = self._local.path / name
        if here.exists():
            return
        part = self._local.path / f".{name}.part"
        there = f"{self._options.path}/{name}"
        self._local.path.mkdir(parents=True, exist_ok=True)
        await sftp.get(there, str(part), follow_symlinks=False)
        if part.stat().st_size != look.size:
            return  # It has changed meanwhile: the next look brings it.
        part.replace(here)
        if self._options.after == "delete":
            await sftp.remove(there)
        else:
            await sftp.makedirs(f"{self._options.path}/done", exist_ok=True)
            await _move(sftp, there, f"{self._options.path}/done/{name}")
        if self._local.complete == "marked":
            await sftp.remove(there + MARKER)


async def _move(sftp: asyncssh.SFTPClient, there: str, to: str) -> None:
    """Moves a file, over one that is there already; servers without that extension refuse those."""
    try:
        await sftp.posix_rename(there, to)
    except asyncssh.SFTPOpUnsupported:
        await sftp.rename(there, to)


def is_name(name: str) -> bool:
    """Whether a name that a server gives is one: a path would lead out of the folder."""
    return name not in ("", ".", "..") and not set(name) & set("/\\\0")
