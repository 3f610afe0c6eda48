"""What a channel calls our SKUs, and how many base units it sells as one. Its items are those of
the mapping table `item`, or of `sku` where there is no such table; without either, an item is
called as its SKU.

A channel shows an item in the unit in which it sells it, which its orders do not name: the factor
of the unit without a name holds for both.
"""

from bisect import bisect_right
from datetime import datetime
from fractions import Fraction
from itertools import chain
from operator import itemgetter

from ..mapping import ANY, Row, Tables


class Items:
    """The items of one channel, as of a time."""

    def __init__(self, tables: Tables, now: datetime) -> None:
        rows = tables.rows.get("item", tables.rows.get("sku"))
        self._rows = rows or {}
        units = tables.rows.get("unit", {})
        self._units = {key: several for key, several in units.items() if not key[0]}
        """Rows of the unit without a name."""
        self._tables = tables
        self._now = now
        self._of_sku: dict[str, list[str]] = {}
        self._skus: dict[str, str] = {}
        self._newest: dict[str, str] = {}
        """By earlier names of SKUs, those that they have now."""
        self._passes = rows is None
        self._turns = sorted(
            (end, name)
            for (name, _), several in chain(self._rows.items(), self._units.items())
            for row in several
            for end in (row.since, row.until)
            if end is not None
        )
        """When a row begins or ends to hold, and its item; or empty, for a unit."""
        self._past = bisect_right(self._turns, now, key=itemgetter(0))
        for item, _ in self._rows:
            self._look_up(item)

    def __contains__(self, item: str) -> bool:
        return item in self._skus or (self._passes and item not in self._of_sku)

    def as_of(self, now: datetime) -> bool:
        """Let those rows hold that do at a time; whether any began or ended since the time before,
        which may be a later one.
        """
        past = bisect_right(self._turns, now, key=itemgetter(0))
        first, last = sorted((past, self._past))
        self._past, self._now = past, now
        for item in {item for _, item in self._turns[first:last]}:
            self._look_up(item)
        return first < last

    def of_sku(self, sku: str) -> list[str]:
        """What the channel calls a SKU; nothing when it does not have it."""
        return self._of_sku.get(sku) or ([sku] if self._passes and sku not in self._skus else [])

    def sku(self, item: str) -> str:
        """Our SKU of an item that `of_sku` returned."""
        return self._skus.get(item, item)

    def factor(self, item: str) -> Fraction | int:
        """Base units in one of an item, as it is shown and sold."""
        if not self._units:
            return 1
        row = self._row(item)
        return self._tables.factor("", row.ours if row else item, self._now, "unit")

    def renamed(self, old: str, new: str) -> None:
        """A SKU has another name now: items that a table has under the old one are items of it."""
        self._newest[old] = new
        for item in self._of_sku.pop(old, ()):
            self._name(item, new)

    def _row(self, item: str) -> Row | None:
        return next((row for row in self._rows.get((item, ""), ()) if row.holds(self._now)), None)

    def _look_up(self, item: str) -> None:
        row = self._row(item)
        if item == ANY:
            self._passes = row is not None and row.ours == ANY
            return
        self._forget(item)
        if row is not None:
            self._name(item, self._newest.get(row.ours, row.ours))

    def _name(self, item: str, sku: str) -> None:
        self._skus[item] = sku
        self._of_sku.setdefault(sku, []).append(item)

    def _forget(self, item: str) -> None:
        if (sku := self._skus.pop(item, None)) is not None:
            self._of_sku[sku].remove(item)
            if not self._of_sku[sku]:
                del self._of_sku[sku]
