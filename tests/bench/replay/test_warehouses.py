"""Every line has its warehouse, the same in every run."""

from collections import Counter

from bench.replay.warehouses import LOCATIONS, location_of


def test_a_line_always_goes_to_the_same_place() -> None:
    """The choice is fixed for ever: replays are compared with figures noted earlier."""
    assert ["LUT", "GLA", "LUT"] == [
        location_of(str(n), "85123A") for n in (536365, 536373, 536375)
    ]
    assert location_of("536365", "85123A") == location_of("536365", "85123A")


def test_the_shares_of_the_locations_are_kept() -> None:
    """Shares add up to the whole, and lines follow them within a percent."""
    assert 100 == sum(location.share for location in LOCATIONS)
    served = Counter(location_of(str(n), f"SKU-{n % 97:05d}") for n in range(20_000))
    for location in LOCATIONS:
        assert abs(served[location.code] / 20_000 - location.share / 100) < 0.01


def test_derived_locations_say_that_they_are_derived() -> None:
    """Nobody should take them for data."""
    assert all("derived" in location.name for location in LOCATIONS)
