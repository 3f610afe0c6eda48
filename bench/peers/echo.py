"""An empty echo, as a process of its own: what it costs to be called at all."""

import os
import sys
from pathlib import Path
from typing import Final

from ..harness.plan import ROOT
from ..harness.processes import Server, free_port

PATH: Final = "/bench.Echo/Echo"


def echo_server(folder: Path) -> Server:
    """An echo server."""
    port = free_port()
    command = (sys.executable, "-m", "bench.peers.echo_server", str(port))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return Server(folder / "echo", port, command, _probe_echo, environment)


async def _probe_echo(server: Server) -> None:
    await server.call(PATH)(b"")
