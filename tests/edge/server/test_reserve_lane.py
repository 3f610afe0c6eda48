"""The single-line lane: callers share a turn, and each is answered as if he had come alone."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from google.rpc import error_details_pb2, status_pb2

from holdfast.core.commands import (
    Location,
    RecordStockEvents,
    ReserveRun,
    RunCodes,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import key_from_text
from holdfast.core.limits import PLACES_MAX
from holdfast.core.model import EventKind, LocationKind
from holdfast.core.node import Node
from holdfast.edge.server.admission import Admission
from holdfast.edge.server.call_status import CallStatus
from holdfast.edge.server.context import CallContext
from holdfast.edge.server.endpoints import Endpoints
from holdfast.edge.server.lane_call import LaneCall
from holdfast.edge.server.log_writer import Sampler
from holdfast.edge.server.methods import PUBLIC, methods_of
from holdfast.edge.server.pump import ROUNDS_MAX, Pump
from holdfast.edge.server.reserve_lane import PostedRun
from holdfast.edge.server.service import Service
from holdfast.edge.server.statistics import CallCounters
from holdfast.persistence.codec import read_appends
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from tests.persistence.journals import MemoryAppender

ANYONE = CallContext()


class Defective:
    """An admission that fails with runs, in one of its methods."""

    def __init__(self, pump: Pump, defect: str) -> None:
        self.defect = defect
        self._sound = Admission(pump)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sound, name)

    def enter(self, command: Any, context: CallContext, ticket: Any) -> None:
        self._fail("enter", command)
        self._sound.enter(command, context, ticket)

    def expect(self, operation: Any, command: Any, outcome: Any) -> Any:
        self._fail("expect", command)
        return self._sound.expect(operation, command, outcome)

    def _fail(self, method: str, command: Any) -> None:
        if method == self.defect and isinstance(command, ReserveRun):
            raise ZeroDivisionError


class Shop:
    """A service over a node with ten units of Tea and of Mug, at W1."""

    def __init__(self, admission: Callable[[Pump], Any] = Admission, **settings: Any) -> None:
        self.appender = MemoryAppender()
        self.node = Node(4, **settings)
        self.failures: list[BaseException] = []
        self.pump = Pump(self.node, self.appender, lambda: 1, self.failures.append)
        self.admission = admission(self.pump)
        service = Service(self.admission)
        self.lane = service.lanes["Reserve"]
        endpoints = Endpoints(
            service, methods_of(PUBLIC), self.admission.admit, CallCounters(), Sampler(0),
            lanes=service.lanes,
        )  # fmt: skip
        self._reserve = next(each for each in endpoints.all if each.name.endswith("/Reserve"))

    async def stock(self, *skus: str) -> None:
        place = Location("W1", LocationKind.STORE, "W1", enabled=True)
        await self.admission.post(UpdateLocation(place), ANYONE)
        for number, sku in enumerate(skus):
            event = StockEvent(None, number + 1, sku, "W1", EventKind.RECEIPT, 10)
            await self.admission.post(RecordStockEvents("erp", (event,)), ANYONE)

    def ask(self, request: bytes, context: CallContext = ANYONE) -> "asyncio.Task[bytes]":
        return asyncio.ensure_future(self._reserve.respond(request, context))

    def begin(self, request: bytes, on_end: Any = lambda *_: None) -> LaneCall:
        """A call without a task."""
        assert self._reserve.begin is not None
        return self._reserve.begin(request, ANYONE, on_end)

    def knows(self, number: int) -> bool:
        """Whether there is a reservation of this number."""
        return bool(self.node.reservations.find(key_from_text(id_of(number))))

    async def until_it_knows(self, number: int) -> None:
        """Let the loop go on until there is one."""
        for _ in range(100):
            if not self.knows(number):
                await asyncio.sleep(0)
        assert self.knows(number)

    async def ask_all(self, *requests: bytes) -> list[Any]:
        """All answers, or the faults instead, to calls that come together."""
        asked = [self.ask(each) for each in requests]
        return list(await asyncio.gather(*asked, return_exceptions=True))


def id_of(number: int) -> str:
    """A UUID."""
    return f"00000000-0000-4000-8000-{number:012}"


def request(number: int, quantity: int = 1, sku: str = "Tea", **fields: Any) -> bytes:
    """A Reserve as a kernel can read it, but for these fields."""
    named = {"sku": sku, "location": "W1", "quantity": quantity}
    wanted = {"reservation_id": id_of(number), "lines": [named]}
    return bytes(reservation.ReserveRequest(**(wanted | fields)).SerializeToString())


def parsed(answer: bytes) -> reservation.ReserveResponse:
    """An answer as its caller reads it."""
    return reservation.ReserveResponse.FromString(answer)


def accepted(answers: list[bytes]) -> int:
    """How many of them hold something."""
    return [parsed(each).outcome for each in answers].count(common.OUTCOME_ACCEPTED)


def reason(status: CallStatus) -> str:
    """Why a call failed."""
    detail = error_details_pb2.ErrorInfo()
    assert status_pb2.Status.FromString(status.details).details[0].Unpack(detail)
    return str(detail.reason)


async def test_callers_share_a_turn() -> None:
    """And one append, in which what the first ones took is gone for the last."""
    shop = Shop()
    await shop.stock("Tea", "Mug")
    turns, appends = shop.pump.statistics().turns, shop.pump.statistics().appends
    asked = [request(number, 2, ("Tea", "Mug")[number % 2]) for number in range(12)]
    answers = await shop.ask_all(*asked)
    assert 10 == accepted(answers)
    refused = [parsed(each) for each in answers[10:]]
    assert [0, 0] == [each.refusal.lines[0].available for each in refused]
    assert (1, 1) == (
        shop.pump.statistics().turns - turns,
        shop.pump.statistics().appends - appends,
    )
    assert [("Tea", 2)] == [(line.sku, line.quantity) for line in parsed(answers[0]).lines]


async def test_callers_who_shared_a_turn_are_many() -> None:
    """So the next turn waits some rounds of the loop for the second of them."""
    shop = Shop()
    await shop.stock("Tea")
    await shop.ask_all(request(1), request(2))
    turns = shop.pump.statistics().turns
    first = shop.ask(request(3))
    for _ in range(3):
        await asyncio.sleep(0)
    second = shop.ask(request(4))
    assert 2 == accepted(list(await asyncio.gather(first, second)))
    assert turns + 1 == shop.pump.statistics().turns


async def test_what_takes_more_than_a_code_is_answered_as_ever() -> None:
    """In one turn with the others, or in the next where that can be known in no other way."""
    shop = Shop()
    await shop.stock("Tea")
    first = await shop.ask(request(1))
    two_lines = [{"sku": "Tea", "location": "W1", "quantity": 1, "line_id": each} for each in "ab"]
    repeated, changed, unknown, owned, text, many, bad, taken = await shop.ask_all(
        request(1),
        request(1, 2),
        request(2, sku="No such"),
        request(3, owner="Ann"),
        request(0, reservation_id="order 7"),
        request(4, lines=two_lines),
        request(5, 0),
        request(6),
    )
    assert parsed(repeated).repeated_request
    assert parsed(first).expire_time == parsed(repeated).expire_time
    assert ["ID_REUSED", "UNKNOWN_SKU"] == [reason(changed), reason(unknown)]
    assert "INVALID_ARGUMENT" == bad.code.name
    assert 4 == accepted([owned, text, many, taken])


async def test_an_id_that_comes_twice_at_once_holds_once() -> None:
    """The second is a repeat of the first."""
    shop = Shop()
    await shop.stock("Tea")
    first, second = map(parsed, await shop.ask_all(request(1), request(1)))
    assert (False, True) == (first.repeated_request, second.repeated_request)
    assert first.lines == second.lines


async def test_what_nobody_waits_for_is_not_reserved() -> None:
    """A caller who went away before the turn, and one whose call is ended twice."""
    shop = Shop()
    await shop.stock("Tea")
    ends: list[object] = []
    leaving = shop.begin(request(1), lambda _answer, error: ends.append(error))
    leaving.start()
    staying = shop.ask(request(2))
    leaving.cancel()
    leaving.cancel()
    assert 1 == accepted([await staying])
    assert not shop.knows(1)
    assert [asyncio.CancelledError] == [type(end) for end in ends]


async def test_a_caller_who_leaves_during_the_turn_keeps_nobody_from_his_answer() -> None:
    """His units are held, as those of any call whose answer got lost."""
    shop = Shop()
    await shop.stock("Tea")
    leaving, staying = shop.ask(request(1)), shop.ask(request(2))
    await shop.until_it_knows(1)
    leaving.cancel()
    assert 1 == accepted([await staying])


async def test_a_caller_leaves_who_goes_on_alone() -> None:
    """His call ends where it waits then."""
    shop = Shop()
    await shop.stock("Tea")
    ends: list[object] = []
    leaving = shop.begin(request(1, owner="Ann"), lambda _answer, error: ends.append(error))
    leaving.start()
    await shop.until_it_knows(1)
    leaving.cancel()
    await shop.pump.drain()
    assert [asyncio.CancelledError] == [type(end) for end in ends]


async def test_as_much_waits_as_a_mailbox_takes() -> None:
    """What comes then is refused, with the time when to come again."""
    shop = Shop(mailbox_capacity=6)
    await shop.stock("Tea")
    held, refused = await shop.ask_all(request(1), request(2))
    assert parsed(held).outcome == common.OUTCOME_ACCEPTED
    assert "OVERLOADED" == reason(refused)
    assert 1 == shop.admission.refused_overload


async def test_what_is_too_long_for_the_lane_does_not_wait_there() -> None:
    """Callers could fill the memory with requests of megabytes while the disk stands still."""
    shop = Shop()
    await shop.stock("Tea")
    shop.begin(request(1, owner="A" * 128)).start()
    assert "<ReserveLane: 0 wait>" == repr(shop.lane)
    await shop.until_it_knows(1)


async def test_a_turn_does_not_wait_for_those_who_go_on_alone() -> None:
    """One comes in every round of the loop."""
    shop = Shop()
    await shop.stock("Tea")
    first = shop.ask(request(1))
    for number in range(2, ROUNDS_MAX):
        shop.begin(request(number, owner="Ann")).start()
        await asyncio.sleep(0)
    assert shop.knows(1)
    assert parsed(await first).outcome == common.OUTCOME_ACCEPTED


@pytest.mark.parametrize("defect", ["enter", "expect"])
async def test_nobody_is_left_without_an_answer_by_a_defect_of_ours(defect: str) -> None:
    """Before the turn or after it; and the next are answered as ever."""
    shop = Shop(partial(Defective, defect=defect))
    await shop.stock("Tea")
    answers = await shop.ask_all(request(1), request(2))
    assert ["INTERNAL"] * 2 == [reason(each) for each in answers]
    assert isinstance(shop.admission, Defective)
    shop.admission.defect = ""
    assert 1 == accepted([await shop.ask(request(3))])


async def test_answers_wait_for_the_journal() -> None:
    """They are made while it writes, and given when it has written."""
    shop = Shop()
    await shop.stock("Tea")
    shop.appender.is_held = True
    asked = [shop.ask(request(1)), shop.ask(request(2))]
    await shop.until_it_knows(1)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not any(each.done() for each in asked)
    shop.appender.let_go()
    assert 2 == accepted(list(await asyncio.gather(*asked)))


async def test_a_defect_in_making_answers_fails_calls_and_not_the_node() -> None:
    """Made early or not, the answers fail when they are due."""
    shop = Shop()
    ends: list[BaseException | None] = []
    call = shop.begin(request(1), lambda _answer, error: ends.append(error))
    defective: Any = None
    posted = PostedRun(shop.admission, defective, [call])
    outcome = RunCodes(np.zeros(1, np.uint8), np.zeros(1, np.int64), 0, ())
    shop.pump.prepare([(posted, outcome)])
    assert not ends
    posted.set_result(outcome)
    assert ["INTERNAL"] == [reason(each) for each in ends if isinstance(each, CallStatus)]


async def test_where_a_table_is_nearly_full_each_is_judged_by_itself() -> None:
    """A run that does not fit is no reason to refuse those of it that do."""
    shop = Shop(rows_max=4)
    await shop.stock("Tea")
    answers = await shop.ask_all(*map(request, range(1, 7)))
    assert [common.OUTCOME_ACCEPTED] * 4 == [parsed(each).outcome for each in answers[:4]]
    assert ["TABLE_FULL"] * 2 == [reason(each) for each in answers[4:]]


async def test_ids_of_callers_reach_the_journal() -> None:
    """Each with the reservation that it made, and not with one that it did not."""
    shop = Shop()
    await shop.stock("Tea")
    contexts = [CallContext(correlation=each) for each in ("a", None, "c", "d")]
    quantities = (1, 1, 11, 2)
    asked = [
        shop.ask(request(number, quantity), context)
        for number, (quantity, context) in enumerate(zip(quantities, contexts, strict=True), 1)
    ]
    await asyncio.gather(*asked)
    *_, (_, group) = read_appends(shop.appender.journal, 0, {})
    effects_of = {section.name: effects for section, effects in group[-1].entry.sections}
    assert b"\x01a\x01d" == effects_of["CORRELATION_TEXTS"].tobytes()
    spans = effects_of["CORRELATIONS"][["start", "count"]].tolist()
    assert [(0, 1), (2, 1)] == spans


async def test_a_drain_waits_for_the_lane() -> None:
    """Nobody who was let in is left without an answer."""
    shop = Shop()
    await shop.stock("Tea")
    asked = [shop.ask(request(number)) for number in range(1, 6)]
    await asyncio.sleep(0)
    await shop.pump.drain()
    assert all(parsed(each.result()).outcome == common.OUTCOME_ACCEPTED for each in asked)


@pytest.mark.parametrize("count", [1_024, 1_025, 3_000])
async def test_many_come_at_once(count: int) -> None:
    """More than one run takes."""
    shop = Shop(mailbox_capacity=PLACES_MAX)
    await shop.stock("Tea")
    answers = await shop.ask_all(*map(request, range(1, count + 1)))
    assert 10 == accepted(answers)
    assert {"INSUFFICIENT_STOCK"} == {
        common.RefusalCode.Name(parsed(each).refusal.code).removeprefix("REFUSAL_CODE_")
        for each in answers[10:]
    }
