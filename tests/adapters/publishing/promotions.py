"""Promotions on a virtual clock: a level, four channels and an own shop, until it is sold out.

What a channel shows acts after a flight, one offer at a time, within a budget; it sells what it
shows, and its orders come in later. The shop takes what the core has. The rules under test are
those of `adapters/publishing`: the latest value, less the buffer, whenever the budget allows.
"""

import heapq
import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from holdfast.adapters.publishing.buffers import buffer_of
from holdfast.adapters.publishing.lags import Ages
from holdfast.adapters.publishing.outages import claim_units, spare_units
from holdfast.adapters.publishing.velocity import Velocity


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel: medians of lognormal lags and their sigma, and offers a second."""

    name: str
    flight_s: float
    flight_sigma: float
    order_s: float
    order_sigma: float
    offers_per_s: float


CHANNELS = (
    Channel("graph", 0.3, 0.5, 1.0, 0.6, 4.0),
    Channel("put", 1.5, 0.5, 15.0, 0.6, 1.0),
    Channel("patch", 4.0, 0.6, 20.0, 0.6, 0.5),
    Channel("feed", 30.0, 0.3, 20.0, 0.6, 1 / 30),
)

#: Which of them an outage takes, and how long it lasts at most.
AWAY = 2
OUTAGE_S = 600.0
#: Until an outage is noticed.
NOTICED_S = 30.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of promotion: `demand` gives orders a second as a function of time, at most `peak`."""

    name: str
    stock: int
    length_s: float
    peak: float
    demand: Callable[[random.Random, float, float], Callable[[float], float]]
    order_units: float = 1.0
    has_history: bool = True
    has_outage: bool = False
    shop_share: float = 1.0


class Rules(Protocol):
    """How many units a channel is not shown."""

    def begin(self, sale: "Sale") -> None:
        """A promotion begins."""

    def sold(self, units: int, now_s: float) -> None:
        """Units were promised."""

    def ordered(self, channel: int, lag_s: float) -> None:
        """An order came in."""

    def acted(self, channel: int, wanted_s: float, sent_s: float, acted_s: float) -> None:
        """A value acts."""

    def buffer(self, sale: "Sale", channel: int) -> int:
        """How many units."""


@dataclass(slots=True)
class Value:
    """What a channel was told once, and what became of it."""

    available: int
    """What the core had when it was read."""
    quantity: int
    came_in: int = 0
    """Units of orders under it that came in."""
    others: int = 0
    """Units of all other orders that came in from its reading until then."""
    oversold: int = 0
    """Units of orders under it that found nothing left."""


@dataclass(slots=True)
class Pair:
    """The level at one channel."""

    value: Value
    """What it was last told, and is known to have had."""
    shown: int = 0
    values: list[Value] = field(default_factory=list)
    is_flying: bool = False
    is_asked: bool = False
    """Whether it is looked at again when the budget allows."""
    wrong_s: float | None = None
    acted_s: float = 0.0
    free_s: float = 0.0
    least_left: int = 0
    """The fewest units that the core had after an order of the channel."""
    shown_s: float = 0.0
    """Units shown, times seconds."""
    since_s: float = 0.0

    @property
    def oversold(self) -> int:
        """Units of its orders that found nothing left."""
        return sum(value.oversold for value in self.values)


@dataclass(slots=True)
class Sale:
    """One promotion."""

    kind: Kind
    rules: Rules
    rng: random.Random
    now_s: float = 0.0
    available: int = 0
    pairs: list[Pair] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    demand: Callable[[float], float] = field(default=lambda _now_s: 0.0)
    outage: tuple[float, float] = (float("inf"), float("inf"))
    _events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = field(
        default_factory=list
    )
    _scheduled: int = 0

    def run(self) -> "Sale":
        """From its first to its last order."""
        kind, rng = self.kind, self.rng
        shares = [rng.gammavariate(2, 1) for _ in (*CHANNELS, None)]
        self.weights = [*shares[:-1], shares[-1] * kind.shop_share]
        self.demand = kind.demand(rng, kind.peak, kind.length_s)
        if kind.has_outage:
            began_s = rng.uniform(0.2, 0.6) * kind.length_s
            self.outage = (began_s, began_s + rng.uniform(0.2, 1) * OUTAGE_S)
            self._at(self.outage[0] + NOTICED_S, self._look)
            self._at(self.outage[1], self._look)
        self.available = kind.stock
        nothing = Value(kind.stock, 0)
        self.pairs = [Pair(nothing, least_left=kind.stock) for _ in CHANNELS]
        self.rules.begin(self)
        for channel, pair in enumerate(self.pairs):
            self._tell(pair, Value(kind.stock, self._target(channel)))
        self._at(rng.expovariate(kind.peak), self._ask)
        self._at(TICK_S, self._tick)
        while self._events:
            self.now_s, _, act, arguments = heapq.heappop(self._events)
            act(*arguments)
        for pair in self.pairs:
            self._show(pair, pair.shown)
        return self

    def is_away(self, channel: int, notice_s: float = 0.0) -> bool:
        """Whether a channel is out of reach, and has been for so long."""
        return channel == AWAY and self.outage[0] + notice_s <= self.now_s < self.outage[1]

    def order_units(self) -> int:
        """Units of an order."""
        units = 1
        while self.rng.random() > 1 / self.kind.order_units:
            units += 1
        return units

    def _ask(self) -> None:
        """Somebody wants to buy, somewhere."""
        if self.now_s >= self.kind.length_s:
            return
        rng = self.rng
        self._at(self.now_s + rng.expovariate(self.kind.peak), self._ask)
        if rng.random() * self.kind.peak > self.demand(self.now_s):
            return
        channel = rng.choices(range(len(self.weights)), self.weights)[0]
        units = self.order_units()
        if channel == len(CHANNELS):
            if self.available >= units:
                self._promise(units)
            return
        pair = self.pairs[channel]
        if units := min(units, pair.shown):
            self._show(pair, pair.shown - units)
            lag_s = self._lag(CHANNELS[channel].order_s, CHANNELS[channel].order_sigma)
            known_s = self._known(channel, self.now_s + lag_s)
            self._at(known_s, self._come_in, channel, pair.value, units, known_s - self.now_s)

    def _known(self, channel: int, at_s: float) -> float:
        """Nothing comes from a channel, and nothing acts there, while it is away."""
        began_s, ended_s = self.outage
        return at_s + ended_s - began_s if channel == AWAY and began_s <= at_s < ended_s else at_s

    def _come_in(self, channel: int, value: Value, units: int, lag_s: float) -> None:
        pair, left = self.pairs[channel], self.available - units
        pair.least_left = min(pair.least_left, left)
        value.came_in += units
        value.others = value.available - left - value.came_in
        value.oversold += min(units, max(0, -left))
        if not (channel == AWAY and self.outage[0] < self.now_s):
            self.rules.ordered(channel, lag_s)
        self._promise(units)

    def _promise(self, units: int) -> None:
        self.available -= units
        self.rules.sold(units, self.now_s)
        self._look()

    def _tick(self) -> None:
        if self.now_s < self.kind.length_s:
            self._at(self.now_s + TICK_S, self._tick)
        self._look()

    def _look(self) -> None:
        for channel in range(len(CHANNELS)):
            self._offer(channel)

    def _target(self, channel: int) -> int:
        return max(0, self.available - self.rules.buffer(self, channel))

    def _offer(self, channel: int) -> None:
        pair, offers_per_s = self.pairs[channel], CHANNELS[channel].offers_per_s
        if pair.is_flying or self.now_s < pair.free_s:
            pair.wrong_s = self.now_s if pair.wrong_s is None else pair.wrong_s
            if not pair.is_flying and not pair.is_asked:
                pair.is_asked = True
                self._at(pair.free_s, self._asked, channel)
            return
        value = Value(self.available, self._target(channel))
        wrong_s, pair.wrong_s = pair.wrong_s, None
        if value.quantity != pair.value.quantity:
            pair.is_flying = True
            pair.free_s = self.now_s + 1 / offers_per_s
            wanted_s = max(pair.acted_s, self.now_s if wrong_s is None else wrong_s)
            self._fly(channel, value, wanted_s)

    def _asked(self, channel: int) -> None:
        self.pairs[channel].is_asked = False
        self._offer(channel)

    def _fly(self, channel: int, value: Value, wanted_s: float) -> None:
        lag_s = self._lag(CHANNELS[channel].flight_s, CHANNELS[channel].flight_sigma)
        acts_s = self._known(channel, self.now_s + lag_s)
        self._at(acts_s, self._act, channel, value, wanted_s, self.now_s)

    def _act(self, channel: int, value: Value, wanted_s: float, sent_s: float) -> None:
        pair = self.pairs[channel]
        self._tell(pair, value)
        pair.is_flying, pair.acted_s = False, self.now_s
        if not (channel == AWAY and self.outage[0] < self.now_s):
            self.rules.acted(channel, wanted_s, sent_s, self.now_s)
        self._offer(channel)

    def _tell(self, pair: Pair, value: Value) -> None:
        self._show(pair, value.quantity)
        pair.value = value
        pair.values.append(value)

    def _show(self, pair: Pair, units: int) -> None:
        until_s = min(self.now_s, self.kind.length_s)
        pair.shown_s += pair.shown * max(0.0, until_s - pair.since_s)
        pair.shown, pair.since_s = units, until_s

    def _lag(self, median_s: float, sigma: float) -> float:
        return median_s * self.rng.lognormvariate(0, sigma)

    def _at(self, at_s: float, act: Callable[..., None], *arguments: Any) -> None:
        self._scheduled += 1
        heapq.heappush(self._events, (at_s, self._scheduled, act, arguments))


class Measured:
    """The rules of `adapters/publishing`, with ages that go on from one promotion to the next."""

    def __init__(self, chance: float, units: int = 0, *, leaves_claims: bool = True) -> None:
        self.chance = chance
        self.units = units
        self._leaves_claims = leaves_claims
        self._ages = [Ages(each.flight_s, each.order_s) for each in CHANNELS]
        self._velocity = Velocity(0.0)

    def begin(self, sale: Sale) -> None:
        """Sales of the hours before, at the rate that the promotion begins with."""
        self._velocity = Velocity(-HISTORY_S)
        now_s = -HISTORY_S
        rate = sale.demand(0.0)
        while sale.kind.has_history and (now_s := now_s + sale.rng.expovariate(rate)) < 0:
            self.sold(sale.order_units(), now_s)

    def sold(self, units: int, now_s: float) -> None:
        """Units were promised."""
        self._velocity.add(units, now_s)

    def ordered(self, channel: int, lag_s: float) -> None:
        """An order came in."""
        self._ages[channel].orders.add(lag_s)

    def acted(self, channel: int, wanted_s: float, sent_s: float, acted_s: float) -> None:
        """A value acts."""
        self._ages[channel].acted(wanted_s, sent_s, acted_s)

    def buffer(self, sale: Sale, channel: int) -> int:
        """What the channel is not shown, with what is left to one that is away."""
        rate = self._velocity.rate(sale.now_s)
        kept = buffer_of(rate, self._ages[channel].age(), self.chance, self.units)
        if not (self._leaves_claims and sale.is_away(AWAY, NOTICED_S)) or channel == AWAY:
            return kept
        claim = claim_units(sale.pairs[AWAY].value.quantity, rate, OUTAGE_S, self.chance)
        return sale.available - spare_units(sale.available, claim) + kept


class Fixed:
    """Buffers that do not change: what hindsight would have set."""

    def __init__(self, buffers: Sequence[int]) -> None:
        self._buffers = buffers

    def begin(self, sale: Sale) -> None:
        """Nothing is measured."""

    def sold(self, units: int, now_s: float) -> None:
        """Nothing is measured."""

    def ordered(self, channel: int, lag_s: float) -> None:
        """Nothing is measured."""

    def acted(self, channel: int, wanted_s: float, sent_s: float, acted_s: float) -> None:
        """Nothing is measured."""

    def buffer(self, _sale: Sale, channel: int) -> int:
        """The channel's."""
        return self._buffers[channel]


def _steady(_rng: random.Random, peak: float, _length_s: float) -> Callable[[float], float]:
    return lambda _now_s: peak


def _ramp(_rng: random.Random, peak: float, _length_s: float) -> Callable[[float], float]:
    """Twice as much every two minutes."""
    return lambda now_s: min(peak, peak * 0.2 * 2 ** (now_s / 120))


def _jump(rng: random.Random, peak: float, length_s: float) -> Callable[[float], float]:
    """A hundred times as much from one moment on."""
    began_s = rng.uniform(0.1, 0.4) * length_s
    return lambda now_s: peak if now_s > began_s else peak / 100


def _burst(rng: random.Random, peak: float, length_s: float) -> Callable[[float], float]:
    """By turns the peak and a quarter of it, for a minute on average."""
    ends, now_s = [], 0.0
    while now_s < length_s:
        now_s += rng.expovariate(1 / 60)
        ends.append(now_s)
    is_low = rng.random() < 0.5
    return lambda now_s: peak / 4 if (bisect_right(ends, now_s) + is_low) % 2 else peak


HISTORY_S = 4_000.0
TICK_S = 15.0

KINDS = (
    Kind("steady", 300, 2_000, 0.25, _steady),
    Kind("slow", 12, 4_000, 0.005, _steady),
    Kind("ramp", 300, 2_400, 0.4, _ramp),
    Kind("burst", 300, 2_400, 0.4, _burst),
    Kind("jump", 300, 2_400, 0.3, _jump),
    Kind("orders of two", 300, 2_000, 0.125, _steady, order_units=2),
    Kind("new item", 300, 2_000, 0.25, _steady, has_history=False),
)
OUTAGES = (
    Kind("outage", 300, 2_000, 0.25, _steady, has_outage=True, shop_share=0),
    Kind("outage with shop", 300, 2_000, 0.25, _steady, has_outage=True),
)


def run(kind: Kind, rules: Rules, seeds: range) -> list[Sale]:
    """A promotion of a kind for each seed."""
    return [Sale(kind, rules, random.Random(f"{kind.name} {seed}")).run() for seed in seeds]
