"""Measures a node from outside, as its callers see it: `python -m bench`, or `make bench`.

The folders: cases/ the benches, one a module; harness/ what they share; peers/ the servers that
Holdfast is compared with; rehearsal/ a shop's day under load; replay/ a shop's orders, checked unit
by unit. The node under test is a process that is talked to over gRPC. The core is imported where a
kernel or a turn is timed alone. README.md says what each figure means.
"""
