import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.v1 import common_pb2 as _common_pb2
from holdfast.v1 import stock_service_pb2 as _stock_service_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UnknownSkus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UNKNOWN_SKUS_UNSPECIFIED: _ClassVar[UnknownSkus]
    UNKNOWN_SKUS_CREATE: _ClassVar[UnknownSkus]
    UNKNOWN_SKUS_CREATE_BY_RECEIPT: _ClassVar[UnknownSkus]
    UNKNOWN_SKUS_REFUSE: _ClassVar[UnknownSkus]
    UNKNOWN_SKUS_QUARANTINE: _ClassVar[UnknownSkus]

class Fallback(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FALLBACK_UNSPECIFIED: _ClassVar[Fallback]
    FALLBACK_SELL_ON: _ClassVar[Fallback]
    FALLBACK_CAP: _ClassVar[Fallback]
    FALLBACK_STOP: _ClassVar[Fallback]

class RepairVerdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPAIR_VERDICT_UNSPECIFIED: _ClassVar[RepairVerdict]
    REPAIR_VERDICT_REPAIRED: _ClassVar[RepairVerdict]
    REPAIR_VERDICT_NOT_AUDITED: _ClassVar[RepairVerdict]
    REPAIR_VERDICT_NEEDS_COUNT: _ClassVar[RepairVerdict]
    REPAIR_VERDICT_NOT_QUARANTINED: _ClassVar[RepairVerdict]
    REPAIR_VERDICT_NOT_REPAIRED: _ClassVar[RepairVerdict]

class SkuDecision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SKU_DECISION_UNSPECIFIED: _ClassVar[SkuDecision]
    SKU_DECISION_ADMIT: _ClassVar[SkuDecision]
    SKU_DECISION_DISCARD: _ClassVar[SkuDecision]
UNKNOWN_SKUS_UNSPECIFIED: UnknownSkus
UNKNOWN_SKUS_CREATE: UnknownSkus
UNKNOWN_SKUS_CREATE_BY_RECEIPT: UnknownSkus
UNKNOWN_SKUS_REFUSE: UnknownSkus
UNKNOWN_SKUS_QUARANTINE: UnknownSkus
FALLBACK_UNSPECIFIED: Fallback
FALLBACK_SELL_ON: Fallback
FALLBACK_CAP: Fallback
FALLBACK_STOP: Fallback
REPAIR_VERDICT_UNSPECIFIED: RepairVerdict
REPAIR_VERDICT_REPAIRED: RepairVerdict
REPAIR_VERDICT_NOT_AUDITED: RepairVerdict
REPAIR_VERDICT_NEEDS_COUNT: RepairVerdict
REPAIR_VERDICT_NOT_QUARANTINED: RepairVerdict
REPAIR_VERDICT_NOT_REPAIRED: RepairVerdict
SKU_DECISION_UNSPECIFIED: SkuDecision
SKU_DECISION_ADMIT: SkuDecision
SKU_DECISION_DISCARD: SkuDecision

class GetStatusRequest(_message.Message):
    __slots__ = ("include_state_hash",)
    INCLUDE_STATE_HASH_FIELD_NUMBER: _ClassVar[int]
    include_state_hash: bool
    def __init__(self, include_state_hash: bool = ...) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("version", "start_time", "recovery_duration", "durable_position", "snapshot_position", "journal_size_bytes", "journal_headroom_bytes", "shards", "state_hash", "timeline", "quarantined_levels")
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
    QUARANTINED_LEVELS_FIELD_NUMBER: _ClassVar[int]
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
    quarantined_levels: _containers.RepeatedCompositeFieldContainer[StockLevelName]
    def __init__(self, version: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., recovery_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., durable_position: _Optional[int] = ..., snapshot_position: _Optional[int] = ..., journal_size_bytes: _Optional[int] = ..., journal_headroom_bytes: _Optional[int] = ..., shards: _Optional[_Iterable[_Union[ShardStatus, _Mapping]]] = ..., state_hash: _Optional[str] = ..., timeline: _Optional[int] = ..., quarantined_levels: _Optional[_Iterable[_Union[StockLevelName, _Mapping]]] = ...) -> None: ...

class ShardStatus(_message.Message):
    __slots__ = ("shard", "sequence", "skus", "stock_levels", "reservations", "mailbox_depth", "mailbox_capacity", "on_hand", "reserved", "committed", "ended_ids", "source_gaps", "quarantined_levels", "quarantined_skus")
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
    SOURCE_GAPS_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_LEVELS_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_SKUS_FIELD_NUMBER: _ClassVar[int]
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
    source_gaps: int
    quarantined_levels: int
    quarantined_skus: int
    def __init__(self, shard: _Optional[int] = ..., sequence: _Optional[int] = ..., skus: _Optional[int] = ..., stock_levels: _Optional[int] = ..., reservations: _Optional[int] = ..., mailbox_depth: _Optional[int] = ..., mailbox_capacity: _Optional[int] = ..., on_hand: _Optional[int] = ..., reserved: _Optional[int] = ..., committed: _Optional[int] = ..., ended_ids: _Optional[int] = ..., source_gaps: _Optional[int] = ..., quarantined_levels: _Optional[int] = ..., quarantined_skus: _Optional[int] = ...) -> None: ...

class Source(_message.Message):
    __slots__ = ("source", "expected_interval", "unknown_skus", "state", "last_sequence", "last_event_time", "lag", "missing_sequences", "unlisted_sequences", "gap_count", "gaps", "fallback", "cap")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_SKUS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LAST_EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    MISSING_SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    UNLISTED_SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    GAP_COUNT_FIELD_NUMBER: _ClassVar[int]
    GAPS_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    CAP_FIELD_NUMBER: _ClassVar[int]
    source: str
    expected_interval: _duration_pb2.Duration
    unknown_skus: UnknownSkus
    state: _common_pb2.SourceState
    last_sequence: int
    last_event_time: _timestamp_pb2.Timestamp
    lag: _duration_pb2.Duration
    missing_sequences: int
    unlisted_sequences: int
    gap_count: int
    gaps: _containers.RepeatedCompositeFieldContainer[SequenceGap]
    fallback: Fallback
    cap: int
    def __init__(self, source: _Optional[str] = ..., expected_interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., unknown_skus: _Optional[_Union[UnknownSkus, str]] = ..., state: _Optional[_Union[_common_pb2.SourceState, str]] = ..., last_sequence: _Optional[int] = ..., last_event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lag: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., missing_sequences: _Optional[int] = ..., unlisted_sequences: _Optional[int] = ..., gap_count: _Optional[int] = ..., gaps: _Optional[_Iterable[_Union[SequenceGap, _Mapping]]] = ..., fallback: _Optional[_Union[Fallback, str]] = ..., cap: _Optional[int] = ...) -> None: ...

class SequenceGap(_message.Message):
    __slots__ = ("first_sequence", "last_sequence", "open_time")
    FIRST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    OPEN_TIME_FIELD_NUMBER: _ClassVar[int]
    first_sequence: int
    last_sequence: int
    open_time: _timestamp_pb2.Timestamp
    def __init__(self, first_sequence: _Optional[int] = ..., last_sequence: _Optional[int] = ..., open_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListSourcesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSourcesResponse(_message.Message):
    __slots__ = ("sources", "next_page_token")
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    sources: _containers.RepeatedCompositeFieldContainer[Source]
    next_page_token: str
    def __init__(self, sources: _Optional[_Iterable[_Union[Source, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetSourceRequest(_message.Message):
    __slots__ = ("source",)
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    source: str
    def __init__(self, source: _Optional[str] = ...) -> None: ...

class GetSourceResponse(_message.Message):
    __slots__ = ("source",)
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    source: Source
    def __init__(self, source: _Optional[_Union[Source, _Mapping]] = ...) -> None: ...

class UpdateSourceRequest(_message.Message):
    __slots__ = ("source", "update_mask", "allow_missing", "request_id")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    ALLOW_MISSING_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    source: Source
    update_mask: _field_mask_pb2.FieldMask
    allow_missing: bool
    request_id: str
    def __init__(self, source: _Optional[_Union[Source, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., allow_missing: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class UpdateSourceResponse(_message.Message):
    __slots__ = ("source", "repeated_request")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REPEATED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    source: Source
    repeated_request: bool
    def __init__(self, source: _Optional[_Union[Source, _Mapping]] = ..., repeated_request: bool = ...) -> None: ...

class ResetSourceRequest(_message.Message):
    __slots__ = ("source", "last_sequence", "reason", "request_id")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    source: str
    last_sequence: int
    reason: str
    request_id: str
    def __init__(self, source: _Optional[str] = ..., last_sequence: _Optional[int] = ..., reason: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class ResetSourceResponse(_message.Message):
    __slots__ = ("previous_sequence", "repeated_request")
    PREVIOUS_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPEATED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    previous_sequence: int
    repeated_request: bool
    def __init__(self, previous_sequence: _Optional[int] = ..., repeated_request: bool = ...) -> None: ...

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

class ListPendingReversalsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPendingReversalsResponse(_message.Message):
    __slots__ = ("reversals", "next_page_token")
    REVERSALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    reversals: _containers.RepeatedCompositeFieldContainer[PendingReversal]
    next_page_token: str
    def __init__(self, reversals: _Optional[_Iterable[_Union[PendingReversal, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PendingReversal(_message.Message):
    __slots__ = ("source", "event_id", "kind", "sku", "location", "quantity", "create_time")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    source: str
    event_id: str
    kind: _stock_service_pb2.StockEventKind
    sku: str
    location: str
    quantity: int
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, source: _Optional[str] = ..., event_id: _Optional[str] = ..., kind: _Optional[_Union[_stock_service_pb2.StockEventKind, str]] = ..., sku: _Optional[str] = ..., location: _Optional[str] = ..., quantity: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class StockLevelName(_message.Message):
    __slots__ = ("sku", "location")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ...) -> None: ...

class RunAuditRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RunAuditResponse(_message.Message):
    __slots__ = ("stock_levels", "reservations", "end_time", "disagreement_count", "disagreements", "quarantined_count", "quarantined_levels")
    STOCK_LEVELS_FIELD_NUMBER: _ClassVar[int]
    RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    DISAGREEMENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    DISAGREEMENTS_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_COUNT_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_LEVELS_FIELD_NUMBER: _ClassVar[int]
    stock_levels: int
    reservations: int
    end_time: _timestamp_pb2.Timestamp
    disagreement_count: int
    disagreements: _containers.RepeatedCompositeFieldContainer[Disagreement]
    quarantined_count: int
    quarantined_levels: _containers.RepeatedCompositeFieldContainer[StockLevelName]
    def __init__(self, stock_levels: _Optional[int] = ..., reservations: _Optional[int] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., disagreement_count: _Optional[int] = ..., disagreements: _Optional[_Iterable[_Union[Disagreement, _Mapping]]] = ..., quarantined_count: _Optional[int] = ..., quarantined_levels: _Optional[_Iterable[_Union[StockLevelName, _Mapping]]] = ...) -> None: ...

class Disagreement(_message.Message):
    __slots__ = ("shard", "sku", "location", "figure", "found", "expected")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    FIGURE_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    shard: int
    sku: str
    location: str
    figure: str
    found: int
    expected: int
    def __init__(self, shard: _Optional[int] = ..., sku: _Optional[str] = ..., location: _Optional[str] = ..., figure: _Optional[str] = ..., found: _Optional[int] = ..., expected: _Optional[int] = ...) -> None: ...

class RepairStockLevelsRequest(_message.Message):
    __slots__ = ("stock_levels", "reason", "actor", "validate_only", "request_id")
    STOCK_LEVELS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    stock_levels: _containers.RepeatedCompositeFieldContainer[StockLevelName]
    reason: str
    actor: str
    validate_only: bool
    request_id: str
    def __init__(self, stock_levels: _Optional[_Iterable[_Union[StockLevelName, _Mapping]]] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ..., validate_only: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class RepairStockLevelsResponse(_message.Message):
    __slots__ = ("repairs", "has_more", "repeated_request")
    REPAIRS_FIELD_NUMBER: _ClassVar[int]
    HAS_MORE_FIELD_NUMBER: _ClassVar[int]
    REPEATED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    repairs: _containers.RepeatedCompositeFieldContainer[StockLevelRepair]
    has_more: bool
    repeated_request: bool
    def __init__(self, repairs: _Optional[_Iterable[_Union[StockLevelRepair, _Mapping]]] = ..., has_more: bool = ..., repeated_request: bool = ...) -> None: ...

class StockLevelRepair(_message.Message):
    __slots__ = ("sku", "location", "verdict", "before", "after")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    verdict: RepairVerdict
    before: LevelFigures
    after: LevelFigures
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., verdict: _Optional[_Union[RepairVerdict, str]] = ..., before: _Optional[_Union[LevelFigures, _Mapping]] = ..., after: _Optional[_Union[LevelFigures, _Mapping]] = ...) -> None: ...

class LevelFigures(_message.Message):
    __slots__ = ("reserved", "committed", "unavailable")
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_FIELD_NUMBER: _ClassVar[int]
    UNAVAILABLE_FIELD_NUMBER: _ClassVar[int]
    reserved: int
    committed: int
    unavailable: int
    def __init__(self, reserved: _Optional[int] = ..., committed: _Optional[int] = ..., unavailable: _Optional[int] = ...) -> None: ...

class ForceReleaseRequest(_message.Message):
    __slots__ = ("reservation_id", "reason", "actor", "request_id")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    reason: str
    actor: str
    request_id: str
    def __init__(self, reservation_id: _Optional[str] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class ForceReleaseResponse(_message.Message):
    __slots__ = ("released_quantity", "cancelled_quantity", "repeated_request")
    RELEASED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    REPEATED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    released_quantity: int
    cancelled_quantity: int
    repeated_request: bool
    def __init__(self, released_quantity: _Optional[int] = ..., cancelled_quantity: _Optional[int] = ..., repeated_request: bool = ...) -> None: ...

class ListQuarantinedSkusRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListQuarantinedSkusResponse(_message.Message):
    __slots__ = ("skus", "next_page_token")
    SKUS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    skus: _containers.RepeatedCompositeFieldContainer[QuarantinedSku]
    next_page_token: str
    def __init__(self, skus: _Optional[_Iterable[_Union[QuarantinedSku, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class QuarantinedSku(_message.Message):
    __slots__ = ("sku", "source", "create_time")
    SKU_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    sku: str
    source: str
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, sku: _Optional[str] = ..., source: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SettleQuarantinedSkuRequest(_message.Message):
    __slots__ = ("sku", "decision", "reason", "actor", "request_id")
    SKU_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    sku: str
    decision: SkuDecision
    reason: str
    actor: str
    request_id: str
    def __init__(self, sku: _Optional[str] = ..., decision: _Optional[_Union[SkuDecision, str]] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class SettleQuarantinedSkuResponse(_message.Message):
    __slots__ = ("settled", "repeated_request")
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    REPEATED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    settled: bool
    repeated_request: bool
    def __init__(self, settled: bool = ..., repeated_request: bool = ...) -> None: ...
