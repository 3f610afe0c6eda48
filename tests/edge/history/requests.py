"""Requests of all kinds, made by chance, each with its operations in the words of the model.

A request reads the answer too: what each of its operations was told, and the revisions.
"""

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from google.protobuf.message import Message

from holdfast.core.commands import (
    GetAvailability,
    Line,
    Location,
    Move,
    Reserve,
    Revision,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import event_key, key_from_text
from holdfast.core.model import EventKind, LocationKind, Remainder, Verb
from holdfast.edge.client import calls, methods
from holdfast.edge.client.calls import Call
from holdfast.edge.wire.reservations import (
    extend_from_request,
    get_reservation_from_request,
    move_from_request,
    reserve_from_request,
)
from holdfast.edge.wire.stock_facts import events_from_request
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.history.asked_operations import (
    Operation,
    Unit,
    hex_of,
    move_unit,
    without_revisions,
)
from tests.model import StockColumns

SKUS: Final = [f"goods {number}" for number in range(24)]
PLACES: Final = ("W1", "W2")
PUT_PLACES: Final = [
    UpdateLocation(Location(place, LocationKind.WAREHOUSE, "", enabled=True)) for place in PLACES
]
OPENING_UNITS: Final = 60
LOW: Final = (1 << 64) - 1

#: Kinds of facts that columns have as well.
PLAIN_KINDS: Final = (
    *(EventKind.RECEIPT, EventKind.ADJUSTMENT, EventKind.SALE),
    *(EventKind.RETURN, EventKind.COUNT),
)

MOVES: Final = {
    methods.COMMIT: Verb.COMMIT,
    methods.FULFILL: Verb.FULFILL,
    methods.RELEASE: Verb.RELEASE,
    methods.CANCEL: Verb.CANCEL,
}
#: Batches of moves by verb: the message, and its field in a stream.
PACKED_MOVES: Final[dict[Verb, tuple[type[Any], str]]] = {
    Verb.COMMIT: (reservation.BatchCommitRequest, "commit"),
    Verb.FULFILL: (reservation.BatchFulfillRequest, "fulfill"),
    Verb.RELEASE: (reservation.BatchReleaseRequest, "release"),
}


class Reply(NamedTuple):
    """What each operation of a request was told, and what the answer rests on."""

    answers: Sequence[Any]
    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """Bytes for a method, the operations that they ask for, and how to read the answer."""

    path: str
    message: Message
    operations: Sequence[Operation]
    read: Callable[[bytes], Reply]
    is_stream: bool = False


def revisions_in(response: Any) -> tuple[Revision, ...]:
    """The revisions of a response."""
    return tuple(Revision(e.shard, e.sequence, e.timeline) for e in response.revisions)


def single(call: Call[Any]) -> Request:
    """A call of one command that has an id of its own or reads a reservation."""
    message: Any = call.request
    units: tuple[Unit, ...] = ()
    command: Any
    if call.method in MOVES:
        command = move_from_request(MOVES[call.method], message)
        units = (("request", hex_of(command.request)),)
    elif call.method is methods.EXTEND:
        command = extend_from_request(message)
        units = (("request", hex_of(command.request)),)
    elif call.method is methods.RESERVE:
        command = reserve_from_request(message)
        units = (("reserve", message.reservation_id),)
    elif call.method is methods.RECORD_STOCK_EVENTS:
        command = events_from_request(message)
        units = tuple(_event_unit(command.source, event) for event in command.events)
    else:
        command = get_reservation_from_request(message)

    def read(data: bytes) -> Reply:
        response = call.method.response.FromString(data)
        return Reply([without_revisions(response)], revisions_in(response))

    return Request(call.method.path, message, [Operation((command,), units)], read)


def _event_unit(source: str, event: StockEvent) -> Unit:
    return "stock", hex_of(event.key) if event.key else f"{source} {event.sequence}"


def read_skus(skus: Sequence[str]) -> Request:
    """Read all levels of some SKUs by name."""
    message = availability.BatchGetAvailabilityRequest(skus=skus)

    def read(data: bytes) -> Reply:
        response = availability.BatchGetAvailabilityResponse.FromString(data)
        figures = {
            (each.sku, level.location): (
                *(level.on_hand, level.reserved, level.committed, level.available),
            )
            for each in response.availabilities
            for level in each.levels
        }
        revisions = (each.revision for each in response.availabilities)
        return Reply([figures], tuple(Revision(e.shard, e.sequence, e.timeline) for e in revisions))

    operation = Operation((GetAvailability(tuple(skus)),))
    return Request(methods.BATCH_GET_AVAILABILITY.path, message, [operation], read)


def read_handles(skus: Sequence[str], handles: dict[tuple[str, str], int]) -> Request:
    """Read all levels of some SKUs by handle."""
    names = [(sku, place) for sku in skus for place in PLACES]
    message = availability.BatchGetAvailabilityRequest(stock_levels=[handles[n] for n in names])

    def read(data: bytes) -> Reply:
        found = availability.BatchGetAvailabilityResponse.FromString(data)
        figures = zip(found.on_hand, found.reserved, found.committed, found.available, strict=True)
        return Reply([dict(zip(names, figures, strict=True))], revisions_in(found))

    operation = Operation((GetAvailability(tuple(skus)),))
    return Request(methods.BATCH_GET_AVAILABILITY.path, message, [operation], read)


def reserve_batch(
    reserves: Sequence[Reserve],
    linked: bytes,
    handles: dict[tuple[str, str], int],
    *,
    is_stream: bool,
) -> Request:
    """Reserves as columns; those that are linked are one operation."""
    lines = [each.lines[0] for each in reserves]
    message = reservation.BatchReserveRequest(
        id_high=[each.key.hi for each in reserves],
        id_low=[each.key.lo for each in reserves],
        stock_levels=[handles[line.sku, line.location] for line in lines],
        quantities=[line.quantity for line in lines],
        hold_milliseconds=[each.hold_ms for each in reserves],
        linked=linked,
    )
    operations = [
        Operation(tuple(group), tuple(("reserve", uuid_of(each)) for each in group), True)
        for group in _groups(reserves, linked)
    ]
    return _packed("BatchReserve", "reserve", message, operations, is_stream)


def uuid_of(command: Reserve | Move) -> str:
    """The id of a reservation that a batch made."""
    return str(UUID(int=command.key.hi << 64 | command.key.lo))


def _groups(reserves: Sequence[Reserve], linked: bytes) -> list[list[Reserve]]:
    groups: list[list[Reserve]] = [[]]
    for each, goes_on in zip(reserves, linked, strict=True):
        groups[-1].append(each)
        if not goes_on:
            groups.append([])
    return [group for group in groups if group]


def move_batch(
    verb: Verb, ids: Sequence[UUID], known: dict[Unit, Operation], *, is_stream: bool
) -> Request:
    """Whole moves as columns. They have no ids of their own: each is another attempt at what is
    known.
    """
    kind, name = PACKED_MOVES[verb]
    message = kind(id_high=[e.int >> 64 for e in ids], id_low=[e.int & LOW for e in ids])
    moves = [Move(verb, key_from_text(str(each)), None, None, Remainder.KEEP) for each in ids]
    operations = [
        known.setdefault(unit, Operation((each,), (unit,), True))
        for each, unit in ((each, move_unit(each)) for each in moves)
    ]
    return _packed(f"Batch{name.capitalize()}", name, message, operations, is_stream)


def _packed(
    method: str, name: str, message: Any, operations: Sequence[Operation], is_stream: bool
) -> Request:
    kind = getattr(reservation, f"{method}Response")

    def read(data: bytes) -> Reply:
        if is_stream:
            response = getattr(reservation.ReserveStreamResponse.FromString(data), name)
        else:
            response = kind.FromString(data)
        codes = iter(response.outcomes)
        answers = [[next(codes) for _ in operation.commands] for operation in operations]
        return Reply(answers, revisions_in(response))

    if is_stream:
        message = reservation.ReserveStreamRequest(batch_id=1, **{name: message})
        return Request(methods.RESERVE_STREAM.path, message, operations, read, True)
    return Request(f"/holdfast.v1.ReservationService/{method}", message, operations, read)


def stock_stream(source: str, events: Sequence[stock.StockEvent]) -> Request:
    """Facts one by one, over the stream."""
    plain = single(calls.record_stock_events(source, events))
    message = stock.RecordStockEventsStreamRequest(source=source, events=events, batch_id=1)

    def read(data: bytes) -> Reply:
        streamed = stock.RecordStockEventsStreamResponse.FromString(data)
        response = stock.RecordStockEventsResponse(
            results=streamed.results,
            skipped_sequences=streamed.skipped_sequences,
            shortfalls=streamed.shortfalls,
        )
        return Reply([without_revisions(response)], revisions_in(streamed))

    path = methods.RECORD_STOCK_EVENTS_STREAM.path
    return Request(path, message, plain.operations, read, True)


def stock_columns(
    source: str,
    ids: Sequence[UUID],
    facts: Sequence[tuple[str, str, EventKind, int]],
    handles: dict[tuple[str, str], int],
) -> Request:
    """Facts as columns: each is an operation of its own."""
    columns = stock.StockEventColumns(
        id_high=[each.int >> 64 for each in ids],
        id_low=[each.int & LOW for each in ids],
        stock_levels=[handles[sku, place] for sku, place, _, _ in facts],
        kinds=bytes(int(kind) for _, _, kind, _ in facts),
        quantities=[quantity for *_, quantity in facts],
    )
    message = stock.RecordStockEventsStreamRequest(source=source, columns=columns, batch_id=1)
    events = [
        StockEvent(event_key(source, str(each)), 0, *fact)
        for each, fact in zip(ids, facts, strict=True)
    ]
    operations = [
        Operation((StockColumns(source, (event,)),), (_event_unit(source, event),), True)
        for event in events
    ]

    def read(data: bytes) -> Reply:
        response = stock.RecordStockEventsStreamResponse.FromString(data)
        found = response.columns
        figures = zip(found.outcomes, found.on_hand, found.shortfalls, found.available, strict=True)
        return Reply([[each] for each in figures], revisions_in(response))

    return Request(methods.RECORD_STOCK_EVENTS_STREAM.path, message, operations, read, True)


@dataclass(slots=True)
class Imagination:
    """What one caller thinks of to ask for; the same from the same seed and answers."""

    name: str
    chance: random.Random
    handles: dict[tuple[str, str], int]
    shared: deque[tuple[str, list[tuple[str, str, int]]]]
    """The latest orders of all callers, on which others may work too."""
    count: int = 0
    moves: dict[Unit, Operation] = field(default_factory=dict)
    packed: list[UUID] = field(default_factory=list)
    sent: deque[Request] = field(default_factory=lambda: deque(maxlen=8))

    def next(self) -> Request:
        """Think of a request, seldom of one that was sent before."""
        self.count += 1
        if self.sent and self.chance.random() < 0.05:
            return self.chance.choice(self.sent)
        weights = {
            self._reserve: 8,
            self._change: 10,
            self._reserve_batch: 5,
            self._move_batch: 5,
            self._facts: 3,
            self._columns: 2,
            self._read: 2,
        }
        request = self.chance.choices(list(weights), list(weights.values()))[0]()
        self.sent.append(request)
        return request

    def _id(self) -> str:
        return f"{self.name}/{self.count}"

    def _sku(self) -> str:
        return SKUS[min(int(self.chance.expovariate(0.15)), len(SKUS) - 1)]

    def _place(self) -> tuple[str, str]:
        return self._sku(), self.chance.choice(PLACES)

    def _hold_s(self) -> float:
        return self.chance.choice((1, 1.5, 2, 3, 30))

    def _reserve(self) -> Request:
        places = {self._place() for _ in range(self.chance.choice((1, 1, 2, 4)))}
        lines = [(*place, self.chance.randint(1, 3)) for place in sorted(places)]
        self.shared.append((self._id(), lines))
        return single(calls.reserve(self._id(), lines, hold=self._hold_s()))

    def _change(self) -> Request:
        if not self.shared:
            return self._reserve()
        order, lines = self.chance.choice(self.shared)
        request_id = self._id()
        count = self.chance.randint(1, len(lines))
        some = [(*line[:2], 1) for line in lines[:count]] if self.chance.random() < 0.3 else None
        match self.chance.randrange(8):
            case 0 | 1 | 2:
                remainder = reservation.REMAINDER_GIVE_BACK if some else None
                return single(calls.commit(order, some, remainder=remainder, request_id=request_id))
            case 3 | 4:
                keeps = reservation.REMAINDER_KEEP if some else None
                return single(calls.fulfill(order, some, remainder=keeps, request_id=request_id))
            case 5:
                return single(calls.release(order, some, request_id=request_id))
            case 6:
                return single(calls.cancel(order, some, request_id=request_id))
            case _:
                return single(calls.extend(order, self._hold_s(), request_id=request_id))

    def _uuids(self, count: int) -> list[UUID]:
        return [UUID(int=self.chance.getrandbits(128), version=4) for _ in range(count)]

    def _reserve_batch(self) -> Request:
        ids = self._uuids(self.chance.randint(1, 8))
        self.packed = [*self.packed, *ids][-24:]
        holds_ms = [int(self._hold_s() * 1_000) for _ in ids]
        reserves = [
            Reserve(
                key_from_text(str(each)), (Line(*self._place(), self.chance.randint(1, 3)),), hold
            )
            for each, hold in zip(ids, holds_ms, strict=True)
        ]
        linked = bytes(self.chance.random() < 0.2 for _ in ids[1:]) + b"\0"
        is_stream = self.chance.random() < 0.5
        return reserve_batch(reserves, linked, self.handles, is_stream=is_stream)

    def _move_batch(self) -> Request:
        if not self.packed:
            return self._reserve_batch()
        ids = self.chance.sample(self.packed, self.chance.randint(1, min(8, len(self.packed))))
        verb = self.chance.choice((Verb.COMMIT, Verb.COMMIT, Verb.FULFILL, Verb.RELEASE))
        return move_batch(verb, ids, self.moves, is_stream=self.chance.random() < 0.5)

    def _fact(self) -> tuple[str, str, EventKind, int]:
        """Mostly more goods: they are shipped all the time."""
        kinds = PLAIN_KINDS
        kind = self.chance.choices(kinds, [8 if k == EventKind.RECEIPT else 1 for k in kinds])[0]
        return *self._place(), kind, self.chance.randint(1, 40)

    def _source(self) -> str:
        """A new one now and then: the model copies what it knows of a source with each fact."""
        return f"{self.name} {self.count // 20}"

    def _facts(self) -> Request:
        has_id = self.chance.random() < 0.7
        events = []
        for index in range(self.chance.randint(1, 3)):
            sku, place, kind, quantity = self._fact()
            events.append(
                stock.StockEvent(
                    event_id=f"{self._id()}/{index}" if has_id else "",
                    sequence=0 if has_id else self.count * 10 + index,
                    sku=sku,
                    location=place,
                    kind=stock.StockEventKind.Name(kind),
                    quantity=quantity,
                    **self._more(kind),
                )
            )
        # One that lacks units in its status takes effect when it is sent again, alone.
        events = [each for each in events if each.from_status][:1] or events
        if self.chance.random() < 0.5:
            return stock_stream(self._source(), events)
        return single(calls.record_stock_events(self._source(), events))

    def _more(self, kind: EventKind) -> dict[str, Any]:
        """What else a fact may say: goods that are not for sale, a balance of the books."""
        if self.chance.random() < 0.7:
            return {}
        if kind == EventKind.COUNT:
            return {"count_basis": stock.COUNT_BASIS_BOOKS}
        if kind == EventKind.SALE:
            return {"from_status": "damaged"}
        return {"to_status": "damaged"} if kind == EventKind.RECEIPT else {}

    def _columns(self) -> Request:
        ids = self._uuids(self.chance.randint(1, 6))
        return stock_columns(self._source(), ids, [self._fact() for _ in ids], self.handles)

    def _read(self) -> Request:
        skus = sorted({self._sku() for _ in range(self.chance.randint(1, 6))})
        match self.chance.randrange(3):
            case 0 if self.shared:
                return single(calls.get_reservation(self.chance.choice(self.shared)[0]))
            case 1:
                return read_handles(skus, self.handles)
            case _:
                return read_skus(skus)
