"""A client of a core in the same process: the requests are those of the real client, what they mean
and how it is answered is the server's, and in between there is an engine.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast, get_args

from holdfast.adapters.events import OrderEvent
from holdfast.adapters.runtime.divided import Divided, Parts
from holdfast.adapters.runtime.latest_states import LatestStates
from holdfast.adapters.runtime.orders import Orders
from holdfast.adapters.runtime.seen_lines import SeenLines
from holdfast.core.commands import Command, Outcome
from holdfast.core.model import Verb
from holdfast.core.work import finished
from holdfast.edge.client import Client, calls
from holdfast.edge.client.errors import error_from_status
from holdfast.edge.wire.availability import batch_availability_from_request
from holdfast.edge.wire.engine_faults import FaultOutcome, fault_from_outcome
from holdfast.edge.wire.faults import Fault, ledger_off
from holdfast.edge.wire.reservations import (
    fulfill_response,
    get_reservation_from_request,
    get_reservation_response,
    move_from_request,
    move_response,
    reserve_from_request,
    reserve_response,
)
from holdfast.edge.wire.shortfalls import shortfall_from_request, shortfall_response
from holdfast.edge.wire.stock_facts import events_from_request, events_response
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import reservation_service_pb2 as reservation
from tests.core.engine import Engine
from tests.core.script_answers import START_NS
from tests.model_facts import Availabilities

FAULTS = get_args(FaultOutcome)


class Killed(BaseException):
    """The process ends here."""


class _DividedInMemory:
    """How events were divided, without a store."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Parts] = {}

    def parts(self, source: str, id: str) -> Parts:  # noqa: A002
        return self._kept.get((source, id), {})

    async def note(self, source: str, id: str, parts: Parts) -> None:  # noqa: A002
        self._kept[source, id] = parts


class _LatestInMemory:
    """The times of the newest states, without a store."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self._kept: dict[str, datetime] = {}
        self._first: dict[str, datetime] = {}

    async def placed(self, event: OrderEvent) -> datetime:
        if event.placed_time is not None and event.placed_time <= self.now():
            return event.placed_time
        return self._first.setdefault(event.order, self.now())

    async def is_outdated(self, event: OrderEvent) -> bool:
        if event.time is None:
            return False
        kept = self._kept[event.order] = max(self._kept.get(event.order, event.time), event.time)
        return kept > event.time


class _SeenInMemory:
    """Lines of orders as they were last seen, without a store."""

    def __init__(self) -> None:
        self._kept: dict[str, list[reservation.Reservation]] = {}

    def of(self, order: str) -> dict[str, reservation.Reservation]:
        return {each.reservation_id: each for each in self._kept.get(order, [])}

    async def note(self, order: str, found: list[reservation.Reservation]) -> None:
        self._kept[order] = found


def orders_in_memory(client: Any) -> Orders:
    """Orders whose notes last as long as the process lives."""
    latest = cast(LatestStates, _LatestInMemory(lambda: _now_of(client)))
    divided = cast(Divided, _DividedInMemory())
    return Orders(cast(Client, client), divided, latest, cast(SeenLines, _SeenInMemory()))


def _now_of(client: Any) -> datetime:
    """The time of a core in memory; orders of real ones are not old."""
    now_ns = client.now_ns if isinstance(client, CoreClient) else START_NS
    return datetime.fromtimestamp(now_ns / 10**9, UTC)


class CoreClient:
    """The client's methods for reservations and facts. A test may let it be killed before or after
    a call, and let others do something before one.
    """

    def __init__(self, engine: Engine, now_ns: int) -> None:
        self.engine = engine
        self.now_ns = now_ns
        self.asked: list[str] = []
        """The names of the methods that were called."""
        self.calls_left: int | None = None
        """Calls that succeed until it is killed: the answer of the last of them is lost."""
        self.before: Callable[[str], object] = lambda _: None

    async def reserve(self, *args: Any, **options: Any) -> Any:
        call = calls.reserve(*args, **options)
        return self._asked("reserve", call.request, reserve_from_request, reserve_response)

    async def get_reservation(self, *args: Any) -> Any:
        request: Any = calls.get_reservation(*args).request
        command = get_reservation_from_request(request)
        return self._asked(
            "get_reservation",
            request,
            lambda _: command,
            lambda view: finished(get_reservation_response(command, view)),
        )

    async def batch_get_availability(self, *args: Any, **options: Any) -> Any:
        request: Any = calls.batch_get_availability(*args, **options).request
        return self._asked(
            "batch_get_availability",
            request,
            batch_availability_from_request,
            partial(_named, request.skus),
        )

    async def list_movements(self, **_: Any) -> Any:
        raise error_from_status(ledger_off().to_status())

    async def get_shortfall(self, *args: Any, **options: Any) -> Any:
        request = calls.get_shortfall(*args, **options).request
        return self._asked("get_shortfall", request, shortfall_from_request, shortfall_response)

    async def record_stock_events(self, *args: Any, **options: Any) -> Any:
        request = calls.record_stock_events(*args, **options).request
        return self._asked("record_stock_events", request, events_from_request, events_response)

    async def commit(self, *args: Any, **options: Any) -> Any:
        return self._moved(Verb.COMMIT, reservation.CommitResponse, args, options)

    async def release(self, *args: Any, **options: Any) -> Any:
        return self._moved(Verb.RELEASE, reservation.ReleaseResponse, args, options)

    async def cancel(self, *args: Any, **options: Any) -> Any:
        return self._moved(Verb.CANCEL, reservation.CancelResponse, args, options)

    async def fulfill(self, *args: Any, **options: Any) -> Any:
        request = calls.fulfill(*args, **options).request
        return self._asked(
            "fulfill", request, lambda each: move_from_request(Verb.FULFILL, each), fulfill_response
        )

    def _moved(self, verb: Verb, response: Any, args: Any, options: Any) -> Any:
        name = verb.name.lower()
        return self._asked(
            name,
            getattr(calls, name)(*args, **options).request,
            lambda each: move_from_request(verb, each),
            lambda outcome: move_response(response, outcome),
        )

    def _asked(
        self,
        name: str,
        request: Any,
        read: Callable[[Any], Command],
        write: Callable[[Any], Any],
    ) -> Any:
        self.before(name)
        self.asked.append(name)
        try:
            answer = write(self._outcome(read(request), request))
        except Fault as fault:
            raise error_from_status(fault.to_status()) from fault
        if self.calls_left is not None:
            self.calls_left -= 1
            if not self.calls_left:
                raise Killed
        return answer

    def _outcome(self, command: Command, request: Any) -> Outcome:
        (outcome,) = self.engine.turn([command], self.now_ns)
        if isinstance(outcome, FAULTS):
            raise fault_from_outcome(outcome, request)
        return outcome


def _named(
    skus: Sequence[str], answer: Availabilities
) -> availability.BatchGetAvailabilityResponse:
    """What a BatchGetAvailability answers, without levels."""
    unknown = [sku for sku, each in zip(skus, answer.views, strict=True) if each is None]
    known = [availability.Availability(sku=each.sku) for each in answer.views if each is not None]
    return availability.BatchGetAvailabilityResponse(availabilities=known, unknown_skus=unknown)
