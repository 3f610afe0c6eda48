"""The exception queue: one open case for each kind and subject, whoever settles it."""

from datetime import UTC, datetime
from pathlib import Path

from holdfast.adapters.events import Exceptional
from holdfast.adapters.runtime.cases import assign_case, cases, raise_case, settle_case
from holdfast.adapters.runtime.store import Store

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
CASE = Exceptional(source="s", id="1", kind="shortfall", subject="MUG at A", text="2 are missing")


def test_a_case_is_opened_once_until_it_is_settled(tmp_path: Path) -> None:
    store = Store(tmp_path, 1 << 24)
    for _ in range(3):
        store.write_now(raise_case("shop", CASE, NOW))
    assert store.write_now(lambda tables: settle_case(tables, 1, "counted"))
    store.write_now(raise_case("shop", CASE, NOW))

    with store.reading() as tables:
        found = [(case.number, case.times, case.settled) for case in cases(tables)]
    assert [(1, 3, "counted"), (2, 1, "")] == found


def test_two_operators_do_not_undo_each_other(tmp_path: Path) -> None:
    store = Store(tmp_path, 1 << 24)
    store.write_now(raise_case("shop", CASE, NOW))

    assert store.write_now(lambda tables: settle_case(tables, 1, "counted"))
    assert not store.write_now(lambda tables: assign_case(tables, 1, "desk"))
    assert not store.write_now(lambda tables: settle_case(tables, 1, "again"))
    assert not store.write_now(lambda tables: settle_case(tables, 9, "no such case"))
    with store.reading() as tables:
        [case] = cases(tables)
        assert ("counted", "", 0) == (case.settled, case.owner, tables.open_cases.size())
