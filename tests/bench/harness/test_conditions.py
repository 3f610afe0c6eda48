"""Conditions say what a figure was measured on, and leave nothing behind."""

from pathlib import Path

import pytest

from bench.harness.conditions import _kind_of_disk, conditions, sync_seconds


def test_syncs_are_timed_and_their_file_is_removed(tmp_path: Path) -> None:
    seconds = sync_seconds(tmp_path, 3)
    assert 3 == len(seconds)
    assert min(seconds) > 0
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("sync_s", "expected"),
    [
        (1e-6, "nothing here was durable"),
        (50e-6, "survives power loss"),
        (0.4e-3, "network volume"),
        (20e-3, "spinning"),
    ],
)
def test_the_kind_of_disk_is_guessed_from_its_syncs(sync_s: float, expected: str) -> None:
    assert expected in _kind_of_disk(sync_s)


def test_everything_that_a_reader_has_to_know_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.harness.conditions.SYNCS", 2)
    monkeypatch.setattr("bench.harness.conditions.SLEEPS", 2)
    found = conditions(tmp_path)
    assert "grpcio 1.76.0" in found["libraries"]
    assert "fdatasync p10" in found["disk"]
    assert "cores usable" in found["processor"]
    assert 3 == len(found["load average before"].split())
