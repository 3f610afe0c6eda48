"""`holdfast adapters`: running adapters, and settling what they could not deliver."""
