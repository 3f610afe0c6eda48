"""Plays orders against a node, as a shop's systems would, and keeps its own books on the answers.

The result is the same on every run, whatever the number of shards and callers, because a step
waits until every earlier step that touches one of its stock levels has had its effect on what is
available there. Steps without a level in common run side by side.

Every id follows from the orders. So a call that is tried again, and a replay that is run again, are
answered with what came of the first. But a refusal leaves no trace in a node, and asked again later
it might find stock. Hence `Replay._asked_before`: from which step on an earlier run cannot have
asked.
"""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Final, TypeVar

from holdfast.edge.client import Client, NotFound, Retries
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock

from ..harness.plan import BenchError
from .replayed import Books, NodeLevel, Replayed
from .sequencer import WINDOW, LetGo, run_in_order
from .steps import Fact, FactKind, FactsStep, OrderStep, ReplayPlan, Step
from .warehouses import Level, Location

CALLERS_DEFAULT: Final = 64

#: The longest there is: no hold may end while a node is down and a call is tried again.
HOLD: Final = timedelta(days=30)

#: Long enough for a node to be killed, started and recovered under a call.
CALL_TIMEOUT_S: Final = 60.0
RETRIES: Final = Retries(base_s=0.05, cap_s=0.5)

#: Nodes forget event ids after seven days. An hour less, because clocks differ.
RESUMABLE: Final = timedelta(days=7, hours=-1)

SKUS_MAX: Final = 1_000  # of one BatchGetAvailability

SOURCE: Final = "replay"

EVENT_KINDS: Final = {
    FactKind.OPENING: stock.STOCK_EVENT_KIND_COUNT,  # a receipt could not be of 0 units
    FactKind.RECEIPT: stock.STOCK_EVENT_KIND_RECEIPT,
    FactKind.RETURN: stock.STOCK_EVENT_KIND_RETURN,
    FactKind.WRITE_OFF: stock.STOCK_EVENT_KIND_ADJUSTMENT,
    FactKind.FOUND: stock.STOCK_EVENT_KIND_ADJUSTMENT,
}

Answer = TypeVar("Answer")


class Replay:
    """One replay against one node, which has to be empty or to hold an earlier run of this replay,
    unless `is_beside_others` is set: its stock is made up.
    """

    def __init__(
        self,
        client: Client,
        plan: ReplayPlan,
        callers: int = CALLERS_DEFAULT,
        *,
        is_beside_others: bool = False,
    ) -> None:
        self.plan = plan
        self._is_beside_others = is_beside_others
        self.steps_done = 0
        self._client = client
        self._callers = callers
        self._books = Books()
        self._call_seconds: dict[str, list[float]] = defaultdict(list)
        self._resumed = False
        self._asked_before = 0
        self._duplicates = self._refusals_kept = 0

    def __repr__(self) -> str:
        return f"<Replay {self.steps_done} of {len(self.plan.steps)} steps>"

    async def run(self, on_step: Callable[[int, int], None] = lambda _done, _all: None) -> Replayed:
        """Take all steps, then read back what the node has. Raises BenchError."""
        await self._put_locations()
        if self._resumed:
            self._asked_before = await self._find_asked_before()
        steps = self.plan.steps

        async def take(index: int, let_go: LetGo) -> None:
            await self._take(index, steps[index], let_go)
            self.steps_done += 1
            on_step(self.steps_done, len(steps))

        started = perf_counter()
        await run_in_order([step.levels for step in steps], take, self._callers)
        seconds = perf_counter() - started
        return Replayed(
            books=self._books,
            node_levels=await self._read_levels(),
            status=await self._client.get_status(include_state_hash=True),
            seconds=seconds,
            call_seconds=dict(self._call_seconds),
            call_retries=self._client.statistics().retries,
            resumed=self._resumed,
            duplicates=self._duplicates,
            refusals_kept=self._refusals_kept,
        )

    # Before the first step

    async def _put_locations(self) -> None:
        """Create the locations. Their names say of which orders they are, for the next run."""
        there = {each.location: each for each in (await self._client.list_locations()).locations}
        wanted = [(place, self._name(place)) for place in self.plan.stock.locations]
        others = there.keys() - {place.code for place, _ in wanted}
        self._resumed = any(place.code in there for place, _ in wanted)
        # A stock level needs a location, so a node without any is empty.
        if others and not (self._resumed or self._is_beside_others):
            raise BenchError(
                f"the node is not empty: it has {len(others)} locations that are not of this "
                f"replay, such as {min(others)}; give the replay a node of its own, or add "
                "--beside-others to write made-up stock and orders into this one"
            )
        for place, name in wanted:
            known = there.get(place.code)
            if known is not None and known.display_name != name:
                raise BenchError(
                    f"the node has a location {place.code}, {known.display_name!r}: its data is "
                    "not of this replay; give the replay a data directory of its own"
                )
        for place, name in wanted:
            await self._client.update_location(place.code, display_name=name, allow_missing=True)

    def _name(self, place: Location) -> str:
        return f"{place.name} of orders {self.plan.tag}"

    async def _find_asked_before(self) -> int:
        """The step from which on an earlier run cannot have asked.

        The first order found missing, of those that should have been accepted, was not finished;
        whatever was begun stood less than a window behind it.
        """
        refused = self.plan.expected.refused
        due = [(index, order) for index, order in self.plan.orders if order.number not in refused]
        low, high = 0, len(due)  # where it was looked, those before low were made, high was not
        while low < high:
            middle = (low + high) // 2
            if await self._made_at(due[middle][1]) is None:
                high = middle
            else:
                low = middle + 1
        if low:
            check_age(await self._made_at(due[0][1]), datetime.now(UTC))
        return len(self.plan.steps) if high == len(due) else due[high][0] + WINDOW

    async def _made_at(self, order: OrderStep) -> datetime | None:
        """When the node accepted an order; None when it has not."""
        try:
            answer = await self._client.get_reservation(order.reservation_id)
        except NotFound:
            return None
        return answer.reservation.create_time.ToDatetime(tzinfo=UTC)

    # Steps

    async def _take(self, index: int, step: Step, let_go: LetGo) -> None:
        if isinstance(step, FactsStep):
            await self._record(step)
            return
        if await self._was_refused(index, step):
            self._refusals_kept += 1
            self._books.enter_order(step, accepted=False)
            return
        is_accepted = await self._reserve(step)
        self._books.enter_order(step, accepted=is_accepted)
        let_go()  # what follows moves units from promised to gone: as many are available
        if is_accepted:
            await self._send_off(step)

    async def _was_refused(self, index: int, step: OrderStep) -> bool:
        """Whether an earlier run may have been refused this order: it must not be asked again."""
        if index >= self._asked_before or step.number not in self.plan.expected.refused:
            return False
        return await self._made_at(step) is None

    async def _reserve(self, step: OrderStep) -> bool:
        """Whether the node accepted an order."""
        held = await self._timed(
            "Reserve", self._client.reserve(step.reservation_id, step.lines, hold=HOLD)
        )
        if held.outcome == common.OUTCOME_ACCEPTED:
            return True
        # An earlier run has seen it through.
        if held.state == reservation.RESERVATION_STATE_FULFILLED:
            return True
        if held.refusal.code == common.REFUSAL_CODE_INSUFFICIENT_STOCK:
            return False
        raise BenchError(f"{step.reservation_id} was refused: {held.refusal.message}")

    async def _send_off(self, step: OrderStep) -> None:
        """Commit and fulfill an order."""
        client, reservation_id = self._client, step.reservation_id
        placed = await self._timed("Commit", client.commit(reservation_id, request_id="commit"))
        if placed.outcome != common.OUTCOME_ACCEPTED:
            raise BenchError(f"{reservation_id} was not committed: {placed.refusal.message}")
        sent = await self._timed("Fulfill", client.fulfill(reservation_id, request_id="fulfill"))
        if sent.outcome != common.OUTCOME_ACCEPTED:
            raise BenchError(f"{reservation_id} was not fulfilled: {sent.refusal.message}")

    async def _record(self, step: FactsStep) -> None:
        events = [_event(step.kind, fact) for fact in step.facts]
        recorded = await self._timed(
            "RecordStockEvents", self._client.record_stock_events(SOURCE, events)
        )
        outcomes = Counter(result.outcome for result in recorded.results)
        self._duplicates += outcomes[stock.STOCK_EVENT_OUTCOME_DUPLICATE]
        self._books.enter_facts(step)

    async def _timed(self, method: str, call: Awaitable[Answer]) -> Answer:
        started = perf_counter()
        answer = await call
        self._call_seconds[method].append(perf_counter() - started)
        return answer

    # After the last step

    async def _read_levels(self) -> dict[Level, NodeLevel]:
        levels = {}
        skus = self.plan.skus
        for start in range(0, len(skus), SKUS_MAX):
            answer = await self._timed(
                "BatchGetAvailability",
                self._client.batch_get_availability(skus[start : start + SKUS_MAX]),
            )
            for sku in answer.availabilities:
                for level in sku.levels:
                    levels[sku.sku, level.location] = NodeLevel(level.on_hand, level.available)
        return levels


def _event(kind: FactKind, fact: Fact) -> stock.StockEvent:
    return stock.StockEvent(
        event_id=fact.event_id,
        sku=fact.sku,
        location=fact.location,
        kind=EVENT_KINDS[kind],
        quantity=fact.quantity,
    )


def check_age(begun: datetime | None, now: datetime) -> None:
    """Raise BenchError for a replay so old that the node would count its facts again."""
    if begun is not None and now - begun > RESUMABLE:
        raise BenchError(
            f"this replay was begun on {begun:%Y-%m-%d}, and a node remembers the ids of stock "
            "events for 7 days: serve the data as it is, or take a new data directory"
        )
