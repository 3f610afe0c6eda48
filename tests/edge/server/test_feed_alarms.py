"""Numbers that sources pass over are logged, once in a while for each source."""

from structlog.testing import capture_logs

from holdfast.core.commands import EventsOutcome, RecordStockEvents, SequenceRange
from holdfast.edge.server.feed_alarms import INTERVAL_S, SOURCES_MAX, FeedAlarms

NOTHING = EventsOutcome((), ())
SKIPPED = EventsOutcome((), (), (SequenceRange(2, 3), SequenceRange(5, 9)))


def test_a_line_names_the_source_and_the_first_range() -> None:
    alarms = FeedAlarms()
    with capture_logs() as lines:
        alarms.note(RecordStockEvents("erp", ()), NOTHING, 0.0)
        alarms.note(RecordStockEvents("erp", ()), SKIPPED, 0.0)
    (line,) = lines
    assert ("numbers skipped", "warning", "erp") == (
        *(line["event"], line["log_level"]),
        line["source"],
    )
    assert (2, 3, 2) == (line["first_sequence"], line["last_sequence"], line["ranges"])


def test_a_source_has_a_line_once_in_a_while_whatever_others_do() -> None:
    alarms = FeedAlarms()
    with capture_logs() as lines:
        for source, now_s in (("erp", 0.0), ("erp", INTERVAL_S - 1), ("pos", 1.0)):
            alarms.note(RecordStockEvents(source, ()), SKIPPED, now_s)
        alarms.note(RecordStockEvents("erp", ()), SKIPPED, INTERVAL_S)
    assert ["erp", "pos", "erp"] == [line["source"] for line in lines]


def test_sources_beyond_count_are_not_kept() -> None:
    alarms = FeedAlarms()
    with capture_logs():
        for number in range(SOURCES_MAX + 1):
            alarms.note(RecordStockEvents(f"till {number}", ()), SKIPPED, 0.0)
    assert "<FeedAlarms of 1 sources>" == repr(alarms)
