"""Health and reflection: the services that a transport has besides those of the node."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from grpc_health.v1.health import SERVICE_NAME as HEALTH_NAME

from ...wire.faults import Fault
from ..call_status import CallStatus
from ..context import CallContext
from ..endpoints import Endpoint
from ..methods import Kind
from ..open_streams import OpenStreams
from .health import Health
from .reflection import reflection_endpoints


class OwnServices:
    """Endpoints of both, and what the transport tells them. `services` are the node's."""

    def __init__(self, services: Sequence[str]) -> None:
        names = (*services, HEALTH_NAME)
        self._open_streams = OpenStreams()
        self._health = Health(names)
        each = (*self._health.endpoints, *reflection_endpoints(names))
        self.endpoints: Final = tuple(self._ended_with_us(endpoint) for endpoint in each)

    def set_serving(self, *, is_serving: bool) -> None:
        """Let health say so."""
        self._health.set_serving(is_serving=is_serving)

    def end_streams(self) -> None:
        """End their streams, which run until cancelled."""
        self._open_streams.end()

    def _ended_with_us(self, endpoint: Endpoint) -> Endpoint:
        if endpoint.kind is Kind.UNARY:
            return endpoint

        async def respond(asked: Any, call: CallContext) -> AsyncIterator[bytes]:
            try:
                async for answer in self._open_streams.until_end(endpoint.respond(asked, call)):
                    yield answer
            except Fault as fault:
                raise CallStatus.of(fault) from fault

        return endpoint._replace(respond=respond)
