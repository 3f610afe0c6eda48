"""The catalogue: locations, and the end of a SKU."""

from collections.abc import Sequence

import numpy as np

from ..commands import (
    DeleteOutcome,
    DeleteSku,
    ListLocations,
    Location,
    LocationOutcome,
    LocationsView,
    OutOfRange,
    PutLocation,
    Unknown,
)
from ..commands.registry import DELETE_SKU, LIST_LOCATIONS, PUT_LOCATION, executes
from ..limits import LOCATIONS_MAX, TOTAL_MAX
from ..model import LocationKind
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.writing import number_of_name, record
from ..work import LEVEL_COPIED, LOCATION_PUT, LOCATION_TOLD, Steps, Work
from . import joint_turn
from .homes import Homes

#: Locations that are listed before the turn may end.
LISTED_MAX = 100


class Catalogue:
    """Locations and SKUs over the shards of a node."""

    def __init__(self, shards: Sequence[Shard], homes: Homes, work: Work) -> None:
        self.shards = shards
        self.homes = homes
        self.work = work

    @executes(PUT_LOCATION)
    def put_location(self, command: PutLocation, _now_ns: int) -> LocationOutcome:
        """Create or change a location, in every shard: each keeps all locations."""
        location = command.location
        self.work.spend(len(self.shards) * LOCATION_PUT)
        for shard in self.shards:
            number = number_of_name(shard, shard.locations, Section.LOCATION_NAMES, location.name)
            display_name = number_of_name(
                shard, shard.display_names, Section.DISPLAY_NAMES, location.display_name
            )
            effect = (number, display_name, location.kind, location.enabled, 0)
            if tuple(shard.location_records.records[number])[:3] != effect[1:4]:
                record(shard, Section.LOCATIONS, effect)
        return LocationOutcome(location, joint_turn.revisions(self.shards))

    @executes(LIST_LOCATIONS)
    def list_locations(self, _command: ListLocations, _now_ns: int) -> Steps[LocationsView]:
        """List all locations, each as it is when it is listed: the turn may end between them."""
        shard = self.shards[0]
        locations: list[Location] = []
        for start in range(0, len(shard.locations), LISTED_MAX):
            if self.work.is_over:
                yield
            records = shard.location_records.used[start : start + LISTED_MAX]
            self.work.spend(len(records) * LOCATION_TOLD)
            names = shard.locations.texts(np.arange(start, start + len(records)))
            displays = shard.display_names.texts(records["display_name"])
            kinds = map(LocationKind, records["kind"].tolist())
            enabled = map(bool, records["enabled"].tolist())
            locations += map(Location, names, kinds, displays, enabled)
        return LocationsView(tuple(locations))

    @executes(DELETE_SKU)
    def delete_sku(self, command: DeleteSku, _now_ns: int) -> DeleteOutcome | Unknown | OutOfRange:
        """End a SKU. Its rows stay for the reservations on them; its name may begin anew with new
        rows.
        """
        shard = self.homes.shard_of_sku(command.sku)
        number = shard.skus.find(command.sku)
        if number < 0:
            return Unknown("sku", command.sku)
        rows = np.empty(LOCATIONS_MAX, np.int64)
        (end,) = shard.list_levels(np.array([number]), rows)
        self.work.spend(int(end) * LEVEL_COPIED)
        levels = shard.levels.records[rows[:end]]
        # Python's integers: of levels at their limit, five are more than an int64.
        on_hand = sum(levels["on_hand"].tolist())
        promised = sum(levels["reserved"].tolist()) + sum(levels["committed"].tolist())
        for what, total in (("on_hand", on_hand), ("reserved + committed", promised)):
            if abs(total) > TOTAL_MAX:
                return OutOfRange("sku", command.sku, f"its total {what}, {total},", TOTAL_MAX)
        # Point of no return: the SKU exists, and the answer can tell what it had.
        record(shard, Section.ENDED_SKUS, (number,))
        return DeleteOutcome(len(levels), on_hand, promised, shard.revision_now())
