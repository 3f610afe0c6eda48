"""What LMDB takes to make a transaction of one put durable, as the journal makes them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import lmdb

#: Bytes of an entry of some ten Reserves.
SMALL: Final = 2_000

_MAP_SIZE: Final = 1 << 30


def commit_seconds(
    folder: Path, size: int, repeats: int, clock: Callable[[], float]
) -> Sequence[float]:
    """Seconds of each of so many transactions, by a clock."""
    path = folder / "commits"
    seconds = []
    value = b"\xa5" * size
    with lmdb.open(str(path), map_size=_MAP_SIZE, subdir=False, max_dbs=0) as environment:
        for number in range(repeats):
            started = clock()
            with environment.begin(write=True) as transaction:
                transaction.put(number.to_bytes(8, "big"), value, append=True, overwrite=False)
            seconds.append(clock() - started)
    for left in (path, Path(f"{path}-lock")):
        left.unlink()
    return seconds
