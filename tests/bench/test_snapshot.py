"""The bench of snapshots: what counts as a pause."""

import pytest

from bench.snapshot import Probe

QUICK_S = 0.001


@pytest.mark.parametrize(
    ("reads_s", "echoes_s", "pause_s"),
    [
        ([QUICK_S] * 5, [QUICK_S] * 5, 0.0),
        ([QUICK_S, 0.050, *[QUICK_S] * 3], [QUICK_S] * 5, 0.049),
        # The machine stood still: the echo a tick later waited nearly as long.
        ([QUICK_S, 0.050, *[QUICK_S] * 3], [QUICK_S, QUICK_S, 0.040, *[QUICK_S] * 2], 0.010),
        # An echo that was slow before and long over explains nothing.
        ([*[QUICK_S] * 4, 0.050], [0.040, *[QUICK_S] * 4], 0.049),
    ],
    ids=["none", "the node's", "the machine's", "two apart"],
)
def test_a_pause_is_what_echoes_did_not_wait(
    reads_s: list[float], echoes_s: list[float], pause_s: float
) -> None:
    """Calls are due every ten milliseconds, an echo with each."""
    probe = Probe(reads_s, [QUICK_S] * 5, echoes_s)

    assert pytest.approx(pause_s) == max(probe.pauses_s())


def test_stretches_add_up() -> None:
    """All three kinds stay side by side."""
    probe = Probe([1.0], [2.0], [3.0])
    probe.add(Probe([4.0], [5.0], [6.0]))

    assert Probe([1.0, 4.0], [2.0, 5.0], [3.0, 6.0]) == probe
