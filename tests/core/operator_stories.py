"""The part of a story that operators decide; see storyteller.py."""

from typing import TYPE_CHECKING

from holdfast.core.commands import (
    SOURCE_FIELDS,
    Command,
    ForceRelease,
    ListQuarantinedSkus,
    ResetSource,
    SettleSku,
    Source,
    UpdateSource,
)
from holdfast.core.ids import request_key, sku_request_key, source_request_key
from holdfast.core.model import Fallback, UnknownSkus
from tests.model_reservations import key_text

if TYPE_CHECKING:
    from tests.core.storyteller import Storyteller


def force(teller: "Storyteller") -> Command:
    key, reason = teller.key(), teller.rng.choice(("a story", "a story", "another"))
    request = request_key(key_text(key), "forced") if teller.is_one_in(2) else None
    return ForceRelease(key, reason, "its teller", request)


def reset(teller: "Storyteller") -> Command:
    name, last = teller.rng.choice(("erp", "pos", "?")), teller.rng.choice((0, 0, 4))
    key = source_request_key(name, "reset") if teller.is_one_in(2) else None
    return ResetSource(name, last, "", key)


def update_source(teller: "Storyteller") -> Command:
    rng = teller.rng
    policy = rng.choice((None, *UnknownSkus))
    name = rng.choice(("erp", "pos", "wms"))
    fallback, cap = rng.choice(list(Fallback)), rng.randrange(4)
    interval_ms = rng.choice((0, 1_000, 60_000))
    source = Source(name, interval_ms, policy, fallback, cap)
    fields = tuple(rng.sample(SOURCE_FIELDS, rng.randint(0, len(SOURCE_FIELDS))))
    key = source_request_key(name, rng.choice("xyz")) if teller.is_one_in(2) else None
    return UpdateSource(source, fields, teller.is_one_in(2), key)


def settle(teller: "Storyteller") -> Command:
    """Look at quarantine, or decide on a SKU that may be there."""
    if teller.is_one_in(3):
        return ListQuarantinedSkus(0, 100)
    sku = teller.a_sku()
    key = sku_request_key(sku, teller.rng.choice("ab")) if teller.is_one_in(2) else None
    return SettleSku(sku, teller.is_one_in(2), "looked at", "Zoë", key)
