"""Visitors go through their visits, keep the books, and catch every answer that cannot be right."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import grpc
import pytest

from bench.rehearsal.books import Books, Level, WrongAnswerError
from bench.rehearsal.profiles import Kind, Run
from bench.rehearsal.shopping import EVENTS_A_MESSAGE, Feed, Shopping, Visit
from bench.rehearsal.visits import Shop, Source, Stubs, Visitor
from holdfast.core.model import Verb
from holdfast.edge.wire.availability import availability_from_request
from holdfast.edge.wire.faults import overloaded
from holdfast.edge.wire.reservations import move_from_request, reserve_from_request
from holdfast.edge.wire.stock_facts import events_from_request
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock

ROW = ("MUG", "STORE")
VISIT = Visit(Kind.BUY, "r-1", (("MUG", "STORE", 1),), looks_first=False, clicks_twice=False)
RUN = Run("r", "stock-storm", users=10, rate=10.0, seconds=60.0)

ACCEPTED, REFUSED = common.OUTCOME_ACCEPTED, common.OUTCOME_REFUSED
APPLIED = stock.STOCK_EVENT_OUTCOME_APPLIED
DUPLICATE = stock.STOCK_EVENT_OUTCOME_DUPLICATE


class Fault(grpc.RpcError):  # type: ignore[misc]
    """A call that failed."""

    def __init__(self, code: grpc.StatusCode, status: bytes = b"") -> None:
        self._code = code
        self._status = status

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return "it failed"

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        return (("grpc-status-details-bin", self._status),)


#: What a node makes of requests. Raises what it refuses them with.
READ: dict[str, Callable[[Any], object]] = {
    "Reserve": reserve_from_request,
    "Commit": partial(move_from_request, Verb.COMMIT),
    "Fulfill": partial(move_from_request, Verb.FULFILL),
    "Release": partial(move_from_request, Verb.RELEASE),
    "GetAvailability": availability_from_request,
    "RecordStockEvents": events_from_request,
}


class Node:
    """Reads requests as a node does, and answers as it is told to; a call takes a second of its
    clock.
    """

    def __init__(self, **answers: Any) -> None:
        self.now = 0.0
        self.called: list[str] = []
        self._answers = {
            "Reserve": reservation.ReserveResponse(outcome=ACCEPTED),
            "Commit": reservation.CommitResponse(outcome=ACCEPTED),
            "Fulfill": reservation.FulfillResponse(outcome=ACCEPTED),
            "Release": reservation.ReleaseResponse(outcome=ACCEPTED),
            "GetAvailability": availability.GetAvailabilityResponse(),
        } | answers

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def method(request: Any, timeout: float) -> Any:
            assert timeout > 0
            READ[name](request)
            self.now += 1
            self.called.append(name)
            answer = self._answers[name]
            if isinstance(answer, list):
                answer = answer.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return method

    @property
    def stubs(self) -> Stubs:
        return Stubs(self, self, self)


def visit(node: Node, **changes: Any) -> Shop:
    """Let one visitor come, with six seconds of hold."""
    shop = Shop(Shopping(RUN), Books({ROW: 1}, hold_s=6.0), lambda: node.now)
    Visitor(shop, node.stubs).shop(replace(VISIT, **changes))
    return shop


def level(shop: Shop) -> Level:
    (found,) = shop.books.levels()
    return found


@pytest.mark.parametrize(
    ("kind", "calls"),
    [
        (Kind.LOOK, "GetAvailability"),
        (Kind.BUY, "GetAvailability Reserve Commit Fulfill"),
        (Kind.CHANGE_MIND, "GetAvailability Reserve Release"),
        (Kind.ABANDON, "GetAvailability Reserve"),
        (Kind.PAY_LATE, "GetAvailability Reserve"),
    ],
)
def test_each_kind_of_visit_calls_what_it_says(kind: Kind, calls: str) -> None:
    node = Node()
    shop = visit(node, kind=kind, looks_first=True)
    assert calls.split() == node.called
    assert len(node.called) == shop.shopping.calls


def test_what_is_bought_is_shipped_in_the_books() -> None:
    assert Level(*ROW, on_hand=0) == level(visit(Node()))


def test_a_late_payment_comes_when_the_hold_has_ended_and_before_the_next_visitor() -> None:
    node = Node(Commit=reservation.CommitResponse(outcome=REFUSED))
    shop = visit(node, kind=Kind.PAY_LATE)
    node.now = 7.0
    shop.visit(node.stubs)
    assert "Commit" not in node.called
    node.now = 7.1
    node.called.clear()
    shop.visit(node.stubs)
    assert ["Commit"] == node.called
    assert not shop.late


def test_a_late_payment_that_is_accepted_is_in_the_books() -> None:
    node = Node()
    shop = visit(node, kind=Kind.PAY_LATE)
    node.now = 8.0
    shop.visit(node.stubs)
    assert Level(*ROW, on_hand=1, committed=1) == level(shop)


def test_sold_out_ends_a_visit_and_promises_nothing() -> None:
    node = Node(Reserve=sold_out(missing=1))
    shop = visit(node)
    assert ["Reserve"] == node.called
    assert Level(*ROW, on_hand=1) == level(shop)
    assert not shop.books.unsettled


def sold_out(missing: int) -> reservation.ReserveResponse:
    line = common.RefusedLine(sku="MUG", location="STORE", requested=1, missing=missing)
    code = common.REFUSAL_CODE_INSUFFICIENT_STOCK
    refusal = common.Refusal(code=code, lines=[line])
    return reservation.ReserveResponse(outcome=REFUSED, refusal=refusal)


def expiring(second: int) -> reservation.ReserveResponse:
    return reservation.ReserveResponse(outcome=ACCEPTED, expire_time={"seconds": second})


@pytest.mark.parametrize(
    ("changes", "answers"),
    [
        ({}, {"Reserve": sold_out(missing=2)}),
        ({}, {"Reserve": reservation.ReserveResponse(outcome=REFUSED)}),
        ({}, {"Commit": reservation.CommitResponse(outcome=REFUSED)}),
        ({}, {"Fulfill": reservation.FulfillResponse(outcome=REFUSED)}),
        ({"kind": Kind.CHANGE_MIND}, {"Release": reservation.ReleaseResponse(outcome=REFUSED)}),
        ({"clicks_twice": True}, {"Reserve": [expiring(1), expiring(2)]}),
        ({"clicks_twice": True}, {"Reserve": [expiring(1), sold_out(missing=1)]}),
    ],
    ids=[
        "shortfall does not add up",
        "refused without a reason",
        "paid in time and refused",
        "committed and not shipped",
        "given back in time and refused",
        "second click moves the end",
        "second click is refused",
    ],
)
def test_an_answer_that_cannot_be_right_is_caught(
    changes: dict[str, Any], answers: dict[str, Any]
) -> None:
    with pytest.raises(WrongAnswerError):
        visit(Node(**answers), **changes)


@pytest.mark.parametrize(
    "figures",
    [
        {"on_hand": 1, "reserved": 2, "available": -1},
        {"on_hand": 3, "reserved": 1, "committed": 1, "available": 2},
    ],
)
def test_availability_that_is_negative_or_does_not_add_up_is_caught(
    figures: dict[str, int],
) -> None:
    answer = availability.GetAvailabilityResponse()
    answer.availability.levels.add(**figures)
    with pytest.raises(WrongAnswerError):
        visit(Node(GetAvailability=answer), looks_first=True)


def test_a_payment_after_the_hold_may_be_refused() -> None:
    """The node was slow: the answer came when the hold could have ended."""
    node = Node(Commit=reservation.CommitResponse(outcome=REFUSED))
    shop = Shop(Shopping(RUN), Books({ROW: 1}, hold_s=1.5), lambda: node.now)
    Visitor(shop, node.stubs).shop(VISIT)
    assert Level(*ROW, on_hand=1) == level(shop)


@pytest.mark.parametrize(
    ("status", "unsettled"),
    [(b"", {"r-1"}), (overloaded(0, 4096).to_status().SerializeToString(), set())],
    ids=["gRPC's own", "overloaded"],
)
def test_a_command_that_failed_is_unsettled_unless_it_did_nothing(
    status: bytes, unsettled: set[str]
) -> None:
    node = Node(Commit=Fault(grpc.StatusCode.UNAVAILABLE, status))
    shop = Shop(Shopping(RUN), Books({ROW: 1}, hold_s=6.0), lambda: node.now)
    with pytest.raises(Fault):
        Visitor(shop, node.stubs).shop(VISIT)
    assert unsettled == shop.books.unsettled


def results(outcome: stock.StockEventOutcome) -> stock.RecordStockEventsResponse:
    each = stock.StockEventResult(outcome=outcome)
    return stock.RecordStockEventsResponse(results=[each] * EVENTS_A_MESSAGE)


def source() -> Source:
    return Source(Feed(RUN, 0), Books(RUN.stock, 6.0), lambda: 0.0)


def test_a_source_sends_again_what_was_not_answered_and_counts_it_once() -> None:
    fault = Fault(grpc.StatusCode.UNAVAILABLE)
    node = Node(RecordStockEvents=[fault, results(DUPLICATE)])
    one = source()
    with pytest.raises(Fault):
        one.deliver(node.stubs)
    one.deliver(node.stubs)
    sent = Feed(RUN, 0).next()
    changed = {(each.sku, each.location): each.on_hand for each in one.books.levels()}
    assert all(changed[row] == RUN.stock[row] + units for row, units in sent.supplied.items())
    assert one.unanswered is None


def test_a_fact_that_is_new_and_has_no_effect_is_caught() -> None:
    with pytest.raises(WrongAnswerError, match="DUPLICATE"):
        source().deliver(Node(RecordStockEvents=results(DUPLICATE)).stubs)


def test_a_fact_that_has_its_effect_twice_is_caught() -> None:
    one = source()
    stubs = Node(RecordStockEvents=results(APPLIED)).stubs

    def deliver_many() -> None:  # some of them twice
        for _ in range(200):
            one.deliver(stubs)

    with pytest.raises(WrongAnswerError, match="APPLIED"):
        deliver_many()
