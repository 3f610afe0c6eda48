"""The large node's stock levels."""

from bench.harness.population import LOCATIONS, level


def test_every_stock_level_has_a_sku_of_its_own() -> None:
    """With 9 to 12 characters, at one of the locations."""
    levels = [level(number) for number in range(10_000)]

    assert 10_000 == len({sku for sku, _ in levels})
    assert {9, 10, 11, 12} == {len(sku) for sku, _ in levels}
    assert LOCATIONS == len({location for _, location in levels})
