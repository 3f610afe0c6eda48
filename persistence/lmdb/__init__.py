"""The journal's file: LMDB, and a check of its pages before LMDB maps them."""
