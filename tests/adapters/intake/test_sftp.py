"""Files of a folder on another machine are brought here, once, from a server that we know."""

import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from holdfast.adapters.contract import Message, Page
from holdfast.adapters.intake.folder import Folder
from holdfast.adapters.intake.folder_options import FolderOptions, SftpOptions
from holdfast.adapters.intake.sftp import SftpFolder, is_name
from holdfast.adapters.runtime.feeding import brought_by_sftp
from holdfast.adapters.runtime.settings import ConfigError, load


@dataclass
class Machine:
    """Another machine, with a folder that is served to those who show our key."""

    home: Path
    there: Path
    here: Path
    port: int = 0
    time: float = 0.0
    problems: list[str] = field(default_factory=list)

    def source(self, complete: str = "renamed", **sftp: Any) -> SftpFolder:
        """Our side, as a new process sees it."""
        options = SftpOptions.model_validate(
            {"host": "127.0.0.1", "port": self.port, "user": "holdfast", "path": "out"}
            | {"key": self.home / "key", "known_hosts": self.home / "known_hosts"}
            | sftp
        )
        local = FolderOptions.model_validate({"path": self.here, "complete": complete})
        folder = Folder(
            local.model_copy(update={"complete": "renamed"}),
            whole,
            lambda: 0.0,
            lambda name, why: self.problems.append(f"{name}: {why}"),
        )
        return SftpFolder(folder, local, options, lambda: self.time)

    def drop(self, name: str, text: str) -> None:
        (self.there / name).write_text(text)

    def names(self, folder: Path) -> list[str]:
        return sorted(path.name for path in folder.iterdir() if path.is_file())


def whole(blocks: Iterable[bytes], file: str) -> Iterator[Message]:
    yield Message(b"".join(blocks), {"file": file})


async def take(source: SftpFolder) -> list[str]:
    """The bodies of all messages, each page settled."""
    bodies: list[str] = []
    while (page := await source.fetch()).messages:
        bodies += texts(page)
        await source.settled(page)
    return bodies


def texts(page: Page) -> list[str]:
    return [message.body.decode() for message in page.messages]


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    there, here = tmp_path / "there", tmp_path / "here"
    (there / "out").mkdir(parents=True)
    host_key, key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    key.write_private_key(tmp_path / "key")
    key.write_public_key(tmp_path / "authorized")
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        authorized_client_keys=str(tmp_path / "authorized"),
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=bytes(there)),
    )
    port = server.get_port()
    public = host_key.export_public_key().decode()
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}")
    yield Machine(tmp_path, there / "out", here, port)
    server.close()
    await server.wait_closed()


async def test_files_are_brought_taken_in_and_moved_there(machine: Machine) -> None:
    machine.drop("a", "1")
    machine.drop("b", "2")
    assert ["1", "2"] == sorted(await take(machine.source()))
    assert ([], ["a", "b"]) == (machine.names(machine.there), machine.names(machine.there / "done"))
    assert ["a", "b"] == machine.names(machine.here / "done")


async def test_files_may_be_deleted_there(machine: Machine) -> None:
    machine.drop("a", "1")
    assert ["1"] == await take(machine.source(after="delete"))
    assert [] == [path.name for path in machine.there.iterdir()]


async def test_a_file_that_is_brought_twice_counts_once(machine: Machine) -> None:
    """As after a crash between here and there."""
    machine.drop("a", "1")
    assert ["1"] == await take(machine.source())
    machine.drop("a", "1")
    assert [] == await take(machine.source())
    assert ([], []) == (machine.names(machine.there), machine.problems)


async def test_what_was_brought_is_taken_in_before_more_is_brought(machine: Machine) -> None:
    machine.drop("a", "1")
    source = machine.source()
    page = await source.fetch()
    machine.drop("b", "2")
    assert page is await source.fetch()
    await source.settled(page)
    assert ["2"] == texts(await source.fetch())


async def test_a_file_that_grows_there_is_not_complete(machine: Machine) -> None:
    source = machine.source("unchanged")
    machine.drop("a", "1")
    assert [] == await take(source)
    machine.time = 9
    machine.drop("a", "12")
    assert [] == await take(source)
    machine.time = 19
    assert ["12"] == await take(source)


async def test_a_marker_there_says_that_a_file_is_complete(machine: Machine) -> None:
    source = machine.source("marked")
    machine.drop("a", "1")
    machine.drop("b.tmp", "1")
    assert [] == await take(source)
    machine.drop("a.done", "")
    assert ["1"] == await take(source)
    assert ["b.tmp"] == machine.names(machine.there)


async def test_links_there_are_not_followed(machine: Machine) -> None:
    (machine.there / "a").symlink_to(machine.home / "key")
    (machine.there / "b").mkdir()
    assert [] == await take(machine.source())


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "a/b", "a\\b", "a\0"])
def test_a_path_is_no_name(name: str) -> None:
    assert not is_name(name)
    assert is_name(f"a{name.strip('./' + chr(92) + chr(0) + 'ab')}.csv")


@pytest.mark.parametrize(
    "file", ["key", "known_hosts"], ids=["a key that is not ours", "a server that is not known"]
)
async def test_who_is_not_known_gets_nothing(machine: Machine, file: str) -> None:
    machine.drop("a", "1")
    other = asyncssh.generate_private_key("ssh-ed25519")
    if file == "key":
        other.write_private_key(machine.home / "key")
    else:
        public = other.export_public_key().decode()
        (machine.home / file).write_text(f"[127.0.0.1]:{machine.port} {public}")
    with pytest.raises(OSError, match=r"SFTP 127\.0\.0\.1"):
        await machine.source().fetch()
    assert ["a"] == machine.names(machine.there)


@pytest.mark.parametrize(
    "options", [{"port": 1}, {"path": "nowhere"}, {"key": Path("/nowhere")}], ids=str
)
async def test_what_cannot_be_reached_is_an_os_error(
    machine: Machine, options: dict[str, Any]
) -> None:
    with pytest.raises(OSError, match=r"."):
        await machine.source(**options).fetch()


def test_sftp_without_its_library_is_reported_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "adapters.toml"
    path.write_text(
        '[adapters.far]\nkind = "x12"\nfolder = { path = "far", sftp = { host = "h", user = "u", '
        'key = "k", known_hosts = "n" } }\n'
    )
    _, [far] = load(path)
    assert far.settings.folder is not None
    assert far.settings.folder.sftp is not None
    assert tmp_path / "k" == far.settings.folder.sftp.key
    monkeypatch.setitem(sys.modules, "asyncssh", None)
    with pytest.raises(ConfigError, match=r"adapters\.far\.folder\.sftp: needs pip install"):
        load(path)


def test_the_host_brings_what_is_set_to_be_brought(tmp_path: Path) -> None:
    drop = FolderOptions(path=tmp_path)
    sftp = SftpOptions(host="h", user="u", key=tmp_path, known_hosts=tmp_path)
    folder = Folder(drop, whole, lambda: 0.0, lambda _name, _why: None)
    assert isinstance(brought_by_sftp(folder, drop, sftp), SftpFolder)
