"""The public client; `clients` says how to use it. It needs grpcio and protobuf, and nothing of the
server.
"""

from .blocking import BlockingClient
from .clients import Client
from .errors import (
    AlreadyExists,
    Closed,
    DeadlineExceeded,
    HoldfastError,
    InvalidArgument,
    NotFound,
    Overloaded,
    StorageFull,
    Unavailable,
)
from .retries import Retries
from .session import ADMIN_TARGET, TARGET, ClientStatistics
from .stock_events import StockColumns

__all__ = [
    "ADMIN_TARGET",
    "TARGET",
    "AlreadyExists",
    "BlockingClient",
    "Client",
    "ClientStatistics",
    "Closed",
    "DeadlineExceeded",
    "HoldfastError",
    "InvalidArgument",
    "NotFound",
    "Overloaded",
    "Retries",
    "StockColumns",
    "StorageFull",
    "Unavailable",
]
