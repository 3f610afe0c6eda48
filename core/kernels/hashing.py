"""The hashes under all tables: splitmix64 over FNV-1a.

Steele, Lea & Flood, "Fast Splittable Pseudorandom Number Generators", 2014; Fowler, Noll & Vo.
"""

import numpy as np

from .compiled import kernel

_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_U27, _U30, _U31 = np.uint64(27), np.uint64(30), np.uint64(31)


@kernel
def mix(hi, lo):
    """Mix 128 bits into 64."""
    x = hi ^ (lo * _GOLDEN)
    x = (x ^ (x >> _U30)) * _MIX_1
    x = (x ^ (x >> _U27)) * _MIX_2
    return x ^ (x >> _U31)


@kernel
def hash_bytes(data, start, end):
    """A hash of data[start:end], as uint64."""
    h = _FNV_OFFSET
    for i in range(start, end):
        h = (h ^ np.uint64(data[i])) * _FNV_PRIME
    return mix(h, _GOLDEN)
