"""Intakes: formats that many systems speak, decoded to canonical events."""
