"""Refusals: a business "no" in a normal answer.

Programs read the code and the lines, people the sentence. A new code needs its sentence here when
it blames lines; `REFUSAL_CODES` fails at import when the wire does not have it.
"""

from typing import Final

from holdfast.core import commands as core
from holdfast.core.model import TRANSITIONS, RefusalCode, State, Verb
from holdfast.v1 import common_pb2 as common

from .shared import wire_members

REFUSAL_CODES: Final = wire_members(common, "REFUSAL_CODE", RefusalCode)

#: What is said of the first line to blame.
LINE_SENTENCES: Final = {
    RefusalCode.LOCATION_DISABLED: "{0.location} takes no new reservations (SKU {0.sku})",
    RefusalCode.INSUFFICIENT_STOCK: ("{line} has {0.available} available, {0.requested} requested"),
    RefusalCode.NO_SUCH_LINE: "the reservation has no line for {line}",
    RefusalCode.EXCESS_QUANTITY: ("{line} has {0.available} left to take, {0.requested} requested"),
    RefusalCode.BACKORDERED: (
        "{line} has {0.available} on hand to ship, {0.requested} requested; the rest is to come"
    ),
}

#: Codes with lines that ask for more than there is.
_WITH_MISSING: Final = (
    *(RefusalCode.INSUFFICIENT_STOCK, RefusalCode.EXCESS_QUANTITY),
    RefusalCode.BACKORDERED,
)


def refusal_message(refusal: core.Refusal, state: State | None = None) -> common.Refusal:
    """A refusal as it is sent. `state` is that of the whole reservation, where there is one."""
    return common.Refusal(
        code=REFUSAL_CODES[refusal.code],
        message=refusal_sentence(refusal, state),
        lines=[_refused_line(refusal.code, line) for line in refusal.lines],
    )


def refusal_sentence(refusal: core.Refusal, state: State | None = None) -> str:
    """One sentence for people: the code in words, then the first line to blame or the state."""
    title = refusal.code.name.replace("_", " ").lower()
    if refusal.code is RefusalCode.RESERVATION_ENDED:
        now = "" if state is None else f"is {state.name} and "
        return f"{title}: it {now}holds nothing; a new hold needs a new id"
    if refusal.code not in LINE_SENTENCES or not refusal.lines:
        now = "" if state is None else f"is {state.name} and "
        return f"{title}: the reservation {now}has no units left for this command{_open_to(state)}"
    # One line is given in full, the rest are counted: programs have them all in `lines`.
    sentence = LINE_SENTENCES[refusal.code].format(
        refusal.lines[0], line=_line_text(refusal.lines[0])
    )
    match len(refusal.lines) - 1:
        case 0:
            return f"{title}: {sentence}"
        case 1:
            return f"{title}: {sentence} and 1 more line"
        case more:
            return f"{title}: {sentence} and {more:,} more lines"


def _open_to(state: State | None) -> str:
    """What units in a state are still open to, but for time; empty if to nothing."""
    verbs = [verb for verb, (leaves, _) in TRANSITIONS.items() if leaves is state]
    names = [verb.name.capitalize() for verb in verbs if verb is not Verb.EXPIRE]
    return f"; it takes {' or '.join(names)}" if names else ""


def _line_text(line: core.RefusedLine) -> str:
    """A line by what names it: SKU and location, the caller's id, or both."""
    place = f"SKU {line.sku} at {line.location}" if line.sku else ""
    if not line.line_id:
        return place
    return f"{place} (line {line.line_id})" if place else f"line {line.line_id}"


def _refused_line(code: RefusalCode, line: core.RefusedLine) -> common.RefusedLine:
    # For a disabled location or a line that is not there, the difference would mean nothing.
    has_missing = code in _WITH_MISSING
    return common.RefusedLine(
        sku=line.sku,
        location=line.location,
        requested=line.requested,
        available=line.available,
        missing=line.requested - line.available if has_missing else 0,
        line_id=line.line_id,
    )
