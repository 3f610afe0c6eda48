"""What was seen of the channels during a rehearsal, look by look.

Pure: it is given what the adapters and the node say, and when.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .trials import Trial

CLOSED: Final = "closed"
OPENED: Final = "opened"


@dataclass(slots=True)
class Seen:
    """What it came to so far."""

    trials: Sequence[Trial]
    opened: set[str] = field(default_factory=set)
    """Keys of trials during which a breaker of their channels was open."""
    caught_up_s: dict[str, float] = field(default_factory=dict)
    """Key of a trial -> seconds from its end until nothing of it waited any more."""
    exposed_units: int = 0
    """At most at any look: units that channels might show beyond what was there."""
    oversold_units: int = 0
    """At most at any look: units promised that were not there."""
    at: float = 0.0
    """The last look."""

    def look(
        self, at: float, status: Mapping[str, Any], unpromised: Mapping[str, Sequence[str]]
    ) -> None:
        """Take in a status. `unpromised` are orders of a trial's channels that were sold before its
        end and have not come to the node, by its key.
        """
        self.at = at
        exposed = sum(_channel(each).get("exposed_units", 0) for each in status["adapters"])
        self.exposed_units = max(self.exposed_units, exposed)
        for trial in self.trials:
            adapters = list(_of(trial, status))
            if trial.is_on(at) and any(_breaker(each) == OPENED for each in adapters):
                self.opened.add(trial.key)
            is_over = at >= trial.end and trial.key not in self.caught_up_s
            if is_over and not unpromised[trial.key] and _has_caught_up(adapters, at - trial.end):
                self.caught_up_s[trial.key] = at - trial.end

    def look_at_stock(self, oversold_units: int) -> None:
        """Take in for how many units there is a shortfall."""
        self.oversold_units = max(self.oversold_units, oversold_units)


def _has_caught_up(adapters: Sequence[Mapping[str, Any]], since_s: float) -> bool:
    """Whether nothing waits that has waited since a trial ended."""
    return all(
        _breaker(each) == CLOSED
        and not each["inbox"]
        and _channel(each).get("oldest_dirty_s", 0.0) < since_s
        for each in adapters
    )


def _of(trial: Trial, status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The adapters of a trial's channels: those that are named like them."""
    for each in status["adapters"]:
        if each["name"].partition("-")[0] in trial.channels:
            yield each


def _breaker(adapter: Mapping[str, Any]) -> str:
    return str(adapter["partner"]["breaker"])


def _channel(adapter: Mapping[str, Any]) -> Mapping[str, Any]:
    channel: Mapping[str, Any] = adapter.get("channel", {})
    return channel
