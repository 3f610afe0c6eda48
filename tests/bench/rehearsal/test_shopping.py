"""Visitors and facts repeat from the name of the run, and no two have the same id."""

from collections import Counter

import pytest

from bench.rehearsal.profiles import BACKROOM, PROFILES, Kind, Run
from bench.rehearsal.shopping import EVENTS_A_MESSAGE, Feed, Shopping
from holdfast.v1 import stock_service_pb2 as stock


def run(name: str = "r", profile: str = "promotion") -> Run:
    return Run(name, profile, users=10, rate=10.0, seconds=10.0)


def test_visitors_repeat_from_the_name_of_the_run() -> None:
    one, same, other = (Shopping(run(name)) for name in ("r", "r", "s"))
    visits = [one.next() for _ in range(50)]
    assert visits == [same.next() for _ in range(50)]
    assert not {visit.reservation_id for visit in visits} & {
        other.next().reservation_id for _ in range(50)
    }


def test_every_visitor_has_a_reservation_id_of_his_own() -> None:
    shopping = Shopping(run())
    assert 500 == len({shopping.next().reservation_id for _ in range(500)})


def test_a_basket_names_no_sku_twice() -> None:
    shopping = Shopping(run(profile="steady"))
    for _ in range(500):
        lines = shopping.next().lines
        assert len(lines) == len({sku for sku, _, _ in lines}) <= 3


@pytest.mark.parametrize("name", PROFILES)
def test_kinds_of_visits_are_as_often_as_the_profile_says(name: str) -> None:
    shopping = Shopping(run(profile=name))
    seen = Counter(shopping.next().kind for _ in range(4_000))
    for kind, share in PROFILES[name].visits.items():
        assert pytest.approx(share, abs=0.03) == seen[kind] / 4_000


def test_the_share_of_calls_on_hot_skus_holds_though_sold_out_visits_take_fewer_calls() -> None:
    shopping = Shopping(run())
    hot = {sku for sku, _ in run().hot_rows}
    for _ in range(2_000):
        visit = shopping.next()
        shopping.count(1 if visit.lines[0][0] in hot else 4, visit)
    assert pytest.approx(0.8, abs=0.01) == shopping.hot_calls / shopping.calls


def test_only_a_visitor_who_reserves_may_come_from_a_cart() -> None:
    shopping = Shopping(run())
    visits = [shopping.next() for _ in range(500)]
    assert all(visit.looks_first for visit in visits if visit.kind is Kind.LOOK)
    assert not all(visit.looks_first for visit in visits)


def test_a_message_says_what_its_events_come_to() -> None:
    message = Feed(run(profile="stock-storm"), 0).next()
    sums: Counter[tuple[str, str]] = Counter()
    counts = {}
    for event in message.events:
        row = (event.sku, event.location)
        if event.kind == stock.STOCK_EVENT_KIND_COUNT:
            counts[row] = event.quantity
        else:
            sold = event.kind == stock.STOCK_EVENT_KIND_SALE
            sums[row] += -event.quantity if sold else event.quantity
    assert EVENTS_A_MESSAGE == len(message.events)
    assert sums == message.supplied
    assert counts == message.counted


def test_a_feed_numbers_its_events_without_gaps() -> None:
    feed = Feed(run(profile="stock-storm"), 0)
    sequences = [event.sequence for _ in range(2) for event in feed.next().events]
    assert list(range(1, 2 * EVENTS_A_MESSAGE + 1)) == sequences


def test_what_feeds_count_is_counted_by_one_of_them_and_sold_by_nobody() -> None:
    feeds = [Feed(run(profile="stock-storm"), number) for number in range(2)]
    one, other = ({row for _ in range(5) for row in feed.next().counted} for feed in feeds)
    assert one
    assert not one & other
    assert {BACKROOM} == {location for _, location in one | other}
