"""The single-line lane: Reserves of one line from many callers, read, decided and answered at once.

A call waits here until a turn is about to run. Then all that wait are read by a kernel and posted
as one command, and each gets its own result. What the lane cannot serve goes the way of all other
calls: a request that the kernel cannot read, into the same turn; one that is too long for it, at
once; one that the engine leaves alone, after the turn.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from holdfast.core.commands import Outcome, RunCodes
from holdfast.core.commands.registry import RESERVE_RUN
from holdfast.core.kernels.reserve_requests import REQUEST_BYTES_MAX
from holdfast.core.work import LINE_RESERVED

from ..wire import faults
from ..wire.faults import Fault
from ..wire.reserve_runs import Run, read_run, run_answers
from .admission import Admission
from .context import CallContext
from .lane_call import Encodable, LaneCall
from .pump import Answers

#: Requests of one command: a turn takes a millisecond or two for them.
RUN_MAX = 1_024


class ReserveLane:
    """The lane of a node."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._pump = admission.pump
        self._pump.collect = self.post
        self._pump.prepare = _prepare
        self._waiting: list[LaneCall] = []

    def __repr__(self) -> str:
        return f"<ReserveLane: {len(self._waiting)} wait>"

    def take(self, call: LaneCall) -> None:
        """Let a call wait for the next turn, or go on alone when it is too long to be one that the
        kernel reads. Raises a `Fault` when as much waits as a mailbox takes.
        """
        if len(call.request) > REQUEST_BYTES_MAX:
            call.answer(None)
            return
        waiting = len(self._waiting)
        if waiting * LINE_RESERVED >= self._pump.node.actors[0].capacity:
            self._admission.refused_overload += 1
            raise faults.overloaded_by(f"{waiting} Reserves that wait for a turn")
        self._waiting.append(call)
        self._pump.schedule(LINE_RESERVED)

    def post(self) -> None:
        """Post what waits. What fails in that, or in answering, fails the calls that it was for."""
        waiting = [call for call in self._waiting if not call.has_ended]
        self._waiting.clear()
        for start in range(0, len(waiting), RUN_MAX):
            calls = waiting[start : start + RUN_MAX]
            with _failing(calls):
                self._post(calls)

    def _post(self, calls: Sequence[LaneCall]) -> None:
        correlations = [call.context.correlation or "" for call in calls]
        has_some = any(correlations)
        run = read_run([call.request for call in calls], correlations if has_some else ())
        read = [calls[at] for at in run.places]
        if read and not self._has_posted(run, read):
            read = []  # each is refused by itself, with its own fault
        taken = set(read)
        for call in calls:
            if call not in taken:
                call.answer(None)

    def _has_posted(self, run: Run, calls: Sequence[LaneCall]) -> bool:
        try:
            posted = PostedRun(self._admission, run, calls)
            self._admission.enter(run.command, CallContext(), posted)
        except Fault:
            return False
        return True


class PostedRun:
    """The ticket of calls that were posted as one command."""

    def __init__(self, admission: Admission, run: Run, calls: Sequence[LaneCall]) -> None:
        self._admission = admission
        self._run = run
        self._calls = calls
        self._answers: Sequence[Encodable | None] | None = None

    def cancelled(self) -> bool:
        """No: callers who leave now lose their answers alone."""
        return False

    def done(self) -> bool:
        """No."""
        return False

    def prepare(self, outcome: RunCodes) -> None:
        """Make the answers."""
        self._answers = list(run_answers(self._run, outcome))

    def set_result(self, outcome: Outcome, /) -> None:
        """Give the answers to the calls."""
        with _failing(self._calls):
            codes = self._admission.expect(RESERVE_RUN, self._run.command, outcome)
            if self._answers is None:
                self.prepare(codes)
            assert self._answers is not None
            for call, answer in zip(self._calls, self._answers, strict=True):
                call.answer(answer)


def _prepare(answers: Answers) -> None:
    """Make the answers of runs whose outcomes are known but not yet durable."""
    for ticket, outcome in answers:
        if isinstance(ticket, PostedRun) and isinstance(outcome, RunCodes):
            with suppress(Exception):  # it fails again when the answers are due, and is told then
                ticket.prepare(outcome)


@contextmanager
def _failing(calls: Iterable[LaneCall]) -> Iterator[None]:
    """Let an exception that leaves the block end those calls that have no end yet."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - it is handed on, as the status that it becomes
        for call in calls:
            call.end(error)
