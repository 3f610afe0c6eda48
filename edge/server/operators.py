"""The operators' methods, on a listener of their own: as service.py, one short method per RPC."""

from collections.abc import Awaitable, Callable

from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.core.commands.registry import RESET_SOURCE

from ..wire.sources import reset_from_request, reset_response
from .admission import Admission
from .context import CallContext


class Operators:
    """The methods of holdfast.admin.v1."""

    def __init__(
        self,
        admission: Admission,
        status: Callable[[admin.GetStatusRequest], Awaitable[admin.GetStatusResponse]],
    ) -> None:
        self.admission = admission
        self.status = status

    async def GetStatus(
        self, request: admin.GetStatusRequest, _context: CallContext
    ) -> admin.GetStatusResponse:
        """Report what the node is doing."""
        return await self.status(request)

    async def ResetSource(
        self, request: admin.ResetSourceRequest, context: CallContext
    ) -> admin.ResetSourceResponse:
        """Let a source number its events anew."""
        command = reset_from_request(request)
        return reset_response(await self.admission.ask(RESET_SOURCE, context, command))
