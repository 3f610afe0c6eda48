"""Traffic, repeated from a seed: what there is in stock, and who asks for what.

Requests are built before a stretch of load begins, so that building them is not in its figures.
"""

import random
from collections.abc import Iterator, Sequence
from uuid import UUID

from holdfast.edge.client import Client
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock

from .plan import BenchError

RESERVE_PATH = "/holdfast.v1.ReservationService/Reserve"
AVAILABILITY_PATH = "/holdfast.v1.AvailabilityService/GetAvailability"

SEED = 20
CALLERS = 64  # of a closed loop of single calls
PLENTY = 1_000_000_000  # units that no run can use up
EVENTS_A_MESSAGE = 1_000
TIMEOUT_S = 60.0

#: SKU and location.
Row = tuple[str, str]


def rows(skus: int, locations: int = 1, prefix: str = "SKU") -> list[Row]:
    """Names of stock levels: every SKU at every location."""
    return [
        (f"{prefix}-{sku:06}", f"STORE-{location:03}")
        for sku in range(skus)
        for location in range(locations)
    ]


class Orders:
    """An endless stream of orders. Their reservation ids are UUIDs, and no two are the same."""

    def __init__(self, seed: int = SEED) -> None:
        self._random = random.Random(seed)

    def reserves(
        self, count: int, choice: Sequence[Row], *, hold_s: int | None = None
    ) -> list[bytes]:
        """Reserve messages of one line and one unit, over rows drawn evenly."""
        return [self._reserve(self._random.choice(choice), hold_s) for _ in range(count)]

    def _reserve(self, row: Row, hold_s: int | None) -> bytes:
        bits = self._random.getrandbits(128)
        request = reservation.ReserveRequest(
            reservation_id=str(UUID(int=bits, version=4)),
            lines=[{"sku": row[0], "location": row[1], "quantity": 1}],
            hold_duration=None if hold_s is None else {"seconds": hold_s},
        )
        return request.SerializeToString()


async def put_stock(client: Client, levels: Sequence[Row], quantity: int) -> None:
    """Create locations and count stock levels."""
    for location in dict.fromkeys(location for _, location in levels):
        await client.update_location(location, timeout_s=TIMEOUT_S, allow_missing=True)
    for start in range(0, len(levels), EVENTS_A_MESSAGE):
        events = list(_counts(levels[start : start + EVENTS_A_MESSAGE], quantity))
        response = await client.record_stock_events("bench", events, timeout_s=TIMEOUT_S)
        if any(result.outcome != stock.STOCK_EVENT_OUTCOME_APPLIED for result in response.results):
            raise BenchError(f"stock events from {start} on did not all take effect")


def _counts(levels: Sequence[Row], quantity: int) -> Iterator[stock.StockEvent]:
    for sku, location in levels:
        yield stock.StockEvent(
            event_id=f"{sku}/{location}",
            sku=sku,
            location=location,
            kind=stock.STOCK_EVENT_KIND_COUNT,
            quantity=quantity,
        )


def expect(answers: Sequence[bytes], outcome: int) -> None:
    """Check the outcome of every Reserve: a fast wrong answer is not a figure."""
    for answer in answers:
        response = reservation.ReserveResponse.FromString(answer)
        if response.outcome != outcome:
            raise BenchError(f"a Reserve was answered with {response}")
