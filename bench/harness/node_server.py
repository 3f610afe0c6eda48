"""A node under test: a process of its own, with the settings that every user gets."""

import os
import sys
from pathlib import Path
from typing import Final

from grpc_health.v1 import health_pb2

from holdfast.edge.client import Client

from .plan import BenchError
from .processes import START_TIMEOUT_S, Server, free_port

NODE_COMMAND = (sys.executable, "-m", "holdfast.edge", "serve")

#: `snapshot_every_mib` of a node that is to write no snapshot by itself, so that nothing trims its
#: journal while it is measured.
NO_SNAPSHOTS_MIB: Final = 1_048_576


def node_server(folder: Path, **settings: object) -> Server:
    """A node with a data directory of its own and the default settings, but for those given."""
    port = free_port()
    all_settings = {
        "data_dir": data_dir(folder),
        "grpc_address": f"127.0.0.1:{port}",
        "admin_address": f"127.0.0.1:{free_port()}",
        "http_address": "127.0.0.1:0",
        "drain_notice_s": 0,  # nobody routes callers to it
        **settings,
    }
    # Settings that happen to be in our own environment must not reach it.
    ours = {key: value for key, value in os.environ.items() if not key.startswith("HOLDFAST_")}
    named = {f"HOLDFAST_{key.upper()}": str(value) for key, value in all_settings.items()}
    return Server(folder, port, NODE_COMMAND, _probe_node, ours | named)


def data_dir(folder: Path) -> Path:
    """Where the node of a folder keeps its data."""
    return folder / "data"


def newest_snapshot_bytes(folder: Path) -> int:
    """Bytes of the newest snapshot in the folder of a node; 0 when there is none."""
    snapshots = sorted((data_dir(folder) / "snapshots").glob("snapshot-*.npz"))
    return snapshots[-1].stat().st_size if snapshots else 0


def connect(server: Server) -> Client:
    """A client with a connection of its own."""
    admin_target = server.environment["HOLDFAST_ADMIN_ADDRESS"]
    return Client(server.address, admin_target=admin_target, own_connection=True)


async def write_snapshot(node: Server) -> None:
    """Let a node write a snapshot, and wait until it is there."""
    async with connect(node) as client:
        await client.create_snapshot(timeout_s=START_TIMEOUT_S)


async def _probe_node(server: Server) -> None:
    answer = await server.call("/grpc.health.v1.Health/Check")(b"")
    if (
        health_pb2.HealthCheckResponse.FromString(answer).status
        != health_pb2.HealthCheckResponse.SERVING
    ):
        raise BenchError("not serving yet")
