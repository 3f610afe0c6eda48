"""What a stranger sends who knows the code: keys that would meet in one place of a hash table.

Work is counted in slots, not in time: a search passes the filled slots from its home to the next
empty one, so the longest run of them is what the worst search costs.
"""

from collections.abc import Iterable

import numpy as np

from holdfast.core.ids import Key
from holdfast.core.kernels.arguments import Arrays
from holdfast.core.kernels.hash_slots import SPILL
from holdfast.core.kernels.hashing import keyed_hash_bytes
from holdfast.core.tables.table import Array
from tests.core.kernels.duel import plain

#: The seed of the node under attack, and the one that the stranger believes in: all zeros are the
#: default.
SECRET = np.frombuffer(b"drawn by secrets", np.int64)
GUESSED = np.zeros(2, np.int64)

#: Keys of one attack: a message full of them took minutes when they met.
COUNT = 2_000

#: The longest run that chance may make of them; the tests run with one seed, so it does not vary.
RUN_MAX = 64

_WORD = 1 << 64
_GOLDEN = 0x9E3779B97F4A7C15


def longest_run(arrays: Arrays) -> int:
    """Filled slots side by side, at most."""
    slots, layout = arrays
    start, homes, larger_at, larger, moved = layout[:5].tolist()
    spill = int(layout[SPILL])
    places = [slots[start + moved : start + homes + spill]]
    if larger:
        places.append(slots[larger_at : larger_at + larger + spill])
    gaps = [np.diff(np.flatnonzero(place == 0), prepend=-1).max() for place in places]
    return int(max(gaps)) - 1


def keys_on_a_line() -> list[Key]:
    """Keys that a mixing of hi ^ lo * constant takes for one: it cost nothing to make them."""
    return [Key(number * _GOLDEN % _WORD ^ 7, number, None) for number in range(COUNT)]


def keys_of_a_guess() -> list[Key]:
    """The keys that come first in a table under the guessed seed, of some hundred thousand."""
    rng = np.random.default_rng(1)
    hi, lo = rng.integers(0, _WORD, (2, 300_000), np.uint64)
    chosen = _first(_hashes_of_a_guess(hi, lo))
    return [
        Key(hi, lo, None) for hi, lo in zip(hi[chosen].tolist(), lo[chosen].tolist(), strict=True)
    ]


def pairs_of_a_guess(first: int, second: int) -> Array:
    """The same for pairs of small numbers, as int64[COUNT, 2]."""
    pairs = np.stack(np.meshgrid(np.arange(first), np.arange(second)), axis=-1).reshape(-1, 2)
    words = pairs.astype(np.uint64)
    chosen: Array = pairs[_first(_hashes_of_a_guess(words[:, 0], words[:, 1]))]
    return chosen


def names_of_a_guess() -> list[str]:
    """The same for names."""
    names = [f"sku-{number}" for number in range(200_000)]
    seed = GUESSED.view(np.uint64)
    hashes = [
        keyed_hash_bytes(*seed, np.frombuffer(name.encode(), np.uint8), 0, len(name))
        for name in names
    ]
    return [names[index] for index in _first(np.array(hashes, np.uint64)).tolist()]


def _hashes_of_a_guess(hi: Array, lo: Array) -> Array:
    with np.errstate(over="ignore"):
        hashes: Array = plain("keyed_hash")(*GUESSED.view(np.uint64), hi, lo)
    return hashes


def _first(hashes: Array) -> Array:
    order: Array = np.argsort(hashes)
    return order[:COUNT]


def numbers_that_python_confuses() -> Iterable[tuple[int, int]]:
    """Pairs of numbers to which Python gives one hash. Its hash of tuples (a variant of xxHash) has
    no key, and can be run backwards.
    """
    prime_1, prime_2 = 11400714785074694791, 14029467366897019727
    prime_5 = 2870177450012600261
    backwards = pow(prime_2, -1, _WORD)
    numbers = np.random.default_rng(1).integers(0, 1 << 60, 10_000).tolist()
    for hi in numbers:
        lane = (prime_5 + hi * prime_2) % _WORD
        state = (lane << 31 | lane >> 33) * prime_1 % _WORD
        lo = (12_345 - state) * backwards % _WORD
        if lo < (1 << 61) - 1:  # numbers below are their own hash
            yield hi, lo
