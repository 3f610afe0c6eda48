"""TigerBeetle's own benchmark is asked for pending transfers, where there is a binary."""

import asyncio
from pathlib import Path

import pytest

from bench.harness.plan import BenchError, Plan
from bench.peers import tigerbeetle
from bench.peers.peer import MissingError


def test_tigerbeetle_is_missing_where_nobody_named_a_binary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(tigerbeetle.VARIABLE, raising=False)
    with pytest.raises(MissingError, match=tigerbeetle.VARIABLE):
        tigerbeetle.binary()


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
    tmp_path: Path,
) -> None:
    program = tmp_path / "tigerbeetle"
    program.write_text(STRICT_BENCHMARK)
    program.chmod(0o755)
    plan = Plan(tmp_path, 2, is_quick=True)
    rates = asyncio.run(tigerbeetle.one_round(plan, str(program)))
    assert {"batch8190": 1_234.0, "batch512": 1_234.0} == rates


def test_an_unread_benchmark_of_tigerbeetle_is_an_error() -> None:
    assert 301_887 == tigerbeetle.accepted_rate("x\nload accepted = 301887 tx/s\ny")
    with pytest.raises(BenchError, match="usage"):
        tigerbeetle.accepted_rate("usage: …")
