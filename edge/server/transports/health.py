"""grpc.health.v1, for the node and each of its services alike.

grpc_health's own servicer is not used: when one watcher of a name leaves, the others of that name
hear nothing any more, and no watcher leaves before its caller does.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import SERVICE_NAME

from ...wire import faults
from ..call_status import CallStatus
from ..context import CallContext
from ..endpoints import Endpoint
from ..methods import Kind

_Response = health_pb2.HealthCheckResponse


class Health:
    """Serves Check and Watch; all names have one status."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(("", *names))
        self._status: Any = _Response.NOT_SERVING
        self._changed = asyncio.Event()
        self.endpoints = (
            Endpoint(f"/{SERVICE_NAME}/Check", Kind.UNARY, self.check),
            Endpoint(f"/{SERVICE_NAME}/Watch", Kind.SERVER_STREAM, self.watch),
        )

    def __repr__(self) -> str:
        return f"<Health {_Response.ServingStatus.Name(self._status)}>"

    def set_serving(self, *, is_serving: bool) -> None:
        """Set the status, and tell all who watch when it has changed."""
        status = _Response.SERVING if is_serving else _Response.NOT_SERVING
        if status != self._status:
            self._status = status
            self._changed.set()
            self._changed = asyncio.Event()

    async def check(self, data: bytes, _call: CallContext) -> bytes:
        """The status of a name. Raises a `CallStatus`, NOT_FOUND, for one that does not exist."""
        name = _name_in(data)
        if name not in self._names:
            raise CallStatus(grpc.StatusCode.NOT_FOUND, f"no service {name!r}", b"", None)
        return _encoded(self._status)

    async def watch(self, data: bytes, _call: CallContext) -> AsyncIterator[bytes]:
        """The status of a name now and whenever it changes."""
        if _name_in(data) not in self._names:
            # The protocol wants the stream to stay, in case the service comes.
            yield _encoded(_Response.SERVICE_UNKNOWN)
            await asyncio.Event().wait()
        while True:
            changed = self._changed
            yield _encoded(self._status)
            await changed.wait()


def _name_in(data: bytes) -> str:
    try:
        return str(health_pb2.HealthCheckRequest.FromString(data).service)
    except DecodeError as error:
        raise CallStatus.of(faults.malformed(str(error))) from error


def _encoded(status: Any) -> bytes:
    encoded: bytes = _Response(status=status).SerializeToString()
    return encoded
