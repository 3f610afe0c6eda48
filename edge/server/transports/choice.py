"""The transports there are, by the name that the setting `transport` has."""

from importlib.util import find_spec
from typing import Any

from ..settings import ConfigError


def check_installed(name: str) -> None:
    """Raises ConfigError when a transport needs a library that is missing."""
    if name == "ngh2" and find_spec("ngh2") is None:
        raise ConfigError(
            "transport is 'ngh2', and its library is not installed: "
            "pip install 'holdfast[ngh2]', or take 'grpcio'"
        )


def transport_class(name: str) -> Any:
    """The class of a transport; see `GrpcioTransport` for what it takes."""
    if name == "ngh2":
        from .ngh2 import Ngh2Transport  # noqa: PLC0415 - an extra

        return Ngh2Transport
    from .grpcio import GrpcioTransport  # noqa: PLC0415 - for whom it serves

    return GrpcioTransport
