"""The process that writes a snapshot beside the node."""

import random
import subprocess
import sys
from pathlib import Path

from tests.persistence.lives import (
    close,
    digests,
    full_replay,
    life_of,
    reopen,
    snapshot_paths,
)

COMMAND = [sys.executable, "-m", "holdfast.persistence.snapshots.process"]


def test_it_is_written_beside_a_node_that_goes_on_writing(path: Path) -> None:
    """It takes what is durable when it looks, and the node is not in its way."""
    recovered = reopen(path)
    life = life_of(recovered, random.Random(4))
    life.live(turns=5)
    least = recovered.journal.position
    with subprocess.Popen([*COMMAND, path], stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            life.live(turns=1)
        assert process.stdout
        name = process.stdout.read().strip()
    assert 0 == process.returncode
    life.live(turns=5)
    close(recovered)

    assert name == snapshot_paths(path)[0].name
    again = reopen(path)
    assert least <= again.snapshot_position < again.journal.position
    assert recovered.node.state_hash() == again.node.state_hash()
    assert digests(full_replay(path)) == digests(again.node)
    close(again)


def test_it_says_in_one_line_why_there_is_none(tmp_path: Path) -> None:
    """The node writes that line into its log."""
    result = subprocess.run([*COMMAND, tmp_path], capture_output=True, text=True, check=False)
    assert (1, "") == (result.returncode, result.stdout)
    assert f"no snapshot: {tmp_path}: not a data directory (it has no node.json)\n" == result.stderr
