"""A front, as a program: gRPC for callers, frames for the engine, nothing decided.

    python -m holdfast.edge.server.fronts.front ADDRESS MESSAGE_BYTES_MAX TRANSPORT

Its standard input is the connection to the engine. It ends when that does.
"""

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import uvloop

from holdfast.persistence.journal_process.protocol import IGNORED_SIGNALS

from ..methods import PUBLIC, methods_of, service_names
from ..transports.choice import transport_class
from ..transports.event_loop import EventLoop
from ..transports.transport import Transport
from .front_end import FrontEnd

#: How a process of Linux says that it should be the first to end when memory is short
#: (https://man7.org/linux/man-pages/man5/proc_pid_oom_score_adj.5.html).
OOM_SCORE: Final = Path("/proc/self/oom_score_adj")


def main() -> None:
    """Serve until the engine says stop, or is gone."""
    with suppress(OSError):  # another system, or one that forbids it
        OOM_SCORE.write_text("1000")
    for number in IGNORED_SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # they reach all processes: the engine says when
    signal.pthread_sigmask(signal.SIG_UNBLOCK, IGNORED_SIGNALS)
    serving = serve(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    uvloop.run(serving, loop_factory=EventLoop)


async def serve(address: str, message_bytes_max: int, transport_name: str) -> None:
    """Carry calls between a port that other fronts share and the engine."""
    loop = asyncio.get_running_loop()
    stopping: asyncio.Future[float] = loop.create_future()
    has_status = asyncio.Event()

    def set_serving(is_serving: bool) -> None:
        transport.set_serving(is_serving=is_serving)
        has_status.set()

    # Without its engine it can answer nothing: callers see that by the end of its connections.
    end = FrontEnd(set_serving, stopping.set_result, die)
    transport: Transport = transport_class(transport_name)(
        end.endpoints(methods_of(PUBLIC)), service_names(PUBLIC), address, message_bytes_max,
        shares_port=True,
    )  # fmt: skip
    engine = socket.socket(fileno=sys.stdin.fileno())
    await loop.create_unix_connection(lambda: end, sock=engine)
    await has_status.wait()  # before anybody can ask for its health
    await transport.start()
    end.send_listening()
    await transport.stop(await stopping)


def die() -> None:
    """End at once."""
    os._exit(0)


if __name__ == "__main__":
    main()
