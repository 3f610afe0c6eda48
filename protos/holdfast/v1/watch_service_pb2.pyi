import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.v1 import availability_service_pb2 as _availability_service_pb2
from holdfast.v1 import common_pb2 as _common_pb2
from holdfast.v1 import reservation_service_pb2 as _reservation_service_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WatchStart(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WATCH_START_UNSPECIFIED: _ClassVar[WatchStart]
    WATCH_START_CURRENT_STATE: _ClassVar[WatchStart]
    WATCH_START_NOW: _ClassVar[WatchStart]

class StockStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STOCK_STATUS_UNSPECIFIED: _ClassVar[StockStatus]
    STOCK_STATUS_IN_STOCK: _ClassVar[StockStatus]
    STOCK_STATUS_LOW: _ClassVar[StockStatus]
    STOCK_STATUS_OUT: _ClassVar[StockStatus]
    STOCK_STATUS_SHORT: _ClassVar[StockStatus]
WATCH_START_UNSPECIFIED: WatchStart
WATCH_START_CURRENT_STATE: WatchStart
WATCH_START_NOW: WatchStart
STOCK_STATUS_UNSPECIFIED: StockStatus
STOCK_STATUS_IN_STOCK: StockStatus
STOCK_STATUS_LOW: StockStatus
STOCK_STATUS_OUT: StockStatus
STOCK_STATUS_SHORT: StockStatus

class WatchAvailabilityRequest(_message.Message):
    __slots__ = ("skus", "locations", "start", "after", "low_threshold", "crossings_only", "source_states")
    SKUS_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LOW_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    CROSSINGS_ONLY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_STATES_FIELD_NUMBER: _ClassVar[int]
    skus: _containers.RepeatedScalarFieldContainer[str]
    locations: _containers.RepeatedScalarFieldContainer[str]
    start: WatchStart
    after: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    low_threshold: int
    crossings_only: bool
    source_states: _containers.RepeatedScalarFieldContainer[_common_pb2.SourceState]
    def __init__(self, skus: _Optional[_Iterable[str]] = ..., locations: _Optional[_Iterable[str]] = ..., start: _Optional[_Union[WatchStart, str]] = ..., after: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ..., low_threshold: _Optional[int] = ..., crossings_only: bool = ..., source_states: _Optional[_Iterable[_Union[_common_pb2.SourceState, str]]] = ...) -> None: ...

class WatchAvailabilityResponse(_message.Message):
    __slots__ = ("levels", "revisions", "reset", "conflated")
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    CONFLATED_FIELD_NUMBER: _ClassVar[int]
    levels: _containers.RepeatedCompositeFieldContainer[LevelUpdate]
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    reset: bool
    conflated: bool
    def __init__(self, levels: _Optional[_Iterable[_Union[LevelUpdate, _Mapping]]] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ..., reset: bool = ..., conflated: bool = ...) -> None: ...

class LevelUpdate(_message.Message):
    __slots__ = ("sku", "level", "status", "crossed_from", "removed", "uncovered", "overdue", "other_names")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CROSSED_FROM_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    UNCOVERED_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    OTHER_NAMES_FIELD_NUMBER: _ClassVar[int]
    sku: str
    level: _availability_service_pb2.StockLevel
    status: StockStatus
    crossed_from: StockStatus
    removed: bool
    uncovered: int
    overdue: int
    other_names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sku: _Optional[str] = ..., level: _Optional[_Union[_availability_service_pb2.StockLevel, _Mapping]] = ..., status: _Optional[_Union[StockStatus, str]] = ..., crossed_from: _Optional[_Union[StockStatus, str]] = ..., removed: bool = ..., uncovered: _Optional[int] = ..., overdue: _Optional[int] = ..., other_names: _Optional[_Iterable[str]] = ...) -> None: ...

class WatchReservationsRequest(_message.Message):
    __slots__ = ("sku", "location", "start", "resume_token")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    start: WatchStart
    resume_token: str
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., start: _Optional[_Union[WatchStart, str]] = ..., resume_token: _Optional[str] = ...) -> None: ...

class WatchReservationsResponse(_message.Message):
    __slots__ = ("changes", "resume_token", "reset")
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[ReservationChange]
    resume_token: str
    reset: bool
    def __init__(self, changes: _Optional[_Iterable[_Union[ReservationChange, _Mapping]]] = ..., resume_token: _Optional[str] = ..., reset: bool = ...) -> None: ...

class ReservationChange(_message.Message):
    __slots__ = ("reservation_id", "sku", "location", "quantity", "from_state", "state", "record_time", "revision", "correlation_id", "reason", "actor")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    FROM_STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    RECORD_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    sku: str
    location: str
    quantity: int
    from_state: _reservation_service_pb2.ReservationState
    state: _reservation_service_pb2.ReservationState
    record_time: _timestamp_pb2.Timestamp
    revision: _common_pb2.Revision
    correlation_id: str
    reason: str
    actor: str
    def __init__(self, reservation_id: _Optional[str] = ..., sku: _Optional[str] = ..., location: _Optional[str] = ..., quantity: _Optional[int] = ..., from_state: _Optional[_Union[_reservation_service_pb2.ReservationState, str]] = ..., state: _Optional[_Union[_reservation_service_pb2.ReservationState, str]] = ..., record_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ..., correlation_id: _Optional[str] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...
