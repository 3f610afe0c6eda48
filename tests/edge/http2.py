"""HTTP/2 by hand (RFC 9113), for callers that no library would play: slow ones, and half ones."""

import asyncio
import socket
import struct
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

#: Types of frames, and the flags that matter here.
DATA, HEADERS, SETTINGS, PING, GOAWAY = 0, 1, 4, 6, 7
ACK = END_STREAM = 1
END_HEADERS = 4


def frame(kind: int, flags: int = 0, payload: bytes = b"", stream: int = 0) -> bytes:
    """A frame: 9 bytes of head, and what it carries. Stream 0 is the connection itself."""
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + payload


#: What a client says first. It agrees to the server's settings before it has read them.
OPENING: Final = PREFACE + frame(SETTINGS) + frame(SETTINGS, ACK)


def headers(path: str, stream: int) -> bytes:
    """The headers of a call, each as a literal that is not indexed (RFC 7541, 6.2.2)."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "node",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    block = b"".join(
        b"\0" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode()
        for name, value in fields.items()
    )
    return frame(HEADERS, END_HEADERS, block, stream)


def message(data: bytes, stream: int, flags: int = END_STREAM) -> bytes:
    """A message of up to 16 KiB; by default the last one of its caller."""
    return frame(DATA, flags, struct.pack(">?I", False, len(data)) + data, stream)


async def kinds_until(reader: asyncio.StreamReader, *wanted: int) -> set[int]:
    """The types of the frames that come, up to the first that is wanted. Raises
    asyncio.IncompleteReadError at the end of the connection.
    """
    kinds: set[int] = set()
    while kinds.isdisjoint(wanted):
        head = await reader.readexactly(9)
        await reader.readexactly(int.from_bytes(head[:3], "big"))
        kinds.add(head[3])
    return kinds


async def read_to_end(reader: asyncio.StreamReader) -> None:
    """Read to the trailers that end a stream. Raises asyncio.IncompleteReadError without any."""
    kind = flags = 0
    while kind != HEADERS or not flags & END_STREAM:
        head = await reader.readexactly(9)
        await reader.readexactly(int.from_bytes(head[:3], "big"))
        kind, flags = head[3], head[4]


def reset(writer: asyncio.StreamWriter) -> None:
    """Break a connection off, as the end of a client's machine does: RST in place of FIN."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
