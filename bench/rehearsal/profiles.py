"""Profiles of load: what visitors of a shop do, how many come when, and how much there is for them.

Pure: a run is known to the last SKU before it starts, and the same everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ..harness.workload import PLENTY, Row

#: Fresh names for each run: what somebody else has in stock on a shared node is not touched.
PREFIX = "LOADTEST"
LOCATION = f"{PREFIX}-STORE"
#: Where feeds count. Nobody reserves there, so it is known what a count has to come to.
BACKROOM = f"{PREFIX}-BACKROOM"

HOT_SKUS = 20
COLD_SKUS = 200

#: A flash sale has units for this part of those who mean to buy.
SOLD_OUT_AT = 0.5

#: A hold lasts this part of a run, so that many end by time within it; but a second is the least
#: that a node takes, and 15 minutes are its own default.
HOLD_SHARE = 0.1
HOLD_MIN_S, HOLD_MAX_S = 1.0, 900.0


class Kind(StrEnum):
    """How a visit goes."""

    LOOK = "look"
    """Reads what is available."""
    BUY = "buy"
    """Reserves, pays in time, and is shipped."""
    CHANGE_MIND = "change mind"
    """Reserves and gives back."""
    ABANDON = "abandon"
    """Reserves and is not seen again: the hold ends by time."""
    PAY_LATE = "pay late"
    """Reserves and pays when the hold has ended."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a run, in which the rate goes evenly from one part of the peak to another."""

    name: str
    share: float
    """Of the time of the run."""
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of day."""

    phases: tuple[Phase, ...]
    visits: Mapping[Kind, float]
    """How often each kind of visit is."""
    hot_share: float
    """Part of all calls that is about the hot SKUs."""
    lines_max: int
    is_sold_out: bool = False
    """Whether there are too few units of the hot SKUs for all who want them."""
    feeds: int = 0
    """Sources that send stock events, from the start of the storm to its end."""
    has_channels: bool = False
    """Whether marketplaces and tills sell beside the visitors, and fail."""
    seconds: float = 60.0
    """How long a run is by default."""
    seconds_min: float = 1.0


_STEADY = (Phase("morning", 0.1, 0.3, 1.0), Phase("day", 0.9, 1.0, 1.0))
_STEADY_VISITS = {
    Kind.LOOK: 0.60,
    Kind.BUY: 0.25,
    Kind.CHANGE_MIND: 0.08,
    Kind.ABANDON: 0.05,
    Kind.PAY_LATE: 0.02,
}

PROFILES: Mapping[str, Profile] = {
    "promotion": Profile(
        phases=(
            Phase("before the sale", 0.15, 0.2, 0.2),
            Phase("doors open", 0.10, 0.2, 1.0),
            Phase("flash sale", 0.60, 1.0, 1.0),
            Phase("after the sale", 0.15, 0.3, 0.3),
        ),
        visits={
            Kind.LOOK: 0.35,
            Kind.BUY: 0.30,
            Kind.CHANGE_MIND: 0.10,
            Kind.ABANDON: 0.15,
            Kind.PAY_LATE: 0.10,
        },
        hot_share=0.8,
        lines_max=2,
        is_sold_out=True,
    ),
    "steady": Profile(phases=_STEADY, visits=_STEADY_VISITS, hot_share=0.2, lines_max=3),
    "stock-storm": Profile(
        phases=_STEADY, visits=_STEADY_VISITS, hot_share=0.2, lines_max=3, feeds=2
    ),
    "channels": Profile(
        phases=_STEADY,
        visits=_STEADY_VISITS,
        hot_share=0.2,
        lines_max=3,
        has_channels=True,
        seconds=180.0,
        # A breaker opens after five failures, and lets the next trial through after 5 s.
        seconds_min=60.0,
    ),
}

#: The part of a run in which feeds send.
STORM = (0.25, 0.85)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a profile."""

    name: str
    """Different for each run: SKUs and reservation ids are made of it."""
    profile_name: str
    users: int
    """Visitors at the same time, at the peak."""
    rate: float
    """Visits a second, at the peak."""
    seconds: float

    @property
    def profile(self) -> Profile:
        """The kind of day that it is."""
        return PROFILES[self.profile_name]

    @property
    def hold_s(self) -> float:
        """How long units are held."""
        return round(min(HOLD_MAX_S, max(HOLD_MIN_S, self.seconds * HOLD_SHARE)), 3)

    @property
    def interval_s(self) -> float:
        """From one visit of a user to the next."""
        return self.users / self.rate

    @property
    def hot_rows(self) -> list[Row]:
        """What the sale is about."""
        return [(f"{PREFIX}-{self.name}-HOT-{n:03}", LOCATION) for n in range(HOT_SKUS)]

    @property
    def cold_rows(self) -> list[Row]:
        """The rest of the shop."""
        return [(f"{PREFIX}-{self.name}-SKU-{n:03}", LOCATION) for n in range(COLD_SKUS)]

    @property
    def hot_stock(self) -> int:
        """Units of each hot SKU."""
        profile = self.profile
        if not profile.is_sold_out:
            return PLENTY
        wanted = self.visits * profile.hot_share * profile.visits[Kind.BUY] / HOT_SKUS
        return max(1, round(wanted * SOLD_OUT_AT))

    @property
    def stock(self) -> dict[Row, int]:
        """Units of every stock level before the run."""
        return dict.fromkeys(self.hot_rows, self.hot_stock) | dict.fromkeys(self.cold_rows, PLENTY)

    @property
    def visits(self) -> float:
        """Visits that are planned."""
        means = ((phase.begin + phase.end) / 2 * phase.share for phase in self.profile.phases)
        return sum(means) * self.seconds * self.rate

    def users_at(self, elapsed_s: float) -> int | None:
        """The number of visitors at a time; None when the run is over."""
        start_s = 0.0
        for phase in self.profile.phases:
            length_s = phase.share * self.seconds
            if elapsed_s < start_s + length_s:
                done = (elapsed_s - start_s) / length_s
                level = phase.begin + (phase.end - phase.begin) * done
                return max(1, round(self.users * level))
            start_s += length_s
        return None

    def is_storm_at(self, elapsed_s: float) -> bool:
        """Whether feeds send at a time."""
        return STORM[0] <= elapsed_s / self.seconds < STORM[1]
