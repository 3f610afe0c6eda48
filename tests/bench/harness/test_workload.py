"""Traffic repeats from its seed, and no two callers have the same reservation id."""

import pytest

from bench.harness.plan import BenchError
from bench.harness.workload import Orders, expect, rows
from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED, OUTCOME_REFUSED
from holdfast.v1.reservation_service_pb2 import ReserveRequest, ReserveResponse


def test_rows_are_every_sku_at_every_location() -> None:
    assert [
        ("SKU-000000", "STORE-000"),
        ("SKU-000000", "STORE-001"),
        ("SKU-000001", "STORE-000"),
        ("SKU-000001", "STORE-001"),
    ] == rows(2, 2)


def test_orders_repeat_from_their_seed() -> None:
    assert Orders(1).reserves(20, rows(5)) == Orders(1).reserves(20, rows(5))
    assert Orders(1).reserves(20, rows(5)) != Orders(2).reserves(20, rows(5))


def test_reservation_ids_are_unique_over_all_that_one_line_of_callers_sends() -> None:
    orders = Orders()
    sent = orders.reserves(500, rows(5)) + orders.reserves(500, rows(1))
    assert 1_000 == len({ReserveRequest.FromString(data).reservation_id for data in sent})


def test_a_reserve_has_one_line_of_one_unit() -> None:
    (data,) = Orders().reserves(1, rows(1), hold_s=60)
    request = ReserveRequest.FromString(data)
    assert [("SKU-000000", "STORE-000", 1)] == [
        (line.sku, line.location, line.quantity) for line in request.lines
    ]
    assert 60 == request.hold_duration.seconds


def test_an_unexpected_answer_is_no_figure() -> None:
    accepted = ReserveResponse(outcome=OUTCOME_ACCEPTED).SerializeToString()
    expect([accepted, accepted], OUTCOME_ACCEPTED)
    with pytest.raises(BenchError, match="OUTCOME_ACCEPTED"):
        expect([accepted], OUTCOME_REFUSED)
