"""The node's figures, gathered from where they are kept, for GetStatus and for /metrics.

What they say about stock and reservations is durable: the figures of each shard are those at the
journal's durable position. What the process is doing (mailboxes, turns, calls) is shown as it is.
"""

import asyncio
from dataclasses import asdict
from datetime import timedelta
from importlib.metadata import version

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.core.node import StateChangedError
from holdfast.core.statistics import ShardStatistics

from ..wire import faults
from ..wire.auditing import level_names
from ..wire.shared import clamped_int64
from .admission import Admission
from .heartbeat import Heartbeat
from .log_writer import LogWriter, Sampler
from .snapshots import SnapshotKeeper
from .statistics import CallCounters, MailboxStatistics, NodeStatistics
from .transports.transport import Transport
from .watch.watches import Watches

#: How often a hash is begun anew because the state changed under it, and how long that waits for
#: the changes to be over.
HASH_TRIES = 10
HASH_PAUSE_S = 0.05


class NodeStatus:
    """Reads figures when asked. What it holds itself was known at the start."""

    def __init__(
        self,
        admission: Admission,
        counters: CallCounters,
        heartbeat: Heartbeat,
        snapshots: SnapshotKeeper,
        log_lines: LogWriter,
        sampler: Sampler,
        watches: Watches,
        transport: Transport,
        recovery_seconds: float,
        started_ns: int,
    ) -> None:
        self._admission = admission
        self._counters = counters
        self._heartbeat = heartbeat
        self._snapshots = snapshots
        self._log_lines = log_lines
        self._sampler = sampler
        self._watches = watches
        self._transport = transport
        self._hashing = asyncio.Lock()
        self._recovery = Duration()
        self._recovery.FromTimedelta(timedelta(seconds=recovery_seconds))
        self._started = Timestamp()
        self._started.FromNanoseconds(started_ns)

    def statistics(self) -> NodeStatistics:
        """All figures. They agree with each other: on the loop's thread no turn is under way."""
        pump = self._admission.pump
        figures = pump.statistics()
        shards = pump.durable_statistics()
        return NodeStatistics(
            shards=shards,
            mailboxes=tuple(
                MailboxStatistics(each.shard, each.weight, each.capacity)
                for each in pump.node.actors
            ),
            turns=figures.turns,
            appends=figures.appends,
            append_seconds_total=figures.append_seconds,
            append_age_seconds=figures.append_age_seconds,
            loop_lag_seconds=self._heartbeat.lag_s(),
            calls=self._counters.statistics(),
            operations=self._admission.outcomes.statistics(),
            refused_overload=self._admission.refused_overload,
            expired_holds=sum(shard.expired_lines for shard in shards),
            snapshot_failures=self._snapshots.failures,
            log_lines_dropped=self._log_lines.dropped,
            watchers=len(self._watches.watchers),
            watch_conflations=self._watches.conflations,
            watch_resets=self._watches.resets,
            watch_lag=self._watches.lag(),
            call_lines_left_out=self._sampler.left_out,
            front_restarts=self._transport.restarts,
            audit_passes=pump.node.audit.passes,
            audit_disagreements=pump.node.audit.disagreements,
            durable_position=pump.journal.position,
            snapshot_position=self._snapshots.newest_position(),
            journal_size_bytes=pump.journal.size_bytes(),
            journal_headroom_bytes=max(0, pump.headroom_bytes),
        )

    async def get_status(self, request: admin.GetStatusRequest) -> admin.GetStatusResponse:
        """The answer to GetStatus. The state hash reads all state, so it has to be asked for."""
        state_hash = await self._state_hash() if request.include_state_hash else ""
        figures = self.statistics()  # of the instant of the hash: nothing was awaited since
        return admin.GetStatusResponse(
            version=version("holdfast"),
            start_time=self._started,
            recovery_duration=self._recovery,
            durable_position=figures.durable_position,
            snapshot_position=figures.snapshot_position,
            journal_size_bytes=figures.journal_size_bytes,
            journal_headroom_bytes=figures.journal_headroom_bytes,
            shards=map(_shard_status, figures.shards, figures.mailboxes),
            state_hash=state_hash,
            timeline=self._admission.pump.node.timeline,
            quarantined_levels=level_names(self._admission.pump.node.audit.quarantined_names()),
        )

    async def _state_hash(self) -> str:
        """The hash of the durable state, made in steps between which the node goes on. Raises a
        `Fault` when the state does not stay the same for long enough.
        """
        async with self._hashing:  # several at once would share the loop's time and change nothing
            for _ in range(HASH_TRIES):
                steps = self._admission.pump.node.state_hash_in_steps()
                try:
                    while True:
                        next(steps)
                        await asyncio.sleep(0)
                except StateChangedError:
                    pass
                except StopIteration as end:
                    if self._admission.pump.is_durable():
                        return str(end.value)
                await asyncio.sleep(HASH_PAUSE_S)
        raise faults.state_changing(HASH_TRIES)


def _shard_status(shard: ShardStatistics, mailbox: MailboxStatistics) -> admin.ShardStatus:
    """The status of a shard: the figures that the wire has of it."""
    figures = asdict(shard)
    figures |= {"mailbox_depth": mailbox.depth, "mailbox_capacity": mailbox.capacity}
    fields = admin.ShardStatus.DESCRIPTOR.fields_by_name
    return admin.ShardStatus(**{field: clamped_int64(figures[field]) for field in fields})
