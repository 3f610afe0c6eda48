"""A node that is stopped in good order starts again, whatever it was asked.

Orders, batches and facts of all kinds, and between them every method with a request made by chance:
most of these are in vain or refused, which must change nothing either. After each stop the
directory is verified; snapshots, and trims behind them, come between the lives.
"""

import asyncio
from collections import deque
from pathlib import Path
from random import Random
from typing import Any

import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from holdfast.edge.client import Client, methods
from holdfast.edge.client.methods import Method
from holdfast.persistence.verify import verify
from tests.edge.history.requests import PLACES, SKUS, Imagination
from tests.edge.history.traffic import Traffic, open_books
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.raw import Wire

LIVES = 6

#: A snapshot is made by a process of its own, which has to start first.
SNAPSHOT_S = 60.0

METHODS = [method for method in methods.UNARY_METHODS if method is not methods.DRAIN]

#: What a field of a text may hold, by its name; of any other, one of the last.
TEXTS = {
    "sku": SKUS[-6:],
    "new_sku": [*SKUS[-6:], "another name"],
    "into_sku": SKUS[-6:],
    "location": [*PLACES, "W3"],
    "reservation_id": ["by chance", "unknown", "caller 0/1"],
    "": ["by chance", "", "1"],
}


def made_by_chance(chance: Random, descriptor: Descriptor) -> Any:
    """A message with some of its fields, as deep as it goes."""
    message = message_factory.GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if chance.random() < 0.2:
            continue
        if field.is_repeated:
            values = [_value(chance, field) for _ in range(chance.randint(1, 2))]
            getattr(message, field.name).extend(values)
        elif field.message_type:
            getattr(message, field.name).CopyFrom(_value(chance, field))
        else:
            setattr(message, field.name, _value(chance, field))
    return message


def _value(chance: Random, field: FieldDescriptor) -> Any:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_MESSAGE:
            return made_by_chance(chance, field.message_type)
        case FieldDescriptor.CPPTYPE_ENUM:
            return chance.choice(field.enum_type.values).number
        case FieldDescriptor.CPPTYPE_BOOL:
            return chance.random() < 0.5
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            return chance.randbytes(16)
        case FieldDescriptor.CPPTYPE_STRING:
            return chance.choice(TEXTS.get(field.name, TEXTS[""]))
        case _:
            return chance.randint(1, 3)


def request_of(chance: Random, method: Method[Any]) -> Any:
    """A request of a method, made by chance."""
    service, name = method.name.split("/")
    file = method.response.DESCRIPTOR.file
    return made_by_chance(chance, file.services_by_name[service].methods_by_name[name].input_type)


async def live(node: NodeProcess, seed: int, rounds: int) -> None:
    """Several callers at once, and every method by turns."""
    chance = Random(seed)
    handles = await open_books(node, Traffic(node.target, 1))
    names = [f"life {seed} caller {number}" for number in range(4)]
    shared: Any = deque(maxlen=20)
    callers = [Imagination(name, Random(name), handles, shared) for name in names]
    async with Wire(node.target) as wire, Wire(node.admin_target) as admin:
        for number in range(rounds):
            thought_of = [caller.next() for caller in callers]
            asked = [
                wire.send_bytes(each.path, each.message.SerializeToString())
                for each in thought_of
                if not each.is_stream
            ]
            method = METHODS[number % len(METHODS)]
            of_operators = method.package == methods.ADMIN
            asked.append((admin if of_operators else wire).send(method, request_of(chance, method)))
            answers = await asyncio.gather(*asked)
            assert not {"UNAVAILABLE", "INTERNAL", "UNKNOWN"} & {each.code for each in answers}


async def snapshot(node: NodeProcess) -> None:
    """Write a snapshot, behind which the journal is trimmed."""
    async with Client(**node.targets, timeout_s=SNAPSHOT_S, own_connection=True) as client:
        await client.create_snapshot()


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_node_that_was_stopped_in_good_order_starts_again(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        for number in range(LIVES):
            await live(node, number, 3 * len(METHODS))
            if number % 3 != 2:
                await snapshot(node)
                await live(node, LIVES + number, len(METHODS))
            node.terminate()
            report = verify(node.data_dir)
            assert report.is_good, report.findings
            node.start()
        assert [] == node.complaints()
