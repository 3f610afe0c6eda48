"""The bench of expiry: what it reads from the journal."""

from typing import Any

from bench.cases.expiry_lag import lags_ms

RESERVE = {"kind": "reserve", "hold_ms": 1_500}
EXPIRE = {"kind": "move", "enters": "EXPIRED"}


def at(seconds: float) -> str:
    return f"2026-01-01T00:00:{seconds:06.3f}Z"


def test_a_release_is_late_by_what_lies_between_it_and_the_end_of_its_hold() -> None:
    """Whatever else is in the journal, and in whatever order holds end."""
    records: list[dict[str, Any]] = [
        {"kind": "name", "time": at(0)},
        {**RESERVE, "time": at(1), "reservation_id": "a"},
        {**RESERVE, "time": at(2), "reservation_id": "b"},
        {**RESERVE, "time": at(2), "reservation_id": "c"},
        {**EXPIRE, "time": at(3.502), "reservation_id": "b"},
        {"kind": "move", "enters": "COMMITTED", "time": at(4), "reservation_id": "c"},
        {**EXPIRE, "time": at(2.5), "reservation_id": "a"},
    ]

    assert [2, 0] == [round(lag, 6) for lag in lags_ms(iter(records))]
