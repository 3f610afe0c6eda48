"""The door: what comes in is kept as it came, in time that grows with its length."""

from time import thread_time

from starlette.requests import Request

from holdfast.adapters.runtime.door import _attributes


def test_many_headers_take_no_longer_than_their_length() -> None:
    """9,000 of them fit in what the server reads of a request, and nobody has proved anything."""
    headers = [(f"h{number}".encode(), b"1") for number in range(9_000)] + [(b"h0", b"2")]
    scope = {
        "type": "http", "method": "POST", "scheme": "http", "path": "/in/a", "query_string": b"",
        "server": ("a", 80), "headers": headers,
    }  # fmt: skip

    began = thread_time()
    found = _attributes(Request(scope))
    took = thread_time() - began

    assert ("1", "POST", "/in/a") == (found["h0"], found[":method"], found[":target"])
    assert 9_002 == len(found)
    assert took < 0.5
