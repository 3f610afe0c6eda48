"""Cases that may kill the process that judges them: a child judges, and its death is a verdict."""

import gc
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

CASE_SECONDS_MAX = 20

Case = TypeVar("Case")


def verdicts(judge: Callable[[Case], str], cases: Sequence[Case]) -> Iterator[tuple[Case, str]]:
    """Judge in child processes: one as long as it lives, then another."""
    todo = list(cases)
    while todo:
        lines, end = _judge_in_child(judge, todo)
        yield from zip(todo, lines, strict=False)
        todo = todo[len(lines) :]
        if end:
            yield todo.pop(0), f"the process ended by {end}"


def _judge_in_child(judge: Callable[[Case], str], cases: Iterable[Case]) -> tuple[list[str], str]:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        gc.freeze()  # what the parent has of gRPC waits for threads that are not here when it ends
        try:
            for case in cases:
                signal.alarm(CASE_SECONDS_MAX)
                os.write(writer, judge(case).replace("\n", " ").encode() + b"\n")
            status = 0
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent reports it
            os.write(writer, f"a bare {error!r}\n".encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as file:
        lines = file.read().splitlines()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return lines, signal.Signals(-code).name if code < 0 else f"exit {code}" if code else ""
