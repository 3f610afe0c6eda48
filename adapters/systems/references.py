"""What shipments in an ERP bear as their reference, so that both sides know them again.

"holdfast:R-17" is the reservation R-17 of the core, whoever entered the shipment. One that reports
a fulfilment of ours names the change as well, by a hash: "holdfast:R-17 (09f911029d74e35b)".
"""

import hashlib
import re
from typing import Final, NamedTuple

from ..contract import Change
from ..events import Reference

PREFIX: Final = "holdfast:"
_FORM: Final = re.compile(
    PREFIX + r"(?P<reservation>.+?)( \((?P<change>[0-9a-f]{16})\))?", re.DOTALL
)


class ShipmentReference(NamedTuple):
    """What the reference of a shipment says."""

    reservation: str
    change: str
    """The mark of the change of ours that it reports, or empty."""


def mark_of(change: Change) -> str:
    """A change in 16 characters."""
    return hashlib.blake2b(change.id.encode(), digest_size=8).hexdigest()


def reference_of(change: Change) -> str:
    """The reference of the shipment that reports a change."""
    return f"{PREFIX}{change.reservation_id} ({mark_of(change)})"


def parse_reference(text: str | None) -> ShipmentReference | None:
    """What a reference says, if it is of a reservation."""
    match = _FORM.fullmatch(text or "")
    return None if match is None else ShipmentReference(match["reservation"], match["change"] or "")


def reservation_of(reference: str) -> Reference | None:
    """The reservation that a shipment is of, if it says so."""
    parsed = parse_reference(reference)
    return None if parsed is None else Reference("reservation", parsed.reservation)
