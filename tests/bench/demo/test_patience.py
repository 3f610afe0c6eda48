"""The slow are waited for, and those that have stopped are not."""

from bench.demo.patience import Patience


def test_patience_lasts_as_long_as_less_is_left() -> None:
    patience = Patience(10.0, 100.0)

    assert not any(patience.is_over(50 - step, 100.0 + 9 * step) for step in range(50))


def test_patience_is_over_when_nothing_goes_on() -> None:
    patience = Patience(10.0, 100.0)

    assert not patience.is_over(5, 100.0)
    assert not patience.is_over(6, 109.0)
    assert not patience.is_over(5, 110.0)
    assert patience.is_over(5, 110.1)
    assert not patience.is_over(4, 111.0)
