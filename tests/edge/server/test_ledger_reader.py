"""The node's end of the ledger's process: it goes on, whatever comes in the way."""

import os
from pathlib import Path

import pytest

from holdfast.edge.server import ledger_reader
from holdfast.edge.server.ledger_reader import LedgerReader
from holdfast.edge.server.snapshots import retry_s


class _EnoughError(Exception):
    """The test has seen enough."""


async def test_a_process_that_cannot_be_started_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lack of memory or of descriptors passes, and the node answers its callers meanwhile."""
    monkeypatch.setattr(ledger_reader, "COMMAND", (str(tmp_path / "nothing"),))
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise _EnoughError

    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(_EnoughError):
        await LedgerReader(tmp_path, 0, lambda: 0, sleep).run()
    assert [retry_s(1), retry_s(2), retry_s(3)] == waits
    assert before >= set(os.listdir("/proc/self/fd")), "none is left open"
