"""What the model knows of SKUs' names: which ones a SKU has had, and what it is called.

The rest of the model has a SKU under the name that it began with. What is said is put into these
names first, and what is answered is put into those of today.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from holdfast.core.commands import (
    AnyReserve,
    Conflict,
    DeleteOutcome,
    DeleteSku,
    Difference,
    InTheWay,
    LimitReached,
    Line,
    MergeOutcome,
    MergeSku,
    Move,
    NameTaken,
    OutOfRange,
    RecordStockEvents,
    Reference,
    RenameOutcome,
    RenameSku,
    ReserveAgainstSupply,
    Revision,
    StockEvent,
    Unknown,
)
from holdfast.core.ids import Key
from holdfast.core.limits import RETENTION_NS, SKU_NAMES_EACH_MAX, TOTAL_MAX
from holdfast.core.model import EventKind, Fallback, SourceState
from tests.model_facts import Facts
from tests.model_requests import keys_on_sku
from tests.model_reservations import Level
from tests.model_reversals import Awaited
from tests.model_supply import open_supplies

NO_REVISION = Revision(0, 0, 0)

OnSku = DeleteSku | MergeSku | RenameSku

#: What a fault or a difference says of the field that it is about.
ABOUT = {
    Unknown: ("value",),
    Conflict: ("first", "now"),
    OutOfRange: ("value",),
    Difference: ("recorded", "now"),
    InTheWay: ("value",),
    LimitReached: ("value",),
}


class Names:
    """The names of SKUs."""

    def __init__(self) -> None:
        self.of: dict[str, list[str]] = {}  # the first name -> all of them
        self.present: dict[str, str] = {}
        self.began: set[str] = set()  # all SKUs that ever existed
        self.moved: dict[Key | None, int] = {}
        self.ended: dict[Key | None, dict[str, Level]] = {}
        self.requests: dict[Key, tuple[int, str, str]] = {}

    def first(self, name: str) -> str:
        """The name that the SKU of this name began with."""
        return next((first for first, names in self.of.items() if name in names), name)

    def shown(self, name: str) -> str:
        """What the SKU of this name is called."""
        return self.present.get(self.first(name), name)

    def inside(self, command: Any) -> Any:
        """A command that names SKUs by their first names, each line once."""
        command = renamed(command, self.first)
        is_summed = isinstance(command, AnyReserve) or (isinstance(command, Move) and command.lines)
        return summed(command) if is_summed else command

    def outside(self, outcome: Any) -> Any:
        """An outcome that names SKUs as they are called."""
        return renamed(outcome, self.shown)

    def known(self, command: OnSku, now_ns: int) -> Key | None:
        """The key under which a command on a SKU is remembered."""
        for key in keys_on_sku(command):
            if key in self.requests and now_ns - self.requests[key][0] < RETENTION_NS:
                return key
        return None

    def is_repeat(self, key: Key | None, method: str, said: str) -> bool | Conflict:
        """Whether a command on a SKU came before; or a difference."""
        if key is None:
            return False
        _, first_method, first_said = self.requests[key]
        if first_method != method:
            return Conflict("method", first_method, method)
        field = "into_sku" if method == "MERGE_SKU" else "new_sku"
        return first_said == said or Conflict(field, first_said, said)

    def end(
        self, command: DeleteSku, skus: dict[str, dict[str, Level]], facts: Facts, now_ns: int
    ) -> DeleteOutcome | Unknown | OutOfRange | Conflict:
        """Forget the SKU, once for a request; reservations keep the levels they rest on."""
        key = self.known(command, now_ns)
        is_repeat = self.is_repeat(key, "DELETE_SKU", "")
        if isinstance(is_repeat, Conflict):
            return is_repeat
        if not is_repeat and command.sku not in skus:
            return Unknown("sku", command.sku)
        ended = self.ended[key] if is_repeat else skus[command.sku]
        on_hand = sum(level.on_hand for level in ended.values())
        promised = sum(level.reserved + level.committed for level in ended.values())
        for what, total in (("on_hand", on_hand), ("reserved + committed", promised)):
            if abs(total) > TOTAL_MAX:
                return OutOfRange("sku", command.sku, f"its total {what}, {total},", TOTAL_MAX)
        if not is_repeat:
            del skus[command.sku]
            facts.forget(command.sku, ended.values())
            for key in keys_on_sku(command):
                self.ended[key] = ended
                self.requests[key] = now_ns, "DELETE_SKU", ""
        return DeleteOutcome(len(ended), on_hand, promised, NO_REVISION, is_repeat)

    def merge(
        self, command: MergeSku, skus: dict[str, dict[str, Level]], facts: Facts, now_ns: int
    ) -> MergeOutcome | Unknown | Conflict | InTheWay | LimitReached:
        """Give the units and the names of a SKU to another."""
        sku, into = command.sku, command.into_sku
        key = self.known(command, now_ns)
        repeat = self.is_repeat(key, "MERGE_SKU", into)
        if isinstance(repeat, Conflict):
            return repeat
        if repeat:
            on_hand = self.moved[key]
            return MergeOutcome(into, tuple(self.of[into]), on_hand, (), is_repeat=True)
        for field, name in (("sku", sku), ("into_sku", into)):
            if name not in skus:
                return Unknown(field, name)
        if sku == into:
            return InTheWay("into_sku", into, "it is one SKU with sku already")
        levels = skus[sku]
        awaited = facts.reversals.awaited.values()
        for what, count, advice in blocking(levels.values(), awaited):
            if count:
                return InTheWay("sku", sku, what, count, advice)
        if into in facts.quarantined:
            return InTheWay("into_sku", into, "it is in quarantine: admit it first")
        names, others = self.of.get(into, [into]), self.of.get(sku, [sku])
        if len(names) + len(others) - 1 > SKU_NAMES_EACH_MAX:
            return LimitReached("sku", sku, "other names of the SKU", SKU_NAMES_EACH_MAX)
        if (refusal := unwatched(sku, levels.values(), into, skus[into], facts)) is not None:
            return refusal
        on_hand = sum(level.on_hand for level in levels.values())
        events = tuple(moves(levels.values(), sku, into))
        if events:
            facts.record_stock_events(RecordStockEvents("merge", events), now_ns)
        for level in skus[into].values():
            level.instant_ns = None  # what the other had was not counted there
        facts.forget(sku, skus.pop(sku).values())
        self.of.pop(sku, None)
        self.present.setdefault(into, into)
        self.of[into] = [*names, *reversed(others)]
        facts.rename(lambda each: renamed(each, self.first))
        for key in keys_on_sku(command):
            self.requests[key] = now_ns, "MERGE_SKU", into
            self.moved[key] = on_hand
        return MergeOutcome(into, tuple(self.of[into]), on_hand, ())

    def rename(self, command: RenameSku, skus: Any, now_ns: int) -> Any:
        """Give a SKU another name, unless another SKU has it."""
        sku, name = command.sku, command.new_sku
        is_anyones = any(name in names for names in self.of.values())
        if name in self.began and name not in skus and not is_anyones:
            return NameTaken("new_sku", name, name, has_ended=True)
        repeat = self.is_repeat(self.known(command, now_ns), "RENAME_SKU", name)
        if isinstance(repeat, Conflict):
            return repeat
        names = self.of.get(sku, [sku])
        if not repeat:
            if sku not in skus:
                return Unknown("sku", sku)
            if name not in names:
                if name in skus or is_anyones:
                    return NameTaken("new_sku", name, self.shown(name))
                if len(names) > SKU_NAMES_EACH_MAX:
                    what = "other names of the SKU"
                    return LimitReached("new_sku", name, what, SKU_NAMES_EACH_MAX)
                names = [*names, name]
            if len(names) > 1:
                self.of[sku], self.present[sku] = names, name
            for key in keys_on_sku(command):
                self.requests[key] = now_ns, "RENAME_SKU", name
        return RenameOutcome(sku, tuple(names), NO_REVISION, bool(repeat))


def blocking(
    levels: Collection[Level], awaited: Iterable[Awaited]
) -> Iterator[tuple[str, int, str]]:
    """What keeps a SKU from being merged, how much of it, and what helps."""
    promised = sum(level.reserved + level.committed for level in levels)
    what = "units of it that are held or committed"
    yield what, promised, "ship, release or cancel them first"
    coming = sum(len(open_supplies(level)) for level in levels)
    yield "supplies and transfers of it that are open", coming, "cancel or receive them first"
    waiting = sum(each.level is level for each in awaited for level in levels)
    yield "reversals that wait for events of it", waiting, "send the events first"


def unwatched(
    sku: str, levels: Iterable[Level], into: str, others: dict[str, Level], facts: Facts
) -> InTheWay | None:
    """Why units could be promised after a merge that a source keeps back, now or later."""
    silent = uncounted = 0
    for level in levels:
        if not level.on_hand and not any(level.unavailable.values()):
            continue
        there = others.get(level.location)
        sources = [facts.source_of(each) for each in (level, there) if each]
        careful = [each for each in sources if each and each.fallback is not Fallback.SELL_ON]
        silent += any(each.state is not SourceState.CURRENT for each in careful)
        uncounted += bool(careful) and not (there and there.count_source)
    if silent:
        what = "stock levels whose source is not current and restricts what may be promised"
        advice = "wait until it is heard, or have them counted by another source, first"
        return InTheWay("sku", sku, what, silent, advice)
    if uncounted:
        what = "stock levels not counted for it, where a source may restrict what may be promised"
        return InTheWay("into_sku", into, what, uncounted, "count them first")
    return None


def moves(levels: Iterable[Level], sku: str, into: str) -> Iterator[StockEvent]:
    """The facts by which units become another SKU's."""
    for level in levels:
        held = {status: units for status, units in sorted(level.unavailable.items()) if units}
        rest = level.on_hand - sum(held.values())
        for status, units in {"": rest, **held}.items() if rest else held.items():
            for name, other, change in ((sku, into, -units), (into, sku, units)):
                statuses = (status, "") if change < 0 else ("", status)
                yield StockEvent(
                    *(None, 0, name, level.location, EventKind.ADJUSTMENT, change),
                    reference=Reference("sku", other, ""),
                    reason="merge",
                    from_status=statuses[0],
                    to_status=statuses[1],
                )


def renamed(value: Any, name_of: Callable[[str], str]) -> Any:
    """A command or an outcome with other names of SKUs."""
    if type(value) is tuple:
        return tuple(renamed(each, name_of) for each in value)
    if is_dataclass(value):
        values = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
    elif hasattr(value, "_asdict"):
        values = value._asdict()
    else:
        return value
    changes = {field: renamed(each, name_of) for field, each in values.items()}
    about = ABOUT.get(type(value), ()) if values.get("field", "").endswith("sku") else ()
    for field in ("sku", "into_sku", *about):
        if isinstance(values.get(field), str):
            changes[field] = name_of(values[field])
    if isinstance(value, Unknown):
        changes["more"] = tuple(
            (field, name_of(name) if field.endswith("sku") else name) for field, name in value.more
        )
    if type(values.get("skus")) is tuple:
        changes["skus"] = tuple(
            name_of(each) if isinstance(each, str) else renamed(each, name_of)
            for each in values["skus"]
        )
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **changes)
    return value._replace(**changes)


def summed(command: AnyReserve | Move) -> AnyReserve | Move:
    """A Reserve or a Move without two lines of the same SKU, location and id."""
    assert command.lines is not None
    places: dict[tuple[str, str, str], list[int]] = {}
    for at, line in enumerate(command.lines):
        places.setdefault((line.sku, line.location, line.line_id), []).append(at)
    lines = tuple(
        Line(sku, location, sum(command.lines[at].quantity for at in mine), line_id)
        for (sku, location, line_id), mine in places.items()
    )
    command = replace(command, lines=lines)
    if not isinstance(command, ReserveAgainstSupply):
        return command
    latest = []
    for mine in places.values():
        times = [time for at in mine if (time := command.latest_ns[at]) is not None]
        latest.append(min(times) if len(times) == len(mine) else None)
    return replace(command, latest_ns=tuple(latest))
