"""Twins: small stand-ins for channels, which sell, throttle, fail and forget as the real ones do.

They are for demonstrations and tests. Each is written from the channel's documents and knows
nothing of the adapter that speaks to it, so that the two do not share a misunderstanding.
"""
