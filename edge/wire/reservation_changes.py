"""WatchReservations: what becomes of reservations, page by page, out of the ledger."""

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from holdfast.core.tables.sku_names import SkuNames
from holdfast.persistence.ledger.follower import Follower
from holdfast.persistence.ledger.index import Index
from holdfast.persistence.ledger.movements import ENTERS
from holdfast.persistence.ledger.queries import Movement, MovementFilter, find_changes, first_since
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import watch_service_pb2 as watch

from .faults import invalid, ledger_unavailable, revision_of_other_timeline
from .reservations import STATES
from .validation import check_name
from .watch import STARTS

#: Changes in a response.
PAGE_MAX: Final = 1_000

#: Timeline, where the index was begun, and the number of a movement.
_TOKEN: Final = struct.Struct(">QQQ")

#: Stands for where the index was begun in a token of an instant, which has that for a number.
_INSTANT: Final = 2**64 - 1
_EXPECTED: Final = "the resume_token of a response of this node"

#: How long a token that is ahead waits for what the ledger has yet to take in.
_STEP_S: Final = 0.05


def watch_reservations(
    request: watch.WatchReservationsRequest, follower: Follower, durable_position: int
) -> watch.WatchReservationsResponse:
    """The next changes after the token of a request. Raises a `Fault`."""
    check_watch(request)
    index, names = follower.index, follower.replica.node.sku_names
    texts = []
    for key in ("sku", "location"):
        if name := getattr(request, key):
            any_of = names.all_of(name) if key == "sku" else (name,)
            texts += [(key, each.encode()) for each in any_of]
    oldest = index.oldest
    if request.resume_token:
        first = _first_of(request.resume_token, index, durable_position)
        if first > index.count:
            _expect_reached(request.resume_token, first, follower, durable_position)
        if first < oldest:
            return _response(index, index.count, reset=True)
    else:
        first = oldest if request.start == watch.WATCH_START_CURRENT_STATE else index.count
    found, following = find_changes(index, MovementFilter(tuple(texts)), first, PAGE_MAX)
    response = _response(index, max(first, following))
    response.changes.extend(_change(each, index.timeline, names) for each in found)
    return response


def check_watch(request: watch.WatchReservationsRequest) -> None:
    """Raise a `Fault` where a request names what cannot be, whatever its token."""
    for key in ("sku", "location"):
        if name := getattr(request, key):
            check_name(key, name)
    if request.start not in STARTS:
        raise invalid("start", request.start, "a WatchStart")


def token_from(timeline: int, now_ns: int) -> str:
    """A token that resumes with what happens at an instant or later. It needs no ledger."""
    return urlsafe_b64encode(_TOKEN.pack(timeline, _INSTANT, now_ns)).decode()


def _expect_reached(token: str, first: int, follower: Follower, durable_position: int) -> None:
    """Raise a `Fault` while the ledger has not come as far as a token: it is behind, or nobody was
    given that token.
    """
    is_behind = follower.step(_STEP_S) or follower.index.position < durable_position
    if first > follower.index.count:
        if is_behind:
            raise ledger_unavailable("it has not come as far as the resume_token")
        raise invalid("resume_token", token, f"{_EXPECTED}: it is ahead of all that happened")


def _response(index: Index, first: int, *, reset: bool = False) -> watch.WatchReservationsResponse:
    token = urlsafe_b64encode(_TOKEN.pack(index.timeline, index.begun, first)).decode()
    return watch.WatchReservationsResponse(resume_token=token, reset=reset)


def _first_of(token: str, index: Index, durable_position: int) -> int:
    """The number from which a token resumes; -1 where the index was begun anew since. Raises a
    `Fault` for a token that this timeline did not give out, and for one of an instant while the
    ledger is behind: what it has yet to take in may be older.
    """
    try:
        timeline, begun, first = _TOKEN.unpack(urlsafe_b64decode(token))
    except (ValueError, binascii.Error, struct.error):
        raise invalid("resume_token", token, _EXPECTED) from None
    if timeline != index.timeline:
        raise revision_of_other_timeline("resume_token", timeline)
    if begun != _INSTANT:
        return int(first) if begun == index.begun else -1
    if index.position < durable_position:
        raise ledger_unavailable("it has not come as far as the resume_token")
    return first_since(index, first) if first >= index.opened_ns else -1


def _change(movement: Movement, timeline: int, names: SkuNames) -> watch.ReservationChange:
    record = movement.record
    sku = movement.text(record, "sku")
    message = watch.ReservationChange(
        reservation_id=movement.reservation_id,
        sku=names.current_name(sku),
        location=movement.text(record, "location"),
        quantity=int(record["quantity"]),
        from_state=_STATES_LEFT.get(int(record["leaves"]), 0),
        state=STATES[ENTERS[movement.kind]],
        revision=common.Revision(
            shard=int(record["shard"]), sequence=int(record["sequence"]), timeline=timeline
        ),
    )
    message.record_time.FromNanoseconds(int(record["time_ns"]))
    for name in ("correlation_id", "reason", "actor"):
        setattr(message, name, movement.text(movement.note, name))
    return message


_STATES_LEFT: Final = {int(state): number for state, number in STATES.items()}
