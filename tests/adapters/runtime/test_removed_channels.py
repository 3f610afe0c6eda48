"""Channels that are taken out of the settings as a whole, and go on selling."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from holdfast.adapters.publishing.pairs import NONE, Record
from holdfast.adapters.runtime.cases import cases, settle_case
from holdfast.adapters.runtime.kept_pairs import AT_ONCE
from holdfast.adapters.runtime.publish_records import PairRecord, put_pairs
from holdfast.adapters.runtime.removed_channels import report_removed
from holdfast.adapters.runtime.store import Store

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, 16 << 20)
    yield opened
    opened.close()


def keep(store: Store, channel: str, *shown: tuple[int, int, bool]) -> None:
    """Pairs of which so many units are shown, and may be, and whether an offer may have arrived."""
    records = [
        PairRecord(f"{item}", "DEFAULT", Record(known, most, 1, NONE, in_doubt))
        for item, (known, most, in_doubt) in enumerate(shown)
    ]
    store.write_now(lambda tables: put_pairs(tables, channel, records))


def removals(store: Store) -> list[tuple[str, str, str]]:
    """Kind, subject and end of each case."""
    with store.reading() as tables:
        return [(case.kind, case.subject, case.settled) for case in cases(tables)]


#: Shown, perhaps shown, perhaps shown for the first time; withdrawn, and rejected from the first.
PAIRS = (5, 5, False), (0, 7, True), (NONE, NONE, True), (0, 0, False), (NONE, NONE, False)


async def test_a_removed_channel_is_reported_with_what_it_shows(store: Store) -> None:
    keep(store, "market", *PAIRS)
    keep(store, "market-2", (1, 1, False))
    keep(store, "shop", *[(1, 1, False)] * (2 * AT_ONCE + 1))

    assert {"market": 3, "shop": 201} == await report_removed(store, {"market-2"}, NOW)
    assert [("channel_removed", "market", ""), ("channel_removed", "shop", "")] == removals(store)


@pytest.mark.parametrize("pairs", [PAIRS[3:], ()])
async def test_a_removed_channel_that_shows_nothing_is_not_reported(
    store: Store, pairs: tuple[tuple[int, int, bool], ...]
) -> None:
    keep(store, "market", *pairs)
    assert {} == await report_removed(store, (), NOW)
    assert [] == removals(store)


async def test_a_person_is_told_of_a_removal_once(store: Store) -> None:
    keep(store, "market", *PAIRS)
    await report_removed(store, (), NOW)
    store.write_now(lambda tables: settle_case(tables, 1, "set to 0 by hand"))
    assert {"market": 3} == await report_removed(store, (), NOW)

    assert [("channel_removed", "market", "set to 0 by hand")] == removals(store)


async def test_a_channel_that_is_set_again_settles_its_case(store: Store) -> None:
    keep(store, "market", *PAIRS)
    await report_removed(store, (), NOW)
    assert {} == await report_removed(store, {"market"}, NOW)
    settled = "channel_removed", "market", "the channel is set again, or shows nothing"
    assert [settled] == removals(store)

    await report_removed(store, (), NOW)
    assert [settled, ("channel_removed", "market", "")] == removals(store)
