"""Which levels a watcher is told of when SKUs end."""

import asyncio

from holdfast.core.commands import DeleteSku
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
