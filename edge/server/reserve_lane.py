"""The single-line lane: Reserves of one line from many callers, read, decided and answered at once.

A call waits here until a turn is about to run. Then all that wait are read by a kernel and posted
as one command, and what comes of it is told each of them. A request that the kernel cannot read
goes the way of all other calls before that turn, and one that the engine leaves alone after it.
"""

from holdfast.core.commands import Outcome, RunCodes
from holdfast.core.commands.registry import RESERVE_RUN
from holdfast.core.work import LINE_RESERVED

from ..wire import faults
from ..wire.faults import Fault
from ..wire.reserve_runs import Run, read_run, run_answers
from .admission import Admission
from .context import CallContext
from .lane_call import LaneCall

#: Requests of one command: a turn takes a millisecond or two for them.
RUN_MAX = 1_024


class ReserveLane:
    """The lane of a node."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._pump = admission.pump
        self._pump.collect = self.post
        self._waiting: list[LaneCall] = []

    def __repr__(self) -> str:
        return f"<ReserveLane: {len(self._waiting)} wait>"

    def take(self, call: LaneCall) -> None:
        """Let a call wait for the next turn. Raises a `Fault` when as much waits as a mailbox
        takes.
        """
        capacity = self._pump.node.actors[0].capacity
        if len(self._waiting) * LINE_RESERVED >= capacity:
            self._admission.refused_overload += 1
            raise faults.overloaded(0, capacity)
        self._waiting.append(call)
        self._pump.schedule(LINE_RESERVED)

    def post(self) -> bool:
        """Post what waits; return whether some of it goes on alone, which the turn has to wait for:
        it is posted in the next round of the loop at the latest.
        """
        waiting = [call for call in self._waiting if not call.has_ended]
        self._waiting.clear()
        runs = range(0, len(waiting), RUN_MAX)
        return True in [self._post(waiting[start : start + RUN_MAX]) for start in runs]

    def _post(self, calls: list[LaneCall]) -> bool:
        correlations = [call.context.correlation or "" for call in calls]
        has_some = any(correlations)
        run = read_run([call.request for call in calls], correlations if has_some else ())
        read = [calls[at] for at in run.places]
        if read and not self._has_posted(run, read):
            read = []  # each is refused by itself, with what is to be said of it
        if len(read) == len(calls):
            return False
        taken = set(read)
        for call in calls:
            if call not in taken:
                call.tell(None)
        return True

    def _has_posted(self, run: Run, calls: list[LaneCall]) -> bool:
        try:
            posted = self._admission.post(run.command, CallContext())
        except Fault:
            return False
        posted.add_done_callback(lambda done: self._answer(run, calls, done.result()))
        return True

    def _answer(self, run: Run, calls: list[LaneCall], outcome: Outcome) -> None:
        told: RunCodes = self._admission.expect(RESERVE_RUN, run.command, outcome)
        for call, answer in zip(calls, run_answers(run, told), strict=True):
            call.tell(answer)
