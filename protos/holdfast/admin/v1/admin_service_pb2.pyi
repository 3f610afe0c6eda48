import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetStatusRequest(_message.Message):
    __slots__ = ("include_state_hash",)
    INCLUDE_STATE_HASH_FIELD_NUMBER: _ClassVar[int]
    include_state_hash: bool
    def __init__(self, include_state_hash: bool = ...) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("version", "start_time", "recovery_duration", "durable_position", "snapshot_position", "journal_size_bytes", "journal_headroom_bytes", "shards", "state_hash", "timeline")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_DURATION_FIELD_NUMBER: _ClassVar[int]
    DURABLE_POSITION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_POSITION_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_HEADROOM_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    STATE_HASH_FIELD_NUMBER: _ClassVar[int]
    TIMELINE_FIELD_NUMBER: _ClassVar[int]
    version: str
    start_time: _timestamp_pb2.Timestamp
    recovery_duration: _duration_pb2.Duration
    durable_position: int
    snapshot_position: int
    journal_size_bytes: int
    journal_headroom_bytes: int
    shards: _containers.RepeatedCompositeFieldContainer[ShardStatus]
    state_hash: str
    timeline: int
    def __init__(self, version: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., recovery_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., durable_position: _Optional[int] = ..., snapshot_position: _Optional[int] = ..., journal_size_bytes: _Optional[int] = ..., journal_headroom_bytes: _Optional[int] = ..., shards: _Optional[_Iterable[_Union[ShardStatus, _Mapping]]] = ..., state_hash: _Optional[str] = ..., timeline: _Optional[int] = ...) -> None: ...

class ShardStatus(_message.Message):
    __slots__ = ("shard", "sequence", "skus", "stock_levels", "reservations", "mailbox_depth", "mailbox_capacity", "on_hand", "reserved", "committed", "ended_ids")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SKUS_FIELD_NUMBER: _ClassVar[int]
    STOCK_LEVELS_FIELD_NUMBER: _ClassVar[int]
    RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    MAILBOX_DEPTH_FIELD_NUMBER: _ClassVar[int]
    MAILBOX_CAPACITY_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_FIELD_NUMBER: _ClassVar[int]
    ENDED_IDS_FIELD_NUMBER: _ClassVar[int]
    shard: int
    sequence: int
    skus: int
    stock_levels: int
    reservations: int
    mailbox_depth: int
    mailbox_capacity: int
    on_hand: int
    reserved: int
    committed: int
    ended_ids: int
    def __init__(self, shard: _Optional[int] = ..., sequence: _Optional[int] = ..., skus: _Optional[int] = ..., stock_levels: _Optional[int] = ..., reservations: _Optional[int] = ..., mailbox_depth: _Optional[int] = ..., mailbox_capacity: _Optional[int] = ..., on_hand: _Optional[int] = ..., reserved: _Optional[int] = ..., committed: _Optional[int] = ..., ended_ids: _Optional[int] = ...) -> None: ...

class ResetSourceRequest(_message.Message):
    __slots__ = ("source", "last_sequence")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    source: str
    last_sequence: int
    def __init__(self, source: _Optional[str] = ..., last_sequence: _Optional[int] = ...) -> None: ...

class ResetSourceResponse(_message.Message):
    __slots__ = ("previous_sequence",)
    PREVIOUS_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    previous_sequence: int
    def __init__(self, previous_sequence: _Optional[int] = ...) -> None: ...

class CreateSnapshotRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CreateSnapshotResponse(_message.Message):
    __slots__ = ("position", "size_bytes")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    position: int
    size_bytes: int
    def __init__(self, position: _Optional[int] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class DrainRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DrainResponse(_message.Message):
    __slots__ = ("durable_position", "snapshot_position")
    DURABLE_POSITION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_POSITION_FIELD_NUMBER: _ClassVar[int]
    durable_position: int
    snapshot_position: int
    def __init__(self, durable_position: _Optional[int] = ..., snapshot_position: _Optional[int] = ...) -> None: ...
