"""Adapters that cannot end the process: what somebody's own code raises stays an error of it.

Rules of this file: SystemExit of a library that believes it is a program, and whatever else no
`except Exception` catches, becomes a `Defect`, for one message. A task that is cancelled and Ctrl-C
do not pass here: functions of an adapter wait for nothing, and the process handles its signals on
the loop.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from typing import ParamSpec, TypeVar

from ..contract import Adapter, Login, Outbound, Poll, Publish, ReadBack, ReadPairs

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Part = TypeVar("Part", Login, Poll, Outbound, ReadBack)


class Defect(Exception):  # noqa: N818 - says what it is
    """A function of an adapter raised what would have ended the process."""


def failure_text(error: Exception) -> str:
    """What operators are told of an exception that no function of an adapter may raise."""
    return f"the adapter failed: {error!r}"


def contained(adapter: Adapter) -> Adapter:
    """The adapter with all its functions made so."""
    return replace(
        adapter,
        key=_called(adapter.key),
        decode=_iterated(adapter.decode),
        cut=_iterated(adapter.cut),
        verify=_called(adapter.verify),
        credentials=_called(adapter.credentials),
        login=adapter.login and _all_called(adapter.login),
        poll=adapter.poll and _all_called(adapter.poll),
        outbound=adapter.outbound and _all_called(adapter.outbound),
        publish=adapter.publish and _published(adapter.publish),
        granted=_called(adapter.granted),
    )


def _published(publish: Publish) -> Publish:
    return replace(
        publish,
        paths=tuple(replace(path, next=_called(path.next)) for path in publish.paths),
        read_back=_read_back(publish.read_back),
    )


def _read_back(of: ReadBack | ReadPairs | None) -> ReadBack | ReadPairs | None:
    if isinstance(of, ReadPairs):
        return replace(of, request=_called(of.request), shown=_called(of.shown))
    return of and _all_called(of)


def _all_called(part: Part) -> Part:
    """A part of an adapter whose fields are functions."""
    return type(part)(*(_called(getattr(part, each.name)) for each in fields(part)))


def _called(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    def call(*args: Arguments.args, **named: Arguments.kwargs) -> Result:
        try:
            return function(*args, **named)
        except Exception:
            raise
        except BaseException as error:
            raise Defect(repr(error)) from error

    return call


def _iterated(
    function: Callable[Arguments, Iterable[Result]],
) -> Callable[Arguments, Iterator[Result]]:
    def iterate(*args: Arguments.args, **named: Arguments.kwargs) -> Iterator[Result]:
        found = iter(_called(function)(*args, **named))
        following = _called(lambda: next(found, _END))
        while (each := following()) is not _END:
            yield each  # type: ignore[misc]

    return iterate


_END = object()
