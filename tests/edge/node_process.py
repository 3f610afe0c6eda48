"""A real node as a process of its own, for tests that meet it as the outside world does.

It serves a data directory of the test on loopback ports that were free, and is asked for its health
until it answers: nothing here waits for a fixed time. What it writes to stderr is kept beside the
data and stands in every message of a failure.
"""

import json
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any, Final, Self, TypedDict

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from holdfast.core.node import Node
from holdfast.persistence.codec import RecordedEntry, read_appends
from holdfast.persistence.data_directory import read_node_json
from holdfast.persistence.lmdb.store import LmdbJournal
from holdfast.persistence.recovery import empty_node, replay_group
from tests.fork_server import ForkedCommand
from tests.real_time import wait_until

#: A start compiles nothing when kernels are cached; a machine under load may still need this.
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 30.0

_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
_WORKERS: Final = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))

#: Below the ports that the system hands to clients: a client that tries to reach a node that is
#: down could otherwise be given the node's own port. Each worker of a run has its share.
PORTS: Final = range(20_000, 32_000)[_WORKER::_WORKERS]

#: Each is handed out once: a node that is down for a while, or not up yet, keeps its own. Two runs
#: of the tests at once begin at different ports.
_ports = iter(Random(os.getpid()).sample(PORTS, len(PORTS)))


def free_port() -> int:
    """Find a port that nobody listens on."""
    for port in _ports:
        with closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


class Targets(TypedDict):
    """The arguments of a client that say where its node is."""

    target: str
    admin_target: str


class NodeProcess:
    """A node, its data directory and its ports, which stay the same over restarts."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.data_dir = folder / "data"
        self.log_path = folder / "stderr"
        self.out_path = folder / "stdout"
        self.grpc_port, self.admin_port, self.http_port = free_port(), free_port(), free_port()
        self.settings = settings
        self.process: ForkedCommand | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.kill()

    @property
    def target(self) -> str:
        """The address of gRPC."""
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def admin_target(self) -> str:
        """The address of the operators' methods."""
        return f"127.0.0.1:{self.admin_port}"

    @property
    def targets(self) -> Targets:
        """The addresses that a client needs."""
        return {"target": self.target, "admin_target": self.admin_target}

    def url(self, path: str) -> str:
        """The URL of a page of the node."""
        return f"http://127.0.0.1:{self.http_port}{path}"

    @property
    def pid(self) -> int:
        """The pid of its process."""
        assert self.process is not None, "it has not been started"
        return self.process.pid

    def environment(self) -> dict[str, str]:
        """Settings go through the environment; those that the machine sets are left out."""
        settings = {
            "data_dir": self.data_dir,
            "grpc_address": self.target,
            "admin_address": self.admin_target,
            "http_address": f"127.0.0.1:{self.http_port}",
            "log_format": "json",
            "drain_notice_s": 0,
            "ledger": "off",
            "fronts": os.environ.get("TEST_FRONTS", "0"),
            "transport": os.environ.get("TEST_TRANSPORT", "grpcio"),
            **self.settings,
        }
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_")}
        return inherited | {f"HOLDFAST_{k.upper()}": str(v) for k, v in settings.items()}

    def launch(self, stderr: Path | None = None) -> None:
        """Start it, and do not wait for it. Its log is kept unless `stderr` leads elsewhere."""
        words, err_path = ("serve", "--json"), stderr or self.log_path
        self.process = ForkedCommand(words, self.environment(), self.out_path, err_path)

    def start(self, stderr: Path | None = None) -> None:
        """Start it and wait until it says that it serves. One that does not is left to the end of
        the block, which kills it.
        """
        self.launch(stderr)
        with grpc.insecure_channel(
            self.target,
            options=(
                ("grpc.initial_reconnect_backoff_ms", 20),
                ("grpc.max_reconnect_backoff_ms", 50),
                ("grpc.use_local_subchannel_pool", 1),
            ),
        ) as channel:
            check = health_pb2_grpc.HealthStub(channel).Check
            wait_until(lambda: self._is_serving(check), f"{self} does not serve", START_TIMEOUT_S)

    def _is_serving(self, check: Any) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"it ended at once: {self.report()}"
        try:
            # Without a call that waits nobody looks after the connection, and it takes seconds.
            answer = check(health_pb2.HealthCheckRequest(), timeout=0.5, wait_for_ready=True)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal. One that has ended gets none."""
        assert self.process is not None, "it has not been started"
        self.process.send_signal(number)

    def wait(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Wait for its end and return its exit code, which is negative after a signal."""
        assert self.process is not None
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end: {self.report()}") from None
        self.process = None
        return code

    def kill(self) -> None:
        """Take the power away: SIGKILL."""
        self.signal(signal.SIGKILL)
        self.wait()

    def terminate(self) -> None:
        """Ask it to drain, and expect a clean end: SIGTERM."""
        self.signal(signal.SIGTERM)
        code = self.wait()
        assert 0 == code, f"exit code {code} after SIGTERM: {self.report()}"

    def restart(self) -> None:
        """Start it again, after an end of whatever kind."""
        if self.process is not None:
            self.terminate()
        self.start()

    def limit_files_to(self, size_bytes: int) -> None:
        """Let every write beyond this size fail, in any file, as a full disk does."""
        limits = (size_bytes, resource.RLIM_INFINITY)
        for process in (self.pid, self.writer_pid):
            resource.prlimit(process, resource.RLIMIT_FSIZE, limits)

    @property
    def writer_pid(self) -> int:
        """The pid of the process that writes its journal."""
        (writer,) = self._children("holdfast.persistence.journal_process.child")
        return writer

    @property
    def ledger_pid(self) -> int:
        """The pid of the process that keeps its ledger."""
        (keeper,) = self._children("holdfast.edge.server.ledger_process")
        return keeper

    @property
    def front_pids(self) -> list[int]:
        """The pids of its fronts, without those that have ended."""
        return self._children("holdfast.edge.server.fronts.front")

    def callers_of(self, front: int) -> int:
        """How many connections a front has."""
        found = psutil.Process(front).net_connections("tcp")
        return sum(each.status == psutil.CONN_ESTABLISHED for each in found)

    def _children(self, module: str) -> list[int]:
        """The pids of the processes that it started with this module."""
        found = []
        for child in psutil.Process(self.pid).children():
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if module in child.cmdline():
                    found.append(int(child.pid))
        return found

    def events(self, name: str) -> list[dict[str, Any]]:
        """Events of this name in its log, over all its lives."""
        events = []
        for line in self.log_path.read_text("utf-8").splitlines():
            if line.startswith("{"):
                event = json.loads(line)
                if event.get("event") == name:
                    events.append(event)
        return events

    def complaints(self) -> list[str]:
        """What no test of a sound node should find in its log: errors, and lines that are none of
        its own, such as those of asyncio about a task that nobody asked for its end.
        """
        lines = self.log_path.read_text("utf-8").splitlines()
        return [
            line
            for line in lines
            if not line.startswith("{") or json.loads(line)["level"] in ("error", "critical")
        ]

    def report(self) -> str:
        """What it wrote last, for the message of a failure."""
        lines = self.log_path.read_text("utf-8").splitlines() if self.log_path.exists() else []
        return "\n".join(["its stderr ends:", *lines[-40:]])

    def __repr__(self) -> str:
        return f"<NodeProcess at {self.target}, {self.report()}>"


@contextmanager
def running_node(folder: Path, **settings: object) -> Iterator[NodeProcess]:
    """Serve from a folder until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with NodeProcess(folder, **settings) as node:
        node.start()
        yield node


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """Stop a process, as one in an uninterruptible sleep is stopped, until the block ends."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def read_journal(data_dir: Path) -> list[tuple[int, list[RecordedEntry]]]:
    """Read every append that is durable, beside the node or without one."""
    path = read_node_json(data_dir).journal
    with closing(LmdbJournal(path, 1 << 40, 0, read_only=True)) as journal:
        return list(read_appends(journal, 0, {}))


def replayed_node(data_dir: Path) -> Node:
    """Build the state that the journal leads to, from its first append and by nothing else."""
    node = empty_node(read_node_json(data_dir))
    for position, group in read_journal(data_dir):
        replay_group(node, position, group)
    return node
