"""A follower for tests, and the plain model that judges what it reports."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.core.model import State
from holdfast.persistence.codec import read_appends
from holdfast.persistence.data_directory import read_node_json
from holdfast.persistence.history import RecordFilter, effect_records
from holdfast.persistence.ledger.explain import Explanation
from holdfast.persistence.ledger.follower import Follower
from holdfast.persistence.lmdb.store import LmdbJournal
from holdfast.persistence.shard_history import EffectRecord

MAP_BYTES = 1 << 40


@contextmanager
def following(path: Path) -> Iterator[tuple[Follower, list[str]]]:
    """A follower that has caught up with a directory, and its messages until now."""
    directory = read_node_json(path)
    journal = LmdbJournal(directory.journal, MAP_BYTES, 0, read_only=True)
    messages: list[str] = []
    try:
        follower = Follower(directory, journal, messages.append)
        catch_up(follower)
        yield follower, messages
    finally:
        journal.close()


def catch_up(follower: Follower) -> None:
    while follower.step(1.0):
        pass


@dataclass
class PlainLevel:
    """A stock level as a dict would have it."""

    on_hand: int = 0
    withheld: int = 0
    unavailable: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    backordered: int = 0
    incoming: int = 0
    units: dict[State, dict[str, int]] = field(
        default_factory=lambda: {state: defaultdict(int) for state in State}
    )

    def live(self, state: State) -> dict[str, int]:
        return {name: quantity for name, quantity in self.units[state].items() if quantity}


class PlainLedger:
    """What a directory's records lead to, record by record, and all that each level ever was."""

    def __init__(self) -> None:
        self.levels: dict[tuple[str, str], PlainLevel] = {}
        self._promised_at: dict[tuple[str, str, str], PlainLevel] = {}

    def take(self, record: EffectRecord) -> None:
        match record["kind"]:
            case "level":
                self.levels[record["sku"], record["location"]] = PlainLevel()
            case "sku_ended":
                for name in [name for name in self.levels if name[0] == record["sku"]]:
                    del self.levels[name]
            case "reserve":
                for line in record["lines"]:
                    level = self.levels[line["sku"], line["location"]]
                    promise = record["reservation_id"], line["sku"], line["location"]
                    self._promised_at[promise] = level
                    level.units[State.HELD][record["reservation_id"]] += line["quantity"]
            case "move":
                # The level that it was reserved at: a SKU may have ended since, and begun again.
                promise = record["reservation_id"], record["sku"], record["location"]
                level = self._promised_at[promise]
                level.units[State[record["leaves"]]][record["reservation_id"]] -= record["quantity"]
                level.units[State[record["enters"]]][record["reservation_id"]] += record["quantity"]
                is_shipped = record["leaves"] != State.RETURNED.name
                if is_shipped and record["enters"] == State.FULFILLED.name:
                    level.on_hand -= record["quantity"]
            case "unavailable":
                level = self.levels[record["sku"], record["location"]]
                level.withheld += record["delta"]
                level.unavailable[record["status"]] += record["delta"]
            case "backorder":
                promise = record["reservation_id"], record["sku"], record["location"]
                level = self._promised_at[promise]
                level.withheld -= record["delta"]
                level.backordered += record["delta"]
            case "supply" | "transfer":
                level = self.levels[record["sku"], record["location"]]
                level.incoming += record["incoming_delta"]
            case "stock":
                self.levels[record["sku"], record["location"]].on_hand += record["delta"]


def records_of(follower: Follower) -> list[EffectRecord]:
    """Every effect of the history that a follower follows."""
    appends = read_appends(follower._history, 0, {})
    return list(effect_records(appends, RecordFilter()))


def parts_of(explanation: Explanation) -> PlainLevel:
    """The parts alone, added up."""
    level = PlainLevel(explanation.opening.quantity + explanation.earlier.quantity)
    level.on_hand += sum(event.after[0] - event.before[0] for event in explanation.events)
    for promise in explanation.held:
        level.units[State.HELD][promise.reservation_id] = promise.quantity
    for promise in explanation.committed:
        level.units[State.COMMITTED][promise.reservation_id] = promise.quantity
    return level


def expect(explanation: Explanation, level: PlainLevel) -> None:
    """The parts are the model's, and add up to what is explained."""
    parts = parts_of(explanation)
    held, committed = parts.live(State.HELD), parts.live(State.COMMITTED)
    assert level.on_hand == parts.on_hand
    assert level.live(State.HELD) == held
    assert level.live(State.COMMITTED) == committed
    totals = (parts.on_hand, sum(held.values()), sum(committed.values()), level.withheld)
    assert totals == explanation.last.after
    assert level.incoming == explanation.incoming
    assert level.backordered == explanation.backordered
    unavailable = {status: units for status, units in level.unavailable.items() if units}
    assert unavailable == explanation.unavailable
    assert level.withheld == sum(unavailable.values()) - level.backordered
