"""Batches repeat from their seed, and every outcome of their answers is looked at."""

import pytest

from bench.harness.packed_traffic import Batches, commits, expect_all, releases
from bench.harness.plan import BenchError
from holdfast.v1 import reservation_service_pb2 as reservation

ACCEPTED = reservation.BATCH_OUTCOME_ACCEPTED


def spell(seed: int) -> list[bytes]:
    batches = Batches(seed)
    return batches.reserves(batches.ids(2, 30), [7, 8, 9])


def test_batches_repeat_from_their_seed() -> None:
    assert spell(1) == spell(1)
    assert spell(1) != spell(2)


def test_a_batch_reserves_one_unit_of_each_under_ids_of_its_own() -> None:
    requests = [reservation.BatchReserveRequest.FromString(data) for data in spell(1)]
    ids = {pair for each in requests for pair in zip(each.id_high, each.id_low, strict=True)}
    assert 60 == len(ids)
    assert {7, 8, 9} == {level for each in requests for level in each.stock_levels}
    assert {1} == {quantity for each in requests for quantity in each.quantities}


def test_commits_and_releases_name_what_was_reserved() -> None:
    batches = Batches()
    ids = batches.ids(2, 5)
    reserved = [
        reservation.BatchReserveRequest.FromString(data) for data in batches.reserves(ids, [1])
    ]
    committed = [reservation.BatchCommitRequest.FromString(data) for data in commits(ids)]
    released = [reservation.BatchReleaseRequest.FromString(data) for data in releases(ids)]
    for one, two, three in zip(reserved, committed, released, strict=True):
        assert list(one.id_high) == list(two.id_high) == list(three.id_high)
        assert list(one.id_low) == list(two.id_low) == list(three.id_low)


@pytest.mark.parametrize("outcomes", [bytes([ACCEPTED, ACCEPTED, 3]), bytes([ACCEPTED] * 2), b""])
def test_one_wrong_outcome_is_no_figure(outcomes: bytes) -> None:
    right = reservation.BatchReserveResponse(outcomes=bytes([ACCEPTED] * 3)).SerializeToString()
    wrong = reservation.BatchReserveResponse(outcomes=outcomes).SerializeToString()
    expect_all([right, right], 3, ACCEPTED)
    with pytest.raises(BenchError, match="3"):
        expect_all([right, wrong], 3, ACCEPTED)
