"""Dead letters: what was not delivered, and why.

Rules of this file: nothing here is lost by itself. A dead letter is replayed, which puts it into
its inbox again, or discarded with a reason, and then kept for the record.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from holdfast.edge.client import HoldfastError

from ..contract import Message, Undecodable
from ..events import Event
from ..intake import cloudevents
from . import boxes
from .contained import failure_text
from .facts import Dead
from .records import DeadLetter, Waiting, fingerprint, iso, pack_dead_letter, read_dead_letter
from .store import Tables

#: Reason of a dead letter whose adapter raised something else than Undecodable.
DEFECT: Final = "DEFECT"
UNDECODABLE: Final = "UNDECODABLE"

#: How many errors are reported of one message that has many.
OTHERS_MAX: Final = 50


def message_letter(
    adapter: str,
    waiting: Waiting,
    errors: Sequence[Exception],
    taken: Sequence[Event],
    now: datetime,
) -> DeadLetter:
    """The dead letter of a message that could not be decoded, or not all of it: `taken` is what
    could, which its replay leaves out. The core knows events again for 7 days, and a letter lies
    for longer.
    """
    first = errors[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    if isinstance(first, Undecodable):
        dead = Dead(UNDECODABLE, f"{first}{more}", first.field, first.value)
    else:
        dead = Dead(DEFECT, f"{failure_text(first)}{more}")
    letter = letter_of(adapter, waiting, waiting.message, "decode", dead, now)
    others = [str(error) for error in errors[1:OTHERS_MAX]]
    return replace(
        letter,
        number=waiting.replay_of,
        is_event=waiting.is_event,
        others=others,
        delivered=[*waiting.delivered, *map(fingerprint, taken)],
    )


def event_letter(
    adapter: str, waiting: Waiting, event: Event, stage: str, dead: Dead, now: datetime
) -> DeadLetter:
    """The dead letter of an event that was not mapped, or that the core did not take."""
    attributes = {"content-type": cloudevents.STRUCTURED}
    message = Message(cloudevents.to_json(event), attributes, waiting.message.received)
    letter = letter_of(adapter, waiting, message, stage, dead, now)
    # A message that is replayed may leave several of them, and they are new.
    number = waiting.replay_of if waiting.is_event else 0
    return replace(letter, number=number, is_event=True)


def bury(letter: DeadLetter) -> Callable[[Tables], None]:
    """The change that keeps a dead letter. One that was replayed gets its number again."""

    def change(tables: Tables) -> None:
        number = letter.number or tables.next_number(b"dead_letter")
        boxes.count(tables, boxes.DEAD_LETTERS, letter.adapter, 1)
        _put(tables, replace(letter, number=number))

    return change


def _put(tables: Tables, letter: DeadLetter) -> None:
    tables.dead_letters.put(letter.number.to_bytes(8), pack_dead_letter(letter))


def dead_letters(tables: Tables, after: int = 0) -> Iterator[DeadLetter]:
    """All dead letters after a number, oldest first."""
    for _, record in tables.dead_letters.entries(after=after.to_bytes(8) if after else b""):
        yield read_dead_letter(record)


def newest_letters(tables: Tables) -> Iterator[DeadLetter]:
    """All dead letters, newest first."""
    return map(read_dead_letter, tables.dead_letters.newest())


def dead_letter(tables: Tables, number: int) -> DeadLetter | None:
    """The dead letter of a number."""
    record = tables.dead_letters.get(number.to_bytes(8))
    return None if record is None else read_dead_letter(record)


def replay(tables: Tables, number: int) -> int:
    """Put a dead letter, as it is now, into its inbox or outbox again, after what waits, and
    return its number there; 0 if it is gone.
    """
    letter = dead_letter(tables, number)
    if letter is None:
        return 0  # somebody else has
    tables.dead_letters.delete(letter.number.to_bytes(8))
    if not letter.discarded:
        boxes.count(tables, boxes.DEAD_LETTERS, letter.adapter, -1)
    number = boxes.new_number(tables)
    waiting = Waiting(
        number,
        letter.message,
        letter.key,
        letter.correlation_id,
        replay_of=letter.number,
        attempts=letter.attempts,
        is_event=letter.is_event,
        delivered=letter.delivered,
    )
    box = boxes.OUTBOX if letter.stage == "outbound" else boxes.INBOX
    boxes.put(tables, box, letter.adapter, waiting)
    return number


def edit(tables: Tables, letter: DeadLetter, body: bytes) -> bool:
    """Change the content of a dead letter, to be replayed; False if it is gone."""
    known = dead_letter(tables, letter.number)
    if known is None:
        return False
    _put(tables, replace(known, message=replace(known.message, body=body)))
    return True


def discard(tables: Tables, letter: DeadLetter, reason: str) -> bool:
    """Mark a dead letter as one that nobody needs; False if it is gone."""
    known = dead_letter(tables, letter.number)
    if known is None:
        return False
    if not known.discarded:
        boxes.count(tables, boxes.DEAD_LETTERS, known.adapter, -1)
    _put(tables, replace(known, discarded=reason))
    return True


def letter_of(
    adapter: str, waiting: Waiting, message: Message, stage: str, dead: Dead, now: datetime
) -> DeadLetter:
    """A new dead letter of something that waited."""
    return DeadLetter(
        number=0,
        adapter=adapter,
        stage=stage,
        reason=dead.reason,
        text=dead.text,
        field=dead.field,
        value=dead.value,
        is_event=False,
        key=waiting.key,
        correlation_id=waiting.correlation_id,
        failed=iso(now),
        message=message,
        attempts=waiting.attempts + 1,
    )


def dead_of(error: HoldfastError) -> Dead:
    """What an error that time does not heal says of a dead letter."""
    reason = error.reason or error.code.name
    field, value = error.metadata.get("field", ""), error.metadata.get("value", "")
    return Dead(reason, error.message, field, value)


def unfit(error: Exception) -> Dead:
    """What an event that no message to the core can hold says of a dead letter."""
    if isinstance(error, Undecodable):
        return Dead("UNFIT", str(error), error.field, error.value)
    return Dead(DEFECT, f"the event cannot be sent: {error!r}")
