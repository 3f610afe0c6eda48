"""Logs: one stream in one form, and the id that ties a call to its caller's log.

Names of events say what happened ("recovered", "draining"). A correlation id comes from the caller
and is taken when it is fit for a line of a log.
"""

import logging
import re
import sys
from collections.abc import Iterable
from typing import Final, Literal, TextIO, cast

import structlog

from ..wire.validation import is_correlation_id
from .log_writer import LogWriter

LogFormat = Literal["auto", "console", "json"]

_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")


def ids_of_call(
    metadata: Iterable[tuple[str, str | bytes]] | None,
) -> tuple[str | None, str | None]:
    """The caller's x-correlation-id, and the trace id of its traceparent.

    A malformed one counts as absent: no reason to refuse a call.
    """
    correlation = trace = None
    for key, value in metadata or ():
        if not isinstance(value, str):
            continue
        if key == "x-correlation-id" and correlation is None and is_correlation_id(value):
            correlation = value
        elif key == "traceparent":
            trace = _trace_id(value)
    return correlation, trace


def _trace_id(traceparent: str) -> str | None:
    """The trace id of a W3C traceparent; None when it is malformed.

    After the flags, a later version may go on; version 00 must end. Ids of zeros and version ff are
    invalid (https://www.w3.org/TR/trace-context/).
    """
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
    level: str = "info",
    log_format: LogFormat = "auto",
    stream: TextIO | LogWriter | None = None,
) -> None:
    """Send our events and what libraries log to one stream in one form.

    `auto` is console on a terminal and JSON elsewhere. The default stream is stderr.
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
    # Loggers are not cached, so that a second configuration, as in tests, reaches those that exist.
    # An ordinary call logs nothing, so caching would not save anything either.
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, stream)),
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


# Tracebacks come without the values of variables: those are long, and customers' orders.


def _console_renderer(stream: TextIO | LogWriter) -> list[structlog.typing.Processor]:
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
