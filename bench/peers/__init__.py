"""The servers that Holdfast is compared with, and as much of their protocols as a load needs."""
