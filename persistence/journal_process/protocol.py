"""What a node and the process that writes its journal say to each other, over two pipes.

    hello    to the process, once: a line of JSON with path, position of the last append, map_size,
             reserve_bytes, chain {shard: hash in hexadecimal}
    append   to the process: bytes of the value u64 · position up to which the journal may forget
             u64 · the value as codec.lay_out_group encodes it
    answer   to the node: position u64 · headroom_bytes i64 · seconds f64; position 0 means that it
             failed, and the text after that says why

An append is sent when the one before it has been answered. So the node's pipe holds one answer at
most, which needs no length; and it is smaller than PIPE_BUF, so it arrives in one piece.

Both ends load this file, and one of them loads no NumPy.
"""

import json
import signal
import struct
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

from ..hash_chain import Chain
from ..journal import JournalError

#: What a terminal and a service manager send to every process of a node. The node drains then, and
#: needs its journal for that: the process ignores them.
IGNORED_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_HEAD = struct.Struct("<QQ")
_ANSWER = struct.Struct("<Qqd")

#: More than an answer and its reason have: 4,096 is Linux's PIPE_BUF.
ANSWER_BYTES_MAX = 4_096


class Hello(NamedTuple):
    """Which file to write, and after what."""

    path: Path
    position: int
    map_size_bytes: int
    reserve_bytes: int
    chain: Chain


class Answer(NamedTuple):
    """An append that is durable."""

    position: int
    headroom_bytes: int
    """What there was when the disk was last looked at, less the bytes of the appends since."""
    seconds: float
    """From the first hash to the end of the sync."""


def pack_hello(hello: Hello) -> bytes:
    """A greeting as its line."""
    document = {
        "path": str(hello.path),
        "position": hello.position,
        "map_size": hello.map_size_bytes,
        "reserve_bytes": hello.reserve_bytes,
        "chain": {shard: digest.hex() for shard, digest in hello.chain.items()},
    }
    return json.dumps(document).encode() + b"\n"


def unpack_hello(line: bytes) -> Hello:
    """The greeting on a line."""
    document = json.loads(line)
    chain = {int(shard): bytes.fromhex(digest) for shard, digest in document["chain"].items()}
    return Hello(
        path=Path(document["path"]),
        position=document["position"],
        map_size_bytes=document["map_size"],
        reserve_bytes=document["reserve_bytes"],
        chain=chain,
    )


def pack_head(size: int, forget: int) -> bytes:
    """What stands before a laid-out group of so many bytes: its length, and the position up to
    which the journal may forget.
    """
    return _HEAD.pack(size, forget)


def read_appends(source: BufferedReader) -> Iterator[tuple[memoryview, int]]:
    """Every laid-out group that came in whole, and what may be forgotten, until the pipe ends. A
    group is there until the next is asked for.

    A node that is killed may leave part of one. It was not answered, so it may be dropped.
    """
    # One buffer for all: new pages for each would cost as much as the hashes.
    buffer = memoryview(bytearray())
    while len(head := source.read(_HEAD.size)) == _HEAD.size:
        size, forget = _HEAD.unpack(head)
        if size > len(buffer):
            buffer = memoryview(bytearray(size))
        if source.readinto(buffer[:size]) < size:
            return
        yield buffer[:size], forget


def pack_answer(answer: Answer) -> bytes:
    """An answer of 24 bytes."""
    return _ANSWER.pack(*answer)


def pack_failure(error: JournalError) -> bytes:
    """The last answer: why the process ends."""
    return (_ANSWER.pack(0, 0, 0.0) + str(error).encode())[:ANSWER_BYTES_MAX]


def unpack_answer(data: bytes, position: int) -> Answer:
    """The answer for the append at a position; no bytes are the end of the pipe.

    Raises JournalError with the reason when it is a failure, or when the process has ended.
    """
    if len(data) == _ANSWER.size:
        answer = Answer._make(_ANSWER.unpack(data))
        if answer.position == position:
            return answer
        reason = f"position {answer.position} was answered in place of {position}"
    else:
        reason = data[_ANSWER.size :].decode(errors="replace") or "its process has ended"
    raise JournalError(f"the journal can't be written: {reason}")
