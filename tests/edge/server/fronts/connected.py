"""Both ends of a front's connection in one loop, with a socket between them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from holdfast.edge.server.endpoints import Endpoint
from holdfast.edge.server.fronts.engine_end import EngineEnd
from holdfast.edge.server.fronts.front_end import FrontEnd


@asynccontextmanager
async def connected_ends(
    endpoints: Sequence[Endpoint],
) -> AsyncIterator[tuple[FrontEnd, EngineEnd]]:
    """A front and an engine that works its calls, until the block ends or either is closed."""
    loop = asyncio.get_running_loop()
    front = FrontEnd(lambda _is_serving: None, lambda _grace_s: None, lambda: None)
    engine = EngineEnd(endpoints)
    ours, its = socket.socketpair()
    ways = [
        (await loop.create_unix_connection(lambda: front, sock=ours))[0],
        (await loop.create_unix_connection(lambda: engine, sock=its))[0],
    ]
    try:
        yield front, engine
    finally:
        for way in ways:
            way.close()
        await engine.has_ended.wait()
