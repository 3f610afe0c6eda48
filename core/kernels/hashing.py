"""Hashes: a keyed one for tables that strangers feed, and a plain one for sums over the content.

Whoever chooses ids and names knows this code. With a hash that is not keyed, they could be
chosen so that all land in one slot, and each search then passes all of them. SipHash (Aumasson &
Bernstein, "SipHash: a fast short-input PRF", 2012) is made against that, here with one round a word
and three at the end, as Python hashes its strings. The plain hash is splitmix64 (Steele, Lea &
Flood, "Fast Splittable Pseudorandom Number Generators", 2014) over FNV-1a (Fowler, Noll & Vo).
"""

import numpy as np

from .compiled import kernel

_SIP_0 = np.uint64(0x736F6D6570736575)
_SIP_1 = np.uint64(0x646F72616E646F6D)
_SIP_2 = np.uint64(0x6C7967656E657261)
_SIP_3 = np.uint64(0x7465646279746573)
_SIP_END = np.uint64(0xFF)
_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_U27, _U30, _U31 = np.uint64(27), np.uint64(30), np.uint64(31)
_U8, _U56 = np.uint64(8), np.uint64(56)
_U13, _U16, _U17, _U21, _U32 = (np.uint64(bits) for bits in (13, 16, 17, 21, 32))
_U43, _U47, _U48, _U51 = (np.uint64(bits) for bits in (43, 47, 48, 51))


@kernel
def _sip_round(a, b, c, d):
    """One round over four words; the shifts are rotations by 13, 32, 16, 21, 17 and 32."""
    a += b
    b = (b << _U13 | b >> _U51) ^ a
    a = a << _U32 | a >> _U32
    c += d
    d = (d << _U16 | d >> _U48) ^ c
    a += d
    d = (d << _U21 | d >> _U43) ^ a
    c += b
    b = (b << _U17 | b >> _U47) ^ c
    c = c << _U32 | c >> _U32
    return a, b, c, d


@kernel
def _sip_begin(seed_0, seed_1):
    return seed_0 ^ _SIP_0, seed_1 ^ _SIP_1, seed_0 ^ _SIP_2, seed_1 ^ _SIP_3


@kernel
def _sip_word(a, b, c, d, word):
    a, b, c, d = _sip_round(a, b, c, d ^ word)
    return a ^ word, b, c, d


@kernel
def _sip_end(a, b, c, d):
    a, b, c, d = _sip_round(a, b, c ^ _SIP_END, d)
    a, b, c, d = _sip_round(a, b, c, d)
    a, b, c, d = _sip_round(a, b, c, d)
    return a ^ b ^ c ^ d


@kernel
def keyed_hash(seed_0, seed_1, hi, lo):
    """SipHash-1-3 of two words under a seed of two words, all uint64."""
    a, b, c, d = _sip_begin(seed_0, seed_1)
    a, b, c, d = _sip_word(a, b, c, d, hi)
    a, b, c, d = _sip_word(a, b, c, d, lo)
    a, b, c, d = _sip_word(a, b, c, d, np.uint64(16) << _U56)
    return _sip_end(a, b, c, d)


@kernel
def keyed_hash_bytes(seed_0, seed_1, data, start, end):
    """SipHash-1-3 of data[start:end] under a seed of two words, as uint64."""
    a, b, c, d = _sip_begin(seed_0, seed_1)
    word, shift = np.uint64(0), np.uint64(0)
    for i in range(start, end):
        word |= np.uint64(data[i]) << shift
        shift += _U8
        if shift > _U56:
            a, b, c, d = _sip_word(a, b, c, d, word)
            word, shift = np.uint64(0), np.uint64(0)
    a, b, c, d = _sip_word(a, b, c, d, word | np.uint64(end - start) << _U56)
    return _sip_end(a, b, c, d)


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
