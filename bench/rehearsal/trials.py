"""What fails while all channels are on, and when: known before it starts.

Rules of this file: values. Seconds are those since the doors opened.
"""

from dataclasses import dataclass
from typing import Final

from ..demo.day import SKUS, Day
from ..demo.day import Phase as Trading
from .profiles import Run

#: Sales a second: online, and at the tills of all stores.
ONLINE: Final = 1.5
TILLS: Final = 15.0

#: Share of sales that are of the hot SKU, which is sold out during the outage.
HOT_SHARE: Final = 0.4

#: Units that an order has on average.
ORDER_UNITS: Final = 4 / 3

#: The part of its points that Shopify still grants a second.
GRANTED: Final = 0.25


@dataclass(frozen=True, slots=True)
class Trial:
    """Something that fails for a while."""

    key: str
    what: str
    """In words, before and while it lasts."""
    channels: tuple[str, ...]
    """Whose orders and quantities have to catch up."""
    begin: float
    end: float

    def is_on(self, at: float) -> bool:
        """Whether it lasts."""
        return self.begin <= at < self.end


def outage(run: Run) -> Trial:
    """A channel is down, and its customers go on buying what it shows."""
    return Trial("outage", "Walmart cannot be reached", ("walmart",), *_span(run, 0.20, 0.40))


def limit(run: Run) -> Trial:
    """A partner allows less than it did."""
    what = f"Shopify grants {GRANTED:.0%} of its points"
    return Trial("limit", what, ("shopify",), *_span(run, 0.50, 0.62))


def kill(run: Run) -> Trial:
    """The adapters' process is killed, and started again later."""
    everywhere = ("amazon", "walmart", "shopify")
    return Trial("kill", "the adapters are killed", everywhere, *_span(run, 0.72, 0.77))


def trials(run: Run) -> tuple[Trial, ...]:
    """All of them, in their order."""
    return outage(run), limit(run), kill(run)


def trading_day(run: Run) -> Day:
    """What customers, tills and the ERP do meanwhile: the same all the time."""
    failing = outage(run)
    units = run.seconds * ONLINE * ORDER_UNITS / len(SKUS)
    return Day(
        seed=1,
        phases=(Trading("trade", run.seconds, ONLINE, TILLS, HOT_SHARE),),
        outage=(failing.begin, failing.end),
        return_at=0.60 * run.seconds,
        count_of=0.45 * run.seconds,
        count_at=0.70 * run.seconds,
        warehouse_units=round(units),
    )


def _span(run: Run, begin: float, end: float) -> tuple[float, float]:
    return begin * run.seconds, end * run.seconds
