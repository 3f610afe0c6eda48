"""Limits are stated twice, for machines in core/limits.py and for people in the protos."""

from pathlib import Path

import pytest

from holdfast.core import limits
from holdfast.edge.wire.batches import OPERATIONS_MAX
from holdfast.edge.wire.stock_batches import TEXT_BYTES_MAX

PROTOS = Path(__file__).parent.parent / "protos/holdfast/v1"
DAYS = limits.HOLD_MS_MAX // (24 * 3_600 * 1_000)
RETENTION_DAYS = limits.RETENTION_NS // (24 * 3_600 * 10**9)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("reservation_service.proto", f"1 to {limits.NAME_BYTES_MAX} bytes of UTF-8"),
        ("reservation_service.proto", f"1 to {limits.LINES_MAX:,} lines"),
        ("reservation_service.proto", f"1 second to {DAYS} days, in whole milliseconds"),
        ("reservation_service.proto", f"Remembered for {RETENTION_DAYS} days"),
        ("reservation_service.proto", f"1 to 10^{len(str(limits.QUANTITY_MAX)) - 1}"),
        ("reservation_service.proto", f"Default {limits.HOLD_MS_DEFAULT // 60_000} minutes"),
        ("reservation_service.proto", f"up to {OPERATIONS_MAX:,} single lines"),
        ("reservation_service.proto", f"at most {limits.LINES_AGAINST_SUPPLY_MAX} lines"),
        ("availability_service.proto", f"up to {limits.BATCH_MAX:,} SKUs"),
        ("availability_service.proto", f"1 to {OPERATIONS_MAX:,}"),
        ("stock_service.proto", f"1 to {limits.BATCH_MAX:,}, applied in this order"),
        ("stock_service.proto", f"1 to {OPERATIONS_MAX:,} of them"),
        ("stock_service.proto", f"Up to {limits.CHANGING_MAX} events may have a status"),
        ("stock_service.proto", f"Up to {TEXT_BYTES_MAX:,} bytes together"),
        ("stock_service.proto", f"more than {limits.HISTORY_READ_MAX:,} facts ago"),
        ("stock_service.proto", f"knows {limits.STATUSES_MAX} statuses"),
        ("stock_service.proto", f"A stock level has up to {limits.SUPPLIES_OPEN_MAX} supplies"),
        ("stock_service.proto", f"knows the last {limits.SUPPLIES_CLOSED_MAX} others"),
        ("availability_service.proto", f"up to {limits.HORIZON_DAYS_MAX}; 0 means 30"),
        ("availability_service.proto", f"at most, up to {limits.PROMISE_LEVELS_MAX}; 0"),
        ("availability_service.proto", f"it has {limits.PROMISE_SUPPLIES_MAX} supplies"),
        ("stock_service.proto", f"begins above {limits.FIRST_NUMBERS_MAX + 1:,} has"),
        ("stock_service.proto", f"the first {limits.RANGES_LISTED_MAX} ranges"),
        ("stock_service.proto", f"with up to {limits.ENDANGERED_LISTED_MAX} endangered lines"),
        ("stock_service.proto", f"{limits.ENDANGERED_IN_ALL_MAX:,} in one answer"),
        ("availability_service.proto", f"up to {limits.ENDANGERED_MAX:,}; 0 means"),
        ("stock_service.proto", f"(source, event_id) for {RETENTION_DAYS} days"),
    ],
)
def test_the_protos_state_the_limits_that_hold(file: str, sentence: str) -> None:
    """Whoever changes a limit is led to the comment that promises it."""
    text = (PROTOS / file).read_text().replace("\n  // ", " ").replace("\n// ", " ")
    assert sentence in text
