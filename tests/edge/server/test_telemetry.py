"""Metrics say what happened, read at scrape time; logs carry an id that cannot break them."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import fields

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from holdfast.edge.server import telemetry
from holdfast.edge.server.telemetry import (
    CALL_SECONDS,
    CallCounters,
    NodeCollector,
    NodeStatistics,
    ShardStatistics,
    correlation_id,
    metrics_registry,
)


def shard(number: int) -> ShardStatistics:
    """Figures of which no two are alike."""
    return ShardStatistics(number, *range(100 * number + 1, 100 * number + 10))


def node(calls: CallCounters | None = None) -> NodeStatistics:
    return NodeStatistics(
        shards=(shard(0), shard(1)),
        turns=11,
        appends=12,
        append_seconds_total=1.5,
        calls=(calls or CallCounters()).statistics(),
        refused_overload=13,
        expired_holds=14,
        durable_position=15,
        snapshot_position=16,
        journal_size_bytes=17,
        journal_headroom_bytes=18,
    )


def scrape(statistics: Callable[[], NodeStatistics | None]) -> dict[str, float]:
    """Sample by name and labels, of the node's own metrics."""
    registry = CollectorRegistry()
    registry.register(NodeCollector(statistics))
    text = generate_latest(registry).decode()
    return {
        sample.name + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


# Metrics


def test_figures_of_the_node_are_exported() -> None:
    samples = scrape(node)
    node_samples = {name: value for name, value in samples.items() if " " not in name}
    assert node_samples == {
        "holdfast_turns_total": 11,
        "holdfast_journal_appends_total": 12,
        "holdfast_journal_append_seconds_total": 1.5,
        "holdfast_overload_refusals_total": 13,
        "holdfast_expired_holds_total": 14,
        "holdfast_journal_durable_position": 15,
        "holdfast_journal_snapshot_position": 16,
        "holdfast_journal_size_bytes": 17,
        "holdfast_journal_headroom_bytes": 18,
    }


def test_figures_of_each_shard_are_exported() -> None:
    samples = scrape(node)
    for number in (0, 1):
        names = [
            "holdfast_shard_sequence",
            "holdfast_skus",
            "holdfast_stock_levels",
            "holdfast_reservations",
            "holdfast_mailbox_depth",
            "holdfast_mailbox_capacity",
            "holdfast_on_hand_units",
            "holdfast_reserved_units",
            "holdfast_committed_units",
        ]
        for offset, name in enumerate(names, 1):
            assert samples[f"{name} shard={number}"] == 100 * number + offset


def test_no_figure_is_left_out() -> None:
    exported = scrape(node).values()
    for figure in fields(NodeStatistics):
        if figure.name not in ("shards", "calls"):
            assert getattr(node(), figure.name) in exported
    for figure in fields(ShardStatistics):
        assert getattr(shard(1), figure.name) in exported or figure.name == "shard"


def test_calls_are_exported_by_method_and_code() -> None:
    calls = CallCounters()
    for code in ("OK", "OK", "REFUSED", "NOT_FOUND"):
        calls.record("Reserve", code, 0.001)
    calls.record("Commit", "OK", 0.001)
    samples = scrape(lambda: node(calls))
    assert samples["holdfast_calls_total code=OK method=Reserve"] == 2
    assert samples["holdfast_calls_total code=REFUSED method=Reserve"] == 1
    assert samples["holdfast_calls_total code=NOT_FOUND method=Reserve"] == 1
    assert samples["holdfast_calls_total code=OK method=Commit"] == 1


@pytest.mark.parametrize("bound", CALL_SECONDS)
def test_a_bucket_holds_calls_up_to_its_bound(bound: float) -> None:
    calls = CallCounters()
    calls.record("Reserve", "OK", bound)
    calls.record("Reserve", "OK", bound * 1.0001)
    samples = scrape(lambda: node(calls))
    assert samples[f"holdfast_call_seconds_bucket le={bound} method=Reserve"] == 1
    assert samples["holdfast_call_seconds_bucket le=+Inf method=Reserve"] == 2


@settings(max_examples=25)  # each of them is a scrape
@given(st.lists(st.floats(0, 20), min_size=1))
def test_the_histogram_counts_every_call_once(seconds: list[float]) -> None:
    calls = CallCounters()
    for each in seconds:
        calls.record("Reserve", "OK", each)
    samples = scrape(lambda: node(calls))
    assert samples["holdfast_call_seconds_count method=Reserve"] == len(seconds)
    assert samples["holdfast_call_seconds_sum method=Reserve"] == pytest.approx(sum(seconds))
    for bound in CALL_SECONDS:
        up_to = sum(each <= bound for each in seconds)
        assert samples[f"holdfast_call_seconds_bucket le={bound} method=Reserve"] == up_to


def test_statistics_do_not_change_after_they_were_read() -> None:
    calls = CallCounters()
    calls.record("Reserve", "OK", 0.5)
    before = calls.statistics()
    calls.record("Reserve", "OK", 0.5)
    assert before.counts == {("Reserve", "OK"): 1}
    assert sum(before.buckets["Reserve"]) == 1
    assert before.seconds == {"Reserve": 0.5}
    assert repr(calls) == "<CallCounters 2 calls>"


def test_the_node_is_asked_once_a_scrape_and_not_before() -> None:
    asked = []

    def statistics() -> NodeStatistics:
        asked.append(1)
        return node()

    registry = metrics_registry(statistics)
    assert len(asked) == 0
    generate_latest(registry)
    assert len(asked) == 1


def test_before_there_is_a_node_only_the_process_is_measured() -> None:
    assert scrape(lambda: None) == {}
    assert b"process_cpu_seconds_total" in generate_latest(metrics_registry(lambda: None))


def test_names_and_help_keep_the_rules_of_prometheus() -> None:
    """Counters end in _total and nothing else does; units are base units; help is a sentence."""
    calls = CallCounters()
    calls.record("Reserve", "OK", 0.001)
    text = generate_latest(metrics_registry(lambda: node(calls))).decode()
    kinds = dict(re.findall(r"# TYPE (holdfast_\w+) (\w+)", text))
    assert set(kinds.values()) == {"counter", "gauge", "histogram"}
    for name, kind in kinds.items():
        assert (kind == "counter") == name.endswith("_total"), name
        assert not re.search(r"_(ms|us|ns|kib|mib)(_|$)", name), name
    for sentence in re.findall(r"# HELP holdfast_\w+ (.*)", text):
        assert sentence.endswith(".")


# Correlation ids

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"


@pytest.mark.parametrize("text", ["x", "x" * 128, "order 4711/Käse".replace("ä", "ae"), "~"])
def test_a_correlation_id_that_fits_a_log_is_taken(text: str) -> None:
    assert correlation_id([("user-agent", "x"), ("x-correlation-id", text)]) == text


@pytest.mark.parametrize("text", ["", "x" * 129, "a\nb", "a\x1b[0m", "a\x00", "é"])
def test_a_correlation_id_that_does_not_fit_a_log_is_ignored(text: str) -> None:
    assert correlation_id([("x-correlation-id", text)]) is None
    metadata = [("x-correlation-id", text), ("traceparent", TRACEPARENT)]
    assert correlation_id(metadata) == TRACE_ID


@pytest.mark.parametrize(
    "traceparent",
    [TRACEPARENT, TRACEPARENT.replace("-01", "-00"), "01" + TRACEPARENT[2:] + "-what.comes"],
)
def test_the_trace_id_is_taken_from_a_traceparent(traceparent: str) -> None:
    assert correlation_id([("traceparent", traceparent)]) == TRACE_ID


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        TRACE_ID,
        TRACEPARENT.upper(),
        TRACEPARENT[:-1],
        TRACEPARENT + "0",
        TRACEPARENT + "-more",
        "ff" + TRACEPARENT[2:],
        "0g" + TRACEPARENT[2:],
        "01" + TRACEPARENT[2:] + "0",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID[:-1]}-b7ad6b7169203331-01",
        f" {TRACEPARENT}",
        f"{TRACEPARENT}\n",
    ],
)
def test_a_malformed_traceparent_is_ignored(traceparent: str) -> None:
    assert correlation_id([("traceparent", traceparent)]) is None


def test_the_callers_own_id_wins_over_the_trace() -> None:
    both = [("traceparent", TRACEPARENT), ("x-correlation-id", "mine")]
    assert correlation_id(both) == correlation_id(both[::-1]) == "mine"


def test_calls_without_metadata_have_no_id() -> None:
    assert correlation_id(None) is None
    assert correlation_id([]) is None
    assert correlation_id([("x-correlation-id", b"bytes"), ("other-bin", b"\xff")]) is None


# Logs


@pytest.fixture
def _logging() -> Iterator[None]:
    """Put back what was configured before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def log_lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


@pytest.mark.usefixtures("_logging")
def test_json_has_one_object_a_line_with_the_correlation_id() -> None:
    stream = io.StringIO()
    telemetry.configure_logging("info", "json", stream)
    with structlog.contextvars.bound_contextvars(correlation_id="c1"):
        structlog.get_logger().info("drain", waiting=3)
        logging.getLogger("asyncio").warning("took %d s", 3)
    ours, theirs = map(json.loads, log_lines(stream))
    assert ours.pop("timestamp").endswith("Z")
    assert ours == {"event": "drain", "level": "info", "waiting": 3, "correlation_id": "c1"}
    assert theirs.pop("timestamp").endswith("Z")
    assert theirs == {
        "event": "took 3 s",
        "level": "warning",
        "logger": "asyncio",
        "correlation_id": "c1",
    }


@pytest.mark.usefixtures("_logging")
def test_the_console_is_for_people() -> None:
    stream = io.StringIO()
    telemetry.configure_logging("info", "console", stream)
    structlog.get_logger().info("drain", waiting=3)
    (line,) = log_lines(stream)
    assert re.search(r"\[info +\] drain +waiting=3", line)


@pytest.mark.usefixtures("_logging")
@pytest.mark.parametrize(("stream", "is_json"), [(io.StringIO, True), (Terminal, False)])
def test_auto_goes_by_the_stream(stream: Callable[[], io.StringIO], is_json: bool) -> None:
    written = stream()
    telemetry.configure_logging("info", "auto", written)
    structlog.get_logger().info("drain")
    assert written.getvalue().startswith("{") == is_json


@pytest.mark.usefixtures("_logging")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_events_below_the_level_are_dropped(log_format: telemetry.LogFormat) -> None:
    stream = io.StringIO()
    telemetry.configure_logging("warning", log_format, stream)
    structlog.get_logger().info("no")
    logging.getLogger("x").info("no")
    assert log_lines(stream) == []
    structlog.get_logger().warning("yes")
    logging.getLogger("x").warning("yes")
    assert len(log_lines(stream)) == 2


@pytest.mark.usefixtures("_logging")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_tracebacks_name_the_error_and_no_variable(log_format: telemetry.LogFormat) -> None:
    stream = io.StringIO()
    telemetry.configure_logging("info", log_format, stream)
    secret_order = "4711 units" * 2
    try:
        raise LookupError(len(secret_order))
    except LookupError:
        structlog.get_logger().exception("append")
        logging.getLogger("x").exception("append")
    assert stream.getvalue().count("LookupError") >= 2
    assert secret_order not in stream.getvalue()


@pytest.mark.usefixtures("_logging")
def test_a_line_break_in_a_value_does_not_break_the_line() -> None:
    for log_format in ("json", "console"):
        stream = io.StringIO()
        telemetry.configure_logging("info", log_format, stream)
        structlog.get_logger().info("append", path="a\nb")
        assert len(log_lines(stream)) == 1
