"""Which levels a watcher is told of: each once, and those of SKUs that end."""

import asyncio

import numpy as np

from holdfast.core.commands import DeleteSku
from holdfast.edge.server.watch.watched_rows import SPARSE, distinct
from holdfast.v1 import watch_service_pb2 as watch
from tests.edge.server.watch.test_days import rounds_until, watching
from tests.edge.server.watch.test_states import opened


async def test_the_end_of_a_sku_is_told_where_nothing_was_told_of_it_before() -> None:
    bench, watches = await opened()
    async with watching(watches, skus=["Pot"], start=watch.WATCH_START_NOW) as responses:
        await anext(responses)
        following = asyncio.ensure_future(anext(responses))
        await bench.ask(DeleteSku("Pot"))
        await rounds_until(following.done)
        assert [("Pot", True)] == [(each.sku, each.removed) for each in (await following).levels]
    await bench.pump.drain()


def test_each_row_is_found_once_among_few_and_among_many() -> None:
    rows = np.array([5, 0, 5, 7, 7])
    for count in (8, SPARSE * len(rows), SPARSE * len(rows) + 1):
        assert [0, 5, 7] == distinct(rows, count).tolist()
        assert [] == distinct(rows[:0], count).tolist()
