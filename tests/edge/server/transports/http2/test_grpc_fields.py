"""Headers and trailers mean what gRPC's protocol says."""

from base64 import b64decode
from urllib.parse import unquote

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.edge.server.call_status import CallStatus
from holdfast.edge.server.context import CallContext
from holdfast.edge.server.transports.http2.grpc_fields import (
    context_of,
    is_grpc,
    seconds_in,
    trailers_of,
    trailers_ok,
)

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("content_type", "is_so"),
    [
        (b"application/grpc", True),
        (b"application/grpc+proto", True),
        (b"application/grpc;charset=utf-8", True),
        (b"application/grpc-web", False),
        (b"application/json", False),
        (b"", False),
    ],
)
def test_a_request_of_grpc_is_known_by_its_content_type(content_type: bytes, is_so: bool) -> None:
    assert is_so is is_grpc(content_type)


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [
        (b"2H", 7_200),
        (b"3M", 180),
        (b"10S", 10),
        (b"250m", 0.25),
        (b"99999999u", 99.999999),
        (b"5n", 5e-9),
        (b"0S", 0),
    ],
)
def test_a_timeout_has_a_unit(timeout: bytes, seconds: float) -> None:
    assert pytest.approx(seconds) == seconds_in(timeout)


@pytest.mark.parametrize(
    "timeout", [b"", b"5", b"S", b"123456789S", b"-1S", b"1.5S", b"1s", b"\xff"]
)
def test_a_timeout_that_is_none_ends_the_call(timeout: bytes) -> None:
    with pytest.raises(CallStatus, match="up to 8 digits") as failed:
        seconds_in(timeout)
    assert grpc.StatusCode.INTERNAL is failed.value.code


def test_headers_say_until_when_and_under_which_ids() -> None:
    headers = (
        (b":path", b"/a.b/C"),
        (b"grpc-timeout", b"5S"),
        (b"x-correlation-id", b"cart 17"),
        (b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode()),
        (b"x-odd", b"\xff"),
    )
    assert CallContext("", 105.0, "cart 17", TRACE) == context_of(headers, 100.0)
    assert CallContext() == context_of(headers[:1], 100.0)


def test_a_call_that_went_well_ends_under_its_id() -> None:
    assert ((b"grpc-status", b"0"),) == trailers_ok(None)
    expected = ((b"grpc-status", b"0"), (b"x-correlation-id", b"cart 17"))
    assert expected == trailers_ok("cart 17")


@given(st.text(max_size=60), st.binary(max_size=40))
def test_a_status_comes_whole(message: str, details: bytes) -> None:
    """Its message in printable ASCII, its details as base64 without padding."""
    status = CallStatus(grpc.StatusCode.UNAVAILABLE, message, details, 250)
    trailers = dict(trailers_of(status, "cart 17"))
    assert b"14" == trailers[b"grpc-status"]
    shown = trailers[b"grpc-message"].decode()
    assert shown.isascii()
    assert not shown or shown.isprintable()
    assert message == unquote(shown)
    encoded = trailers.get(b"grpc-status-details-bin", b"")
    assert not encoded.endswith(b"=")
    assert details == b64decode(encoded + b"==")
    assert b"250" == trailers[b"grpc-retry-pushback-ms"]
    assert b"cart 17" == trailers[b"x-correlation-id"]
