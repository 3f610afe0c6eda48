"""The engine: commands, rules, tables and kernels.

Pure and deterministic: the same state and the same input give the same bytes out; time comes in as
``now_ns``. README.md says what may be imported here, and tests/test_tidy.py enforces it.
"""
