"""Columns of integers, exactly as they were given.

NumPy by itself cuts 1.9 to 1, takes True for 1 and "7" for 7, and lets an int64 of -1 become a
uint64 of 2^64 - 1. Here each of those is refused with its column and position.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .parameters import integer, wrong_type, wrong_value


def exact_column(name: str, values: Any, dtype: str) -> NDArray[Any]:
    """The values as a one-dimensional array of an integer type, none of them changed.

    Raises TypeError if one is not an integer, and ValueError if one does not fit the type.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise wrong_type(name, values, "a column of integers")
    wanted = np.dtype(dtype)
    if not hasattr(values, "__array__"):
        return _from_objects(name, values if isinstance(values, list) else list(values), wanted)
    if np.ma.isMaskedArray(values):
        raise wrong_type(name, values, "a column without masked values")
    array = np.asarray(values)
    if array.ndim != 1:
        raise wrong_value(name, values, f"one dimension, not {array.ndim}")
    if array.dtype.kind not in "iu":
        return _from_objects(name, list(array), wanted)
    if not np.can_cast(array.dtype, wanted):
        _check_range(name, array, wanted)
    return array.astype(wanted, copy=False)


def _from_objects(name: str, values: list[Any], wanted: np.dtype[Any]) -> NDArray[Any]:
    if not set(map(type, values)) <= {int}:
        values = [_fitting(name, position, value, wanted) for position, value in enumerate(values)]
    try:
        return np.array(values, wanted)
    except OverflowError:
        for position, value in enumerate(values):
            _fitting(name, position, value, wanted)
        raise


def _check_range(name: str, array: NDArray[Any], wanted: np.dtype[Any]) -> None:
    """Comparing int64 with uint64, NumPy 2 goes by the values."""
    limits = np.iinfo(wanted)
    misfits = (array < limits.min) | (array > limits.max)
    if misfits.any():
        position = int(misfits.argmax())
        _fitting(name, position, array[position], wanted)


def _fitting(name: str, position: int, value: Any, wanted: np.dtype[Any]) -> int:
    is_signed = wanted.kind == "i"
    return integer(f"{name}[{position}]", value, wanted.itemsize * 8, is_signed=is_signed)
