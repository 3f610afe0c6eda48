"""Headers and trailers of gRPC, as the protocol has them on the wire.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

import grpc

from ...call_status import CallStatus, Metadata
from ...context import CallContext
from ...logs import ids_of_call

#: Names and values of a block of headers, in their order.
Fields = tuple[tuple[bytes, bytes], ...]

CONTENT_TYPE: Final = b"application/grpc"

#: What an answer begins with. A caller whose message was refused for its encoding sees here
#: which one is read.
HEAD: Final[Fields] = (
    (b":status", b"200"),
    (b"content-type", CONTENT_TYPE),
    (b"grpc-accept-encoding", b"identity"),
)

#: What is said to a request that is not gRPC's.
NOT_GRPC: Final[Fields] = ((b":status", b"415"),)

_OK: Final[Fields] = ((b"grpc-status", b"0"),)

_TIMEOUT: Final = re.compile(rb"([0-9]{1,8})([HMSmun])")
_UNIT_S: Final = {b"H": 3_600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}

#: Printable ASCII but %, which need no escape in grpc-message; nor do letters and digits.
_PLAIN: Final = " !\"#$&'()*+,/:;<=>?@[\\]^`{|}"


def is_grpc(content_type: bytes) -> bool:
    """Whether a request is gRPC's: `application/grpc`, perhaps with `+proto` or a parameter."""
    kind, more = content_type[: len(CONTENT_TYPE)], content_type[len(CONTENT_TYPE) :]
    return kind == CONTENT_TYPE and more[:1] in (b"", b"+", b";")


def context_of(headers: Fields, now_s: float) -> CallContext:
    """What the headers of a call say about it. Raises a `CallStatus` for an invalid timeout."""
    timeout = None
    metadata = []
    for name, value in headers:
        if name == b"grpc-timeout":
            timeout = value
        else:
            metadata.append((name.decode("latin-1"), value.decode("latin-1")))
    deadline_s = None if timeout is None else now_s + seconds_in(timeout)
    correlation, trace = ids_of_call(metadata)
    return CallContext("", deadline_s, correlation, trace)


def seconds_in(timeout: bytes) -> float:
    """The seconds of a `grpc-timeout`, such as `250m`. Raises a `CallStatus` for anything else."""
    match = _TIMEOUT.fullmatch(timeout)
    if match is None:
        wrong = timeout.decode("latin-1")
        message = f"grpc-timeout is {wrong!r}; it has up to 8 digits and one of H M S m u n"
        raise CallStatus(grpc.StatusCode.INTERNAL, message, b"", None)
    return int(match[1]) * _UNIT_S[match[2]]


def trailers_ok(correlation: str | None) -> Fields:
    """What ends a call that went well, and is known under this id."""
    if correlation is None:
        return _OK
    return (*_OK, (b"x-correlation-id", correlation.encode()))


def trailers_of(status: CallStatus, correlation: str | None) -> Fields:
    """What ends a call that failed so."""
    number: int = status.code.value[0]
    return (
        (b"grpc-status", b"%d" % number),
        (b"grpc-message", quote(status.message, safe=_PLAIN).encode()),
        *_encoded(status.metadata(correlation)),
    )


def _encoded(metadata: Metadata) -> Iterable[tuple[bytes, bytes]]:
    """Metadata as fields: bytes go as base64, whose padding is left out."""
    for name, value in metadata:
        if isinstance(value, bytes):
            yield name.encode(), b64encode(value).rstrip(b"=")
        else:
            yield name.encode(), value.encode()
