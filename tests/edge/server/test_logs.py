"""Logs carry an id that cannot break them, in a form that suits whoever reads them."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from holdfast.edge.server import logs
from holdfast.edge.server.context import CallContext
from holdfast.edge.server.logs import ids_of_call

# Correlation ids


def correlation_id(metadata: Any) -> str | None:
    """Under which the call is logged."""
    correlation, trace = ids_of_call(metadata)
    return CallContext(correlation=correlation, trace=trace).log_id


TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"


@pytest.mark.parametrize("text", ["x", "x" * 128, "order 4711/Käse".replace("ä", "ae"), "~"])
def test_a_correlation_id_that_fits_a_log_is_taken(text: str) -> None:
    assert correlation_id([("user-agent", "x"), ("x-correlation-id", text)]) == text


@pytest.mark.parametrize("text", ["", "x" * 129, "a\nb", "a\x1b[0m", "a\x00", "é"])
def test_a_correlation_id_that_does_not_fit_a_log_is_ignored(text: str) -> None:
    assert correlation_id([("x-correlation-id", text)]) is None
    metadata = [("x-correlation-id", text), ("traceparent", TRACEPARENT)]
    assert correlation_id(metadata) == TRACE_ID


@pytest.mark.parametrize(
    "traceparent",
    [TRACEPARENT, TRACEPARENT.replace("-01", "-00"), "01" + TRACEPARENT[2:] + "-what.comes"],
)
def test_the_trace_id_is_taken_from_a_traceparent(traceparent: str) -> None:
    assert correlation_id([("traceparent", traceparent)]) == TRACE_ID


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        TRACE_ID,
        TRACEPARENT.upper(),
        TRACEPARENT[:-1],
        TRACEPARENT + "0",
        TRACEPARENT + "-more",
        "ff" + TRACEPARENT[2:],
        "0g" + TRACEPARENT[2:],
        "01" + TRACEPARENT[2:] + "0",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID[:-1]}-b7ad6b7169203331-01",
        f" {TRACEPARENT}",
        f"{TRACEPARENT}\n",
    ],
)
def test_a_malformed_traceparent_is_ignored(traceparent: str) -> None:
    assert correlation_id([("traceparent", traceparent)]) is None


def test_the_callers_own_id_wins_over_the_trace() -> None:
    both = [("traceparent", TRACEPARENT), ("x-correlation-id", "mine")]
    assert correlation_id(both) == correlation_id(both[::-1]) == "mine"


def test_the_trace_is_logged_beside_the_callers_own_id() -> None:
    both = [("traceparent", TRACEPARENT), ("x-correlation-id", "mine")]
    assert ("mine", TRACE_ID) == ids_of_call(both) == ids_of_call(both[::-1])


def test_calls_without_metadata_have_no_id() -> None:
    assert correlation_id(None) is None
    assert correlation_id([]) is None
    assert correlation_id([("x-correlation-id", b"bytes"), ("other-bin", b"\xff")]) is None


# Logs


@pytest.fixture
def _logging() -> Iterator[None]:
    """Put back what was configured before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def terminal() -> io.StringIO:
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    return stream


def log_lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


@pytest.mark.usefixtures("_logging")
def test_json_has_one_object_a_line_with_the_correlation_id() -> None:
    stream = io.StringIO()
    logs.configure_logging("info", "json", stream)
    with structlog.contextvars.bound_contextvars(correlation_id="c1"):
        structlog.get_logger().info("drain", waiting=3)
        logging.getLogger("asyncio").warning("took %d s", 3)
    ours, theirs = map(json.loads, log_lines(stream))
    assert ours.pop("timestamp").endswith("Z")
    assert {"event": "drain", "level": "info", "waiting": 3, "correlation_id": "c1"} == ours
    assert theirs.pop("timestamp").endswith("Z")
    assert {
        "event": "took 3 s",
        "level": "warning",
        "logger": "asyncio",
        "correlation_id": "c1",
    } == theirs


@pytest.mark.usefixtures("_logging")
def test_the_console_is_for_people() -> None:
    stream = io.StringIO()
    logs.configure_logging("info", "console", stream)
    structlog.get_logger().info("drain", waiting=3)
    (line,) = log_lines(stream)
    assert re.search(r"\[info +\] drain +waiting=3", line)


@pytest.mark.usefixtures("_logging")
@pytest.mark.parametrize(("stream", "is_json"), [(io.StringIO, True), (terminal, False)])
def test_auto_goes_by_the_stream(stream: Callable[[], io.StringIO], is_json: bool) -> None:
    written = stream()
    logs.configure_logging("info", "auto", written)
    structlog.get_logger().info("drain")
    assert written.getvalue().startswith("{") == is_json


@pytest.mark.usefixtures("_logging")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_events_below_the_level_are_dropped(log_format: logs.LogFormat) -> None:
    stream = io.StringIO()
    logs.configure_logging("warning", log_format, stream)
    structlog.get_logger().info("no")
    logging.getLogger("x").info("no")
    assert [] == log_lines(stream)
    structlog.get_logger().warning("yes")
    logging.getLogger("x").warning("yes")
    assert 2 == len(log_lines(stream))


@pytest.mark.usefixtures("_logging")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_tracebacks_name_the_error_and_no_variable(log_format: logs.LogFormat) -> None:
    stream = io.StringIO()
    logs.configure_logging("info", log_format, stream)
    secret_order = "4711 units" * 2
    try:
        raise LookupError(len(secret_order))
    except LookupError:
        structlog.get_logger().exception("append")
        logging.getLogger("x").exception("append")
    assert stream.getvalue().count("LookupError") >= 2
    assert secret_order not in stream.getvalue()


@pytest.mark.usefixtures("_logging")
def test_a_line_break_in_a_value_does_not_break_the_line() -> None:
    for log_format in ("json", "console"):
        stream = io.StringIO()
        logs.configure_logging("info", log_format, stream)
        structlog.get_logger().info("append", path="a\nb")
        assert 1 == len(log_lines(stream))
