"""Messages whose stock events are all plain and in good form, read column by column: an event takes
half as long so as by itself.

Any other message is left to stock_facts.py, which judges each event and names what is wrong.
"""

from functools import partial
from itertools import repeat
from operator import attrgetter
from typing import Any, Final

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from holdfast.core import commands as core
from holdfast.core.ids import event_key
from holdfast.core.model import EventKind
from holdfast.v1 import stock_service_pb2 as stock

from .fact_rules import SOURCE_SEQUENCE_MAX, is_event_quantity
from .name_rules import first_bad_name

_FIELD = descriptor_pb2.FieldDescriptorProto

#: The fields of a plain event.
_FIELDS: Final = ("event_id", "sequence", "sku", "location", "kind", "quantity")
_READ: Final = attrgetter(*_FIELDS)

#: The fields of a message around them.
_AROUND: Final = ("source", "events", "batch_id")

#: Kinds that plain events are of.
_KINDS: Final = {int(kind): kind for kind in EventKind if kind <= EventKind.COUNT}

#: An event from all its fields, in one call of C; and what a plain one has in the last of them.
_EVENT: Final = partial(tuple.__new__, core.StockEvent)
_NO_MORE: Final = tuple(core.StockEvent._field_defaults.values())


def _narrow_class() -> Any:
    """A message of events, on the wire the same as those of the service, to which everything else
    that an event may say is unknown.
    """
    file = descriptor_pb2.FileDescriptorProto(name="plain", package="plain", syntax="proto3")
    _add_narrow(file, stock.StockEvent, _FIELDS)
    _add_narrow(file, stock.RecordStockEventsStreamRequest, _AROUND)
    pool: Any = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("plain.RecordStockEventsStreamRequest"))


def _add_narrow(file: Any, message_class: Any, names: tuple[str, ...]) -> None:
    whole = descriptor_pb2.DescriptorProto()
    message_class.DESCRIPTOR.CopyToProto(whole)
    narrow = file.message_type.add(name=whole.name)
    narrow.field.extend(field for field in whole.field if field.name in names)
    for field in narrow.field:
        field.ClearField("options")
        if field.type == _FIELD.TYPE_ENUM:
            field.type = _FIELD.TYPE_INT32
            field.ClearField("type_name")
        if field.type == _FIELD.TYPE_MESSAGE:
            field.type_name = ".plain.StockEvent"


_NARROW: Final = _narrow_class()


def read_plain(request: Any) -> tuple[core.StockEvent, ...] | None:
    """The facts of a message, or None where one is not plain or not in good form."""
    narrow = _NARROW.FromString(request.SerializeToString())
    size = narrow.ByteSize()
    narrow.DiscardUnknownFields()
    if narrow.ByteSize() != size:
        return None
    columns = zip(*map(_READ, narrow.events), strict=True)
    ids, sequences, skus, locations, kinds, quantities = columns
    given = list(filter(None, ids))
    if (
        not all(map(any, zip(ids, sequences, strict=True)))
        or max(sequences) > SOURCE_SEQUENCE_MAX
        or not all(_can_be(*said) for said in set(zip(kinds, quantities, strict=True)))
        or any(first_bad_name(names) is not None for names in (skus, locations, given))
    ):
        return None
    keys = [event_key(request.source, each) if each else None for each in ids]
    said = keys, sequences, skus, locations, map(_KINDS.__getitem__, kinds), quantities
    return tuple(map(_EVENT, zip(*said, *map(repeat, _NO_MORE), strict=False)))


def _can_be(kind: int, quantity: int) -> bool:
    """Whether a plain event can be of this kind and quantity."""
    return kind in _KINDS and is_event_quantity(_KINDS[kind], quantity)
