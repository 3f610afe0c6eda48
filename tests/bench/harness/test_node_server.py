"""A node under test has the settings that it is given, and those that everybody gets."""

from pathlib import Path

import pytest

from bench.harness.node_server import node_server


def test_settings_of_our_own_environment_do_not_reach_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDFAST_SHARD_COUNT", "99")
    monkeypatch.setenv("HOLDFAST_DATA_DIR", "precious")
    environment = node_server(tmp_path, log_level="error").environment
    assert "HOLDFAST_SHARD_COUNT" not in environment
    assert str(tmp_path / "data") == environment["HOLDFAST_DATA_DIR"]
    assert "error" == environment["HOLDFAST_LOG_LEVEL"]
