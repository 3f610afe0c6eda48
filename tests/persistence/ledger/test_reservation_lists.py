"""Reservations by SKU, location, state, age and owner, against a look at each of them."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.core.commands import ReservationView
from holdfast.core.ids import Key
from holdfast.core.kernels.codes import FLAG_TEXT
from holdfast.core.model import State
from holdfast.persistence.ledger.follower import Follower
from holdfast.persistence.ledger.reservation_lists import ReservationFilter, find_reservations
from tests.persistence.ledger.following import following
from tests.persistence.lives import PLACES, SKUS, live_on
from tests.persistence.test_earlier_builds import unpacked

ALL = 1_000_000


@pytest.fixture(scope="module", params=["of today", "of months"])
def follower(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Follower]:
    """A life of minutes; and one in which what had ended left, and new orders took its place."""
    path: Path = tmp_path_factory.mktemp("lists") / "data"
    if request.param == "of months":
        path = unpacked("schema-4", path.parent)
    else:
        live_on(path, turns=60, seed=8)
    with following(path) as (found, _):
        yield found


def every_view(follower: Follower) -> dict[Key, ReservationView]:
    """Each reservation, found by its key."""
    node = follower.replica.node
    views = {}
    for shard in node.shards:
        for record in shard.reservations.used[shard.reservations["line_count"] > 0]:
            text = None
            if record["flags"] & FLAG_TEXT:
                (text,) = shard.id_texts.read(int(record["id_text"]), 1)
            key = Key(int(record["key_hi"]), int(record["key_lo"]), text)
            views[key] = node.reservations.view(key, node.now_ns)
    return views


def made_at(view: ReservationView) -> int:
    assert view.reserved_at_ns is not None
    return view.reserved_at_ns


def fits(view: ReservationView, wanted: ReservationFilter) -> bool:
    return (
        wanted.state in (None, view.state)
        and made_at(view) < wanted.until_ns
        and wanted.owner in (None, view.owner)
        and any(
            wanted.sku in (None, line.sku) and wanted.location in (None, line.location)
            for line in view.lines
        )
    )


def test_each_filter_finds_what_a_look_at_all_finds(follower: Follower) -> None:
    views = every_view(follower)
    times = sorted(map(made_at, views.values()))
    found_any = 0
    owners = (None, "customer 3", "customer")
    for sku, place, state, until_ns, owner in itertools.product(
        *((None, *SKUS[:6]), (None, PLACES[0]), (None, *State)),
        *((2**63 - 1, times[len(times) // 2]), owners),
    ):
        wanted = ReservationFilter(sku, place, state, until_ns, owner)
        found = find_reservations(follower.replica, wanted, 0, ALL)
        expected = {key for key, view in views.items() if fits(view, wanted)}
        assert expected == {each.command.key for each in found}
        assert len(expected) == len(found)
        found_any += bool(found)
    assert found_any > 20


def test_each_owner_has_his_own(follower: Follower) -> None:
    """And a reservation without one is nobody's."""
    views = every_view(follower)
    for owner in {view.owner for view in views.values()} - {""}:
        wanted = ReservationFilter(owner=owner)
        found = {each.command.key for each in find_reservations(follower.replica, wanted, 0, ALL)}
        assert {key for key, view in views.items() if view.owner == owner} == found
        assert found


def test_pages_of_reservations_lead_to_all(follower: Follower) -> None:
    wanted = ReservationFilter()
    whole = [each.place for each in find_reservations(follower.replica, wanted, 0, ALL)]
    paged: list[int] = []
    while page := find_reservations(follower.replica, wanted, paged[-1] + 1 if paged else 0, 7):
        paged += [each.place for each in page]
    assert whole == paged
    assert len(whole) > 14
