"""The node's end of the process that keeps the ledger: it forwards questions and answers as bytes.

    question  size u32 · durable position u64 · name of the method · a zero byte · request
    answer    size u32 · kind u8 · response, or a fault as JSON, or a note for the log

Integers are little-endian, sizes are those of what follows the header. Answers come in the order of
the questions. A process that ends is started again, after a longer wait each time: the node serves
without one as well.
"""

import asyncio
import json
import socket
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import grpc
import structlog
from google.protobuf.message import Message

from ..wire import faults
from ..wire.encoding import Encoded
from ..wire.faults import Blame, Fault
from .snapshots import retry_s

log = structlog.get_logger()

QUESTION: Final = struct.Struct("<IQ")
HEADER: Final = struct.Struct("<IB")
ANSWER, FAULT, NOTE = range(3)

COMMAND: Final = (sys.executable, "-m", "holdfast.edge.server.ledger_process")

#: Questions that may wait: the process answers one at a time.
_WAITING_MAX: Final = 256


class LedgerReader:
    """Asks the ledger's process of a data directory, which runs while `run` does.

    `durable_position` gives the last append that is durable. The process leaves `reserve_bytes` of
    the disk to the journal.
    """

    def __init__(
        self,
        data_dir: Path,
        reserve_bytes: int,
        durable_position: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._data_dir, self._reserve_bytes = data_dir, reserve_bytes
        self.durable_position = durable_position
        self._sleep = sleep
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: deque[asyncio.Future[bytes]] = deque()

    def __repr__(self) -> str:
        return f"<LedgerReader of {self._data_dir}, {len(self._waiting)} questions>"

    async def ask(self, method: str, request: Message) -> Encoded:
        """The response of a method of LedgerService. Raises a `Fault`."""
        if self._writer is None:
            raise faults.ledger_unavailable("its process is starting")
        if len(self._waiting) >= _WAITING_MAX:
            raise faults.ledger_unavailable(f"{_WAITING_MAX} questions wait already")
        body = method.encode() + b"\0" + request.SerializeToString()
        self._writer.write(QUESTION.pack(len(body), self.durable_position()) + body)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return Encoded(await future)

    async def run(self) -> None:
        """Keep a process running, until cancelled."""
        failures = 0
        while True:
            answered = False
            try:
                answered = await self._run_once()
            except Exception as error:  # whatever it is, it may not end this for good
                log.warning("ledger failed", reason=repr(error), exc_info=error)
            failures = 1 if answered else failures + 1
            await self._sleep(retry_s(failures))

    async def _run_once(self) -> bool:
        """Run one process to its end, and return whether it answered anything."""
        ours, process = _start(self._data_dir, self._reserve_bytes)
        reader, self._writer = await asyncio.open_connection(sock=ours)
        try:
            with closing(self._writer):
                answered = await self._read_answers(reader)
            _, said = await asyncio.to_thread(process.communicate)
            reason = said.decode(errors="replace").strip().splitlines()
            log.warning("ledger ended", code=process.returncode, reason="".join(reason[-1:]))
        finally:
            self._writer = None
            self._give_up()
            await _end(process)
        return answered

    async def _read_answers(self, reader: asyncio.StreamReader) -> bool:
        answered = False
        while True:
            try:
                size, kind = HEADER.unpack(await reader.readexactly(HEADER.size))
                data = await reader.readexactly(size)
            except (asyncio.IncompleteReadError, ConnectionError):
                return answered
            if kind == NOTE:
                log.warning("ledger", note=data.decode())
                continue
            answered = True
            future = self._waiting.popleft()
            if future.done():
                continue  # the caller went away
            if kind == ANSWER:
                future.set_result(data)
            else:
                future.set_exception(read_fault(data))

    def _give_up(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(faults.ledger_unavailable("its process ended"))


def _start(data_dir: Path, reserve_bytes: int) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Our end of the socket, and the process at the other. See snapshots.py for why not uvloop."""
    ours, its = socket.socketpair()
    with its, ExitStack() as unused:
        unused.enter_context(ours)
        command = [*COMMAND, str(data_dir), str(reserve_bytes)]
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=its.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        unused.pop_all()
    return ours, process


async def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a process whose socket is closed."""
    if process.stderr is not None:
        process.stderr.close()
    await asyncio.shield(asyncio.to_thread(process.wait))


def read_fault(data: bytes) -> Fault:
    """The fault that ledger_process.encoded_fault encoded."""
    code, reason, message, metadata, retry_after_s, blames = json.loads(data)
    blamed = [Blame(*blame) for blame in blames]
    return Fault(grpc.StatusCode[code], reason, message, metadata, retry_after_s, blamed)
