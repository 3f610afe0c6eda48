import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.v1 import availability_service_pb2 as _availability_service_pb2
from holdfast.v1 import common_pb2 as _common_pb2
from holdfast.v1 import stock_service_pb2 as _stock_service_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MovementKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MOVEMENT_KIND_UNSPECIFIED: _ClassVar[MovementKind]
    MOVEMENT_KIND_OPENING: _ClassVar[MovementKind]
    MOVEMENT_KIND_RESERVE: _ClassVar[MovementKind]
    MOVEMENT_KIND_COMMIT: _ClassVar[MovementKind]
    MOVEMENT_KIND_FULFILL: _ClassVar[MovementKind]
    MOVEMENT_KIND_RELEASE: _ClassVar[MovementKind]
    MOVEMENT_KIND_EXPIRE: _ClassVar[MovementKind]
    MOVEMENT_KIND_CANCEL: _ClassVar[MovementKind]
    MOVEMENT_KIND_OPENING_HELD: _ClassVar[MovementKind]
    MOVEMENT_KIND_OPENING_COMMITTED: _ClassVar[MovementKind]
    MOVEMENT_KIND_SKU_ENDED: _ClassVar[MovementKind]
    MOVEMENT_KIND_COME_BACK: _ClassVar[MovementKind]
    MOVEMENT_KIND_UNAVAILABLE: _ClassVar[MovementKind]
    MOVEMENT_KIND_OPENING_UNAVAILABLE: _ClassVar[MovementKind]
    MOVEMENT_KIND_INCOMING: _ClassVar[MovementKind]
    MOVEMENT_KIND_OPENING_INCOMING: _ClassVar[MovementKind]
    MOVEMENT_KIND_BACKORDER: _ClassVar[MovementKind]
    MOVEMENT_KIND_OPENING_BACKORDER: _ClassVar[MovementKind]
    MOVEMENT_KIND_REPAIR: _ClassVar[MovementKind]
    MOVEMENT_KIND_RECEIPT: _ClassVar[MovementKind]
    MOVEMENT_KIND_ADJUSTMENT: _ClassVar[MovementKind]
    MOVEMENT_KIND_SALE: _ClassVar[MovementKind]
    MOVEMENT_KIND_RETURN: _ClassVar[MovementKind]
    MOVEMENT_KIND_COUNT: _ClassVar[MovementKind]
    MOVEMENT_KIND_STATUS_CHANGE: _ClassVar[MovementKind]
    MOVEMENT_KIND_GOODS_ISSUE: _ClassVar[MovementKind]
    MOVEMENT_KIND_REVERSAL: _ClassVar[MovementKind]
    MOVEMENT_KIND_SHIPMENT_REVERSAL: _ClassVar[MovementKind]
    MOVEMENT_KIND_SUPPLY: _ClassVar[MovementKind]
    MOVEMENT_KIND_TRANSFER_DISPATCH: _ClassVar[MovementKind]
    MOVEMENT_KIND_TRANSFER_ADJUSTMENT: _ClassVar[MovementKind]
MOVEMENT_KIND_UNSPECIFIED: MovementKind
MOVEMENT_KIND_OPENING: MovementKind
MOVEMENT_KIND_RESERVE: MovementKind
MOVEMENT_KIND_COMMIT: MovementKind
MOVEMENT_KIND_FULFILL: MovementKind
MOVEMENT_KIND_RELEASE: MovementKind
MOVEMENT_KIND_EXPIRE: MovementKind
MOVEMENT_KIND_CANCEL: MovementKind
MOVEMENT_KIND_OPENING_HELD: MovementKind
MOVEMENT_KIND_OPENING_COMMITTED: MovementKind
MOVEMENT_KIND_SKU_ENDED: MovementKind
MOVEMENT_KIND_COME_BACK: MovementKind
MOVEMENT_KIND_UNAVAILABLE: MovementKind
MOVEMENT_KIND_OPENING_UNAVAILABLE: MovementKind
MOVEMENT_KIND_INCOMING: MovementKind
MOVEMENT_KIND_OPENING_INCOMING: MovementKind
MOVEMENT_KIND_BACKORDER: MovementKind
MOVEMENT_KIND_OPENING_BACKORDER: MovementKind
MOVEMENT_KIND_REPAIR: MovementKind
MOVEMENT_KIND_RECEIPT: MovementKind
MOVEMENT_KIND_ADJUSTMENT: MovementKind
MOVEMENT_KIND_SALE: MovementKind
MOVEMENT_KIND_RETURN: MovementKind
MOVEMENT_KIND_COUNT: MovementKind
MOVEMENT_KIND_STATUS_CHANGE: MovementKind
MOVEMENT_KIND_GOODS_ISSUE: MovementKind
MOVEMENT_KIND_REVERSAL: MovementKind
MOVEMENT_KIND_SHIPMENT_REVERSAL: MovementKind
MOVEMENT_KIND_SUPPLY: MovementKind
MOVEMENT_KIND_TRANSFER_DISPATCH: MovementKind
MOVEMENT_KIND_TRANSFER_ADJUSTMENT: MovementKind

class ListMovementsRequest(_message.Message):
    __slots__ = ("sku", "location", "reservation_id", "source", "reference_id", "from_time", "until_time", "page_size", "page_token", "correlation_id")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_TIME_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    reservation_id: str
    source: str
    reference_id: str
    from_time: _timestamp_pb2.Timestamp
    until_time: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    correlation_id: str
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., reservation_id: _Optional[str] = ..., source: _Optional[str] = ..., reference_id: _Optional[str] = ..., from_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class ListMovementsResponse(_message.Message):
    __slots__ = ("movements", "next_page_token", "coverage")
    MOVEMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    movements: _containers.RepeatedCompositeFieldContainer[Movement]
    next_page_token: str
    coverage: LedgerCoverage
    def __init__(self, movements: _Optional[_Iterable[_Union[Movement, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., coverage: _Optional[_Union[LedgerCoverage, _Mapping]] = ...) -> None: ...

class LedgerCoverage(_message.Message):
    __slots__ = ("position", "durable_position", "begin_time")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    DURABLE_POSITION_FIELD_NUMBER: _ClassVar[int]
    BEGIN_TIME_FIELD_NUMBER: _ClassVar[int]
    position: int
    durable_position: int
    begin_time: _timestamp_pb2.Timestamp
    def __init__(self, position: _Optional[int] = ..., durable_position: _Optional[int] = ..., begin_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class LevelQuantities(_message.Message):
    __slots__ = ("on_hand", "reserved", "committed", "withheld")
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_FIELD_NUMBER: _ClassVar[int]
    WITHHELD_FIELD_NUMBER: _ClassVar[int]
    on_hand: int
    reserved: int
    committed: int
    withheld: int
    def __init__(self, on_hand: _Optional[int] = ..., reserved: _Optional[int] = ..., committed: _Optional[int] = ..., withheld: _Optional[int] = ...) -> None: ...

class Movement(_message.Message):
    __slots__ = ("number", "record_time", "revision", "kind", "quantity", "sku", "location", "before", "after", "reservation_id", "principal", "fact", "correlation_id", "reason", "actor", "status")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    RECORD_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    FACT_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    number: int
    record_time: _timestamp_pb2.Timestamp
    revision: _common_pb2.Revision
    kind: MovementKind
    quantity: int
    sku: str
    location: str
    before: LevelQuantities
    after: LevelQuantities
    reservation_id: str
    principal: str
    fact: RecordedFact
    correlation_id: str
    reason: str
    actor: str
    status: str
    def __init__(self, number: _Optional[int] = ..., record_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ..., kind: _Optional[_Union[MovementKind, str]] = ..., quantity: _Optional[int] = ..., sku: _Optional[str] = ..., location: _Optional[str] = ..., before: _Optional[_Union[LevelQuantities, _Mapping]] = ..., after: _Optional[_Union[LevelQuantities, _Mapping]] = ..., reservation_id: _Optional[str] = ..., principal: _Optional[str] = ..., fact: _Optional[_Union[RecordedFact, _Mapping]] = ..., correlation_id: _Optional[str] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ..., status: _Optional[str] = ...) -> None: ...

class RecordedFact(_message.Message):
    __slots__ = ("source", "sequence", "event_key", "occur_time", "reference")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EVENT_KEY_FIELD_NUMBER: _ClassVar[int]
    OCCUR_TIME_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    source: str
    sequence: int
    event_key: str
    occur_time: _timestamp_pb2.Timestamp
    reference: _stock_service_pb2.Reference
    def __init__(self, source: _Optional[str] = ..., sequence: _Optional[int] = ..., event_key: _Optional[str] = ..., occur_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reference: _Optional[_Union[_stock_service_pb2.Reference, _Mapping]] = ...) -> None: ...

class ExplainAvailabilityRequest(_message.Message):
    __slots__ = ("sku", "location", "time", "revision")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    time: _timestamp_pb2.Timestamp
    revision: _common_pb2.Revision
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ...) -> None: ...

class ExplainAvailabilityResponse(_message.Message):
    __slots__ = ("quantities", "available", "revision", "record_time", "opening", "earlier", "events", "holds", "other_holds", "commitments", "other_commitments", "coverage", "incoming", "decisions", "backordered", "unavailable")
    QUANTITIES_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    RECORD_TIME_FIELD_NUMBER: _ClassVar[int]
    OPENING_FIELD_NUMBER: _ClassVar[int]
    EARLIER_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    OTHER_HOLDS_FIELD_NUMBER: _ClassVar[int]
    COMMITMENTS_FIELD_NUMBER: _ClassVar[int]
    OTHER_COMMITMENTS_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    INCOMING_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    BACKORDERED_FIELD_NUMBER: _ClassVar[int]
    UNAVAILABLE_FIELD_NUMBER: _ClassVar[int]
    quantities: LevelQuantities
    available: int
    revision: _common_pb2.Revision
    record_time: _timestamp_pb2.Timestamp
    opening: SummedParts
    earlier: SummedParts
    events: _containers.RepeatedCompositeFieldContainer[Movement]
    holds: _containers.RepeatedCompositeFieldContainer[Promise]
    other_holds: SummedParts
    commitments: _containers.RepeatedCompositeFieldContainer[Promise]
    other_commitments: SummedParts
    coverage: LedgerCoverage
    incoming: int
    decisions: _containers.RepeatedCompositeFieldContainer[Movement]
    backordered: int
    unavailable: _containers.RepeatedCompositeFieldContainer[_availability_service_pb2.UnavailableUnits]
    def __init__(self, quantities: _Optional[_Union[LevelQuantities, _Mapping]] = ..., available: _Optional[int] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ..., record_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., opening: _Optional[_Union[SummedParts, _Mapping]] = ..., earlier: _Optional[_Union[SummedParts, _Mapping]] = ..., events: _Optional[_Iterable[_Union[Movement, _Mapping]]] = ..., holds: _Optional[_Iterable[_Union[Promise, _Mapping]]] = ..., other_holds: _Optional[_Union[SummedParts, _Mapping]] = ..., commitments: _Optional[_Iterable[_Union[Promise, _Mapping]]] = ..., other_commitments: _Optional[_Union[SummedParts, _Mapping]] = ..., coverage: _Optional[_Union[LedgerCoverage, _Mapping]] = ..., incoming: _Optional[int] = ..., decisions: _Optional[_Iterable[_Union[Movement, _Mapping]]] = ..., backordered: _Optional[int] = ..., unavailable: _Optional[_Iterable[_Union[_availability_service_pb2.UnavailableUnits, _Mapping]]] = ...) -> None: ...

class SummedParts(_message.Message):
    __slots__ = ("count", "quantity")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    count: int
    quantity: int
    def __init__(self, count: _Optional[int] = ..., quantity: _Optional[int] = ...) -> None: ...

class Promise(_message.Message):
    __slots__ = ("reservation_id", "quantity", "record_time", "revision")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    RECORD_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    quantity: int
    record_time: _timestamp_pb2.Timestamp
    revision: _common_pb2.Revision
    def __init__(self, reservation_id: _Optional[str] = ..., quantity: _Optional[int] = ..., record_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ...) -> None: ...
