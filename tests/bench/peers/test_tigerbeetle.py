"""TigerBeetle's own benchmark is asked for pending transfers, where there is a binary."""

import asyncio
from pathlib import Path

import pytest

from bench.harness.plan import BenchError, Plan
from bench.peers import tigerbeetle


def test_tigerbeetle_is_left_out_without_a_binary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(tigerbeetle.VARIABLE, raising=False)
    plan = Plan(tmp_path, 1, is_quick=True)
    assert [] == asyncio.run(tigerbeetle.figures(plan))
    assert {"TigerBeetle"} == set(plan.left_out)


#: Knows the options of TigerBeetle's own, and refuses others as that does.
STRICT_BENCHMARK = """#!/bin/sh
for word in "$@"; do
    case "$word" in
        benchmark | --transfer-pending | --transfer-batch-count=* | --transfer-count=*) ;;
        *) echo "error: unexpected argument: $word"; exit 1 ;;
    esac
done
echo "load accepted = 1,234 tx/s"
"""


def test_tigerbeetle_is_asked_for_pending_transfers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = tmp_path / "tigerbeetle"
    binary.write_text(STRICT_BENCHMARK)
    binary.chmod(0o755)
    monkeypatch.setenv(tigerbeetle.VARIABLE, str(binary))
    figures = asyncio.run(tigerbeetle.figures(Plan(tmp_path, 2, is_quick=True)))
    assert {(1_234.0, 1_234.0)} == {each.samples for each in figures}


def test_an_unread_benchmark_of_tigerbeetle_is_an_error() -> None:
    assert 301_887 == tigerbeetle.accepted_rate("x\nload accepted = 301887 tx/s\ny")
    with pytest.raises(BenchError, match="usage"):
        tigerbeetle.accepted_rate("usage: …")
