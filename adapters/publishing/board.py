"""The board of one channel: what it is to show, what it shows, and what it is offered next.

    flights = board.take(count, now_s)      what to offer, the riskiest first
    board.settle(flight, verdict, now_s)    what became of each; or board.lose(flight, now_s)

A pair waits once, however often it changes: what is taken is its newest value. One offer of a pair
is on its way at a time, but for one case: while the channel works on what was handed over to it,
and would sell units that are not there, the pair may be offered again on a quicker path. Then
nobody knows which of the two acts last, so it is offered once more when both have ended.

Rules of this file: it decides and does not wait. The clock, in seconds of the epoch, is handed in.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from math import isfinite
from typing import Final

from ..contract import Accepted, Deferred, Offer, OfferVerdict, Rejected, Stale
from ..events import Shown
from .flights import Flight, Heard
from .items import Items
from .known_levels import KnownLevels
from .lags import Ages, Lags
from .offer_numbers import id_prefix, is_before, made_s, names_older, next_sequence, offer_id
from .outages import Claims, Outage
from .pairs import NONE, Pairs, Record
from .publish_options import PublishOptions
from .put_off import PutOff
from .ranking import Ranking
from .targets import FLIGHT_FIRST_S, WITHDRAWN, Targets, risk

#: Seconds for which an offer that was put off waits at first and at most; it doubles in between.
DEFERRED_FIRST_S: Final = 1.0
DEFERRED_MAX_S: Final = 60.0

#: Seconds that a channel may ask for: more is a mistake.
ASKED_MAX_S: Final = 3_600.0

#: Stale answers in a row that are offered again at once; more is a channel that disagrees.
STALE_AT_ONCE_MAX: Final = 3

#: Seconds before a channel is told to show more again than it says. What it shows less of, it has
#: most likely sold, and the order is on its way here.
SOLD_THERE_S: Final = 10.0


class Board:
    """What one channel shows and is to show."""

    def __init__(
        self,
        channel: str,
        options: PublishOptions,
        items: Items,
        levels: KnownLevels,
        claims: Claims,
    ) -> None:
        self.pairs = Pairs()
        self.lags = Lags()
        """Ages of values, in seconds, when the channel has taken them."""
        self.buffer_units = 0
        """What is not shown for the sake of the bound, of all pairs, in units of the channel."""
        self.exposed_units = 0
        """What the channel may show beyond what is there, of all pairs, in its units."""
        self._channel = channel
        self._items = items
        self._levels = levels
        self._claims = claims
        self._left_to: frozenset[str] = frozenset()
        self._targets = Targets(options, items, levels, partial(claims.beside, channel))
        self._outage = Outage()
        self._ages = Ages(FLIGHT_FIRST_S)
        self._lost_s = 0.0
        self._waiting = Ranking()
        self._overtaking = Ranking()
        self._since: dict[int, float] = {}
        self._flying: dict[int, float] = {}
        self._put_off = PutOff()
        self._sold_there: set[int] = set()
        self._tries: dict[int, int] = {}
        self._differed: dict[int, int] = {}
        self._buffered: set[int] = set()
        self._read_since: set[int] = set()
        self._unknown: set[int] = set()
        """Pairs of which the core has reported no level so far."""

    def __len__(self) -> int:
        return len(self.pairs) - self.pairs.is_left.count(1)

    def begin(self, now_s: float) -> None:
        """Nothing is known of the time before, and nothing is measured of it."""
        self._lost_s = now_s

    # What the core says

    def sold(self, sold_s: float, now_s: float) -> None:
        """The core now has what the channel sold then. What it sold before it was away says how
        long that was, and not how long its orders take.
        """
        if sold_s > self._lost_s:
            self._ages.orders.add(max(0.0, now_s - sold_s))

    def level_changed(self, sku: str, location: str, now_s: float) -> None:
        """A level has other units, or is new."""
        for item in self._items.of_sku(sku):
            for node in self._targets.nodes_at(location):
                self._retarget(self.pairs.added(item, node), now_s)

    def levels_are_whole(self, now_s: float) -> None:
        """All levels were reported: what was shown of others is not there, such as of a location
        that is not set any more.
        """
        for row in [*self._unknown]:
            self._retarget(row, now_s)

    def sku_renamed(self, old: str, new: str) -> None:
        """A SKU has another name; its levels are reported under it next."""
        self._items.renamed(old, new)

    def items_as_of(self, now: datetime, now_s: float) -> Iterator[None]:
        """Let items be those of a time, by the wall clock: what is none any more is withdrawn.
        Yields between pairs, so that others get their turn.
        """
        if self._items.as_of(now):
            yield from self._retarget_all(now_s)
            for sku, location in [*self._levels]:
                self.level_changed(sku, location, now_s)
                yield

    def core_silent(self, is_silent: bool, now_s: float) -> Iterator[None]:
        """The core has not been heard for too long, or is again. Yields as above."""
        if is_silent != self._targets.is_core_silent:
            self._targets.is_core_silent = is_silent
            for row, _ in enumerate(self._retarget_all(now_s)):
                if not is_silent:  # orders not sent to it meanwhile are on their way
                    self._wait_for_orders(row, now_s)
                yield

    def leave_claims(self, now_s: float) -> Iterator[None]:
        """Leave to other channels what they may claim, if others are away than before. Yields as
        above.
        """
        away = self._claims.away_beside(self._channel)
        if away != self._left_to:
            self._left_to = away
            yield from self._retarget_all(now_s)

    def away(self, now_s: float, *, is_away: bool) -> None:
        """The channel cannot be reached or its orders are late, or neither is so."""
        if is_away:
            self._outage.note_away(self._ages.orders, now_s)
        is_claiming = self._outage.is_claiming(now_s)
        self._claims.note(self._channel, self._claim, is_away=is_claiming)

    def pass_time(self, now_s: float) -> Iterator[None]:
        """Let what was put off wait for its turn, once it is due. Yields as above."""
        for row in self._put_off.due(now_s):
            self._sold_there.discard(row)
            self._rank(row, now_s)
            yield

    def measure(self, now_s: float) -> Iterator[None]:
        """Let buffers follow what was measured: they shrink as demand does. Yields as above."""
        self._targets.age = self._ages.age()
        for row in [*self._buffered]:
            self._retarget(row, now_s)
            yield

    # What the channel is offered

    @property
    def waiting(self) -> int:
        """How many pairs may be offered now."""
        return len(self._waiting)

    @property
    def overtaking(self) -> int:
        """How many of them may be offered though an offer of them is on its way."""
        return len(self._overtaking)

    def take(self, count: int, now_s: float, skip: int = 0) -> list[Flight]:
        """Offers of the riskiest pairs, after so many that are left for quicker paths."""
        return [*self.take_by_turns(count, now_s, skip)]

    def take_by_turns(self, count: int, now_s: float, skip: int = 0) -> Iterator[Flight]:
        """The same, and others get their turn between offers: what one has taken meanwhile, or is
        not to be offered any more, is left out.
        """
        for row in self._waiting.take(count, skip):
            is_free = not self.pairs.flights[row] and row not in self._put_off
            if is_free and self._is_wrong(row, is_flying=False):
                yield self._take_off(row, now_s)

    def take_overtaking(self, count: int, now_s: float) -> list[Flight]:
        """Offers that overtake others."""
        return [self._take_off(row, now_s) for row in self._overtaking.take(count)]

    def take_again(self, offers: Sequence[Offer], now_s: float) -> list[Flight]:
        """The flights of offers that were handed over before the process began."""
        flights = []
        for offer in offers:
            row = self.pairs.added(offer.item, offer.node)
            if offer.sequence == self.pairs.sequence[row]:
                self.pairs.offered[row] = offer.quantity
            flights.append(self._begin(row, offer, now_s, now_s))
        self.hand_over(flights, now_s)
        return flights

    def hand_over(self, flights: Sequence[Flight], now_s: float) -> None:
        """The channel works on offers, and takes its time."""
        for flight in flights:
            if self.pairs.flights[flight.row] == 1:
                self.pairs.is_waiting[flight.row] = True
                self._rank(flight.row, now_s)

    def settle(self, flight: Flight, verdict: OfferVerdict, now_s: float) -> None:
        """A channel said what it does with an offer."""
        pairs, row, offer = self.pairs, flight.row, flight.offer
        is_newest = offer.sequence == pairs.sequence[row]
        self._land(flight)
        match verdict:
            case Accepted():
                self._tries.pop(row, None)
                if is_newest:
                    pairs.shown[row] = offer.quantity
                    pairs.taken_s[row] = made_s(offer.sequence, flight.sent_s)
                    self.lags.add(max(0.0, now_s - flight.since_s))
                    wanted_s = min(flight.sent_s, max(flight.since_s, self._lost_s))
                    self._ages.acted(wanted_s, flight.sent_s, now_s)
            case Stale(shown):
                pairs.shown[row] = NONE if shown is None else shown
                if self._tries.get(row, 0) >= STALE_AT_ONCE_MAX:
                    self._put_off_for(row, None, now_s)
                self._tries[row] = self._tries.get(row, 0) + 1
            case Rejected():
                pairs.rejected[row] = offer.quantity
            case Deferred(after_s):
                self._put_off_for(row, after_s, now_s)
        if is_newest and not pairs.flights[row] and not pairs.is_overtaken[row]:
            is_known = isinstance(verdict, Accepted | Stale)
            pairs.in_doubt[row] = flight.in_doubt and not is_known
            self._outage.note_shown(row, pairs.most[row], now_s)
            pairs.most[row] = pairs.shown[row] if is_known else flight.most
        self._ended(flight, now_s, is_shown=is_newest and isinstance(verdict, Accepted))

    def stays_stale(self, row: int) -> bool:
        """Whether the channel says again and again that it shows something else."""
        return self._tries.get(row, 0) > STALE_AT_ONCE_MAX

    def lose(self, flight: Flight, now_s: float, put_off_s: float = 0.0) -> None:
        """Nobody knows what became of an offer: the pair is offered again, after so long."""
        self._lost_s = now_s
        self._land(flight)
        if put_off_s:
            self._put_off_for(flight.row, put_off_s, now_s)
        self._ended(flight, now_s)

    def doubt(self, flight: Flight, now_s: float) -> None:
        """The same, and the pair is offered again after a while that grows each time."""
        self._put_off_for(flight.row, None, now_s)
        self.lose(flight, now_s)

    def reject(self, flight: Flight, now_s: float) -> None:
        """The same, and it is not offered again before it changes, or an operator says so."""
        self.pairs.rejected[flight.row] = flight.offer.quantity
        self.lose(flight, now_s)

    def offer_rejected_again(self, now_s: float) -> list[int]:
        """Offer once more what the channel has rejected; the rows of it. What the channel shows by
        now without being offered it is not offered, and not rejected any more.
        """
        rows = [row for row, quantity in enumerate(self.pairs.rejected) if quantity != NONE]
        for row in rows:
            self.pairs.rejected[row] = NONE
            self._rank(row, now_s)
        return rows

    # What the channel says

    def hear(self, shown: Shown, now_s: float) -> tuple[Heard, int]:
        """What the channel shows, as it said by itself; and the row, or NONE."""
        row = self.pairs.row(shown.item, shown.node)
        if row is None:
            return Heard.UNKNOWN, NONE
        if is_before(shown, self.pairs.taken_s[row]):
            return Heard.OUTDATED, row
        return self._hear(row, shown, now_s), row

    def begin_reading(self) -> None:
        """The channel is asked now what it shows: what is offered from now on, it may not know."""
        self._read_since.clear()

    def hear_read(self, shown: Shown, now_s: float) -> tuple[Heard, int]:
        """What the channel shows, as it was read."""
        row = self.pairs.row(shown.item, shown.node)
        if row is None:
            return Heard.UNKNOWN, NONE
        if row in self._read_since:
            return Heard.PASSING, row
        return self._hear(row, shown, now_s), row

    def _hear(self, row: int, shown: Shown, now_s: float) -> Heard:
        pairs, quantity = self.pairs, shown.quantity
        if pairs.flights[row]:
            return Heard.PASSING
        if names_older(shown, self._prefix(row), pairs.sequence[row]):
            return Heard.OUTDATED
        if quantity == pairs.shown[row] and not pairs.in_doubt[row]:
            self._differed.pop(row, None)
            return Heard.ECHO
        is_answer = bool(pairs.in_doubt[row]) and quantity == pairs.offered[row]
        self._outage.note_shown(row, pairs.most[row], now_s)
        pairs.shown[row] = pairs.most[row] = quantity
        pairs.in_doubt[row] = False
        if is_answer:
            self._retarget(row, now_s)
            self._rank(row, now_s)
            return Heard.ECHO
        again = self._differed.setdefault(row, 0) > 0
        self._retarget(row, now_s)
        self._wait_for_orders(row, now_s)
        self._rank(row, now_s)
        return Heard.DIFFERS_AGAIN if again else Heard.DIFFERS

    # How it is

    @property
    def rejected(self) -> int:
        """Pairs that the channel rejects as they are."""
        return len(self.pairs) - self.pairs.rejected.count(NONE)

    @property
    def dirty(self) -> int:
        """Pairs of which the channel does not show yet what it is to show."""
        return len(self._since.keys() | self._flying.keys())

    def oldest_s(self, now_s: float) -> float:
        """For how long the channel has shown something else, at worst."""
        since = [*self._since.values(), *self._flying.values()]
        return max(0.0, now_s - min(since, default=now_s))

    @property
    def age_s(self) -> float:
        """How old a value becomes, in the mean: what the bound is computed for."""
        return self._targets.age.mean_s

    def restore(self, item: str, node: str, record: Record, now_s: float) -> None:
        """Bring back a pair. What it shows is withdrawn if settings do not have it any more."""
        self._targets.note_shown(node)
        self._retarget(self.pairs.restore(item, node, record), now_s)

    # Inside

    def _claim(self, sku: str, locations: Sequence[str], now_s: float) -> int:
        nodes, units = self._targets.selling(locations), 0
        for item in self._items.of_sku(sku):
            for node in nodes:
                if (row := self.pairs.row(item, node)) is not None:
                    most = max(0, self._outage.most(row, self.pairs.most[row]))
                    units += self._targets.claim(item, node, most, locations, now_s)
        return units

    def _retarget_all(self, now_s: float) -> Iterator[None]:
        for row in range(len(self.pairs)):
            self._retarget(row, now_s)
            yield

    def _retarget(self, row: int, now_s: float) -> None:
        pairs = self.pairs
        target = self._targets.of(*pairs.names[row], pairs.shown[row], now_s)
        is_done = pairs.is_left[row] or pairs.shows_none(row)
        pairs.is_left[row] = target is WITHDRAWN and is_done
        if target is None:
            self._unknown.add(row)
            return
        self._unknown.discard(row)
        self.buffer_units += target.buffer - pairs.buffer[row]
        (self._buffered.add if target.buffer else self._buffered.discard)(row)
        pairs.there[row], pairs.buffer[row] = target.there, target.buffer
        pairs.target[row] = target.quantity
        self._rank(row, now_s)

    def _rank(self, row: int, now_s: float) -> None:
        """Let a pair wait for its turn, if it is to be offered."""
        self._expose(row)
        pairs, target = self.pairs, self.pairs.target[row]
        if pairs.is_left[row] or pairs.rejected[row] not in (NONE, target):
            pairs.rejected[row] = NONE
        if row in self._sold_there and target <= pairs.shown[row]:
            self._sold_there.discard(row)
            self._put_off.cancel(row)
        is_flying = pairs.flights[row] > 0
        if not self._is_wrong(row, is_flying=is_flying):
            self._forget(row)
            return
        since_s = self._since.setdefault(row, now_s)
        if not is_flying and row not in self._put_off:
            self._waiting.put(row, risk(pairs, row, since_s))
            self._overtaking.drop(row)
        elif is_flying and pairs.is_waiting[row] and target < pairs.offered[row]:
            self._overtaking.put(row, risk(pairs, row, since_s))
        else:
            self._waiting.drop(row)
            self._overtaking.drop(row)

    def _is_wrong(self, row: int, *, is_flying: bool) -> bool:
        """Whether a pair is to be offered, now or when its offer has landed."""
        pairs, target = self.pairs, self.pairs.target[row]
        if pairs.is_left[row]:
            return False
        if is_flying:
            return target != pairs.offered[row]
        is_parked = pairs.rejected[row] == target
        return not is_parked and bool(target != pairs.shown[row] or pairs.in_doubt[row])

    def _forget(self, row: int) -> None:
        """The channel shows of a pair what it is to show, or will not."""
        self._since.pop(row, None)
        self._waiting.drop(row)
        self._overtaking.drop(row)
        if self._differed.get(row) == 0:  # what it had shown was right by the time
            del self._differed[row]

    def _take_off(self, row: int, now_s: float) -> Flight:
        pairs = self.pairs
        item, node = pairs.names[row]
        sequence = next_sequence(pairs.sequence[row], now_s)
        quantity, shown = pairs.target[row], pairs.shown[row]
        known = None if shown == NONE else shown
        named = offer_id(self._prefix(row), sequence)
        offer = Offer(item, node, quantity, known, sequence, named)
        pairs.sequence[row], pairs.offered[row] = sequence, quantity
        if row in self._differed:
            self._differed[row] += 1
        since_s = self._since.pop(row, now_s)
        return self._begin(row, offer, since_s, now_s)

    def _begin(self, row: int, offer: Offer, since_s: float, now_s: float) -> Flight:
        pairs = self.pairs
        before = pairs.most[row], bool(pairs.in_doubt[row])
        if pairs.most[row] != NONE:
            pairs.most[row] = max(pairs.most[row], offer.quantity)
        pairs.flights[row] += 1
        pairs.is_overtaken[row] |= pairs.flights[row] > 1
        pairs.is_waiting[row] = False
        pairs.in_doubt[row] = True
        self._expose(row)
        self._waiting.drop(row)
        self._flying[row] = min(since_s, self._flying.get(row, since_s))
        self._read_since.add(row)
        return Flight(row, offer, since_s, now_s, *before)

    def _land(self, flight: Flight) -> None:
        self.pairs.flights[flight.row] -= 1
        self._read_since.add(flight.row)

    def _ended(self, flight: Flight, now_s: float, *, is_shown: bool = False) -> None:
        """What a flight leaves behind, once its pair has the verdict."""
        pairs, row = self.pairs, flight.row
        if not pairs.flights[row]:
            pairs.is_overtaken[row] = False
            del self._flying[row]
        if flight.offer.sequence == pairs.sequence[row]:
            pairs.is_waiting[row] = pairs.flights[row] > 0  # the one that it has overtaken
        if not is_shown:
            self._since[row] = min(flight.since_s, self._since.get(row, flight.since_s))
        self._retarget(row, now_s)
        self._rank(row, now_s)

    def _wait_for_orders(self, row: int, now_s: float) -> None:
        """Do not tell the channel at once to show more than it does."""
        shown = self.pairs.shown[row]
        if shown != NONE and shown < self.pairs.target[row]:
            self._sold_there.add(row)
            self._put_off.put(row, now_s + SOLD_THERE_S)
            self._rank(row, now_s)

    def _put_off_for(self, row: int, seconds: float | None, now_s: float) -> None:
        if seconds is None or not isfinite(seconds):
            tries = self._tries.get(row, 0)
            seconds = min(DEFERRED_MAX_S, DEFERRED_FIRST_S * 2 ** min(tries, 30))
            self._tries[row] = tries + 1
        self._put_off.put(row, now_s + min(seconds, ASKED_MAX_S))

    def _expose(self, row: int) -> None:
        """Count the units that the channel may show beyond what is there."""
        pairs = self.pairs
        exposed = max(0, pairs.most[row] - pairs.there[row])
        self.exposed_units += exposed - pairs.exposed[row]
        pairs.exposed[row] = exposed

    def _prefix(self, row: int) -> str:
        return id_prefix(self._channel, *self.pairs.names[row])
