"""The journal on LMDB, its codec, snapshots, recovery, and a journal held in memory.

May import ``holdfast.core``, numpy and lmdb. Never ``holdfast.edge`` or grpc.
"""
