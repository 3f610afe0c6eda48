"""What happens in the demonstration, and when: the same for the same seed.

Rules of this file: values. Seconds are those since the doors opened.
"""

from dataclasses import dataclass
from typing import Final

#: What is sold; the first is the hot one.
SKUS: Final = tuple(f"TS-{letter}" for letter in "ABCDEF")
HOT: Final = SKUS[0]

#: The warehouse, whose books are the ERP's; it ships what the channels sell.
WAREHOUSE: Final = "WH"

STORES: Final = tuple(f"S{number:03}" for number in range(1, 301))

#: The store whose shelf the web shop sells from as well, for customers who collect.
COLLECTING_STORE: Final = STORES[0]

#: Where an online order is brought back, and where the ERP's count comes late.
RETURNING_STORE: Final = STORES[4]
COUNTED_STORE: Final = STORES[9]

WAREHOUSE_UNITS: Final = 60
STORE_UNITS: Final = 40


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the day: how busy it is, in sales a second."""

    name: str
    seconds: float
    online: float
    tills: float
    hot_share: float = 0.2
    """Share of sales that are of the hot SKU."""


@dataclass(frozen=True, slots=True)
class Day:
    """All that is to happen."""

    seed: int
    phases: tuple[Phase, ...]
    outage: tuple[float, float]
    """From when until when Walmart cannot be reached; its customers go on buying what it shows."""
    return_at: float
    count_of: float
    """The instant of the ERP's count."""
    count_at: float
    """When it comes."""
    warehouse_units: int = WAREHOUSE_UNITS
    """Units of each SKU there."""

    @property
    def seconds(self) -> float:
        """How long it is open."""
        return sum(phase.seconds for phase in self.phases)

    def phase(self, at: float) -> Phase:
        """What it is at a time."""
        for phase in self.phases:
            if at < phase.seconds:
                return phase
            at -= phase.seconds
        return self.phases[-1]


def day(seed: int, seconds: float) -> Day:
    """A day of so many seconds: a quiet morning, a promotion with an outage in it, an evening."""
    part = seconds / 10
    return Day(
        seed=seed,
        phases=(
            Phase("morning", 2 * part, online=0.8, tills=10),
            Phase("promotion", 5 * part, online=2.0, tills=40, hot_share=0.6),
            Phase("evening", 3 * part, online=0.4, tills=10),
        ),
        outage=(3 * part, 6 * part),
        return_at=7 * part,
        count_of=4 * part,
        count_at=8 * part,
    )
