"""Levels as the core reported them last: their units, whether those are current, how fast they go.

Rules of this file: values in flat arrays, and no decisions. The clock is handed in.
"""

from array import array
from collections.abc import Iterator
from typing import NamedTuple

from .buffers import Rate
from .velocity import Velocity


class KnownLevel(NamedTuple):
    """What is known of a level."""

    units: int
    """Available ones: 0 where promises exceed supply."""
    is_current: bool
    rate: Rate | None
    """How fast they are promised; None while none was."""


class KnownLevels:
    """All levels that a process follows."""

    def __init__(self) -> None:
        self.is_whole = False
        """Whether all levels were reported that there are: one that is not known has no units."""
        self._rows: dict[tuple[str, str], int] = {}
        self._units = array("q")
        self._is_current = bytearray()
        self._velocities: dict[int, Velocity] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._rows)

    def tell(
        self,
        sku: str,
        location: str,
        available: int,
        is_current: bool,
        now_s: float,
        *,
        is_demand: bool = True,
    ) -> None:
        """Take in what the core reports of a level. What it has less of was promised at once, if
        `is_demand`.
        """
        units = max(0, available)
        row = self._rows.setdefault((sku, location), len(self._units))
        if row == len(self._units):
            self._units.append(units)
            self._is_current.append(is_current)
            return
        promised = self._units[row] - units
        if promised > 0 and is_demand:
            velocity = self._velocities.setdefault(row, Velocity(now_s))
            velocity.add(promised, now_s)
        self._units[row], self._is_current[row] = units, is_current

    def level(self, sku: str, location: str, now_s: float) -> KnownLevel | None:
        """What is known of a level."""
        row = self._rows.get((sku, location))
        if row is None:
            return None
        velocity = self._velocities.get(row)
        rate = None if velocity is None else velocity.rate(now_s)
        return KnownLevel(self._units[row], bool(self._is_current[row]), rate)
