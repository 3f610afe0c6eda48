"""The methods of the services: which are served to whom, what each is called, and what it takes and
gives.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Any, Final

from google.protobuf.descriptor import MethodDescriptor

from holdfast.admin.v1 import admin_service_pb2
from holdfast.v1 import (
    availability_service_pb2,
    catalog_service_pb2,
    ledger_service_pb2,
    reservation_service_pb2,
    stock_service_pb2,
    watch_service_pb2,
)

#: What callers are served, and what operators are, on a listener of their own.
PUBLIC: Final = (
    reservation_service_pb2,
    availability_service_pb2,
    stock_service_pb2,
    catalog_service_pb2,
    ledger_service_pb2,
    watch_service_pb2,
)
ADMIN: Final = (admin_service_pb2,)


def service_names(files: Iterable[Any]) -> tuple[str, ...]:
    """Names of all services of some files, as reflection lists them."""
    return tuple(
        service.full_name for file in files for service in file.DESCRIPTOR.services_by_name.values()
    )


def methods_of(files: Iterable[Any]) -> Iterable[MethodDescriptor]:
    """The methods of all services of some files."""
    for file in files:
        for service in file.DESCRIPTOR.services_by_name.values():
            yield from service.methods


class Kind(Enum):
    """What a method takes and gives."""

    UNARY = "a message for a message"
    SERVER_STREAM = "a stream for a message"
    BOTH_STREAM = "a stream for a stream"


def endpoint_name(descriptor: MethodDescriptor) -> str:
    """The full name of a method, as on the wire."""
    return f"/{descriptor.containing_service.full_name}/{descriptor.name}"


def kind_of(descriptor: MethodDescriptor) -> Kind:
    """What a method takes and gives; none takes a stream and gives a message."""
    if descriptor.client_streaming:
        return Kind.BOTH_STREAM
    return Kind.SERVER_STREAM if descriptor.server_streaming else Kind.UNARY
