"""Sizes of open-addressed hash tables with linear probing (Knuth, TAOCP vol. 3, 6.4)."""


def slots_size(count: int, size: int) -> int:
    """Slots for `count` keys, at least `size` of them: a power of two, at most two thirds full."""
    while count * 3 > size * 2:
        size *= 2
    return size
