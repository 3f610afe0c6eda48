"""Reserves of one line, read from their Protocol Buffers messages and answered as such, many at
once: as an object each takes as long to read as ten to decide.

What is read is what nearly all of them look like: fields in the order of their numbers, an id that
is a UUID, a line with names of ASCII and a quantity, whole seconds or none. Any other message,
right or wrong, is left to the code that reads them one by one, which can say what is wrong.

Format: https://protobuf.dev/programming-guides/encoding/
"""

import numpy as np

from ..limits import HOLD_MS_DEFAULT, HOLD_MS_MAX, HOLD_MS_MIN, NS_PER_MS, NS_PER_S, QUANTITY_MAX
from .codes import ACCEPTED
from .compiled import kernel
from .messages import write_varint

#: Places in `tags`, each of which is a byte: of the fields of a request and its line.
ID, LINE, HOLD, SKU, LOCATION, QUANTITY = range(6)
#: Of the fields of a Duration and a Timestamp.
SECONDS, NANOS = range(6, 8)
#: Of the fields of an answer, with two values, and of those of its revision and its line.
OUTCOME, IS_ACCEPTED, EXPIRE, REVISION, STATE, IS_HELD, ANSWER_LINE = range(8, 15)
SHARD_NUMBER, SEQUENCE, TIMELINE, ANSWER_SKU, ANSWER_LOCATION, ANSWER_QUANTITY = range(15, 21)
TAGS_END = 21

#: Columns of `spans`: whether the request could be read; where the message of its line begins and
#: ends, and its names.
IS_PLAIN, LINE_START, LINE_END, SKU_START, SKU_END, LOCATION_START, LOCATION_END = range(7)
SPANS_END = 7

#: Id, line and hold of a request that is read: no longer one needs to be looked at.
REQUEST_BYTES_MAX = 38 + 129 + 7

#: Outcome, end, revision, state and line of an answer.
HOLD_BYTES_MAX = 2 + 18 + 28 + 2 + 129

_MS_PER_S = 1_000
_NS_PER_S = np.int64(NS_PER_S)
_BYTE = np.uint64(255)

#: Bytes of a UUID's text.
_UUID = 36

#: The first size that takes two bytes. What is longer is left alone, so sizes are a byte each.
_LONG = 128

_U4 = np.uint64(4)
_NONE = -1


@kernel
def _digit(byte):
    """The value of a hexadecimal digit; 16 if it is not one."""
    if 48 <= byte <= 57:
        return byte - 48
    letter = byte | 32
    return letter - 87 if 97 <= letter <= 102 else 16


@kernel
def _read_uuid(data, at, operation):
    """Read a UUID's text, and return whether it is one that can be an id."""
    hi = lo = np.uint64(0)
    for i in range(_UUID):
        if i in (8, 13, 18, 23):
            if data[at + i] != 45:
                return False
            continue
        digit = _digit(np.int64(data[at + i]))
        if digit > 15:
            return False
        if i < 19:
            hi = hi << _U4 | np.uint64(digit)
        else:
            lo = lo << _U4 | np.uint64(digit)
    operation.key_hi = hi
    operation.key_lo = lo
    return (hi | lo) != 0


@kernel
def _end_of_field(data, at, end, tag):
    """Where a field of this tag and a size of one byte ends that begins here; -1 when none does."""
    if at + 2 > end or data[at] != tag or data[at + 1] >= _LONG:
        return _NONE
    after = at + 2 + data[at + 1]
    return after if after <= end else _NONE


@kernel
def _end_of_name(data, at, end, tag):
    """`_end_of_field` of a name as edge/wire/validation.py has it, if it is one of ASCII."""
    after = _end_of_field(data, at, end, tag)
    if after <= at + 2 or data[at + 2] == 32 or data[after - 1] == 32:
        return _NONE
    for i in range(at + 2, after):
        if not 32 <= data[i] <= 126:
            return _NONE
    return after


@kernel
def _read_figure(data, at, end, tag, most):
    """The varint of a field that takes all from here to the end, if it is 1 to `most`; or 0. So is
    one with more bytes than it takes, which an answer would not have.
    """
    if at + 2 > end or data[at] != tag or data[end - 1] == 0:
        return 0
    value = np.int64(0)
    for i in range(at + 1, end):
        shift = 7 * (i - at - 1)
        if shift > 56 or (data[i] < _LONG) != (i == end - 1):
            return 0
        value |= np.int64(data[i] & 127) << shift
    return value if value <= most else 0


@kernel
def _read_line(data, start, end, tags, operation, span):
    """Read the message of a line, and return whether it is plain."""
    after_sku = _end_of_name(data, start, end, tags[SKU])
    if after_sku < 0:
        return False
    after = _end_of_name(data, after_sku, end, tags[LOCATION])
    if after < 0:
        return False
    operation.quantity = _read_figure(data, after, end, tags[QUANTITY], QUANTITY_MAX)
    span[LINE_START], span[LINE_END] = start, end
    span[SKU_START], span[SKU_END] = start + 2, after_sku
    span[LOCATION_START], span[LOCATION_END] = after_sku + 2, after
    return operation.quantity > 0


@kernel
def _read_hold(data, at, end, tags, operation):
    """Read how long to hold, which ends the message, and return whether it is plain."""
    if at == end:
        operation.hold_ms = HOLD_MS_DEFAULT
        return True
    if _end_of_field(data, at, end, tags[HOLD]) != end:
        return False
    most = HOLD_MS_MAX // _MS_PER_S
    hold_ms = _read_figure(data, at + 2, end, tags[SECONDS], most) * _MS_PER_S
    operation.hold_ms = hold_ms
    return hold_ms >= HOLD_MS_MIN


@kernel
def _read_reserve(data, start, end, tags, operation, span):
    after_id = _end_of_field(data, start, end, tags[ID])
    if after_id != start + 2 + _UUID or not _read_uuid(data, start + 2, operation):
        return False
    after = _end_of_field(data, after_id, end, tags[LINE])
    if after < 0 or not _read_line(data, after_id + 2, after, tags, operation, span):
        return False
    return _read_hold(data, after, end, tags, operation)


@kernel
def read_reserves(data, ends, tags, operations, spans):
    """Read the messages of `data` (uint8) of which each ends at `ends` (int64), where the next
    begins: ids, quantities and holds into `operations` (OPERATION, zeros at first), whether it
    could be read and where it has what into `spans` (int32[n, SPANS_END], zeros at first). Return
    how many could be read.

    The line of one that was read gets the tags of an answer's line, so that its bytes can be
    returned as they are.
    """
    start = np.int64(0)
    count = 0
    for i in range(ends.size):
        span = spans[i]
        if _read_reserve(data, start, ends[i], tags, operations[i], span):
            span[IS_PLAIN] = 1
            count += 1
            data[span[SKU_START] - 2] = tags[ANSWER_SKU]
            data[span[LOCATION_START] - 2] = tags[ANSWER_LOCATION]
            data[span[LOCATION_END]] = tags[ANSWER_QUANTITY]
        start = ends[i]
    return count


@kernel
def write_holds(operations, codes, revisions, now_ns, tags, data, spans, out, ends):
    """Write an answer for each operation that is ACCEPTED: fields in the order of their numbers, at
    most HOLD_BYTES_MAX of them. Answer i ends at `ends[i]` (int64), where the next begins; it is
    empty where the code is another.

    `revisions` (uint64[shards, 2]) has sequence and timeline of each shard; a hold begins at
    `now_ns`; `data` and `spans` are those of `read_reserves`.
    """
    at = np.int64(0)
    for i in range(operations.size):
        if codes[i] == ACCEPTED:
            operation, span = operations[i], spans[i]
            at = _write_figure(tags[OUTCOME], tags[IS_ACCEPTED], out, at)
            at = _write_expiry(now_ns + np.int64(operation.hold_ms) * NS_PER_MS, tags, out, at)
            at = _write_revision(operation.shard, revisions, tags, out, at)
            at = _write_figure(tags[STATE], tags[IS_HELD], out, at)
            out[at] = tags[ANSWER_LINE]
            at += 1
            for k in range(span[LINE_START] - 1, span[LINE_END]):  # from its size on
                out[at] = data[k]
                at += 1
        ends[i] = at


@kernel
def _write_figure(tag, value, out, at):
    """Write a varint, unless it is 0; return where it ends."""
    if value == 0:
        return at
    out[at] = tag
    return write_varint(value, out, at + 1)


@kernel
def _write_expiry(expires_at_ns, tags, out, at):
    out[at] = tags[EXPIRE]
    end = _write_figure(tags[SECONDS], expires_at_ns // _NS_PER_S, out, at + 2)
    end = _write_figure(tags[NANOS], expires_at_ns % _NS_PER_S, out, end)
    out[at + 1] = end - at - 2
    return end


@kernel
def _write_revision(shard, revisions, tags, out, at):
    out[at] = tags[REVISION]
    end = _write_figure(tags[SHARD_NUMBER], shard, out, at + 2)
    end = _write_figure(tags[SEQUENCE], revisions[shard, 0], out, end)
    timeline = revisions[shard, 1]
    if timeline != 0:
        out[end] = tags[TIMELINE]
        for k in range(8):
            out[end + 1 + k] = timeline >> np.uint64(8 * k) & _BYTE
        end += 9
    out[at + 1] = end - at - 2
    return end
