"""Texts of ids: those of a reservation, in one block of granules."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from .. import kernels
from ..kernels.codes import FLAG_LINE_IDS, FLAG_TEXT, NO_TEXT
from .effects import DTYPES, Section
from .names import pack_names
from .shard import Shard
from .table import Array


def lay_down(shard: Shard, effects: Array, data: Array, *, fills: bool = True) -> None:
    """Store the texts of reservations: RESERVATION_TEXTS, and the bytes of them all. With `fills`
    there are zeros to the end of each block (FILLED_SINCE).
    """
    records, texts = shard.reservations.records, shard.id_texts.arrays
    kernels.apply_id_texts(effects, data, shard.header, records, texts, fills)


def lay_down_earlier(shard: Shard, first: int, texts: Iterator[str]) -> None:
    """Store the texts of the reservations from number `first` on, in the order in which builds
    before docs/adr/0030 journaled them.
    """
    for number in range(first, len(shard.reservations)):
        if count := _count(shard.reservations.records[number]):
            _lay_down_one(shard, number, [next(texts) for _ in range(count)])


def load_earlier(shard: Shard, arena: Array, offsets: Array) -> None:
    """Store the texts of all reservations, which these builds kept like names."""
    for number in np.flatnonzero(shard.reservations["id_text"] != NO_TEXT).tolist():
        record = shard.reservations.records[number]
        first = int(record["id_text"])
        ends = offsets[first : first + _count(record) + 1].tolist()
        texts = [arena[start:end].tobytes().decode() for start, end in pairwise(ends)]
        _lay_down_one(shard, number, texts)


def _lay_down_one(shard: Shard, number: int, texts: Iterable[str]) -> None:
    packed = pack_names(*texts)
    effect = np.array([(number, len(packed))], DTYPES[Section.RESERVATION_TEXTS])
    lay_down(shard, effect, packed, fills=False)


def _count(record: Array) -> int:
    flags, count = int(record["flags"]), int(record["line_count"])
    return bool(flags & FLAG_TEXT) + (count if flags & FLAG_LINE_IDS else 0)
