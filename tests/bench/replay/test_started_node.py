"""A node of the replay's own listens where commands look for it, unless somebody else does."""

import socket
from pathlib import Path

import pytest

from bench.replay import started_node
from bench.replay.started_node import ANY_PORT, GRPC_ADDRESS, HTTP_ADDRESS
from holdfast.edge.server.settings import Settings


def test_the_default_ports_are_those_of_the_settings() -> None:
    settings = Settings()

    assert (settings.grpc_address, settings.http_address) == (GRPC_ADDRESS, HTTP_ADDRESS)


def test_a_port_that_is_taken_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(started_node, "GRPC_ADDRESS", taken)
        command = started_node._command(Path("data"), None, on_default_ports=True)
    monkeypatch.setattr(started_node, "HTTP_ADDRESS", taken)
    after = started_node._command(Path("data"), None, on_default_ports=True)

    assert ANY_PORT == command[command.index("--grpc-address") + 1]
    assert taken == after[after.index("--http-address") + 1]
