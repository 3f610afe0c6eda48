"""Reads that share requests, and how waiting callers learn that a batch has failed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Final, Generic, TypeVar

import grpc

from .errors import HoldfastError, Unavailable, closed_before, closed_meanwhile
from .operations import OPERATIONS_MAX

COALESCER: Final = "the coalescer"

Key = TypeVar("Key")
Found = TypeVar("Found")


class Lookups(Generic[Key, Found]):
    """Reads that share requests: one is in flight, and the next takes what was asked meanwhile."""

    def __init__(self, fetch: Callable[[Sequence[Key]], Awaitable[Iterable[Found]]]) -> None:
        self._fetch = fetch
        self._asked: dict[Key, asyncio.Future[Found]] = {}
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    async def find(self, key: Key) -> Found:
        """The value of a key, from the next request. Raises whatever that request fails with."""
        if self._is_closed:
            raise closed_before(COALESCER)
        if key not in self._asked:
            self._asked[key] = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await asyncio.shield(self._asked[key])

    async def close(self) -> None:
        """Fail everyone who is still waiting."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        fail(self._asked.values(), closed_meanwhile(COALESCER))

    async def _run(self) -> None:
        await asyncio.sleep(0)  # whoever asks in the same round of the loop comes along
        while self._asked:
            keys = list(islice(self._asked, OPERATIONS_MAX))
            futures = [self._asked.pop(key) for key in keys]
            try:
                found = await self._fetch(keys)
                for future, value in zip(futures, found, strict=True):
                    future.set_result(value)
            except HoldfastError as error:
                fail(futures, error)
            except asyncio.CancelledError:  # this is closed
                fail(futures, closed_meanwhile(COALESCER))
                raise
            except Exception as cause:  # noqa: BLE001 - those who wait get it
                fail(futures, broken(cause))


def broken(cause: BaseException) -> HoldfastError:
    """The error where no call failed: the stream was left, or there is a defect."""
    if isinstance(cause, asyncio.CancelledError):
        return Unavailable(grpc.StatusCode.UNAVAILABLE, "the stream broke")
    error = HoldfastError(grpc.StatusCode.INTERNAL, f"the coalescer failed: {cause!r}")
    error.__cause__ = cause
    return error


def fail(futures: Iterable["asyncio.Future[Any]"], error: HoldfastError) -> None:
    """Fail the futures that are still pending."""
    for future in futures:
        if not future.done():
            future.set_exception(error)
            future.exception()  # retrieved: asyncio need not log it if nobody waits any more
