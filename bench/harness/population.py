"""A large node: a million stock levels and a million holds, put in over the wire like any others.

Benches that leave it as it is share one data directory, which the first of them makes.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock

from .load import closed_loop
from .node_server import NO_SNAPSHOTS_MIB, connect, node_server
from .packed_traffic import OPERATIONS_MAX, Batches, expect_all, resolve
from .packed_traffic import RESERVE_PATH as BATCH_RESERVE_PATH
from .plan import BenchError, Plan, tell
from .processes import Server
from .workload import EVENTS_A_MESSAGE, PLENTY, TIMEOUT_S, Row

RECORD_PATH = "/holdfast.v1.StockService/RecordStockEvents"

ROWS = 1_000_000
ROWS_QUICK = 5_000

LOCATIONS = 100

#: No hold may end while this runs, unless a bench wants it.
LONG_HOLD_MS = 7 * 24 * 3_600 * 1_000

#: Holds are spread over so many stock levels. Nothing that is measured depends on it, and asking
#: for millions of handles takes a while.
HANDLES = 100_000

#: Messages of one kind that are built, sent and forgotten together.
CHUNK = 100
IN_FLIGHT = 4

_SUFFIXES = ("-S", "-M", "-L", "-XL", "-42", "-RED", "-BLUE", "-0750")


def level(number: int) -> Row:
    """The name of a stock level: a SKU of its own, of 9 to 12 characters as those of shops have, at
    one of a hundred locations.
    """
    suffix = _SUFFIXES[number % len(_SUFFIXES)]
    return f"{number:07}{suffix}", f"STORE-{number % LOCATIONS:03}"


async def populated(plan: Plan) -> Path:
    """The folder of a node with as many stock levels and holds as the plan wants, made by the first
    bench that asks. Its node was killed.
    """
    folder = plan.folder / "population"
    if folder.exists():
        return folder
    count = plan.count(ROWS, ROWS_QUICK)
    partial = plan.folder / "population.partial"
    async with node_server(partial, snapshot_every_mib=NO_SNAPSHOTS_MIB) as node:
        await put_locations(node)
        await put_levels(node, range(count))
        await put_holds(node, await handles(node, count), count)
    return partial.rename(folder)


async def put_locations(node: Server) -> None:
    """Create the locations."""
    async with connect(node) as client:
        for _, location in map(level, range(LOCATIONS)):
            await client.update_location(location, timeout_s=TIMEOUT_S, allow_missing=True)


async def put_levels(node: Server, numbers: range) -> None:
    """Put new stock levels in, by counts. The events are numbered, so that the node remembers their
    last number and no ids: what is measured are stock levels.
    """
    for start in range(numbers.start, numbers.stop, CHUNK * EVENTS_A_MESSAGE):
        tell(f"population: {start:,} of {numbers.stop:,} stock levels")
        part = range(start, min(numbers.stop, start + CHUNK * EVENTS_A_MESSAGE))
        load = await closed_loop(node.call(RECORD_PATH), list(_counts(part)), 1)
        for answer in load.answers:
            results = stock.RecordStockEventsResponse.FromString(answer).results
            if any(each.outcome != stock.STOCK_EVENT_OUTCOME_APPLIED for each in results):
                raise BenchError(f"stock events from {start} on did not all take effect")


def _counts(numbers: range) -> Iterator[bytes]:
    for start in range(numbers.start, numbers.stop, EVENTS_A_MESSAGE):
        request = stock.RecordStockEventsRequest(source="population")
        for number in range(start, min(numbers.stop, start + EVENTS_A_MESSAGE)):
            sku, location = level(number)
            request.events.add(
                sequence=number + 1,
                sku=sku,
                location=location,
                kind=stock.STOCK_EVENT_KIND_COUNT,
                quantity=PLENTY,
            )
        yield request.SerializeToString()


async def handles(node: Server, count: int) -> list[int]:
    """Handles spread evenly over a number of stock levels."""
    return await resolve(node, [level(number) for number in range(0, count, -(-count // HANDLES))])


async def put_holds(
    node: Server,
    choice: Sequence[int],
    count: int,
    hold_ms: tuple[int, int] = (LONG_HOLD_MS, LONG_HOLD_MS),
    batches: Batches | None = None,
) -> None:
    """Hold a unit each on stock levels drawn evenly, for durations drawn evenly."""
    batches = batches or Batches()
    for start in range(0, count, CHUNK * OPERATIONS_MAX):
        tell(f"population: {start:,} of {count:,} holds")
        size = min(OPERATIONS_MAX, count)
        messages = -(-min(CHUNK * OPERATIONS_MAX, count - start) // size)
        requests = batches.reserves(batches.ids(messages, size), choice, hold_ms)
        load = await closed_loop(node.call(BATCH_RESERVE_PATH), requests, IN_FLIGHT)
        expect_all(load.answers, size, reservation.BATCH_OUTCOME_ACCEPTED)
