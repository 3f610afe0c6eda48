"""The audit: what a pass over a million stock levels and holds takes, and what a node takes of a
core that is audited and otherwise idle.

A pass that is asked for goes on without rests, so that its processor time can be separated from
the rest. By itself it rests, and costs the same over a longer time.
"""

import asyncio

from ..harness.figures import Figure, at_most, figure
from ..harness.node_server import NO_SNAPSHOTS_MIB, connect, node_server
from ..harness.plan import BenchError, Plan, tell
from ..harness.population import ROWS, ROWS_QUICK, populated
from ..harness.processes import Server

#: Of a core.
BAR = 0.02

#: Minutes from one pass to the next of the node that is watched: a tenth of the default, so that a
#: window of as long has one in it.
INTERVAL_MIN = 1

#: Passes of a round: processor time is counted in hundredths of a second.
PASSES = 5

TIMEOUT_S = 300.0


async def run(plan: Plan) -> list[Figure]:
    """Ask a large node for passes, then leave it alone."""
    folder, count = await populated(plan), plan.count(ROWS, ROWS_QUICK)
    settings = {"snapshot_every_mib": NO_SNAPSHOTS_MIB, "audit_interval_min": INTERVAL_MIN}
    async with node_server(folder, **settings) as node:
        passes_s = [await _pass_s(node) for _ in plan.each_round("audit")]
        window_s = plan.count(60 * INTERVAL_MIN, 1)
        tell(f"audit: idle for {window_s} s")
        before_s = node.cpu_seconds()
        await asyncio.sleep(window_s)
        share = (node.cpu_seconds() - before_s) / window_s
    name = f"{count:,} stock levels, {count:,} holds"
    return [
        figure("audit.pass_cpu", f"{name}: processor a pass", "s", passes_s),
        figure(
            "audit.share",
            f"{name}: idle node, a pass a minute",
            "%",
            [share],
            at_most(BAR),
            "of a core; by default there is a pass every ten minutes",
        ),
    ]


async def _pass_s(node: Server) -> float:
    """Processor time of a node for one pass, which finds nothing wrong."""
    async with connect(node) as client:
        before_s = node.cpu_seconds()
        for _ in range(PASSES):
            answer = await client.run_audit(timeout_s=TIMEOUT_S)
            if answer.disagreement_count:
                raise BenchError(f"the audit found {answer.disagreement_count} figures wrong")
        return (node.cpu_seconds() - before_s) / PASSES
