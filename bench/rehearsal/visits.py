"""What visitors and feeds say to a node, and whether its answers can be right.

Every answer is checked on the spot against the books; what cannot be right raises. Knows gRPC's
stubs, but not Locust. Visits run in greenlets of one thread: between two calls nobody else writes.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import grpc

from holdfast.edge.client import calls
from holdfast.edge.client.errors import error_from_rpc
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock
from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED, REFUSAL_CODE_INSUFFICIENT_STOCK

from .books import Books, WrongAnswerError
from .profiles import Kind
from .shopping import Feed, Message, Shopping, Visit

#: As long as a checkout waits; the same as in Holdfast's client.
TIMEOUT_S = 5.0

#: After the end of a hold, so that a late payment is late on the node's clock too.
LATE_BY_S = 0.05


class Stubs(NamedTuple):
    """The node's services."""

    reservations: Any
    availability: Any
    stock: Any


@dataclass(slots=True)
class Shop:
    """What all visitors share."""

    shopping: Shopping
    books: Books
    clock: Callable[[], float]
    late: deque[tuple[float, Visit]] = field(default_factory=deque)
    """Payments to come, and when. In order, since all holds are equally long."""

    def visit(self, stubs: Stubs) -> None:
        """Pay what is to be paid late, or do what the next visitor does."""
        visitor = Visitor(self, stubs)
        if self.late and self.late[0][0] <= self.clock():
            visitor.pay(self.late.popleft()[1])
        else:
            visitor.shop(self.shopping.next())


@dataclass(frozen=True, slots=True)
class Visitor:
    """One visit."""

    where: Shop
    stubs: Stubs

    def shop(self, visit: Visit) -> None:
        """Do all of it but for a payment that comes late."""
        if visit.looks_first:
            self._look(visit)
        if visit.kind is Kind.LOOK or not self._reserve(visit):
            return
        if visit.kind is Kind.BUY and self.pay(visit):
            self._ship(visit)
        elif visit.kind is Kind.CHANGE_MIND:
            self._release(visit)
        elif visit.kind is Kind.PAY_LATE:
            pay_at = self.where.clock() + self.where.books.hold_s + LATE_BY_S
            self.where.late.append((pay_at, visit))

    def pay(self, visit: Visit) -> bool:
        """Whether a Commit was accepted. Before the hold can have ended it must not be refused."""
        books, name = self.where.books, visit.reservation_id
        request = calls.commit(name, request_id="pay").request
        answer = self._send(visit, self.stubs.reservations.Commit, request)
        now = self.where.clock()
        if answer.outcome == OUTCOME_ACCEPTED:
            books.committed(name, now)
            return True
        if now < books.hold_end(name):
            raise WrongAnswerError(f"Commit {name} in time: {answer}")
        return False

    def _look(self, visit: Visit) -> None:
        sku = visit.lines[0][0]
        self.where.shopping.count(1, visit)
        request = availability.GetAvailabilityRequest(sku=sku)
        answer = self.stubs.availability.GetAvailability(request, timeout=TIMEOUT_S)
        for level in answer.availability.levels:
            promised = level.reserved + level.committed
            if not 0 <= level.available == level.on_hand - promised:
                raise WrongAnswerError(f"GetAvailability of {sku}: {level}")

    def _reserve(self, visit: Visit) -> bool:
        books, name = self.where.books, visit.reservation_id
        request = _reserve_request(visit, books.hold_s)
        sent = self.where.clock()
        answer = self._send(visit, self.stubs.reservations.Reserve, request)
        if answer.outcome != OUTCOME_ACCEPTED:
            _check_sold_out(answer)
            return False
        books.reserved(name, visit.lines, sent, self.where.clock())
        if visit.clicks_twice:
            again = self._send(visit, self.stubs.reservations.Reserve, request)
            if again.outcome != OUTCOME_ACCEPTED or again.expire_time != answer.expire_time:
                raise WrongAnswerError(f"Reserve {name} again: {again}, was {answer}")
        return True

    def _ship(self, visit: Visit) -> None:
        name = visit.reservation_id
        request = calls.fulfill(name, request_id="ship").request
        answer = self._send(visit, self.stubs.reservations.Fulfill, request)
        if answer.outcome != OUTCOME_ACCEPTED:
            raise WrongAnswerError(f"Fulfill {name}: {answer}")
        self.where.books.fulfilled(name)

    def _release(self, visit: Visit) -> None:
        books, name = self.where.books, visit.reservation_id
        hold_end = books.hold_end(name)
        books.releasing(name, self.where.clock())
        request = calls.release(name, request_id="release").request
        answer = self._send(visit, self.stubs.reservations.Release, request)
        if answer.outcome != OUTCOME_ACCEPTED and self.where.clock() < hold_end:
            raise WrongAnswerError(f"Release {name} in time: {answer}")

    def _send(self, visit: Visit, method: Any, request: Any) -> Any:
        """The answer to a command; until it comes, the books have the reservation as unsettled."""
        books, name = self.where.books, visit.reservation_id
        books.sending(name)
        self.where.shopping.count(1, visit)
        try:
            answer = method(request, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            if has_done_nothing(error):
                books.answered(name)
            raise
        books.answered(name)
        return answer


def has_done_nothing(error: Any) -> bool:
    """Whether a node says of a call that failed that it did nothing and when to come back."""
    return error_from_rpc(error).retry_after_s is not None


def _reserve_request(visit: Visit, hold_s: float) -> reservation.ReserveRequest:
    request = reservation.ReserveRequest(
        reservation_id=visit.reservation_id,
        lines=[
            {"sku": sku, "location": location, "quantity": units}
            for sku, location, units in visit.lines
        ],
    )
    request.hold_duration.FromMilliseconds(round(hold_s * 1e3))
    return request


def _check_sold_out(answer: reservation.ReserveResponse) -> None:
    """A refused Reserve has to blame missing stock, with figures that add up."""
    lines = answer.refusal.lines
    is_right = answer.refusal.code == REFUSAL_CODE_INSUFFICIENT_STOCK and all(
        0 < line.missing == line.requested - line.available for line in lines
    )
    if not (is_right and lines):
        raise WrongAnswerError(f"Reserve: {answer}")


@dataclass(slots=True)
class Source:
    """An outside system that reports facts about stock."""

    feed: Feed
    books: Books
    clock: Callable[[], float]
    unanswered: Message | None = None

    def deliver(self, stubs: Stubs) -> None:
        """Send a message; the last one again if it was not answered, as a real source does."""
        allowed = {stock.STOCK_EVENT_OUTCOME_APPLIED}
        if self.unanswered is None:
            self.unanswered = self.feed.next()
            self.books.supplying(self.unanswered, self.clock())
        else:
            allowed.add(stock.STOCK_EVENT_OUTCOME_DUPLICATE)
        message = self.unanswered
        _record(stubs, message, allowed)
        self.unanswered = None
        self.books.supplied(message)
        if self.feed.is_redelivered():
            _record(stubs, message, {stock.STOCK_EVENT_OUTCOME_DUPLICATE})


def _record(stubs: Stubs, message: Message, allowed: set[stock.StockEventOutcome]) -> None:
    request = stock.RecordStockEventsRequest(source=message.source, events=message.events)
    answer = stubs.stock.RecordStockEvents(request, timeout=TIMEOUT_S)
    outcomes = {result.outcome for result in answer.results}
    if not outcomes <= allowed or len(answer.results) != len(message.events):
        names = ", ".join(sorted(map(stock.StockEventOutcome.Name, outcomes)))
        raise WrongAnswerError(f"RecordStockEvents of {message.source}: {names}")
