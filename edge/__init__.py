"""The way in: messages (wire), the node as a process (server), client, and command line (cli).

Imports ``holdfast.core``, ``holdfast.persistence``, ``holdfast.v1`` and the server libraries;
tests/test_tidy.py keeps ``holdfast.adapters`` and the bench out.
"""
