"""What every adapter has to withstand, tried on samples of what its partner sends.

    for finding in findings(ADAPTER, samples, ADAPTER.options()):
        print(finding)

Rules of this file: it needs an adapter and samples, and no server. Chance comes from a seed, so
that what failed once can be made to fail again. What needs a process (kills, a core or a partner
that is away) is proved for the runtime once, in tests/adapters/runtime.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Final

from .contract import KEY_BYTES_MAX, Adapter, Message, Undecodable
from .damage import DAMAGES
from .events import Event, OrderEvent, StockFact, time_without_zone
from .intake import cloudevents
from .intake.fields import ID_BYTES_MAX

#: Damaged copies of each sample, of each kind of damage.
DAMAGED_COPIES: Final = 40

#: Seconds of a processor in which a sample has to be decoded, damaged or not, and for each MiB.
DECODE_S: Final = 1.0
DECODE_S_A_MIB: Final = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and with which sample."""

    check: str
    sample: str
    text: str

    def __str__(self) -> str:
        return f"{self.check}: {self.sample}: {self.text}"


@dataclass(frozen=True, slots=True)
class Sample:
    """A message that a partner sends, under a name for the report."""

    name: str
    message: Message


def read_samples(folder: Path) -> list[Sample]:
    """The samples in a folder: a file is a body, and FILE.attributes.json what came beside it.

    Raises OSError, and ValueError for attributes that are not a JSON object.
    """
    samples = []
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.endswith(_ATTRIBUTES):
            continue
        beside = path.with_name(path.name + _ATTRIBUTES)
        attributes = json.loads(beside.read_bytes()) if beside.exists() else {}
        if not isinstance(attributes, dict):
            raise ValueError(f"{beside} holds no JSON object")
        samples.append(Sample(path.name, Message(path.read_bytes(), attributes)))
    return samples


def findings(
    adapter: Adapter, samples: Sequence[Sample], options: Any, seed: int = 0
) -> Iterator[Finding]:
    """What an adapter does not withstand; nothing when it conforms."""
    if not samples:
        yield Finding("samples", "-", "there are none: nothing was tried")
    chance = Random(seed)  # noqa: S311 - it has to repeat, not to be secret
    for sample in samples:
        yield from _of_sample(adapter, sample, options)
        for check, damage in DAMAGES.items():
            for number in range(DAMAGED_COPIES):
                body = damage(sample.message.body, chance)
                damaged = replace(sample.message, body=body)
                name = f"{sample.name}, copy {number}"
                yield from _stands(check, adapter, Sample(name, damaged), options)
    yield from _apart(adapter, samples, options)


def _of_sample(adapter: Adapter, sample: Sample, options: Any) -> Iterator[Finding]:
    """A sample by itself: keys, repeats, ids, times, and the canonical form."""
    found = list(_stands("samples decode", adapter, sample, options))
    if found:
        yield from found
        return
    try:
        decoded, key = _decode(adapter, sample.message, options), adapter.key(sample.message)
    except Undecodable as error:
        yield Finding("samples decode", sample.name, str(error))
        return
    for each in decoded:
        if isinstance(each, Undecodable):
            yield Finding("samples decode", sample.name, str(each))
    again = _decode(adapter, sample.message, options)
    if [_shown(each) for each in decoded] != [_shown(each) for each in again]:
        yield Finding("repeats are the same", sample.name, "two decodings differ")
    if key != adapter.key(sample.message):
        yield Finding("keys are stable", sample.name, "two keys differ")
    if not key or len(key.encode()) > KEY_BYTES_MAX:
        yield Finding("keys are stable", sample.name, f"its key {key!r} has no or too many bytes")
    events = [each for each in decoded if isinstance(each, Event)]
    for number, times in Counter((each.source, each.id) for each in events).items():
        if times > 1:
            text = f"{times} events of {number[0]!r} have the id {number[1]!r}"
            yield Finding("ids tell events apart", sample.name, text)
    for each in events:
        yield from _of_event(each, sample.name)


def _of_event(event: Event, sample: str) -> Iterator[Finding]:
    for name in ("source", "id"):
        value = getattr(event, name)
        if not 0 < len(value.encode()) <= ID_BYTES_MAX:
            yield Finding("names fit", sample, f"{name} {value!r} has no or too many bytes")
    if name := time_without_zone(event):
        yield Finding("times have zones", sample, f"{event.id}: {name} {getattr(event, name)}")
    if isinstance(event, StockFact) and not (event.sku and event.location):
        yield Finding("names fit", sample, f"{event.id} has no SKU or location")
    if isinstance(event, OrderEvent) and not event.order:
        yield Finding("names fit", sample, f"{event.id} names no order")
    try:
        if cloudevents.from_json(cloudevents.to_json(event)) != event:
            yield Finding("events are canonical", sample, f"{event.id} changes as a CloudEvent")
    except Undecodable as error:
        yield Finding("events are canonical", sample, f"{event.id}: {error}")


def _apart(adapter: Adapter, samples: Sequence[Sample], options: Any) -> Iterator[Finding]:
    """Samples beside each other: different messages have different keys and ids."""
    keys: dict[str, Sample] = {}
    events: dict[tuple[str, str], tuple[str, Event]] = {}
    for sample, key, decoded in _decodable(adapter, samples, options):
        other = keys.setdefault(key, sample)
        if other.message.body != sample.message.body:
            text = f"it has the key {key!r} of {other.name}, and other content"
            yield Finding("keys tell messages apart", sample.name, text)
        for event in decoded:
            name, known = events.setdefault((event.source, event.id), (sample.name, event))
            if known != event:
                text = f"the event {event.id!r} has other content in {name}"
                yield Finding("ids tell events apart", sample.name, text)


def _decodable(
    adapter: Adapter, samples: Sequence[Sample], options: Any
) -> Iterator[tuple[Sample, str, list[Event]]]:
    """The samples that are decoded, with key and events; the others are reported by themselves."""
    for sample in samples:
        if not list(_stands("", adapter, sample, options)):
            with suppress(Undecodable):
                key, decoded = (
                    adapter.key(sample.message),
                    _decode(adapter, sample.message, options),
                )
                yield sample, key, [each for each in decoded if isinstance(each, Event)]


def _stands(check: str, adapter: Adapter, sample: Sample, options: Any) -> Iterator[Finding]:
    """Whether a message is decoded, or refused as it should be, in time."""
    started = time.thread_time()
    for part in (adapter.key, lambda message: _decode(adapter, message, options)):
        try:
            part(sample.message)
        except Undecodable as error:
            if not error.field or not error.expected:
                text = f"its Undecodable names no field, or not what would be right: {error}"
                yield Finding(check, sample.name, text)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - this is what is looked for
            yield Finding(check, sample.name, f"raises {error!r}, not Undecodable")
    took_s = time.thread_time() - started
    if took_s > DECODE_S + DECODE_S_A_MIB * len(sample.message.body) / (1 << 20):
        yield Finding("decoding takes little", sample.name, f"{took_s:.1f} s")


def _decode(adapter: Adapter, message: Message, options: Any) -> list[Any]:
    return list(adapter.decode(message, options))


def _shown(decoded: object) -> str:
    """An event as it compares: an error is equal to itself alone."""
    return repr(decoded)


_ATTRIBUTES: Final = ".attributes.json"
