"""What the operations of all calls came to: a batch of 8,190 Reserves is 8,190 of them."""

from collections import Counter
from enum import IntEnum
from operator import attrgetter
from typing import Any

import numpy as np

from holdfast.core.commands import (
    BatchCodes,
    Command,
    EventsOutcome,
    ExtendOutcome,
    MoveOutcome,
    Outcome,
    ReserveOutcome,
    RunCodes,
    StockCodes,
)
from holdfast.core.model import BatchOutcome, EventOutcome

from ..wire.faults import Fault

_OUTCOME = attrgetter("outcome")


class OutcomeCounters:
    """Counts operations that write, by kind and outcome."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def __repr__(self) -> str:
        return f"<OutcomeCounters {self._counts.total()} operations>"

    def count(self, command: Command, outcome: Outcome) -> None:
        """Count the operations of a command. A read has none."""
        match outcome:
            case ReserveOutcome(refusal=None, is_repeat=True):
                self._counts["RESERVE", "REPEATED"] += 1
            case ReserveOutcome() | ExtendOutcome() | MoveOutcome():
                refusal = outcome.refusal
                name = "ACCEPTED" if refusal is None else refusal.code.name
                self._counts[_operation(command), name] += 1
            case BatchCodes():
                self._count_codes(_operation(command), outcome.codes, BatchOutcome)
            case RunCodes():
                # What was left alone comes again, by itself.
                codes = outcome.codes.tobytes()
                for code in (BatchOutcome.ACCEPTED, BatchOutcome.INSUFFICIENT_STOCK):
                    if count := codes.count(code):
                        self._counts["RESERVE", code.name] += count
            case StockCodes():
                self._count_codes("STOCK_EVENT", outcome.codes, EventOutcome)
            case EventsOutcome():
                for code, count in Counter(map(_OUTCOME, outcome.results)).items():
                    self._counts["STOCK_EVENT", code.name] += count

    def count_failed_message(self, fault: Fault) -> None:
        """Count a message of a stream that failed as a whole, for which the stream goes on."""
        self._counts["STREAM_MESSAGE", fault.reason] += 1

    def _count_codes(self, operation: str, codes: np.ndarray, names: type[IntEnum]) -> None:
        for code, count in enumerate(np.bincount(codes).tolist()):
            if count:
                self._counts[operation, names(code).name] += count

    def statistics(self) -> dict[tuple[str, str], int]:
        """Operations by kind and outcome, as they are now."""
        return dict(self._counts)


def _operation(command: Any) -> str:
    """RESERVE, EXTEND, or the verb of a move, for one and for many alike."""
    verb = getattr(command, "verb", None)
    if verb is not None:
        return str(verb.name)
    name = type(command).__name__.removesuffix("AgainstSupply").removesuffix("AlreadySold")
    return name.removesuffix("Batch").upper()
