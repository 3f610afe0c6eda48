"""A shop's day against a node: `python -m bench.rehearsal`, or `make load`."""
