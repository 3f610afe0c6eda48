"""Records as earlier builds wrote them are read."""

import json
from dataclasses import replace
from pathlib import Path

from holdfast.adapters.contract import Message
from holdfast.adapters.runtime import boxes
from holdfast.adapters.runtime.dead_letters import bury, dead_letters, replay
from holdfast.adapters.runtime.records import (
    Waiting,
    lane_key,
    pack_dead_letter,
    pack_waiting,
    read_waiting,
)
from holdfast.adapters.runtime.store import Store
from tests.adapters import letters

MESSAGE = Message(b"body")
LETTER = replace(letters.LETTER, number=1, message=MESSAGE, others=[], delivered=["ab"])
WAITING = Waiting(1, MESSAGE, "k", "c", replay_of=1, attempts=1, delivered=["ab"])


def earlier(record: bytes) -> bytes:
    """A record as it was while `delivered` was called `told`."""
    length = int.from_bytes(record[:4])
    head = json.loads(record[4 : 4 + length])
    head["told"] = head.pop("delivered")
    text = json.dumps(head, separators=(",", ":")).encode()
    return len(text).to_bytes(4) + text + record[4 + length :]


def test_a_dead_letter_of_an_earlier_build_is_listed_and_replayed_without_what_was_delivered(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path, 16 << 20)
    record = earlier(pack_dead_letter(LETTER))
    store.write_now(bury(LETTER))
    store.write_now(lambda tables: tables.dead_letters.put((1).to_bytes(8), record))

    with store.reading() as tables:
        assert [LETTER] == list(dead_letters(tables))
    assert store.write_now(lambda tables: replay(tables, 1))
    with store.reading() as tables:
        [(waiting, _)] = boxes.waiting(tables, boxes.INBOX, "tills")
    assert (["ab"], 1) == (waiting.delivered, waiting.replay_of)


def test_a_replayed_message_of_an_earlier_build_keeps_what_was_delivered() -> None:
    key = lane_key("tills", 1)
    for record in (pack_waiting(WAITING), earlier(pack_waiting(WAITING))):
        assert WAITING == read_waiting(key, record)
