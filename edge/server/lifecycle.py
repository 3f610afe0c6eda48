"""The node as a process: recover, start, serve until told to stop, drain.

Here a node is put together from its parts; the other files of this folder are handed theirs.
"""

import asyncio
import gc
import os
import secrets
import signal
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import _async as reflection
from grpc_reflection.v1alpha import reflection_pb2_grpc

from holdfast.core.node import HASH_SEED_BYTES, Node
from holdfast.persistence.journal_process.parent import JournalProcess
from holdfast.persistence.recovery import Progress, Recovered, no_progress, recover

from .admission import Admission
from .clock import node_clock
from .handlers import SERVICE_NAMES, Handlers
from .http import Phase, build_app, serve_http
from .pump import Pump
from .service import Service
from .settings import Settings, split_address
from .snapshots import keep_snapshots
from .statistics import CallCounters, NodeStatistics
from .status import NodeStatus

log = structlog.get_logger()

#: Exit code of a node that stopped because its journal or its state can't be trusted: EX_IOERR.
EXIT_FAIL_STOP = 74


class Server:
    """One node, from recovery to drain. `grpc_port` and `http_port` are set once it listens."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.phase = Phase.STARTING
        self.grpc_port = self.http_port = 0
        self._stopping = asyncio.Event()
        self._status: NodeStatus | None = None

    async def run(
        self,
        on_ready: Callable[["Server"], None] = lambda _server: None,
        progress: Progress = no_progress,
    ) -> None:
        """Recover, serve until `stop`, drain.

        Raises OSError when an address is taken, and one of `recovery.RECOVERY_ERRORS` when the data
        directory cannot be served.
        """
        host, port = split_address(self.settings.http_address)
        # HTTP comes first: a long recovery is seen as "starting", not as a dead node.
        app = build_app(self._statistics, lambda: self.phase)
        async with serve_http(app, host, port) as self.http_port:
            started = perf_counter()
            recovered = await asyncio.to_thread(_recover_node, self.settings, progress)
            seconds = perf_counter() - started
            _log_recovery(recovered, seconds)
            _freeze_objects()
            parts = self._assemble(recovered, seconds)
            await self._start(parts)
            snapshots = asyncio.create_task(self._keep_snapshots(parts))
            on_ready(self)
            await self._stopping.wait()
            await self._drain(parts, snapshots)

    def stop(self) -> None:
        """Begin to drain; `run` returns when that is done."""
        self._stopping.set()

    def stop_on_signals(self) -> None:
        """Let SIGTERM and SIGINT call `stop`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)

    def _statistics(self) -> NodeStatistics | None:
        return self._status.statistics() if self._status else None

    def _assemble(self, recovered: Recovered, recovery_seconds: float) -> "_Parts":
        clock = node_clock(recovered.node.now_ns)
        journal = JournalProcess(
            recovered.journal, recovered.chain, recovered.epoch, recovered.lock
        )
        pump = Pump(recovered.node, journal, clock, _fail_stop)
        admission = Admission(pump)
        counters = CallCounters()
        # From here on /metrics has figures.
        self._status = NodeStatus(recovered, admission, counters, recovery_seconds, clock())
        service = Service(admission, self._status.get_status)
        handlers = Handlers(service, counters)
        servicer = _add_health_and_reflection(handlers)
        server = grpc.aio.server(options=_grpc_options(self.settings))
        server.add_generic_rpc_handlers((handlers,))
        return _Parts(recovered, pump, admission, service, server, servicer)

    async def _start(self, parts: "_Parts") -> None:
        """Listen for gRPC, then tell load balancers."""
        self.grpc_port = _bind(parts.server, self.settings.grpc_address)
        await parts.server.start()
        await _set_health(parts.health, health_pb2.HealthCheckResponse.SERVING)
        self.phase = Phase.SERVING

    async def _keep_snapshots(self, parts: "_Parts") -> None:
        recovered, every_bytes = parts.recovered, self.settings.snapshot_every_bytes
        await keep_snapshots(
            recovered.directory, parts.pump.journal, every_bytes, recovered.replayed
        )

    async def _drain(self, parts: "_Parts", snapshots: "asyncio.Task[None]") -> None:
        log.info("draining", timeout_s=self.settings.drain_timeout_s)
        # 1. Tell load balancers, and refuse what comes in all the same.
        self.phase = Phase.DRAINING
        parts.admission.is_draining = True
        await _set_health(parts.health, health_pb2.HealthCheckResponse.NOT_SERVING)
        snapshots.cancel()
        parts.service.streams.end()
        # 2. Let calls that wait for an answer have it.
        await parts.server.stop(self.settings.drain_timeout_s)
        # 3. Make the last turn durable, with the digest that the next start will check.
        await parts.pump.drain()
        # 4. Let go of the files.
        parts.recovered.close()
        log.info("stopped", position=parts.pump.journal.position)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the start and the end of a node have to touch."""

    recovered: Recovered
    pump: Pump
    admission: Admission
    service: Service
    server: grpc.aio.Server
    health: health.aio.HealthServicer


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
            settings.turn_batch_max,
            timeline=directory.timeline,
            slot_count=directory.slot_count,
            hash_seed=secrets.token_bytes(HASH_SEED_BYTES),
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


def _add_health_and_reflection(handlers: Handlers) -> health.aio.HealthServicer:
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, handlers)
    names = (*SERVICE_NAMES, health.SERVICE_NAME, "grpc.reflection.v1alpha.ServerReflection")
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
        reflection.ReflectionServicer(names), handlers
    )
    return servicer


def _grpc_options(settings: Settings) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", settings.message_size_max_bytes),
        # An answer is bounded by what was asked.
        ("grpc.max_send_message_length", -1),
        # With it, a second node on the same port would get every other connection.
        ("grpc.so_reuseport", 0),
        # The usual 100 would queue the callers of one channel silently.
        ("grpc.max_concurrent_streams", 10_000),
    ]


def _bind(server: grpc.aio.Server, address: str) -> int:
    try:
        port: int = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {address}: is another node running?") from error
    return port


async def _set_health(servicer: health.aio.HealthServicer, state: int) -> None:
    for name in ("", *SERVICE_NAMES):
        await servicer.set(name, state)


def _fail_stop(error: BaseException) -> None:
    """End the process at once: nothing that rests on the failed step may be answered."""
    log.critical("fail-stop", reason=repr(error), exc_info=error)
    os._exit(EXIT_FAIL_STOP)  # not sys.exit: no answer and no clean-up may run any more
