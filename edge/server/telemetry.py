"""Logs and metrics: what a node tells about itself.

Rules of this file: no call into a metrics library on the way of a command. A call costs one
`CallCounters.record`; all other figures are read from `NodeStatistics`, when somebody scrapes.
Names of log events are those of the functions that write them. A correlation id comes from the
caller, and is taken only when it is fit for a line of a log.
"""

import logging
import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal, TextIO

import structlog
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

LogFormat = Literal["auto", "console", "json"]

#: Longer ids are no ids, and every line of the log would carry them.
CORRELATION_ID_MAX: Final = 128

#: Upper bounds of the buckets. They lie close around the promised 2 ms (median) and 10 ms (p99).
CALL_SECONDS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01),
    *(0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)


# Figures


@dataclass(frozen=True, slots=True)
class ShardStatistics:
    """Figures of one shard and its mailbox."""

    shard: int
    sequence: int
    """The shard's last journal entry."""
    skus: int
    """SKUs that exist."""
    stock_levels: int
    """Stock levels that exist."""
    reservations: int
    """Reservations ever made; ended ones are kept."""
    mailbox_depth: int
    """Commands waiting."""
    mailbox_capacity: int
    """Commands that can wait."""
    on_hand: int
    """Units on hand, over all stock levels."""
    reserved: int
    """Units under live holds."""
    committed: int
    """Units promised to placed orders."""


@dataclass(frozen=True, slots=True)
class CallStatistics:
    """Calls since the start, by method."""

    counts: Mapping[tuple[str, str], int]
    """Calls by method and code."""
    buckets: Mapping[str, tuple[int, ...]]
    """Calls by method and CALL_SECONDS; each bucket has only its own, the last one is unbounded."""
    seconds: Mapping[str, float]
    """Time that the calls of a method took, all together."""


@dataclass(frozen=True, slots=True)
class NodeStatistics:
    """Figures of a node."""

    shards: tuple[ShardStatistics, ...]
    """One per shard, in their order."""
    turns: int
    """Turns of the pump since the start."""
    appends: int
    """Appends to the journal since the start."""
    append_seconds_total: float
    """Time spent in appends; nearly all of it is waiting for the disk."""
    calls: CallStatistics
    """What was answered since the start, by whom and how fast."""
    refused_overload: int
    """Commands refused since the start because a mailbox was full."""
    expired_holds: int
    """Holds that ended by time since the start."""
    durable_position: int
    """Last journal position that is durable."""
    snapshot_position: int
    """Journal position of the newest snapshot; 0 without one."""
    journal_size_bytes: int
    """What the journal occupies."""
    journal_headroom_bytes: int
    """By how much it may grow before new writes are refused."""


class CallCounters:
    """Counts calls and how long they took. Made to be called for every call of a server."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], list[int]] = {}
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, list[float]] = {}

    def __repr__(self) -> str:
        return f"<CallCounters {sum(count for (count,) in self._counts.values())} calls>"

    def record(self, method: str, code: str, seconds: float) -> None:
        """Count one call. `code` is the name of its gRPC status, or REFUSED for a business no."""
        try:
            self._counts[method, code][0] += 1
        except KeyError:
            self._start(method, code)
        self._buckets[method][bisect_left(CALL_SECONDS, seconds)] += 1
        self._seconds[method][0] += seconds

    def _start(self, method: str, code: str) -> None:
        self._counts[method, code] = [1]
        self._buckets.setdefault(method, [0] * (len(CALL_SECONDS) + 1))
        self._seconds.setdefault(method, [0.0])

    def statistics(self) -> CallStatistics:
        """Read the counters."""
        return CallStatistics(
            {key: count for key, (count,) in self._counts.items()},
            {method: tuple(buckets) for method, buckets in self._buckets.items()},
            {method: seconds for method, (seconds,) in self._seconds.items()},
        )


# Metrics

#: Figure of a shard -> name and help of its gauge.
_SHARD_GAUGES: Final = {
    "sequence": ("holdfast_shard_sequence", "Last journal entry of the shard."),
    "skus": ("holdfast_skus", "SKUs that exist."),
    "stock_levels": ("holdfast_stock_levels", "Stock levels that exist."),
    "reservations": ("holdfast_reservations", "Reservations ever made; ended ones are kept."),
    "mailbox_depth": ("holdfast_mailbox_depth", "Commands waiting in the shard's mailbox."),
    "mailbox_capacity": ("holdfast_mailbox_capacity", "Commands that the mailbox can hold."),
    "on_hand": ("holdfast_on_hand_units", "Units on hand, over all stock levels."),
    "reserved": ("holdfast_reserved_units", "Units under live holds."),
    "committed": ("holdfast_committed_units", "Units promised to placed orders."),
}

#: Figure of the node -> name and help of its counter.
_NODE_COUNTERS: Final = {
    "turns": ("holdfast_turns_total", "Turns of the pump."),
    "appends": ("holdfast_journal_appends_total", "Appends to the journal."),
    "append_seconds_total": (
        "holdfast_journal_append_seconds_total",
        "Time spent in appends to the journal.",
    ),
    "refused_overload": (
        "holdfast_overload_refusals_total",
        "Commands refused because a mailbox was full.",
    ),
    "expired_holds": ("holdfast_expired_holds_total", "Holds that ended by time."),
}

#: Figure of the node -> name and help of its gauge.
_NODE_GAUGES: Final = {
    "durable_position": (
        "holdfast_journal_durable_position",
        "Last journal position that is durable.",
    ),
    "snapshot_position": (
        "holdfast_journal_snapshot_position",
        "Journal position of the newest snapshot; 0 without one.",
    ),
    "journal_size_bytes": ("holdfast_journal_size_bytes", "What the journal occupies."),
    "journal_headroom_bytes": (
        "holdfast_journal_headroom_bytes",
        "By how much the journal may grow before new writes are refused.",
    ),
}


class NodeCollector(Collector):
    """Turns a node's figures into metrics when they are scraped; none before there is a node."""

    def __init__(self, statistics: Callable[[], NodeStatistics | None]) -> None:
        self._statistics = statistics

    def collect(self) -> Iterator[Metric]:
        """Read the figures once, so that all metrics of a scrape belong together."""
        node = self._statistics()
        if node is None:
            return
        for figure, (name, help_text) in _NODE_COUNTERS.items():
            yield CounterMetricFamily(name, help_text, value=getattr(node, figure))
        for figure, (name, help_text) in _NODE_GAUGES.items():
            yield GaugeMetricFamily(name, help_text, value=getattr(node, figure))
        for figure, (name, help_text) in _SHARD_GAUGES.items():
            gauge = GaugeMetricFamily(name, help_text, labels=("shard",))
            for shard in node.shards:
                gauge.add_metric((str(shard.shard),), getattr(shard, figure))
            yield gauge
        yield from _call_metrics(node.calls)

    def describe(self) -> Iterable[Metric]:
        """Tell the registry nothing: it would ask a node that may not be there yet."""
        return ()


def _call_metrics(calls: CallStatistics) -> Iterator[Metric]:
    counter = CounterMetricFamily(
        "holdfast_calls_total",
        "Calls by gRPC status; REFUSED is a business no, which has status OK.",
        labels=("method", "code"),
    )
    for labels, count in calls.counts.items():
        counter.add_metric(labels, count)
    yield counter
    histogram = HistogramMetricFamily(
        "holdfast_call_seconds", "Time from request to answer in the server.", labels=("method",)
    )
    bounds = [*map(str, CALL_SECONDS), "+Inf"]
    for method, buckets in calls.buckets.items():
        cumulative = list(zip(bounds, accumulate(buckets), strict=True))
        histogram.add_metric((method,), cumulative, calls.seconds[method])
    yield histogram


def metrics_registry(statistics: Callable[[], NodeStatistics | None]) -> CollectorRegistry:
    """Gather the node's metrics and those of its process."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    registry.register(NodeCollector(statistics))
    return registry


# Logs

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
