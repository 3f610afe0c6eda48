"""Stock for a run, and the judge's look at it afterwards: the node's books against ours.

Everything goes through the public API, so that it works on any node. All SKUs are the run's own,
and end with it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from holdfast.edge.client import Client, HoldfastError, NotFound
from holdfast.v1 import availability_service_pb2 as availability

from ..harness.plan import tell
from ..harness.workload import PLENTY, Row, put_stock
from .books import DRIFT_MAX
from .profiles import BACKROOM, Run
from .visits import LATE_BY_S

SKUS_A_READ = 200
TIMEOUT_S = 10.0

#: Of stock levels that differ, so many are reported in words.
REMARKS_MAX = 10


@dataclass(slots=True)
class Stocktake:
    """What the node has in its books, held against ours."""

    oversold_units: int = 0
    differing_units: int = 0
    remarks: list[str] = field(default_factory=list)
    """The first differences in words."""


@asynccontextmanager
async def stocked(client: Client, run: Run) -> AsyncIterator[None]:
    """Put a run's SKUs in stock, and end them after it."""
    try:
        await put_stock(client, run.hot_rows, run.hot_stock)
        await put_stock(client, run.cold_rows, PLENTY)
        await client.update_location(BACKROOM, timeout_s=TIMEOUT_S, allow_missing=True)
        yield
    finally:
        await _end_skus(client, run)


async def _end_skus(client: Client, run: Run) -> None:
    for sku, _ in (*run.hot_rows, *run.cold_rows):
        try:
            await client.delete_sku(sku, timeout_s=TIMEOUT_S)
        except NotFound:
            pass  # it was not put in
        except HoldfastError as error:
            tell(f"{sku} and the SKUs after it stay on the node: {error}")
            return


async def take_stock(client: Client, books: Mapping[str, Any], hold_s: float) -> Stocktake:
    """The comparison after all holds have ended, when every unit is on hand, committed or gone."""
    await asyncio.sleep(hold_s * (1 + DRIFT_MAX) + LATE_BY_S)
    expected = {
        (level["sku"], level["location"]): [level["on_hand"], level["committed"]]
        for level in books["levels"]
    }
    for reservation_id in books["unsettled"]:
        await _settle(client, reservation_id, expected)
    levels = await _read(client, sorted({sku for sku, _ in expected}))
    oversold = {(level["sku"], level["location"]): level["oversold"] for level in books["levels"]}
    taken = Stocktake()
    for row, (on_hand, committed) in expected.items():
        compare(taken, row, on_hand, committed, oversold[row], levels.get(row))
    return taken


def compare(
    taken: Stocktake,
    row: Row,
    on_hand: int,
    committed: int,
    oversold: int,
    level: availability.StockLevel | None,
) -> None:
    """Compare one stock level with what it has to be. None of its units may still be held."""
    level = level or availability.StockLevel(location=row[1])
    taken.oversold_units += max(oversold, level.shortfall)
    differing = (
        abs(level.on_hand - on_hand)
        + abs(level.committed - committed)
        + abs(level.reserved)
        + abs(level.available - (level.on_hand - level.reserved - level.committed))
    )
    taken.differing_units += differing
    if (differing or oversold) and len(taken.remarks) < REMARKS_MAX:
        taken.remarks.append(
            f"{'/'.join(row)}: node has on hand {level.on_hand}, committed {level.committed}, "
            f"reserved {level.reserved}, available {level.available}; expected on hand {on_hand}, "
            f"committed {committed}, reserved 0; oversold by {oversold} at the worst moment"
        )


async def _settle(client: Client, reservation_id: str, expected: Mapping[Row, list[int]]) -> None:
    """Enter what the node says of a command that had no answer."""
    try:
        answer = await client.get_reservation(reservation_id, timeout_s=TIMEOUT_S)
    except NotFound:
        return
    for line in answer.reservation.lines:
        row = expected[line.sku, line.location]
        row[0] -= line.fulfilled
        row[1] += line.committed


async def _read(client: Client, skus: Sequence[str]) -> dict[Row, availability.StockLevel]:
    levels: dict[Row, availability.StockLevel] = {}
    for start in range(0, len(skus), SKUS_A_READ):
        part = skus[start : start + SKUS_A_READ]
        answer = await client.batch_get_availability(part, timeout_s=TIMEOUT_S)
        for each in answer.availabilities:
            levels |= {(each.sku, level.location): level for level in each.levels}
    return levels
