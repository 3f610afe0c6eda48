"""Facts repeat from their seed: a run can be compared with the last one."""

from bench.harness.fact_traffic import Facts
from bench.harness.regimes import Regime
from holdfast.v1 import stock_service_pb2 as stock

REGIME = Regime(30, 1, 2)


def messages(facts: Facts) -> list[stock.RecordStockEventsStreamRequest]:
    spelled = [*facts.named(REGIME), *facts.numbered(REGIME), *facts.objects(REGIME)]
    spelled += facts.objects(REGIME, numbered=True)
    return [stock.RecordStockEventsStreamRequest.FromString(each) for each in spelled]


def test_facts_repeat_from_their_seed() -> None:
    assert messages(Facts([7, 8, 9])) == messages(Facts([7, 8, 9]))


def test_no_two_facts_are_the_same() -> None:
    """Ids of columns, numbers of columns, and ids of single events."""
    named, again, numbered, more, single, last, first, second = messages(Facts([7, 8, 9]))
    ids = [*zip(named.columns.id_high, named.columns.id_low, strict=True)]
    ids += zip(again.columns.id_high, again.columns.id_low, strict=True)
    numbers = [*numbered.columns.sequences, *more.columns.sequences]
    names = [each.event_id for each in (*single.events, *last.events)]

    assert [*range(1, 61)] == [each.sequence for each in (*first.events, *second.events)]
    assert 60 == len(set(ids)) == len(set(numbers)) == len(set(names))
