"""Figures of a node, frozen when they are read, and the counters of its calls.

Rules of this file: a call costs two calls of `CallCounters` and none into a metrics library; all
other figures are read where they are kept when somebody asks for them.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.core.statistics import ShardStatistics

#: Upper bounds of the histogram's buckets, in seconds. They lie close around the latencies that a
#: node is meant to keep, 2 ms in the median and 10 ms at p99.
CALL_SECONDS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01),
    *(0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)


@dataclass(frozen=True, slots=True)
class MailboxStatistics:
    """Figures of the mailbox of one shard."""

    shard: int
    depth: int
    """Weight of the commands that wait; in microseconds of a processor."""
    capacity: int
    """Weight at which the mailbox refuses."""


@dataclass(frozen=True, slots=True)
class CallStatistics:
    """Calls since the start, by method."""

    counts: Mapping[tuple[str, str], int]
    """Calls that ended, by method and code; a stream is one."""
    buckets: Mapping[str, tuple[int, ...]]
    """Answers by method and bucket of CALL_SECONDS, not cumulative; the last bucket is unbounded.
    """
    seconds: Mapping[str, float]
    """Seconds that the answers of a method took, summed."""


@dataclass(frozen=True, slots=True)
class NodeStatistics:
    """Figures of a node."""

    shards: Sequence[ShardStatistics]
    """One per shard, in their order."""
    mailboxes: Sequence[MailboxStatistics]
    """In the same order."""
    turns: int
    """Turns of the pump since the start."""
    appends: int
    """Appends to the journal since the start."""
    append_seconds_total: float
    """Seconds spent in appends; nearly all of it is waiting for the disk."""
    append_age_seconds: float
    """Seconds since the append under way was handed to the journal; 0 when there is none."""
    loop_lag_seconds: float
    """The longest delay of the event loop in the last half or whole minute."""
    calls: CallStatistics
    """Calls that ended since the start."""
    operations: Mapping[tuple[str, str], int]
    """Operations since the start by kind and outcome; those of batches one by one."""
    refused_overload: int
    """Commands refused since the start because a mailbox was full."""
    expired_holds: int
    """Lines of holds that ended by time since the start."""
    snapshot_failures: int
    """Snapshots since the start that could not be written."""
    log_lines_dropped: int
    """Lines of the log since the start that nobody took in time."""
    watch_conflations: int
    """Responses to watchers since the start that passed values over."""
    watch_resets: int
    """Watches since the start that resumed from a position too long ago."""
    watchers: int
    """Open calls of WatchAvailability."""
    watch_lag: int
    """Journal entries that the watcher furthest behind has yet to be sent."""
    call_lines_left_out: int
    """Lines about calls since the start that were more than `log_calls_per_s`."""
    front_restarts: int
    """Fronts that have ended since the start, each of which was started again."""
    audit_passes: int
    """Audits that have ended since the start."""
    audit_disagreements: int
    """Figures that the last audit found wrong."""
    durable_position: int
    """Last journal position that is durable."""
    snapshot_position: int
    """Journal position of the newest snapshot; 0 without one."""
    journal_size_bytes: int
    """Bytes that the journal occupies."""
    journal_headroom_bytes: int
    """Bytes by which it may grow before new writes are refused."""


class CallCounters:
    """Counts calls, and how long answers took."""

    def __init__(self) -> None:
        # Lists of one: a counter is found with one look-up and changed in place.
        self._counts: dict[tuple[str, str], list[int]] = {}
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, list[float]] = {}

    def __repr__(self) -> str:
        return f"<CallCounters {sum(count for (count,) in self._counts.values())} calls>"

    # Three look-ups a call, 0.4 µs in all; names and labels are made when somebody scrapes.

    def record_end(self, method: str, code: str) -> None:
        """Count a call that ended. `code` is the name of its gRPC status, or REFUSED for a business
        "no".
        """
        try:
            self._counts[method, code][0] += 1
        except KeyError:
            self._counts[method, code] = [1]

    def record_seconds(self, method: str, seconds: float) -> None:
        """Note how long an answer took; a stream has many."""
        try:
            self._seconds[method][0] += seconds
        except KeyError:
            self._seconds[method] = [seconds]
            self._buckets[method] = [0] * (len(CALL_SECONDS) + 1)
        self._buckets[method][bisect_left(CALL_SECONDS, seconds)] += 1

    def statistics(self) -> CallStatistics:
        """The counters as they are now; later calls do not change what was returned."""
        return CallStatistics(
            {key: count for key, (count,) in self._counts.items()},
            {method: tuple(buckets) for method, buckets in self._buckets.items()},
            {method: seconds for method, (seconds,) in self._seconds.items()},
        )
