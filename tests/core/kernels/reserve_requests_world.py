"""Reserves of one line off the wire, for the kernels that read and answer them."""

from random import Random
from uuid import UUID

import numpy as np

from holdfast.core.kernels import codes
from holdfast.core.kernels.reserve_requests import HOLD_BYTES_MAX, SPANS_END
from holdfast.core.tables.layouts import OPERATION
from tests.core.kernels.duel import Duel
from tests.core.kernels.worlds import varint


def reserves(duel: Duel, rng: Random) -> None:
    """Requests of one line, some of them changed at a byte, and the answers to what was read."""
    tags = np.array([10, 18, 26, 10, 18, 24, 8, 16, 8, 1, 26, 34, 40, 1, 58, 8, 16, 25, 18, 26, 32])
    tags = tags.astype(np.uint8)
    sent = [bytearray(request_of(rng)) for _ in range(rng.randrange(1, 5))]
    for each in sent:
        if rng.random() < 0.4:
            each[rng.randrange(len(each))] = rng.randrange(256)
        if rng.random() < 0.2:
            del each[rng.randrange(len(each)) :]
    data = np.frombuffer(bytearray().join(sent), np.uint8)
    ends = np.cumsum([len(each) for each in sent])
    operations = np.zeros(len(sent), OPERATION)
    spans = np.zeros((len(sent), SPANS_END), np.int32)
    duel.call("read_reserves", data, ends, tags, operations, spans, operations=len(sent))
    answered = np.where(spans[:, 0] == 1, codes.ACCEPTED, codes.ASK).astype(np.uint8)
    operations["shard"] = [rng.randrange(2) for _ in sent]
    revisions = np.array([[rng.randrange(2**40), rng.randrange(2**63)], [0, 0]], np.uint64)
    out = np.zeros(len(sent) * HOLD_BYTES_MAX, np.uint8)
    now_ns = rng.choice((0, 10**9, 1_700_000_000_123_456_789))
    written = (operations, answered, revisions, now_ns, tags, data, spans, out, ends.copy())
    duel.call("write_holds", *written, operations=len(sent))


def request_of(rng: Random) -> bytes:
    """A Reserve of one line, as protocol buffers spell it."""
    sku, location = (b"S" * rng.choice((1, 5, 60)), b"W 1" * rng.choice((1, 2, 30)))
    line = b"\n" + bytes([len(sku)]) + sku + b"\x12" + bytes([len(location)]) + location
    line += b"\x18" + varint(rng.choice((1, 300, 10**15, 10**15 + 1)))
    hold = rng.choice((b"", b"\x1a\x02\x08\x3c"))
    name = str(UUID(int=rng.getrandbits(128))).encode()
    return b"\n$" + name + b"\x12" + varint(len(line)) + line + hold
