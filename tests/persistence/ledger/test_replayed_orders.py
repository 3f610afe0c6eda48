"""A shop's real orders, replayed: the parts of every level add up, now and at past instants.

Skips where ../shared/data is absent. The first rows are replayed in the suite, the whole year in
the slow tests.
"""

import gzip
import itertools
import random
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from holdfast.persistence.ledger.explain import Instant, explain
from tests.bench.replay.shop import REAL_YEAR
from tests.persistence.ledger.following import PlainLedger, expect, following, records_of

ROWS = 1_000


def replayed(orders: Path, folder: Path) -> Path:
    """The data directory of a node that has replayed orders."""
    command = (sys.executable, "-m", "bench.replay", "--orders", orders, "--data-dir", folder)
    done = subprocess.run(command, capture_output=True, check=False)
    assert 0 == done.returncode, done.stderr.decode()
    return folder


@pytest.fixture
def orders() -> Path:
    if not REAL_YEAR.exists():
        pytest.skip("needs ../shared/data/uci-online-retail/online_retail.csv.gz")
    return REAL_YEAR


def test_the_first_orders_add_up(orders: Path, tmp_path: Path) -> None:
    first = tmp_path / "first.csv"
    with gzip.open(orders, "rt", encoding="utf-8") as rows:
        first.write_text("".join(itertools.islice(rows, ROWS)), "utf-8")
    expect_every_level(replayed(first, tmp_path / "data"), instants=200)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_the_year_adds_up(orders: Path, tmp_path: Path) -> None:
    expect_every_level(replayed(orders, tmp_path / "data"), instants=1_000)


def expect_every_level(path: Path, instants: int) -> None:
    """Compare every level as it is, and one at each of many past instants, with a plain model."""
    rng = random.Random(20)
    model = PlainLedger()
    levels: dict[int, list[tuple[str, str]]] = defaultdict(list)
    with following(path) as (follower, messages):
        assert [] == messages
        records = records_of(follower)
        ends = [
            at
            for at, (record, after) in enumerate(itertools.pairwise(records))
            if (record["shard"], record["sequence"]) != (after["shard"], after["sequence"])
        ]
        chosen = Counter(rng.choices(ends, k=2 * instants))
        asked = 0
        for at, record in enumerate(records):
            model.take(record)
            shard = record["shard"]
            if record["kind"] == "level":
                levels[shard].append((record["sku"], record["location"]))
            for _ in range(chosen[at] if levels[shard] else 0):
                asked += 1
                name = rng.choice(levels[shard])
                instant = Instant(sequence=record["sequence"])
                expect(explain(follower.index, *name, instant), model.levels[name])
        assert asked >= instants
        for name, level in model.levels.items():
            expect(explain(follower.index, *name, Instant()), level)
