"""What a channel calls our SKUs: its items, of the mapping table `item`, or of `sku` where there is
no such table. Without either, an item is called as its SKU.
"""

from bisect import bisect_right
from datetime import datetime
from operator import itemgetter

from ..mapping import ANY, Tables


class Items:
    """The items of one channel, as of a time."""

    def __init__(self, tables: Tables, now: datetime) -> None:
        rows = tables.rows.get("item", tables.rows.get("sku"))
        self._rows = rows or {}
        self._of_sku: dict[str, list[str]] = {}
        self._skus: dict[str, str] = {}
        self._newest: dict[str, str] = {}
        """By earlier names of SKUs, those that they have now."""
        self._passes = rows is None
        ends = (
            (end, item)
            for (item, _), several in self._rows.items()
            for row in several
            for end in (row.since, row.until)
            if end is not None
        )
        self._turns = sorted(ends)
        """When a row begins or ends to hold, and its item."""
        self._past = bisect_right(self._turns, now, key=itemgetter(0))
        for item, _ in self._rows:
            self._look_up(item, now)

    def __contains__(self, item: str) -> bool:
        return item in self._skus or (self._passes and item not in self._of_sku)

    def as_of(self, now: datetime) -> bool:
        """Let those rows hold that do at a time; whether any began or ended since the time before,
        which may be a later one.
        """
        past = bisect_right(self._turns, now, key=itemgetter(0))
        first, last = sorted((past, self._past))
        self._past = past
        for item in {item for _, item in self._turns[first:last]}:
            self._look_up(item, now)
        return first < last

    def of_sku(self, sku: str) -> list[str]:
        """What the channel calls a SKU; nothing when it does not have it."""
        return self._of_sku.get(sku) or ([sku] if self._passes and sku not in self._skus else [])

    def sku(self, item: str) -> str:
        """Our SKU of an item that `of_sku` returned."""
        return self._skus.get(item, item)

    def renamed(self, old: str, new: str) -> None:
        """A SKU has another name now: items that a table has under the old one are items of it."""
        self._newest[old] = new
        for item in self._of_sku.pop(old, ()):
            self._name(item, new)

    def _look_up(self, item: str, now: datetime) -> None:
        row = next((each for each in self._rows[item, ""] if each.holds(now)), None)
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
