"""The node over HTTP: metrics for Prometheus, health for load balancers, an index for people.

Rules of this file: it reads figures and changes nothing; serving.py listens.
"""

from collections.abc import Callable
from enum import StrEnum

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ..exposition import exposition
from .metrics import metrics_registry
from .statistics import NodeStatistics

INDEX = """\
Holdfast

/metrics  figures of this node, in the text formats of Prometheus and OpenMetrics
/healthz  200 while the node serves; 503 with the reason while it starts or drains, or while the
          disk does not answer
"""


class Phase(StrEnum):
    """Where in its life a node is."""

    STARTING = "starting"
    SERVING = "serving"
    STALLED = "stalled: the journal's disk does not answer"
    DRAINING = "draining"


def build_app(
    statistics: Callable[[], NodeStatistics | None], phase: Callable[[], Phase]
) -> Starlette:
    """The application. `statistics` returns None as long as there is no node to ask."""
    registry = metrics_registry(statistics)

    # All are async: starlette runs plain functions on threads, where figures may change mid-turn.
    async def metrics(request: Request) -> Response:
        return exposition(registry, request)

    async def healthz(_: Request) -> Response:
        now = phase()
        if now is Phase.SERVING:
            return PlainTextResponse("serving\n")
        return PlainTextResponse(f"not serving: {now}\n", status_code=503)

    async def index(_: Request) -> Response:
        return PlainTextResponse(INDEX)

    return Starlette(
        routes=[Route("/", index), Route("/metrics", metrics), Route("/healthz", healthz)]
    )
