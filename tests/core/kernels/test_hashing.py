"""The keyed hash is SipHash-1-3, as Python has it too."""

import os
import subprocess
import sys

import numpy as np

from holdfast.core.kernels.hashing import keyed_hash, keyed_hash_bytes

DATA = np.frombuffer(np.random.default_rng(1).bytes(200), np.uint8)
SIZES = (*range(1, 40), 127, 128, 200)
NO_SEED = np.zeros(2, np.uint64)

_PYTHON = """
import sys
assert "siphash13" == sys.hash_info.algorithm
data = sys.stdin.buffer.read()
print(*(hash(data[:size]) % (1 << 64) for size in map(int, sys.argv[1:])))
"""


def test_python_hashes_bytes_to_the_same_numbers() -> None:
    """With the key that it takes when it is told to draw none: zeros."""
    done = subprocess.run(
        [sys.executable, "-c", _PYTHON, *map(str, SIZES)],
        input=DATA.tobytes(),
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        check=True,
    )
    expected = [int(number) for number in done.stdout.split()]
    assert expected == [int(keyed_hash_bytes(*NO_SEED, DATA, 0, size)) for size in SIZES]


def test_two_words_hash_as_their_bytes_do() -> None:
    seed = DATA[:16].view("<u8")
    for start in range(16, 160):
        hi, lo = DATA[start : start + 16].view("<u8")
        assert keyed_hash_bytes(*seed, DATA, start, start + 16) == keyed_hash(*seed, hi, lo)


def test_each_bit_of_key_and_seed_counts() -> None:
    """One that changes turns about half of the bits of the hash."""
    words = [np.uint64(0)] * 4
    before = int(keyed_hash(*words))
    turned = []
    for place in range(4):
        for bit in range(64):
            changed = [*words]
            changed[place] = np.uint64(1 << bit)
            turned.append((before ^ int(keyed_hash(*changed))).bit_count())
    assert 31 < np.mean(turned) < 33
    assert min(turned) > 12
