"""The node as a process: recover, start, serve until told to stop, drain.

A node is put together from its parts here; the other files of this folder are handed theirs.
"""

import asyncio
import gc
import os
import secrets
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

import structlog

from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.core.limits import NS_PER_DAY, NS_PER_MINUTE
from holdfast.core.model import UnknownSkus
from holdfast.core.node import HASH_SEED_BYTES, Node
from holdfast.core.rules.retention import Retention
from holdfast.persistence.journal_process.parent import JournalProcess
from holdfast.persistence.recovery import Progress, Recovered, no_progress, recover

from ..addresses import split_address
from ..serving import serve_http
from .admission import Admission, admit_all
from .clock import check_clock, node_clock
from .endpoints import Endpoints
from .fronts.keeper import Fronts
from .heartbeat import Heartbeat
from .http import Phase, build_app
from .ledger_reader import LedgerReader
from .log_writer import LogWriter, Sampler
from .methods import ADMIN, PUBLIC, methods_of, service_names
from .operators import Operators
from .pump import Pump
from .service import Service
from .settings import Settings
from .snapshots import SnapshotFailedError, SnapshotKeeper
from .statistics import CallCounters, NodeStatistics
from .status import NodeStatus
from .transports.choice import transport_class
from .transports.grpcio import GrpcioTransport
from .transports.transport import Transport

log = structlog.get_logger()

#: Exit code of a node that stopped because its journal or its state can't be trusted: EX_IOERR.
EXIT_FAIL_STOP = 74

#: The setting `unknown_skus`, as the engine has it.
UNKNOWN_SKUS = {
    "create": UnknownSkus.CREATE,
    "refuse": UnknownSkus.CREATE_BY_RECEIPT,
    "quarantine": UnknownSkus.QUARANTINE,
}


class Server:
    """One node, from recovery to drain. `grpc_port`, `admin_port` and `http_port` are set once it
    listens.
    """

    def __init__(self, settings: Settings, log_lines: LogWriter) -> None:
        self.settings = settings
        self.grpc_port = self.admin_port = self.http_port = 0
        self._log_lines = log_lines
        self._phase = Phase.STARTING
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()
        self._drained = asyncio.Event()
        self._ends_with_snapshot = False
        self._parts: _Parts | None = None

    async def run(
        self,
        on_ready: Callable[["Server"], None] = lambda _server: None,
        progress: Progress = no_progress,
    ) -> None:
        """Recover, serve until `stop`, drain.

        Raises OSError when an address is taken, ClockAheadError when the machine's time cannot be
        right, and one of `recovery.RECOVERY_ERRORS` when the data directory cannot be served.
        """
        host, port = split_address(self.settings.http_address)
        # HTTP comes first, so that a long recovery looks like "starting", not like a dead node.
        app = build_app(self._statistics, lambda: self.phase)
        async with serve_http(app, host, port) as self.http_port:
            started = perf_counter()
            try:
                recovered = await asyncio.to_thread(self._recover, progress)
            except _StoppedError:
                log.info("stopped before it served")
                return
            seconds = perf_counter() - started
            _log_recovery(recovered, seconds)
            _freeze_objects()
            self._parts = parts = self._assemble(recovered, seconds)
            await self._start(parts)
            if self.phase is Phase.SERVING:
                on_ready(self)
            await self._stopping.wait()
            await self._drain(parts)

    def stop(self, *, at_once: bool = False) -> None:
        """Begin to drain; `run` returns when that is done. `at_once`, or a second call, skips the
        rest of the notice to load balancers.
        """
        if at_once or self._stopping.is_set():
            self._hurrying.set()
        self._stopping.set()

    async def stop_with_snapshot(self) -> admin.DrainResponse:
        """Like `stop`, with a snapshot of the last state. Returns when that is durable; `run` still
        waits until this answer has been sent.
        """
        self._ends_with_snapshot = True
        self._stopping.set()
        await self._drained.wait()
        assert self._parts is not None
        return admin.DrainResponse(
            durable_position=self._parts.pump.journal.position,
            snapshot_position=self._parts.snapshots.newest_position(),
        )

    def stop_on_signals(self) -> None:
        """Stop on SIGTERM, and at once on SIGINT, which comes from a person who waits."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stop)
        loop.add_signal_handler(signal.SIGINT, lambda: self.stop(at_once=True))

    @property
    def phase(self) -> Phase:
        """What the node is doing now, as /healthz reports it."""
        if self._phase is Phase.SERVING and self._is_stalled():
            return Phase.STALLED
        return self._phase

    def _is_stalled(self) -> bool:
        assert self._parts is not None
        return self._parts.pump.append_age_s() > self.settings.journal_stall_s

    def _statistics(self) -> NodeStatistics | None:
        return self._parts.status.statistics() if self._parts else None

    def _recover(self, progress: Progress) -> Recovered:
        """The state of the data directory, in memory. Runs on a thread of its own.

        Raises RECOVERY_ERRORS, ClockAheadError, or _StoppedError when `stop` was called meanwhile.
        """

        def progress_until_stopped(done: int, total: int) -> None:
            if self._stopping.is_set():
                raise _StoppedError
            progress(done, total)

        recovered = _recover_node(self.settings, progress_until_stopped)
        try:
            progress_until_stopped(recovered.journal.position, recovered.journal.position)
            check_clock(recovered.node.now_ns, time.time_ns(), self.settings.clock_ahead_max_days)
        except BaseException:
            recovered.close()
            raise
        return recovered

    def _assemble(self, recovered: Recovered, recovery_seconds: float) -> "_Parts":
        settings = self.settings
        clock = node_clock(recovered.node.now_ns)
        journal = JournalProcess(
            recovered.journal, recovered.chain, recovered.epoch, recovered.lock
        )
        pump = Pump(
            recovered.node, journal, clock, self._fail_stop, is_behind_fronts=settings.fronts > 0
        )
        admission = Admission(pump)
        counters = CallCounters()
        sampler = Sampler(settings.log_calls_per_s)
        snapshots = SnapshotKeeper(
            recovered.directory,
            journal,
            settings.snapshot_every_bytes,
            settings.archive_bytes_max,
            recovered.replayed,
        )
        heartbeat = Heartbeat(asyncio.get_running_loop(), self._beat)
        ledger = None
        if settings.ledger == "on":
            reserve_bytes = settings.storage_reserve_bytes
            ledger = LedgerReader(settings.data_dir, reserve_bytes, lambda: journal.position)
        service = Service(admission, ledger)
        endpoints = Endpoints(
            service, methods_of(PUBLIC), admission.admit, counters, sampler, lanes=service.lanes
        )
        transport = _transport(settings, endpoints)
        status = NodeStatus(
            admission, counters, heartbeat, snapshots, self._log_lines, sampler,
            service.watches, transport, recovery_seconds, clock(),
        )  # fmt: skip
        operators = Operators(admission, status.get_status, snapshots, self.stop_with_snapshot)
        admin = Endpoints(operators, methods_of(ADMIN), admit_all, counters, sampler)
        return _Parts(
            recovered, pump, admission, service, endpoints, transport,
            _admin_transport(settings, admin), status, heartbeat, snapshots,
            [asyncio.create_task(each.run()) for each in (snapshots, ledger) if each],
        )  # fmt: skip

    async def _start(self, parts: "_Parts") -> None:
        """Listen for gRPC, then tell load balancers, unless it is time to stop already."""
        await asyncio.sleep(0)  # or a signal that came just now would be heard after the start
        if self._stopping.is_set():
            return
        self.admin_port = await parts.admin_transport.start()
        self.grpc_port = await parts.transport.start()
        self._phase = Phase.SERVING
        self._beat()

    def _beat(self) -> None:
        """Let gRPC's health service report what /healthz reports."""
        if self._parts is not None:
            is_serving = self.phase is Phase.SERVING
            for transport in (self._parts.transport, self._parts.admin_transport):
                transport.set_serving(is_serving=is_serving)

    async def _drain(self, parts: "_Parts") -> None:
        settings = self.settings
        log.info("draining", notice_s=settings.drain_notice_s, timeout_s=settings.drain_timeout_s)
        # 1. Tell load balancers, and go on serving until they have looked.
        self._phase = Phase.DRAINING
        self._beat()
        if self.grpc_port:
            await self._give_notice()
        # 2. Refuse what still comes in, and end the streams, which run until cancelled.
        parts.admission.is_draining = True
        for beside in parts.beside:
            beside.cancel()
        parts.service.streams.end()
        parts.endpoints.open_streams.end()
        # 3. Answer the calls that wait.
        await parts.transport.stop(settings.drain_timeout_s)
        # 4. Make the last turn durable, with the digest that the next start will check.
        await parts.pump.drain()
        # 5. Answer the operator who asked for it; operators are served until here.
        if self._ends_with_snapshot:
            await self._write_last_snapshot(parts.snapshots)
        self._drained.set()
        await parts.admin_transport.stop(settings.drain_timeout_s)
        # 6. Close the files, and let the next node have the directory.
        parts.heartbeat.stop()
        parts.recovered.close()
        log.info("stopped", position=parts.pump.journal.position)

    async def _give_notice(self) -> None:
        """Wait for load balancers to look, unless somebody is in a hurry."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.settings.drain_notice_s):
                await self._hurrying.wait()

    async def _write_last_snapshot(self, keeper: SnapshotKeeper) -> None:
        """Write a snapshot, which makes the next start shorter, unless somebody is in a hurry."""
        writing = asyncio.create_task(keeper.write())
        hurrying = asyncio.create_task(self._hurrying.wait())
        await asyncio.wait((writing, hurrying), return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()
        writing.cancel()
        try:
            await writing
        except (SnapshotFailedError, OSError) as error:
            log.warning("snapshot failed", reason=str(error))
        except asyncio.CancelledError:
            log.info("snapshot cut short")

    def _fail_stop(self, error: BaseException) -> None:
        """End the process at once: nothing that rests on the failed step may be answered."""
        log.critical("fail-stop", reason=repr(error), exc_info=error)
        self._log_lines.close()
        os._exit(EXIT_FAIL_STOP)  # not sys.exit: no answer and no clean-up may run any more


class _StoppedError(Exception):
    """The node was told to stop before it served."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts of a node that start, stop or report."""

    recovered: Recovered
    pump: Pump
    admission: Admission
    service: Service
    endpoints: Endpoints
    transport: Transport
    admin_transport: Transport
    status: NodeStatus
    heartbeat: Heartbeat
    snapshots: SnapshotKeeper
    beside: "Sequence[asyncio.Task[None]]"
    """Tasks that run processes beside the node."""


def _transport(settings: Settings, endpoints: Endpoints) -> Transport:
    """The transport through which callers reach the endpoints."""
    address, size_max = settings.grpc_address, settings.message_size_max_bytes
    make = transport_class(settings.transport)
    if settings.fronts:
        return Fronts(settings.fronts, endpoints.all, address, size_max, settings.transport)
    transport: Transport = make(endpoints.all, service_names(PUBLIC), address, size_max)
    return transport


def _admin_transport(settings: Settings, endpoints: Endpoints) -> Transport:
    """The listener of operators, in this process whatever carries the calls of others."""
    address, size_max = settings.admin_address, settings.message_size_max_bytes
    return GrpcioTransport(endpoints.all, service_names(ADMIN), address, size_max)


def _recover_node(settings: Settings, progress: Progress = no_progress) -> Recovered:
    """The state of the settings' data directory, in memory. Raises RECOVERY_ERRORS, see there."""
    return recover(
        settings.data_dir,
        settings.shard_count,
        settings.map_size_bytes,
        settings.storage_reserve_bytes,
        lambda directory: Node(
            directory.shard_count,
            settings.mailbox_capacity,
            timeline=directory.timeline,
            slot_count=directory.slot_count,
            hash_seed=secrets.token_bytes(HASH_SEED_BYTES),
            unknown_skus=UNKNOWN_SKUS[settings.unknown_skus],
            retention=Retention.of(settings.lines_kept_ns, settings.ids_kept_ns),
            history_window_ns=settings.history_window_days * NS_PER_DAY,
            audit_interval_ns=settings.audit_interval_min * NS_PER_MINUTE,
        ),
        progress,
    )


def _log_recovery(recovered: Recovered, seconds: float) -> None:
    for bad in recovered.bad_snapshots:
        log.warning("snapshot passed over", snapshot=bad)
    log.info(
        "recovered",
        position=recovered.journal.position,
        snapshot_position=recovered.snapshot_position,
        replayed=recovered.replayed,
        seconds=round(seconds, 3),
    )


def _freeze_objects() -> None:
    """Keep the garbage collector away from what is there before the first call.

    Compiled kernels, libraries and hundreds of thousands of objects stay for good: looking through
    them at every full collection cost 64 callers 10 % of their rate and half of their p99.
    """
    gc.collect()
    gc.freeze()
