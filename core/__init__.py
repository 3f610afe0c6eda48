"""The engine: commands, rules, tables and kernels.

Pure and deterministic: the same state and the same input give the same bytes out; time comes in as
``now_ns``. What may be imported here is told in README.md and enforced by tests/test_tidy.py.
"""
