"""Figures as Prometheus reads them, for the node and for the adapters."""

from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response

#: How many characters of an Accept are looked at: Prometheus sends some 300.
_ACCEPT_MAX: Final = 1_000


def exposition(registry: CollectorRegistry, request: Request) -> Response:
    """The page of figures, in the text format that the request asks for.

    An invalid version, which the library rejects, gets the default format: RFC 9110, 12.5.1, leaves
    that to the server.
    """
    accept = request.headers.get("accept", "")[:_ACCEPT_MAX]
    try:
        encode, content_type = choose_encoder(accept)
    except (TypeError, ValueError):
        encode, content_type = choose_encoder("")
    return Response(encode(registry), headers={"content-type": content_type})
