"""The process that writes the journal: `python -m holdfast.persistence.journal_process.child`.

It takes appends from one pipe, makes each durable and says so on another. In a thread of the node,
every step of a commit would wait for the interpreter that the event loop is using, and the loop for
the thread: half of the latency under load was that (docs/adr/0019). Here nothing is shared but the
pipes and the file.

    hello    one line of JSON: path, position of the last append, map_size, reserve_bytes,
             chain {shard: hash in hexadecimal}
    append   bytes of the value u64 · the value as codec.lay_out_group spells it
    answer   position u64 · headroom_bytes i64 · seconds f64; position 0 means that it failed, and
             what follows is why

It ends when its input ends, which is when the node does, however that ends. An append that has come
in whole is made durable all the same: its answer is unknown to the caller, as after any crash.
"""

import json
import os
import signal
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import BinaryIO

from ..hash_chain import Chain, seal_group
from ..lmdb.store import JournalError, Store

LENGTH = struct.Struct("<Q")
ANSWER = struct.Struct("<Qqd")

#: Signals that a terminal and a service manager send to all processes of a node.
IGNORED = (signal.SIGINT, signal.SIGTERM)


def hello(store: Store, chain: Chain) -> bytes:
    """Say which file to write, and behind what."""
    hashes = {shard: digest.hex() for shard, digest in chain.items()}
    figures = {"map_size": store.map_size, "reserve_bytes": store.reserve_bytes, "chain": hashes}
    place = {"path": str(store.path), "position": store.position}
    return json.dumps({**place, **figures}).encode() + b"\n"


def main() -> None:
    """Write what comes in until nothing more comes."""
    # The node decides when it ends.
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, IGNORED)
    try:
        _write_all(sys.stdin.buffer)
    except JournalError as error:
        os.write(sys.stdout.fileno(), ANSWER.pack(0, 0, 0.0) + str(error).encode())
    except BrokenPipeError:
        pass  # The node was killed and wants no answer; what it had handed over is durable.


def _write_all(source: BinaryIO) -> None:
    if not (line := source.readline()):
        return
    order = json.loads(line)
    store = Store(Path(order["path"]), order["map_size"], order["reserve_bytes"])
    if store.position != order["position"]:
        raise JournalError(
            f"{store.path}: ends at position {store.position}, not at {order['position']} as the "
            "node read it: somebody else has written to it"
        )
    chain = {int(shard): bytes.fromhex(digest) for shard, digest in order["chain"].items()}
    for value in _appends(source):
        started = perf_counter()
        seal_group(value, chain)
        position = store.put(value)
        answer = ANSWER.pack(position, store.headroom_bytes(), perf_counter() - started)
        os.write(sys.stdout.fileno(), answer)


def _appends(source: BinaryIO) -> Iterator[bytearray]:
    """Yield every append that came in whole."""
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        value = bytearray(LENGTH.unpack(head)[0])
        if source.readinto(value) < len(value):  # type: ignore[attr-defined]
            return
        yield value


if __name__ == "__main__":
    main()
