"""Commands on SKUs in quarantine, and their outcomes."""

from dataclasses import dataclass
from typing import NamedTuple

from ..ids import Key


class QuarantinedSku(NamedTuple):
    """A SKU in quarantine: the source that began it, and when."""

    sku: str
    source: str
    since_ns: int


@dataclass(frozen=True, slots=True)
class ListQuarantinedSkus:
    """Read a page of SKUs in quarantine: at most `count` from `start` on."""

    start: int
    count: int


@dataclass(frozen=True, slots=True)
class QuarantinedSkusView:
    """The answer to ListQuarantinedSkus, of each shard in the order in which they began."""

    skus: tuple[QuarantinedSku, ...]
    next_start: int | None
    """Where the next page starts; None after the last."""


@dataclass(frozen=True, slots=True)
class SettleSku:
    """Admit a SKU that is in quarantine, so that its stock can be reserved, or discard it: it
    ends.
    """

    sku: str
    admits: bool
    reason: str
    actor: str
    request: Key | None = None


@dataclass(frozen=True, slots=True)
class SkuSettled:
    """The answer to SettleSku."""

    was_quarantined: bool
    """False for one that was not in quarantine, or is not any more: nothing was changed."""
    is_repeat: bool = False
