"""Shopify: orders in, quantities out. `kinds.py` has its four kinds."""
