"""The journal on LMDB, and a check of its file before LMDB maps it."""
