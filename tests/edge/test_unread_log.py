"""Nobody reads the node's stderr: its pipe is full after some hundred lines."""

import asyncio
import os
from pathlib import Path

from holdfast.edge.client import Client, calls
from tests.edge.node_process import NodeProcess
from tests.edge.raw import CALL_TIMEOUT_S, OK, Wire, figure, metrics_of

#: Lines that fill the pipe (64 KiB) and the queue in front of it (1 MiB) more than twice.
CALLS_MAX = 10_000
AT_ONCE = 500


async def test_a_log_that_nobody_reads_stops_nobody(tmp_path: Path) -> None:
    """Every call is answered, traced or not; lines are dropped, counted, and the node can stop."""
    stderr = tmp_path / "unread"
    os.mkfifo(stderr)
    unread = os.open(stderr, os.O_RDONLY | os.O_NONBLOCK)
    with NodeProcess(tmp_path, log_calls_per_s=1_000_000) as node:
        node.start(stderr)
        async with (
            Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client,
            Wire(node.target) as wire,
        ):
            traced = [("x-correlation-id", "x" * 128)]
            for _ in range(CALLS_MAX // AT_ONCE):
                answers = await asyncio.gather(
                    *(
                        wire.send_call(calls.list_locations(), metadata=traced)
                        for _ in range(AT_ONCE)
                    )
                )
                assert {OK} == {answer.code for answer in answers}
                dropped = figure(await metrics_of(node), "holdfast_log_lines_dropped_total")
                if dropped > AT_ONCE:  # so those of a whole round were answered all the same
                    break
            assert dropped > AT_ONCE
            await client.list_locations()
        await asyncio.to_thread(node.terminate)
    os.close(unread)


async def test_a_caller_who_traces_everything_fills_no_log(tmp_path: Path) -> None:
    """So many lines a second are written; what is left out is counted."""
    with NodeProcess(tmp_path, log_calls_per_s=0) as node:
        node.start()
        async with Wire(node.target) as wire:
            for _ in range(5):
                traced = [("x-correlation-id", "mine")]
                answer = await wire.send_call(calls.list_locations(), metadata=traced)
                assert "mine" == answer.trailing["x-correlation-id"]
        assert 5 == figure(await metrics_of(node), "holdfast_call_lines_left_out_total")
        assert [] == node.events("call")
