"""Walmart Marketplace (US): its webhooks, its orders, and what it is told to show.

Two adapters, since one address takes either what comes in or what is asked for. `walmart` takes
notifications and publishes quantities; `walmart-orders` asks for orders and acknowledges them. Both
name a purchase order alike, so either may be the first to report it.
"""
