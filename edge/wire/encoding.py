"""Messages from columns, many at once and without an object for each: a kernel encodes them.

An answer is put together from the inside out: what is encoded are pieces, and a message around
them has ranges of these. A long one is encoded in parts. core/kernels/messages.py knows the format;
where a field stands is read from the descriptors.
"""

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.core import kernels
from holdfast.core.kernels.codes import FIGURES, PIECES

#: Wire types, which stand in the low bits of a tag.
_VARINT, _LENGTH_DELIMITED = 0, 2

Figures: TypeAlias = NDArray[np.int64]
Column: TypeAlias = Figures | tuple[Figures, Figures]
"""A figure of each message; or the first of its pieces, and the one after the last."""


class Pieces(NamedTuple):
    """Strings or messages, one after the other."""

    data: NDArray[np.uint8]
    ends: Figures
    """Where each begins, and where the last ends (int64[n + 1])."""

    @classmethod
    def of(cls, texts: Iterable[bytes]) -> "Pieces":
        """These."""
        each = list(texts)
        ends = np.fromiter(accumulate(map(len, each), initial=0), np.int64, len(each) + 1)
        # A copy: kernels are compiled for arrays that may be written to.
        return cls(np.frombuffer(bytearray().join(each), np.uint8), ends)

    @classmethod
    def joined(cls, *many: "Pieces") -> "Pieces":
        """Those of several, one after the other. What stands alone is not copied."""
        many = tuple(each for each in many if each.many) or many[:1]
        if len(many) == 1:
            return many[0]
        offsets = accumulate((len(each.data) for each in many[:-1]), initial=0)
        parts = [each.ends[:-1] + offset for each, offset in zip(many, offsets, strict=True)]
        data = np.concatenate([each.data for each in many])
        return cls(data, np.concatenate((*parts, [len(data)])))

    @property
    def many(self) -> int:
        """How many there are."""
        return len(self.ends) - 1


def encode(message_class: Any, columns: Mapping[str, Column], pieces: Pieces) -> Pieces:
    """A message of a class for each row of columns, which are in the order of their fields. A
    figure of 0 is left out, as proto3 does.
    """
    fields: list[tuple[int, int, int]] = []
    rows: list[Figures] = []
    for name, column in columns.items():
        number = message_class.DESCRIPTOR.fields_by_name[name].number
        if isinstance(column, tuple):
            fields.append((number << 3 | _LENGTH_DELIMITED, PIECES, len(rows)))
            rows += column
        else:
            fields.append((number << 3 | _VARINT, FIGURES, len(rows)))
            rows.append(column)
    return _encode(np.array(fields), np.stack(rows), pieces)


def _encode(fields: Figures, columns: Figures, pieces: Pieces) -> Pieces:
    ends = np.empty(columns.shape[1] + 1, np.int64)
    kernels.measure_messages(fields, columns, pieces.ends, ends)
    data = np.empty(ends[-1], np.uint8)
    kernels.write_messages(fields, columns, *pieces, ends, data)
    return Pieces(data, ends)


def encode_part(message_class: Any, pieces: Pieces, **fields: int) -> bytes:
    """A part of a message of a class: all pieces, so many for each field, in their order. Parts
    that follow one another are one message with the pieces of all.
    """
    bounds = list(accumulate(fields.values(), initial=0))
    columns: dict[str, Any] = {
        name: (np.array([start]), np.array([end]))
        for name, start, end in zip(fields, bounds, bounds[1:], strict=False)
    }
    return encode(message_class, columns, pieces).data.tobytes()


class Encoded:
    """A message of parts that are encoded. It is there to be sent: its fields can't be read."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = parts

    def SerializeToString(self) -> bytes:
        """Its bytes, as a message gives them."""
        return b"".join(self._parts)
