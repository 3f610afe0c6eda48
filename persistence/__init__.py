"""The journal, its form on LMDB, its codec, snapshots, recovery and the check of all of them.

May import ``holdfast.core``, numpy and lmdb (tests/test_tidy.py).
"""
