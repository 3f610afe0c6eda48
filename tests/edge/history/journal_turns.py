"""The journal of a node as the checker reads it: turns, and the effects of each by their ids.

It is read as `holdfast journal` prints it, from the archive and the journal after it. In a turn the
journal keeps the order of the effects of one shard and kind; how those of different kinds and
shards were interleaved is not recorded.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.persistence.archive.segments import History
from holdfast.persistence.codec import RecordedEntry, read_appends
from holdfast.persistence.data_directory import read_node_json
from holdfast.persistence.history import RecordFilter, effect_records
from holdfast.persistence.recovery import open_read_only
from tests.edge.history.asked_operations import Unit

#: Shard, and kind of effect.
Queue = tuple[int, str]


@dataclass(slots=True)
class Turn:
    """One append."""

    position: int
    now_ns: int = 0
    sequences: dict[int, int] = field(default_factory=dict)
    """By shard."""
    queues: dict[Queue, list[Unit]] = field(default_factory=dict)
    units: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """Units that came and went, by reservation, SKU, location and state."""
    expired: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Units by reservation, SKU and location."""

    def note(self, record: dict[str, Any]) -> None:
        """Add an effect."""
        match record:
            case {"kind": "reserve", "reservation_id": name, "lines": lines}:
                self._queue(record, ("reserve", name))
                for line in lines:
                    self.units[name, line["sku"], line["location"], "HELD"] += line["quantity"]
            case {"kind": "request", "verb": "UPDATE_LOCATION"}:
                pass  # of the catalogue, which is there before the first caller
            case {"kind": "request", "request_key": key}:
                self._queue(record, ("request", key))
            case {"kind": "stock", "event_key": str(key)} if key:
                self._queue(record, ("stock", key))
            case {"kind": "stock", "source": source, "source_sequence": number}:
                self._queue(record, ("stock", f"{source} {number}"))
            case {"kind": "move", "reservation_id": name, "enters": enters}:
                place = name, record["sku"], record["location"]
                self.units[*place, record["leaves"]] -= record["quantity"]
                self.units[*place, enters] += record["quantity"]
                if enters == "EXPIRED":
                    self.expired[place] += record["quantity"]
                else:
                    self._queue(record, ("move", f"{name} {enters}"))

    def _queue(self, record: dict[str, Any], unit: Unit) -> None:
        self.queues.setdefault((record["shard"], unit[0]), []).append(unit)


def read_turns(data_dir: Path) -> list[Turn]:
    """All that a directory's journal tells, from its first append on. Nobody may serve it."""
    directory = read_node_json(data_dir)
    turns: dict[int, Turn] = {}
    with open_read_only(directory) as (journal, _):
        appends = read_appends(History(directory, journal), 0, {})
        for record in effect_records(_noted(appends, turns), RecordFilter()):
            turns[record["position"]].note(record)
    return list(turns.values())


def _noted(
    appends: Iterable[tuple[int, list[RecordedEntry]]], turns: dict[int, Turn]
) -> Iterator[tuple[int, list[RecordedEntry]]]:
    for position, group in appends:
        sequences = {each.entry.shard: each.entry.sequence for each in group}
        turns[position] = Turn(position, group[0].entry.now_ns, sequences)
        yield position, group
