"""Stories in scripts/*.txt; the model, and nodes of several shard counts, answer to the letter.

A script is a row of blocks: commands, `----`, and what they answer. Commands of one block arrive in
one turn, in which shards have no order between them: put together what concerns one SKU, or what
only reads. A line that starts with # is a remark. HOLDFAST_ACCEPT=1 rewrites the answers with those
of the model: keep the change only if you understand it.

    at +14m59.999s                      the time, counted from the start; answers nothing
    location W1 [store|supplier] [disabled]         however it was before
    change W1 [store|supplier] [disabled|enabled]   only what is said
    create W1 [store|supplier] [disabled]
    stock [till:] S1@W1 receipt 10 [id=e1] [seq=1] [times=9] [, ...]    (of erp, or of till)
        [from=damaged] [to=damaged] [of=r1[#a]]     statuses, and the order of a return
    reserve r1 S1@W1=3 S2@W2=1 hold=15m
    extend r1 hold=15m [request=q1]
    commit | fulfill | release | cancel r1 [S1@W1=2 ...] [rest=keep|give_back] [request=q1]
    reset till 7                        a source counts on from 7
    delete S1 [request=q1]              end a SKU
    show S1 [at W1 W2] | show r1        a SKU starts with a capital letter, an id does not
    restart                             replay the journal into a new node; go on with that

S1@W1=3#a is a line with an id of its own, and @=3#a names it by that alone.

A fact without id and seq gets an id of its own. `times` repeats it, each time with an id of its
own; of more than ten facts only the last is shown.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from holdfast.core.commands import (
    Ambiguous,
    AvailabilitiesView,
    AvailabilityView,
    Command,
    Conflict,
    CreateLocation,
    DeleteOutcome,
    DeleteSku,
    EventsOutcome,
    Extend,
    ExtendOutcome,
    GetAvailability,
    GetReservation,
    LevelView,
    Line,
    LineView,
    Location,
    LocationOutcome,
    Move,
    MoveOutcome,
    Outcome,
    OutOfRange,
    RecordStockEvents,
    Reference,
    Refusal,
    ReservationView,
    Reserve,
    ReserveOutcome,
    ResetSource,
    Reversed,
    SourceReset,
    StockEvent,
    Unknown,
    UpdateLocation,
)
from holdfast.core.commands.stock import RESERVATION
from holdfast.core.ids import Key, event_key, key_from_parts, key_from_text
from holdfast.core.limits import NS_PER_MS
from holdfast.core.model import (
    EventKind,
    EventOutcome,
    LocationKind,
    RefusalCode,
    Remainder,
    State,
    Verb,
)
from tests.core.engine import Engine, ModelEngine, NodeEngine

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.txt"))
SHARD_COUNTS = (1, 4, 7)

#: Any time will do; this one is the first second of 2026.
START_NS = 1_767_225_600 * 10**9

SHOWN_FACTS_MAX = 10

EXCEEDED = (
    *(EventOutcome.EXCEEDS_UNAVAILABLE, EventOutcome.EXCEEDS_SHIPPED),
    EventOutcome.UNKNOWN_ORDER,
)

NS_BY_UNIT = {"d": 86_400 * 10**9, "h": 3_600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6}


def engine_named(name: str) -> Engine:
    """Make the engine that a parameter names: model, or node-<shards>."""
    return ModelEngine() if name == "model" else NodeEngine(int(name.removeprefix("node-")))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", ["model", *(f"node-{count}" for count in SHARD_COUNTS)])
def test_engine_tells_the_story_as_it_is_written(script: Path, name: str) -> None:
    """Every answer in a script is what the engine says, whatever it is made of."""
    if os.environ.get("HOLDFAST_ACCEPT"):
        script.write_text(retell(script.read_text(), ModelEngine()))
    written = script.read_text()

    assert written == retell(written, engine_named(name))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_state_hash_does_not_depend_on_the_shard_count(script: Path) -> None:
    """Equal stories leave equal states, however they are spread."""
    engines = [NodeEngine(count) for count in SHARD_COUNTS]
    for engine in engines:
        retell(script.read_text(), engine)

    assert 1 == len({engine.node.state_hash() for engine in engines})


def test_refusals_are_reached_in_order_of_precedence() -> None:
    """The script of refusals reaches every code, in enum order."""
    text = (Path(__file__).parent / "scripts" / "refusals.txt").read_text()
    codes = re.findall(r"^refused (\w+)", text, re.MULTILINE)

    assert [code.name for code in RefusalCode] == list(dict.fromkeys(codes))


def test_faults_are_all_reached() -> None:
    """The script of faults names every field that a fault can name."""
    text = (Path(__file__).parent / "scripts" / "faults.txt").read_text()
    faults = {
        *(f"unknown {field}" for field in UNKNOWN_FIELDS),
        *(f"conflict {field}" for field in CONFLICT_FIELDS),
        "ambiguous lines[0]",
    }

    assert set() == {fault for fault in faults if f"fault: {fault}" not in text}


UNKNOWN_FIELDS = (
    "lines[0].sku",
    "lines[0].location",
    "reservation_id",
    "events[0].location",
    "locations[1]",
    "location.location",
    "sku",
    "source",
)
CONFLICT_FIELDS = (
    "location.kind",
    "location.enabled",
    "lines",
    "lines[0].sku",
    "lines[0].location",
    "lines[0].line_id",
    "lines[0].quantity",
    "hold_duration",
    "method",
    "remainder",
)


# Reading and writing of scripts


def retell(text: str, engine: Engine) -> str:
    """Tell a script to an engine; return the script with the engine's answers in it."""
    story = Story(engine)
    told: list[str] = []
    commands: list[str] = []
    in_answers = False
    for line in text.splitlines():
        if in_answers and line:
            continue
        in_answers = line == "----"
        told.append(line)
        if in_answers:
            told += story.tell(commands)
            commands = []
        elif line and not line.startswith("#"):
            commands.append(line)
    assert not commands, f"no ---- after {commands}"
    return "\n".join(told) + "\n"


class Story:
    """One telling of a script to one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now_ns = START_NS
        self.ids_made = 0

    def tell(self, lines: list[str]) -> list[str]:
        """Run the commands of one block in one turn; return the lines of their answers."""
        if lines == ["restart"]:
            self.engine.restart()
            return ["restarted"]
        if lines and lines[0].startswith("at "):
            self.now_ns = START_NS + ns_from_text(lines[0].removeprefix("at +"))
            lines = lines[1:]
        commands = [self.command(Words(line)) for line in lines]
        outcomes = self.engine.turn(commands, self.now_ns)
        return [
            answer
            for command, outcome in zip(commands, outcomes, strict=True)
            for answer in answers(command, outcome)
        ]

    def command(self, words: "Words") -> Command:
        """Read one command."""
        match words.verb:
            case "create":
                return CreateLocation(words.location())
            case "change":
                return UpdateLocation(words.location(), words.changes(), allow_missing=False)
            case "location":
                return UpdateLocation(words.location())
            case "stock":
                return self.stock(words)
            case "reserve":
                return Reserve(words.key, words.lines(), words.hold_ms())
            case "extend":
                return Extend(words.key, words.request(), words.hold_ms())
            case "commit" | "fulfill" | "release" | "cancel":
                verb, rest = (
                    Verb[words.verb.upper()],
                    Remainder[words.options.get("rest", "keep").upper()],
                )
                return Move(verb, words.key, words.request(), words.lines() or None, rest)
            case "reset":
                return ResetSource(words.name, int(words.plain[1]))
            case "delete":
                return DeleteSku(words.name, words.request())
            case "show" if words.name[0].isupper():
                return GetAvailability((words.name,), tuple(words.plain[2:]))
            case "show":
                return GetReservation(words.key)
            case _:
                raise ValueError(f"no such command: {words.verb}")

    def stock(self, words: "Words") -> RecordStockEvents:
        """Read facts; the name of a source ends with a colon."""
        source = "erp"
        if words.name.endswith(":"):
            source = words.name.removesuffix(":")
            words = Words(words.text.replace(words.name, "", 1))
        facts = words.text.removeprefix("stock").split(",")
        events = tuple(
            event for fact in facts for event in self.facts(source, Words("fact " + fact))
        )
        return RecordStockEvents(source, events)

    def facts(self, source: str, words: "Words") -> Iterator[StockEvent]:
        """Read one fact, as often as it happened."""
        place, kind, quantity = words.plain
        sku, location = place.split("@")
        for _ in range(int(words.options.get("times", 1))):
            self.ids_made += 1
            sequence = int(words.options.get("seq", 0))
            event_id = words.options.get("id", "" if sequence else f"made-{self.ids_made}")
            key = key_from_parts(source, event_id) if event_id else None
            order, _, line = words.options.get("of", "").partition("#")
            yield StockEvent(
                key,
                sequence,
                sku,
                location,
                EventKind[kind.upper()],
                int(quantity),
                reference=Reference(RESERVATION, order, line) if order else None,
                from_status=words.options.get("from", ""),
                to_status=words.options.get("to", ""),
                reverses=reversed_event(source, words.options),
            )


def reversed_event(source: str, options: dict[str, str]) -> Reversed | None:
    """The event that a reversal undoes, which may be of another source: undoes=pos/e1."""
    if "undoes" not in options:
        return None
    of, _, event_id = options["undoes"].rpartition("/")
    kind = EventKind[options["kind"].upper()]
    days_ago = int(options.get("days_ago", 0))
    at_ns = START_NS - days_ago * NS_BY_UNIT["d"] if days_ago else None
    return Reversed(of or source, event_id, event_key(of or source, event_id), kind, at_ns)


@dataclass(frozen=True)
class Words:
    """One command, taken apart."""

    text: str

    @property
    def verb(self) -> str:
        return self.text.split()[0]

    @property
    def name(self) -> str:
        return self.text.split()[1]

    @property
    def key(self) -> Key:
        return key_from_text(self.name)

    @property
    def plain(self) -> list[str]:
        return [word for word in self.text.split()[1:] if "=" not in word]

    @property
    def options(self) -> dict[str, str]:
        pairs = (word.split("=") for word in self.text.split() if "=" in word)
        return dict(pair for pair in pairs if "@" not in pair[0])

    def lines(self) -> tuple[Line, ...]:
        lines = re.findall(r"(\S*)@(\S*)=(\d+)(?:#(\S+))?", self.text)
        return tuple(
            Line(sku, location, int(quantity), line_id)
            for sku, location, quantity, line_id in lines
        )

    def hold_ms(self) -> int:
        return ns_from_text(self.options["hold"]) // NS_PER_MS

    def request(self) -> Key | None:
        request = self.options.get("request")
        return key_from_parts(self.name, request) if request else None

    def changes(self) -> tuple[str, ...]:
        kinds = {kind.name.lower() for kind in LocationKind}
        fields = {"kind": kinds, "enabled": {"enabled", "disabled"}}
        return tuple(name for name, said in fields.items() if said & set(self.plain))

    def location(self) -> Location:
        kind = next(
            (kind for kind in LocationKind if kind.name.lower() in self.plain),
            LocationKind.WAREHOUSE,
        )
        return Location(self.name, kind, "", "disabled" not in self.plain)


def answers(command: Command, outcome: Outcome) -> Iterator[str]:
    """Write one outcome in words."""
    match outcome:
        case ExtendOutcome(refusal, expires_at_ns):
            yield from refused(refusal) or [f"held until +{text_from_ns(expires_at_ns - START_NS)}"]
        case ReserveOutcome():
            yield from told_of_reserve(outcome)
        case MoveOutcome(refusal, state, _, shortfalls):
            yield from refused(refusal)
            yield f"reservation is {state.name}"
            for each in shortfalls:
                place = f"{each.sku}@{each.location}"
                yield f"  short {place} on_hand={each.on_hand} available={each.available}"
        case ReservationView():
            yield from shown_reservation(outcome)
        case AvailabilitiesView(views):
            for view in views:
                yield from shown_levels(view)
        case EventsOutcome():
            yield from shown_events(command, outcome)
        case LocationOutcome(location):
            able = "enabled" if location.enabled else "disabled"
            yield f"{location.name} is a {location.kind.name.lower()}, {able}"
        case SourceReset(previous):
            yield f"it had come to {previous}"
        case DeleteOutcome(stock_levels, on_hand, promised, is_repeat=is_repeat):
            when = "ended before" if is_repeat else "ended"
            yield f"{when} stock_levels={stock_levels} on_hand={on_hand} promised={promised}"
        case Unknown(field, value, more):
            yield f"fault: unknown {field} {value}"
            yield from (f"  and {each.field} {each.value}" for each in more)
        case Ambiguous(field, count=count):
            yield f"fault: ambiguous {field} stands for {count} lines"
        case Conflict(field, first, now):
            yield f"fault: conflict {field}" + (f" first={first} now={now}" if first else "")
        case OutOfRange(field, value):
            yield f"fault: out of range {field} {value}"


def told_of_reserve(outcome: ReserveOutcome) -> Iterator[str]:
    """A new hold in one line; of a repeat also what is under its id."""
    yield from refused(outcome.refusal)
    if outcome.is_repeat and outcome.state is not None:
        yield f"reservation is {outcome.state.name}"
    if outcome.refusal is None:
        yield f"held until +{text_from_ns(outcome.expires_at_ns - START_NS)}"
    if outcome.is_repeat:
        for line in outcome.lines:
            yield f"  {line.sku}@{line.location}={line.quantity}{suffix(line.line_id)}"


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
        f"{view.state.name} reserved=+{times[0]} expires=+{times[1]}",
        *(shown_line(line) for line in view.lines),
    ]


def shown_line(line: LineView) -> str:
    units = (
        f"{state.name.lower()}={line.quantities[state]}"
        for state in State
        if state in line.quantities
    )
    return f"  {line.sku}@{line.location}{suffix(line.line_id)} " + " ".join(units)


def shown_levels(view: AvailabilityView | None) -> list[str]:
    return ["unknown"] if view is None else [shown_level(level) for level in view.levels]


def shown_level(level: LevelView) -> str:
    return (
        f"{level.location} on_hand={level.on_hand} reserved={level.reserved} "
        f"committed={level.committed} available={level.available}"
        + "".join(f" {status}={units}" for status, units in sorted(level.unavailable.items()))
        + ("" if level.enabled else " disabled")
    )


def shown_events(command: Command, outcome: EventsOutcome) -> Iterator[str]:
    assert isinstance(command, RecordStockEvents)
    told = list(zip(command.events, outcome.results, strict=True))
    for event, result in told if len(told) <= SHOWN_FACTS_MAX else told[-1:]:
        shortfall = f" shortfall={result.shortfall}" if result.shortfall else ""
        place = f"{event.sku}@{event.location}"
        new = " new SKU" if result.creates_sku else ""
        possible = f" possible={result.possible}" if result.outcome in EXCEEDED else ""
        yield f"{place} {result.outcome.name} on_hand={result.on_hand}{shortfall}{possible}{new}"
        if result.difference:
            first = result.difference
            was = f"was {first.recorded}, is {first.now}" if first.now else "is another"
            yield f"  {first.field} {was}"


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
