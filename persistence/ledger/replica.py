"""A second state beside the node's, and what each append moved in it.

The core replays an append; what is read off here, before and after, is which levels it changed.
Numbers of rows, names, lines and reservations are looked up in the core's own tables, so that this
knows nothing of how they are given out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from holdfast.core.kernels.codes import FLAG_TEXT, KEYED
from holdfast.core.model import State
from holdfast.core.node import Node
from holdfast.core.tables.effects import Entry, Section
from holdfast.core.tables.shard import Shard
from holdfast.core.tables.supply import sum_incoming
from holdfast.core.tables.table import Table

from ..codec import RecordedEntry
from ..effect_notes import read_notes
from ..recovery import replay_group
from .movements import (
    ENTERS,
    KIND_ENTERING,
    NO_TEXT,
    STOCK,
    TEXTS,
    UUID_TEXT,
    MovementKind,
    write_levels,
)
from .tail import Tail

#: Kinds of effects that are movements.
_STOCK_KINDS: Final = (Section.STOCK_PADDED, Section.STOCK_PLAIN, Section.STOCK)
MOVING: Final = frozenset(
    {
        *(Section.LINES, Section.MOVES, Section.ENDED_SKUS, *_STOCK_KINDS),
        *(Section.UNAVAILABLE, Section.SUPPLIES, Section.BACKORDERS, Section.REPAIRS),
    }
)

#: Kinds that say something about movements of the same entry.
_NOTES: Final = frozenset(
    {
        *(Section.ATTRIBUTIONS, Section.STOCK_DETAILS),
        *(Section.DECISIONS, Section.CORRELATIONS),
    }
)


#: Field of a record -> what effect_notes.py calls it.
_NOTE_FIELDS: Final = {field: field for field in TEXTS["note"]}
_REFERENCE_FIELDS: Final = {
    "reference_kind": "kind",
    "reference": "id",
    "reference_line": "line",
}

#: In place of a reservation's number: of a line that is free, or a movement of none.
NOBODY: Final = -1


class _Moved(NamedTuple):
    """What effects of one kind moved, one movement each."""

    section: Section
    effects: Any
    """Of each one the effect that is noted of, by its number among those of this kind in the
    entry.
    """
    rows: Any
    quantity: Any
    kind: Any
    leaves: Any
    reservation: Any
    """Number in the shard, or -1."""
    stock: Any = None
    """The effects themselves, of stock facts."""
    status: Any = None
    """Number in the shard, of units that are not for sale."""


class Replica:
    """The state that the journal leads to, append by append."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._holders = [_holders(shard) for shard in node.shards]
        self._names: dict[tuple[int, int], tuple[int, int]] = {}

    def holders(self, shard: Shard) -> Any:
        """The number of the reservation of each line of a shard; NOBODY of a line that is free."""
        return self._holders[shard.number].used

    def forget_numbers(self) -> None:
        """Forget the numbers of texts: another tail begins, with a dictionary of its own."""
        self._names.clear()

    def skip(self, position: int, group: Sequence[RecordedEntry]) -> None:
        """Replay an append whose movements are known. Raises DamagedEntryError."""
        for recorded in group:
            self._replay(position, recorded)

    def follow(self, position: int, group: Sequence[RecordedEntry], tail: Tail) -> None:
        """Replay an append, and put what it moved after the tail. Raises DamagedEntryError."""
        for recorded in group:
            made = self._replay(position, recorded)
            entry = recorded.entry
            shard = self.node.shards[entry.shard]
            moved = _moved(entry, shard, made, self._holders[entry.shard].records)
            self._write(entry, shard, moved, tail)

    def open(self, tail: Tail) -> None:
        """Put the whole state after an empty tail, as openings."""
        for shard in self.node.shards:
            entry = Entry(shard.number, shard.sequence, self.node.now_ns, ())
            self._write(entry, shard, _opening(shard, self._holders[shard.number].used), tail)

    def _replay(self, position: int, recorded: RecordedEntry) -> Any:
        """Replay an entry, and return the numbers of the reservations that it made."""
        shards, entry = self.node.shards, recorded.entry
        if entry.shard < len(shards):
            lines = _lines_of(shards[entry.shard], entry.effects(Section.DROPS)["reservation"])
            self._holders[entry.shard].records[lines] = NOBODY
        (made,) = replay_group(self.node, position, [recorded])
        _own(self._holders[entry.shard], shards[entry.shard], made)
        return made

    def _write(self, entry: Entry, shard: Shard, found: Iterable[_Moved], tail: Tail) -> None:
        # Not every effect moves something: a shard, or a SKU that ended, may have no stock level.
        if not (moved := [each for each in found if len(each.rows)]):
            return
        rows = np.concatenate([each.rows for each in moved])
        first = tail.count
        added = tail.extend("movement", len(rows))
        added["time_ns"], added["sequence"] = entry.now_ns, entry.sequence
        added["shard"], added["row"] = shard.number, rows
        for field in ("quantity", "kind", "leaves"):
            added[field] = np.concatenate([getattr(each, field) for each in moved])
        write_levels(added, rows, shard.levels.records[rows])
        distinct, places = np.unique(rows, return_inverse=True)
        names = [self._level_names(shard, row, tail) for row in distinct.tolist()]
        added["sku"], added["location"] = np.array(names, np.int32)[places].T
        reservations = np.concatenate([each.reservation for each in moved])
        added["reservation"] = _reservation_numbers(shard, reservations, tail)
        notes = _notes_of(entry, shard)
        start = 0
        for each in moved:
            mine = added[start : start + len(each.rows)]
            if each.stock is not None:
                _write_facts(mine, first + start, each, shard, tail)
            if each.status is not None:
                texts = {n: shard.statuses.text(n).encode() for n in set(each.status.tolist())}
                mine["status"] = [tail.texts.add(texts[n]) for n in each.status.tolist()]
            if notes:
                _write_notes(mine, first + start, each, notes, tail)
            start += len(each.rows)

    def _level_names(self, shard: Shard, row: int, tail: Tail) -> tuple[int, int]:
        found = self._names.get((shard.number, row))
        if found is None:
            # Of a SKU that is merged into another, its own: the merge may be known already.
            level = shard.levels.records[row]
            sku, location = shard.skus.text(level["sku"]), shard.locations.text(level["location"])
            found = tail.texts.add(sku.encode()), tail.texts.add(location.encode())
            self._names[shard.number, row] = found
        return found


def _holders(shard: Shard) -> Table:
    """The reservation of each line."""
    holders = Table("i4", rows_max=len(shard.lines.records))
    _own(holders, shard, np.flatnonzero(shard.reservations["line_count"]))
    return holders


def _own(holders: Table, shard: Shard, numbers: Any) -> None:
    """Note the lines of some reservations. The end of all lines may have gone back before."""
    end = len(shard.lines)
    holders.records[holders.count : end] = NOBODY
    holders.count = end
    counts = shard.reservations.records["line_count"][numbers].astype(np.int64)
    holders.records[_lines_of(shard, numbers)] = np.repeat(numbers, counts)


def _lines_of(shard: Shard, numbers: Any) -> Any:
    """The lines of some reservations, one after the other."""
    records = shard.reservations.records[numbers]
    counts = records["line_count"].astype(np.int64)
    ends = np.cumsum(counts)
    within = np.arange(counts.sum()) - np.repeat(ends - counts, counts)
    return np.repeat(records["first_line"].astype(np.int64), counts) + within


def _moved(entry: Entry, shard: Shard, made: Any, holders: Any) -> Iterator[_Moved]:
    """What an entry moved, in the order of its effects. It was replayed, and made these
    reservations.
    """
    seen = dict.fromkeys(MOVING, 0)
    for section, effects in entry.sections:
        count = len(effects)
        if section not in MOVING or not count:
            continue
        start = seen[section]
        seen[section] += count
        if section is Section.LINES:
            counts = shard.reservations.records["line_count"][made].astype(np.int64)
            effect = np.repeat(np.arange(len(made)), counts)[start : start + count]
            yield _reserved(effects, effect, made[effect])
        elif section is Section.MOVES:
            yield _moved_lines(effects, start, shard, holders)
        elif section is Section.ENDED_SKUS:
            yield _ended(effects, start, shard)
        elif section is Section.UNAVAILABLE:
            moved = _through_stock(entry, effects, "units", MovementKind.UNAVAILABLE)
            yield moved._replace(status=effects["status"])
        elif section is Section.SUPPLIES:
            yield _through_stock(entry, effects, "incoming", MovementKind.INCOMING)
        elif section is Section.BACKORDERS:
            yield _backordered(effects, start)
        elif section is Section.REPAIRS:
            yield _repaired(effects, start)
        else:
            yield _changed(section, effects, start)


def _movements(
    section: Section,
    effects: Any,
    rows: Any,
    quantity: Any,
    kind: Any,
    leaves: Any = 0,
    reservation: Any = NOBODY,
) -> _Moved:
    """Movements; a column that is one value is that of each."""
    kinds, states = (np.broadcast_to(np.uint8(each), len(rows)) for each in (kind, leaves))
    units, owners = (np.broadcast_to(np.int64(each), len(rows)) for each in (quantity, reservation))
    return _Moved(section, effects, rows, units, kinds, states, owners)


def _reserved(lines: Any, effect: Any, owned: Any) -> _Moved:
    columns = lines["row"], lines["quantity"], MovementKind.RESERVE
    return _movements(Section.RESERVATIONS, effect, *columns, reservation=owned)


def _moved_lines(effects: Any, start: int, shard: Shard, holders: Any) -> _Moved:
    lines = effects["line"]
    rows, kind = shard.lines.records["row"][lines], KIND_ENTERING[effects["enters"]]
    columns = rows, effects["quantity"], kind, effects["leaves"], holders[lines]
    return _movements(Section.MOVES, _numbers(effects, start), *columns)


def _changed(section: Section, effects: Any, start: int) -> _Moved:
    columns = effects["row"], effects["delta"], effects["kind"] + np.uint8(STOCK)
    return _movements(section, _numbers(effects, start), *columns)._replace(stock=effects)


def _through_stock(entry: Entry, effects: Any, units: str, kind: MovementKind) -> _Moved:
    """What came with a stock fact: what that said, and what is noted of it, holds for it."""
    moved = _movements(Section.STOCK, effects["stock"], effects["row"], effects[units], kind)
    return moved._replace(stock=entry.effects(Section.STOCK)[effects["stock"]])


def _backordered(effects: Any, start: int) -> _Moved:
    columns = effects["row"], effects["change"], MovementKind.BACKORDER
    owned = effects["reservation"]
    return _movements(Section.BACKORDERS, _numbers(effects, start), *columns, reservation=owned)


def _repaired(effects: Any, start: int) -> _Moved:
    columns = effects["row"], 0, MovementKind.REPAIR
    return _movements(Section.REPAIRS, _numbers(effects, start), *columns)


def _ended(effects: Any, start: int, shard: Shard) -> _Moved:
    rows = [np.flatnonzero(shard.levels["sku"] == sku) for sku in effects["sku"]]
    numbers = np.repeat(_numbers(effects, start), [len(each) for each in rows])
    columns = np.concatenate(rows), 0, MovementKind.SKU_ENDED
    return _movements(Section.ENDED_SKUS, numbers, *columns)


def _numbers(effects: Any, start: int) -> Any:
    return np.arange(start, start + len(effects))


def _opening(shard: Shard, holders: Any) -> Iterator[_Moved]:
    """The whole state of a shard: what is on hand at each level, then what each line holds, then
    which levels do not count any more.
    """
    rows = np.arange(len(shard.levels))
    yield _opened(rows, shard.levels["on_hand"], MovementKind.OPENING)
    kept = shard.unavailable.used
    kept = kept[kept["units"] != 0]
    moved = _opened(kept["row"], kept["units"], MovementKind.OPENING_UNAVAILABLE)
    yield moved._replace(status=kept["status"])
    incoming = np.array(sum_incoming(shard, rows), np.int64)
    coming = np.flatnonzero(incoming)
    yield _opened(coming, incoming[coming], MovementKind.OPENING_INCOMING)
    for kind in (MovementKind.OPENING_HELD, MovementKind.OPENING_COMMITTED):
        lines = np.flatnonzero(holders != NOBODY)
        units = units_in(shard, ENTERS[kind], lines)
        lines, units = lines[units > 0], units[units > 0]
        yield _opened(shard.lines["row"][lines], units, kind, holders[lines])
    waiting = shard.backorders.used
    kind = MovementKind.OPENING_BACKORDER
    yield _opened(waiting["row"], waiting["units"], kind, waiting["reservation"])
    ended = np.flatnonzero(shard.skus.removed.used[shard.levels["sku"]])
    yield _opened(ended, 0, MovementKind.SKU_ENDED)


def _opened(rows: Any, quantity: Any, kind: MovementKind, reservation: Any = NOBODY) -> _Moved:
    numbers = np.arange(len(rows))
    return _movements(Section.LEVELS, numbers, rows, quantity, kind, reservation=reservation)


def units_in(shard: Shard, state: State, numbers: Any) -> Any:
    """Units of some lines in a state."""
    lines = shard.lines.records[numbers]
    is_split = lines["state"] == 0
    units = np.where(lines["state"] == state, lines["quantity"], 0)
    units[is_split] = shard.splits.used[lines["quantity"][is_split], state - 1]
    return units


def _reservation_numbers(shard: Shard, numbers: Any, tail: Tail) -> Any:
    """The numbers that the dictionary has for the ids of reservations."""
    found = np.full(len(numbers), NO_TEXT, np.int32)
    given = np.flatnonzero(numbers >= 0)
    records = shard.reservations.records[numbers[given]]
    keys = np.zeros(len(given), UUID_TEXT)
    keys["hi"], keys["lo"] = records["key_hi"], records["key_lo"]
    texts = keys.view(f"V{UUID_TEXT.itemsize}").tolist()
    for at in np.flatnonzero(records["flags"] & FLAG_TEXT).tolist():
        texts[at] = shard.id_texts.read(int(records["id_text"][at]), 1)[0].encode()
    found[given] = list(map(tail.texts.add, texts))
    return found


def _write_facts(added: Any, first: int, moved: _Moved, shard: Shard, tail: Tail) -> None:
    """What the journal's effects say of stock facts."""
    effects = moved.stock
    start = len(tail.records("fact"))
    facts = tail.extend("fact", len(effects))
    facts["movement"] = np.arange(first, first + len(effects))
    for field in ("key_hi", "key_lo"):
        facts[field] = effects[field]
    facts["has_key"] = effects["has_key"] & KEYED
    facts["source_sequence"] = effects["sequence"]
    facts["has_time"] = 0
    sources = {n: tail.texts.add(shard.sources.text(n).encode()) for n in set(effects["source"])}
    facts["source"] = [sources[number] for number in effects["source"]]
    added["fact"] = np.arange(start, start + len(effects))


def _notes_of(entry: Entry, shard: Shard) -> Mapping[tuple[Section, int], dict[str, Any]]:
    if not any(section in _NOTES for section, _ in entry.sections):
        return {}
    principals = [shard.principals.text(number) for number in range(len(shard.principals))]
    return read_notes(entry.sections, principals)


def _write_notes(
    added: Any,
    first: int,
    moved: _Moved,
    notes: Mapping[tuple[Section, int], dict[str, Any]],
    tail: Tail,
) -> None:
    """What the entry notes about its effects."""

    def write(record: Any, fields: Mapping[str, str], texts: Mapping[str, str]) -> None:
        for field, name in fields.items():
            if text := texts.get(name):
                record[field] = tail.texts.add(text.encode())

    for at, effect in enumerate(moved.effects.tolist()):
        if (note := notes.get((moved.section, effect))) is None:
            continue
        if not _NOTE_FIELDS.keys().isdisjoint(note):
            added["note"][at] = len(tail.records("note"))
            (record,) = tail.extend("note", 1)
            record["movement"] = first + at
            write(record, _NOTE_FIELDS, note)
        if moved.stock is not None:
            fact = tail.records("fact")[added["fact"][at]]
            write(fact, _REFERENCE_FIELDS, note.get("reference", {}))
            if "occurred_at_ns" in note:
                fact["occurred_at_ns"], fact["has_time"] = note["occurred_at_ns"], 1
