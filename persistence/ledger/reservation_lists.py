"""Reservations that are asked for by what they have, not by their ids."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from holdfast.core.commands import GetReservation, ReservationView
from holdfast.core.commands.naming import put_names
from holdfast.core.ids import Key
from holdfast.core.kernels.codes import FLAG_LATER_PART, FLAG_OWNER, FLAG_TEXT
from holdfast.core.model import State
from holdfast.core.tables.layouts import LINE
from holdfast.core.tables.names import NameTable
from holdfast.core.tables.reservation_index import pack_part, unpack_part
from holdfast.core.tables.shard import Shard

from .replica import NOBODY, Replica, units_in


@dataclass(frozen=True, slots=True)
class ReservationFilter:
    """Which reservations are asked for: as it is made, all."""

    sku: str | None = None
    """Those with a line of this SKU."""
    location: str | None = None
    """Those with a line at this location; in the same line, if a SKU is given too."""
    state: State | None = None
    """Those whose state as a whole is this."""
    until_ns: int = 2**63 - 1
    """Those that were accepted before this instant."""
    owner: str | None = None
    """Those of this owner."""


class Listed(NamedTuple):
    """A reservation, and its place in the order of lists."""

    place: int
    command: GetReservation
    view: ReservationView


def find_reservations(
    replica: Replica, wanted: ReservationFilter, start: int, limit: int
) -> list[Listed]:
    """The first reservations that are wanted, from a place on, in the order of their places."""
    found: list[Listed] = []
    for place, key in _candidates(replica, wanted, start):
        view = replica.node.reservations.view(key, replica.node.now_ns)
        view = put_names(view, replica.node.sku_names.shown)
        if wanted.state in (None, view.state):
            found.append(Listed(place, GetReservation(key), view))
            if len(found) == limit:
                break
    return found


def _candidates(
    replica: Replica, wanted: ReservationFilter, start: int
) -> Iterator[tuple[int, Key]]:
    """Places and keys of what may be wanted: all that is, and some in another state. A place is
    that of the first part (tables/reservation_index.py).
    """
    shards = replica.node.shards
    places = _places(replica, lambda shard, lines: _is_at(shard, lines, wanted))
    if (owner := wanted.owner) is not None:
        found = _places(replica, lambda shard, lines: _is_owned(replica, shard, lines, owner))
        places = np.intersect1d(places, found)
    if (state := wanted.state) is not None:
        # Its units in that state may be those of other lines.
        found = _places(replica, lambda shard, lines: units_in(shard, state, lines) > 0)
        places = np.intersect1d(places, found)
    for place in places[places >= start].tolist():
        shard_number, number = unpack_part(place)
        shard = shards[shard_number]
        if shard.reservations.records["reserved_at_ns"][number] < wanted.until_ns:
            yield place, _key(shard, number)


def _places(replica: Replica, judge: Callable[[Shard, Any], Any]) -> Any:
    """The places of reservations that have a line which `judge` picks from a shard's, in order."""
    found = []
    for shard in replica.node.shards:
        lines = np.flatnonzero(replica.holders(shard) != NOBODY)
        lines = lines[judge(shard, lines)]
        numbers = np.unique(replica.holders(shard)[lines].astype(np.int64))
        is_later = shard.reservations.records["flags"][numbers] & FLAG_LATER_PART != 0
        later = [_key(shard, number) for number in numbers[is_later].tolist()]
        found.append(pack_part(shard.number, 0) + numbers[~is_later])
        found.append(np.array([replica.node.homes.first_part(key) for key in later], np.int64))
    return np.unique(np.concatenate(found))


def _is_at(shard: Shard, lines: Any, wanted: ReservationFilter) -> Any:
    """Which lines of a shard are of the SKU and at the location that are wanted."""
    is_wanted = np.ones(len(lines), bool)
    for name, field, names in (
        (wanted.sku, "sku", shard.skus),
        (wanted.location, "location", shard.locations),
    ):
        if name is not None:
            called = shard.sku_names.all_of(name) if field == "sku" else (name,)
            numbers = [number for each in called for number in _numbers_of(names, each)]
            is_level = np.isin(shard.levels[field], numbers)
            is_wanted &= is_level[shard.lines.records["row"][lines]]
    return is_wanted


def _is_owned(replica: Replica, shard: Shard, lines: Any, owner: str) -> Any:
    """Which lines of a shard are of reservations of this owner."""
    numbers = replica.holders(shard)[lines]
    records = shard.reservations.records[numbers]
    left = np.flatnonzero(records["flags"] & FLAG_OWNER)
    at = records["id_text"][left].astype(np.int64) * LINE.itemsize
    data, text = shard.id_texts.data, owner.encode()
    is_after_id = records["flags"][left] & FLAG_TEXT != 0  # its own id
    at[is_after_id] += 1 + data[at[is_after_id]]
    # The length first, so that no byte after a shorter text is looked at.
    for place, byte in enumerate((len(text), *text)):
        is_same = data[at + place] == byte
        left, at = left[is_same], at[is_same]
    is_owned = np.zeros(len(lines), bool)
    is_owned[left] = True
    return is_owned


def _numbers_of(names: NameTable, name: str) -> list[int]:
    """The number of a name, and those that it had before it ended and began again."""
    ended = np.flatnonzero(names.removed.used).tolist()
    return [names.find(name), *(number for number in ended if names.text(number) == name)]


def _key(shard: Shard, number: int) -> Key:
    record = shard.reservations.records[number]
    text = None
    if record["flags"] & FLAG_TEXT:
        (text,) = shard.id_texts.read(int(record["id_text"]), 1)
    return Key(int(record["key_hi"]), int(record["key_lo"]), text)
