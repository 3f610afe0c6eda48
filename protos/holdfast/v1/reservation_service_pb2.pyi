import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from holdfast.v1 import common_pb2 as _common_pb2
from holdfast.v1 import ledger_service_pb2 as _ledger_service_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Remainder(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REMAINDER_UNSPECIFIED: _ClassVar[Remainder]
    REMAINDER_KEEP: _ClassVar[Remainder]
    REMAINDER_GIVE_BACK: _ClassVar[Remainder]

class BatchOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BATCH_OUTCOME_UNSPECIFIED: _ClassVar[BatchOutcome]
    BATCH_OUTCOME_ACCEPTED: _ClassVar[BatchOutcome]
    BATCH_OUTCOME_REPEATED: _ClassVar[BatchOutcome]
    BATCH_OUTCOME_INSUFFICIENT_STOCK: _ClassVar[BatchOutcome]
    BATCH_OUTCOME_LOCATION_DISABLED: _ClassVar[BatchOutcome]
    BATCH_OUTCOME_UNKNOWN_STOCK_LEVEL: _ClassVar[BatchOutcome]
    BATCH_OUTCOME_ID_REUSED: _ClassVar[BatchOutcome]
    BATCH_OUTCOME_INVALID_QUANTITY: _ClassVar[BatchOutcome]
    BATCH_OUTCOME_INVALID_HOLD_DURATION: _ClassVar[BatchOutcome]
    BATCH_OUTCOME_UNKNOWN_RESERVATION: _ClassVar[BatchOutcome]
    BATCH_OUTCOME_EXPIRED: _ClassVar[BatchOutcome]
    BATCH_OUTCOME_WRONG_STATE: _ClassVar[BatchOutcome]
    BATCH_OUTCOME_LINKED_REFUSED: _ClassVar[BatchOutcome]
    BATCH_OUTCOME_RESERVATION_ENDED: _ClassVar[BatchOutcome]
    BATCH_OUTCOME_INVALID_ID: _ClassVar[BatchOutcome]
    BATCH_OUTCOME_BACKORDERED: _ClassVar[BatchOutcome]

class ReservationState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESERVATION_STATE_UNSPECIFIED: _ClassVar[ReservationState]
    RESERVATION_STATE_HELD: _ClassVar[ReservationState]
    RESERVATION_STATE_COMMITTED: _ClassVar[ReservationState]
    RESERVATION_STATE_FULFILLED: _ClassVar[ReservationState]
    RESERVATION_STATE_RELEASED: _ClassVar[ReservationState]
    RESERVATION_STATE_EXPIRED: _ClassVar[ReservationState]
    RESERVATION_STATE_CANCELLED: _ClassVar[ReservationState]
    RESERVATION_STATE_RETURNED: _ClassVar[ReservationState]
REMAINDER_UNSPECIFIED: Remainder
REMAINDER_KEEP: Remainder
REMAINDER_GIVE_BACK: Remainder
BATCH_OUTCOME_UNSPECIFIED: BatchOutcome
BATCH_OUTCOME_ACCEPTED: BatchOutcome
BATCH_OUTCOME_REPEATED: BatchOutcome
BATCH_OUTCOME_INSUFFICIENT_STOCK: BatchOutcome
BATCH_OUTCOME_LOCATION_DISABLED: BatchOutcome
BATCH_OUTCOME_UNKNOWN_STOCK_LEVEL: BatchOutcome
BATCH_OUTCOME_ID_REUSED: BatchOutcome
BATCH_OUTCOME_INVALID_QUANTITY: BatchOutcome
BATCH_OUTCOME_INVALID_HOLD_DURATION: BatchOutcome
BATCH_OUTCOME_UNKNOWN_RESERVATION: BatchOutcome
BATCH_OUTCOME_EXPIRED: BatchOutcome
BATCH_OUTCOME_WRONG_STATE: BatchOutcome
BATCH_OUTCOME_LINKED_REFUSED: BatchOutcome
BATCH_OUTCOME_RESERVATION_ENDED: BatchOutcome
BATCH_OUTCOME_INVALID_ID: BatchOutcome
BATCH_OUTCOME_BACKORDERED: BatchOutcome
RESERVATION_STATE_UNSPECIFIED: ReservationState
RESERVATION_STATE_HELD: ReservationState
RESERVATION_STATE_COMMITTED: ReservationState
RESERVATION_STATE_FULFILLED: ReservationState
RESERVATION_STATE_RELEASED: ReservationState
RESERVATION_STATE_EXPIRED: ReservationState
RESERVATION_STATE_CANCELLED: ReservationState
RESERVATION_STATE_RETURNED: ReservationState

class ReserveRequest(_message.Message):
    __slots__ = ("reservation_id", "lines", "hold_duration", "owner", "already_sold")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    HOLD_DURATION_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    ALREADY_SOLD_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[ReserveLine]
    hold_duration: _duration_pb2.Duration
    owner: str
    already_sold: bool
    def __init__(self, reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[ReserveLine, _Mapping]]] = ..., hold_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., owner: _Optional[str] = ..., already_sold: bool = ...) -> None: ...

class ReserveLine(_message.Message):
    __slots__ = ("sku", "location", "quantity", "line_id", "latest_supply_time")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    LATEST_SUPPLY_TIME_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    quantity: int
    line_id: str
    latest_supply_time: _timestamp_pb2.Timestamp
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., quantity: _Optional[int] = ..., line_id: _Optional[str] = ..., latest_supply_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ReserveResponse(_message.Message):
    __slots__ = ("outcome", "refusal", "expire_time", "revisions", "state", "repeated_request", "lines", "shortfalls")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REPEATED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    SHORTFALLS_FIELD_NUMBER: _ClassVar[int]
    outcome: _common_pb2.Outcome
    refusal: _common_pb2.Refusal
    expire_time: _timestamp_pb2.Timestamp
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    state: ReservationState
    repeated_request: bool
    lines: _containers.RepeatedCompositeFieldContainer[AllocatedLine]
    shortfalls: _containers.RepeatedCompositeFieldContainer[_common_pb2.Shortfall]
    def __init__(self, outcome: _Optional[_Union[_common_pb2.Outcome, str]] = ..., refusal: _Optional[_Union[_common_pb2.Refusal, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ..., state: _Optional[_Union[ReservationState, str]] = ..., repeated_request: bool = ..., lines: _Optional[_Iterable[_Union[AllocatedLine, _Mapping]]] = ..., shortfalls: _Optional[_Iterable[_Union[_common_pb2.Shortfall, _Mapping]]] = ...) -> None: ...

class AllocatedLine(_message.Message):
    __slots__ = ("line_id", "sku", "location", "quantity", "backordered", "expected_time")
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    BACKORDERED_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_TIME_FIELD_NUMBER: _ClassVar[int]
    line_id: str
    sku: str
    location: str
    quantity: int
    backordered: int
    expected_time: _timestamp_pb2.Timestamp
    def __init__(self, line_id: _Optional[str] = ..., sku: _Optional[str] = ..., location: _Optional[str] = ..., quantity: _Optional[int] = ..., backordered: _Optional[int] = ..., expected_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ExtendRequest(_message.Message):
    __slots__ = ("reservation_id", "request_id", "hold_duration")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    HOLD_DURATION_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    request_id: str
    hold_duration: _duration_pb2.Duration
    def __init__(self, reservation_id: _Optional[str] = ..., request_id: _Optional[str] = ..., hold_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ExtendResponse(_message.Message):
    __slots__ = ("outcome", "refusal", "expire_time", "revisions")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    outcome: _common_pb2.Outcome
    refusal: _common_pb2.Refusal
    expire_time: _timestamp_pb2.Timestamp
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    def __init__(self, outcome: _Optional[_Union[_common_pb2.Outcome, str]] = ..., refusal: _Optional[_Union[_common_pb2.Refusal, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ...) -> None: ...

class LineQuantity(_message.Message):
    __slots__ = ("sku", "location", "quantity", "line_id")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    quantity: int
    line_id: str
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., quantity: _Optional[int] = ..., line_id: _Optional[str] = ...) -> None: ...

class Lines(_message.Message):
    __slots__ = ("lines",)
    LINES_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[LineQuantity]
    def __init__(self, lines: _Optional[_Iterable[_Union[LineQuantity, _Mapping]]] = ...) -> None: ...

class All(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CommitRequest(_message.Message):
    __slots__ = ("reservation_id", "request_id", "lines", "all", "remainder")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    REMAINDER_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    request_id: str
    lines: Lines
    all: All
    remainder: Remainder
    def __init__(self, reservation_id: _Optional[str] = ..., request_id: _Optional[str] = ..., lines: _Optional[_Union[Lines, _Mapping]] = ..., all: _Optional[_Union[All, _Mapping]] = ..., remainder: _Optional[_Union[Remainder, str]] = ...) -> None: ...

class CommitResponse(_message.Message):
    __slots__ = ("outcome", "refusal", "state", "revisions")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    outcome: _common_pb2.Outcome
    refusal: _common_pb2.Refusal
    state: ReservationState
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    def __init__(self, outcome: _Optional[_Union[_common_pb2.Outcome, str]] = ..., refusal: _Optional[_Union[_common_pb2.Refusal, _Mapping]] = ..., state: _Optional[_Union[ReservationState, str]] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ...) -> None: ...

class FulfillRequest(_message.Message):
    __slots__ = ("reservation_id", "request_id", "lines", "all", "remainder")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    REMAINDER_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    request_id: str
    lines: Lines
    all: All
    remainder: Remainder
    def __init__(self, reservation_id: _Optional[str] = ..., request_id: _Optional[str] = ..., lines: _Optional[_Union[Lines, _Mapping]] = ..., all: _Optional[_Union[All, _Mapping]] = ..., remainder: _Optional[_Union[Remainder, str]] = ...) -> None: ...

class FulfillResponse(_message.Message):
    __slots__ = ("outcome", "refusal", "state", "revisions", "shortfalls")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    SHORTFALLS_FIELD_NUMBER: _ClassVar[int]
    outcome: _common_pb2.Outcome
    refusal: _common_pb2.Refusal
    state: ReservationState
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    shortfalls: _containers.RepeatedCompositeFieldContainer[_common_pb2.Shortfall]
    def __init__(self, outcome: _Optional[_Union[_common_pb2.Outcome, str]] = ..., refusal: _Optional[_Union[_common_pb2.Refusal, _Mapping]] = ..., state: _Optional[_Union[ReservationState, str]] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ..., shortfalls: _Optional[_Iterable[_Union[_common_pb2.Shortfall, _Mapping]]] = ...) -> None: ...

class ReleaseRequest(_message.Message):
    __slots__ = ("reservation_id", "request_id", "lines", "all")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    request_id: str
    lines: Lines
    all: All
    def __init__(self, reservation_id: _Optional[str] = ..., request_id: _Optional[str] = ..., lines: _Optional[_Union[Lines, _Mapping]] = ..., all: _Optional[_Union[All, _Mapping]] = ...) -> None: ...

class ReleaseResponse(_message.Message):
    __slots__ = ("outcome", "refusal", "state", "revisions")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    outcome: _common_pb2.Outcome
    refusal: _common_pb2.Refusal
    state: ReservationState
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    def __init__(self, outcome: _Optional[_Union[_common_pb2.Outcome, str]] = ..., refusal: _Optional[_Union[_common_pb2.Refusal, _Mapping]] = ..., state: _Optional[_Union[ReservationState, str]] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ...) -> None: ...

class CancelRequest(_message.Message):
    __slots__ = ("reservation_id", "request_id", "lines", "all")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    request_id: str
    lines: Lines
    all: All
    def __init__(self, reservation_id: _Optional[str] = ..., request_id: _Optional[str] = ..., lines: _Optional[_Union[Lines, _Mapping]] = ..., all: _Optional[_Union[All, _Mapping]] = ...) -> None: ...

class CancelResponse(_message.Message):
    __slots__ = ("outcome", "refusal", "state", "revisions")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    outcome: _common_pb2.Outcome
    refusal: _common_pb2.Refusal
    state: ReservationState
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    def __init__(self, outcome: _Optional[_Union[_common_pb2.Outcome, str]] = ..., refusal: _Optional[_Union[_common_pb2.Refusal, _Mapping]] = ..., state: _Optional[_Union[ReservationState, str]] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ...) -> None: ...

class BatchReserveRequest(_message.Message):
    __slots__ = ("id_high", "id_low", "stock_levels", "quantities", "hold_milliseconds", "linked")
    ID_HIGH_FIELD_NUMBER: _ClassVar[int]
    ID_LOW_FIELD_NUMBER: _ClassVar[int]
    STOCK_LEVELS_FIELD_NUMBER: _ClassVar[int]
    QUANTITIES_FIELD_NUMBER: _ClassVar[int]
    HOLD_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    LINKED_FIELD_NUMBER: _ClassVar[int]
    id_high: _containers.RepeatedScalarFieldContainer[int]
    id_low: _containers.RepeatedScalarFieldContainer[int]
    stock_levels: _containers.RepeatedScalarFieldContainer[int]
    quantities: _containers.RepeatedScalarFieldContainer[int]
    hold_milliseconds: _containers.RepeatedScalarFieldContainer[int]
    linked: bytes
    def __init__(self, id_high: _Optional[_Iterable[int]] = ..., id_low: _Optional[_Iterable[int]] = ..., stock_levels: _Optional[_Iterable[int]] = ..., quantities: _Optional[_Iterable[int]] = ..., hold_milliseconds: _Optional[_Iterable[int]] = ..., linked: _Optional[bytes] = ...) -> None: ...

class BatchReserveResponse(_message.Message):
    __slots__ = ("outcomes", "accept_time", "revisions")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    outcomes: bytes
    accept_time: _timestamp_pb2.Timestamp
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    def __init__(self, outcomes: _Optional[bytes] = ..., accept_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ...) -> None: ...

class BatchCommitRequest(_message.Message):
    __slots__ = ("id_high", "id_low")
    ID_HIGH_FIELD_NUMBER: _ClassVar[int]
    ID_LOW_FIELD_NUMBER: _ClassVar[int]
    id_high: _containers.RepeatedScalarFieldContainer[int]
    id_low: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, id_high: _Optional[_Iterable[int]] = ..., id_low: _Optional[_Iterable[int]] = ...) -> None: ...

class BatchCommitResponse(_message.Message):
    __slots__ = ("outcomes", "revisions")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    outcomes: bytes
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    def __init__(self, outcomes: _Optional[bytes] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ...) -> None: ...

class BatchFulfillRequest(_message.Message):
    __slots__ = ("id_high", "id_low")
    ID_HIGH_FIELD_NUMBER: _ClassVar[int]
    ID_LOW_FIELD_NUMBER: _ClassVar[int]
    id_high: _containers.RepeatedScalarFieldContainer[int]
    id_low: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, id_high: _Optional[_Iterable[int]] = ..., id_low: _Optional[_Iterable[int]] = ...) -> None: ...

class BatchFulfillResponse(_message.Message):
    __slots__ = ("outcomes", "revisions")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    outcomes: bytes
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    def __init__(self, outcomes: _Optional[bytes] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ...) -> None: ...

class BatchReleaseRequest(_message.Message):
    __slots__ = ("id_high", "id_low")
    ID_HIGH_FIELD_NUMBER: _ClassVar[int]
    ID_LOW_FIELD_NUMBER: _ClassVar[int]
    id_high: _containers.RepeatedScalarFieldContainer[int]
    id_low: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, id_high: _Optional[_Iterable[int]] = ..., id_low: _Optional[_Iterable[int]] = ...) -> None: ...

class BatchReleaseResponse(_message.Message):
    __slots__ = ("outcomes", "revisions")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    outcomes: bytes
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    def __init__(self, outcomes: _Optional[bytes] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ...) -> None: ...

class ReserveStreamRequest(_message.Message):
    __slots__ = ("batch_id", "reserve", "commit", "fulfill", "release")
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    FULFILL_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    batch_id: int
    reserve: BatchReserveRequest
    commit: BatchCommitRequest
    fulfill: BatchFulfillRequest
    release: BatchReleaseRequest
    def __init__(self, batch_id: _Optional[int] = ..., reserve: _Optional[_Union[BatchReserveRequest, _Mapping]] = ..., commit: _Optional[_Union[BatchCommitRequest, _Mapping]] = ..., fulfill: _Optional[_Union[BatchFulfillRequest, _Mapping]] = ..., release: _Optional[_Union[BatchReleaseRequest, _Mapping]] = ...) -> None: ...

class ReserveStreamResponse(_message.Message):
    __slots__ = ("batch_id", "reserve", "commit", "fulfill", "release", "status")
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    FULFILL_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    batch_id: int
    reserve: BatchReserveResponse
    commit: BatchCommitResponse
    fulfill: BatchFulfillResponse
    release: BatchReleaseResponse
    status: _status_pb2.Status
    def __init__(self, batch_id: _Optional[int] = ..., reserve: _Optional[_Union[BatchReserveResponse, _Mapping]] = ..., commit: _Optional[_Union[BatchCommitResponse, _Mapping]] = ..., fulfill: _Optional[_Union[BatchFulfillResponse, _Mapping]] = ..., release: _Optional[_Union[BatchReleaseResponse, _Mapping]] = ..., status: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class GetReservationRequest(_message.Message):
    __slots__ = ("reservation_id",)
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    def __init__(self, reservation_id: _Optional[str] = ...) -> None: ...

class GetReservationResponse(_message.Message):
    __slots__ = ("reservation", "revisions")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    reservation: Reservation
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    def __init__(self, reservation: _Optional[_Union[Reservation, _Mapping]] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ...) -> None: ...

class ListReservationsRequest(_message.Message):
    __slots__ = ("sku", "location", "state", "create_time_before", "page_size", "page_token", "owner")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_BEFORE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    state: ReservationState
    create_time_before: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    owner: str
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., state: _Optional[_Union[ReservationState, str]] = ..., create_time_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., owner: _Optional[str] = ...) -> None: ...

class ListReservationsResponse(_message.Message):
    __slots__ = ("reservations", "next_page_token", "coverage")
    RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    reservations: _containers.RepeatedCompositeFieldContainer[Reservation]
    next_page_token: str
    coverage: _ledger_service_pb2.LedgerCoverage
    def __init__(self, reservations: _Optional[_Iterable[_Union[Reservation, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., coverage: _Optional[_Union[_ledger_service_pb2.LedgerCoverage, _Mapping]] = ...) -> None: ...

class Reservation(_message.Message):
    __slots__ = ("reservation_id", "state", "lines", "create_time", "expire_time", "owner")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    state: ReservationState
    lines: _containers.RepeatedCompositeFieldContainer[ReservationLine]
    create_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    owner: str
    def __init__(self, reservation_id: _Optional[str] = ..., state: _Optional[_Union[ReservationState, str]] = ..., lines: _Optional[_Iterable[_Union[ReservationLine, _Mapping]]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., owner: _Optional[str] = ...) -> None: ...

class ReservationLine(_message.Message):
    __slots__ = ("sku", "location", "quantity", "held", "committed", "fulfilled", "released", "expired", "cancelled", "line_id", "returned", "backordered", "expected_time", "latest_supply_time")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_FIELD_NUMBER: _ClassVar[int]
    FULFILLED_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    EXPIRED_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    RETURNED_FIELD_NUMBER: _ClassVar[int]
    BACKORDERED_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_TIME_FIELD_NUMBER: _ClassVar[int]
    LATEST_SUPPLY_TIME_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    quantity: int
    held: int
    committed: int
    fulfilled: int
    released: int
    expired: int
    cancelled: int
    line_id: str
    returned: int
    backordered: int
    expected_time: _timestamp_pb2.Timestamp
    latest_supply_time: _timestamp_pb2.Timestamp
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., quantity: _Optional[int] = ..., held: _Optional[int] = ..., committed: _Optional[int] = ..., fulfilled: _Optional[int] = ..., released: _Optional[int] = ..., expired: _Optional[int] = ..., cancelled: _Optional[int] = ..., line_id: _Optional[str] = ..., returned: _Optional[int] = ..., backordered: _Optional[int] = ..., expected_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., latest_supply_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
