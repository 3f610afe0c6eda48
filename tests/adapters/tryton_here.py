"""A real Tryton for the tests that need one; they are skipped where it cannot be installed, and say
why.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.harness.tryton_server import NotInstalledError, TrytonServer, python, serving_tryton


@contextmanager
def running_tryton(folder: Path) -> Iterator[TrytonServer]:
    """Serve a copy of the template until the block ends."""
    try:
        interpreter = python()
    except NotInstalledError as error:
        pytest.skip(str(error))
    with serving_tryton(folder, interpreter) as server:
        yield server
