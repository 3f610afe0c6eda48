"""Sequences and ids of offers, and whether what a channel reports was so before them.

A sequence grows with each offer of a pair, and is the time of the offer in milliseconds of the
epoch where that is more: a channel whose store was lost here is not offered a sequence that it has
seen. An id is the pair's prefix, a dot and the sequence.

Rules of this file: pure functions. Times are seconds of the epoch.
"""

from hashlib import blake2b
from typing import Final

from ..events import Shown

#: Seconds by which a channel's clock may be behind ours.
CLOCK_BEHIND_S: Final = 60.0

_MILLISECONDS: Final = 1_000


def next_sequence(last: int, now_s: float) -> int:
    """The sequence of an offer that is made now."""
    return max(last + 1, int(now_s * _MILLISECONDS))


def made_s(sequence: int, sent_s: float) -> float:
    """When an offer was made at the latest, which was sent then, or sent again."""
    return min(sent_s, sequence / _MILLISECONDS)


def id_prefix(channel: str, item: str, node: str) -> str:
    """What the ids of a pair's offers begin with."""
    names = f"{channel}\0{item}\0{node}".encode(errors="surrogatepass")
    return blake2b(names, digest_size=8).hexdigest()


def offer_id(prefix: str, sequence: int) -> str:
    """The id of an offer."""
    return f"{prefix}.{sequence:x}"


def names_older(shown: Shown, prefix: str, newest: int) -> bool:
    """Whether what a channel reports comes from an offer of the pair before the newest one."""
    of, _, sequence = shown.offer.rpartition(".")
    return bool(sequence) and of == prefix and sequence != f"{newest:x}"


def is_before(shown: Shown, taken_s: float) -> bool:
    """Whether what a channel reports was so before it took an offer that was sent at that time.
    Messages are late by hours where the way here was closed, and would have it offered again what
    it shows already.
    """
    return shown.time is not None and shown.time.timestamp() + CLOCK_BEHIND_S < taken_s
