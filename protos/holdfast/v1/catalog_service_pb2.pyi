from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from holdfast.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LocationKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOCATION_KIND_UNSPECIFIED: _ClassVar[LocationKind]
    LOCATION_KIND_WAREHOUSE: _ClassVar[LocationKind]
    LOCATION_KIND_STORE: _ClassVar[LocationKind]
    LOCATION_KIND_SUPPLIER: _ClassVar[LocationKind]
LOCATION_KIND_UNSPECIFIED: LocationKind
LOCATION_KIND_WAREHOUSE: LocationKind
LOCATION_KIND_STORE: LocationKind
LOCATION_KIND_SUPPLIER: LocationKind

class Location(_message.Message):
    __slots__ = ("location", "kind", "display_name", "enabled")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    location: str
    kind: LocationKind
    display_name: str
    enabled: bool
    def __init__(self, location: _Optional[str] = ..., kind: _Optional[_Union[LocationKind, str]] = ..., display_name: _Optional[str] = ..., enabled: bool = ...) -> None: ...

class CreateLocationRequest(_message.Message):
    __slots__ = ("location",)
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    location: Location
    def __init__(self, location: _Optional[_Union[Location, _Mapping]] = ...) -> None: ...

class CreateLocationResponse(_message.Message):
    __slots__ = ("location", "revisions")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    location: Location
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    def __init__(self, location: _Optional[_Union[Location, _Mapping]] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ...) -> None: ...

class UpdateLocationRequest(_message.Message):
    __slots__ = ("location", "update_mask", "allow_missing", "request_id")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    ALLOW_MISSING_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    location: Location
    update_mask: _field_mask_pb2.FieldMask
    allow_missing: bool
    request_id: str
    def __init__(self, location: _Optional[_Union[Location, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., allow_missing: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class UpdateLocationResponse(_message.Message):
    __slots__ = ("location", "revisions", "repeated_request")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    REPEATED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    location: Location
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    repeated_request: bool
    def __init__(self, location: _Optional[_Union[Location, _Mapping]] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ..., repeated_request: bool = ...) -> None: ...

class GetLocationRequest(_message.Message):
    __slots__ = ("location",)
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    location: str
    def __init__(self, location: _Optional[str] = ...) -> None: ...

class GetLocationResponse(_message.Message):
    __slots__ = ("location",)
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    location: Location
    def __init__(self, location: _Optional[_Union[Location, _Mapping]] = ...) -> None: ...

class ListLocationsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListLocationsResponse(_message.Message):
    __slots__ = ("locations", "next_page_token")
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    locations: _containers.RepeatedCompositeFieldContainer[Location]
    next_page_token: str
    def __init__(self, locations: _Optional[_Iterable[_Union[Location, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteSkuRequest(_message.Message):
    __slots__ = ("sku", "request_id")
    SKU_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    sku: str
    request_id: str
    def __init__(self, sku: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class DeleteSkuResponse(_message.Message):
    __slots__ = ("stock_levels", "on_hand", "promised", "revision", "repeated_request")
    STOCK_LEVELS_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    PROMISED_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPEATED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    stock_levels: int
    on_hand: int
    promised: int
    revision: _common_pb2.Revision
    repeated_request: bool
    def __init__(self, stock_levels: _Optional[int] = ..., on_hand: _Optional[int] = ..., promised: _Optional[int] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ..., repeated_request: bool = ...) -> None: ...

class RenameSkuRequest(_message.Message):
    __slots__ = ("sku", "new_sku", "request_id")
    SKU_FIELD_NUMBER: _ClassVar[int]
    NEW_SKU_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    sku: str
    new_sku: str
    request_id: str
    def __init__(self, sku: _Optional[str] = ..., new_sku: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class RenameSkuResponse(_message.Message):
    __slots__ = ("sku", "names", "revision", "repeated_request")
    SKU_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPEATED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    sku: str
    names: _containers.RepeatedScalarFieldContainer[str]
    revision: _common_pb2.Revision
    repeated_request: bool
    def __init__(self, sku: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ..., repeated_request: bool = ...) -> None: ...

class MergeSkuRequest(_message.Message):
    __slots__ = ("sku", "into_sku", "request_id")
    SKU_FIELD_NUMBER: _ClassVar[int]
    INTO_SKU_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    sku: str
    into_sku: str
    request_id: str
    def __init__(self, sku: _Optional[str] = ..., into_sku: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class MergeSkuResponse(_message.Message):
    __slots__ = ("sku", "names", "on_hand", "revisions", "repeated_request")
    SKU_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    REPEATED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    sku: str
    names: _containers.RepeatedScalarFieldContainer[str]
    on_hand: int
    revisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Revision]
    repeated_request: bool
    def __init__(self, sku: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., on_hand: _Optional[int] = ..., revisions: _Optional[_Iterable[_Union[_common_pb2.Revision, _Mapping]]] = ..., repeated_request: bool = ...) -> None: ...
