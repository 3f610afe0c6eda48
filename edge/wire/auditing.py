"""The audit and what it finds, for operators."""

from collections.abc import Iterable
from typing import Final

from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.core import commands as core
from holdfast.core.ids import repair_request_key
from holdfast.core.limits import REPAIRED_MAX
from holdfast.core.model import RepairVerdict

from .name_rules import is_name
from .shared import clamped_int64, wire_members
from .validation import bad_name, check_count, check_name

VERDICTS: Final = wire_members(admin, "REPAIR_VERDICT", RepairVerdict)


def audit_response(view: core.AuditView) -> admin.RunAuditResponse:
    """The answer to a RunAudit."""
    response = admin.RunAuditResponse(
        stock_levels=view.stock_levels,
        reservations=view.reservations,
        disagreement_count=view.disagreements,
        quarantined_count=view.quarantined,
        quarantined_levels=level_names(view.quarantined_levels),
    )
    if view.ended_ns is not None:
        response.end_time.FromNanoseconds(view.ended_ns)
    for each in view.listed:
        response.disagreements.add(
            shard=each.shard,
            sku=each.sku,
            location=each.location,
            figure=each.figure,
            found=clamped_int64(each.found),
            expected=clamped_int64(each.expected),
        )
    return response


def level_names(levels: Iterable[core.LevelName]) -> list[admin.StockLevelName]:
    """Stock levels by name."""
    return [admin.StockLevelName(sku=sku, location=location) for sku, location in levels]


def repair_from_request(request: admin.RepairStockLevelsRequest) -> core.RepairLevels:
    """The command of a RepairStockLevels."""
    check_count("stock_levels", len(request.stock_levels), 0, REPAIRED_MAX)
    for index, level in enumerate(request.stock_levels):
        for field in ("sku", "location"):
            if not is_name(getattr(level, field)):
                raise bad_name(f"stock_levels[{index}].{field}", getattr(level, field))
    check_name("reason", request.reason)
    check_name("actor", request.actor)
    levels = tuple(core.LevelName(level.sku, level.location) for level in request.stock_levels)
    key, is_dry_run = None, request.validate_only
    if request.request_id:
        check_name("request_id", request.request_id)
        key = None if is_dry_run else repair_request_key(request.request_id)
    return core.RepairLevels(levels, request.reason, request.actor, is_dry_run, key)


def repair_response(outcome: core.RepairsOutcome) -> admin.RepairStockLevelsResponse:
    """The answer to a RepairStockLevels."""
    response = admin.RepairStockLevelsResponse(
        has_more=outcome.has_more, repeated_request=outcome.is_repeat
    )
    for repair in outcome.repairs:
        response.repairs.add(
            sku=repair.sku,
            location=repair.location,
            verdict=VERDICTS[repair.verdict],
            before=_figures(repair.reserved, repair.committed, repair.unavailable),
            after=_figures(repair.reserved_after, repair.committed_after, repair.unavailable_after),
        )
    return response


def _figures(reserved: int, committed: int, unavailable: int) -> admin.LevelFigures:
    return admin.LevelFigures(reserved=reserved, committed=committed, unavailable=unavailable)
