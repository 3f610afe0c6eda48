"""A checkout service as many teams build it: gRPC in Python before PostgreSQL.

`python -m bench.peers.checkout_server PORT POSTGRES_PORT` takes the Reserve of Holdfast's own wire
with one line, asks the function that the bare peer asks, and answers with the outcome. It has one
process and as many connections to the database as it has calls under way; it leaves all else out.
"""

import asyncio
import sys
from typing import Any, Final
from uuid import UUID

import grpc
import grpc.aio
import uvloop

from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED, OUTCOME_REFUSED

from ..harness.packed_traffic import HOLD_MS
from ..harness.pool import Pool
from . import postgres_wire as wire
from .echo_server import OPTIONS
from .postgres import greet

#: What the function says of a reservation that is held: done now, or done before.
HELD: Final = (b"1", b"2")


class Checkout(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """Takes the one call it is there for."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._handler = grpc.unary_unary_rpc_method_handler(self.reserve)

    def service(self, _details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """The one handler there is."""
        return self._handler

    async def reserve(self, data: bytes, _context: Any) -> bytes:
        """Hold the request's line, or say that it cannot be."""
        request = reservation.ReserveRequest.FromString(data)
        digit = await self._pool.call(statement(request))
        outcome = OUTCOME_ACCEPTED if digit in HELD else OUTCOME_REFUSED
        response: bytes = reservation.ReserveResponse(outcome=outcome).SerializeToString()
        return response


def statement(request: reservation.ReserveRequest) -> bytes:
    """The database's message for a Reserve: an id in two halves, and a SKU by its number."""
    number = UUID(request.reservation_id).bytes
    (line,) = request.lines
    return wire.execute(
        b"one",
        number[:8],
        number[8:],
        int(line.sku.rpartition("-")[2]).to_bytes(4, "big"),
        wire.int8(line.quantity),
        wire.int8(HOLD_MS),
    )


async def serve(port: int, database_port: int) -> None:
    """Serve until killed."""
    async with Pool(database_port, wire.answer, greet) as pool:
        server = grpc.aio.server(options=OPTIONS)
        server.add_generic_rpc_handlers((Checkout(pool),))
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
