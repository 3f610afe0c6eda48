"""Processes that speak gRPC for the node, before the one that decides."""
