"""A server that answers every call with what it was sent: `python -m bench.peers.echo_server PORT`.

One generic handler with raw bytes, on uvloop: the least that a gRPC server in Python can do for a
call, and so the ceiling for the node, which is built the same way.
"""

import asyncio
import sys
from typing import Any

import grpc
import grpc.aio
import uvloop

OPTIONS = (("grpc.so_reuseport", 0), ("grpc.max_concurrent_streams", 10_000))  # as the node's


async def echo(data: bytes, _context: Any) -> bytes:
    """The bytes that came."""
    return data


class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """Handles calls of any method."""

    def __init__(self) -> None:
        self._handler = grpc.unary_unary_rpc_method_handler(echo)

    def service(self, _details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """The one handler there is."""
        return self._handler


async def serve(port: int) -> None:
    """Serve until killed."""
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((Handler(),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
