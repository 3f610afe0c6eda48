"""Handles of stock levels, as requests carry them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.core.kernels.codes import OTHER_TIMELINE

from .faults import other_timeline


def check_timeline(field: str, handles: NDArray[Any], rows: NDArray[Any]) -> None:
    """Raise a `Fault` when a handle is of another timeline. `rows` are those of
    `core.handles.split_handles`.
    """
    is_other = rows == OTHER_TIMELINE
    if is_other.any():
        index = int(np.argmax(is_other))
        raise other_timeline(f"{field}[{index}]", int(handles[index]))
