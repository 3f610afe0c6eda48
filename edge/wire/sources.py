"""Sources of stock events, for operators: read, set and reset."""

from typing import Final

from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.core import commands as core
from holdfast.core.ids import Key, source_request_key
from holdfast.core.limits import BATCH_MAX, EXPECTED_INTERVAL_MS_MAX, QUANTITY_MAX
from holdfast.core.model import Fallback, UnknownSkus

from .fact_rules import SOURCE_SEQUENCE_MAX
from .faults import invalid
from .page_tokens import PAGE_SIZE_DEFAULT, page_token, start_of_page
from .shared import SOURCE_STATES, engine_members, wire_members
from .stock_facts import KINDS
from .validation import check_name, enum_member, interval_ms

FALLBACKS: Final = wire_members(admin, "FALLBACK", Fallback)
_FALLBACKS_READ: Final = {
    0: Fallback.SELL_ON,
    **engine_members(admin, "FALLBACK", Fallback),
}
UNKNOWN_SKUS: Final = wire_members(admin, "UNKNOWN_SKUS", UnknownSkus)
_UNKNOWN_SKUS_READ: Final = {0: None, **engine_members(admin, "UNKNOWN_SKUS", UnknownSkus)}

#: Field on the wire -> in the engine.
_FIELDS: Final = {
    "expected_interval": "expected_interval_ms",
    "unknown_skus": "unknown_skus",
    "fallback": "fallback",
    "cap": "cap",
}


def reset_from_request(request: admin.ResetSourceRequest) -> core.ResetSource:
    """The command of a ResetSource."""
    check_name("source", request.source)
    if request.last_sequence > SOURCE_SEQUENCE_MAX:
        raise invalid("last_sequence", request.last_sequence, f"0 to {SOURCE_SEQUENCE_MAX:,}")
    check_name("reason", request.reason)
    key = _request_key(request.source, request.request_id)
    return core.ResetSource(request.source, request.last_sequence, request.reason, key)


def _request_key(source: str, request_id: str) -> Key | None:
    if not request_id:
        return None
    check_name("request_id", request_id)
    return source_request_key(source, request_id)


def reset_response(outcome: core.SourceReset) -> admin.ResetSourceResponse:
    """The answer to a ResetSource."""
    return admin.ResetSourceResponse(
        previous_sequence=outcome.previous_sequence, repeated_request=outcome.is_repeat
    )


def get_from_request(request: admin.GetSourceRequest) -> core.GetSource:
    """The command of a GetSource."""
    check_name("source", request.source)
    return core.GetSource(request.source)


def get_response(view: core.SourceView) -> admin.GetSourceResponse:
    """The answer to a GetSource."""
    return admin.GetSourceResponse(source=_source(view))


def list_from_request(request: admin.ListSourcesRequest, asked: int) -> core.ListSources:
    """The command of a ListSources."""
    if not 0 <= request.page_size <= BATCH_MAX:
        raise invalid("page_size", request.page_size, f"0 to {BATCH_MAX:,}")
    start = start_of_page(request.page_token, asked)
    return core.ListSources(start, request.page_size or PAGE_SIZE_DEFAULT)


def list_response(view: core.SourcesView, asked: int) -> admin.ListSourcesResponse:
    """The answer to a ListSources."""
    token = "" if view.next_start is None else page_token(view.next_start, asked)
    return admin.ListSourcesResponse(sources=map(_source, view.sources), next_page_token=token)


def pending_from_request(
    request: admin.ListPendingReversalsRequest, asked: int
) -> core.ListPendingReversals:
    """The command of a ListPendingReversals."""
    if not 0 <= request.page_size <= BATCH_MAX:
        raise invalid("page_size", request.page_size, f"0 to {BATCH_MAX:,}")
    start = start_of_page(request.page_token, asked)
    return core.ListPendingReversals(start, request.page_size or PAGE_SIZE_DEFAULT)


def pending_response(
    view: core.PendingReversalsView, asked: int
) -> admin.ListPendingReversalsResponse:
    """The answer to a ListPendingReversals."""
    token = "" if view.next_start is None else page_token(view.next_start, asked)
    response = admin.ListPendingReversalsResponse(next_page_token=token)
    for each in view.reversals:
        added = response.reversals.add(source=each.source, event_id=each.event_id)
        added.kind, added.quantity = KINDS[each.kind], each.quantity
        added.sku, added.location = each.sku, each.location
        added.create_time.FromNanoseconds(each.came_at_ns)
    return response


def update_from_request(request: admin.UpdateSourceRequest) -> core.UpdateSource:
    """The command of an UpdateSource."""
    source = request.source
    check_name("source.source", source.source)
    wanted = core.Source(
        source.source,
        interval_ms("source.expected_interval", source.expected_interval, EXPECTED_INTERVAL_MS_MAX),
        enum_member(
            "source.unknown_skus", source.unknown_skus, _UNKNOWN_SKUS_READ, admin.UnknownSkus
        ),
        enum_member("source.fallback", source.fallback, _FALLBACKS_READ, admin.Fallback),
        source.cap,
    )
    if not 0 <= source.cap <= QUANTITY_MAX:
        raise invalid("source.cap", source.cap, f"0 to {QUANTITY_MAX:,}")
    fields = _fields_of(request)
    if "fallback" in fields and wanted.fallback is Fallback.CAP and "cap" not in fields:
        expected = "how many units, with FALLBACK_CAP; update_mask names a cap of 0"
        raise invalid("source.cap", "", expected)
    key = _request_key(source.source, request.request_id)
    return core.UpdateSource(wanted, fields, request.allow_missing, key)


def update_response(outcome: core.SourceOutcome) -> admin.UpdateSourceResponse:
    """The answer to an UpdateSource."""
    source = _source(outcome.view)
    return admin.UpdateSourceResponse(source=source, repeated_request=outcome.is_repeat)


def _fields_of(request: admin.UpdateSourceRequest) -> tuple[str, ...]:
    """The fields that an update changes: those that its mask names, or else those that are set."""
    paths = request.update_mask.paths
    for index, path in enumerate(paths):
        if path not in (*_FIELDS, "*"):
            expected = f"{', '.join(_FIELDS)}, or * for all of them"
            raise invalid(f"update_mask.paths[{index}]", path, expected)
    given = paths or [field.name for field, _ in request.source.ListFields()]
    return tuple(_FIELDS[each] for each in _FIELDS if each in given or "*" in given)


def _source(view: core.SourceView) -> admin.Source:
    source = view.source
    message = admin.Source(
        source=source.name,
        state=SOURCE_STATES[view.state],
        last_sequence=view.last_sequence,
        missing_sequences=view.missing,
        unlisted_sequences=view.unlisted,
        gap_count=view.gap_count,
        fallback=FALLBACKS[source.fallback],
        cap=source.cap,
    )
    if source.unknown_skus is not None:
        message.unknown_skus = UNKNOWN_SKUS[source.unknown_skus]
    if source.expected_interval_ms:
        message.expected_interval.FromMilliseconds(source.expected_interval_ms)
    if view.last_event_ns is not None:
        message.last_event_time.FromNanoseconds(view.last_event_ns)
        message.lag.FromNanoseconds(view.now_ns - view.last_event_ns)
    for gap in view.gaps:
        added = message.gaps.add(first_sequence=gap.first, last_sequence=gap.last)
        added.open_time.FromNanoseconds(gap.opened_ns)
    return message
