"""The hook for shopping agents, put together from its settings."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from starlette.routing import Route

from holdfast.edge.client import Client

from ..agents.agent_routes import Guard, routes
from ..agents.agents_options import AgentsOptions
from ..agents.held_units import Holds
from ..intake.secret_places import read_secret
from .buckets import TokenBucket
from .flow_metrics import Figures
from .settings import read_tables

Hook: TypeAlias = Callable[[Client], Sequence[Route]]


def agent_hook(
    options: AgentsOptions | None, figures: Figures, now: Callable[[], datetime]
) -> Hook:
    """What is served for shopping agents, of a client; nothing without options. Raises ConfigError,
    and ValueError for a secret that is gone since the settings were read.
    """
    if options is None:
        return lambda _client: ()
    tables = read_tables("agents.mappings", options.mappings)
    secrets = {
        name: [line for line in read_secret(each, Path()).splitlines() if line]
        for name, each in options.secrets.items()
    }
    guard = Guard(
        tokens=secrets["token"],
        stripe_secrets=secrets.get("stripe", []),
        take=TokenBucket(options.rate_max, options.rate_max, time.monotonic).take,
        answered=figures.agent_answered,
        clock=time.monotonic,
    )
    return lambda client: routes(Holds(client, options, tables, now), guard, now)
