"""The effects of one shard as records: text and numbers.

Effects refer to names, reservations and lines by the numbers that the shard gave them. These are
counted again here, from the entries in their order, and not taken from a node's tables: a record
does not depend on the rules that led to it. Ids of stock events and of requests are hashes in the
journal, and stay so.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np

from holdfast.core.ids import text_from_key
from holdfast.core.kernels.codes import (
    AWAITED_CAME,
    AWAITED_DIFFERS,
    AWAITS,
    CAME,
    FLAG_LINE_IDS,
    FLAG_OWNER,
    FLAG_TEXT,
    KEYED,
    SKIPPED,
    UNDOES,
    UNKNOWN_NUMBERS,
)
from holdfast.core.limits import NS_PER_MS
from holdfast.core.model import (
    CountBasis,
    EventKind,
    Fallback,
    LocationKind,
    Remainder,
    SourceState,
    State,
    UnknownSkus,
    Verb,
)
from holdfast.core.tables.effects import DTYPES, Section
from holdfast.core.tables.names import unpack_names
from holdfast.core.tables.numbering import Numbering
from holdfast.core.tables.reservation_index import unpack_part

from .effect_notes import read_notes
from .time_texts import time_text

EffectRecord: TypeAlias = dict[str, Any]
"""One effect as text and numbers, fit for JSON. "kind" says which, and so which fields it has."""

_NAMES: Final = {
    Section.SKU_NAMES: "sku",
    Section.LOCATION_NAMES: "location",
    Section.SOURCE_NAMES: "source",
    Section.PRINCIPAL_NAMES: "principal",
    Section.STATUS_NAMES: "status",
    Section.DISPLAY_NAMES: "display_name",
}
#: What a record of numbers is called, by kernels/codes.py SKIPPED and its like.
_OF_NUMBERS: Final = {
    SKIPPED: "numbers_skipped",
    CAME: "numbers_came",
    UNKNOWN_NUMBERS: "numbers_begin",
}
#: The same of reversals, by UNDOES and its like.
_OF_REVERSALS: Final = {
    UNDOES: "undo",
    AWAITS: "await",
    AWAITED_CAME: "awaited_came",
    AWAITED_DIFFERS: "awaited_differs",
}
_NO_RESERVATIONS: Final = np.zeros(0, DTYPES[Section.RESERVATIONS])


@dataclass(slots=True)
class ShardHistory:
    """The names and numbers that one shard has given out so far."""

    names: dict[Section, list[str]] = field(
        default_factory=lambda: {section: [] for section in _NAMES}
    )
    levels: list[tuple[str, str]] = field(default_factory=list)
    numbering: Numbering = field(default_factory=Numbering)
    reservations: dict[int, str] = field(default_factory=dict)
    """Ids by number, of those that are there."""
    lines: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Id of the reservation and row of the level, by line."""

    def records(self, sections: Sequence[tuple[Section, Any]]) -> Iterator[EffectRecord]:
        """The effects of an entry, in the order of their replay, with what it notes about them."""
        notes = read_notes(sections, self.names[Section.PRINCIPAL_NAMES])
        seen: Counter[Section] = Counter()
        for section, record in self._read(sections):
            note = notes.get((section, seen[section]), {})
            seen[section] += 1
            if "occurred_at_ns" in note:
                note["occur_time"] = time_text(note.pop("occurred_at_ns"))
            yield {**record, **note}

    def _read(
        self, sections: Sequence[tuple[Section, Any]]
    ) -> Iterator[tuple[Section, EffectRecord]]:
        """Each effect, and its kind."""
        texts, reasons = _texts(sections), _reasons(sections)
        reservations = _NO_RESERVATIONS
        for section, effects in sections:
            if section is Section.RESERVATIONS:
                reservations = effects  # the lines after them complete them
            elif section is Section.LINES:
                records = self._read_reservations(reservations, effects, texts)
                yield from zip(repeat(Section.RESERVATIONS), records, strict=False)
            elif section is Section.SOURCE_RESETS:
                yield from zip(repeat(section), self._read_resets(reasons, effects), strict=False)
            elif section in _NAMES:
                yield from zip(repeat(section), self._read_names(section, effects), strict=False)
            elif section in self._READERS:  # notes were read before
                yield from zip(repeat(section), self._READERS[section](self, effects), strict=False)

    def _level(self, row: int) -> EffectRecord:
        sku, location = self.levels[row]
        return {"sku": sku, "location": location}

    def _read_names(self, section: Section, packed: Any) -> Iterator[EffectRecord]:
        names = self.names[section]
        for name in unpack_names(packed):
            names.append(name)
            yield {"kind": "name", "of": _NAMES[section], "number": len(names) - 1, "name": name}

    def _read_locations(self, effects: Any) -> Iterator[EffectRecord]:
        for effect in effects:
            yield {
                "kind": "location",
                "location": self.names[Section.LOCATION_NAMES][effect["location"]],
                "location_kind": LocationKind(int(effect["kind"])).name,
                "display_name": self.names[Section.DISPLAY_NAMES][effect["display_name"]],
                "enabled": bool(effect["enabled"]),
            }

    def _read_ended(self, effects: Any) -> Iterator[EffectRecord]:
        for (number,) in effects.tolist():
            yield {"kind": "sku_ended", "sku": self.names[Section.SKU_NAMES][number]}

    def _read_renames(self, effects: Any) -> Iterator[EffectRecord]:
        for effect in effects:
            yield {
                "kind": "sku_renamed",
                "sku": self.names[Section.SKU_NAMES][effect["sku"]],
                "name": bytes(effect["name"]).decode(),
            }

    def _read_levels(self, effects: Any) -> Iterator[EffectRecord]:
        for sku, location in effects[["sku", "location"]].tolist():
            names = self.names[Section.SKU_NAMES][sku], self.names[Section.LOCATION_NAMES][location]
            self.levels.append(names)
            yield {"kind": "level", **self._level(-1), "row": len(self.levels) - 1}

    def _read_reservations(
        self, effects: Any, line_effects: Any, texts: Iterator[str]
    ) -> Iterator[EffectRecord]:
        lines = iter(line_effects.tolist())
        for effect in effects:
            if effect["flags"] & FLAG_TEXT:
                reservation_id = next(texts)
            else:
                reservation_id = text_from_key(int(effect["key_hi"]), int(effect["key_lo"]))
            owner = {"owner": next(texts)} if effect["flags"] & FLAG_OWNER else {}
            number, places = self.numbering.take(int(effect["line_count"]))
            self.reservations[number] = reservation_id
            held = []
            for line in places:
                quantity, row, _position, _pad = next(lines)
                self.lines[line] = reservation_id, row
                held.append({**self._level(row), "quantity": quantity})
                if effect["flags"] & FLAG_LINE_IDS:
                    held[-1]["line_id"] = next(texts)
            yield {
                "kind": "reserve",
                "reservation_id": reservation_id,
                "hold_ms": int(effect["hold_ms"]),
                "lines": held,
                **owner,
            }

    def _read_links(self, effects: Any) -> Iterator[EffectRecord]:
        for next_part, number, _pad in effects.tolist():
            shard, _ = unpack_part(next_part)
            yield {
                "kind": "link",
                "reservation_id": self.reservations[number],
                "next_shard": shard,
            }

    def _read_moves(self, effects: Any) -> Iterator[EffectRecord]:
        for quantity, line, leaves, enters, _pad in effects.tolist():
            reservation_id, row = self.lines[line]
            yield {
                "kind": "move",
                "reservation_id": reservation_id,
                **self._level(row),
                "quantity": quantity,
                "leaves": State(leaves).name,
                "enters": State(enters).name,
            }

    def _read_extends(self, effects: Any) -> Iterator[EffectRecord]:
        for expires_at_ns, number, _pad in effects.tolist():
            yield {
                "kind": "extend",
                "reservation_id": self.reservations[number],
                "expire_time": time_text(expires_at_ns),
            }

    def _read_ends(self, effects: Any) -> Iterator[EffectRecord]:
        for (number,) in effects.tolist():
            yield {"kind": "end", "reservation_id": self.reservations[number]}

    def _read_drops(self, effects: Any) -> Iterator[EffectRecord]:
        for number in effects["reservation"].tolist():
            for line in self.numbering.give_back(number):
                del self.lines[line]
            yield {"kind": "drop", "reservation_id": self.reservations.pop(number)}

    def _read_forgets(self, effects: Any) -> Iterator[EffectRecord]:
        for (count,) in effects.tolist():
            yield {"kind": "forget", "ids": count}

    def _read_stock(self, effects: Any) -> Iterator[EffectRecord]:
        for effect in effects:
            yield {
                "kind": "stock",
                "event": EventKind(int(effect["kind"])).name,
                **self._level(int(effect["row"])),
                "delta": int(effect["delta"]),
                "source": self.names[Section.SOURCE_NAMES][effect["source"]],
                "source_sequence": int(effect["sequence"]),
                "event_key": _key_hex(effect) if effect["has_key"] & KEYED else "",
            }

    def _read_unavailable(self, effects: Any) -> Iterator[EffectRecord]:
        for units, row, status, _stock, _pad in effects.tolist():
            yield {
                "kind": "unavailable",
                **self._level(row),
                "status": self.names[Section.STATUS_NAMES][status],
                "delta": units,
            }

    def _read_backorders(self, effects: Any) -> Iterator[EffectRecord]:
        for effect in effects:
            yield {
                "kind": "backorder",
                "reservation_id": self.reservations[int(effect["reservation"])],
                **self._level(int(effect["row"])),
                "delta": int(effect["change"]),
                "backordered": int(effect["units"]),
                "latest_supply_time": time_text(int(effect["latest_ns"])),
            }

    def _read_supplies(self, effects: Any) -> Iterator[EffectRecord]:
        for effect in effects:
            kind = "transfer" if effect["is_transfer"] else "supply"
            what = {"kind": kind, **self._level(int(effect["row"]))}
            what[f"{kind}_key"] = _key_hex(effect)
            what["incoming_delta"] = int(effect["incoming"])
            if effect["is_receipt"]:
                yield {**what, "received": int(effect["units"])}
                continue
            if effect["is_transfer"]:
                yield {**what, "sent": int(effect["units"])}
                continue
            expected = {"expected_time": time_text(int(effect["expected_ns"]))}
            yield {
                **what,
                "announced": int(effect["units"]),
                **(expected if effect["units"] else {}),
            }

    def _read_windows(self, effects: Any) -> Iterator[EffectRecord]:
        for window_ns, is_used in effects.tolist():
            yield {
                "kind": "history_window",
                "window_ms": window_ns // NS_PER_MS,
                "is_used": bool(is_used),
            }

    def _read_counts(self, effects: Any) -> Iterator[EffectRecord]:
        for as_of_ns, row, basis, *_pads in effects.tolist():
            yield {
                "kind": "counted",
                **self._level(row),
                "as_of": time_text(as_of_ns),
                "basis": CountBasis(basis).name,
            }

    def _read_posted(self, effects: Any) -> Iterator[EffectRecord]:
        for units, row, _pad in effects.tolist():
            yield {"kind": "posted", **self._level(row), "quantity": units}

    def _read_reversals(self, effects: Any) -> Iterator[EffectRecord]:
        for effect in effects:
            kind = int(effect["kind"])
            yield {
                "kind": _OF_REVERSALS[int(effect["what"])],
                **self._level(int(effect["row"])),
                "event": EventKind(kind).name if kind else "",
                "quantity": int(effect["quantity"]),
                "source": bytes(effect["source"]).decode(),
                "event_id": bytes(effect["event_id"]).decode(),
                "event_key": _key_hex(effect),
            }

    def _read_reopened(self, effects: Any) -> Iterator[EffectRecord]:
        for (number,) in effects.tolist():
            yield {"kind": "reopen", "reservation_id": self.reservations[number]}

    def _read_sources(self, effects: Any) -> Iterator[EffectRecord]:
        for effect in effects:
            policy = int(effect["unknown_skus"])
            yield {
                "kind": "source",
                "source": self.names[Section.SOURCE_NAMES][effect["source"]],
                "expected_interval_ms": int(effect["expected_interval_ms"]),
                "unknown_skus": UnknownSkus(policy).name if policy else "",
                "fallback": Fallback(int(effect["fallback"]) or Fallback.SELL_ON).name,
                "cap": int(effect["cap"]),
            }

    def _read_source_states(self, effects: Any) -> Iterator[EffectRecord]:
        for effect in effects:
            yield {
                "kind": "source_state",
                "source": self.names[Section.SOURCE_NAMES][effect["source"]],
                "state": SourceState(int(effect["state"])).name,
            }

    def _read_gaps(self, effects: Any) -> Iterator[EffectRecord]:
        for effect in effects:
            yield {
                "kind": _OF_NUMBERS[int(effect["kind"])],
                "source": self.names[Section.SOURCE_NAMES][effect["source"]],
                "first": int(effect["first"]),
                "last": int(effect["last"]),
            }

    def _read_resets(self, reasons: Iterator[str], effects: Any) -> Iterator[EffectRecord]:
        for effect in effects:
            yield {
                "kind": "source_reset",
                "source": self.names[Section.SOURCE_NAMES][effect["source"]],
                "last_sequence": int(effect["last_sequence"]),
                "reason": next(reasons, ""),
            }

    def _read_quarantines(self, effects: Any) -> Iterator[EffectRecord]:
        for row, is_quarantined, _pad in effects.tolist():
            yield {
                "kind": "quarantine",
                **self._level(row),
                "is_quarantined": bool(is_quarantined),
            }

    def _read_sku_quarantines(self, effects: Any) -> Iterator[EffectRecord]:
        for sku, source, is_quarantined, _pad in effects.tolist():
            yield {
                "kind": "sku_quarantine",
                "sku": self.names[Section.SKU_NAMES][sku],
                "source": self.names[Section.SOURCE_NAMES][source],
                "is_quarantined": bool(is_quarantined),
            }

    def _read_repairs(self, effects: Any) -> Iterator[EffectRecord]:
        for reserved, committed, withheld, row, _pad in effects.tolist():
            yield {
                "kind": "repair",
                **self._level(row),
                "reserved": reserved,
                "committed": committed,
                "unavailable": withheld,
            }

    def _read_requests(self, effects: Any) -> Iterator[EffectRecord]:
        for effect in effects:
            remainder = int(effect["remainder"])
            yield {
                "kind": "request",
                "verb": Verb(int(effect["verb"])).name,
                "request_key": _key_hex(effect),
                "remainder": Remainder(remainder).name if remainder else "",
            }

    def _read_seal(self, effects: Any) -> Iterator[EffectRecord]:
        for high, low in effects.tolist():
            yield {"kind": "seal", "digest": f"{high:016x}{low:016x}"}

    #: Readers of the kinds of effects that are records by themselves.
    _READERS: ClassVar[dict[Section, Callable[["ShardHistory", Any], Iterator[EffectRecord]]]] = {
        Section.LOCATIONS: _read_locations,
        Section.ENDED_SKUS: _read_ended,
        Section.SKU_RENAMES: _read_renames,
        Section.LEVELS: _read_levels,
        Section.LINKS: _read_links,
        Section.MOVES: _read_moves,
        Section.EXTENDS: _read_extends,
        Section.ENDS: _read_ends,
        Section.DROPS: _read_drops,
        Section.FORGETS: _read_forgets,
        Section.STOCK_PADDED: _read_stock,
        Section.STOCK_PLAIN: _read_stock,
        Section.STOCK: _read_stock,
        Section.UNAVAILABLE: _read_unavailable,
        Section.SUPPLIES: _read_supplies,
        Section.BACKORDERS: _read_backorders,
        Section.HISTORY_WINDOWS: _read_windows,
        Section.COUNTS: _read_counts,
        Section.POSTED: _read_posted,
        Section.REVERSALS: _read_reversals,
        Section.REOPENED: _read_reopened,
        Section.GAPS: _read_gaps,
        Section.SOURCES: _read_sources,
        Section.SOURCE_STATES: _read_source_states,
        Section.QUARANTINES: _read_quarantines,
        Section.SKU_QUARANTINES: _read_sku_quarantines,
        Section.REPAIRS: _read_repairs,
        Section.REQUESTS: _read_requests,
        Section.SEAL: _read_seal,
    }


def _key_hex(effect: Any) -> str:
    return f"{int(effect['key_hi']):016x}{int(effect['key_lo']):016x}"


def _reasons(sections: Sequence[tuple[Section, Any]]) -> Iterator[str]:
    """Why sources were reset, where a reason was given."""
    packed = (effects for section, effects in sections if section is Section.RESET_REASONS)
    return chain.from_iterable(map(unpack_names, packed))


def _texts(sections: Sequence[tuple[Section, Any]]) -> Iterator[str]:
    """The texts of an entry's reservations, in their order. Builds before docs/adr/0030 wrote them
    in another section.
    """
    of_ids = (Section.ID_TEXTS, Section.TEXT_BYTES)
    packed = (effects for section, effects in sections if section in of_ids)
    return chain.from_iterable(map(unpack_names, packed))
