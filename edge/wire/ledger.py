"""ListMovements, ExplainAvailability and ListReservations, which the ledger's process answers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from holdfast.core.ids import key_from_text
from holdfast.core.limits import NS_PER_S
from holdfast.core.model import State
from holdfast.core.tables.sku_names import SkuNames
from holdfast.core.work import finished
from holdfast.persistence.ledger.explain import (
    BeforeLedgerError,
    Explanation,
    Instant,
    NoLevelError,
    Promise,
    Summed,
    explain,
)
from holdfast.persistence.ledger.follower import Follower
from holdfast.persistence.ledger.index import Index
from holdfast.persistence.ledger.movements import TEXTS, MovementKind, reservation_text
from holdfast.persistence.ledger.names import name_then
from holdfast.persistence.ledger.queries import Movement, MovementFilter, find_movements
from holdfast.persistence.ledger.reservation_lists import ReservationFilter, find_reservations
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import ledger_service_pb2 as ledger
from holdfast.v1 import reservation_service_pb2 as reservation

from . import faults
from .page_tokens import PAGE_SIZE_DEFAULT, list_asked_for, page_token, start_of_page
from .reservations import fill_reservation
from .shared import engine_members, wire_members
from .validation import check_name, enum_member

PAGE_SIZE_MAX: Final = 1_000

_STATES: Final = engine_members(reservation, "RESERVATION_STATE", State)
KINDS: Final = wire_members(ledger, "MOVEMENT_KIND", MovementKind)

#: Field of a request -> key of a movement.
_KEYS: Final = {
    "sku": "sku",
    "location": "location",
    "source": "source",
    "reference_id": "reference",
    "correlation_id": "correlation_id",
}

_UINT64: Final = 2**64 - 1


def list_movements(
    request: ledger.ListMovementsRequest, follower: Follower, durable_position: int
) -> ledger.ListMovementsResponse:
    """The answer to a ListMovements. Raises a `Fault`."""
    index, size = follower.index, _page_size(request.page_size)
    asked = list_asked_for(request, _scope_of(index))
    before = start_of_page(request.page_token, asked) or None
    names = follower.replica.node.sku_names
    found = find_movements(index, _filter(request, names), before, size + 1)
    is_last = len(found) <= size
    return ledger.ListMovementsResponse(
        movements=[_movement(each, index.timeline, names) for each in found[:size]],
        next_page_token="" if is_last else page_token(found[size - 1].number, asked),
        coverage=_coverage(index, durable_position),
    )


def list_reservations(
    request: reservation.ListReservationsRequest, follower: Follower, durable_position: int
) -> reservation.ListReservationsResponse:
    """The answer to a ListReservations. Raises a `Fault`."""
    size = _page_size(request.page_size)
    asked = list_asked_for(request, follower.index.timeline)
    start = start_of_page(request.page_token, asked)
    found = find_reservations(follower.replica, _reservation_filter(request), start, size + 1)
    is_last = len(found) <= size
    response = reservation.ListReservationsResponse(
        next_page_token="" if is_last else page_token(found[size].place, asked),
        coverage=_coverage(follower.index, durable_position),
    )
    for each in found[:size]:
        finished(fill_reservation(response.reservations.add(), each.command, each.view))
    return response


def _reservation_filter(request: reservation.ListReservationsRequest) -> ReservationFilter:
    for field in ("sku", "location", "owner"):
        if name := getattr(request, field):
            check_name(field, name)
    wanted = ReservationFilter(
        request.sku or None, request.location or None, owner=request.owner or None
    )
    if request.state:
        state = enum_member("state", request.state, _STATES, reservation.ReservationState)
        wanted = replace(wanted, state=state)
    if request.HasField("create_time_before"):
        until_ns = _ns("create_time_before", request.create_time_before)
        wanted = replace(wanted, until_ns=until_ns)
    return wanted


def _page_size(given: int) -> int:
    if not 0 <= given <= PAGE_SIZE_MAX:
        raise faults.invalid("page_size", given, f"0 to {PAGE_SIZE_MAX:,}")
    return given or PAGE_SIZE_DEFAULT


def _scope_of(index: Index) -> int:
    """The timeline of tokens: an index that was begun elsewhere numbers its movements otherwise."""
    return (index.timeline + index.begun) & _UINT64


def _filter(request: ledger.ListMovementsRequest, names: SkuNames) -> MovementFilter:
    texts = []
    for field, key in _KEYS.items():
        if name := getattr(request, field):
            check_name(field, name)
            any_of = names.all_of(name) if key == "sku" else (name,)
            texts += [(key, each.encode()) for each in any_of]
    if request.reservation_id:
        check_name("reservation_id", request.reservation_id)
        bits = key_from_text(request.reservation_id)
        texts.append(("reservation", reservation_text(bits.hi, bits.lo, bits.text)))
    wanted = MovementFilter(tuple(texts))
    if request.HasField("from_time"):
        wanted = replace(wanted, from_ns=_ns("from_time", request.from_time))
    if request.HasField("until_time"):
        wanted = replace(wanted, until_ns=_ns("until_time", request.until_time))
    return wanted


def explain_availability(
    request: ledger.ExplainAvailabilityRequest, follower: Follower, durable_position: int
) -> ledger.ExplainAvailabilityResponse:
    """The answer to an ExplainAvailability. Raises a `Fault`, and IndexDamagedError."""
    index = follower.index
    check_name("sku", request.sku)
    check_name("location", request.location)
    node, at = follower.replica.node, _instant(request, follower, durable_position)
    sku = name_then(index, node, request.sku, at)
    try:
        explanation = explain(index, sku, request.location, at)
    except NoLevelError:
        _expect_covered(index, durable_position)
        raise faults.no_level_then(request.sku, request.location) from None
    except BeforeLedgerError:
        raise faults.before_ledger(_timestamp(index.opened_ns).ToJsonString()) from None
    if request.HasField("revision") and explanation.last.record["shard"] != request.revision.shard:
        shard = int(explanation.last.record["shard"])
        raise faults.invalid("revision.shard", request.revision.shard, f"{shard}, the SKU's")
    return _explanation(explanation, index, durable_position, node.sku_names)


def _instant(
    request: ledger.ExplainAvailabilityRequest, follower: Follower, durable_position: int
) -> Instant:
    if request.HasField("time"):
        return Instant(at_ns=_ns("time", request.time))
    if not request.HasField("revision"):
        return Instant()
    asked, index, shards = request.revision, follower.index, follower.replica.node.shards
    if asked.timeline != index.timeline:
        raise faults.revision_of_other_timeline("revision", asked.timeline)
    if asked.shard >= len(shards):
        raise faults.invalid("revision.shard", asked.shard, f"up to {len(shards) - 1}")
    if asked.sequence > (last := shards[asked.shard].sequence):
        _expect_covered(index, durable_position)
        raise faults.invalid("revision.sequence", asked.sequence, f"up to {last}, the shard's last")
    return Instant(sequence=asked.sequence, shard=asked.shard)


def _expect_covered(index: Index, durable_position: int) -> None:
    """Raise a `Fault` when the index is behind, so that what it does not hold may have been."""
    if index.position < durable_position:
        behind = durable_position - index.position
        raise faults.ledger_unavailable(f"it is {behind:,} appends behind")


def _explanation(
    explanation: Explanation, index: Index, durable_position: int, names: SkuNames
) -> ledger.ExplainAvailabilityResponse:
    on_hand, reserved, committed, withheld = explanation.last.after
    shard, timeline = int(explanation.last.record["shard"]), index.timeline
    return ledger.ExplainAvailabilityResponse(
        quantities=_quantities(explanation.last.after),
        available=on_hand - withheld - reserved - committed,
        revision=_revision(explanation.last.record, timeline),
        record_time=_timestamp(int(explanation.last.record["time_ns"])),
        opening=_summed(explanation.opening),
        earlier=_summed(explanation.earlier),
        events=[_movement(each, timeline, names) for each in explanation.events],
        holds=_promises(explanation.held, shard, timeline),
        other_holds=_summed(explanation.other_held),
        commitments=_promises(explanation.committed, shard, timeline),
        other_commitments=_summed(explanation.other_committed),
        coverage=_coverage(index, durable_position),
        incoming=explanation.incoming,
        decisions=[_movement(each, timeline, names) for each in explanation.decisions],
        backordered=explanation.backordered,
        unavailable=[
            availability.UnavailableUnits(status=status, quantity=units)
            for status, units in explanation.unavailable.items()
        ],
    )


def _promises(promises: Sequence[Promise], shard: int, timeline: int) -> list[ledger.Promise]:
    return [
        ledger.Promise(
            reservation_id=each.reservation_id,
            quantity=each.quantity,
            record_time=_timestamp(each.since_ns),
            revision=common.Revision(shard=shard, sequence=each.sequence, timeline=timeline),
        )
        for each in promises
    ]


def _summed(summed: Summed) -> ledger.SummedParts:
    return ledger.SummedParts(count=summed.count, quantity=summed.quantity)


def _movement(movement: Movement, timeline: int, names: SkuNames) -> ledger.Movement:
    record = movement.record
    sku = movement.text(record, "sku")
    message = ledger.Movement(
        number=movement.number,
        record_time=_timestamp(int(record["time_ns"])),
        revision=_revision(record, timeline),
        kind=KINDS[movement.kind],
        quantity=int(record["quantity"]),
        sku=names.current_name(sku),
        location=movement.text(record, "location"),
        status=movement.text(record, "status"),
        before=_quantities(movement.before),
        after=_quantities(movement.after),
        reservation_id=movement.reservation_id,
    )
    for name in TEXTS["note"]:
        setattr(message, name, movement.text(movement.note, name))
    if movement.fact is not None:
        _fill_fact(message.fact, movement)
    return message


def _fill_fact(message: ledger.RecordedFact, movement: Movement) -> None:
    fact = movement.fact
    message.source = movement.text(fact, "source")
    message.sequence = int(fact["source_sequence"])
    if fact["has_key"]:
        message.event_key = f"{int(fact['key_hi']):016x}{int(fact['key_lo']):016x}"
    if fact["has_time"]:
        message.occur_time.FromNanoseconds(int(fact["occurred_at_ns"]))
    reference = [movement.text(fact, f"reference{part}") for part in ("_kind", "", "_line")]
    if any(reference):
        message.reference.kind, message.reference.id, message.reference.line = reference


def _coverage(index: Index, durable_position: int) -> ledger.LedgerCoverage:
    begin = _timestamp(index.opened_ns) if index.opened_at else None
    return ledger.LedgerCoverage(
        position=index.position, durable_position=durable_position, begin_time=begin
    )


def _quantities(columns: Sequence[int]) -> ledger.LevelQuantities:
    on_hand, reserved, committed, withheld = columns
    return ledger.LevelQuantities(
        on_hand=on_hand, reserved=reserved, committed=committed, withheld=withheld
    )


def _revision(record: Any, timeline: int) -> common.Revision:
    shard, sequence = int(record["shard"]), int(record["sequence"])
    return common.Revision(shard=shard, sequence=sequence, timeline=timeline)


def _timestamp(ns: int) -> Timestamp:
    made = Timestamp()
    made.FromNanoseconds(ns)
    return made


def _ns(field: str, time: Timestamp) -> int:
    """Nanoseconds since 1970. Raises a `Fault` for a time outside 1970 to 2262."""
    ns = time.seconds * NS_PER_S + time.nanos
    if not 0 <= ns < 2**63 - 1 or not 0 <= time.nanos < NS_PER_S:
        given = f"{time.seconds} s and {time.nanos} ns"
        raise faults.invalid(field, given, "a time from 1970 to 2262")
    return ns
