"""A small seeded life of a node, every turn of it in a journal: what these tests damage and replay.

It has a bit of everything that the journal can hold: reservations over several shards, by UUID and
by text, partial moves, extensions, remembered requests, stock facts, changes of status, returns and
goods issues of orders, counts of an instant, ended SKUs, expiry and seals.
"""

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import UUID

from holdfast.core.commands import (
    Command,
    DeleteSku,
    Extend,
    Line,
    Location,
    Move,
    RecordStockEvents,
    Reference,
    Reserve,
    Reversed,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.commands.stock import RESERVATION, SUPPLY, TRANSFER
from holdfast.core.ids import Key, key_from_parts, key_from_text, text_from_key
from holdfast.core.limits import RETENTION_NS
from holdfast.core.model import CountBasis, EventKind, LocationKind, Remainder, Verb
from holdfast.core.node import Node
from holdfast.core.tables import state_bytes
from holdfast.core.tables.effects import Entry
from holdfast.persistence.data_directory import DataDirectory, read_node_json
from holdfast.persistence.lmdb.pages import iterate_values
from holdfast.persistence.recovery import Recovered, empty_node, recover
from holdfast.persistence.snapshots import file as snapshots
from holdfast.persistence.snapshots.file import Snapshot, write_snapshot
from tests.persistence.journals import MAP_BYTES, JournalWriter

SHARDS = 4
RESERVE_BYTES = 1 << 20
NS_PER_S = 1_000_000_000

SKUS = [f"sku-{number}" for number in range(12)]
PLACES = ["store-1", "store-2", "warehouse"]
VERBS = (Verb.COMMIT, Verb.COMMIT, Verb.FULFILL, Verb.RELEASE, Verb.CANCEL)


class Nobody:
    """A caller who waits for ever and never looks."""

    def cancelled(self) -> bool:
        return False


class Writer(Protocol):
    """Where turns go."""

    @property
    def position(self) -> int: ...

    def append(self, entries: Sequence[Entry], /) -> object: ...


@dataclass(slots=True)
class Life:
    """A node, where its turns go, and the chance that moves it."""

    node: Node
    journal: Writer
    rng: random.Random
    made: list[Reserve] = field(default_factory=list)
    sent: list[tuple[str, StockEvent]] = field(default_factory=list)
    """Events with their sources."""

    def __post_init__(self) -> None:
        self.node.history_window_ns = RETENTION_NS

    def live(self, turns: int, seal_every: int = 10) -> None:
        """Let so many turns pass, each of which changes something, and seal some of them."""
        if not self.node.now_ns:
            self.turn(self.opening())
        done = 0
        while done < turns:
            commands = [self.command() for _ in range(self.rng.choice((1, 1, 2, 3, 20)))]
            if self.turn(commands):
                done += 1
                if done % seal_every == 0:
                    self.journal.append(self.node.seal())

    def turn(self, commands: list[Command]) -> bool:
        """Run one turn and say whether it changed anything."""
        for command in commands:
            # Drawn without chance, so that what a seed leads to stays what it was.
            correlation = f"call {len(self.made) % 7}" if len(self.made) % 2 else ""
            assert self.node.post(command, Nobody(), correlation=correlation)
        turn = self.node.turn(self.node.now_ns + self.rng.randrange(NS_PER_S))
        if turn.entries:
            self.journal.append(turn.entries)
        return bool(turn.entries)

    def places(self) -> list[Command]:
        return [
            UpdateLocation(Location(name, LocationKind.STORE, name.title(), enabled=True))
            for name in PLACES
        ]

    def opening(self) -> list[Command]:
        stock = tuple(self.event(sku) for sku in SKUS * 3)
        return [*self.places(), RecordStockEvents("erp", stock)]

    def command(self) -> Command:
        make = self.rng.choices(
            (
                *(self.reserve, self.move, self.extend, self.stock),
                *(self.change, self.reversal, self.delete),
            ),
            (8, 6, 2, 2, 1, 0.5, 0.2),
        )[0]
        return make()

    def reserve(self) -> Reserve:
        bits = self.rng.getrandbits(128)
        id_text = self.rng.choice((str(UUID(int=bits)), f"order {bits % 10**6}"))
        levels = {(self.rng.choice(SKUS), self.rng.choice(PLACES)) for _ in range(3)}
        lines = tuple(Line(*level, self.rng.randint(1, 3)) for level in sorted(levels))
        owner = f"customer {len(self.made) % 5}" if len(self.made) % 3 == 0 else ""
        hold_ms = self.rng.randint(1_000, 30_000)
        self.made.append(Reserve(key_from_text(id_text), lines, hold_ms, owner))
        return self.made[-1]

    def move(self) -> Command:
        made = self.some_reservation()
        line = self.rng.choice(made.lines)._replace(quantity=1)
        lines, remainder = self.rng.choice(
            ((None, Remainder.GIVE_BACK), ((line,), Remainder.KEEP), ((line,), Remainder.GIVE_BACK))
        )
        return Move(self.rng.choice(VERBS), made.key, self.request(), lines, remainder)

    def extend(self) -> Command:
        return Extend(self.some_reservation().key, self.request(), 60_000)

    def some_reservation(self) -> Reserve:
        """One of the last, which is likely to be alive."""
        return self.rng.choice(self.made[-20:]) if self.made else self.reserve()

    def request(self) -> Key | None:
        return self.rng.choice((None, key_from_parts("id", str(self.rng.random()))))

    def stock(self) -> Command:
        events = tuple(self.event(self.rng.choice(SKUS)) for _ in range(self.rng.randint(1, 4)))
        source = self.rng.choice(("erp", "till"))
        self.sent += ((source, event) for event in events)
        return RecordStockEvents(source, events)

    def change(self) -> Command:
        """A fact that changes a status, an order or supply, or a count of some instant."""
        order = self.some_reservation()
        line = self.rng.choice(order.lines)
        name = order.key.text or text_from_key(order.key.hi, order.key.lo)
        named = Reference(RESERVATION, name, "")
        coming = Reference(SUPPLY, f"order {self.rng.randrange(9)}", self.rng.choice(("", "1")))
        moved = Reference(TRANSFER, f"move {self.rng.randrange(9)}", "")
        sent = {
            "to_location": self.rng.choice(PLACES),
            "takes_promised": self.rng.random() < 0.5,
        }
        at_ns = max(0, self.node.now_ns - self.rng.randrange(60 * NS_PER_S))
        kind, fields = self.rng.choice(
            (
                (EventKind.STATUS_CHANGE, {"to_status": "damaged"}),
                (EventKind.STATUS_CHANGE, {"from_status": "damaged", "to_status": "inspect"}),
                (EventKind.RECEIPT, {"to_status": "quarantined"}),
                (EventKind.SALE, {"from_status": "damaged"}),
                (EventKind.RETURN, {"reference": named, "to_status": "inspect"}),
                (EventKind.GOODS_ISSUE, {"reference": named, "occur_time_ns": at_ns}),
                (EventKind.COUNT, {"basis": CountBasis.BOOKS, "occur_time_ns": at_ns}),
                (EventKind.COUNT, {"occur_time_ns": at_ns}),
                (EventKind.SHIPMENT_REVERSAL, {"reference": named}),
                (EventKind.SUPPLY, {"reference": coming, "expected_ns": at_ns}),
                (EventKind.RECEIPT, {"reference": coming}),
                (EventKind.TRANSFER_DISPATCH, {"reference": moved, **sent}),
                (EventKind.TRANSFER_ADJUSTMENT, {"reference": moved}),
                (EventKind.RECEIPT, {"reference": moved}),
            )
        )
        event = self.event(line.sku)._replace(location=line.location, kind=kind, quantity=1)
        if kind is EventKind.SUPPLY:
            event = event._replace(quantity=self.rng.randint(0, 9))
        return RecordStockEvents("erp", (event._replace(**fields),))

    def reversal(self) -> Command:
        """The reversal of one of the last events, or of one that is still to come."""
        source, event = self.rng.choice(self.sent[-21:] or [("erp", self.event(SKUS[0]))])
        assert event.key is not None
        named = Reversed(source, event.key.text or "", event.key, event.kind)
        key = key_from_parts("event", str(self.rng.random()))
        undone = event._replace(key=key, kind=EventKind.REVERSAL, reverses=named)
        self.sent.append((source, undone))
        return RecordStockEvents(source, (undone,))

    def event(self, sku: str) -> StockEvent:
        key = key_from_parts("event", str(self.rng.random()))
        place = self.rng.choice(PLACES)
        return StockEvent(key, 0, sku, place, EventKind.RECEIPT, self.rng.randint(5, 50))

    def delete(self) -> Command:
        return DeleteSku(self.rng.choice(SKUS))


def reopen(path: Path, shard_count: int = SHARDS) -> Recovered:
    """Recover a data directory as a node does."""
    return recover(path, shard_count, MAP_BYTES, RESERVE_BYTES, empty_node)


def close(recovered: Recovered) -> None:
    """End as a node does, but for the seal."""
    recovered.close()


def life_of(recovered: Recovered, rng: random.Random, before: Life | None = None) -> Life:
    """Go on with what was recovered, in this process, as the life before it would."""
    writer = JournalWriter(recovered.journal, recovered.chain, recovered.epoch)
    life = Life(recovered.node, writer, rng)
    if before is not None:
        life.made, life.sent = before.made, before.sent
    return life


def live_on(
    path: Path, turns: int, seed: int, seal_every: int = 10, shard_count: int = SHARDS
) -> str:
    """Open a directory, let time pass, close it, and return the state hash that must come back."""
    recovered = reopen(path, shard_count)
    life_of(recovered, random.Random(seed)).live(turns, seal_every)
    close(recovered)
    return recovered.node.state_hash()


def snapshot_of(path: Path, shard_count: int = SHARDS) -> Path:
    """Write a snapshot of a directory that nobody serves."""
    return write_snapshot(*read_back(path, shard_count))


def read_back(path: Path, shard_count: int = SHARDS) -> tuple[DataDirectory, Snapshot]:
    """The state of a directory that nobody serves, as a snapshot holds it."""
    recovered = reopen(path, shard_count)
    close(recovered)
    parts = (recovered.journal.position, recovered.epoch - 1, recovered.chain)
    return recovered.directory, Snapshot(recovered.node, *parts)


def snapshot_paths(path: Path) -> list[Path]:
    """The snapshots of a directory, newest first."""
    return snapshots.snapshot_paths(read_node_json(path))


def full_replay(path: Path) -> Node:
    """The state without any help of a snapshot."""
    alone = path.with_name("alone")
    shutil.copytree(path, alone)
    shutil.rmtree(alone / "snapshots")
    recovered = reopen(alone)
    close(recovered)
    assert 0 == recovered.snapshot_position
    return recovered.node


def digests(node: Node) -> list[tuple[int, int]]:
    """The exact state, shard by shard."""
    return [state_bytes.digest(shard) for shard in node.shards]


def flip(data: bytes, bit: int) -> bytes:
    """Turn one bit over."""
    damaged = bytearray(data)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def flip_in_last_value(journal: Path) -> None:
    """Turn a bit over in the last append, where the structure of the file does not show it."""
    *_, (_, offset, _) = iterate_values(journal)
    journal.write_bytes(flip(journal.read_bytes(), 8 * (offset + 40)))
