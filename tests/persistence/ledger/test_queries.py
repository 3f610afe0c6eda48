"""Movements by SKU, location, reservation and source, against a filter in plain Python."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.persistence.ledger import index as indexing
from holdfast.persistence.ledger.follower import Follower
from holdfast.persistence.ledger.movements import ENTERS
from holdfast.persistence.ledger.queries import (
    Movement,
    MovementFilter,
    find_changes,
    find_movements,
    first_since,
)
from tests.persistence.ledger.following import following
from tests.persistence.lives import PLACES, SKUS, live_on

ALL = 1_000_000


@pytest.fixture(scope="module")
def follower(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Follower]:
    path: Path = tmp_path_factory.mktemp("queries") / "data"
    live_on(path, turns=60, seed=8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexing, "RUN_MOVEMENTS", 150)
        with following(path) as (found, _):
            assert len(found.index.runs) > 2
            yield found


def value_of(movement: Movement, key: str) -> bytes:
    if key == "reservation":
        number = int(movement.record["reservation"])
        return movement.part.texts[number] if number >= 0 else b""
    of = {"source": movement.fact, "correlation_id": movement.note}.get(key, movement.record)
    return movement.text(of, key).encode()


def test_combinations_find_what_a_scan_finds(follower: Follower) -> None:
    rng = random.Random(4)
    every = find_movements(follower.index, MovementFilter(), None, ALL)
    assert [each.number for each in every] == list(range(follower.index.count))[::-1]
    asked = 0
    for keys in (
        *itertools.combinations(("sku", "location", "reservation", "source", "correlation_id"), 2),
        ("sku",),
    ):
        for example in rng.sample(every, 20):
            texts = tuple((key, value_of(example, key)) for key in keys)
            if not all(text for _, text in texts):
                continue
            asked += 1
            expected = [
                each.number
                for each in every
                if all(value_of(each, key) == text for key, text in texts)
            ]
            found = find_movements(follower.index, MovementFilter(texts), None, ALL)
            assert expected == [each.number for each in found]
    assert asked > 40


@pytest.mark.parametrize("limit", [1, 7, 1_000])
@pytest.mark.parametrize("sku", ["", SKUS[3]])
def test_changes_of_reservations_are_found_from_any_number_on(
    follower: Follower, sku: str, limit: int
) -> None:
    """Oldest first, each once, and those alone."""
    wanted = MovementFilter((("sku", sku.encode()),) if sku else ())
    every = find_movements(follower.index, wanted, None, ALL)[::-1]
    expected = [each.number for each in every if each.kind in ENTERS]
    found: list[int] = []
    first = 0
    while first < follower.index.count:
        page, first = find_changes(follower.index, wanted, first, limit)
        assert len(page) <= limit
        found += [each.number for each in page]
    assert expected == found
    assert found
    assert ([], follower.index.count) == find_changes(follower.index, wanted, first, limit)


def test_pages_follow_each_other(follower: Follower) -> None:
    wanted = MovementFilter((("sku", SKUS[3].encode()),))
    whole = [each.number for each in find_movements(follower.index, wanted, None, ALL)]
    paged: list[int] = []
    while page := find_movements(follower.index, wanted, paged[-1] if paged else None, 7):
        assert len(page) <= 7
        paged += [each.number for each in page]
    assert whole == paged
    assert len(whole) > 14


def test_the_first_since_an_instant_is_found(follower: Follower) -> None:
    every = find_movements(follower.index, MovementFilter(), None, ALL)[::-1]
    times = [int(each.record["time_ns"]) for each in every]
    for instant_ns in (0, *times, *(time_ns + 1 for time_ns in times)):
        expected = next((n for n, time_ns in enumerate(times) if time_ns >= instant_ns), len(times))
        assert expected == first_since(follower.index, instant_ns)


def test_times_bound_what_is_found(follower: Follower) -> None:
    every = find_movements(follower.index, MovementFilter(), None, ALL)
    times = sorted({int(each.record["time_ns"]) for each in every})
    first, end = times[len(times) // 3], times[len(times) // 2]
    place = (("location", PLACES[1].encode()),)
    found = find_movements(follower.index, MovementFilter(place, first, end), None, ALL)
    expected = [
        each.number
        for each in every
        if first <= int(each.record["time_ns"]) < end and value_of(each, "location") == place[0][1]
    ]
    assert expected == [each.number for each in found]
    assert expected


def test_what_nobody_has_is_not_found(follower: Follower) -> None:
    assert [] == find_movements(
        follower.index, MovementFilter((("sku", b"no such"), ("location", b"store-1"))), None, ALL
    )


def test_levels_follow_from_movement_to_movement(follower: Follower) -> None:
    """What a level has before a movement is what it had after the one before it."""
    left: dict[tuple[int, int], tuple[int, ...]] = {}
    for each in reversed(find_movements(follower.index, MovementFilter(), None, ALL)):
        level = int(each.record["shard"]), int(each.record["row"])
        assert left.get(level, (0, 0, 0, 0)) == each.before
        left[level] = each.after
    for shard in follower.replica.node.shards:
        for row, record in enumerate(shard.levels.used.tolist()):
            assert record[:4] == left.get((shard.number, row), (0, 0, 0, 0))
