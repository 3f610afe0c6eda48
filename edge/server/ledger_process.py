"""The process that keeps the ledger: `python -m holdfast.edge.server.ledger_process DIRECTORY
RESERVE`, the bytes of the disk that are kept for the journal.

It follows the journal of the directory that the node serves, and answers the node's questions,
which come over a socket as its standard input; ledger_reader.py is the other end and has the form.
It does one thing at a time: a question, or a slice of following. It ends when the socket does.
"""

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from google.protobuf.message import DecodeError

from holdfast.persistence.codec import DamagedEntryError
from holdfast.persistence.data_directory import read_node_json
from holdfast.persistence.ledger.explain import IndexDamagedError
from holdfast.persistence.ledger.follower import Follower
from holdfast.persistence.recovery import RECOVERY_ERRORS, open_beside
from holdfast.v1 import ledger_service_pb2 as ledger
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import watch_service_pb2 as watch

from ..wire import faults
from ..wire.faults import Fault
from ..wire.ledger import explain_availability, list_movements, list_reservations
from ..wire.reservation_changes import watch_reservations
from .ledger_reader import ANSWER, FAULT, HEADER, NOTE, QUESTION

#: How long following may keep a question waiting.
_SLICE_S: Final = 0.01

#: How often the journal is looked at while nothing happens.
_LOOK_EVERY_S: Final = 0.05

#: How long a question waits for what was durable when it came. The first appends of a life load
#: the compiled kernels, which takes a second.
_CATCH_UP_S: Final = 3.0

#: Lower priority than everything that answers callers.
_NICE: Final = 10

_METHODS: Final[dict[str, tuple[Any, Callable[..., Any]]]] = {
    "ListMovements": (ledger.ListMovementsRequest, list_movements),
    "ListReservations": (reservation.ListReservationsRequest, list_reservations),
    "ExplainAvailability": (ledger.ExplainAvailabilityRequest, explain_availability),
    "WatchReservations": (watch.WatchReservationsRequest, watch_reservations),
}


def main() -> None:
    """Keep the ledger of a directory until the node closes the socket."""
    os.nice(_NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all: the node says when
    node = socket.socket(fileno=sys.stdin.fileno())
    try:
        directory = read_node_json(Path(sys.argv[1]))
        with open_beside(directory, int(sys.argv[2])) as journal:
            serve(Follower(directory, journal, lambda note: send(node, NOTE, note.encode())), node)
    except (*RECOVERY_ERRORS, DamagedEntryError, OSError) as error:
        sys.exit(f"no ledger: {error}")


def serve(follower: Follower, node: socket.socket) -> None:
    """Follow and answer until the socket ends, and save what is in memory alone."""
    has_more = True
    while True:
        ready, _, _ = select.select((node,), (), (), 0.0 if has_more else _LOOK_EVERY_S)
        if ready:
            header = receive(node, QUESTION.size)
            if not header:
                break
            size, durable_position = QUESTION.unpack(header)
            send(node, *answer(follower, receive(node, size), durable_position))
        has_more = follower.step(_SLICE_S)
    follower.close()


def answer(follower: Follower, question: bytes, durable_position: int) -> tuple[int, bytes]:
    """The answer to a question, or the fault that it is, in the form of an answer."""
    name, _, request = question.partition(b"\0")
    request_class, method = _METHODS[name.decode()]
    try:
        catch_up(follower, durable_position)
        parsed = request_class.FromString(request)
        return ANSWER, method(parsed, follower, durable_position).SerializeToString()
    except Fault as fault:
        return FAULT, encoded_fault(fault)
    except DecodeError as error:
        return FAULT, encoded_fault(faults.malformed(str(error)))
    except IndexDamagedError as error:
        follower.begin_anew(str(error))
        return FAULT, encoded_fault(
            faults.ledger_unavailable("its index was damaged and is made again")
        )


def catch_up(follower: Follower, position: int) -> None:
    """Follow for a while, until the index holds an append. Raises a `Fault` when the state does
    not belong to the index even then.
    """
    until = perf_counter() + _CATCH_UP_S
    while follower.index.position < position or not follower.is_ready:
        if not follower.step(_SLICE_S) or perf_counter() > until:
            break
    if not follower.is_ready:
        raise faults.ledger_unavailable("it is starting")


def encoded_fault(fault: Fault) -> bytes:
    """A fault as JSON; ledger_reader.read_fault reads it."""
    fields = (fault.code.name, fault.reason, fault.message, fault.metadata, fault.retry_after_s)
    return json.dumps([*fields, list(fault.blames)]).encode()


def send(node: socket.socket, kind: int, data: bytes) -> None:
    """Send an answer or a note."""
    node.sendall(HEADER.pack(len(data), kind) + data)


def receive(node: socket.socket, size: int) -> bytes:
    """So many bytes, or none when the socket has ended."""
    data = b""
    while len(data) < size:
        part = node.recv(size - len(data))
        if not part:
            return b""
        data += part
    return data


if __name__ == "__main__":
    main()
