"""The bench of snapshots: what counts as a pause."""

import pytest

from bench.cases.snapshot_pauses import Probe

QUICK_S = 0.001
QUICK = [QUICK_S] * 5
QUIET = [7.0] * 5


@pytest.mark.parametrize(
    ("reads_s", "echoes_s", "core_waits_s", "pause_s"),
    [
        (QUICK, QUICK, QUIET, 0.0),
        ([QUICK_S, 0.050, *QUICK[2:]], QUICK, QUIET, 0.049),
        # The machine stood still: the echo a tick later waited nearly as long.
        ([QUICK_S, 0.050, *QUICK[2:]], [QUICK_S, QUICK_S, 0.040, *QUICK[3:]], QUIET, 0.010),
        # An echo that was slow before and long over explains nothing.
        ([*QUICK[:4], 0.050], [0.040, *QUICK[1:]], QUIET, 0.049),
        # Others had the cores.
        ([QUICK_S, 0.050, *QUICK[2:]], QUICK, [7.0, 7.0, 7.010, 7.030, 7.030], 0.020),
    ],
    ids=["none", "the node's", "the machine's", "two apart", "no core"],
)
def test_a_pause_is_what_the_machine_does_not_explain(
    reads_s: list[float], echoes_s: list[float], core_waits_s: list[float], pause_s: float
) -> None:
    """Calls are due every ten milliseconds, an echo with each."""
    probe = Probe(reads_s, QUICK, echoes_s, core_waits_s)

    assert pytest.approx(pause_s) == max(probe.pauses_s())


def test_stretches_add_up() -> None:
    """All kinds stay side by side."""
    probe = Probe([1.0], [2.0], [3.0], [4.0])
    probe.add(Probe([5.0], [6.0], [7.0], [8.0]))

    assert Probe([1.0, 5.0], [2.0, 6.0], [3.0, 7.0], [4.0, 8.0]) == probe
