"""The node as a process: recover, start, serve until told to stop, drain.

The only file that names concrete classes of several rooms. Everyone else receives what it needs.
"""

import asyncio
import gc
import os
import signal
from collections.abc import Callable
from time import perf_counter

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import _async as reflection
from grpc_reflection.v1alpha import reflection_pb2_grpc

from holdfast.core.node import Node
from holdfast.persistence.journal_process.parent import JournalProcess
from holdfast.persistence.recovery import Recovered, recover

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

Progress = Callable[[int, int], None]


class Server:
    """One node, from recovery to drain."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.phase = Phase.STARTING
        self.grpc_port = self.http_port = 0
        self._stopping = asyncio.Event()
        self._status: NodeStatus | None = None

    async def run(
        self,
        on_ready: Callable[["Server"], None] = lambda _server: None,
        progress: Progress = lambda _done, _all: None,
    ) -> None:
        """Recover, serve until `stop`, drain. /healthz tells which, from the beginning."""
        host, port = split_address(self.settings.http_address)
        app = build_app(self._statistics, lambda: self.phase)
        async with serve_http(app, host, port) as self.http_port:
            started = perf_counter()
            recovered = await asyncio.to_thread(recover_node, self.settings, progress)
            log.info("recovered", **_recovery_figures(recovered, perf_counter() - started))
            await self._serve(recovered, perf_counter() - started, on_ready)

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

    async def _serve(
        self, recovered: Recovered, recovery_seconds: float, on_ready: Callable[["Server"], None]
    ) -> None:
        _prepare_interpreter()
        clock = node_clock(recovered.node.now_ns)
        appender = JournalProcess(recovered.journal, recovered.lock)
        pump = Pump(recovered.node, recovered.journal, appender, clock, _fail_stop)
        admission = Admission(pump)
        counters = CallCounters()
        self._status = NodeStatus(recovered, admission, counters, recovery_seconds, clock())
        service = Service(admission, self._status.get_status)
        handlers = Handlers(service, counters)
        servicer = _add_health_and_reflection(handlers)
        server = grpc.aio.server(options=_grpc_options(self.settings))
        server.add_generic_rpc_handlers((handlers,))
        self.grpc_port = _bind(server, self.settings.grpc_address)
        await server.start()
        await _set_health(servicer, health_pb2.HealthCheckResponse.SERVING)
        self.phase = Phase.SERVING
        snapshots = asyncio.create_task(
            keep_snapshots(
                recovered.directory,
                recovered.journal,
                self.settings.snapshot_every_bytes,
                recovered.replayed,
            )
        )
        on_ready(self)
        await self._stopping.wait()
        log.info("draining", timeout_s=self.settings.drain_timeout_s)
        # 1. Tell load balancers, and refuse what comes in all the same.
        self.phase = Phase.DRAINING
        admission.is_draining = True
        await _set_health(servicer, health_pb2.HealthCheckResponse.NOT_SERVING)
        snapshots.cancel()
        service.end_streams()
        # 2. Let calls that wait for an answer have it.
        await server.stop(self.settings.drain_timeout_s)
        # 3. Make the last turn durable, with the digest that the next start will check.
        await pump.drain()
        # 4. Let go of the files.
        recovered.journal.close()
        recovered.lock.release()
        log.info("stopped", position=recovered.journal.position)


def recover_node(settings: Settings, progress: Progress = lambda _done, _all: None) -> Recovered:
    """Bring the data directory's state into memory."""
    return recover(
        settings.data_dir,
        settings.shard_count,
        settings.map_size_bytes,
        settings.storage_reserve_bytes,
        lambda shards: Node(shards, settings.mailbox_capacity, settings.turn_batch_max),
        progress,
    )


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
        # Ours are bounded by what was asked for.
        ("grpc.max_send_message_length", -1),
        # A second node on the same port would get every other connection.
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


def _prepare_interpreter() -> None:
    """Keep the interpreter from pausing calls.

    What is there now (compiled kernels, libraries, hundreds of thousands of objects) stays for
    good: looking through it at every full collection cost 64 callers 10 % of their rate and half of
    their p99.
    """
    gc.collect()
    gc.freeze()


def _recovery_figures(recovered: Recovered, seconds: float) -> dict[str, object]:
    for bad in recovered.bad_snapshots:
        log.warning("snapshot passed over", snapshot=bad)
    return {
        "position": recovered.journal.position,
        "snapshot_position": recovered.snapshot_position,
        "replayed": recovered.replayed,
        "seconds": round(seconds, 3),
    }


def _fail_stop(error: BaseException) -> None:
    """End the process at once: nothing that rests on the failed step may be answered."""
    log.critical("fail-stop", reason=repr(error), exc_info=error)
    os._exit(EXIT_FAIL_STOP)
