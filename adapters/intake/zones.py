"""Times in options: an instant; the zone of a partner who gives the time of a clock alone."""

from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from ..contract import Undecodable
from . import fields


def _known(name: str) -> str:
    try:
        return ZoneInfo(name).key if name else ""
    except (KeyError, ValueError, OSError):
        raise ValueError("expected a time zone such as Europe/Berlin") from None


def _instant(text: str) -> str:
    try:
        fields.instant(text, "")
    except Undecodable as wrong:
        raise ValueError(f"expected {wrong.expected}") from None
    return text


InstantText: TypeAlias = Annotated[str, AfterValidator(_instant)]
"""An option: an instant by RFC 3339, as it is written."""

ZoneName: TypeAlias = Annotated[str, AfterValidator(_known)]
"""An option: "Europe/Berlin", or empty when partners name the zone."""


def zone(name: str) -> ZoneInfo | None:
    """The time zone of an option, None if it is empty."""
    return ZoneInfo(name) if name else None
