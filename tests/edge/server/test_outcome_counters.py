"""Each operation is counted once, whether it came alone or in a batch."""

from typing import Any

import numpy as np
import pytest

from holdfast.core.commands import (
    BatchCodes,
    EventResult,
    EventsOutcome,
    Extend,
    ExtendOutcome,
    LocationsView,
    Move,
    MoveBatch,
    MoveOutcome,
    RecordStockEvents,
    Refusal,
    Reserve,
    ReserveBatch,
    ReserveOutcome,
    ReserveRun,
    RunCodes,
    StockBatch,
    StockCodes,
)
from holdfast.core.ids import key_from_text
from holdfast.core.model import (
    BatchOutcome,
    EventOutcome,
    RefusalCode,
    Remainder,
    State,
    Verb,
)
from holdfast.edge.server.outcome_counters import OutcomeCounters
from holdfast.edge.wire import faults

KEY = key_from_text("r1")
RESERVE = Reserve(KEY, (), 1)
NONE = np.zeros(0, np.int64)
CODES = np.array([BatchOutcome.ACCEPTED] * 8_189 + [BatchOutcome.INSUFFICIENT_STOCK], np.uint8)


@pytest.mark.parametrize(
    ("command", "outcome", "expected"),
    [
        (RESERVE, ReserveOutcome(None, State.HELD, 1, (), ()), {("RESERVE", "ACCEPTED"): 1}),
        (
            RESERVE,
            ReserveOutcome(None, State.HELD, 1, (), (), is_repeat=True),
            {("RESERVE", "REPEATED"): 1},
        ),
        (
            RESERVE,
            ReserveOutcome(Refusal(RefusalCode.INSUFFICIENT_STOCK), None, 0, (), ()),
            {("RESERVE", "INSUFFICIENT_STOCK"): 1},
        ),
        (Extend(KEY, None, 1), ExtendOutcome(None, 1, ()), {("EXTEND", "ACCEPTED"): 1}),
        (
            Move(Verb.COMMIT, KEY, None, (), next(iter(Remainder))),
            MoveOutcome(Refusal(RefusalCode.EXPIRED), State.EXPIRED, ()),
            {("COMMIT", "EXPIRED"): 1},
        ),
        (
            ReserveBatch(NONE, None),
            BatchCodes(CODES, 1, ()),
            {("RESERVE", "ACCEPTED"): 8_189, ("RESERVE", "INSUFFICIENT_STOCK"): 1},
        ),
        (
            ReserveRun(NONE, ()),
            RunCodes(np.append(CODES, BatchOutcome.REPEATED), NONE, 1, ()),
            {("RESERVE", "ACCEPTED"): 8_189, ("RESERVE", "INSUFFICIENT_STOCK"): 1},
        ),
        (
            MoveBatch(Verb.FULFILL, NONE),
            BatchCodes(np.array([BatchOutcome.REPEATED], np.uint8), 1, ()),
            {("FULFILL", "REPEATED"): 1},
        ),
        (
            StockBatch("till", NONE),
            StockCodes(np.array([EventOutcome.APPLIED] * 2, np.uint8), NONE, NONE, NONE, (), ()),
            {("STOCK_EVENT", "APPLIED"): 2},
        ),
        (
            RecordStockEvents("till", ()),
            EventsOutcome((EventResult(EventOutcome.DUPLICATE, 1, 0, 1),), ()),
            {("STOCK_EVENT", "DUPLICATE"): 1},
        ),
        (object(), LocationsView((), None), {}),
    ],
)
def test_operations_are_counted_by_their_outcome(
    command: Any, outcome: Any, expected: dict[tuple[str, str], int]
) -> None:
    counters = OutcomeCounters()
    counters.count(command, outcome)
    assert expected == counters.statistics()


def test_a_message_of_a_stream_that_failed_is_counted_by_its_reason() -> None:
    counters = OutcomeCounters()
    counters.count_failed_message(faults.malformed("no bytes of ours"))
    assert {("STREAM_MESSAGE", "MALFORMED_MESSAGE"): 1} == counters.statistics()
