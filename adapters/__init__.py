"""Adapters: they translate what other systems say into facts and orders for the core, and back.

An adapter is pure functions and a declaration (contract.py). What is hard is written once, in
`runtime`: keeping, retrying, ordering, dead letters.
"""
