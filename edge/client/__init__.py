"""The public client; `clients` says how to use it."""

from .clients import (
    TARGET,
    AlreadyExists,
    BlockingClient,
    Client,
    ClientStatistics,
    DeadlineExceeded,
    HoldfastError,
    InvalidArgument,
    NotFound,
    Overloaded,
    Retries,
    StockColumns,
    StorageFull,
    Unavailable,
)

__all__ = [
    "TARGET",
    "AlreadyExists",
    "BlockingClient",
    "Client",
    "ClientStatistics",
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
