"""Instants as text: RFC 3339, in UTC."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def time_text(now_ns: int) -> str:
    """An instant, given in nanoseconds since 1970, cut to the millisecond."""
    at = _EPOCH + timedelta(microseconds=now_ns // 1_000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def exact_time_text(now_ns: int) -> str:
    """An instant, given in nanoseconds since 1970, to the nanosecond."""
    at = _EPOCH + timedelta(seconds=now_ns // 10**9)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{now_ns % 10**9:09}Z"
