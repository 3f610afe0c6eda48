"""Callers who do nothing odd, beside those of a test who do, and the books they leave."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import psutil

from holdfast.edge.client import Client, calls
from tests.edge.node_process import NodeProcess
from tests.edge.raw import (
    CALL_TIMEOUT_S,
    OK,
    WAREHOUSE,
    Wire,
    are_known,
    figures_of,
    new_name,
    put_stock,
)
from tests.real_time import wait_until_so

NEIGHBOURS: Final = 6

#: Orders that are asked for at once.
ASKED_AT_ONCE: Final = 500

#: More units than any test wants.
UNITS: Final = 1_000_000


@dataclass(slots=True)
class Neighbours:
    """What became of their calls so far."""

    sku: str
    codes: Counter[str] = field(default_factory=Counter)
    kept: list[str] = field(default_factory=list)
    is_over: bool = False

    async def work(self, target: str) -> None:
        """Reserve and release, over a connection of one's own; keep every third."""
        async with Wire(target) as wire:
            while not self.is_over or not self.kept:
                order = new_name("neighbour")
                asked = await wire.send_call(calls.reserve(order, [(self.sku, WAREHOUSE, 1)]))
                self.codes[asked.code] += 1
                if self.codes[OK] % 3 == 0:
                    self.kept.append(order)
                    continue
                given = await wire.send_call(calls.release(order))
                self.codes[given.code] += 1


@asynccontextmanager
async def neighbours(node: NodeProcess) -> AsyncIterator[Neighbours]:
    """Let them work until the block ends; then each of their calls was answered."""
    they = Neighbours(await new_sku(node))
    working = asyncio.gather(*(they.work(node.target) for _ in range(NEIGHBOURS)))
    try:
        yield they
    finally:
        they.is_over = True
        await working
    assert {OK} == set(they.codes), they.codes
    assert len(they.kept) == await live_holds(node, they.sku, 1, they.kept)


async def new_sku(node: NodeProcess) -> str:
    """A SKU with more units than any test wants."""
    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S, own_connection=True) as client:
        return (await put_stock(client, UNITS))[0]


async def live_holds(node: NodeProcess, sku: str, units: int, orders: list[str]) -> int:
    """How many of these orders, of so many units each, hold them, once the books say the same: a
    call that was cut off may still be under way.
    """
    known = 0
    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S, own_connection=True) as client:

        async def are_right() -> bool:
            nonlocal known
            known = 0
            for start in range(0, len(orders), ASKED_AT_ONCE):
                known += sum(await are_known(client, orders[start : start + ASKED_AT_ONCE]))
            return await figures_of(client, sku) == (UNITS, units * known, 0)

        await wait_until_so(are_right)
    return known


def memory_mib(node: NodeProcess) -> dict[int, float]:
    """Resident memory of the engine and its fronts, by process."""
    return {
        pid: psutil.Process(pid).memory_info().rss / (1 << 20)
        for pid in (node.pid, *node.front_pids)
    }


def open_files(node: NodeProcess) -> dict[int, int]:
    """Descriptors of the engine and its fronts, by process."""
    return {pid: psutil.Process(pid).num_fds() for pid in (node.pid, *node.front_pids)}
