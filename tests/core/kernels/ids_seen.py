"""Which ids no record has yet."""

from collections import Counter
from random import Random

import numpy as np

from holdfast.core.kernels import codes
from holdfast.core.tables.table import Array


def mark_new(rng: Random, answers: Array, operations: Array, *tables: Array) -> None:
    """Half of the time, answer NEW_ID to PENDING operations whose id stands in no row of the tables
    and once among the operations.
    """
    if rng.random() < 0.5:
        return
    asked = _ids(operations)
    seen = Counter(asked)
    for table in tables:
        seen.update(_ids(table))
    is_new = np.array([seen[each] == 1 for each in asked], bool)
    answers[(answers == codes.PENDING) & is_new] = codes.NEW_ID


def _ids(records: Array) -> list[tuple[int, int]]:
    return list(zip(records["key_hi"].tolist(), records["key_lo"].tolist(), strict=True))
