"""grpc.health.v1, for the node and each of its services alike.

grpc_health's own servicer is not used: when one watcher of a name leaves, the others of that name
are told nothing any more, and no watcher leaves before its caller does.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2

#: gRPC's context of a call, which has no types.
Context = Any

_Response = health_pb2.HealthCheckResponse


class Health:
    """Serves Check and Watch; all names have one status."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(("", *names))
        self._status: Any = _Response.NOT_SERVING
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Health {_Response.ServingStatus.Name(self._status)}>"

    def tell(self, *, is_serving: bool) -> None:
        """Set the status, and tell all who watch when it has changed."""
        status = _Response.SERVING if is_serving else _Response.NOT_SERVING
        if status != self._status:
            self._status = status
            self._changed.set()
            self._changed = asyncio.Event()

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> health_pb2.HealthCheckResponse:
        """The status of a name; NOT_FOUND for one that does not exist."""
        if request.service not in self._names:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no service {request.service!r}")
        return _Response(status=self._status)

    async def Watch(
        self, request: health_pb2.HealthCheckRequest, _context: Context
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """The status of a name now and whenever it changes."""
        if request.service not in self._names:
            # The protocol wants the stream to stay, in case the service comes.
            yield _Response(status=_Response.SERVICE_UNKNOWN)
            await asyncio.Event().wait()
        while True:
            changed = self._changed
            yield _Response(status=self._status)
            await changed.wait()
