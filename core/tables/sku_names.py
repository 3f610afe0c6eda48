"""Other names of SKUs: those that they were renamed to, and of SKUs that were merged into them.

Inside the node a SKU has one name for life, the one that it began with: its rows lie in the shard
of that name, and journal and ledger call it by that. The node takes any of its names, and puts the
first one in its place before a rule sees the command; in what it answers it puts the name by which
the SKU is called now (docs/adr/0047). Names stay with a SKU that ends: the next that begins under
one of them has them all.
"""

from collections.abc import Mapping

from .table import Array, Table


class SkuNames:
    """The names of all SKUs of a node that have more than one. Derived from the shards' tables."""

    __slots__ = ("_by_first", "_places", "changes", "first", "shown")

    def __init__(self) -> None:
        self._by_first: dict[str, list[str]] = {}
        # First name -> other name -> its record, in the table of the shard of the first one; also
        # of a SKU that was merged into another since.
        self._places: dict[str, dict[str, int]] = {}
        self.first: dict[str, str] = {}
        """Another name -> the first one of its SKU."""
        self.shown: dict[str, str] = {}
        """Any name of a SKU that has several -> the one by which it is called now."""
        self.changes = 0
        """How often names have changed."""

    def __repr__(self) -> str:
        return f"<SkuNames: {len(self.first)} of {len(self._by_first)} SKUs>"

    def clear(self) -> None:
        """Forget all, before the tables are loaded."""
        for names in (self._by_first, self._places, self.first, self.shown):
            names.clear()

    def all_of(self, name: str) -> tuple[str, ...]:
        """All names of the SKU that has this one, the first one first."""
        first = self.first.get(name, name)
        return (first, *self._by_first.get(first, ()))

    def current_name(self, recorded: str) -> str:
        """The current name of a SKU by the text that was recorded of it; the text itself for one
        that was merged into another, so that the two can be distinguished.
        """
        return recorded if recorded in self.first else self.shown.get(recorded, recorded)

    def load(self, table: Table, first_names: Mapping[int, str]) -> None:
        """Take in the names of a shard's table (SKU_NAME), whose SKUs have these first names."""
        for place, record in enumerate(table.used):
            first, name = first_names[int(record["sku"])], text_of(record)
            self._places.setdefault(first, {})[name] = place
            self._take_in(first, name, is_present=bool(record["is_present"]))

    def note(self, table: Table, first: str, effect: Array) -> None:
        """Note in a shard's table what an effect (SKU_RENAMES) says of the SKU with this first
        name, and take it in. What the table becomes rests on the table alone: replay has the
        effects of a turn shard by shard, and may hear of a merge before it hears of the names.
        """
        self.changes += 1
        name, places = text_of(effect), self._places.setdefault(first, {})
        if name != first and name not in places:
            places[name] = len(table)
            table.extend(1)[0] = effect
        if effect["is_present"]:
            for each, place in places.items():
                table.records["is_present"][place] = each == name
        self._take_in(first, name, is_present=bool(effect["is_present"]))

    def _take_in(self, first: str, name: str, *, is_present: bool) -> None:
        if first in self.first:
            return  # it was merged into another SKU, which has these names
        if name != first:
            self._enter(first, name)
        if is_present:
            self._show(first, name)

    def _enter(self, first: str, name: str) -> None:
        before = self.first.get(name)
        if before != first:
            if before is not None:  # that of a SKU which is merged into this one
                self._by_first[before].remove(name)
            self.first[name] = first
            self._by_first.setdefault(first, []).append(name)
        self._show(first, self.shown.get(first, first))

    def _show(self, first: str, present: str) -> None:
        self.shown.update(dict.fromkeys(self.all_of(first), present))


def text_of(record: Array) -> str:
    """The name that a record (SKU_NAME), or an effect (SKU_RENAMES), has."""
    return bytes(record["name"]).decode()
