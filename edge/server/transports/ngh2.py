"""Endpoints behind connections of libnghttp2, on the loop of this process."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress

from ..endpoints import Endpoint
from ..fair_rounds import Rounds
from .http2.connection import Http2Connection, Served
from .listening import BACKLOG, listening_socket
from .own_services import OwnServices


class Ngh2Transport:
    """A server of gRPC in this process.

    `services` are the full names of those that the endpoints belong to.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        services: Sequence[str],
        address: str,
        message_bytes_max: int,
        *,
        shares_port: bool = False,
    ) -> None:
        """`shares_port` lets other processes of the same user listen on the port as well."""
        self.restarts = 0
        self._address = address
        self._shares_port = shares_port
        self._own = OwnServices(services)
        self._served = Served(
            {each.name.encode(): each for each in (*endpoints, *self._own.endpoints)},
            message_bytes_max,
            asyncio.get_running_loop(),
            Rounds(),
        )
        self._server: asyncio.Server | None = None

    def __repr__(self) -> str:
        return f"<Ngh2Transport at {self._address}>"

    async def start(self) -> int:
        """Listen, and return the port. Raises OSError when the address is taken."""
        listening = listening_socket(self._address, shares_port=self._shares_port)
        port: int = listening.getsockname()[1]
        self._server = await self._served.loop.create_server(
            lambda: Http2Connection(self._served), sock=listening, backlog=BACKLOG
        )
        return port

    def set_serving(self, *, is_serving: bool) -> None:
        """Let the health service say so."""
        self._own.set_serving(is_serving=is_serving)

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, and wait that long for those under way."""
        self._own.end_streams()
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._served.connections):
            connection.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._served.are_gone()
        for connection in tuple(self._served.connections):
            connection.end()
