"""The node's figures, gathered from where they are kept, for GetStatus and for /metrics."""

from datetime import timedelta
from importlib.metadata import version

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from holdfast.core.node import Node
from holdfast.core.statistics import read_statistics
from holdfast.persistence.recovery import Recovered
from holdfast.persistence.snapshots.file import snapshot_paths, snapshot_position
from holdfast.v1 import admin_service_pb2 as admin

from .admission import Admission
from .statistics import CallCounters, NodeStatistics, ShardStatistics


class NodeStatus:
    """Reads figures when asked. What it holds itself was known at the start."""

    def __init__(
        self,
        recovered: Recovered,
        admission: Admission,
        counters: CallCounters,
        recovery_seconds: float,
        started_ns: int,
    ) -> None:
        self._recovered = recovered
        self._admission = admission
        self._counters = counters
        self._recovery = Duration()
        self._recovery.FromTimedelta(timedelta(seconds=recovery_seconds))
        self._started = Timestamp()
        self._started.FromNanoseconds(started_ns)

    def statistics(self) -> NodeStatistics:
        """All figures. They agree with each other: on the loop's thread no turn is under way."""
        pump = self._admission.pump
        figures = pump.statistics()
        return NodeStatistics(
            shards=_shards(pump.node),
            turns=figures.turns,
            appends=figures.appends,
            append_seconds_total=figures.append_seconds,
            calls=self._counters.statistics(),
            refused_overload=self._admission.refused_overload,
            expired_holds=pump.node.expired_lines,
            durable_position=pump.journal.position,
            snapshot_position=self._snapshot_position(),
            journal_size_bytes=pump.journal.size_bytes(),
            journal_headroom_bytes=max(0, pump.headroom_bytes),
        )

    def _snapshot_position(self) -> int:
        # Asked of the folder: snapshots are written by another process.
        paths = snapshot_paths(self._recovered.directory)
        return snapshot_position(paths[0]) if paths else 0

    def get_status(self, request: admin.GetStatusRequest) -> admin.GetStatusResponse:
        """The answer to GetStatus. The state hash reads all state, so it has to be asked for."""
        figures = self.statistics()
        node = self._admission.pump.node
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
                    **{field: getattr(shard, field) for field in ShardStatistics.__slots__}
                )
                for shard in figures.shards
            ],
            state_hash=node.state_hash() if request.include_state_hash else "",
        )


def _shards(node: Node) -> tuple[ShardStatistics, ...]:
    return tuple(
        ShardStatistics(
            shard=figures.shard,
            sequence=figures.sequence,
            skus=figures.skus,
            stock_levels=figures.stock_levels,
            reservations=figures.reservations,
            mailbox_depth=actor.weight,
            mailbox_capacity=actor.capacity,
            on_hand=figures.on_hand,
            reserved=figures.reserved,
            committed=figures.committed,
        )
        for figures, actor in zip(map(read_statistics, node.shards), node.actors, strict=True)
    )
