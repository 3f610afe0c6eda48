"""Orders of a shop played against a node: `python -m bench.replay`, or `make run`."""
