"""Methods of both clients that are made of what makes their calls."""

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any, TypeVar, get_args

from .calls import Call

F = TypeVar("F", bound=Callable[..., Any])


def dressed(method: F, build: Callable[..., Call[Any]]) -> F:
    """The method with the name, docstring and signature of what makes its calls, for help()."""
    made = signature(build)
    (response,) = get_args(made.return_annotation)
    parameters = [Parameter("self", Parameter.POSITIONAL_ONLY), *made.parameters.values()]
    shown = made.replace(parameters=parameters, return_annotation=response)
    method.__name__ = build.__name__
    method.__doc__ = build.__doc__
    method.__signature__ = shown  # type: ignore[attr-defined]
    return method
