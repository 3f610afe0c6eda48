import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UnresolvedReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UNRESOLVED_REASON_UNSPECIFIED: _ClassVar[UnresolvedReason]
    UNRESOLVED_REASON_UNKNOWN_SKU: _ClassVar[UnresolvedReason]
    UNRESOLVED_REASON_UNKNOWN_LOCATION: _ClassVar[UnresolvedReason]
    UNRESOLVED_REASON_NO_STOCK_LEVEL: _ClassVar[UnresolvedReason]
UNRESOLVED_REASON_UNSPECIFIED: UnresolvedReason
UNRESOLVED_REASON_UNKNOWN_SKU: UnresolvedReason
UNRESOLVED_REASON_UNKNOWN_LOCATION: UnresolvedReason
UNRESOLVED_REASON_NO_STOCK_LEVEL: UnresolvedReason

class GetAvailabilityRequest(_message.Message):
    __slots__ = ("sku", "source_states")
    SKU_FIELD_NUMBER: _ClassVar[int]
    SOURCE_STATES_FIELD_NUMBER: _ClassVar[int]
    sku: str
    source_states: _containers.RepeatedScalarFieldContainer[_common_pb2.SourceState]
    def __init__(self, sku: _Optional[str] = ..., source_states: _Optional[_Iterable[_Union[_common_pb2.SourceState, str]]] = ...) -> None: ...

class GetAvailabilityResponse(_message.Message):
    __slots__ = ("availability",)
    AVAILABILITY_FIELD_NUMBER: _ClassVar[int]
    availability: Availability
    def __init__(self, availability: _Optional[_Union[Availability, _Mapping]] = ...) -> None: ...

class BatchGetAvailabilityRequest(_message.Message):
    __slots__ = ("skus", "stock_levels", "locations", "source_states")
    SKUS_FIELD_NUMBER: _ClassVar[int]
    STOCK_LEVELS_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_STATES_FIELD_NUMBER: _ClassVar[int]
    skus: _containers.RepeatedScalarFieldContainer[str]
    stock_levels: _containers.RepeatedScalarFieldContainer[int]
    locations: _containers.RepeatedScalarFieldContainer[str]
    source_states: _containers.RepeatedScalarFieldContainer[_common_pb2.SourceState]
    def __init__(self, skus: _Optional[_Iterable[str]] = ..., stock_levels: _Optional[_Iterable[int]] = ..., locations: _Optional[_Iterable[str]] = ..., source_states: _Optional[_Iterable[_Union[_common_pb2.SourceState, str]]] = ...) -> None: ...

class BatchGetAvailabilityResponse(_message.Message):
    __slots__ = ("availabilities", "unknown_skus", "on_hand", "reserved", "committed", "revisions", "available", "unavailable", "source_states")
    AVAILABILITIES_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_SKUS_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    UNAVAILABLE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_STATES_FIELD_NUMBER: _ClassVar[int]
    availabilities: _containers.RepeatedCompositeFieldContainer[Availability]
    unknown_skus: _containers.RepeatedScalarFieldContainer[str]
    on_hand: _containers.RepeatedScalarFieldContainer[int]
    reserved: _containers.RepeatedScalarFieldContainer[int]
    committed: _containers.RepeatedScalarFieldContainer[int]
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    available: _containers.RepeatedScalarFieldContainer[int]
    unavailable: _containers.RepeatedScalarFieldContainer[int]
    source_states: bytes
    def __init__(self, availabilities: _Optional[_Iterable[_Union[Availability, _Mapping]]] = ..., unknown_skus: _Optional[_Iterable[str]] = ..., on_hand: _Optional[_Iterable[int]] = ..., reserved: _Optional[_Iterable[int]] = ..., committed: _Optional[_Iterable[int]] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ..., available: _Optional[_Iterable[int]] = ..., unavailable: _Optional[_Iterable[int]] = ..., source_states: _Optional[bytes] = ...) -> None: ...

class ResolveStockLevelsRequest(_message.Message):
    __slots__ = ("stock_levels",)
    STOCK_LEVELS_FIELD_NUMBER: _ClassVar[int]
    stock_levels: _containers.RepeatedCompositeFieldContainer[StockLevelName]
    def __init__(self, stock_levels: _Optional[_Iterable[_Union[StockLevelName, _Mapping]]] = ...) -> None: ...

class StockLevelName(_message.Message):
    __slots__ = ("sku", "location")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ...) -> None: ...

class ResolveStockLevelsResponse(_message.Message):
    __slots__ = ("handles", "unresolved")
    HANDLES_FIELD_NUMBER: _ClassVar[int]
    UNRESOLVED_FIELD_NUMBER: _ClassVar[int]
    handles: _containers.RepeatedScalarFieldContainer[int]
    unresolved: _containers.RepeatedCompositeFieldContainer[UnresolvedStockLevel]
    def __init__(self, handles: _Optional[_Iterable[int]] = ..., unresolved: _Optional[_Iterable[_Union[UnresolvedStockLevel, _Mapping]]] = ...) -> None: ...

class UnresolvedStockLevel(_message.Message):
    __slots__ = ("index", "stock_level", "reason")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    STOCK_LEVEL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    index: int
    stock_level: StockLevelName
    reason: UnresolvedReason
    def __init__(self, index: _Optional[int] = ..., stock_level: _Optional[_Union[StockLevelName, _Mapping]] = ..., reason: _Optional[_Union[UnresolvedReason, str]] = ...) -> None: ...

class GetShortfallRequest(_message.Message):
    __slots__ = ("sku", "location", "max_lines")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    MAX_LINES_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    max_lines: int
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., max_lines: _Optional[int] = ...) -> None: ...

class GetShortfallResponse(_message.Message):
    __slots__ = ("shortfall", "revision")
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    shortfall: _common_pb2.Shortfall
    revision: _common_pb2.Revision
    def __init__(self, shortfall: _Optional[_Union[_common_pb2.Shortfall, _Mapping]] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ...) -> None: ...

class Availability(_message.Message):
    __slots__ = ("sku", "levels", "network_available", "revision")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    NETWORK_AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    sku: str
    levels: _containers.RepeatedCompositeFieldContainer[StockLevel]
    network_available: int
    revision: _common_pb2.Revision
    def __init__(self, sku: _Optional[str] = ..., levels: _Optional[_Iterable[_Union[StockLevel, _Mapping]]] = ..., network_available: _Optional[int] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ...) -> None: ...

class StockLevel(_message.Message):
    __slots__ = ("location", "on_hand", "reserved", "committed", "available", "shortfall", "enabled", "unavailable", "incoming", "quarantined", "source_state", "backordered")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    UNAVAILABLE_FIELD_NUMBER: _ClassVar[int]
    INCOMING_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    SOURCE_STATE_FIELD_NUMBER: _ClassVar[int]
    BACKORDERED_FIELD_NUMBER: _ClassVar[int]
    location: str
    on_hand: int
    reserved: int
    committed: int
    available: int
    shortfall: int
    enabled: bool
    unavailable: _containers.RepeatedCompositeFieldContainer[UnavailableUnits]
    incoming: int
    quarantined: bool
    source_state: _common_pb2.SourceState
    backordered: int
    def __init__(self, location: _Optional[str] = ..., on_hand: _Optional[int] = ..., reserved: _Optional[int] = ..., committed: _Optional[int] = ..., available: _Optional[int] = ..., shortfall: _Optional[int] = ..., enabled: bool = ..., unavailable: _Optional[_Iterable[_Union[UnavailableUnits, _Mapping]]] = ..., incoming: _Optional[int] = ..., quarantined: bool = ..., source_state: _Optional[_Union[_common_pb2.SourceState, str]] = ..., backordered: _Optional[int] = ...) -> None: ...

class UnavailableUnits(_message.Message):
    __slots__ = ("status", "quantity")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    status: str
    quantity: int
    def __init__(self, status: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class GetAvailableToPromiseRequest(_message.Message):
    __slots__ = ("sku", "locations", "horizon_days", "page_size", "page_token", "source_states")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    HORIZON_DAYS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SOURCE_STATES_FIELD_NUMBER: _ClassVar[int]
    sku: str
    locations: _containers.RepeatedScalarFieldContainer[str]
    horizon_days: int
    page_size: int
    page_token: str
    source_states: _containers.RepeatedScalarFieldContainer[_common_pb2.SourceState]
    def __init__(self, sku: _Optional[str] = ..., locations: _Optional[_Iterable[str]] = ..., horizon_days: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., source_states: _Optional[_Iterable[_Union[_common_pb2.SourceState, str]]] = ...) -> None: ...

class GetAvailableToPromiseResponse(_message.Message):
    __slots__ = ("levels", "today", "next_page_token", "revision")
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    TODAY_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    levels: _containers.RepeatedCompositeFieldContainer[LevelPromise]
    today: _timestamp_pb2.Timestamp
    next_page_token: str
    revision: _common_pb2.Revision
    def __init__(self, levels: _Optional[_Iterable[_Union[LevelPromise, _Mapping]]] = ..., today: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., next_page_token: _Optional[str] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ...) -> None: ...

class LevelPromise(_message.Message):
    __slots__ = ("location", "available", "days", "supplies", "overdue", "source_state")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    SUPPLIES_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_STATE_FIELD_NUMBER: _ClassVar[int]
    location: str
    available: int
    days: _containers.RepeatedCompositeFieldContainer[PromiseDay]
    supplies: _containers.RepeatedCompositeFieldContainer[Supply]
    overdue: int
    source_state: _common_pb2.SourceState
    def __init__(self, location: _Optional[str] = ..., available: _Optional[int] = ..., days: _Optional[_Iterable[_Union[PromiseDay, _Mapping]]] = ..., supplies: _Optional[_Iterable[_Union[Supply, _Mapping]]] = ..., overdue: _Optional[int] = ..., source_state: _Optional[_Union[_common_pb2.SourceState, str]] = ...) -> None: ...

class PromiseDay(_message.Message):
    __slots__ = ("day", "incoming", "available")
    DAY_FIELD_NUMBER: _ClassVar[int]
    INCOMING_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    day: _timestamp_pb2.Timestamp
    incoming: int
    available: int
    def __init__(self, day: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., incoming: _Optional[int] = ..., available: _Optional[int] = ...) -> None: ...

class Supply(_message.Message):
    __slots__ = ("document", "line", "expected_time", "announced", "received", "incoming", "is_transfer", "over")
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_TIME_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCED_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    INCOMING_FIELD_NUMBER: _ClassVar[int]
    IS_TRANSFER_FIELD_NUMBER: _ClassVar[int]
    OVER_FIELD_NUMBER: _ClassVar[int]
    document: str
    line: str
    expected_time: _timestamp_pb2.Timestamp
    announced: int
    received: int
    incoming: int
    is_transfer: bool
    over: int
    def __init__(self, document: _Optional[str] = ..., line: _Optional[str] = ..., expected_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., announced: _Optional[int] = ..., received: _Optional[int] = ..., incoming: _Optional[int] = ..., is_transfer: bool = ..., over: _Optional[int] = ...) -> None: ...
