"""Figures of a node as metrics for Prometheus, made when somebody scrapes.

The tables below name every figure of statistics.py, here and in the core; docs/operators.md
explains them to operators.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from holdfast.core.statistics import ShardStatistics

from .statistics import CALL_SECONDS, CallStatistics, MailboxStatistics, NodeStatistics

#: Figure of a shard -> name and help of its gauge.
_SHARD_GAUGES: Final = {
    "sequence": ("holdfast_shard_sequence", "Last journal entry of the shard."),
    "skus": ("holdfast_skus", "SKUs that exist."),
    "stock_levels": ("holdfast_stock_levels", "Stock levels that exist."),
    "reservations": ("holdfast_reservations", "Reservations with lines in memory."),
    "ended_ids": ("holdfast_ended_ids", "Reservations of which the id is left."),
    "source_gaps": (
        "holdfast_source_gaps",
        "Ranges of numbers that sources passed over and that are missing.",
    ),
    "quarantined_levels": (
        "holdfast_quarantined_levels",
        "Stock levels that the audit found wrong and that were not repaired since.",
    ),
    "quarantined_skus": (
        "holdfast_quarantined_skus",
        "SKUs in quarantine: nobody knows them, and no operator has looked at them.",
    ),
    "on_hand": ("holdfast_on_hand_units", "Units on hand, over all stock levels."),
    "reserved": ("holdfast_reserved_units", "Units under live holds."),
    "committed": ("holdfast_committed_units", "Units promised to placed orders."),
}

#: Figure of a mailbox -> name and help of its gauge.
_MAILBOX_GAUGES: Final = {
    "depth": ("holdfast_mailbox_depth", "Weight of the commands in the shard's mailbox."),
    "capacity": ("holdfast_mailbox_capacity", "Weight at which the mailbox refuses."),
}

#: Figure of the node -> name and help of its counter.
_NODE_COUNTERS: Final = {
    "turns": ("holdfast_turns_total", "Turns of the pump."),
    "appends": ("holdfast_journal_appends_total", "Appends to the journal."),
    "append_seconds_total": (
        "holdfast_journal_append_seconds_total",
        "Seconds spent in appends to the journal.",
    ),
    "refused_overload": (
        "holdfast_overload_refusals_total",
        "Commands refused because a mailbox was full.",
    ),
    "expired_holds": ("holdfast_expired_holds_total", "Lines of holds that ended by time."),
    "snapshot_failures": (
        "holdfast_snapshot_failures_total",
        "Snapshots that could not be written.",
    ),
    "watch_conflations": (
        "holdfast_watch_conflations_total",
        "Responses to watchers that left out older values, because the reader was too slow.",
    ),
    "watch_resets": (
        "holdfast_watch_resets_total",
        "Watches that resumed from a position too long ago, and were sent everything again.",
    ),
    "front_restarts": (
        "holdfast_front_restarts_total",
        "Fronts that had ended and were started again.",
    ),
    "audit_passes": ("holdfast_audit_passes_total", "Audits that have ended."),
    "log_lines_dropped": (
        "holdfast_log_lines_dropped_total",
        "Lines of the log that nobody took in time.",
    ),
    "call_lines_left_out": (
        "holdfast_call_lines_left_out_total",
        "Lines about calls that were more than log_calls_per_s.",
    ),
}

#: Figure of the node -> name and help of its gauge.
_NODE_GAUGES: Final = {
    "append_age_seconds": (
        "holdfast_journal_append_age_seconds",
        "Seconds for which the append under way has not come back; 0 without one.",
    ),
    "watchers": ("holdfast_watchers", "Open calls of WatchAvailability."),
    "watch_lag": (
        "holdfast_watch_lag_entries",
        "Journal entries that the slowest watcher has not been sent yet.",
    ),
    "audit_disagreements": (
        "holdfast_audit_disagreements",
        "Figures that the last audit found wrong.",
    ),
    "loop_lag_seconds": (
        "holdfast_loop_lag_seconds",
        "Longest delay of the event loop in the last half or whole minute.",
    ),
    "durable_position": (
        "holdfast_journal_durable_position",
        "Last journal position that is durable.",
    ),
    "snapshot_position": (
        "holdfast_journal_snapshot_position",
        "Journal position of the newest snapshot; 0 without one.",
    ),
    "journal_size_bytes": ("holdfast_journal_size_bytes", "Bytes that the journal occupies."),
    "journal_headroom_bytes": (
        "holdfast_journal_headroom_bytes",
        "Bytes by which the journal may grow before new writes are refused.",
    ),
}


class NodeCollector(Collector):
    """Turns a node's figures into metrics; there are none before there is a node."""

    def __init__(self, statistics: Callable[[], NodeStatistics | None]) -> None:
        self._statistics = statistics

    def collect(self) -> Iterator[Metric]:
        """The metrics of one scrape, all of the same instant."""
        node = self._statistics()
        if node is None:
            return
        for figure, (name, help_text) in _NODE_COUNTERS.items():
            yield CounterMetricFamily(name, help_text, value=getattr(node, figure))
        for figure, (name, help_text) in _NODE_GAUGES.items():
            yield GaugeMetricFamily(name, help_text, value=getattr(node, figure))
        yield from _gauges_by_shard(_SHARD_GAUGES, node.shards)
        yield from _gauges_by_shard(_MAILBOX_GAUGES, node.mailboxes)
        yield from _call_metrics(node.calls)
        yield _operations(node.operations)

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry would otherwise collect at once, before there is a node."""
        return ()


def _gauges_by_shard(
    gauges: Mapping[str, tuple[str, str]],
    shards: Sequence[ShardStatistics] | Sequence[MailboxStatistics],
) -> Iterator[Metric]:
    for figure, (name, help_text) in gauges.items():
        gauge = GaugeMetricFamily(name, help_text, labels=("shard",))
        for shard in shards:
            gauge.add_metric((str(shard.shard),), getattr(shard, figure))
        yield gauge


def _call_metrics(calls: CallStatistics) -> Iterator[Metric]:
    counter = CounterMetricFamily(
        "holdfast_calls_total",
        "Calls by how they ended; REFUSED is a business no, sent with status OK.",
        labels=("method", "code"),
    )
    for labels, count in calls.counts.items():
        counter.add_metric(labels, count)
    yield counter
    histogram = HistogramMetricFamily(
        "holdfast_call_seconds",
        "Seconds from request to answer in the server; on streams, of each message.",
        labels=("method",),
    )
    # Prometheus wants cumulative buckets; summing here costs a call nothing.
    bounds = [*map(str, CALL_SECONDS), "+Inf"]
    for method, buckets in calls.buckets.items():
        cumulative = list(zip(bounds, accumulate(buckets), strict=True))
        histogram.add_metric((method,), cumulative, calls.seconds[method])
    yield histogram


def _operations(operations: Mapping[tuple[str, str], int]) -> Metric:
    counter = CounterMetricFamily(
        "holdfast_operations_total",
        "Operations that were answered, those of batches one by one.",
        labels=("operation", "outcome"),
    )
    for labels, count in operations.items():
        counter.add_metric(labels, count)
    return counter


def metrics_registry(statistics: Callable[[], NodeStatistics | None]) -> CollectorRegistry:
    """The registry with the node's metrics and those of its process and interpreter."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    registry.register(NodeCollector(statistics))
    return registry
