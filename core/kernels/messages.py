"""Rows as Protocol Buffers messages: an answer may have a hundred thousand, and each takes 4 µs as
an object.

A field is a row of `fields` (int64[n, 3]): its tag, FIGURES or PIECES, and its column. FIGURES is
a varint of the column's value, left out when that is 0. PIECES are strings, or messages encoded
before: of the pool `data`, in which piece i ends at `ends[i + 1]` and the next begins, those from
the column's value up to that of the column after it.

Format: https://protobuf.dev/programming-guides/encoding/
"""

import numpy as np

from .codes import FIGURES
from .compiled import kernel

_MOST = (1 << 63) - 1


@kernel
def _varint_size(value):
    rest = np.uint64(value)
    size = 1
    while rest > np.uint64(127):
        rest >>= np.uint64(7)
        size += 1
    return size


@kernel
def write_varint(value, out, at):
    """Write a varint at a place, and return where it ends."""
    rest = np.uint64(value)
    while rest > np.uint64(127):
        out[at] = (rest & np.uint64(127)) | np.uint64(128)
        rest >>= np.uint64(7)
        at += 1
    out[at] = rest
    return at + 1


@kernel
def measure_messages(fields, columns, ends, message_ends):
    """Fill `message_ends` (int64[rows + 1]): where the message of each row will end."""
    message_ends[0] = 0
    for row in range(message_ends.size - 1):
        size = 0
        for field in range(fields.size // 3):
            tag, form, column = fields[field, 0], fields[field, 1], fields[field, 2]
            value = columns[column, row]
            if form != FIGURES:
                for piece in range(value, columns[column + 1, row]):
                    length = ends[piece + 1] - ends[piece]
                    size += _varint_size(tag) + _varint_size(length) + length
            elif value != 0:
                size += _varint_size(tag) + _varint_size(value)
        message_ends[row + 1] = message_ends[row] + size


@kernel
def write_messages(fields, columns, data, ends, message_ends, out):
    """Write the message of each row, which `measure_messages` has measured."""
    for row in range(message_ends.size - 1):
        at = message_ends[row]
        for field in range(fields.size // 3):
            tag, form, column = fields[field, 0], fields[field, 1], fields[field, 2]
            value = columns[column, row]
            if form != FIGURES:
                for piece in range(value, columns[column + 1, row]):
                    at = write_varint(tag, out, at)
                    at = write_varint(ends[piece + 1] - ends[piece], out, at)
                    for i in range(ends[piece], ends[piece + 1]):
                        out[at] = data[i]
                        at += 1
            elif value != 0:
                at = write_varint(tag, out, at)
                at = write_varint(value, out, at)


@kernel
def sum_positive(values, starts, ends, sums):
    """Sum the positive ones of values [start, end) for each range; 2^63 - 1 at most."""
    for i in range(starts.size):
        total = np.int64(0)
        for at in range(starts[i], ends[i]):
            if values[at] > 0:
                total = min(total, _MOST - values[at]) + values[at]
        sums[i] = total
