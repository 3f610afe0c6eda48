"""Packed columns: a twin reads and writes what the public message means, and nothing else."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.edge.wire.packed import ColumnError, column, fill, has_columns, twin
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import reservation_service_pb2 as reservation

#: A column of each width and sign: (public message, field, smallest value, largest value).
COLUMNS: list[tuple[Any, str, int, int]] = [
    (reservation.BatchReserveRequest, "stock_levels", 0, 2**64 - 1),
    (reservation.BatchReserveRequest, "hold_milliseconds", 0, 2**32 - 1),
    (reservation.BatchReleaseRequest, "id_low", 0, 2**64 - 1),
    (availability.BatchGetAvailabilityResponse, "committed", -(2**63), 2**63 - 1),
]
NAMES = [f"{public.DESCRIPTOR.name}.{name}" for public, name, _, _ in COLUMNS]

FIXED64, LENGTH, FIXED32 = 1, 2, 5  # wire types

each_column = pytest.mark.parametrize(("public", "name", "low", "high"), COLUMNS, ids=NAMES)


def number_of(public: Any, name: str) -> int:
    number: int = public.DESCRIPTOR.fields_by_name[name].number
    return number


def piece(number: int, wire_type: int, data: bytes) -> bytes:
    """Spell one field of a message; numbers and lengths here fit a byte."""
    length = bytes([len(data)]) if wire_type == LENGTH else b""
    return bytes([number << 3 | wire_type]) + length + data


def refused(public: Any, name: str, data: bytes) -> ColumnError:
    """Read a column that must be refused."""
    message = twin(public).FromString(data)
    with pytest.raises(ColumnError) as caught:
        column(message, public, name)
    assert name == caught.value.name
    assert str(caught.value).startswith(f"{name} is {caught.value.found}: expected ")
    return caught.value


@each_column
@given(data=st.data())
def test_a_twin_reads_what_the_public_message_wrote(
    public: Any, name: str, low: int, high: int, data: st.DataObject
) -> None:
    """The values come out of the bytes unchanged, to the ends of their range."""
    values = data.draw(st.lists(st.integers(low, high) | st.sampled_from((low, high))))
    message = twin(public).FromString(public(**{name: values}).SerializeToString())
    assert values == column(message, public, name).tolist()


@each_column
@given(data=st.data())
def test_a_twin_writes_what_the_public_message_reads(
    public: Any, name: str, low: int, high: int, data: st.DataObject
) -> None:
    """The way back; the bytes are those that the public message would write itself."""
    values = data.draw(st.lists(st.integers(low, high)))
    message = twin(public)()
    fill(message, name, np.array(values, column(message, public, name).dtype))
    assert values == list(getattr(public.FromString(message.SerializeToString()), name))
    if values:
        assert public(**{name: values}).SerializeToString() == message.SerializeToString()


@given(
    high=st.lists(st.integers(0, 2**64 - 1)),
    hold_ms=st.lists(st.integers(0, 2**32 - 1)),
    linked=st.binary(),
)
def test_columns_do_not_mix(high: list[int], hold_ms: list[int], linked: bytes) -> None:
    """Several columns and a field that is none, in one message."""
    public = reservation.BatchReserveRequest
    request = public(id_high=high, hold_milliseconds=hold_ms, linked=linked)
    message = twin(public).FromString(request.SerializeToString())
    read = [column(message, public, name).tolist() for name in ("id_high", "hold_milliseconds")]
    assert [high, hold_ms, linked] == [*read, message.linked]
    assert [] == column(message, public, "id_low").tolist()


def test_a_column_may_be_empty_in_two_ways() -> None:
    """Left out, and sent with nothing in it."""
    public = reservation.BatchCommitRequest
    for data in (b"", piece(number_of(public, "id_high"), LENGTH, b"")):
        assert [] == column(twin(public).FromString(data), public, "id_high").tolist()


def test_a_column_is_read_in_place_and_only_read() -> None:
    """Nobody can change the message under its owner."""
    public = reservation.BatchCommitRequest
    data = public(id_high=[1, 2]).SerializeToString()
    values = column(twin(public).FromString(data), public, "id_high")
    assert [1, 2] == values.tolist()  # the message is gone, its bytes are not
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 7


@each_column
def test_a_split_column_is_refused_by_name(public: Any, name: str, low: int, high: int) -> None:
    """Joining the pieces would cost what the twin saves."""
    half = public(**{name: [low, high]}).SerializeToString()
    assert "split into 3" == refused(public, name, half * 3).found


@pytest.mark.parametrize(("public", "name"), [each[:2] for each in COLUMNS], ids=NAMES)
def test_a_column_with_half_a_value_is_refused_by_name(public: Any, name: str) -> None:
    """A length that is no multiple of the width."""
    width = column(twin(public)(), public, name).itemsize
    for size in (1, width - 1, width + 1, 3 * width - 1):
        data = piece(number_of(public, name), LENGTH, bytes(size))
        error = refused(public, name, data)
        assert (f"{size} bytes", True) == (
            error.found,
            f"a multiple of {width} bytes" in error.expected,
        )


def unpacked(public: Any, name: str, values: Sequence[int]) -> bytes:
    """Spell a column the old way, a field for each value."""
    width = column(twin(public)(), public, name).itemsize
    wire_type = FIXED64 if width == 8 else FIXED32
    number = number_of(public, name)
    parts = (value.to_bytes(width, "little", signed=value < 0) for value in values)
    data = b"".join(piece(number, wire_type, part) for part in parts)
    assert list(values) == list(
        getattr(public.FromString(data), name)
    )  # legal protobuf all the same
    return data


@each_column
def test_an_unpacked_column_is_refused_by_name(public: Any, name: str, low: int, high: int) -> None:
    """Protobuf lets a sender do this; here it must not read as an empty column."""
    assert "unpacked" == refused(public, name, unpacked(public, name, [low, high])).found


@each_column
def test_a_column_of_which_a_part_is_unpacked_is_refused_by_name(
    public: Any, name: str, low: int, high: int
) -> None:
    """Values after or before the packed ones must not get lost."""
    packed, rest = public(**{name: [low]}).SerializeToString(), unpacked(public, name, [high])
    for data in (packed + rest, rest + packed):
        assert "unpacked" == refused(public, name, data).found


def test_fields_that_nobody_knows_are_ignored() -> None:
    """A later version may send more."""
    public = reservation.BatchCommitRequest
    data = piece(15, LENGTH, b"later") + public(id_high=[5]).SerializeToString()
    data += piece(14, FIXED64, bytes(8)) + piece(13, FIXED32, bytes(4))
    message = twin(public).FromString(data)
    assert ([5], []) == tuple(
        column(message, public, name).tolist() for name in ("id_high", "id_low")
    )


@pytest.mark.parametrize("kind", ["reserve", "commit", "fulfill", "release"])
def test_a_stream_holds_twins_of_its_batches(kind: str) -> None:
    """Columns one message down are columns, too, both ways; faults there are seen as well."""
    public = reservation.ReserveStreamRequest
    batch: Any = type(getattr(public(), kind))
    data = public(**{kind: batch(id_high=[1, 2**64 - 1])}).SerializeToString()
    message = twin(public).FromString(data)
    assert kind == message.WhichOneof("batch")
    assert [1, 2**64 - 1] == column(getattr(message, kind), batch, "id_high").tolist()

    written = twin(public)()
    fill(getattr(written, kind), "id_high", np.array([1, 2**64 - 1], "<u8"))
    assert data == written.SerializeToString()

    loose = piece(number_of(public, kind), LENGTH, unpacked(batch, "id_high", [1]))
    for bytes_, found in ((loose, "unpacked"), (data * 2, "split into 2")):
        broken = getattr(twin(public).FromString(bytes_), kind)
        with pytest.raises(ColumnError, match=f"^id_high is {found}"):
            column(broken, batch, "id_high")


def test_only_messages_with_columns_need_twins() -> None:
    """What the server decides by; a column deeper down counts."""
    with_columns = [
        reservation.BatchReserveRequest,
        reservation.ReserveStreamRequest,
        availability.BatchGetAvailabilityRequest,
        availability.ResolveStockLevelsResponse,
    ]
    without = [
        reservation.ReserveRequest,
        reservation.BatchReserveResponse,
        reservation.ReserveStreamResponse,
        availability.ResolveStockLevelsRequest,
    ]
    assert [True] * 4 + [False] * 4 == [has_columns(each) for each in with_columns + without]


def test_there_is_one_twin_of_a_message() -> None:
    """Making one takes longer than a thousand batches."""
    public = reservation.BatchReserveRequest
    assert twin(public) is twin(public)
    assert twin(public) is not public
