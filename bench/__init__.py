"""Measures a node from outside, as its callers see it: `python -m bench`, or `make bench`.

A bench is a module with `async def run(plan)`, listed in __main__.py, which returns figures. It
starts the node as a process of its own and talks to it over gRPC; of the engine it may import the
core, to time a kernel alone, and nothing of the journal. README.md says what each figure means.
"""
