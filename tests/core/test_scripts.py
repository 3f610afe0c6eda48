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
        [doc=po1[#1]] [due=+3d] [said=+1h]          supply, when it is due, when that was said
        [transfer=t1[#1]] [goes=W2] [takes=promised]        a transfer, where it goes
    reserve r1 S1@W1=3 S2@W2=1 hold=15m [owner=ann] [latest=+5d]     from supply by then
    sold r1 S1@W1=3 hold=30d [owner=ann]                    the same of what is sold already
    extend r1 hold=15m [request=q1]
    commit | fulfill | release | cancel r1 [S1@W1=2 ...] [rest=keep|give_back] [request=q1]
    reset till 7 [request=q1]           a source counts on from 7
    delete S1 [request=q1]              end a SKU
    rename S1 S2 [request=q1]           call it otherwise
    merge S1 S2 [request=q1]            let it be a part of another
    show S1 [at W1 W2] | show r1        a SKU starts with a capital letter, an id does not
    promise S1 [gap] [days=30]          what may be promised by date, of levels in a state
    restart                             replay the journal into a new node; go on with that

S1@W1=3#a is a line with an id of its own, and @=3#a names it by that alone.

A fact without id and seq gets an id of its own. `times` repeats it, each time with an id of its
own; of more than ten facts only the last is shown.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.core.commands import (
    Command,
    CreateLocation,
    DeleteSku,
    Extend,
    ForceRelease,
    GetAvailability,
    GetAvailableToPromise,
    GetReservation,
    GetShortfall,
    GetSource,
    Line,
    ListQuarantinedSkus,
    Location,
    MergeSku,
    Move,
    RecordStockEvents,
    Reference,
    RenameSku,
    Reserve,
    ReserveAgainstSupply,
    ReserveAlreadySold,
    ResetSource,
    Reversed,
    SettleSku,
    Source,
    StockEvent,
    UpdateLocation,
    UpdateSource,
)
from holdfast.core.commands.stock import RESERVATION, SUPPLY, TRANSFER
from holdfast.core.ids import Key, event_key, key_from_parts, key_from_text, sku_request_key
from holdfast.core.limits import NS_PER_MS
from holdfast.core.model import (
    EventKind,
    Fallback,
    LocationKind,
    RefusalCode,
    Remainder,
    SourceState,
    UnknownSkus,
    Verb,
)
from tests.core.engine import Engine, ModelEngine, NodeEngine
from tests.core.script_answers import START_NS, answers, ns_from_text

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.txt"))
SHARD_COUNTS = (1, 4, 7)


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
    "owner",
    "method",
    "remainder",
)


# Reading and writing of scripts


def retell(text: str, engine: Engine) -> str:
    """Tell a script to an engine; return the script with the engine's answers in it."""
    story = Story(engine)
    lines: list[str] = []
    commands: list[str] = []
    in_answers = False
    for line in text.splitlines():
        if in_answers and line:
            continue
        in_answers = line == "----"
        lines.append(line)
        if in_answers:
            lines += story.tell(commands)
            commands = []
        elif line and not line.startswith("#"):
            commands.append(line)
    assert not commands, f"no ---- after {commands}"
    return "\n".join(lines) + "\n"


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
                named, request = words.location(), words.request()
                return UpdateLocation(named, words.changes(), allow_missing=False, request=request)
            case "location":
                return UpdateLocation(words.location(), request=words.request())
            case "stock":
                return self.stock(words)
            case "reserve":
                owner, latest_ns = words.options.get("owner", ""), words.instant("latest")
                lines, hold_ms = words.lines(), words.hold_ms()
                if latest_ns is None:
                    return Reserve(words.key, lines, hold_ms, owner)
                latest = (latest_ns,) * len(lines)
                return ReserveAgainstSupply(words.key, lines, hold_ms, latest, owner)
            case "sold":
                owner = words.options.get("owner", "")
                return ReserveAlreadySold(words.key, words.lines(), words.hold_ms(), owner)
            case "extend":
                return Extend(words.key, words.request(), words.hold_ms())
            case "commit" | "fulfill" | "release" | "cancel":
                verb, rest = (
                    Verb[words.verb.upper()],
                    Remainder[words.options.get("rest", "keep").upper()],
                )
                return Move(verb, words.key, words.request(), words.lines() or None, rest)
            case "force":
                because = words.options.get("because", "a story")
                return ForceRelease(words.key, because, "its teller", words.request())
            case "reset":
                return ResetSource(words.name, int(words.plain[1]), "", words.request())
            case "delete":
                return DeleteSku(words.name, words.request_on_sku())
            case "merge":
                return MergeSku(words.name, words.plain[1], words.request_on_sku())
            case "rename":
                return RenameSku(words.name, words.plain[1], words.request_on_sku())
            case "promise":
                days = int(words.options.get("days", 30))
                return GetAvailableToPromise(words.name, (), days, 0, 100, words.states())
            case "source":
                return self.source(words)
            case "quarantined":
                return ListQuarantinedSkus(0, 100)
            case "admit" | "discard":
                admits = words.verb == "admit"
                request = words.request_on_sku()
                return SettleSku(words.name, admits, "looked at", "Zoë", request)
            case "short":
                sku, _, location = words.name.partition("@")
                return GetShortfall(sku, location, int(words.options.get("most", "20")))
            case "show" if words.name[0].isupper():
                states = words.states()
                state_names = {state.name.lower() for state in states}
                places = tuple(word for word in words.plain[2:] if word not in state_names)
                return GetAvailability((words.name,), places, states)
            case "show":
                return GetReservation(words.key)
            case _:
                raise ValueError(f"no such command: {words.verb}")

    def source(self, words: "Words") -> GetSource | UpdateSource:
        """Read a source, or set what is said of it."""
        given = words.options
        if not given:
            return GetSource(words.name)
        fallback = Fallback[given.get("fallback", "SELL_ON").upper()]
        interval_ms = ns_from_text(given.get("every", "0s")) // NS_PER_MS
        unknown = UnknownSkus[given.get("unknown", "CREATE").upper()]
        source = Source(words.name, interval_ms, unknown, fallback, int(given.get("cap", "0")))
        names = {"every": "expected_interval_ms", "unknown": "unknown_skus"}
        fields = {each: names.get(each, each) for each in given}
        return UpdateSource(source, tuple(fields[each] for each in given), allow_missing=True)

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
            refers_to = {
                RESERVATION: words.options.get("of"),
                SUPPLY: words.options.get("doc"),
                TRANSFER: words.options.get("transfer"),
            }
            named = [(kind, *text.partition("#")) for kind, text in refers_to.items() if text]
            references = [Reference(kind, name, line) for kind, name, _, line in named]
            yield StockEvent(
                key,
                sequence,
                sku,
                location,
                EventKind[kind.upper()],
                int(quantity),
                reference=references[0] if references else None,
                occur_time_ns=words.instant("said"),
                expected_ns=words.instant("due"),
                from_status=words.options.get("from", ""),
                to_status=words.options.get("to", ""),
                reverses=reversed_event(source, words.options),
                to_location=words.options.get("goes", ""),
                takes_promised=words.options.get("takes") == "promised",
            )


def reversed_event(source: str, options: dict[str, str]) -> Reversed | None:
    """The event that a reversal undoes, which may be of another source: undoes=pos/e1."""
    if "undoes" not in options:
        return None
    of, _, event_id = options["undoes"].rpartition("/")
    kind = EventKind[options["kind"].upper()]
    days_ago = options.get("days_ago")
    at_ns = START_NS - ns_from_text(f"{days_ago}d") if days_ago else None
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

    def states(self) -> tuple[SourceState, ...]:
        return tuple(each for each in SourceState if each.name.lower() in self.plain[1:])

    def hold_ms(self) -> int:
        return ns_from_text(self.options["hold"]) // NS_PER_MS

    def instant(self, option: str) -> int | None:
        text = self.options.get(option)
        if text is None:
            return None
        sign = -1 if text[0] == "-" else 1
        return START_NS + sign * ns_from_text(text[1:])

    def request(self) -> Key | None:
        request = self.options.get("request")
        return key_from_parts(self.name, request) if request else None

    def request_on_sku(self) -> Key | None:
        request = self.options.get("request")
        return sku_request_key(self.name, request) if request else None

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
