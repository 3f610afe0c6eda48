"""Servers that Holdfast is compared with, and as much of their wires as a load needs."""
