"""The answer to a BatchGetAvailability by SKU, encoded from columns in pieces of some 2 ms: it may
have hundreds of thousands of stock levels.

A piece has some SKUs whole: their levels are encoded, then the SKUs around them, then the part of
the answer around those. The last step puts the parts together.
"""

from collections.abc import Generator, Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np

from holdfast.core import commands as core
from holdfast.core import kernels
from holdfast.core.model import SourceState
from holdfast.v1 import availability_service_pb2 as availability

from .encoding import Column, Encoded, Figures, Pieces, encode, encode_part
from .shared import SOURCE_STATES, revision_message

#: Stock levels, with what is unavailable of each, that are encoded at once.
ENCODED_AT_ONCE: Final = 10_000

_AVAILABLE: Final = core.LevelFigure.AVAILABLE

#: How the wire says each state, by its number in the engine.
_STATES_SENT: Final = np.array([0, *map(SOURCE_STATES.__getitem__, SourceState)])

_part = partial(encode_part, availability.BatchGetAvailabilityResponse)


def batch_availability_response(
    command: core.GetAvailability, outcome: core.AvailabilitiesView
) -> Generator[None, None, Encoded]:
    """The answer to a BatchGetAvailability by SKU, in pieces. Unknown SKUs are listed, not a fault:
    one typo must not cost a caller the other 999.
    """
    locations = yield from _encoded_names(outcome.levels.locations)
    unavailable = yield from _encoded_unavailable(outcome.levels)
    inside = Pieces.joined(*locations, *unavailable)
    revisions = Pieces.of(revision_message(each).SerializeToString() for each in outcome.revisions)
    parts: list[bytes] = []
    for places in _groups(outcome):
        if parts:
            yield
        among, ranges = _members(*outcome.bounds.take(places, axis=1))
        levels = yield from _encoded_levels(outcome.levels, among, inside)
        available = outcome.levels.take(among, _AVAILABLE)
        columns: dict[str, Column] = {
            "levels": ranges,
            "network_available": _summed(available, *ranges),
        }
        if is_long := levels.many > ENCODED_AT_ONCE:
            yield
        encoded = _encoded_skus(outcome, places, columns, levels, revisions)
        if is_long:
            yield
        parts.append(_part(encoded, availabilities=encoded.many))
    if len(missing := np.flatnonzero(outcome.read_at < 0)):
        unknown = Pieces.of(command.skus[place].encode() for place in missing.tolist())
        parts.append(_part(unknown, unknown_skus=unknown.many))
    if len(outcome.levels) > ENCODED_AT_ONCE:
        yield
    return Encoded(*parts)


def _encoded_names(names: Sequence[str]) -> Generator[None, None, list[Pieces]]:
    pieces = [Pieces.of(())]
    for start in range(0, len(names), ENCODED_AT_ONCE):
        if start:
            yield
        pieces.append(Pieces.of(map(str.encode, names[start : start + ENCODED_AT_ONCE])))
    return pieces


def _groups(outcome: core.AvailabilitiesView) -> list[Figures]:
    """The places of the SKUs that are known, in the request, in groups of ENCODED_AT_ONCE, or up to
    as many more as the last SKU has.
    """
    known = np.flatnonzero(outcome.read_at >= 0)
    starts, ends = outcome.bounds.take(known, axis=1)
    return _cut(known, _sizes(outcome.levels, starts, ends))


def _sizes(table: core.LevelTable, starts: Figures, ends: Figures) -> Figures:
    """The levels of each range, with what is unavailable of them."""
    if not len(table.unavailable):
        return ends - starts
    at = table.unavailable[:, 0]
    return ends - starts + at.searchsorted(ends) - at.searchsorted(starts)


def _cut(numbers: Figures, sizes: Figures) -> list[Figures]:
    """Numbers in pieces of ENCODED_AT_ONCE by their sizes, or as much more as the last has."""
    pieces = (np.cumsum(sizes) - sizes) // ENCODED_AT_ONCE
    return np.split(numbers, np.flatnonzero(np.diff(pieces)) + 1) if len(numbers) else []


def _members(starts: Figures, ends: Figures) -> tuple[Figures, tuple[Figures, Figures]]:
    """The numbers of all ranges, rising, and where each range starts and ends among them."""
    order = starts.argsort()
    sizes = (ends - starts)[order]
    lasts = np.cumsum(sizes)
    firsts = lasts - sizes
    members = np.arange(sizes.sum()) + np.repeat(starts[order] - firsts, sizes)
    place = order.argsort()
    return members, (firsts[place], lasts[place])


def _summed(available: Figures, firsts: Figures, lasts: Figures) -> Figures:
    """The sum of each range, without those that are short."""
    sums = np.empty(len(firsts), np.int64)
    kernels.sum_positive(available, firsts, lasts, sums)
    return sums


def _encoded_skus(
    outcome: core.AvailabilitiesView,
    places: Figures,
    columns: Mapping[str, Column],
    levels: Pieces,
    revisions: Pieces,
) -> Pieces:
    """The Availability of each of some SKUs. `columns` has its levels, which are pieces, and what
    they sum up to.
    """
    names = Pieces.of(map(str.encode, map(outcome.skus.__getitem__, places.tolist())))
    name = levels.many + np.arange(len(places))
    revision = levels.many + names.many + outcome.read_at[places]
    all_columns = {"sku": (name, name + 1), **columns, "revision": (revision, revision + 1)}
    return encode(availability.Availability, all_columns, Pieces.joined(levels, names, revisions))


def _encoded_levels(
    table: core.LevelTable, levels: Figures, inside: Pieces
) -> Generator[None, None, Pieces]:
    """Levels of a table by their places, as StockLevel. All of them have what is `inside`: names of
    locations, then what is unavailable.
    """
    pieces: list[Pieces] = []
    for piece in _cut(levels, _sizes(table, levels, levels + 1)):
        if pieces:
            yield
        at = table.unavailable[:, 0]
        firsts, lasts = at.searchsorted(piece), at.searchsorted(piece + 1)
        ranges = firsts + len(table.locations), lasts + len(table.locations)
        columns = level_columns(table.take(piece), ranges)
        pieces.append(encode(availability.StockLevel, columns, inside))
    return Pieces.joined(Pieces.of(()), *pieces)


def _encoded_unavailable(table: core.LevelTable) -> Generator[None, None, list[Pieces]]:
    """What is unavailable of all levels, as UnavailableUnits."""
    statuses = Pieces.joined(*(yield from _encoded_names(table.statuses)))
    pieces: list[Pieces] = []
    for start in range(0, len(table.unavailable), ENCODED_AT_ONCE):
        if start:
            yield
        _, status, quantity = table.unavailable[start : start + ENCODED_AT_ONCE].T
        columns: dict[str, Column] = {"status": (status, status + 1), "quantity": quantity}
        pieces.append(encode(availability.UnavailableUnits, columns, statuses))
    return pieces


def level_columns(figures: Figures, unavailable: tuple[Figures, Figures]) -> dict[str, Column]:
    """Figures of a LevelTable as fields of StockLevel, where `fill_level` has them one by one."""
    location, on_hand, reserved, committed, available, enabled, *more = figures
    incoming, quarantined, state, backordered = more
    return {
        "location": (location, location + 1),
        "on_hand": on_hand,
        "reserved": reserved,
        "committed": committed,
        "available": available,
        "shortfall": np.maximum(-available, 0),
        "enabled": enabled,
        "unavailable": unavailable,
        "incoming": incoming,
        "quarantined": quarantined,
        "source_state": _STATES_SENT[state],
        "backordered": backordered,
    }
