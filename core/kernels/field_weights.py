"""What a message costs to read, judged by its bytes: a field of two bytes may become an object.

Format: https://protobuf.dev/programming-guides/encoding/
"""

import numpy as np

from .codes import FIELD_NUMBERS
from .compiled import kernel

_VARINT, _EIGHT_BYTES, _LENGTH_DELIMITED, _FOUR_BYTES = 0, 1, 2, 5
_GROUP_BEGINS, _GROUP_ENDS = 3, 4

#: What reading a message in a field costs, where any other field costs 1.
_MESSAGE_WEIGHT = 4

#: Bytes of a tag or a length, and of any other varint, at most.
_SHORT, _LONG = 5, 10


@kernel
def _end_of_varint(data, at, most):
    """Where the varint at `at` ends; past the data when it does not."""
    end = min(at + most, data.size)
    while at < end:
        at += 1
        if data[at - 1] < 128:
            return at
    return np.int64(data.size + 1)


@kernel
def _read_varint(data, at, end):
    value = np.int64(0)
    while end > at:
        end -= 1
        value = (value << 7) | np.int64(data[end] & 127)
    return value


@kernel
def weigh_fields(data, inner, stack, most):
    """The weight of the fields of a message and of those inside it, or more than `most` when that
    is reached. What is no message is weighed to where that shows.

    `inner` (uint8) has the kind of the messages in each field, at `kind * FIELD_NUMBERS + number`
    and 0 where there are none; the message itself is of kind 1. `stack` (int64) is where it writes
    the kind of each message that it is in, and its end.
    """
    deep = at = weight = 0
    stack[0], stack[1] = 1, data.size
    while weight <= most:
        while at >= stack[deep + 1]:
            if deep == 0:
                return weight
            deep -= 2
        weight += 1
        end = _end_of_varint(data, at, _SHORT)
        if end > data.size:
            return weight
        tag = _read_varint(data, at, end)
        at, form, number = end, tag & 7, tag >> 3
        if form == _VARINT:
            at = _end_of_varint(data, at, _LONG)
        elif form == _EIGHT_BYTES:
            at += 8
        elif form == _FOUR_BYTES:
            at += 4
        elif form == _LENGTH_DELIMITED:
            end = _end_of_varint(data, at, _SHORT)
            if end > data.size:
                return weight
            length, at = _read_varint(data, at, end), end
            if length > data.size - at:
                return weight
            kind = 0
            if number < FIELD_NUMBERS:
                kind = np.int64(inner[stack[deep] * FIELD_NUMBERS + number])
            if kind == 0:
                at += length
            else:
                weight += _MESSAGE_WEIGHT - 1
                deep += 2
                stack[deep], stack[deep + 1] = kind, at + length
        elif form != _GROUP_BEGINS and form != _GROUP_ENDS:
            return weight
    return weight
