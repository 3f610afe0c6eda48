"""Numbers that sources pass over, in the log."""

from typing import Final

import structlog

from holdfast.core.commands import EventsOutcome, RecordStockEvents, StockBatch, StockCodes

#: Seconds between two lines about one source: one that numbers its events by the clock passes over
#: numbers with every event.
INTERVAL_S: Final = 10.0

#: Sources that are kept apart; then all are forgotten, and each may have a line again.
SOURCES_MAX: Final = 10_000

log = structlog.get_logger()


class FeedAlarms:
    """Writes a line when events pass over numbers of their source."""

    def __init__(self) -> None:
        self._last_s: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"<FeedAlarms of {len(self._last_s)} sources>"

    def note(self, command: object, outcome: object, now_s: float) -> None:
        """Look at what became of a command, when it is durable."""
        if not isinstance(outcome, EventsOutcome | StockCodes) or not outcome.skipped:
            return
        assert isinstance(command, RecordStockEvents | StockBatch)
        if now_s < self._last_s.get(command.source, -INTERVAL_S) + INTERVAL_S:
            return
        if len(self._last_s) >= SOURCES_MAX:
            self._last_s.clear()
        self._last_s[command.source] = now_s
        first = outcome.skipped[0]
        log.warning(
            "numbers skipped",
            source=command.source,
            first_sequence=first.first,
            last_sequence=first.last,
            ranges=len(outcome.skipped),
        )
