"""The way in: gRPC service, conversion, routing, pump, client, settings, telemetry, HTTP, CLI.

May import ``holdfast.core``, ``holdfast.persistence``, ``holdfast.v1`` and the server libraries.
Never ``holdfast.adapters`` or the bench.
"""
