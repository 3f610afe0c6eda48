"""What messages of all services share: enums, times, revisions."""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from types import ModuleType
from typing import Any, Final, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from holdfast.core import commands as core
from holdfast.v1 import common_pb2 as common

from .validation import NS_PER_S

INT64_MAX: Final = 2**63 - 1

Member = TypeVar("Member", bound=IntEnum)


def wire_members(module: ModuleType, prefix: str, members: Iterable[Member]) -> dict[Member, Any]:
    """Map the members of an enum of the engine to those of the wire, by name; all must be there."""
    return {member: getattr(module, f"{prefix}_{member.name}") for member in members}


def set_time(timestamp: Timestamp, ns: int) -> None:
    timestamp.seconds, timestamp.nanos = divmod(ns, NS_PER_S)


def revision_to_message(revision: core.Revision) -> common.Revision:
    return common.Revision(shard=revision.shard, sequence=revision.sequence)


def revisions_to_messages(revisions: Sequence[core.Revision]) -> list[common.Revision]:
    return [revision_to_message(each) for each in revisions]
