"""Logs: one stream, in one form, and the id that ties a call to its caller's log."""

import logging
import re
import sys
from collections.abc import Iterable
from typing import Final, Literal, TextIO

import structlog

LogFormat = Literal["auto", "console", "json"]

#: Longer ids are no ids, and every line of the log would carry them.
CORRELATION_ID_MAX: Final = 128

_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")


def correlation_id(metadata: Iterable[tuple[str, str | bytes]] | None) -> str | None:
    """Find what ties a call to its caller's log: x-correlation-id, or a traceparent's trace id.

    What is malformed is ignored: a call is never refused for it.
    """
    trace_id = None
    for key, value in metadata or ():
        if not isinstance(value, str):
            continue
        if key == "x-correlation-id" and _is_fit_for_log(value):
            return value
        if key == "traceparent":
            trace_id = _trace_id(value)
    return trace_id


def _is_fit_for_log(text: str) -> bool:
    return 0 < len(text) <= CORRELATION_ID_MAX and text.isascii() and text.isprintable()


def _trace_id(traceparent: str) -> str | None:
    """Read a W3C traceparent. A later version may go on after the flags; version 00 may not."""
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None:
        return None
    version, trace_id, parent_id, more = match.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    if not int(trace_id, 16) or not int(parent_id, 16):
        return None
    return trace_id


def configure_logging(
    level: str = "info", log_format: LogFormat = "auto", stream: TextIO | None = None
) -> None:
    """Send our events, and what libraries log, to one stream in one form.

    `auto` is for people where the stream is a terminal, JSON elsewhere.
    """
    stream = sys.stderr if stream is None else stream
    if log_format == "auto":
        log_format = "console" if stream.isatty() else "json"
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render = _console_renderer(stream) if log_format == "console" else _json_renderer()
    # Loggers are not cached: nothing is logged on the way of a command, and so a second
    # configuration, as in tests, reaches the loggers that are there already.
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)


# Tracebacks come without the values of variables: those are customers' orders, and long.


def _console_renderer(stream: TextIO) -> list[structlog.typing.Processor]:
    return [
        structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]


def _json_renderer() -> list[structlog.typing.Processor]:
    transformer = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [
        structlog.processors.ExceptionRenderer(transformer),
        structlog.processors.JSONRenderer(),
    ]
