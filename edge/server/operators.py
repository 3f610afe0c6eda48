"""The operators' methods, on a listener of their own: as service.py, one short method per RPC."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.core.commands import Audit
from holdfast.core.commands.registry import (
    AUDIT,
    FORCE_RELEASE,
    GET_SOURCE,
    LIST_PENDING_REVERSALS,
    LIST_QUARANTINED_SKUS,
    LIST_SOURCES,
    REPAIR_LEVELS,
    RESET_SOURCE,
    SETTLE_SKU,
    UPDATE_SOURCE,
)

from ..wire import faults
from ..wire.auditing import audit_response, repair_from_request, repair_response
from ..wire.page_tokens import list_asked_for
from ..wire.reservations import forced_from_request, forced_response
from ..wire.sku_quarantine import (
    quarantined_from_request,
    quarantined_response,
    settle_from_request,
    settle_response,
)
from ..wire.sources import (
    get_from_request,
    get_response,
    list_from_request,
    list_response,
    pending_from_request,
    pending_response,
    reset_from_request,
    reset_response,
    update_from_request,
    update_response,
)
from .admission import Admission
from .context import CallContext
from .snapshots import SnapshotFailedError, SnapshotKeeper

#: Seconds between two looks at an audit that somebody waits for.
AUDIT_PAUSE_S: Final = 0.02


class Operators:
    """The methods of holdfast.admin.v1."""

    def __init__(
        self,
        admission: Admission,
        status: Callable[[admin.GetStatusRequest], Awaitable[admin.GetStatusResponse]],
        snapshots: SnapshotKeeper,
        drain: Callable[[], Awaitable[admin.DrainResponse]],
    ) -> None:
        self.admission = admission
        self.status = status
        self.snapshots = snapshots
        self.drain = drain

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
        return reset_response(await self.admission.ask(RESET_SOURCE, context, command, request))

    async def ListSources(
        self, request: admin.ListSourcesRequest, context: CallContext
    ) -> admin.ListSourcesResponse:
        """Read a page of sources."""
        asked = list_asked_for(request, self.admission.pump.node.timeline)
        command = list_from_request(request, asked)
        return list_response(await self.admission.ask(LIST_SOURCES, context, command), asked)

    async def ListPendingReversals(
        self, request: admin.ListPendingReversalsRequest, context: CallContext
    ) -> admin.ListPendingReversalsResponse:
        """Read a page of the reversals whose original events have not arrived."""
        asked = list_asked_for(request, self.admission.pump.node.timeline)
        command = pending_from_request(request, asked)
        view = await self.admission.ask(LIST_PENDING_REVERSALS, context, command)
        return pending_response(view, asked)

    async def GetSource(
        self, request: admin.GetSourceRequest, context: CallContext
    ) -> admin.GetSourceResponse:
        """Read a source."""
        command = get_from_request(request)
        return get_response(await self.admission.ask(GET_SOURCE, context, command))

    async def UpdateSource(
        self, request: admin.UpdateSourceRequest, context: CallContext
    ) -> admin.UpdateSourceResponse:
        """Change what is set of a source."""
        command = update_from_request(request)
        outcome = await self.admission.ask(UPDATE_SOURCE, context, command, request)
        return update_response(outcome)

    async def ListQuarantinedSkus(
        self, request: admin.ListQuarantinedSkusRequest, context: CallContext
    ) -> admin.ListQuarantinedSkusResponse:
        """Read a page of the SKUs in quarantine."""
        asked = list_asked_for(request, self.admission.pump.node.timeline)
        command = quarantined_from_request(request, asked)
        view = await self.admission.ask(LIST_QUARANTINED_SKUS, context, command)
        return quarantined_response(view, asked)

    async def SettleQuarantinedSku(
        self, request: admin.SettleQuarantinedSkuRequest, context: CallContext
    ) -> admin.SettleQuarantinedSkuResponse:
        """Admit or discard a SKU in quarantine."""
        command = settle_from_request(request)
        return settle_response(await self.admission.ask(SETTLE_SKU, context, command, request))

    async def RunAudit(
        self, _request: admin.RunAuditRequest, context: CallContext
    ) -> admin.RunAuditResponse:
        """Audit all tables, and wait for the end."""
        view = await self.admission.ask(AUDIT, context, Audit(begins=True))
        passes = view.passes
        while view.passes == passes:
            await asyncio.sleep(AUDIT_PAUSE_S)
            view = await self.admission.ask(AUDIT, context, Audit())
        return audit_response(view)

    async def RepairStockLevels(
        self, request: admin.RepairStockLevelsRequest, context: CallContext
    ) -> admin.RepairStockLevelsResponse:
        """Repair stock levels in quarantine."""
        command = repair_from_request(request)
        return repair_response(await self.admission.ask(REPAIR_LEVELS, context, command, request))

    async def ForceRelease(
        self, request: admin.ForceReleaseRequest, context: CallContext
    ) -> admin.ForceReleaseResponse:
        """Give back all that a reservation holds or has committed."""
        command = forced_from_request(request)
        return forced_response(await self.admission.ask(FORCE_RELEASE, context, command, request))

    async def CreateSnapshot(
        self, _request: admin.CreateSnapshotRequest, _context: CallContext
    ) -> admin.CreateSnapshotResponse:
        """Write a snapshot now."""
        if self.admission.is_draining:
            raise faults.draining()
        if self.snapshots.is_writing:
            raise faults.snapshot_under_way()
        try:
            written = await self.snapshots.write()
        except (SnapshotFailedError, OSError) as error:
            raise faults.snapshot_failed(str(error)) from error
        size_bytes = written.path.stat().st_size
        return admin.CreateSnapshotResponse(position=written.position, size_bytes=size_bytes)

    async def Drain(
        self, _request: admin.DrainRequest, _context: CallContext
    ) -> admin.DrainResponse:
        """Stop the node, with a snapshot of its last state."""
        return await self.drain()
