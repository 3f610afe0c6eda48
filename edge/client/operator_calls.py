"""The calls of operators, as calls.py makes the others."""

from typing import Unpack

from holdfast.admin.v1 import admin_service_pb2 as admin

from . import methods
from .calls import Call, Options, call
from .parameters import flag, integer, text


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


def reset_source(
    source: str, last_sequence: int = 0, **options: Unpack[Options]
) -> Call[admin.ResetSourceResponse]:
    """Let a source of stock events count on from `last_sequence`: its next event must carry a
    higher one. Ids that it gave are remembered.

    The response has the last sequence until then. The call is repeated when the server says that
    nothing was done, and not otherwise. Raises `NotFound` if the source is unknown.
    """
    request = admin.ResetSourceRequest(
        source=text("source", source),
        last_sequence=integer("last_sequence", last_sequence, is_signed=False),
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
