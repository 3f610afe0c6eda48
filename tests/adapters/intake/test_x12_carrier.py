"""What a carrier says of shipments by X12 214: what does not arrive is a case."""

from datetime import UTC, datetime

import pytest

from holdfast.adapters.events import Exceptional, Ignored
from tests.adapters.intake.x12_samples import SOURCE, one, read, wrong_fields

B10 = "B10*PRO-7*SHP-5*SCAC"


def at7(status: str, reason: str = "NS") -> str:
    return f"AT7*{status}*{reason}***20261127*0830*LT"


def test_what_is_refused_is_a_case_of_its_shipment() -> None:
    assert [
        Exceptional(
            source=SOURCE,
            id="000000012/34/0001/2",
            kind="delivery_refused",
            subject="shipment SHP-5",
            text="The carrier says that shipment SHP-5 was refused.",
            time=datetime(2026, 11, 27, 8, 30, tzinfo=UTC),
            details={
                "status": "A7",
                "reason": "NS",
                "carrier": "SCAC",
                "carrier_reference": "PRO-7",
            },
        )
    ] == read(one("214", B10, "LX*1", at7("AF"), at7("A7")))[1:]


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        ("A3", "NS", "returned_to_shipper"),
        ("A9", "NS", "shipment_damaged"),
        ("SD", "BS", "delivery_refused"),
        ("AP", "BT", "returned_to_shipper"),
        ("ZL", "NS", "shipment_lost"),
        ("ZZ", "99", "shipment_lost"),
    ],
)
def test_what_does_not_arrive_is_reported_by_status_or_reason(
    status: str, reason: str, expected: str
) -> None:
    options = {
        "carrier_statuses": {
            "A3": "returned_to_shipper",
            "A9": "shipment_damaged",
            "ZL": "shipment_lost",
        },
        "carrier_reasons": {
            "BS": "delivery_refused",
            "BT": "returned_to_shipper",
            "99": "shipment_lost",
        },
    }
    (case,) = read(one("214", B10, "LX*1", at7(status, reason)), **options)
    assert isinstance(case, Exceptional)
    assert expected == case.kind


def test_what_arrives_or_is_under_way_changes_nothing() -> None:
    body = one("214", B10, "LX*1", at7("X6"), at7("D1"), "AT7***AB*NA*20261127")
    assert [Ignored("in_transit"), Ignored("delivered"), Ignored("in_transit")] == read(body)


def test_a_status_with_a_wrong_time_is_reported_and_holds_up_no_other() -> None:
    body = one("214", B10, "LX*1", "AT7*A7*NS***20261399*0830", at7("A9"))
    assert ["segment[6].AT705"] == wrong_fields(body)
    assert 2 == len(read(body))
    assert ["segment[4].B1001"] == wrong_fields(one("214", "B10***SCAC", at7("A7")))
