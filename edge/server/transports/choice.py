"""The transports there are, by the name that the setting `transport` has."""

from typing import Any


def transport_class(name: str) -> Any:
    """The class of a transport; see `GrpcioTransport` for what it takes.

    Raises ModuleNotFoundError when the library of the other one is missing.
    """
    if name == "nghttp2":
        from .http2.nghttp2 import Nghttp2Transport  # noqa: PLC0415 - an extra

        return Nghttp2Transport
    from .grpcio import GrpcioTransport  # noqa: PLC0415 - for whom it serves

    return GrpcioTransport
