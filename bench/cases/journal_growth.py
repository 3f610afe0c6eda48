"""What the journal takes: nothing for a refusal, and how many bytes for an accepted Reserve.

Sizes are those of the journal's used pages, as the node reports them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.edge.client import Client
from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED, OUTCOME_REFUSED

from ..harness.figures import Figure, at_most, figure
from ..harness.load import Call, closed_loop
from ..harness.node_server import connect, node_server
from ..harness.plan import Plan
from ..harness.workload import CALLERS, PLENTY, RESERVE_PATH, Orders, expect, put_stock, rows

REFUSALS = 1_000

MANY = rows(1_000)
SOLD_OUT = rows(1_000, prefix="GONE")


@dataclass(frozen=True, slots=True)
class Growth:
    """By how much the journal grew."""

    size: int
    appends: int


async def run(plan: Plan) -> list[Figure]:
    """Send refused, then accepted Reserves, and look at the journal in between."""
    folder = plan.folder / "storage"
    orders = Orders()
    accepted_count = plan.count(10_000, 1_000)
    refused, accepted = [], []
    async with node_server(folder) as node, connect(node) as client:
        await put_stock(client, MANY, PLENTY)
        await put_stock(client, SOLD_OUT, 0)
        call = node.call(RESERVE_PATH)
        for _ in plan.each_round("storage"):
            requests = orders.reserves(REFUSALS, SOLD_OUT)
            refused.append(await _growth(client, call, requests, OUTCOME_REFUSED))
            requests = orders.reserves(accepted_count, MANY)
            accepted.append(await _growth(client, call, requests, OUTCOME_ACCEPTED))
    return _figures(refused, accepted, accepted_count)


async def _growth(client: Client, call: Call, requests: Sequence[bytes], outcome: int) -> Growth:
    before = await client.get_status()
    expect((await closed_loop(call, requests, CALLERS)).answers, outcome)
    after = await client.get_status()
    return Growth(
        after.journal_size_bytes - before.journal_size_bytes,
        after.durable_position - before.durable_position,
    )


def _figures(
    refused: Sequence[Growth], accepted: Sequence[Growth], accepted_count: int
) -> list[Figure]:
    return [
        figure(
            "storage.refused_bytes",
            "Journal, 1,000 refusals",
            "B",
            [growth.size for growth in refused],
            at_most(0),
        ),
        figure(
            "storage.refused_appends",
            "Appends, 1,000 refusals",
            "x",
            [growth.appends for growth in refused],
            at_most(0),
        ),
        figure(
            "storage.reserve_bytes",
            "Journal, one accepted Reserve",
            "B",
            [growth.size / accepted_count for growth in accepted],
            note="64 callers; an append takes whole pages of 4 KiB",
        ),
        figure(
            "storage.reserves_an_append",
            "Reserves that share an append",
            "x",
            [accepted_count / growth.appends for growth in accepted],
            note="64 callers",
        ),
    ]
