"""ResetSource."""

from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.core import commands as core

from .faults import invalid
from .stock_facts import SOURCE_SEQUENCE_MAX
from .validation import check_name


def reset_from_request(request: admin.ResetSourceRequest) -> core.ResetSource:
    """The command of a ResetSource."""
    check_name("source", request.source)
    if request.last_sequence > SOURCE_SEQUENCE_MAX:
        expected = f"0 to {SOURCE_SEQUENCE_MAX:,}"
        raise invalid("last_sequence", request.last_sequence, expected)
    return core.ResetSource(request.source, request.last_sequence)


def reset_response(outcome: core.SourceReset) -> admin.ResetSourceResponse:
    """The answer to a ResetSource."""
    return admin.ResetSourceResponse(previous_sequence=outcome.previous_sequence)
