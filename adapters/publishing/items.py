"""What a channel calls our SKUs: its items, of the mapping table `item`, or of `sku` where there is
no such table. Without either, an item is called as its SKU.
"""

from datetime import datetime

from ..mapping import ANY, Tables


class Items:
    """The items of one channel, as of its start."""

    def __init__(self, tables: Tables, now: datetime) -> None:
        rows = tables.rows.get("item", tables.rows.get("sku"))
        self._of_sku: dict[str, list[str]] = {}
        self._skus: dict[str, str] = {}
        self._passes = rows is None
        for (item, _), several in (rows or {}).items():
            for row in several:
                if not row.holds(now):
                    continue
                if item == ANY:
                    self._passes = row.ours == ANY
                else:
                    self._name(item, row.ours)

    def __contains__(self, item: str) -> bool:
        return item in self._skus or (self._passes and item not in self._of_sku)

    def of_sku(self, sku: str) -> list[str]:
        """What the channel calls a SKU; nothing when it does not have it."""
        return self._of_sku.get(sku) or ([sku] if self._passes and sku not in self._skus else [])

    def sku(self, item: str) -> str:
        """Our SKU of an item that `of_sku` returned."""
        return self._skus.get(item, item)

    def renamed(self, old: str, new: str) -> None:
        """A SKU has another name now: items that a table has under the old one are items of it."""
        for item in self._of_sku.pop(old, ()):
            self._name(item, new)

    def _name(self, item: str, sku: str) -> None:
        self._skus[item] = sku
        self._of_sku.setdefault(sku, []).append(item)
