"""The live feed of stock: what changed when, and who is told."""
