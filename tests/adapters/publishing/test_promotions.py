"""What is oversold in promotions, and what is shown, against what the settings state."""

from math import comb

import pytest

from .promotions import AWAY, CHANNELS, KINDS, OUTAGES, Fixed, Kind, Measured, Sale, run

CHANCE = 0.01
SEEDS = range(150)

#: Buffers that do not change, of each channel: the least found by search on these seeds that keep
#: CHANCE in a kind of promotion.
HINDSIGHT = {
    "steady": (1, 9, 15, 27),
    "slow": (0, 1, 1, 1),
    "burst": (1, 11, 22, 31),
    "orders of two": (1, 13, 13, 34),
}


def shown(sales: list[Sale]) -> float:
    """Units shown by all channels, times seconds."""
    return sum(pair.shown_s for sale in sales for pair in sale.pairs)


def oversold(sales: list[Sale], channel: int) -> int:
    """Promotions in which a channel oversold at all."""
    return sum(sale.pairs[channel].oversold > 0 for sale in sales)


def missing(sales: list[Sale]) -> int:
    """Units that were sold and not there, less those that were left."""
    return -sum(sale.available for sale in sales)


def by_chance(count: int, of: int) -> float:
    """P(at least so many of so many), each with CHANCE."""
    return 1 - sum(comb(of, k) * CHANCE**k * (1 - CHANCE) ** (of - k) for k in range(count))


@pytest.mark.parametrize("kind", [*KINDS, *OUTAGES], ids=lambda kind: kind.name)
@pytest.mark.parametrize("buffers", [(0, 0, 0, 0), (1, 9, 18, 28)])
def test_no_value_oversells_more_than_others_took_beyond_its_buffer(
    kind: Kind, buffers: tuple[int, ...]
) -> None:
    values = [
        value
        for sale in run(kind, Fixed(buffers), range(2))
        for pair in sale.pairs
        for value in pair.values
        if value.quantity
    ]

    assert values
    for value in values:
        buffer = value.available - value.quantity
        assert value.came_in <= value.quantity
        assert value.oversold <= max(0, value.others - buffer)


def test_without_buffers_promotions_are_oversold() -> None:
    sales = run(KINDS[0], Fixed((0, 0, 0, 0)), range(3))

    assert all(sale.pairs[3].oversold > 0 for sale in sales)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_promotions_oversell_no_more_often_than_stated() -> None:
    sales = {kind.name: run(kind, Measured(CHANCE), SEEDS) for kind in KINDS}

    for channel in range(len(CHANNELS)):
        counts = [oversold(of_kind, channel) for of_kind in sales.values()]
        assert by_chance(sum(counts), len(KINDS) * len(SEEDS)) > 0.01
        assert all(by_chance(count, len(SEEDS)) > 0.001 for count in counts)
    for name, of_kind in sales.items():
        kind = next(kind for kind in KINDS if kind.name == name)
        if buffers := HINDSIGHT.get(name):
            assert shown(of_kind) > 0.95 * shown(run(kind, Fixed(buffers), SEEDS))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_channel_that_is_away_finds_most_of_what_it_claims() -> None:
    [kind, _] = OUTAGES

    kept = run(kind, Measured(CHANCE), SEEDS)
    given = run(kind, Measured(CHANCE, leaves_claims=False), SEEDS)

    assert oversold(kept, AWAY) < oversold(given, AWAY)
    assert 2 * missing(kept) < missing(given)
