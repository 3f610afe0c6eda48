"""A user of Locust who speaks gRPC, and the interceptor that times his calls.

Importing this makes gRPC work with gevent, for the whole process: it is for Locust's alone.
"""

import random
import sys
from time import perf_counter, sleep
from typing import Any, ClassVar

import grpc
import grpc.experimental.gevent
from locust import User
from locust.env import Environment

from holdfast.edge.client.session import CHANNEL_OPTIONS
from holdfast.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from holdfast.v1.common_pb2 import OUTCOME_REFUSED
from holdfast.v1.reservation_service_pb2_grpc import ReservationServiceStub
from holdfast.v1.stock_service_pb2_grpc import StockServiceStub

from .pacing import Pacing
from .tally import End, Tally
from .visits import Stubs, has_done_nothing

grpc.experimental.gevent.init_gevent()

# Under gevent, gRPC waits for each answer in a thread, which then has to get the interpreter from
# the thread of the greenlets; Python lets go of it every 5 ms. With 0.2 ms the p99 of Reserve was
# 16 to 35 ms instead of 33 to 76 ms, in six pairs of runs on two busy cores.
sys.setswitchinterval(0.0002)


class GrpcUser(User):  # type: ignore[misc]  # checks run without locust
    """A user with stubs of the node and visits at a fixed interval."""

    abstract = True
    interval_s: ClassVar[float]
    tally: ClassVar[Tally]
    #: One connection for all, as the shoppers of a web shop share that of their checkout service.
    _channel: ClassVar[Any] = None

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        if GrpcUser._channel is None:
            GrpcUser._channel = grpc.insecure_channel(environment.host, CHANNEL_OPTIONS)
        channel = grpc.intercept_channel(self._channel, Timer(self))
        self.stubs = Stubs(
            ReservationServiceStub(channel),  # type: ignore[no-untyped-call]
            AvailabilityServiceStub(channel),  # type: ignore[no-untyped-call]
            StockServiceStub(channel),  # type: ignore[no-untyped-call]
        )
        # Users who start together do not come together.
        first_due = perf_counter() + random.random() * self.interval_s
        self._pacing = Pacing(first_due, self.interval_s)
        self._first_call_due: float | None = None
        self._was_waiting = True

    def on_start(self) -> None:
        """Wait for the first visit."""
        sleep(max(0.0, self._pacing.due - perf_counter()))  # gevent's, by Locust's patch

    def on_stop(self) -> None:
        """Count what was due and will not come any more."""
        self.tally.visits_missed += self._pacing.backlog(perf_counter())

    def wait_time(self) -> float:
        """Seconds until the next visit is due."""
        wait_s = self._pacing.next_wait_s(perf_counter())
        self._was_waiting = wait_s > 0
        return wait_s

    def begin_visit(self) -> None:
        """Time the first call of a visit from when the visit was due."""
        self.tally.visits += 1
        self._first_call_due = self._pacing.due
        if self._was_waiting:
            self.tally.wake_late_ms.append((perf_counter() - self._pacing.due) * 1e3)

    def pop_due(self) -> float:
        """When the next call was due: now, unless it is the first of a visit."""
        due, self._first_call_due = self._first_call_due, None
        return perf_counter() if due is None else due


class Timer(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    """Times every call and tells Locust."""

    def __init__(self, user: GrpcUser) -> None:
        self._user = user

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        """The answered call; Locust has been told of it."""
        due = self._user.pop_due()
        call = continuation(details, request)
        error = call.exception()
        latency_ms = (perf_counter() - due) * 1e3
        response = None if error else call.result()
        self._user.environment.events.request.fire(
            request_type=_end(error, response),
            name=details.method.rpartition("/")[2],
            response_time=latency_ms,
            response_length=response.ByteSize() if response else 0,
            exception=error and f"{error.code().name}: {error.details()}",
            context={},
        )
        return call


def _end(error: Any, response: Any) -> End:
    if error is None:
        is_refused = getattr(response, "outcome", None) == OUTCOME_REFUSED
        return End.REFUSED if is_refused else End.ANSWERED
    return End.REFUSED_EARLY if has_done_nothing(error) else End.FAULT
