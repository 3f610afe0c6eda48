"""What the adapters must not lose, in one LMDB file: what came in, cursors, dead letters, controls,
and what channels show.

Rules of this file: a change is durable when `write` returns. Changes that wait at the same time
share one transaction: that is the group commit, and it grows with the load by itself. An error of
the disk is final, as in the node's journal: the process stops, and its next start reads what the
disk has. The command line opens the same file beside a running process; LMDB keeps them apart.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import lmdb

#: LMDB 0.9: later ones have another file format. The node's journal names the same.
_LIB_VERSION: Final = 0

Result = TypeVar("Result")
Change = Callable[["Tables"], Result]

#: Seconds after which one tries again to write into a store that was full.
FULL_S: Final = 2.0


class StoreFull(Exception):  # noqa: N818 - says what happened
    """There is no room for what was to be kept; nothing of it was."""


class StoreFailed(Exception):  # noqa: N818 - says what happened
    """The disk failed. What was to be kept may be lost: the process has to stop."""


class Table(NamedTuple):
    """One table in a transaction."""

    transaction: Any
    database: Any

    def get(self, key: bytes) -> bytes | None:
        """The value of a key."""
        value: bytes | None = self.transaction.get(key, db=self.database)
        return value

    def put(self, key: bytes, value: bytes) -> None:
        """Set the value of a key."""
        self.transaction.put(key, value, db=self.database)

    def delete(self, key: bytes) -> bool:
        """Delete a key; whether it was there."""
        return bool(self.transaction.delete(key, db=self.database))

    def entries(self, prefix: bytes = b"", after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Keys and values under a prefix in order of the keys, from the one after `after` on."""
        with self.transaction.cursor(db=self.database) as cursor:
            found = cursor.set_range(after or prefix) if after or prefix else cursor.first()
            while found:
                key, value = cursor.item()
                if not key.startswith(prefix):
                    return
                if key != after:
                    yield key, value
                found = cursor.next()

    def newest(self) -> Iterator[bytes]:
        """Values in the order of their keys, from the last one back."""
        with self.transaction.cursor(db=self.database) as cursor:
            yield from cursor.iterprev(keys=False, values=True)

    def size(self) -> int:
        """How many keys there are."""
        return int(self.transaction.stat(db=self.database)["entries"])


class Tables(NamedTuple):
    """All tables in one transaction."""

    inbox: Table
    """Adapter and number -> a message that waits for delivery."""
    outbox: Table
    """Adapter and number -> a change that a partner is to be told of."""
    seen: Table
    """Hash of adapter and key -> hash of the content of a message that came."""
    seen_times: Table
    """Time and hash of adapter and key -> nothing: the order in which `seen` is forgotten."""
    seen_again: Table
    """Hash of adapter and key -> the last of its times, where it has several."""
    dead_letters: Table
    """Number -> a message or an event that could not be delivered."""
    cases: Table
    """Number -> a case of the exception queue."""
    open_cases: Table
    """Hash of kind and subject -> number of the case that is open."""
    cursors: Table
    """Adapter and purpose -> where it has come to."""
    controls: Table
    """Adapter -> what an operator has ordered."""
    unmapped: Table
    """Adapter, table and name -> how often a mapping was missing."""
    levels: Table
    """SKU and location -> what the core reported of a stock level last."""
    pairs: Table
    """Adapter and hash of an item and a node -> what a channel shows of it."""
    walks: Table
    """Adapter, number and place -> the offers of a walk to a channel, and its answers so far."""
    tills: Table
    """Adapter and hash of a source -> which of its numbers came."""
    awaited: Table
    """Hash of the source and id of an event -> the reversal that waits for it."""
    numbers: Table
    """Name of a sequence -> its last number."""

    def next_number(self, sequence: bytes, count: int = 1) -> int:
        """The first of so many new numbers of a sequence, which begins at 1."""
        last = int.from_bytes(self.numbers.get(sequence) or b"")
        self.numbers.put(sequence, (last + count).to_bytes(8))
        return last + 1


class Store:
    """The file. `write` belongs to the event loop; `reading` may be used wherever it was opened."""

    FILE: Final = "adapters.lmdb"
    """Its name in the folder."""

    def __init__(self, folder: Path, map_size_bytes: int) -> None:
        """Open it, and make it where it is not there yet. Raises StoreFailed."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / self.FILE
        try:
            self._env = lmdb.open(
                str(self.path),
                map_size=map_size_bytes,
                subdir=False,
                max_dbs=len(Tables._fields),
                lib_version=_LIB_VERSION,
            )
            self._databases = [self._env.open_db(name.encode()) for name in Tables._fields]
        except lmdb.Error as error:
            raise StoreFailed(f"{self.path}: cannot be opened: {error}") from error
        self._thread = ThreadPoolExecutor(1, "adapters-store")
        self._waiting: list[tuple[Change[Any], asyncio.Future[Any]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._failure: StoreFailed | None = None

    def __repr__(self) -> str:
        return f"<Store {self.path}>"

    def close(self) -> None:
        """Close the file, once nothing is written any more."""
        self._thread.shutdown()
        self._env.close()

    @contextmanager
    def reading(self) -> Iterator[Tables]:
        """Yield the tables as they are now. Do not wait inside: a reader pins old pages."""
        with self._env.begin() as transaction:
            yield self._tables(transaction)

    async def write(self, change: Change[Result]) -> Result:
        """Make a change durable and return what it returns. It runs on a thread of the store, and
        must not raise but for a defect.

        Raises StoreFull, and StoreFailed on this and every later call.
        """
        if self._failure is not None:
            raise self._failure
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((change, future))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting(), name="adapters-store")
        return await future

    def write_now(self, change: Change[Result]) -> Result:
        """The same for the command line, which has no event loop."""
        result: Result = self._commit([change])[0]
        return result

    async def _write_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            changes = [change for change, _ in batch]
            try:
                results = await loop.run_in_executor(self._thread, self._commit, changes)
            except StoreFull as error:
                await self._write_apart(batch, error)
            except Exception as error:  # noqa: BLE001 - raised for everybody who waits
                self._fail(batch, error)
            else:
                for (_, future), result in zip(batch, results, strict=True):
                    _settle(future, result)

    async def _write_apart(
        self, batch: list[tuple[Change[Any], asyncio.Future[Any]]], error: StoreFull
    ) -> None:
        """One by one: what fits does not suffer for what does not."""
        if len(batch) == 1:
            _settle(batch[0][1], error)
            return
        loop = asyncio.get_running_loop()
        for change, future in batch:
            try:
                [result] = await loop.run_in_executor(self._thread, self._commit, [change])
            except StoreFull as apart:
                result = apart
            except Exception as failed:  # noqa: BLE001 - told to everybody who waits
                self._fail(batch, failed)
                return
            _settle(future, result)

    def _fail(self, batch: list[tuple[Change[Any], asyncio.Future[Any]]], error: Exception) -> None:
        failure = error if isinstance(error, StoreFailed) else StoreFailed(f"{error!r}")
        self._failure = failure
        for _, future in [*batch, *self._waiting]:
            _settle(future, failure)
        self._waiting = []

    def _commit(self, changes: list[Change[Any]]) -> list[Any]:
        try:
            self._env.reader_check()  # a command that was killed while it read pins old pages
            with self._env.begin(write=True) as transaction:
                tables = self._tables(transaction)
                return [change(tables) for change in changes]
        except lmdb.MapFullError as error:
            size = self._env.info()["map_size"]
            raise StoreFull(f"{self.path} is full: it holds {size:,} bytes") from error
        except (lmdb.Error, OSError) as error:
            raise StoreFailed(f"{self.path}: {error}") from error

    def _tables(self, transaction: Any) -> Tables:
        return Tables(*(Table(transaction, database) for database in self._databases))


def _settle(future: asyncio.Future[Any], result: Any) -> None:
    """Whoever asked may have gone meanwhile; the change is made all the same."""
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
