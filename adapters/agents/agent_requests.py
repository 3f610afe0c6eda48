"""What is asked for an agent: the lines of a checkout, in the shapes of UCP and ACP; and by whom.

Sources: UCP 2026-04-08, Checkout capability (`line_items`, each with `item.id` and `quantity`); ACP
2026-04-17, openapi.agentic_checkout.yaml (`items`, each with `id` and `quantity`); Stripe, "Set up
hooks" (v1.delegated_checkout.finalize_checkout) and "Verify webhook signatures manually".

Rules of this file: pure. A wrong field is an error that names it, with its path as RFC 9535 has it.
"""

import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ..contract import Undecodable, Unverified
from ..intake import fields

LINES_MAX: Final = 100
UNITS_MAX: Final = 1_000_000
ID_CHARACTERS_MAX: Final = 64
#: Seconds that a signature of Stripe's holds for, before and after its time.
SIGNATURE_S: Final = 300.0

_is_id: Final = re.compile(r"[A-Za-z0-9._:-]+").fullmatch


class Wanted(NamedTuple):
    """What a line of a checkout asks for, in the caller's names."""

    item: str
    quantity: int
    location: str
    path: str
    """Where it stands in the request: "$.line_items[0]"."""


def wanted(document: object) -> list[Wanted]:
    """The lines of a checkout. Raises Undecodable."""
    body = fields.mapping(document, "$")
    name = "items" if "items" in body else "line_items"
    lines = fields.array(body.get(name), f"$.{name}", LINES_MAX)
    if not lines:
        raise Undecodable(f"$.{name}", lines, "a line at least")
    return [_line(each, f"$.{name}[{at}]") for at, each in enumerate(lines)]


def _line(value: object, path: str) -> Wanted:
    line = fields.mapping(value, path)
    item, where = line.get("id"), f"{path}.id"
    if "item" in line:  # UCP; the line has an id of its own beside it
        item, where = fields.mapping(line["item"], f"{path}.item").get("id"), f"{path}.item.id"
    return Wanted(
        fields.text(item, where),
        fields.whole(line.get("quantity"), f"{path}.quantity", 1, UNITS_MAX),
        fields.any_text(line.get("location", ""), f"{path}.location"),
        path,
    )


def hold_id(value: object, field: str) -> str:
    """The id of a hold, which the caller chooses: its session. Raises Undecodable."""
    found = fields.text(value, field, ID_CHARACTERS_MAX)
    if not _is_id(found):
        raise Undecodable(field, value, "letters, digits and . _ : -")
    return found


# Who asks


def check_token(given: str, tokens: Sequence[str]) -> None:
    """Raises Unverified unless a header has one of the tokens."""
    scheme, _, token = given.partition(" ")
    found = token.strip().encode(errors="surrogatepass")
    is_known = any(hmac.compare_digest(found, each.encode()) for each in tokens)
    if scheme.lower() != "bearer" or not is_known:
        raise Unverified("authorization is not Bearer with a token of this hook")


def check_signature(body: bytes, given: str, secrets: Sequence[str], now_s: float) -> None:
    """Raises Unverified unless Stripe signed a body within the last minutes. The header has a time
    and signatures by several secrets while one is changed: "t=1790000000,v1=...,v1=...".
    """
    parts = [part.partition("=")[::2] for part in given.split(",")]
    times = [value for name, value in parts if name == "t"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit() and len(times[0]) < 12):
        raise Unverified("stripe-signature has no time t")
    if abs(now_s - int(times[0])) > SIGNATURE_S:
        raise Unverified("stripe-signature is of another time")
    signed = f"{times[0]}.".encode() + body
    right = [hmac.new(each.encode(), signed, "sha256").hexdigest() for each in secrets]
    signatures = [value for name, value in parts if name == "v1"]
    if not any(
        hmac.compare_digest(one.encode(), each.encode()) for one in signatures for each in right
    ):
        raise Unverified("stripe-signature is the signature of something else")


# Stripe


class Approval(NamedTuple):
    """A purchase that Stripe asks to be approved."""

    session: str
    lines: list[Wanted]


APPROVAL_TYPE: Final = "v1.delegated_checkout.finalize_checkout"


def approval(document: object) -> Approval:
    """What Stripe wants approved: its session, or its event where it names none, and the lines.
    Raises Undecodable.
    """
    body = fields.mapping(document, "$")
    if body.get("type") != APPROVAL_TYPE:
        raise Undecodable("$.type", body.get("type"), APPROVAL_TYPE)
    data = fields.mapping(body.get("data"), "$.data")
    name = "line_items_details" if "line_items_details" in data else "line_item_details"
    lines = fields.array(data.get(name), f"$.data.{name}", LINES_MAX)
    if not lines:
        raise Undecodable(f"$.data.{name}", lines, "a line at least")
    return Approval(_session(body, data), list(_stripe_lines(lines, f"$.data.{name}")))


def _session(body: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    if data.get("checkout_session") is not None:
        return hold_id(data["checkout_session"], "$.data.checkout_session")
    return hold_id(body.get("id"), "$.id")


def _stripe_lines(lines: Sequence[Any], path: str) -> Iterator[Wanted]:
    for at, each in enumerate(lines):
        line, where = fields.mapping(each, f"{path}[{at}]"), f"{path}[{at}]"
        # The catalogue's id, where Stripe gives it beside the line's own.
        name = "sku_id" if "sku_id" in line else "id"
        quantity = fields.whole(line.get("quantity"), f"{where}.quantity", 1, UNITS_MAX)
        yield Wanted(fields.text(line.get(name), f"{where}.{name}"), quantity, "", where)
