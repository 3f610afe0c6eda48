"""A disk that fails when told to: faulty_disk.c as a library, what it is told, and what it notes.

It is built by the machine's C compiler into a folder of the test and preloaded into the processes
under test. How a call may fail:

    skipped        an error, and nothing was done
    made           an error, and all was done
    short          a write of the first half, which it reports; another call is skipped
    killed_before  the process is killed in place of the call
    killed_after   the process is killed when the call is done
"""

import errno
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import pytest

_CONTROL = struct.Struct("<QQQIi")
_RECORD = struct.Struct("<IIIIIIQQ")


class How(IntEnum):
    """How a call goes."""

    WELL = 0
    SKIPPED = 1
    MADE = 2
    SHORT = 3
    KILLED_BEFORE = 4
    KILLED_AFTER = 5


class Call(IntEnum):
    """What a call asks of the disk, or what a process notes between its calls."""

    CREATE = 0
    MKDIR = 1
    WRITE = 2
    SYNC = 3
    SYNC_FOLDER = 4
    RENAME = 5
    UNLINK = 6
    TRUNCATE = 7
    NOTE = 8


@dataclass(frozen=True, slots=True)
class Record:
    """A call that was noted."""

    call: Call
    how: How
    path: str
    """From the watched folder on, as is `other`, the new name of a rename. In a note, its text."""
    other: str
    data: bytes
    """Of a write: what was done of it, or would have been when it was skipped."""
    is_synced: bool
    inode: int
    offset: int
    """Of a write; the new size of a file that is cut."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Which calls go how, counted from 0."""

    first: int
    how: How
    error: int = errno.EIO
    count: int = 1
    """1 is a mishap; a disk that has died fails every call from the first on."""

    def __str__(self) -> str:
        name = errno.errorcode[self.error]
        return f"{self.first}-{self.how.name.lower()}-{name}{'' if self.count == 1 else '-and-on'}"


NO_FAULT = Fault(0, How.WELL)


def note(text: str) -> None:
    """Write a note into the log, from a process that runs in the environment."""
    data = text.encode()
    log = os.open(os.environ["FAULTY_DISK_LOG"], os.O_WRONLY | os.O_APPEND)
    os.write(log, _RECORD.pack(Call.NOTE, How.WELL, len(data), 0, 0, 0, 0, 0) + data)
    os.close(log)


def build_library(folder: Path) -> Path:
    """The library. Skips the test on a machine without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler here to build the faulty disk with")
    source, library = Path(__file__).with_suffix(".c"), folder / "faulty_disk.so"
    options = ["-O1", "-Wall", "-Werror", "-shared", "-fPIC"]
    subprocess.run([compiler, *options, source, "-o", library, "-ldl"], check=True)
    return library


class FaultyDisk:
    """What lies under a folder, for processes that run in its `environment`."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.root = folder / "disk"
        self.root.mkdir(parents=True)
        self._control, self._log = folder / "control", folder / "log"
        self.environment = os.environ | {
            "LD_PRELOAD": str(library),
            "FAULTY_DISK_ROOT": str(self.root),
            "FAULTY_DISK_CONTROL": str(self._control),
            "FAULTY_DISK_LOG": str(self._log),
        }
        self.forget()

    def forget(self) -> None:
        """Begin a new log, with no fault."""
        self.arm(NO_FAULT)
        self._log.write_bytes(b"")

    def arm(self, fault: Fault) -> None:
        """Count calls from 0 again, and let some fail."""
        end = fault.first + fault.count
        data = _CONTROL.pack(0, fault.first, end, fault.how, fault.error)
        if self._control.exists():  # in place: it is mapped
            with self._control.open("r+b") as file:
                file.write(data)
        else:
            self._control.write_bytes(data)

    @property
    def calls(self) -> int:
        """How many there were since it was armed."""
        return int(_CONTROL.unpack(self._control.read_bytes())[0])

    def records(self) -> list[Record]:
        """What was noted since `forget`, in order."""
        return list(self._parse(self._log.read_bytes()))

    def _parse(self, log: bytes) -> Iterator[Record]:
        at = 0
        while at < len(log):
            call, how, *sizes, is_synced, inode, offset = _RECORD.unpack_from(log, at)
            at += _RECORD.size
            parts = []
            for size in sizes:
                parts.append(log[at : at + size])
                at += size
            path, other = (self._within(part) for part in parts[:2])
            facts = (bool(is_synced), inode, offset)
            yield Record(Call(call), How(how), path, other, parts[2], *facts)

    def _within(self, path: bytes) -> str:
        return os.fsdecode(path).removeprefix(str(self.root)).removeprefix("/")
