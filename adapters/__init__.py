"""One file per outside system (ERP, till, marketplace), and the runtime they share.

May import ``holdfast.v1`` and ``holdfast.edge.client``: an adapter is a client like any other.
"""
