"""Server reflection, under the name that tools have used for years and under the one that is final.

grpcio-reflection has v1alpha alone. Version 1 has the same messages under another package
(https://github.com/grpc/grpc/blob/master/doc/server-reflection.md), so its servicer serves both.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from google.protobuf import descriptor_pool, text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import _async as reflection
from grpc_reflection.v1alpha import reflection_pb2

from ...wire import faults
from ..call_status import CallStatus
from ..context import CallContext
from ..endpoints import Endpoint
from ..methods import Kind

SERVICE_NAMES: Final = (
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
)

_Request = reflection_pb2.ServerReflectionRequest


def reflection_endpoints(names: Iterable[str]) -> tuple[Endpoint, ...]:
    """Endpoints of both versions, telling of these services and of themselves."""
    servicer = reflection.ReflectionServicer((*names, *SERVICE_NAMES))

    async def respond(requests: AsyncIterator[bytes], _call: CallContext) -> AsyncIterator[bytes]:
        async for answer in servicer.ServerReflectionInfo(_read(requests), None):
            yield answer.SerializeToString()

    pool: Any = descriptor_pool.Default()  # type: ignore[no-untyped-call]
    pool.AddSerializedFile(_version_1().SerializeToString())
    return tuple(
        Endpoint(f"/{name}/ServerReflectionInfo", Kind.BOTH_STREAM, respond)
        for name in SERVICE_NAMES
    )


async def _read(requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    async for data in requests:
        try:
            request = _Request.FromString(data)
        except DecodeError as error:
            raise CallStatus.of(faults.malformed(str(error))) from error
        yield request


def _version_1() -> FileDescriptorProto:
    """The file that describes version 1: tools look it up like any other."""
    alpha = FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(alpha)
    text = text_format.MessageToString(alpha).replace("v1alpha", "v1")
    return text_format.Parse(text, FileDescriptorProto())
