"""Metrics say what happened, read at scrape time."""

import re
from collections.abc import Callable
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from holdfast.core.statistics import ShardStatistics
from holdfast.edge.server.metrics import NodeCollector, metrics_registry
from holdfast.edge.server.statistics import (
    CALL_SECONDS,
    CallCounters,
    MailboxStatistics,
    NodeStatistics,
)


def shard(number: int) -> ShardStatistics:
    """Figures, no two of them alike."""
    return ShardStatistics(number, *range(100 * number + 1, 100 * number + 13))


def mailbox(number: int) -> MailboxStatistics:
    return MailboxStatistics(number, 100 * number + 51, 100 * number + 52)


def node(calls: CallCounters | None = None) -> NodeStatistics:
    return NodeStatistics(
        shards=(shard(0), shard(1)),
        mailboxes=(mailbox(0), mailbox(1)),
        turns=11,
        appends=12,
        append_seconds_total=1.5,
        append_age_seconds=1.25,
        loop_lag_seconds=0.75,
        calls=(calls or CallCounters()).statistics(),
        operations={("RESERVE", "ACCEPTED"): 8_190},
        refused_overload=13,
        expired_holds=14,
        snapshot_failures=19,
        log_lines_dropped=20,
        watch_conflations=22,
        watch_resets=23,
        watchers=24,
        watch_lag=25,
        call_lines_left_out=21,
        front_restarts=26,
        audit_passes=26,
        audit_disagreements=27,
        durable_position=15,
        snapshot_position=16,
        journal_size_bytes=17,
        journal_headroom_bytes=18,
    )


def recorded(calls: CallCounters, method: str, code: str, seconds: float) -> None:
    """A call of one answer."""
    calls.record_seconds(method, seconds)
    calls.record_end(method, code)


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


def test_figures_of_the_node_are_exported() -> None:
    samples = scrape(node)
    node_samples = {name: value for name, value in samples.items() if " " not in name}
    assert {
        "holdfast_turns_total": 11,
        "holdfast_journal_appends_total": 12,
        "holdfast_journal_append_seconds_total": 1.5,
        "holdfast_overload_refusals_total": 13,
        "holdfast_expired_holds_total": 14,
        "holdfast_snapshot_failures_total": 19,
        "holdfast_log_lines_dropped_total": 20,
        "holdfast_watch_conflations_total": 22,
        "holdfast_watch_resets_total": 23,
        "holdfast_watchers": 24,
        "holdfast_watch_lag_entries": 25,
        "holdfast_call_lines_left_out_total": 21,
        "holdfast_front_restarts_total": 26,
        "holdfast_audit_passes_total": 26,
        "holdfast_audit_disagreements": 27,
        "holdfast_journal_append_age_seconds": 1.25,
        "holdfast_loop_lag_seconds": 0.75,
        "holdfast_journal_durable_position": 15,
        "holdfast_journal_snapshot_position": 16,
        "holdfast_journal_size_bytes": 17,
        "holdfast_journal_headroom_bytes": 18,
    } == node_samples


def test_figures_of_each_shard_are_exported() -> None:
    samples = scrape(node)
    for number in (0, 1):
        names = [
            "holdfast_shard_sequence",
            "holdfast_skus",
            "holdfast_stock_levels",
            "holdfast_reservations",
            "holdfast_ended_ids",
            "holdfast_on_hand_units",
            "holdfast_reserved_units",
            "holdfast_committed_units",
            "holdfast_source_gaps",
            "holdfast_quarantined_levels",
            "holdfast_quarantined_skus",
        ]
        for offset, name in enumerate(names, 1):
            assert samples[f"{name} shard={number}"] == 100 * number + offset
        assert samples[f"holdfast_mailbox_depth shard={number}"] == 100 * number + 51
        assert samples[f"holdfast_mailbox_capacity shard={number}"] == 100 * number + 52


def test_no_figure_is_left_out() -> None:
    exported = scrape(node).values()
    for figure in fields(NodeStatistics):
        if figure.name not in ("shards", "mailboxes", "calls", "operations"):
            assert getattr(node(), figure.name) in exported
    for of_shard in (shard(1), mailbox(1)):
        for figure in fields(of_shard):
            # Lines of holds that ended by time are summed over the shards.
            is_left_out = figure.name in ("shard", "expired_lines")
            assert is_left_out or getattr(of_shard, figure.name) in exported


def test_operations_are_exported_one_by_one() -> None:
    samples = scrape(node)
    assert 8_190 == samples["holdfast_operations_total operation=RESERVE outcome=ACCEPTED"]


def test_calls_are_exported_by_method_and_code() -> None:
    calls = CallCounters()
    for code in ("OK", "OK", "REFUSED", "NOT_FOUND"):
        recorded(calls, "Reserve", code, 0.001)
    recorded(calls, "Commit", "OK", 0.001)
    samples = scrape(lambda: node(calls))
    assert 2 == samples["holdfast_calls_total code=OK method=Reserve"]
    assert 1 == samples["holdfast_calls_total code=REFUSED method=Reserve"]
    assert 1 == samples["holdfast_calls_total code=NOT_FOUND method=Reserve"]
    assert 1 == samples["holdfast_calls_total code=OK method=Commit"]


@pytest.mark.parametrize("bound", CALL_SECONDS)
def test_a_bucket_holds_calls_up_to_its_bound(bound: float) -> None:
    calls = CallCounters()
    recorded(calls, "Reserve", "OK", bound)
    recorded(calls, "Reserve", "OK", bound * 1.0001)
    samples = scrape(lambda: node(calls))
    assert 1 == samples[f"holdfast_call_seconds_bucket le={bound} method=Reserve"]
    assert 2 == samples["holdfast_call_seconds_bucket le=+Inf method=Reserve"]


@settings(max_examples=25)  # each of them is a scrape
@given(st.lists(st.floats(0, 20), min_size=1))
def test_the_histogram_counts_every_call_once(seconds: list[float]) -> None:
    calls = CallCounters()
    for each in seconds:
        recorded(calls, "Reserve", "OK", each)
    samples = scrape(lambda: node(calls))
    assert samples["holdfast_call_seconds_count method=Reserve"] == len(seconds)
    assert samples["holdfast_call_seconds_sum method=Reserve"] == pytest.approx(sum(seconds))
    for bound in CALL_SECONDS:
        up_to = sum(each <= bound for each in seconds)
        assert samples[f"holdfast_call_seconds_bucket le={bound} method=Reserve"] == up_to


def test_statistics_do_not_change_after_they_were_read() -> None:
    calls = CallCounters()
    recorded(calls, "Reserve", "OK", 0.5)
    before = calls.statistics()
    recorded(calls, "Reserve", "OK", 0.5)
    assert {("Reserve", "OK"): 1} == before.counts
    assert 1 == sum(before.buckets["Reserve"])
    assert {"Reserve": 0.5} == before.seconds
    assert "<CallCounters 2 calls>" == repr(calls)


def test_the_node_is_asked_once_a_scrape_and_not_before() -> None:
    asked = []

    def statistics() -> NodeStatistics:
        asked.append(1)
        return node()

    registry = metrics_registry(statistics)
    assert 0 == len(asked)
    generate_latest(registry)
    assert 1 == len(asked)


def test_before_there_is_a_node_only_the_process_is_measured() -> None:
    assert {} == scrape(lambda: None)
    assert b"process_cpu_seconds_total" in generate_latest(metrics_registry(lambda: None))


def test_names_and_help_keep_the_rules_of_prometheus() -> None:
    """Counters end in _total and nothing else does; units are base units; help is a sentence."""
    calls = CallCounters()
    recorded(calls, "Reserve", "OK", 0.001)
    text = generate_latest(metrics_registry(lambda: node(calls))).decode()
    kinds = dict(re.findall(r"# TYPE (holdfast_\w+) (\w+)", text))
    assert {"counter", "gauge", "histogram"} == set(kinds.values())
    for name, kind in kinds.items():
        assert (kind == "counter") == name.endswith("_total"), name
        assert not re.search(r"_(ms|us|ns|kib|mib)(_|$)", name), name
    for sentence in re.findall(r"# HELP holdfast_\w+ (.*)", text):
        assert sentence.endswith(".")
