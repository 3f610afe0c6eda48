"""Who acts in the demonstration: customers online, tills, the warehouse, the ERP's late count.

Rules of this file: what is done goes into the books when it is certain. Chance comes from the seed,
and which order of two things comes first from the machine.
"""

import asyncio
import time
from collections.abc import Container, Iterator
from random import Random
from typing import Final

from holdfast.edge.client import Client, HoldfastError
from holdfast.v1 import reservation_service_pb2 as reservation

from .books import Books, Sold
from .channels import Channel, Pair
from .day import COUNTED_STORE, HOT, RETURNING_STORE, SKUS, STORES, WAREHOUSE, Day
from .posting import Intake

#: Seconds from an order's commit until the warehouse ships it, at least.
PICKING_S: Final = 2.0

#: One of so many orders is cancelled by its customer at once.
CANCELLED_EVERY: Final = 12

#: Seconds until a broken watch is begun again.
_AGAIN_S: Final = 0.5

_LOOK_S: Final = 0.1


class Trade:
    """The day's trade."""

    def __init__(
        self, day: Day, opened: float, channels: tuple[Channel, ...], intake: Intake
    ) -> None:
        self.books = Books()
        self.refused = 0
        """Customers who wanted more than was shown."""
        self._day = day
        self._opened = opened
        self._channels = {each.name: each for each in channels}
        self._intake = intake
        self._promised: list[str] = []
        """Reservations that the warehouse may ship."""
        self._known: set[str] = set()
        """Orders that the node has promised."""

    @property
    def at(self) -> float:
        """Seconds since the doors opened."""
        return time.time() - self._opened

    def open_orders(self) -> int:
        """How many are sold and have neither left nor been cancelled."""
        return sum(not each.shipped and not each.cancelled for each in self.books.orders.values())

    def unpromised(self, until: float, channels: Container[str]) -> list[str]:
        """Orders that channels had sold until a time, and that the node has not promised. Those
        that were cancelled at once need not come to it.
        """
        return [
            order
            for order, sold in self.books.orders.items()
            if sold.channel in channels and sold.at <= until
            if not sold.cancelled and order not in self._known
        ]

    async def customers(self) -> None:
        """People buy online until the doors close."""
        chance = Random(f"{self._day.seed} online")
        while self.at < self._day.seconds:
            phase = self._day.phase(self.at)
            await asyncio.sleep(chance.expovariate(phase.online))
            channel = chance.choice(list(self._channels.values()))
            self._buy(channel, _pick(channel, chance, phase.hot_share), chance.choice((1, 1, 2)))

    def _buy(self, channel: Channel, pair: Pair, quantity: int) -> None:
        order = channel.sell(pair, quantity)
        if order is None:
            self.refused += 1
            return
        sold = Sold(channel.name, channel.order(order), pair.level, quantity, self.at)
        self.books.orders[order] = sold
        if len(self.books.orders) % CANCELLED_EVERY == 0:
            sold.cancelled = True
            channel.cancel(sold.id, quantity)

    async def tills(self) -> None:
        """People buy in the stores until the doors close."""
        chance = Random(f"{self._day.seed} tills")
        async with asyncio.TaskGroup() as group:
            while self.at < self._day.seconds:
                phase = self._day.phase(self.at)
                await asyncio.sleep(chance.expovariate(phase.tills))
                sku = HOT if chance.random() < phase.hot_share else chance.choice(SKUS)
                group.create_task(self._sell(chance.choice(STORES), sku))

    async def _sell(self, store: str, sku: str) -> None:
        level = sku, store
        if self.books.on_hand(level) - self.books.promised(level) <= 0:
            return  # nobody carries home what is not on the shelf, or put by for somebody
        self.books.till_sales[level] += 1
        self.books.receipts += 1
        await self._intake.sell(store, sku, 1, time.time())

    async def watch(self, client: Client) -> None:
        """Note which orders are promised, until the task is cancelled."""
        token = ""
        while True:
            try:
                async for response in client.watch_reservations(resume_token=token):
                    token = response.resume_token
                    promised = [
                        each.reservation_id
                        for each in response.changes
                        if each.state == reservation.RESERVATION_STATE_COMMITTED
                        and each.reservation_id in self.books.orders
                    ]
                    self._promised += promised
                    self._known.update(promised)
            except HoldfastError:
                await asyncio.sleep(_AGAIN_S)

    async def warehouse(self) -> None:
        """Ship what is promised, until the task is cancelled."""
        while True:
            picked, self._promised = self._promised, []
            if not picked:
                await asyncio.sleep(_LOOK_S)
                continue
            await asyncio.sleep(PICKING_S)
            for order in picked:
                await self._ship(order)

    async def _ship(self, order: str) -> None:
        sold = self.books.orders.get(order)
        if sold is None or sold.cancelled or sold.shipped:
            return
        sold.shipped = True
        await self._intake.ship(order)
        self._channels[sold.channel].ship(sold.id, sold.quantity)

    async def return_in_store(self) -> None:
        """Somebody brings an online order back to a store."""
        await self._until(self._day.return_at)
        order, sold = next(self._shipped(), ("", None))
        if sold is None:
            return
        sold.returned = True
        sku = sold.level[0]
        self.books.returns[sku, RETURNING_STORE] += sold.quantity
        await self._intake.bring_back(RETURNING_STORE, sku, sold.quantity, order, time.time())

    def _shipped(self) -> Iterator[tuple[str, Sold]]:
        return ((order, sold) for order, sold in self.books.orders.items() if sold.shipped)

    async def late_count(self) -> None:
        """The ERP's count of a store comes long after its instant, while the store went on."""
        await self._until(self._day.count_of)
        level = SKUS[1], COUNTED_STORE
        counted, at = self.books.on_hand(level), time.time()
        await self._until(self._day.count_at)
        await self._intake.count(level, counted, at)

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - self.at))


def _pick(channel: Channel, chance: Random, hot_share: float) -> Pair:
    """What a customer wants: mostly from the warehouse."""
    wanted = HOT if chance.random() < hot_share else chance.choice(SKUS)
    pairs = [pair for pair in channel.pairs if pair.level[0] == wanted]
    stocked = [pair for pair in pairs if pair.level[1] == WAREHOUSE]
    return chance.choice(pairs + stocked)
