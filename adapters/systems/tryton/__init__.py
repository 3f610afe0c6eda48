"""Tryton 8.2, reached over JSON-RPC: moves in, our fulfilments out, counts of its books.

Nothing of Tryton is imported: it is under the GPL, and a program of its own.
"""
