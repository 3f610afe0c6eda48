"""The engine: columns, kernels, ledger, expiry, sourcing and the actor that owns a shard.

Pure and deterministic: the same state and the same input give the same bytes out. May import numpy
and numba. Never a clock, randomness, asyncio, threads, files, sockets or logging, and no other
room; time comes in as ``now_ns``.
"""
