"""A batch that a stream refuses as a whole: its callers get the error, or it is sent again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

from holdfast.edge.client import InvalidArgument
from holdfast.edge.wire import faults
from tests.edge.client.stream_script import (
    ACCEPTED,
    Script,
    answer_to,
    batch_in,
    good,
    hold,
    playing,
    response_to,
)


async def busy(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """Have no room for a batch."""
    async for data in requests:
        yield response_to(data, status=faults.overloaded(0, 4_096).to_status())


async def refusing_reserves(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """Refuse batches of reserves as a whole, and answer the others."""
    status = faults.invalid("stock_levels", "0 values", "1 value").to_status()
    async for data in requests:
        is_reserve = batch_in(data)[0] == "reserve"
        yield response_to(data, status=status) if is_reserve else answer_to(data)


async def test_a_batch_that_failed_as_a_whole_fails_those_in_it_and_nobody_else() -> None:
    """The stream goes on, and so does whoever shares it."""
    script = Script(refusing_reserves)
    async with playing(script) as client, client.coalescer() as holdfast:
        asks = (hold(holdfast, "Tea"), holdfast.commit(uuid4()), holdfast.release(uuid4()))
        refused, *others = await asyncio.gather(*asks, return_exceptions=True)
        assert isinstance(refused, InvalidArgument)
        assert ("INVALID_VALUE", "stock_levels") == (refused.reason, refused.metadata["field"])
        assert [ACCEPTED] * 2 == others
    assert 1 == script.streams


async def test_a_batch_that_finds_no_room_is_sent_again() -> None:
    """Nothing was done, and the server asks to wait."""
    script = Script(busy, good)
    async with playing(script) as client, client.coalescer() as holdfast:
        assert ACCEPTED == await holdfast.commit(uuid4())
    assert [("commit", 1)] * 2 == script.batches
