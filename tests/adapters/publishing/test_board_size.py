"""What a million pairs cost: memory, and time for a change."""

import subprocess
import sys

import pytest

PAIRS = 1_000_000
CHANGES_PER_S = 100

SCRIPT = f"""
import resource, time
from datetime import UTC, datetime
from holdfast.adapters.contract import Accepted
from holdfast.adapters.mapping import Tables
from holdfast.adapters.publishing.board import Board
from holdfast.adapters.publishing.items import Items
from holdfast.adapters.publishing.known_levels import KnownLevels
from holdfast.adapters.publishing.outages import Claims
from holdfast.adapters.publishing.publish_options import PublishOptions

levels = KnownLevels()
items = Items(Tables(), datetime(2026, 11, 27, tzinfo=UTC))
board = Board("shop", PublishOptions(nodes={{"DEFAULT": ("dc-1",)}}), items, levels, Claims())
now_s = 1.7e9
def change(number, units):
    sku = f"SKU-{{number:08}}"
    levels.tell(sku, "dc-1", units, True, now_s)
    board.level_changed(sku, "dc-1", now_s)
for number in range({PAIRS}):
    change(number, 5)
while flights := board.take(25_000, now_s):
    for flight in flights:
        board.settle(flight, Accepted(), now_s)
begin = time.process_time()
for number in range(0, {PAIRS}, 100):
    now_s += 0.01
    change(number, 4)
    for flight in board.take(1, now_s):
        board.settle(flight, Accepted(), now_s)
seconds = (time.process_time() - begin) / ({PAIRS} // 100)
assert len(board) == {PAIRS}
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_million_pairs_take_a_gigabyte_and_a_fifth_of_a_core() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=600, check=True
    )
    seconds, size = map(float, ran.stdout.split())

    assert size <= 1 << 30
    assert seconds * CHANGES_PER_S <= 0.2
