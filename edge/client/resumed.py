"""Watches that resume by themselves after a lost connection, once for each of gRPC's stacks."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractContextManager

import grpc
import grpc.aio

from .closing import Waits
from .errors import error_from_rpc
from .methods import Response
from .session import Session
from .streams import Ending, ended_early
from .watching import Watch


async def resumed(
    session: Session,
    waits: Waits,
    sleep: Callable[[float], Awaitable[object]],
    watch: Watch[Response],
    correlation_id: str | None,
) -> AsyncGenerator[Response, None]:
    """The responses of a watch, without end, for as long as a call would be retried."""
    attempts = None
    while True:
        waits.check_open()
        stream = session.start_watch(watch, correlation_id)
        ending = Ending(stream)
        error = ended_early()
        try:
            while (response := await waits.until_closed(stream.read)) is not grpc.aio.EOF:
                attempts = None
                watch.note(watch.request, response)
                yield response
        except grpc.RpcError as rpc_error:
            error = await ending.error(rpc_error)
        finally:
            stream.cancel()
        attempts = attempts or session.mending()
        await sleep(session.wait_s(attempts, error))


def resumed_in_thread(
    session: Session,
    until_closed: Callable[[], AbstractContextManager[None]],
    sleep: Callable[[float], object],
    watch: Watch[Response],
    correlation_id: str | None,
) -> Generator[Response, None, None]:
    """The same for threads."""
    attempts = None
    while True:
        with until_closed():
            stream = session.start_watch(watch, correlation_id)
        error = ended_early()
        try:
            with until_closed():
                for response in stream:
                    attempts = None
                    watch.note(watch.request, response)
                    yield response
        except grpc.RpcError as rpc_error:
            error = error_from_rpc(rpc_error)
        finally:
            stream.cancel()
        attempts = attempts or session.mending()
        sleep(session.wait_s(attempts, error))
