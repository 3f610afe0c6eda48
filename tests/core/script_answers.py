"""What a command of a story answers, in words; see test_scripts.py for how stories are told."""

import re
from collections.abc import Iterator
from decimal import Decimal

from holdfast.core.commands import (
    Ambiguous,
    AvailabilityView,
    AvailableToPromiseView,
    Backordered,
    Command,
    Conflict,
    DeleteOutcome,
    EventsOutcome,
    ExtendOutcome,
    ForcedOutcome,
    InTheWay,
    LevelView,
    LimitReached,
    LineView,
    LocationOutcome,
    MergeOutcome,
    MoveOutcome,
    NameTaken,
    Outcome,
    OutOfRange,
    PromiseView,
    QuarantinedSkusView,
    RecordStockEvents,
    Refusal,
    RenameOutcome,
    ReservationView,
    ReserveOutcome,
    Shortfall,
    ShortfallView,
    SkuSettled,
    SourceOutcome,
    SourceReset,
    SourceView,
    Unknown,
)
from holdfast.core.model import EventOutcome, SourceState, State
from tests.model_facts import Availabilities

#: Any time will do; this one is the first second of 2026.
START_NS = 1_767_225_600 * 10**9

SHOWN_FACTS_MAX = 10

EXCEEDED = (
    *(EventOutcome.EXCEEDS_UNAVAILABLE, EventOutcome.EXCEEDS_SHIPPED),
    *(EventOutcome.UNKNOWN_ORDER, EventOutcome.EXCEEDS_AVAILABLE),
)

NS_BY_UNIT = {"d": 86_400 * 10**9, "h": 3_600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6}


def answers(command: Command, outcome: Outcome) -> Iterator[str]:
    """Write one outcome in words."""
    match outcome:
        case ExtendOutcome(refusal, expires_at_ns):
            yield from refused(refusal) or [f"held until +{text_from_ns(expires_at_ns - START_NS)}"]
        case ReserveOutcome():
            yield from shown_reserve(outcome)
        case ForcedOutcome(released, cancelled, is_repeat=is_repeat):
            yield f"released={released} cancelled={cancelled}{before(is_repeat)}"
        case MoveOutcome(refusal, state, _, shortfalls):
            yield from refused(refusal)
            yield f"reservation is {state.name}"
            for each in shortfalls:
                place = f"{each.sku}@{each.location}"
                yield f"  short {place} on_hand={each.on_hand} available={each.available}"
        case ReservationView():
            yield from shown_reservation(outcome)
        case Availabilities(views):
            for view in views:
                yield from shown_levels(view)
        case AvailableToPromiseView(levels=levels):
            for level in levels:
                yield from shown_promise(level)
        case EventsOutcome():
            yield from shown_events(command, outcome)
        case ShortfallView(shortfall):
            yield from shown_shortfall(shortfall)
        case LocationOutcome(location, is_repeat=is_repeat):
            able = "enabled" if location.enabled else "disabled"
            kind = location.kind.name.lower()
            yield f"{location.name} is a {kind}, {able}{before(is_repeat)}"
        case SourceView() | SourceOutcome():
            source_view = outcome if isinstance(outcome, SourceView) else outcome.view
            yield f"{source_view.source.name} is {source_view.state.name.lower()}"
        case QuarantinedSkusView(skus):
            yield from (f"{each.sku} began with {each.source}" for each in skus)
            yield from ["nothing is in quarantine"] * (not skus)
        case SkuSettled(was_quarantined, is_repeat):
            yield ("settled" if was_quarantined else "not in quarantine") + before(is_repeat)
        case SourceReset(previous, is_repeat):
            yield f"it had come to {previous}{before(is_repeat)}"
        case DeleteOutcome(stock_levels, on_hand, promised, is_repeat=is_repeat):
            when = "ended before" if is_repeat else "ended"
            yield f"{when} stock_levels={stock_levels} on_hand={on_hand} promised={promised}"
        case RenameOutcome(sku, names, is_repeat=is_repeat):
            when = "was renamed before" if is_repeat else "is its name now"
            yield f"{sku} {when}, of {' '.join(names)}"
        case MergeOutcome(sku, names, on_hand, is_repeat=is_repeat):
            when = "went" if not is_repeat else "had gone"
            yield f"{on_hand} {when} to {sku}, of {' '.join(names)}"
        case InTheWay(field, value, what, count):
            yield f"fault: {field} {value}, {what}" + (f": {count}" if count else "")
        case NameTaken(field, value, sku, has_ended):
            yield f"fault: {field} {value} is another SKU, {'ended' if has_ended else sku}"
        case LimitReached(field, value, what, limit):
            yield f"fault: {field} {value} is beyond {limit} {what}"
        case Unknown(field, value, more):
            yield f"fault: unknown {field} {value}"
            yield from (f"  and {name} {text}" for name, text in more)
        case Ambiguous(field, count=count):
            yield f"fault: ambiguous {field} stands for {count} lines"
        case Conflict(field, first, now):
            yield f"fault: conflict {field}" + (f" first={first} now={now}" if first else "")
        case OutOfRange(field, value):
            yield f"fault: out of range {field} {value}"


def before(is_repeat: bool) -> str:
    """Whether that is what was done when the command came first."""
    return " (a repeat)" if is_repeat else ""


def shown_reserve(outcome: ReserveOutcome) -> Iterator[str]:
    """A new hold in one line; of a repeat also what is under its id."""
    yield from refused(outcome.refusal)
    if outcome.is_repeat and outcome.state is not None:
        yield f"reservation is {outcome.state.name}"
    if outcome.refusal is None:
        yield f"held until +{text_from_ns(outcome.expires_at_ns - START_NS)}"
    waiting = outcome.backorders or (None,) * len(outcome.lines)
    for line, backordered in zip(outcome.lines, waiting, strict=True):
        if outcome.is_repeat or backordered:
            name = f"{line.sku}@{line.location}={line.quantity}{suffix(line.line_id)}"
            yield f"  {name}{shown_backordered(backordered)}"
    for each in outcome.shortfalls:
        yield from shown_shortfall(each)


def shown_backordered(backordered: Backordered | None) -> str:
    """What of a line is not on hand, and when it is expected."""
    if backordered is None:
        return ""
    when = "no supply"
    if backordered.expected_ns is not None:
        when = f"+{text_from_ns(backordered.expected_ns - START_NS)}"
    return f" backordered={backordered.units} ({when})"


def refused(refusal: Refusal | None) -> list[str]:
    if refusal is None:
        return []
    return [f"refused {refusal.code.name}"] + [
        f"  {line.sku}@{line.location}{suffix(line.line_id)} "
        f"asked={line.requested} available={line.available}"
        for line in refusal.lines
    ]


def suffix(line_id: str) -> str:
    return f"#{line_id}" if line_id else ""


def shown_reservation(view: ReservationView) -> list[str]:
    if view.reserved_at_ns is None or view.expires_at_ns is None:
        return [f"{view.state.name}, its lines have left"]
    times = [text_from_ns(ns - START_NS) for ns in (view.reserved_at_ns, view.expires_at_ns)]
    return [
        f"{view.state.name} reserved=+{times[0]} expires=+{times[1]}"
        + (f" owner={view.owner}" if view.owner else ""),
        *(shown_line(line) for line in view.lines),
    ]


def shown_line(line: LineView) -> str:
    units = (
        f"{state.name.lower()}={line.quantities[state]}"
        for state in State
        if state in line.quantities
    )
    waiting = shown_backordered(line.backordered)
    return f"  {line.sku}@{line.location}{suffix(line.line_id)} " + " ".join(units) + waiting


def shown_levels(view: AvailabilityView | None) -> list[str]:
    return ["unknown"] if view is None else [shown_level(level) for level in view.levels]


def shown_level(level: LevelView) -> str:
    return (
        f"{level.location} on_hand={level.on_hand} reserved={level.reserved} "
        f"committed={level.committed} available={level.available}"
        + "".join(f" {status}={units}" for status, units in sorted(level.unavailable.items()))
        + (f" incoming={level.incoming}" if level.incoming else "")
        + (f" backordered={level.backordered}" if level.backordered else "")
        + ("" if level.enabled else " disabled")
        + (" quarantined" if level.is_quarantined else "")
        + ("" if level.state is SourceState.CURRENT else f" {level.state.name.lower()}")
    )


def shown_promise(level: PromiseView) -> Iterator[str]:
    overdue = f" overdue={level.overdue}" if level.overdue else ""
    state = "" if level.state is SourceState.CURRENT else f" {level.state.name.lower()}"
    yield f"{level.location} available={level.available}{overdue}{state}"
    for day in level.days:
        when = text_from_ns(day.begins_ns - START_NS)
        yield f"  by the end of +{when} incoming={day.incoming} available={day.available}"
    for each in level.supplies:
        is_past = each.expected_ns < START_NS
        when = text_from_ns(abs(each.expected_ns - START_NS))
        units = f"{each.incoming} of {each.announced}, {each.received} received"
        units += f", {each.over} over" if each.over else ""
        what = "transfer " if each.is_transfer else ""
        when = f" {'-' if is_past else '+'}{when}" if each.expected_ns else ""
        yield f"  {what}{each.document}{suffix(each.line)}{when}: {units}"


def shown_events(command: Command, outcome: EventsOutcome) -> Iterator[str]:
    assert isinstance(command, RecordStockEvents)
    pairs = list(zip(command.events, outcome.results, strict=True))
    for event, result in pairs if len(pairs) <= SHOWN_FACTS_MAX else pairs[-1:]:
        shortfall = f" shortfall={result.shortfall}" if result.shortfall else ""
        place = f"{event.sku}@{event.location}"
        new = " new SKU" if result.creates_sku else ""
        possible = f" possible={result.possible}" if result.outcome in EXCEEDED else ""
        possible += f" in_transit={result.in_transit}" if result.in_transit else ""
        possible += " untracked" if result.is_untracked else ""
        yield f"{place} {result.outcome.name} on_hand={result.on_hand}{shortfall}{possible}{new}"
        if result.difference:
            first = result.difference
            was = f"was {first.recorded}, is {first.now}" if first.now else "is another"
            yield f"  {first.field} {was}"
    for each in outcome.shortfalls:
        yield from shown_shortfall(each)


def shown_shortfall(shortfall: Shortfall) -> Iterator[str]:
    """Who is endangered at a level, and for how many of its units."""
    place = f"{shortfall.sku}@{shortfall.location}"
    more = f" unlisted={shortfall.unlisted}" if shortfall.unlisted else ""
    yield f"  short {place} on_hand={shortfall.on_hand} available={shortfall.available}{more}"
    for name, line_id, held, committed, units in shortfall.endangered:
        yield f"    {name}{suffix(line_id)} held={held} committed={committed} endangered={units}"
    if shortfall.uncovered:
        yield f"    {shortfall.uncovered} backordered and not covered"
    for late in shortfall.waiting:
        name = f"{late.reservation_id}{suffix(late.line_id)}"
        yield f"    {name} backordered={late.backordered} uncovered={late.quantity}"


def ns_from_text(text: str) -> int:
    """Read a duration such as 14m59.999s."""
    parts = re.findall(r"([\d.]+)(ms|d|h|m|s)", text)
    assert "".join(number + unit for number, unit in parts) == text, text
    return int(sum(Decimal(number) * NS_BY_UNIT[unit] for number, unit in parts))


def text_from_ns(ns: int) -> str:
    """Write a duration as ns_from_text reads it."""
    text = ""
    for unit in ("d", "h", "m"):
        count, ns = divmod(ns, NS_BY_UNIT[unit])
        text += f"{count}{unit}" if count else ""
    seconds = Decimal(ns) / NS_BY_UNIT["s"]
    return text + (f"{seconds.normalize():f}s" if seconds or not text else "")
