"""Locations, as plainly as possible.

Rules of this file: those of tests/model.py.
"""

from dataclasses import replace

from holdfast.core.commands import Conflict, Location, LocationOutcome, Unknown, UpdateLocation
from holdfast.core.ids import Key
from holdfast.core.limits import RETENTION_NS
from tests.model_sources import spelt


class Locations:
    """Locations by name, and when each request to change one came, and what it was."""

    def __init__(self) -> None:
        self.known: dict[str, Location] = {}
        self.updates: dict[Key, tuple[int, UpdateLocation]] = {}

    def create(self, location: Location) -> LocationOutcome | Conflict:
        """Create a location, once."""
        known = self.known.setdefault(location.name, location)
        return location_conflict(known, location) or LocationOutcome(location, ())

    def change(self, command: UpdateLocation, now_ns: int) -> LocationOutcome | Unknown | Conflict:
        """Change some fields of a location, once for a request; create it where that is allowed."""
        name, request = command.location.name, command.request
        if request in self.updates and now_ns - self.updates[request][0] < RETENTION_NS:
            conflict = update_conflict(self.updates[request][1], command)
            return conflict or LocationOutcome(self.known[name], (), is_repeat=True)
        if name not in self.known and not command.allow_missing:
            return Unknown("location.location", name)
        changes = {field: getattr(command.location, field) for field in command.fields}
        self.known[name] = (
            replace(self.known[name], **changes) if name in self.known else command.location
        )
        if request is not None:
            self.updates[request] = now_ns, command
        return LocationOutcome(self.known[name], ())


def location_conflict(first: Location, now: Location) -> Conflict | None:
    """Name the first field in which two locations of one name differ."""
    for name in ("kind", "display_name", "enabled"):
        before, after = getattr(first, name), getattr(now, name)
        if before != after:
            return Conflict(f"location.{name}", spelt(before), spelt(after))
    return None


def update_conflict(first: UpdateLocation, now: UpdateLocation) -> Conflict | None:
    """Name the first field in which two requests differ."""
    names = {"location": "location", "update_mask": "fields", "allow_missing": "allow_missing"}
    for field, name in names.items():
        if getattr(first, name) != getattr(now, name):
            return Conflict(field, "", "")
    return None
