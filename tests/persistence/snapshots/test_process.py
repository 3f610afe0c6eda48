"""The process that writes a snapshot beside the node."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from holdfast.persistence.archive.segments import segments
from holdfast.persistence.data_directory import read_node_json
from holdfast.persistence.snapshots.file import snapshot_position
from holdfast.persistence.snapshots.process import main
from tests.fork_server import ForkedCommand, run_forked
from tests.persistence.lives import (
    close,
    digests,
    flip,
    full_replay,
    life_of,
    live_on,
    reopen,
    snapshot_paths,
)

COMMAND = [sys.executable, "-m", "holdfast.persistence.snapshots.process"]


def test_it_is_written_beside_a_node_that_goes_on_writing(path: Path, tmp_path: Path) -> None:
    """It takes what is durable when it looks, and the node is not in its way."""
    recovered = reopen(path)
    life = life_of(recovered, random.Random(4))
    life.live(turns=5)
    least = recovered.journal.position
    report_path, errors_path = tmp_path / "stdout", tmp_path / "stderr"
    process = ForkedCommand([str(path)], os.environ, report_path, errors_path, main)
    while process.poll() is None:
        life.live(turns=1)
    report = json.loads(report_path.read_text())
    assert 0 == process.poll()
    life.live(turns=5)
    close(recovered)

    assert report["file"] == snapshot_paths(path)[0].name
    again = reopen(path)
    assert least <= again.snapshot_position < again.journal.position
    assert recovered.node.state_hash() == again.node.state_hash()
    assert digests(full_replay(path)) == digests(again.node)
    close(again)


def run_process(path: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return run_forked([str(path), *map(str, words)], os.environ, 60, main)


def ask_beside(path: Path, *words: object) -> Any:
    """Run it beside a node, and read what it prints."""
    recovered = reopen(path)
    result = run_process(path, *words)
    close(recovered)
    assert 0 == result.returncode, result.stderr
    return json.loads(result.stdout)


def test_what_the_older_snapshot_covers_is_archived(path: Path) -> None:
    """That of the two that are kept then."""
    live_on(path, turns=3, seed=9)
    report = ask_beside(path)
    older = snapshot_position(snapshot_paths(path)[1])
    assert older == report["forget"] == segments(read_node_json(path))[-1].last
    live_on(path, turns=3, seed=10)
    assert older < ask_beside(path)["forget"] == segments(read_node_json(path))[-1].last


def test_segments_beyond_a_limit_are_dropped(path: Path) -> None:
    live_on(path, turns=3, seed=9)
    assert ask_beside(path, 1)["forget"] == snapshot_position(snapshot_paths(path)[1])
    assert [] == segments(read_node_json(path))


def test_nothing_is_archived_where_it_would_be_dropped_at_once(path: Path) -> None:
    live_on(path, turns=3, seed=9)
    assert ask_beside(path, 0)["forget"] == snapshot_position(snapshot_paths(path)[1])
    assert not (path / "archive").exists()


def test_nothing_may_be_forgotten_up_to_a_damaged_snapshot(path: Path) -> None:
    """The next start may have to begin at the one before."""
    live_on(path, turns=3, seed=9)
    older = snapshot_paths(path)[0]
    older.write_bytes(flip(older.read_bytes(), 1_000))
    report = ask_beside(path)
    assert [older] == snapshot_paths(path)[1:]
    assert 0 == report["forget"]
    assert [] == segments(read_node_json(path))


def test_an_archive_that_fails_is_distinguished_from_a_snapshot_that_does(path: Path) -> None:
    live_on(path, turns=3, seed=9)
    (path / "archive").write_text("a file in its place")
    recovered = reopen(path)
    result = run_process(path)
    close(recovered)
    name = snapshot_paths(path)[0].name
    assert result.stderr.startswith(f"{name} is written, but nothing was archived: ")
    assert (1, "") == (result.returncode, result.stdout)


def test_it_says_in_one_line_why_there_is_none(tmp_path: Path) -> None:
    """The node writes that line into its log."""
    result = subprocess.run([*COMMAND, tmp_path], capture_output=True, text=True, check=False)
    assert (1, "") == (result.returncode, result.stdout)
    assert f"no snapshot: {tmp_path}: not a data directory (it has no node.json)\n" == result.stderr


def test_without_a_node_there_is_none(path: Path) -> None:
    """What is read then may not be durable, and a snapshot must not reach further than the journal
    does after a loss of power.
    """
    before = snapshot_paths(path)
    result = run_process(path)
    assert f"no snapshot: {path}: no node serves it\n" == result.stderr
    assert before == snapshot_paths(path)


def test_the_next_node_may_start_while_one_is_written_for_a_node_that_has_died(path: Path) -> None:
    """Here it is held up by a snapshot that it reads from a pipe."""
    recovered = reopen(path)
    pipe = path / "snapshots" / "snapshot-999999999999.npz"
    os.mkfifo(pipe)
    with subprocess.Popen([*COMMAND, path], stdout=subprocess.PIPE, text=True) as process:
        with pipe.open("wb"):
            pipe.unlink()
            close(recovered)
            next_one = reopen(path)
        assert json.loads(process.communicate()[0])["file"].startswith("snapshot-")
    assert 0 == process.returncode
    life_of(next_one, random.Random(1)).live(turns=1)
    close(next_one)
    close(reopen(path))
