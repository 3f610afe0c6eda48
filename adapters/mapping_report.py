"""What mapping tables lack: which names, how often they came, and when.

A report is made of what was unmapped, and reports add up in any order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from .mapping import Unmapped


class Missing(NamedTuple):
    """A name that a table lacks, how often it came, and when first and last."""

    table: str
    name: str
    times: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """What is unmapped. Reports add up, in any order."""

    rows: Mapping[tuple[str, str], Missing] = field(default_factory=dict)

    @staticmethod
    def of(found: Iterable[tuple[Unmapped, datetime]]) -> "Report":
        """Of what was unmapped, and when it came."""
        return Report(_summed(Missing(each.table, each.name, 1, at, at) for each, at in found))

    def __add__(self, other: "Report") -> "Report":
        return Report(_summed(chain(self.rows.values(), other.rows.values())))


def _summed(rows: Iterable[Missing]) -> dict[tuple[str, str], Missing]:
    sums: dict[tuple[str, str], Missing] = {}
    for row in rows:
        key = row.table, row.name
        known = sums.get(key)
        sums[key] = row if known is None else _sum(known, row)
    return sums


def _sum(one: Missing, other: Missing) -> Missing:
    times = one.times + other.times
    first, last = min(one.first, other.first), max(one.last, other.last)
    return Missing(one.table, one.name, times, first, last)
