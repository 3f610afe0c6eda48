from holdfast.v1 import availability_service_pb2 as _availability_service_pb2
from holdfast.v1 import common_pb2 as _common_pb2
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
    __slots__ = ("skus", "locations", "start", "after", "low_threshold", "crossings_only")
    SKUS_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LOW_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    CROSSINGS_ONLY_FIELD_NUMBER: _ClassVar[int]
    skus: _containers.RepeatedScalarFieldContainer[str]
    locations: _containers.RepeatedScalarFieldContainer[str]
    start: WatchStart
    after: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    low_threshold: int
    crossings_only: bool
    def __init__(self, skus: _Optional[_Iterable[str]] = ..., locations: _Optional[_Iterable[str]] = ..., start: _Optional[_Union[WatchStart, str]] = ..., after: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ..., low_threshold: _Optional[int] = ..., crossings_only: bool = ...) -> None: ...

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
    __slots__ = ("sku", "level", "status", "crossed_from", "removed")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CROSSED_FROM_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    sku: str
    level: _availability_service_pb2.StockLevel
    status: StockStatus
    crossed_from: StockStatus
    removed: bool
    def __init__(self, sku: _Optional[str] = ..., level: _Optional[_Union[_availability_service_pb2.StockLevel, _Mapping]] = ..., status: _Optional[_Union[StockStatus, str]] = ..., crossed_from: _Optional[_Union[StockStatus, str]] = ..., removed: bool = ...) -> None: ...
