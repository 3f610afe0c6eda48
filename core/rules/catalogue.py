"""The catalogue: locations, and the end of a SKU."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..commands import (
    LOCATION_FIELDS,
    Conflict,
    CreateLocation,
    DeleteOutcome,
    DeleteSku,
    GetLocation,
    ListLocations,
    Location,
    LocationOutcome,
    LocationsView,
    LocationView,
    OutOfRange,
    Unknown,
    UpdateLocation,
)
from ..commands.registry import (
    CREATE_LOCATION,
    DELETE_SKU,
    GET_LOCATION,
    LIST_LOCATIONS,
    UPDATE_LOCATION,
    executes,
)
from ..limits import LOCATIONS_MAX, TOTAL_MAX
from ..model import LocationKind, Verb
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.writing import number_of_name, record
from ..work import LEVEL_COPIED, LOCATION_LISTED, LOCATION_PUT, Steps, Work
from . import joint_turn, repeats
from .homes import Homes

#: Locations that are listed before the turn may end.
LISTED_MAX = 100


class Catalogue:
    """Locations and SKUs over the shards of a node."""

    def __init__(self, shards: Sequence[Shard], homes: Homes, work: Work) -> None:
        self.shards = shards
        self.homes = homes
        self.work = work

    @executes(CREATE_LOCATION)
    def create_location(self, command: CreateLocation, _now_ns: int) -> LocationOutcome | Conflict:
        """Create a location, in every shard: each keeps all locations."""
        location = command.location
        known = self._find(location.name)
        if known is not None and known != location:
            return _conflict(known, location)
        # Point of no return: the location is new, or just so.
        self._set(location)
        return LocationOutcome(location, joint_turn.revisions(self.shards))

    @executes(UPDATE_LOCATION)
    def update_location(
        self, command: UpdateLocation, now_ns: int
    ) -> LocationOutcome | Unknown | Conflict:
        """Change a location, in every shard. A repeat leaves it as others have changed it since."""
        location, said = command.location, _said_by(command)
        home = self.shards[0]
        first = repeats.first_result(home, command.request, Verb.UPDATE_LOCATION, said, now_ns)
        if isinstance(first, Conflict):
            return first
        known = self._find(location.name)
        if first is not None:
            assert known is not None, "locations do not end"
            return LocationOutcome(known, joint_turn.revisions(self.shards), is_repeat=True)
        if known is None and not command.allow_missing:
            return Unknown("location.location", location.name)
        # Point of no return: the location exists, or may be created.
        if known is not None:
            changes = {name: getattr(location, name) for name in command.fields}
            location = replace(known, **changes)
        self._set(location)
        repeats.remember_result(home, command.request, Verb.UPDATE_LOCATION, said, 0)
        return LocationOutcome(location, joint_turn.revisions(self.shards))

    def _find(self, name: str) -> Location | None:
        number = self.shards[0].locations.find(name)
        return None if number < 0 else next(_locations(self.shards[0], range(number, number + 1)))

    def _set(self, location: Location) -> None:
        self.work.spend(len(self.shards) * LOCATION_PUT)
        for shard in self.shards:
            number = number_of_name(shard, shard.locations, Section.LOCATION_NAMES, location.name)
            display_name = number_of_name(
                shard, shard.display_names, Section.DISPLAY_NAMES, location.display_name
            )
            effect = (number, display_name, location.kind, location.enabled, 0)
            if tuple(shard.location_records.records[number])[:3] != effect[1:4]:
                record(shard, Section.LOCATIONS, effect)

    @executes(GET_LOCATION)
    def get_location(self, command: GetLocation, _now_ns: int) -> LocationView | Unknown:
        """Read one location."""
        found = self._find(command.name)
        return Unknown("location", command.name) if found is None else LocationView(found)

    @executes(LIST_LOCATIONS)
    def list_locations(self, command: ListLocations, _now_ns: int) -> Steps[LocationsView]:
        """A page of locations, each as it is when it is listed: the turn may end between them."""
        shard = self.shards[0]
        end = min(command.start + command.count, len(shard.locations))
        page: list[Location] = []
        for start in range(command.start, end, LISTED_MAX):
            if self.work.is_over:
                yield
            numbers = range(start, min(start + LISTED_MAX, end))
            self.work.spend(len(numbers) * LOCATION_LISTED)
            page += _locations(shard, numbers)
        return LocationsView(tuple(page), end if end < len(shard.locations) else None)

    @executes(DELETE_SKU)
    def delete_sku(
        self, command: DeleteSku, now_ns: int
    ) -> DeleteOutcome | Unknown | Conflict | OutOfRange:
        """End a SKU. Its rows stay for the reservations on them; its name may begin anew with new
        rows, which a repeat of the command leaves alone.
        """
        first = repeats.first_on_sku(self.homes, command, Verb.DELETE_SKU, {}, now_ns)
        if isinstance(first, Conflict):
            return first
        home = self.homes.shard_of_sku(command.sku)
        shard, number = first or (home, home.skus.find(command.sku))
        if number < 0:
            return Unknown("sku", command.sku)
        outcome = self._what_ends(shard, number, command.sku)
        if isinstance(outcome, OutOfRange):
            return outcome
        if first is not None:
            return replace(outcome, is_repeat=True)
        # Point of no return: the SKU exists, and the answer can say what it had.
        record(shard, Section.ENDED_SKUS, (number,))
        repeats.remember_on_sku(shard, command, Verb.DELETE_SKU, {}, number)
        return replace(outcome, revision=shard.revision_now())

    def _what_ends(self, shard: Shard, number: int, name: str) -> DeleteOutcome | OutOfRange:
        """What a SKU has, whether or not it has ended."""
        rows = np.empty(LOCATIONS_MAX, np.int64)
        (end,) = shard.list_levels(np.array([number]), rows)
        self.work.spend(int(end) * LEVEL_COPIED)
        levels = shard.levels.records[rows[:end]]
        # Python's integers: of levels at their limit, five are more than an int64.
        on_hand = sum(levels["on_hand"].tolist())
        promised = sum(levels["reserved"].tolist()) + sum(levels["committed"].tolist())
        for what, total in (("on_hand", on_hand), ("reserved + committed", promised)):
            if abs(total) > TOTAL_MAX:
                return OutOfRange("sku", name, f"its total {what}, {total},", TOTAL_MAX)
        return DeleteOutcome(len(levels), on_hand, promised, shard.revision_now())


def _locations(shard: Shard, numbers: range) -> Iterator[Location]:
    records = shard.location_records.records[numbers.start : numbers.stop]
    names = shard.locations.texts(np.array(numbers))
    displays = shard.display_names.texts(records["display_name"])
    kinds = map(LocationKind, records["kind"].tolist())
    return map(Location, names, kinds, displays, map(bool, records["enabled"].tolist()))


def _conflict(known: Location, now: Location) -> Conflict:
    """The first field in which two locations differ."""
    for name in LOCATION_FIELDS:
        first, second = getattr(known, name), getattr(now, name)
        if first != second:
            return Conflict(f"location.{name}", _text(first), _text(second))
    raise AssertionError("they differ")


def _text(value: LocationKind | str | bool) -> str:
    if isinstance(value, LocationKind):
        return value.name
    return value if isinstance(value, str) else str(value).lower()


def _said_by(command: UpdateLocation) -> repeats.Said:
    """What a request to change a location says. Its kind is given as a number, which stays."""
    location = command.location
    return {
        "location": (int(location.kind), location.display_name, location.enabled),
        "update_mask": command.fields,
        "allow_missing": command.allow_missing,
    }
