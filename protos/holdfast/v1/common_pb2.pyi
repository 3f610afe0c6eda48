import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_ACCEPTED: _ClassVar[Outcome]
    OUTCOME_REFUSED: _ClassVar[Outcome]

class RefusalCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUSAL_CODE_UNSPECIFIED: _ClassVar[RefusalCode]
    REFUSAL_CODE_RESERVATION_ENDED: _ClassVar[RefusalCode]
    REFUSAL_CODE_LOCATION_DISABLED: _ClassVar[RefusalCode]
    REFUSAL_CODE_INSUFFICIENT_STOCK: _ClassVar[RefusalCode]
    REFUSAL_CODE_EXPIRED: _ClassVar[RefusalCode]
    REFUSAL_CODE_WRONG_STATE: _ClassVar[RefusalCode]
    REFUSAL_CODE_NO_SUCH_LINE: _ClassVar[RefusalCode]
    REFUSAL_CODE_EXCESS_QUANTITY: _ClassVar[RefusalCode]
    REFUSAL_CODE_BACKORDERED: _ClassVar[RefusalCode]

class SourceState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SOURCE_STATE_UNSPECIFIED: _ClassVar[SourceState]
    SOURCE_STATE_GAP: _ClassVar[SourceState]
    SOURCE_STATE_STALE: _ClassVar[SourceState]
    SOURCE_STATE_CURRENT: _ClassVar[SourceState]
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_ACCEPTED: Outcome
OUTCOME_REFUSED: Outcome
REFUSAL_CODE_UNSPECIFIED: RefusalCode
REFUSAL_CODE_RESERVATION_ENDED: RefusalCode
REFUSAL_CODE_LOCATION_DISABLED: RefusalCode
REFUSAL_CODE_INSUFFICIENT_STOCK: RefusalCode
REFUSAL_CODE_EXPIRED: RefusalCode
REFUSAL_CODE_WRONG_STATE: RefusalCode
REFUSAL_CODE_NO_SUCH_LINE: RefusalCode
REFUSAL_CODE_EXCESS_QUANTITY: RefusalCode
REFUSAL_CODE_BACKORDERED: RefusalCode
SOURCE_STATE_UNSPECIFIED: SourceState
SOURCE_STATE_GAP: SourceState
SOURCE_STATE_STALE: SourceState
SOURCE_STATE_CURRENT: SourceState

class Revision(_message.Message):
    __slots__ = ("shard", "sequence", "timeline")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TIMELINE_FIELD_NUMBER: _ClassVar[int]
    shard: int
    sequence: int
    timeline: int
    def __init__(self, shard: _Optional[int] = ..., sequence: _Optional[int] = ..., timeline: _Optional[int] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("code", "message", "lines")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    code: RefusalCode
    message: str
    lines: _containers.RepeatedCompositeFieldContainer[RefusedLine]
    def __init__(self, code: _Optional[_Union[RefusalCode, str]] = ..., message: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[RefusedLine, _Mapping]]] = ...) -> None: ...

class RefusedLine(_message.Message):
    __slots__ = ("sku", "location", "requested", "available", "missing", "line_id")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    requested: int
    available: int
    missing: int
    line_id: str
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., requested: _Optional[int] = ..., available: _Optional[int] = ..., missing: _Optional[int] = ..., line_id: _Optional[str] = ...) -> None: ...

class Shortfall(_message.Message):
    __slots__ = ("sku", "location", "on_hand", "available", "shortfall", "endangered", "unlisted_quantity", "uncovered_quantity", "uncovered")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    ENDANGERED_FIELD_NUMBER: _ClassVar[int]
    UNLISTED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    UNCOVERED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    UNCOVERED_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    on_hand: int
    available: int
    shortfall: int
    endangered: _containers.RepeatedCompositeFieldContainer[EndangeredLine]
    unlisted_quantity: int
    uncovered_quantity: int
    uncovered: _containers.RepeatedCompositeFieldContainer[UncoveredLine]
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., on_hand: _Optional[int] = ..., available: _Optional[int] = ..., shortfall: _Optional[int] = ..., endangered: _Optional[_Iterable[_Union[EndangeredLine, _Mapping]]] = ..., unlisted_quantity: _Optional[int] = ..., uncovered_quantity: _Optional[int] = ..., uncovered: _Optional[_Iterable[_Union[UncoveredLine, _Mapping]]] = ...) -> None: ...

class UncoveredLine(_message.Message):
    __slots__ = ("reservation_id", "line_id", "backordered", "uncovered_quantity", "latest_supply_time")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    BACKORDERED_FIELD_NUMBER: _ClassVar[int]
    UNCOVERED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LATEST_SUPPLY_TIME_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    line_id: str
    backordered: int
    uncovered_quantity: int
    latest_supply_time: _timestamp_pb2.Timestamp
    def __init__(self, reservation_id: _Optional[str] = ..., line_id: _Optional[str] = ..., backordered: _Optional[int] = ..., uncovered_quantity: _Optional[int] = ..., latest_supply_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class EndangeredLine(_message.Message):
    __slots__ = ("reservation_id", "line_id", "held", "committed", "endangered_quantity")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_FIELD_NUMBER: _ClassVar[int]
    ENDANGERED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    line_id: str
    held: int
    committed: int
    endangered_quantity: int
    def __init__(self, reservation_id: _Optional[str] = ..., line_id: _Optional[str] = ..., held: _Optional[int] = ..., committed: _Optional[int] = ..., endangered_quantity: _Optional[int] = ...) -> None: ...
