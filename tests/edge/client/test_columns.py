"""Columns carry the integers that they were given, or are refused by name and position."""

import array
from decimal import Decimal
from enum import IntEnum
from typing import Any

import numpy as np
import pytest

from holdfast.edge.client import StockColumns
from holdfast.edge.client.stock_events import numbered_messages
from holdfast.v1.stock_service_pb2 import RecordStockEventsStreamRequest, StockEventColumns

GOOD: dict[str, Any] = {
    "stock_levels": [7, 8],
    "kinds": [3, 3],
    "quantities": [1, 2],
    "id_high": [1, 2],
    "id_low": [1, 2],
    "sequences": [1, 2],
}
COLUMNS = list(GOOD)
SIGNED = "quantities"


def sent(**columns: Any) -> StockEventColumns:
    """The columns as a node reads them."""
    data = numbered_messages()(StockColumns("till", **(GOOD | columns))).SerializeToString()
    return RecordStockEventsStreamRequest.FromString(data).columns


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize(
    "value",
    [
        *(1.9, 2.0, float("nan"), True, "2", b"2", Decimal(2), Decimal("1.9"), None, 1j, [2]),
        *(np.float64(1.9), np.float32(2), np.True_, np.str_("2"), np.datetime64(2, "s")),
    ],
    ids=repr,
)
def test_what_is_no_integer_is_refused_by_column_and_position(name: str, value: Any) -> None:
    """In a list, in an array of objects, and in an array of its type."""
    mixed = np.empty(2, object)
    mixed[:] = [1, value]
    for column, position in (([1, value], 1), (mixed, 1), ((1, value), 1)):
        with pytest.raises(TypeError, match=rf"^{name}\[{position}\] is .*: expected an integer$"):
            sent(**{name: column})
    if not isinstance(value, (list, bytes)):
        with pytest.raises(TypeError, match=rf"^{name}\[0\] is .*: expected an integer$"):
            sent(**{name: np.array([value, value])})


@pytest.mark.parametrize("name", COLUMNS)
def test_what_does_not_fit_is_refused_by_column_and_position(name: str) -> None:
    if name == "kinds":
        low, high = 0, 2**8 - 1
    else:
        low, high = (-(2**63), 2**63 - 1) if name == SIGNED else (0, 2**64 - 1)
    assert [low, high] == list(getattr(sent(**{name: [low, high]}), name))
    for value in (low - 1, high + 1, 10**400):
        columns: list[Any] = [[1, value], np.array([1, value], object)]
        if -(2**63) <= value < 2**63:
            columns.append(np.array([1, value], np.int64))
        if 0 <= value < 2**64:
            columns.append(np.array([1, value], np.uint64))
        for column in columns:
            expected = rf"^{name}\[1\] is .*: expected {low} to {high}$"
            with pytest.raises(ValueError, match=expected):
                sent(**{name: column})


class Kind(IntEnum):
    """Somebody's own names."""

    SALE = 3


@pytest.mark.parametrize(
    "column",
    [
        *([1, 2], (1, 2), range(1, 3), array.array("q", [1, 2]), iter([1, 2])),
        *(np.array([1, 2], dtype) for dtype in ("u1", "<i2", ">i4", "<u8", ">i8", object)),
        *(np.array([1, 0, 2])[::2], [np.int64(1), np.uint8(2)]),
    ],
)
def test_integers_in_any_container_arrive_as_they_are(column: Any) -> None:
    assert [1, 2] == list(sent(quantities=column).quantities)


def test_one_kind_may_stand_for_all() -> None:
    for kinds in (3, Kind.SALE, np.uint8(3), [3]):
        assert b"\x03" == sent(kinds=kinds).kinds
    with pytest.raises(TypeError, match=r"^kinds\[0\] is 3\.0: expected an integer"):
        sent(kinds=3.0)


@pytest.mark.parametrize("empty", [[], (), np.array([])])
def test_a_column_may_be_empty(empty: Any) -> None:
    assert [] == list(sent(sequences=empty).sequences)


@pytest.mark.parametrize("column", [5, "12", b"13", None])
def test_what_is_no_column_is_refused_by_name(column: Any) -> None:
    with pytest.raises(TypeError, match=r"^quantities is .*: expected a column of integers"):
        sent(quantities=column)


def test_a_column_has_one_dimension_and_hides_nothing() -> None:
    with pytest.raises(ValueError, match=r"^quantities is .*: expected one dimension, not 2"):
        sent(quantities=np.array([[1], [2]]))
    with pytest.raises(TypeError, match=r"^quantities is .*: expected a column without masked"):
        sent(quantities=np.ma.array([1, 2], mask=[True, False]))
