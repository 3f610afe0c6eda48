import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from holdfast.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StockEventKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STOCK_EVENT_KIND_UNSPECIFIED: _ClassVar[StockEventKind]
    STOCK_EVENT_KIND_RECEIPT: _ClassVar[StockEventKind]
    STOCK_EVENT_KIND_ADJUSTMENT: _ClassVar[StockEventKind]
    STOCK_EVENT_KIND_SALE: _ClassVar[StockEventKind]
    STOCK_EVENT_KIND_RETURN: _ClassVar[StockEventKind]
    STOCK_EVENT_KIND_COUNT: _ClassVar[StockEventKind]
    STOCK_EVENT_KIND_STATUS_CHANGE: _ClassVar[StockEventKind]
    STOCK_EVENT_KIND_GOODS_ISSUE: _ClassVar[StockEventKind]
    STOCK_EVENT_KIND_REVERSAL: _ClassVar[StockEventKind]
    STOCK_EVENT_KIND_SHIPMENT_REVERSAL: _ClassVar[StockEventKind]
    STOCK_EVENT_KIND_SUPPLY: _ClassVar[StockEventKind]
    STOCK_EVENT_KIND_TRANSFER_DISPATCH: _ClassVar[StockEventKind]
    STOCK_EVENT_KIND_TRANSFER_ADJUSTMENT: _ClassVar[StockEventKind]

class CountBasis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COUNT_BASIS_UNSPECIFIED: _ClassVar[CountBasis]
    COUNT_BASIS_SHELF: _ClassVar[CountBasis]
    COUNT_BASIS_BOOKS: _ClassVar[CountBasis]

class StockEventOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STOCK_EVENT_OUTCOME_UNSPECIFIED: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_APPLIED: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_DUPLICATE: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_OUT_OF_ORDER: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_UNKNOWN_STOCK_LEVEL: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_OUT_OF_RANGE: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_ID_REUSED: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_UNKNOWN_SKU: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_EXCEEDS_UNAVAILABLE: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_EXCEEDS_SHIPPED: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_TOO_MANY_STATUSES: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_COUNT_IN_FUTURE: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_COUNT_OUTDATED: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_COUNT_TOO_OLD: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_UNKNOWN_ORDER: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_ALREADY_COUNTED: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_REVERSED: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_REVERSAL_PENDING: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_ALREADY_REVERSED: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_REVERSAL_DIFFERS: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_CANNOT_REVERSE: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_SUPPLY_OUTDATED: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_TOO_MANY_SUPPLIES: _ClassVar[StockEventOutcome]
    STOCK_EVENT_OUTCOME_EXCEEDS_AVAILABLE: _ClassVar[StockEventOutcome]
STOCK_EVENT_KIND_UNSPECIFIED: StockEventKind
STOCK_EVENT_KIND_RECEIPT: StockEventKind
STOCK_EVENT_KIND_ADJUSTMENT: StockEventKind
STOCK_EVENT_KIND_SALE: StockEventKind
STOCK_EVENT_KIND_RETURN: StockEventKind
STOCK_EVENT_KIND_COUNT: StockEventKind
STOCK_EVENT_KIND_STATUS_CHANGE: StockEventKind
STOCK_EVENT_KIND_GOODS_ISSUE: StockEventKind
STOCK_EVENT_KIND_REVERSAL: StockEventKind
STOCK_EVENT_KIND_SHIPMENT_REVERSAL: StockEventKind
STOCK_EVENT_KIND_SUPPLY: StockEventKind
STOCK_EVENT_KIND_TRANSFER_DISPATCH: StockEventKind
STOCK_EVENT_KIND_TRANSFER_ADJUSTMENT: StockEventKind
COUNT_BASIS_UNSPECIFIED: CountBasis
COUNT_BASIS_SHELF: CountBasis
COUNT_BASIS_BOOKS: CountBasis
STOCK_EVENT_OUTCOME_UNSPECIFIED: StockEventOutcome
STOCK_EVENT_OUTCOME_APPLIED: StockEventOutcome
STOCK_EVENT_OUTCOME_DUPLICATE: StockEventOutcome
STOCK_EVENT_OUTCOME_OUT_OF_ORDER: StockEventOutcome
STOCK_EVENT_OUTCOME_UNKNOWN_STOCK_LEVEL: StockEventOutcome
STOCK_EVENT_OUTCOME_OUT_OF_RANGE: StockEventOutcome
STOCK_EVENT_OUTCOME_ID_REUSED: StockEventOutcome
STOCK_EVENT_OUTCOME_UNKNOWN_SKU: StockEventOutcome
STOCK_EVENT_OUTCOME_EXCEEDS_UNAVAILABLE: StockEventOutcome
STOCK_EVENT_OUTCOME_EXCEEDS_SHIPPED: StockEventOutcome
STOCK_EVENT_OUTCOME_TOO_MANY_STATUSES: StockEventOutcome
STOCK_EVENT_OUTCOME_COUNT_IN_FUTURE: StockEventOutcome
STOCK_EVENT_OUTCOME_COUNT_OUTDATED: StockEventOutcome
STOCK_EVENT_OUTCOME_COUNT_TOO_OLD: StockEventOutcome
STOCK_EVENT_OUTCOME_UNKNOWN_ORDER: StockEventOutcome
STOCK_EVENT_OUTCOME_ALREADY_COUNTED: StockEventOutcome
STOCK_EVENT_OUTCOME_REVERSED: StockEventOutcome
STOCK_EVENT_OUTCOME_REVERSAL_PENDING: StockEventOutcome
STOCK_EVENT_OUTCOME_ALREADY_REVERSED: StockEventOutcome
STOCK_EVENT_OUTCOME_REVERSAL_DIFFERS: StockEventOutcome
STOCK_EVENT_OUTCOME_CANNOT_REVERSE: StockEventOutcome
STOCK_EVENT_OUTCOME_SUPPLY_OUTDATED: StockEventOutcome
STOCK_EVENT_OUTCOME_TOO_MANY_SUPPLIES: StockEventOutcome
STOCK_EVENT_OUTCOME_EXCEEDS_AVAILABLE: StockEventOutcome

class RecordStockEventsRequest(_message.Message):
    __slots__ = ("source", "events")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    source: str
    events: _containers.RepeatedCompositeFieldContainer[StockEvent]
    def __init__(self, source: _Optional[str] = ..., events: _Optional[_Iterable[_Union[StockEvent, _Mapping]]] = ...) -> None: ...

class RecordStockEventsResponse(_message.Message):
    __slots__ = ("results", "revisions", "skipped_sequences", "shortfalls")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    SHORTFALLS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[StockEventResult]
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    skipped_sequences: _containers.RepeatedCompositeFieldContainer[SequenceRange]
    shortfalls: _containers.RepeatedCompositeFieldContainer[_common_pb2.Shortfall]
    def __init__(self, results: _Optional[_Iterable[_Union[StockEventResult, _Mapping]]] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ..., skipped_sequences: _Optional[_Iterable[_Union[SequenceRange, _Mapping]]] = ..., shortfalls: _Optional[_Iterable[_Union[_common_pb2.Shortfall, _Mapping]]] = ...) -> None: ...

class SequenceRange(_message.Message):
    __slots__ = ("first_sequence", "last_sequence")
    FIRST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    first_sequence: int
    last_sequence: int
    def __init__(self, first_sequence: _Optional[int] = ..., last_sequence: _Optional[int] = ...) -> None: ...

class RecordStockEventsStreamRequest(_message.Message):
    __slots__ = ("source", "events", "columns", "batch_id")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    source: str
    events: _containers.RepeatedCompositeFieldContainer[StockEvent]
    columns: StockEventColumns
    batch_id: int
    def __init__(self, source: _Optional[str] = ..., events: _Optional[_Iterable[_Union[StockEvent, _Mapping]]] = ..., columns: _Optional[_Union[StockEventColumns, _Mapping]] = ..., batch_id: _Optional[int] = ...) -> None: ...

class StockEventColumns(_message.Message):
    __slots__ = ("id_high", "id_low", "sequences", "stock_levels", "kinds", "quantities", "occur_nanoseconds", "reference_ids", "reference_lines", "reference_kind", "correlation_id")
    ID_HIGH_FIELD_NUMBER: _ClassVar[int]
    ID_LOW_FIELD_NUMBER: _ClassVar[int]
    SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    STOCK_LEVELS_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    QUANTITIES_FIELD_NUMBER: _ClassVar[int]
    OCCUR_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_IDS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_LINES_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_KIND_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    id_high: _containers.RepeatedScalarFieldContainer[int]
    id_low: _containers.RepeatedScalarFieldContainer[int]
    sequences: _containers.RepeatedScalarFieldContainer[int]
    stock_levels: _containers.RepeatedScalarFieldContainer[int]
    kinds: bytes
    quantities: _containers.RepeatedScalarFieldContainer[int]
    occur_nanoseconds: _containers.RepeatedScalarFieldContainer[int]
    reference_ids: _containers.RepeatedScalarFieldContainer[str]
    reference_lines: _containers.RepeatedScalarFieldContainer[str]
    reference_kind: str
    correlation_id: str
    def __init__(self, id_high: _Optional[_Iterable[int]] = ..., id_low: _Optional[_Iterable[int]] = ..., sequences: _Optional[_Iterable[int]] = ..., stock_levels: _Optional[_Iterable[int]] = ..., kinds: _Optional[bytes] = ..., quantities: _Optional[_Iterable[int]] = ..., occur_nanoseconds: _Optional[_Iterable[int]] = ..., reference_ids: _Optional[_Iterable[str]] = ..., reference_lines: _Optional[_Iterable[str]] = ..., reference_kind: _Optional[str] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class RecordStockEventsStreamResponse(_message.Message):
    __slots__ = ("source", "acknowledged_sequence", "results", "revisions", "columns", "batch_id", "status", "skipped_sequences", "shortfalls")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    SHORTFALLS_FIELD_NUMBER: _ClassVar[int]
    source: str
    acknowledged_sequence: int
    results: _containers.RepeatedCompositeFieldContainer[StockEventResult]
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    columns: StockEventResultColumns
    batch_id: int
    status: _status_pb2.Status
    skipped_sequences: _containers.RepeatedCompositeFieldContainer[SequenceRange]
    shortfalls: _containers.RepeatedCompositeFieldContainer[_common_pb2.Shortfall]
    def __init__(self, source: _Optional[str] = ..., acknowledged_sequence: _Optional[int] = ..., results: _Optional[_Iterable[_Union[StockEventResult, _Mapping]]] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ..., columns: _Optional[_Union[StockEventResultColumns, _Mapping]] = ..., batch_id: _Optional[int] = ..., status: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., skipped_sequences: _Optional[_Iterable[_Union[SequenceRange, _Mapping]]] = ..., shortfalls: _Optional[_Iterable[_Union[_common_pb2.Shortfall, _Mapping]]] = ...) -> None: ...

class StockEventResultColumns(_message.Message):
    __slots__ = ("outcomes", "on_hand", "shortfalls", "available", "differences")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    SHORTFALLS_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    outcomes: bytes
    on_hand: _containers.RepeatedScalarFieldContainer[int]
    shortfalls: _containers.RepeatedScalarFieldContainer[int]
    available: _containers.RepeatedScalarFieldContainer[int]
    differences: _containers.RepeatedCompositeFieldContainer[StockEventDifference]
    def __init__(self, outcomes: _Optional[bytes] = ..., on_hand: _Optional[_Iterable[int]] = ..., shortfalls: _Optional[_Iterable[int]] = ..., available: _Optional[_Iterable[int]] = ..., differences: _Optional[_Iterable[_Union[StockEventDifference, _Mapping]]] = ...) -> None: ...

class StockEvent(_message.Message):
    __slots__ = ("event_id", "sequence", "sku", "location", "kind", "quantity", "occur_time", "reference", "reason", "actor", "from_status", "to_status", "as_of_sequence", "count_basis", "picked_quantity", "seen_reservations", "reverses", "expected_time", "to_location", "takes_promised", "correlation_id")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    OCCUR_TIME_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    FROM_STATUS_FIELD_NUMBER: _ClassVar[int]
    TO_STATUS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    COUNT_BASIS_FIELD_NUMBER: _ClassVar[int]
    PICKED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    SEEN_RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    REVERSES_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_TIME_FIELD_NUMBER: _ClassVar[int]
    TO_LOCATION_FIELD_NUMBER: _ClassVar[int]
    TAKES_PROMISED_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    sequence: int
    sku: str
    location: str
    kind: StockEventKind
    quantity: int
    occur_time: _timestamp_pb2.Timestamp
    reference: Reference
    reason: str
    actor: str
    from_status: str
    to_status: str
    as_of_sequence: int
    count_basis: CountBasis
    picked_quantity: int
    seen_reservations: _containers.RepeatedScalarFieldContainer[str]
    reverses: ReversedEvent
    expected_time: _timestamp_pb2.Timestamp
    to_location: str
    takes_promised: bool
    correlation_id: str
    def __init__(self, event_id: _Optional[str] = ..., sequence: _Optional[int] = ..., sku: _Optional[str] = ..., location: _Optional[str] = ..., kind: _Optional[_Union[StockEventKind, str]] = ..., quantity: _Optional[int] = ..., occur_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reference: _Optional[_Union[Reference, _Mapping]] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ..., from_status: _Optional[str] = ..., to_status: _Optional[str] = ..., as_of_sequence: _Optional[int] = ..., count_basis: _Optional[_Union[CountBasis, str]] = ..., picked_quantity: _Optional[int] = ..., seen_reservations: _Optional[_Iterable[str]] = ..., reverses: _Optional[_Union[ReversedEvent, _Mapping]] = ..., expected_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., to_location: _Optional[str] = ..., takes_promised: bool = ..., correlation_id: _Optional[str] = ...) -> None: ...

class ReversedEvent(_message.Message):
    __slots__ = ("source", "event_id", "kind", "occur_time")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    OCCUR_TIME_FIELD_NUMBER: _ClassVar[int]
    source: str
    event_id: str
    kind: StockEventKind
    occur_time: _timestamp_pb2.Timestamp
    def __init__(self, source: _Optional[str] = ..., event_id: _Optional[str] = ..., kind: _Optional[_Union[StockEventKind, str]] = ..., occur_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Reference(_message.Message):
    __slots__ = ("kind", "id", "line")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    line: str
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ..., line: _Optional[str] = ...) -> None: ...

class StockEventResult(_message.Message):
    __slots__ = ("outcome", "on_hand", "shortfall", "available", "sku_created", "difference", "possible", "reapplied", "in_transit", "untracked")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    SKU_CREATED_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    POSSIBLE_FIELD_NUMBER: _ClassVar[int]
    REAPPLIED_FIELD_NUMBER: _ClassVar[int]
    IN_TRANSIT_FIELD_NUMBER: _ClassVar[int]
    UNTRACKED_FIELD_NUMBER: _ClassVar[int]
    outcome: StockEventOutcome
    on_hand: int
    shortfall: int
    available: int
    sku_created: bool
    difference: StockEventDifference
    possible: int
    reapplied: _containers.RepeatedCompositeFieldContainer[Reapplied]
    in_transit: int
    untracked: bool
    def __init__(self, outcome: _Optional[_Union[StockEventOutcome, str]] = ..., on_hand: _Optional[int] = ..., shortfall: _Optional[int] = ..., available: _Optional[int] = ..., sku_created: bool = ..., difference: _Optional[_Union[StockEventDifference, _Mapping]] = ..., possible: _Optional[int] = ..., reapplied: _Optional[_Iterable[_Union[Reapplied, _Mapping]]] = ..., in_transit: _Optional[int] = ..., untracked: bool = ...) -> None: ...

class Reapplied(_message.Message):
    __slots__ = ("source", "kind", "quantity", "events")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    source: str
    kind: StockEventKind
    quantity: int
    events: int
    def __init__(self, source: _Optional[str] = ..., kind: _Optional[_Union[StockEventKind, str]] = ..., quantity: _Optional[int] = ..., events: _Optional[int] = ...) -> None: ...

class StockEventDifference(_message.Message):
    __slots__ = ("field", "recorded", "now")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    field: str
    recorded: str
    now: str
    def __init__(self, field: _Optional[str] = ..., recorded: _Optional[str] = ..., now: _Optional[str] = ...) -> None: ...
