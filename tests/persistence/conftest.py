"""A data directory that has lived, for the tests that damage, judge and reopen one."""

import shutil
from pathlib import Path

import pytest

from tests.persistence.lives import live_on, snapshot_of


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of two snapshots, with more in the journal after them."""
    path = tmp_path_factory.mktemp("lived") / "data"
    for seed in (1, 2):
        live_on(path, turns=10, seed=seed)
        snapshot_of(path)
    live_on(path, turns=10, seed=3)
    return path


@pytest.fixture
def path(lived: Path, tmp_path: Path) -> Path:
    """A copy of it to do things to."""
    return Path(shutil.copytree(lived, tmp_path / "data"))
