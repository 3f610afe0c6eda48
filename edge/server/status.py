"""The node's figures, gathered from where they are kept, for GetStatus and for /metrics.

What they say about stock and reservations is durable: the figures of each shard are those at the
journal's durable position. What the process is doing (mailboxes, turns, calls) is shown as it is.
"""

import asyncio
from datetime import timedelta
from importlib.metadata import version

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.core.node import StateChangedError
from holdfast.persistence.recovery import Recovered
from holdfast.persistence.snapshots.file import snapshot_paths, snapshot_position

from ..wire import faults
from ..wire.auditing import level_names
from ..wire.shared import clamped_int64
from .admission import Admission
from .heartbeat import Heartbeat
from .log_writer import LogWriter, Sampler
from .snapshots import SnapshotKeeper
from .statistics import CallCounters, NodeStatistics, ShardStatistics
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
        recovered: Recovered,
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
        self._recovered = recovered
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
            shards=tuple(
                ShardStatistics(
                    shard=shard.shard,
                    sequence=shard.sequence,
                    skus=shard.skus,
                    stock_levels=shard.stock_levels,
                    reservations=shard.reservations,
                    ended_ids=shard.ended_ids,
                    source_gaps=shard.source_gaps,
                    quarantined_levels=shard.quarantined_levels,
                    quarantined_skus=shard.quarantined_skus,
                    mailbox_depth=actor.weight,
                    mailbox_capacity=actor.capacity,
                    on_hand=shard.on_hand,
                    reserved=shard.reserved,
                    committed=shard.committed,
                )
                for shard, actor in zip(shards, pump.node.actors, strict=True)
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
            snapshot_position=self._snapshot_position(),
            journal_size_bytes=pump.journal.size_bytes(),
            journal_headroom_bytes=max(0, pump.headroom_bytes),
        )

    def _snapshot_position(self) -> int:
        # Asked of the folder: snapshots are written by another process.
        paths = snapshot_paths(self._recovered.directory)
        return snapshot_position(paths[0]) if paths else 0

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
            shards=[
                admin.ShardStatus(
                    **{
                        field: clamped_int64(getattr(shard, field))
                        for field in ShardStatistics.__slots__
                    }
                )
                for shard in figures.shards
            ],
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
