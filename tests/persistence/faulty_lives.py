"""Lives on a faulty disk: the program that runs in its environment, and what it reports.

    python -m tests.persistence.faulty_lives

It takes a line for each life, `live FOLDER SEED TURNS` or `snapshot FOLDER`, lives it in a process
of its own, and says how that has ended. Its journal is written by one more process, as a node's is.
The life notes in the log of the disk:

    at POSITION STATE      what will be appended there leads to this state
    answered POSITION      it is durable, says the journal
    written NAME           so is a snapshot
    stopped REASON         an error has ended it
"""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from holdfast.core.node import Node
from holdfast.core.tables.effects import Entry
from holdfast.persistence.journal_process.parent import JournalProcess
from holdfast.persistence.recovery import RECOVERY_ERRORS
from holdfast.persistence.snapshots.file import SnapshotError
from tests.persistence.faulty_disk import FaultyDisk, note
from tests.persistence.lives import Life, live_on, reopen, snapshot_of

STOPPED = 74


class Lives:
    """Lives in the environment of a faulty disk, one after the other."""

    def __init__(self, disk: FaultyDisk) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            env=disk.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        assert 0 == self._process.returncode

    def live(self, folder: Path, seed: int, turns: int) -> int:
        """Open a directory, let so many turns pass, and return how that ended: 0, STOPPED, or
        -9 when it was killed.
        """
        return self._run(f"live {folder} {seed} {turns}")

    def write_snapshot(self, folder: Path) -> int:
        """Write a snapshot of a directory that nobody serves; return how that ended."""
        return self._run(f"snapshot {folder}")

    def _run(self, line: str) -> int:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def state_of(node: Node) -> str:
    """The state as one word: names, quantities, and how often each shard has changed."""
    return "-".join([node.state_hash(), *(str(shard.sequence) for shard in node.shards)])


class _Writer:
    """Appends through the process that writes, and waits for each to be answered."""

    def __init__(self, journal: JournalProcess, loop: asyncio.AbstractEventLoop) -> None:
        self._journal, self._loop = journal, loop
        self.node = Node(1)
        loop.run_until_complete(self._start())

    async def _start(self) -> None:
        self._journal.start(self._appended, self._failed)

    @property
    def position(self) -> int:
        return self._journal.position

    def append(self, entries: Sequence[Entry]) -> int:
        note(f"at {self.position + 1} {state_of(self.node)}")
        self._loop.run_until_complete(self._append(entries))
        note(f"answered {self.position}")
        return self.position

    async def _append(self, entries: Sequence[Entry]) -> None:
        self._answer = self._loop.create_future()
        self._journal.append(entries)
        await self._answer

    def _appended(self, _seconds: float, _headroom_bytes: int) -> None:
        self._answer.set_result(None)

    def _failed(self, error: BaseException) -> None:
        self._answer.set_exception(error)


def _live(path: Path, seed: int, turns: int) -> None:
    recovered = reopen(path)
    position = recovered.journal.position
    note(f"at {position} {state_of(recovered.node)}")
    note(f"answered {position}")
    loop = asyncio.new_event_loop()
    parts = (recovered.journal, recovered.chain, recovered.epoch, recovered.lock)
    writer = _Writer(JournalProcess(*parts), loop)
    writer.node = recovered.node
    Life(recovered.node, writer, random.Random(seed)).live(turns)


def _run(words: list[str]) -> int:
    try:
        match words:
            case ["live", path, seed, turns]:
                _live(Path(path), int(seed), int(turns))
            case ["snapshot", path]:
                note(f"written {snapshot_of(Path(path)).name}")
    except (*RECOVERY_ERRORS, SnapshotError, OSError) as error:
        note(f"stopped {error}")
        return STOPPED
    return 0


def main() -> None:
    """Live what is asked for until nothing more is."""
    # Kernels that are loaded here are there after each fork.
    with TemporaryDirectory() as folder:
        live_on(Path(folder), turns=5, seed=1)
        reopen(Path(folder)).close()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            code = 1
            try:
                code = _run(line.split())
            finally:
                os._exit(code)
        os.write(1, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main()
