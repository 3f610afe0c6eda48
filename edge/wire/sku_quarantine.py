"""ListQuarantinedSkus and SettleQuarantinedSku."""

from collections.abc import Mapping
from typing import Final

from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.core import commands as core
from holdfast.core.ids import sku_request_key
from holdfast.core.limits import BATCH_MAX

from .faults import invalid
from .page_tokens import PAGE_SIZE_DEFAULT, page_token, start_of_page
from .validation import check_name, enum_member

#: What is decided -> whether the SKU is admitted.
_ADMITS: Final[Mapping[int, bool]] = {
    admin.SKU_DECISION_ADMIT: True,
    admin.SKU_DECISION_DISCARD: False,
}


def quarantined_from_request(
    request: admin.ListQuarantinedSkusRequest, asked: int
) -> core.ListQuarantinedSkus:
    """The command of a ListQuarantinedSkus."""
    if not 0 <= request.page_size <= BATCH_MAX:
        raise invalid("page_size", request.page_size, f"0 to {BATCH_MAX:,}")
    start = start_of_page(request.page_token, asked)
    return core.ListQuarantinedSkus(start, request.page_size or PAGE_SIZE_DEFAULT)


def quarantined_response(
    view: core.QuarantinedSkusView, asked: int
) -> admin.ListQuarantinedSkusResponse:
    """The answer to a ListQuarantinedSkus."""
    token = "" if view.next_start is None else page_token(view.next_start, asked)
    response = admin.ListQuarantinedSkusResponse(next_page_token=token)
    for each in view.skus:
        added = response.skus.add(sku=each.sku, source=each.source)
        added.create_time.FromNanoseconds(each.since_ns)
    return response


def settle_from_request(request: admin.SettleQuarantinedSkuRequest) -> core.SettleSku:
    """The command of a SettleQuarantinedSku."""
    check_name("sku", request.sku)
    admits = enum_member("decision", request.decision, _ADMITS, admin.SkuDecision)
    check_name("reason", request.reason)
    check_name("actor", request.actor)
    key = None
    if request.request_id:
        check_name("request_id", request.request_id)
        key = sku_request_key(request.sku, request.request_id)
    return core.SettleSku(request.sku, admits, request.reason, request.actor, key)


def settle_response(outcome: core.SkuSettled) -> admin.SettleQuarantinedSkuResponse:
    """The answer to a SettleQuarantinedSku."""
    return admin.SettleQuarantinedSkuResponse(
        settled=outcome.was_quarantined, repeated_request=outcome.is_repeat
    )
