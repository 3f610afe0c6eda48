"""The journal in words: one line of English for each effect, for people."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from .shard_history import EffectRecord


def record_text(record: EffectRecord) -> str:
    """A record as a line: position, time, shard/sequence, and what is so from then on."""
    place = f"{record['position']:>8} {record['time']} {record['shard']}/{record['sequence']}"
    behalf = f", for {record['principal']}" if "principal" in record else ""
    if "correlation_id" in record:
        behalf += f", under {record['correlation_id']}"
    return f"{place:<44} {_SENTENCES[record['kind']](record)}{behalf}"


def _reserve_sentence(record: EffectRecord) -> str:
    lines = ", ".join(f"{each['quantity']:,} {_level(each)}" for each in record["lines"])
    hold = str(timedelta(milliseconds=record["hold_ms"])).removesuffix(", 0:00:00")
    owner = f", owner {record['owner']}" if "owner" in record else ""
    return f"{record['reservation_id']}: reserve {lines} for {hold}{owner}"


def _location_sentence(record: EffectRecord) -> str:
    state = "enabled" if record["enabled"] else "disabled"
    kind = record["location_kind"].lower()
    return f"location {record['location']}: {kind} {record['display_name']!r}, {state}"


def _stock_sentence(record: EffectRecord) -> str:
    number = f" #{record['source_sequence']}" if record["source_sequence"] else ""
    what = f"{record['event'].lower()} {record['delta']:+,}"
    return f"{what} {_level(record)}, from {record['source']}{number}{_details(record)}"


def _details(record: EffectRecord) -> str:
    """What a stock fact came with."""
    reference = " ".join(filter(None, record.get("reference", {}).values()))
    details = {
        "at": record.get("occur_time"),
        "of": reference,
        "by": record.get("actor"),
        "because:": record.get("reason"),
    }
    return "".join(f", {word} {text}" for word, text in details.items() if text)


def _move_sentence(record: EffectRecord) -> str:
    states = f"{record['leaves'].lower()} -> {record['enters'].lower()}"
    what = f"{record['quantity']:,} {_level(record)}"
    return f"{record['reservation_id']}: {what} {states}{_details(record)}"


def _event(record: EffectRecord) -> str:
    """The event that a reversal names."""
    what = f"{record['event'].lower()} {record['quantity']:,}"
    return f"{what} {_level(record)}, {record['event_id']} from {record['source']}"


def _supply_sentence(record: EffectRecord) -> str:
    place = f"{_level(record)}, supply {record['supply_key']}"
    if "received" in record:
        return f"{record['received']:,} have come of {place}"
    expected = f" for {record['expected_time']}" if "expected_time" in record else ""
    return f"{record['announced']:,} in all are announced{expected} of {place}"


def _fallback(record: EffectRecord) -> str:
    """What may be promised while a source is not current."""
    cap = f" at {record['cap']:,}" if record["fallback"] == "CAP" else ""
    return f"fallback {record['fallback'].lower().replace('_', ' ')}{cap}"


def _transfer_sentence(record: EffectRecord) -> str:
    place = f"{_level(record)}, transfer {record['transfer_key']}"
    if "received" in record:
        return f"{record['received']:,} have come of {place}"
    return f"{record['sent']:+,} are under way of {place}"


def _level(record: EffectRecord) -> str:
    return f"{record['sku']} at {record['location']}"


_SENTENCES: Final[dict[str, Callable[[EffectRecord], str]]] = {
    "name": lambda record: f"{record['of']} {record['number']} is {record['name']!r}",
    "location": _location_sentence,
    "sku_renamed": lambda record: f"sku {record['sku']} is called {record['name']} now",
    "sku_ended": lambda record: f"sku {record['sku']} ended",
    "level": lambda record: f"level {record['row']} is {_level(record)}",
    "reserve": _reserve_sentence,
    "link": lambda record: f"{record['reservation_id']}: goes on in shard {record['next_shard']}",
    "move": _move_sentence,
    "extend": lambda record: f"{record['reservation_id']}: held until {record['expire_time']}",
    "end": lambda record: f"{record['reservation_id']}: ended",
    "drop": lambda record: f"{record['reservation_id']}: its lines leave memory",
    "forget": lambda record: f"forget the oldest {record['ids']:,} ended ids",
    "stock": _stock_sentence,
    "unavailable": lambda record: (
        f"{record['status']} {record['delta']:+,} {_level(record)}, not for sale"
    ),
    "supply": _supply_sentence,
    "transfer": _transfer_sentence,
    "backorder": lambda record: (
        f"{_level(record)}: {record['backordered']:,} of {record['reservation_id']} backordered, "
        f"{record['delta']:+,}"
    ),
    "history_window": lambda record: (
        f"what happens at a level is kept for {timedelta(milliseconds=record['window_ms'])}"
        f"{', for counts to ask' if record['is_used'] else ', the newest of it'}"
    ),
    "counted": lambda record: (
        f"{_level(record)} was counted as of {record['as_of']}, {record['basis'].lower()}"
    ),
    "undo": lambda record: f"{_event(record)} is undone, or counts again",
    "await": lambda record: f"a reversal waits for {_event(record)}",
    "awaited_came": lambda record: (
        f"{_level(record)}: event {record['event_key']} came, for which a reversal waited"
    ),
    "reopen": lambda record: f"{record['reservation_id']}: has not ended any more",
    "posted": lambda record: f"{record['quantity']:,} {_level(record)} not unposted any more",
    "numbers_skipped": lambda record: (
        f"{record['source']} skipped #{record['first']} to #{record['last']}"
    ),
    "numbers_came": lambda record: (
        f"{record['source']}: #{record['first']} to #{record['last']} came after all"
    ),
    "numbers_begin": lambda record: (
        f"{record['source']}: nobody knows of numbers up to #{record['last']}"
    ),
    "source": lambda record: (
        f"{record['source']}: expected every {record['expected_interval_ms']:,} ms, unknown SKUs "
        f"{record['unknown_skus'].lower() or 'as the node is set'}, {_fallback(record)}"
    ),
    "source_state": lambda record: f"{record['source']} is {record['state'].lower()} from now on",
    "source_reset": lambda record: (
        f"{record['source']} counts on from {record['last_sequence']}{_details(record)}"
    ),
    "quarantine": lambda record: (
        f"{_level(record)} {'is in' if record['is_quarantined'] else 'leaves'} quarantine"
    ),
    "sku_quarantine": lambda record: (
        f"{record['sku']} begins in quarantine: nobody but {record['source']} knows it"
        if record["is_quarantined"]
        else f"{record['sku']} of {record['source']} is admitted{_details(record)}"
    ),
    "repair": lambda record: (
        f"{_level(record)} has {record['reserved']:,} reserved, {record['committed']:,} committed, "
        f"{record['unavailable']:,} unavailable{_details(record)}"
    ),
    "request": lambda record: f"remember {record['verb'].lower()} {record['request_key']}",
    "seal": lambda record: f"seal {record['digest']}",
}
