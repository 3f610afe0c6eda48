"""Numbers of tills that did not come: who is told of them, and when."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.events import Numbered
from holdfast.adapters.runtime import till_gaps
from holdfast.adapters.runtime.cases import cases, settle_case
from holdfast.adapters.runtime.records import Case
from holdfast.adapters.runtime.store import Store
from holdfast.adapters.runtime.till_gaps import (
    LISTED_MAX,
    MISSING_MAX,
    RUNS_MAX,
    Run,
    add,
    gaps,
    note_numbers,
    tell_gaps,
)

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
GRACE = timedelta(hours=36)
LATER = NOW + GRACE
TODAY, TOMORROW = "2026-11-26", "2026-11-27"
TILL = "pos/0042/3"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path, 16 << 20)
    yield store
    store.close()


def came(
    store: Store, *numbers: int, date: str = TODAY, till: str = TILL, now: datetime = NOW
) -> None:
    numbered = [Numbered(source=till, date=date, number=number, grace=GRACE) for number in numbers]
    store.write_now(note_numbers("tills", numbered, now))


def cases_in(store: Store) -> list[Case]:
    with store.reading() as tables:
        return list(cases(tables))


def came_to(places: Sequence[tuple[str, int]]) -> list[str]:
    """What is missing once these came, in this order."""
    runs: list[Run] = []
    for date, number in places:
        add(runs, date, number, 1.0)
    return [str(gap) for gap in gaps(runs)]


async def test_what_is_missing_is_a_case_after_its_grace_time(store: Store) -> None:
    came(store, 113, 114, 117)
    came(store, 120, date=TOMORROW)
    await tell_gaps(store, LATER - timedelta(seconds=1))
    assert [] == cases_in(store)
    for _ in range(2):
        await tell_gaps(store, LATER)

    (case,) = cases_in(store)
    assert ("tills", "till_gap", TILL, 1) == (case.adapter, case.kind, case.subject, case.times)
    assert (
        "4 of its transactions did not come: "
        "115 to 116 (2026-11-26), 118 to 119 (2026-11-26 to 2026-11-27)"
    ) == case.text


async def test_what_comes_within_the_grace_time_is_reported_to_nobody(store: Store) -> None:
    """A store that was offline for a day sends all it has, the newest first."""
    came(store, 1, 300)
    came(store, *range(299, 1, -1), now=NOW + timedelta(days=1))
    await tell_gaps(store, NOW + timedelta(days=30))
    assert [] == cases_in(store)


async def test_the_case_says_what_is_still_missing_and_is_settled_when_nothing_is(
    tmp_path: Path,
) -> None:
    """Also after a restart, and whichever date the till says of what was between two."""
    store = Store(tmp_path, 16 << 20)
    came(store, 1, 5)
    await tell_gaps(store, LATER)
    store.close()
    store = Store(tmp_path, 16 << 20)
    came(store, 3, now=LATER)
    (case,) = cases_in(store)
    assert "2 of its transactions did not come: 2 (2026-11-26), 4 (2026-11-26)" == case.text
    came(store, 2, 4, now=LATER)
    (case,) = cases_in(store)
    assert (1, "the missing transactions came") == (case.times, case.settled)
    await tell_gaps(store, LATER + GRACE)
    assert [case] == cases_in(store)
    store.close()


async def test_what_more_is_missing_counts_the_case_of_its_till(store: Store) -> None:
    both = [
        Numbered(source=till, date=TODAY, number=number, grace=GRACE)
        for till, number in ((TILL, 1), ("pos/0042/4", 1), (TILL, 3), ("pos/0042/4", 9))
    ]
    store.write_now(note_numbers("tills", both, NOW))
    await tell_gaps(store, LATER)
    came(store, 6, now=LATER)
    await tell_gaps(store, LATER + GRACE)
    found = {case.subject: (case.times, case.text) for case in cases_in(store)}
    assert {
        TILL: (
            2,
            "3 of its transactions did not come: 2 (2026-11-26), 4 to 5 (2026-11-26)",
        ),
        "pos/0042/4": (1, "7 of its transactions did not come: 2 to 8 (2026-11-26)"),
    } == found


async def test_what_a_person_has_settled_is_not_reported_again(store: Store) -> None:
    came(store, 1, 3)
    await tell_gaps(store, LATER)
    assert store.write_now(lambda tables: settle_case(tables, 1, "the till was wiped"))
    came(store, 6, now=LATER)
    await tell_gaps(store, LATER + GRACE)
    (_, case) = cases_in(store)
    assert "2 of its transactions did not come: 4 to 5 (2026-11-26)" == case.text
    came(store, 2, now=LATER + GRACE)
    assert "" == cases_in(store)[1].settled


async def test_what_came_while_a_person_settled_its_case_leaves_that_as_it_is(store: Store) -> None:
    came(store, 1, 3)
    await tell_gaps(store, LATER)
    assert store.write_now(lambda tables: settle_case(tables, 1, "the till was wiped"))
    came(store, 2, now=LATER)
    (case,) = cases_in(store)
    assert "the till was wiped" == case.settled


async def test_what_comes_before_its_case_is_written_is_not_reported(store: Store) -> None:
    came(store, 1, 3)
    (key,) = till_gaps._due(store, LATER)
    came(store, 2, now=LATER)
    await store.write(till_gaps._tell(key, LATER))
    assert [] == cases_in(store)


async def test_a_case_lists_a_few_places(store: Store) -> None:
    came(store, *range(1, 2 * LISTED_MAX + 6, 2))
    await tell_gaps(store, LATER)
    (case,) = cases_in(store)
    assert case.text.startswith("12 of its transactions did not come: 2 (2026-11-26), 4 (")
    assert case.text.endswith("20 (2026-11-26), and at 2 more places")


@pytest.mark.parametrize(
    "places",
    [
        [(TODAY, 300), (TOMORROW, 1)],
        [(TODAY, 9_998), (TODAY, 9_999), (TODAY, 1), (TODAY, 2), (TOMORROW, 3)],
        [(TODAY, 8), (TOMORROW, 1_000_000), (TOMORROW, 1_000_001)],
        [(TODAY, 8), (TODAY, 8 + MISSING_MAX + 2)],
    ],
    ids=["each day", "end of its range", "another till", "too many"],
)
def test_numbers_that_begin_anew_are_not_missing(places: list[tuple[str, int]]) -> None:
    assert [] == came_to(places)
    assert [] == came_to(places[::-1])


def test_as_many_as_a_till_makes_in_two_days_are_missing() -> None:
    assert ["9 to 2008 (2026-11-26)"] == came_to([(TODAY, 8), (TODAY, 9 + MISSING_MAX)])


DAYS = ("2026-11-26", "2026-11-27", "2026-11-28")
GOES_ON = [(day, 6 * at + number) for at, day in enumerate(DAYS) for number in range(6)]
BEGINS_ANEW = [(day, number) for day in DAYS for number in range(6)]


@pytest.mark.parametrize("numbers", [GOES_ON, BEGINS_ANEW], ids=["goes on", "begins anew"])
@given(st.data())
def test_what_is_missing_does_not_depend_on_the_order(
    numbers: list[tuple[str, int]], data: st.DataObject
) -> None:
    """Some of the numbers of three days come, some of them more than once."""
    arrived = data.draw(st.lists(st.sampled_from(numbers)))
    runs: list[Run] = []
    for date, number in arrived:
        add(runs, date, number, 1.0)
    expected = [
        (before[1] + 1, behind[1] - 1)
        for before, behind in pairwise(sorted(set(arrived)))
        if behind[1] - before[1] > 1
    ]
    assert expected == [(gap.before.last + 1, gap.after.first - 1) for gap in gaps(runs)]


@pytest.mark.parametrize("seed", range(20))
def test_a_till_that_is_in_shambles_takes_no_more_than_its_room(seed: int) -> None:
    """What is forgotten is not reported as missing, also when some of it comes again."""
    rng = random.Random(seed)
    numbers = list(range(0, 6 * RUNS_MAX, 2))
    rng.shuffle(numbers)
    runs: list[Run] = []
    for number in numbers:
        add(runs, TODAY, number, 1.0)
        assert len(runs) <= RUNS_MAX
    oldest = runs[0].first
    assert oldest > 0
    assert RUNS_MAX - 1 == len(list(gaps(runs)))
    for number in range(oldest, 6 * RUNS_MAX):
        add(runs, TODAY, number, 1.0)
    for number in rng.sample(range(oldest), RUNS_MAX // 2):
        add(runs, TODAY, number, 1.0)
    assert [] == list(gaps(runs))
