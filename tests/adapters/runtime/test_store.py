"""The store: what was written is there, waiters share a transaction, and a full or broken disk."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import lmdb
import pytest

from holdfast.adapters.runtime.store import Store, StoreFailed, StoreFull, Tables

MIB = 1 << 20


def put(key: bytes, value: bytes) -> Any:
    def change(tables: Tables) -> bytes:
        tables.cursors.put(key, value)
        return key

    return change


def kept(store: Store) -> dict[bytes, bytes]:
    with store.reading() as tables:
        return dict(tables.cursors.entries())


async def test_what_is_written_outlives_the_process(tmp_path: Path) -> None:
    store = Store(tmp_path, 16 * MIB)
    assert b"a" == await store.write(put(b"a", b"1"))
    store.close()

    assert {b"a": b"1"} == kept(Store(tmp_path, 16 * MIB))


async def test_waiters_share_a_transaction(tmp_path: Path) -> None:
    store = Store(tmp_path, 16 * MIB)

    def transaction(tables: Tables) -> int:
        return int(tables.cursors.transaction.id())

    used = await asyncio.gather(*(store.write(transaction) for _ in range(50)))

    assert len(set(used)) <= 2


async def test_what_does_not_fit_is_refused_and_the_rest_is_kept(tmp_path: Path) -> None:
    store = Store(tmp_path, MIB)
    big = asyncio.create_task(store.write(put(b"big", bytes(4 * MIB))))
    small = asyncio.create_task(store.write(put(b"small", b"1")))

    with pytest.raises(StoreFull):
        await big
    assert b"small" == await small
    assert {b"small": b"1"} == kept(store)
    await store.write(put(b"later", b"2"))


async def test_after_a_failure_nothing_is_written_any_more(tmp_path: Path) -> None:
    store = Store(tmp_path, 16 * MIB)
    store._env.close()  # as good as a disk that is gone: LMDB fails from here on

    with pytest.raises(StoreFailed) as first:
        await store.write(put(b"a", b"1"))
    with pytest.raises(StoreFailed) as later:
        await store.write(put(b"b", b"1"))

    assert first.value is later.value
    assert {} == kept(Store(tmp_path, 16 * MIB))


@pytest.mark.parametrize("error", [OSError(5, "the disk is gone"), ValueError("a defect")])
async def test_a_failure_among_changes_that_are_written_apart_is_final_too(
    tmp_path: Path, error: Exception
) -> None:
    store = Store(tmp_path, MIB)

    def fail(_: Tables) -> None:
        raise error

    changes = [put(b"big", bytes(4 * MIB)), put(b"a", b"1"), fail, put(b"b", b"1")]
    async with asyncio.timeout(10):
        big, small, *others = await asyncio.gather(
            *map(store.write, changes), return_exceptions=True
        )
    with pytest.raises(StoreFailed) as later:
        await store.write(put(b"c", b"1"))

    assert isinstance(big, StoreFull)
    assert (b"a", [later.value] * 2) == (small, others)
    assert {b"a": b"1"} == kept(store)


async def test_a_caller_that_goes_does_not_undo_its_change(tmp_path: Path) -> None:
    store = Store(tmp_path, 16 * MIB)
    task = asyncio.create_task(store.write(put(b"a", b"1")))
    await asyncio.sleep(0)
    task.cancel()
    await store.write(put(b"b", b"2"))

    assert {b"a": b"1", b"b": b"2"} == kept(store)


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / Store.FILE).write_bytes(b"something else" * 1_000)

    with pytest.raises(StoreFailed, match="cannot be opened") as caught:
        Store(tmp_path, 16 * MIB)
    assert isinstance(caught.value.__cause__, lmdb.Error)


async def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    def taken(tables: Tables) -> int:
        return tables.next_number(b"n", 3)

    store = Store(tmp_path, 16 * MIB)
    assert [1, 4] == [await store.write(taken), await store.write(taken)]
    store.close()
    assert 7 == await Store(tmp_path, 16 * MIB).write(taken)


def test_a_command_that_was_killed_while_it_read_holds_no_room(tmp_path: Path) -> None:
    """Its reader would pin old pages for as long as the file is open, until the store is full."""
    store = Store(tmp_path, 16 * MIB)
    store.write_now(put(b"a", b"1"))
    reading = (
        "import sys, time, pathlib; from holdfast.adapters.runtime.store import Store\n"
        "with Store(pathlib.Path(sys.argv[1]), 1 << 24).reading() as tables:\n"
        "    list(tables.cursors.entries()); print(flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", reading, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        reader.kill()

    for _ in range(40):
        store.write_now(put(b"big", bytes(MIB)))
        store.write_now(lambda tables: tables.cursors.delete(b"big"))

    assert {b"a": b"1"} == kept(store)
