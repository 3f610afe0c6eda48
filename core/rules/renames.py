"""SKUs under other names (docs/adr/0047)."""

from dataclasses import replace

import numpy as np

from ..commands import Conflict, LimitReached, NameTaken, RenameOutcome, RenameSku, Unknown
from ..commands.registry import RENAME_SKU, executes
from ..limits import SKU_NAMES_EACH_MAX, SKU_NAMES_MAX
from ..model import Verb
from ..tables.effects import DTYPES, Section
from ..tables.shard import Shard
from ..tables.writing import record_all
from ..work import NAME_PASSED, Steps, Work
from . import repeats
from .homes import Homes

#: Names that are looked through before the turn may end: less than a millisecond.
PASSED_MAX = 65_536


class Renames:
    """The names of SKUs, over the shards of a node."""

    def __init__(self, homes: Homes, work: Work) -> None:
        self.homes = homes
        self.names = homes.sku_names
        self.work = work

    @executes(RENAME_SKU)
    def rename(
        self, command: RenameSku, now_ns: int
    ) -> Steps[RenameOutcome | Unknown | Conflict | NameTaken | LimitReached]:
        """Call a SKU by a new name, or by one that it had; it goes on under all of them."""
        name = command.new_sku
        for start in range(0, len(self.homes.shard_of_sku(name).skus), PASSED_MAX):
            if self.work.is_over:
                now_ns = yield
            if self._has_ended(name, start):
                return NameTaken("new_sku", name, name, has_ended=True)
        sku = self.names.first.get(command.sku, command.sku)
        return self._rename(replace(command, sku=sku), now_ns)

    def _has_ended(self, name: str, start: int) -> bool:
        """Whether a SKU of this name has ended, among those from a number on."""
        skus = self.homes.shard_of_sku(name).skus
        if name in self.names.shown or skus.find(name) >= 0:
            return False  # it is another's now
        numbers = range(start, min(start + PASSED_MAX, len(skus)))
        self.work.spend(len(numbers) * NAME_PASSED)
        return skus.was_removed(name, numbers)

    def _rename(
        self, command: RenameSku, now_ns: int
    ) -> RenameOutcome | Unknown | Conflict | NameTaken | LimitReached:
        sku, name = command.sku, command.new_sku
        shard = self.homes.shard_of_sku(sku)
        said = {"new_sku": name}
        first = repeats.first_on_sku(self.homes, command, Verb.RENAME_SKU, said, now_ns)
        if isinstance(first, Conflict):
            return first
        if first is not None:
            return RenameOutcome(sku, self.names.all_of(sku), shard.revision_now(), is_repeat=True)
        number = shard.skus.find(sku)
        if number < 0:
            return Unknown("sku", sku)
        if (refusal := self._refused(sku, name)) is not None:
            return refusal
        # Point of no return: the SKU exists, and the name is its own or nobody's.
        if name != self.names.shown.get(sku, sku):
            record_name(shard, number, name, is_present=True)
        repeats.remember_on_sku(shard, command, Verb.RENAME_SKU, said, 0)
        return RenameOutcome(sku, self.names.all_of(sku), shard.revision_now())

    def _refused(self, sku: str, name: str) -> NameTaken | LimitReached | None:
        """Why a SKU can't be called so, if it can't."""
        own = self.names.all_of(sku)
        if name in own:
            return None
        if name in self.names.shown or self.homes.shard_of_sku(name).skus.find(name) >= 0:
            return NameTaken("new_sku", name, self.names.shown.get(name, name))
        if len(own) > SKU_NAMES_EACH_MAX:
            return LimitReached("new_sku", name, "other names of the SKU", SKU_NAMES_EACH_MAX)
        if len(self.names.first) >= SKU_NAMES_MAX:
            return LimitReached("new_sku", name, "other names of all SKUs", SKU_NAMES_MAX)
        return None


def record_name(shard: Shard, number: int, name: str, *, is_present: bool) -> None:
    """Give a SKU of a shard a name, by which it is called from now on or not."""
    effects = np.zeros(1, DTYPES[Section.SKU_RENAMES])
    effects["sku"], effects["is_present"], effects["name"] = number, is_present, name.encode()
    record_all(shard, Section.SKU_RENAMES, effects)
