"""The calls of operators, as calls.py makes the others."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Unpack

from holdfast.admin.v1 import admin_service_pb2 as admin

from . import methods
from .calls import Call, Options, call, id_or_new, level_names
from .parameters import duration, flag, integer, member, text


def get_status(
    *, include_state_hash: bool = False, **options: Unpack[Options]
) -> Call[admin.GetStatusResponse]:
    """What the node is doing and how full it is: bytes of its journal, and figures of each shard.

    `include_state_hash` reads all state, about 1 s for a million stock levels and holds, and fails
    with ABORTED when it changes meanwhile.
    """
    request = admin.GetStatusRequest(
        include_state_hash=flag("include_state_hash", include_state_hash)
    )
    return call(methods.GET_STATUS, request, **options)


def list_sources(
    page_size: int = 0, page_token: str = "", **options: Unpack[Options]
) -> Call[admin.ListSourcesResponse]:
    """A page of sources of stock events: 100 of them, or `page_size`, up to 1,000. The response's
    `next_page_token` leads to the next, and is empty after the last.
    """
    request = admin.ListSourcesRequest(
        page_size=integer("page_size", page_size, 32), page_token=text("page_token", page_token)
    )
    return call(methods.LIST_SOURCES, request, **options)


def list_pending_reversals(
    page_size: int = 0, page_token: str = "", **options: Unpack[Options]
) -> Call[admin.ListPendingReversalsResponse]:
    """A page of the reversals whose events have not come: 100 of them, or `page_size`, up to 1,000.
    The response's `next_page_token` leads to the next, and is empty after the last.
    """
    request = admin.ListPendingReversalsRequest(
        page_size=integer("page_size", page_size, 32), page_token=text("page_token", page_token)
    )
    return call(methods.LIST_PENDING_REVERSALS, request, **options)


def list_quarantined_skus(
    page_size: int = 0, page_token: str = "", **options: Unpack[Options]
) -> Call[admin.ListQuarantinedSkusResponse]:
    """A page of the SKUs in quarantine: 100 of them, or `page_size`, up to 1,000. The response's
    `next_page_token` leads to the next, and is empty after the last.
    """
    request = admin.ListQuarantinedSkusRequest(
        page_size=integer("page_size", page_size, 32), page_token=text("page_token", page_token)
    )
    return call(methods.LIST_QUARANTINED_SKUS, request, **options)


def settle_quarantined_sku(
    sku: str,
    decision: admin.SkuDecision | str,
    reason: str,
    actor: str,
    *,
    request_id: str | None = None,
    **options: Unpack[Options],
) -> Call[admin.SettleQuarantinedSkuResponse]:
    """Admit a SKU that is in quarantine, so that its stock can be had, or discard it: it ends.
    `reason` and `actor` are kept in the journal, `request_id` is as in `commit`. The response says
    whether there was something to settle. Raises `NotFound` if the SKU is unknown.
    """
    request = admin.SettleQuarantinedSkuRequest(
        sku=text("sku", sku),
        decision=member("decision", decision, admin.SkuDecision),
        reason=text("reason", reason),
        actor=text("actor", actor),
        request_id=id_or_new(request_id),
    )
    return call(methods.SETTLE_QUARANTINED_SKU, request, **options)


def get_source(source: str, **options: Unpack[Options]) -> Call[admin.GetSourceResponse]:
    """How far a source has come, which of its numbers are missing, and what is set of it. Raises
    `NotFound` if it is unknown.
    """
    request = admin.GetSourceRequest(source=text("source", source))
    return call(methods.GET_SOURCE, request, **options)


def update_source(
    source: str,
    *,
    expected_interval: timedelta | float | None = None,
    unknown_skus: admin.UnknownSkus | str | None = None,
    fallback: admin.Fallback | str | None = None,
    cap: int | None = None,
    allow_missing: bool = False,
    request_id: str | None = None,
    **options: Unpack[Options],
) -> Call[admin.UpdateSourceResponse]:
    """Change what is given of a source; the rest stays as it is. The response has all of it.

    `expected_interval` is in seconds, unless it is a timedelta; 0 lets it be silent. `fallback`
    says what may be promised of its stock while it is stale or has gaps, and `cap`, which has to
    come with FALLBACK_CAP, how much. With
    `allow_missing` a source that is not known is created. Raises `NotFound` without it, and
    `AlreadyExists` if `request_id` was used with other content.
    """
    changes: dict[str, Any] = {}
    if expected_interval is not None:
        changes["expected_interval"] = duration("expected_interval", expected_interval)
    if unknown_skus is not None:
        changes["unknown_skus"] = member("unknown_skus", unknown_skus, admin.UnknownSkus)
    if fallback is not None:
        changes["fallback"] = member("fallback", fallback, admin.Fallback)
    if cap is not None:
        changes["cap"] = integer("cap", cap)
    request = admin.UpdateSourceRequest(
        source=admin.Source(source=text("source", source), **changes),
        update_mask={"paths": list(changes)},
        allow_missing=flag("allow_missing", allow_missing),
        request_id=id_or_new(request_id),
    )
    return call(methods.UPDATE_SOURCE, request, **options)


def reset_source(
    source: str,
    reason: str,
    last_sequence: int = 0,
    *,
    request_id: str | None = None,
    **options: Unpack[Options],
) -> Call[admin.ResetSourceResponse]:
    """Let a source of stock events count on from `last_sequence`: its next event must carry a
    higher one. Its gaps are forgotten, ids that it gave are remembered. `reason` is kept in the
    journal, `request_id` is as in `commit`.

    The response has the last sequence until then. Raises `NotFound` if the source is unknown.
    """
    request = admin.ResetSourceRequest(
        source=text("source", source),
        last_sequence=integer("last_sequence", last_sequence, is_signed=False),
        reason=text("reason", reason),
        request_id=id_or_new(request_id),
    )
    return call(methods.RESET_SOURCE, request, **options)


def create_snapshot(**options: Unpack[Options]) -> Call[admin.CreateSnapshotResponse]:
    """Write a snapshot, which takes seconds for a large state: give it the time.

    The response has its position and bytes. Fails with ABORTED while another is being written.
    """
    return call(methods.CREATE_SNAPSHOT, admin.CreateSnapshotRequest(), **options)


def drain(**options: Unpack[Options]) -> Call[admin.DrainResponse]:
    """Stop the node as SIGTERM does, with a snapshot of its last state: give it the time.

    The response comes when all is durable and has the last position. The call is repeated when the
    server says that nothing was done, and not otherwise.
    """
    return call(methods.DRAIN, admin.DrainRequest(), **options)


def run_audit(**options: Unpack[Options]) -> Call[admin.RunAuditResponse]:
    """Let the node audit all its tables against each other, and wait for what that finds. It takes
    some tenths of a second for a million stock levels and holds; the node serves meanwhile.
    """
    return call(methods.RUN_AUDIT, admin.RunAuditRequest(), **options)


def repair_stock_levels(
    reason: str,
    actor: str,
    levels: Iterable[tuple[str, str]] = (),
    *,
    validate_only: bool = False,
    request_id: str | None = None,
    **options: Unpack[Options],
) -> Call[admin.RepairStockLevelsResponse]:
    """Give stock levels in quarantine, as (SKU, location), what follows from their reservations and
    statuses, and take them out of it: those that are named, up to 100, or the first 100 of all.
    `reason` and `actor` are kept in the journal, `request_id` is as in `commit`. `validate_only`
    says what would be done. Raises `NotFound` for a level that is unknown.
    """
    request = admin.RepairStockLevelsRequest(
        stock_levels=level_names(levels),
        reason=text("reason", reason),
        actor=text("actor", actor),
        validate_only=flag("validate_only", validate_only),
        request_id=id_or_new(request_id),
    )
    return call(methods.REPAIR_STOCK_LEVELS, request, **options)


def force_release(
    reservation_id: str,
    reason: str,
    actor: str,
    *,
    request_id: str | None = None,
    **options: Unpack[Options],
) -> Call[admin.ForceReleaseResponse]:
    """Give back all units of a reservation that are held or committed and not shipped. `reason` and
    `actor` are kept in the journal, `request_id` is as in `commit`. The response has how many units
    that were: 0 when there was nothing left. Raises `NotFound` if the reservation is unknown.
    """
    request = admin.ForceReleaseRequest(
        reservation_id=text("reservation_id", reservation_id),
        reason=text("reason", reason),
        actor=text("actor", actor),
        request_id=id_or_new(request_id),
    )
    return call(methods.FORCE_RELEASE, request, **options)
