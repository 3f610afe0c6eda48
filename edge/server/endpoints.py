"""From bytes to a method and back, for every RPC alike, whatever server the bytes come through.

This file does what is the same for every call: it reads and writes the bytes, turns a fault into
the status of the call, counts the call, and logs a line if the call asks for it; an ordinary call
logs nothing. A transport hands an endpoint what came in and the context of the call, and sends what
comes out.
"""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from functools import partial
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from holdfast.v1.common_pb2 import OUTCOME_REFUSED

from ..wire import faults
from ..wire.encoding import Encoded
from ..wire.faults import Fault
from ..wire.packed import has_columns, twin
from ..wire.weighing import LIGHT_BYTES, Scales
from .call_status import CallStatus
from .context import CallContext
from .lane_call import Encodable, Lane, LaneCall, LaneMethod, OnEnd, answered
from .log_writer import Sampler
from .methods import Kind, endpoint_name, kind_of
from .open_streams import OpenStreams
from .reading import LONG_BYTES, ReadingRounds
from .statistics import CallCounters
from .taskless import Driven

log = structlog.get_logger()

Parse = Callable[[bytes], Message]
Respond = Callable[[bytes, CallContext], Awaitable[bytes]]
RespondWithStream = Callable[[bytes, CallContext], AsyncIterator[bytes]]
RespondToStream = Callable[[AsyncIterator[bytes], CallContext], AsyncIterator[bytes]]

#: A caller resets a call whose deadline has passed. By our clock that is early: by some
#: milliseconds, by as much as gRPC rounds a deadline up (a hundredth at most), and by the time that
#: the call waited to be read. So a call that ends in the last tenth of its time counts as late.
DEADLINE_SLACK_S = 0.005
DEADLINE_SLACK_SHARE = 0.1

#: A service has none, unless it says so.
NO_LANES: Final[Mapping[str, Lane]] = MappingProxyType({})

#: What is packed in columns takes microseconds to read, and need not wait for other requests.
ANY_LENGTH: Final = sys.maxsize


class Endpoint(NamedTuple):
    """A method, as a transport serves it."""

    name: str
    """Its full name, as on the wire: `/holdfast.v1.ReservationService/Reserve`."""
    kind: Kind
    respond: Callable[[Any, CallContext], Any]
    """Of one of the forms above: takes the request's bytes, or an iterator of those of each
    message, and the context of the call. Raises the `CallStatus` that a failed call ends with.
    """
    begin: Callable[[bytes, CallContext, OnEnd], LaneCall] | None = None
    """The same without a coroutine, where the method has such a form."""

    def unary_call(
        self, loop: asyncio.AbstractEventLoop, data: bytes, context: CallContext, on_end: OnEnd
    ) -> Driven[bytes] | LaneCall:
        """A call of a unary method, to be started; it needs no task."""
        if self.begin is not None:
            return self.begin(data, context, on_end)
        return Driven(loop, self.respond(data, context), on_end)


class Endpoints:
    """Makes an endpoint of each method.

    `service` has a method of each descriptor's name, which takes the request, or an iterator of
    them, and a CallContext. `admit` raises the `Fault` with which a call is refused unread. `lanes`
    are those in which calls wait together, by the name of their method.
    """

    def __init__(
        self,
        service: object,
        descriptors: Iterable[MethodDescriptor],
        admit: Callable[[CallContext], None],
        counters: CallCounters,
        sampler: Sampler,
        clock: Callable[[], float] = perf_counter,
        *,
        lanes: Mapping[str, Lane] = NO_LANES,
    ) -> None:
        self.open_streams = OpenStreams()
        self._reading = ReadingRounds()
        self._clock = clock
        self._admit = admit
        self._counters = counters
        self._sampler = sampler
        self._loop_time = asyncio.get_running_loop().time
        self.all: Final = tuple(
            self._endpoint(descriptor, getattr(service, descriptor.name), lanes)
            for descriptor in descriptors
        )

    def _endpoint(
        self, descriptor: MethodDescriptor, method: Callable[..., Any], lanes: Mapping[str, Lane]
    ) -> Endpoint:
        name, kind = endpoint_name(descriptor), kind_of(descriptor)
        respond = self._respond(descriptor, method)
        lane = lanes.get(descriptor.name)
        if lane is None:
            return Endpoint(name, kind, respond)
        shared = self._lane_method(descriptor.name, lane, respond)
        return Endpoint(name, kind, partial(answered, shared), partial(LaneCall, shared))

    def _lane_method(self, name: str, lane: Lane, alone: Any) -> LaneMethod:
        """What all calls of a method share that wait in a lane."""

        def ended(
            result: Encodable | Exception | None, started: float, call: CallContext
        ) -> BaseException:
            error: BaseException = asyncio.CancelledError()
            code = ""
            if isinstance(result, Exception):
                fault = _fault_of(result, name, call)
                code = fault.code.name
                error = _status_of(fault, name, call)
            elif result is not None:
                code = _code_of(result)
            self._counters.record_seconds(name, self._clock() - started)
            self._end(name, code, started, call)
            return error

        return LaneMethod(lane, self._admit, alone, ended, self._clock, asyncio.get_running_loop())

    def _respond(
        self, descriptor: MethodDescriptor, method: Callable[..., Any]
    ) -> Callable[..., Any]:
        request_class: Any = GetMessageClass(descriptor.input_type)
        is_packed = has_columns(request_class)
        parse = _parser(twin(request_class) if is_packed else request_class)
        name = descriptor.name
        long_bytes = ANY_LENGTH if is_packed else LONG_BYTES
        if descriptor.client_streaming:
            return self._both_ways(name, parse, method, long_bytes)
        if descriptor.server_streaming:
            return self._one_way(name, parse, method)
        can_refuse = "outcome" in descriptor.output_type.fields_by_name
        return self._unary(name, parse, method, long_bytes, can_refuse=can_refuse)

    def _unary(
        self,
        name: str,
        parse: Parse,
        method: Callable[[Any, CallContext], Awaitable[Any]],
        long_bytes: int,
        *,
        can_refuse: bool,
    ) -> Respond:
        admit = self._admit

        async def respond(data: bytes, call: CallContext, started: float | None = None) -> bytes:
            started = self._clock() if started is None else started
            code = ""
            try:
                admit(call)
                if len(data) > long_bytes:
                    await self._reading.wait(len(data))
                response = await method(parse(data), call)
                code = _code_of(response) if can_refuse else "OK"
            except Exception as error:
                fault = _fault_of(error, name, call)
                code = fault.code.name
                raise _status_of(fault, name, call) from error
            finally:
                self._counters.record_seconds(name, self._clock() - started)
                self._end(name, code, started, call)
            answer: bytes = response.SerializeToString()
            return answer

        return respond

    def _both_ways(
        self,
        name: str,
        parse: Parse,
        method: Callable[[AsyncIterator[Message | Fault], CallContext], AsyncIterator[Message]],
        long_bytes: int,
    ) -> RespondToStream:
        """Answers each message of a stream, in their order."""

        async def respond(
            requests: AsyncIterator[bytes], call: CallContext
        ) -> AsyncIterator[bytes]:
            arrivals: deque[float] = deque()

            async def parsed() -> AsyncIterator[Message | Fault]:
                async for data in requests:
                    arrivals.append(self._clock())
                    if len(data) > long_bytes:
                        await self._reading.wait(len(data))
                    yield _parsed(parse, data)

            def responses() -> AsyncIterator[Message]:
                self._admit(call)
                return method(parsed(), call)

            async for answer in self._streamed(name, responses, call):
                # From the message to its answer: what the sender takes between two messages, or
                # the reader over an answer, is not our time.
                self._counters.record_seconds(name, self._clock() - arrivals.popleft())
                yield answer

        return respond

    def _one_way(
        self,
        name: str,
        parse: Parse,
        method: Callable[[Any, CallContext], AsyncIterator[Message | Encoded]],
    ) -> RespondWithStream:
        """Answers one message with a stream, which goes on until the caller or the node ends it."""

        def respond(data: bytes, call: CallContext) -> AsyncIterator[bytes]:
            def responses() -> AsyncIterator[Message | Encoded]:
                self._admit(call)
                return self.open_streams.until_end(method(parse(data), call))

            return self._streamed(name, responses, call)

        return respond

    async def _streamed(
        self,
        name: str,
        responses: Callable[[], AsyncIterator[Message | Encoded]],
        call: CallContext,
    ) -> AsyncIterator[bytes]:
        """The bytes of a stream's responses; its end, whatever it is, is counted once."""
        started = self._clock()
        code = ""
        try:
            async for response in responses():
                yield response.SerializeToString()
            code = "OK"
        except Exception as error:
            fault = _fault_of(error, name, call)
            code = fault.code.name
            raise _status_of(fault, name, call) from error
        finally:
            self._end(name, code, started, call)

    def _end(self, name: str, code: str, started: float, call: CallContext) -> None:
        """Count a call, and log it when its caller wants that. Without a code it was cancelled."""
        seconds = self._clock() - started
        code = code or self._code_of_cancelled(call, seconds)
        self._counters.record_end(name, code)
        if call.log_id is not None and self._sampler.takes(self._loop_time()):
            ms = round(seconds * 1e3, 3)
            log.info("call", method=name, code=code, ms=ms, correlation_id=call.log_id)

    def _code_of_cancelled(self, call: CallContext, seconds: float) -> str:
        """Whether a caller went away because the deadline had passed, or for another reason."""
        if call.deadline_s is None:
            return "CANCELLED"
        left_s = call.deadline_s - self._loop_time()
        slack_s = DEADLINE_SLACK_S + (seconds + left_s) * DEADLINE_SLACK_SHARE
        return "DEADLINE_EXCEEDED" if left_s <= slack_s else "CANCELLED"


def _code_of(response: Any) -> str:
    """What a call is counted as that was answered."""
    return "REFUSED" if response.outcome == OUTCOME_REFUSED else "OK"


def _parser(message_class: type[Message]) -> Parse:
    from_string = message_class.FromString
    scales = Scales(message_class.DESCRIPTOR)

    def parse(data: bytes) -> Message:
        if len(data) > LIGHT_BYTES:
            scales.check(data)
        try:
            return from_string(data)
        except DecodeError as error:
            raise faults.malformed(str(error)) from error

    return parse


def _parsed(parse: Parse, data: bytes) -> Message | Fault:
    """A message of a stream, or why it is none: the stream has to go on."""
    try:
        return parse(data)
    except Fault as fault:
        return fault


def _fault_of(error: Exception, name: str, call: CallContext) -> Fault:
    """The fault that an exception is. Any other exception is a defect of ours: the log has it, the
    caller does not.
    """
    if isinstance(error, Fault):
        return error
    log.error("call failed", method=name, correlation_id=call.log_id, exc_info=error)
    return faults.internal(call.log_id)


def _status_of(fault: Fault, name: str, call: CallContext) -> CallStatus:
    """What the call of a fault ends with."""
    log.debug("fault", method=name, fault=str(fault), correlation_id=call.log_id)
    return CallStatus.of(fault)
