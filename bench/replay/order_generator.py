"""Made-up orders with the shape of a real year: the same seed and count give the same events.

Beside each parameter stands what was measured on goods in the real year (UCI Online Retail).
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .orders import RETURN_PREFIX, Found, Invoice, OrderEvent, OrderLine, Return, WriteOff

INVOICES_DEFAULT: Final = 2_000  # about 55,000 lines, a tenth of the real year
SEED_DEFAULT: Final = 1
SKU_COUNT: Final = 3_900  # 3,901 SKUs sold
# Popularity: weights spread like a lognormal. At 1.2 the top 1 / 10 / 20 / 50 % of the SKUs get
# 11 / 44 / 62 / 88 % of the lines; measured 9 / 44 / 64 / 92 %.
SKU_WEIGHT_SIGMA: Final = 1.2
# Lines of an invoice: lognormal; median 13 and mean 28, measured 15 and 26.7.
LINES_MU, LINES_SIGMA = 2.58, 1.24
LINES_MAX: Final = 1_112  # the largest real invoice of goods
REPEAT_SHARE: Final = 0.02  # 2.0 % of lines name a SKU that their invoice already has
# Quantity of a line and its permille of the lines; the rare large ones are folded into 100 and 500.
# Median 3 and mean 10.0, measured 3 and 10.6.
QUANTITIES: Final = (1, 2, 3, 4, 5, 6, 8, 10, 12, 20, 24, 36, 48, 72, 100, 500)
QUANTITY_PERMILLE: Final = (277, 154, 70, 73, 26, 82, 28, 45, 120, 22, 49, 14, 18, 7, 12, 3)
RETURNS_PER_INVOICE: Final = 0.173  # 3,422 returns on 19,790 invoices
RETURN_LINES_MU, RETURN_LINES_SIGMA = 0.56, 0.73  # mean 2.5 lines, median 1
RETURN_FROM_LAST: Final = 200  # goods come back within some weeks
WRITE_OFFS_PER_INVOICE: Final = 0.067  # 1,324 write-offs
WRITE_OFF_MU, WRITE_OFF_SIGMA = 3.35, 1.78  # median 30 units, mean 156
WRITE_OFF_REASONS: Final = ("", "check", "damages", "thrown away", "?")
FOUND_PER_INVOICE: Final = 0.038  # 748 corrections upwards
FOUND_MU, FOUND_SIGMA = 2.26, 1.80  # median 8 units, mean 68
FOUND_REASONS: Final = ("", "found", "check", "adjustment")
CORRECTION_MAX: Final = 9_600  # the largest write-off
FIRST_NUMBER: Final = 100_001
FIRST_AT: Final = datetime.fromisoformat("2011-01-01 08:00:00")
SPAN: Final = timedelta(days=364)  # spread over a year, whatever the count


def generate_orders(
    seed: int = SEED_DEFAULT, invoices: int = INVOICES_DEFAULT
) -> Iterator[OrderEvent]:
    """Events shaped like the real year; the same seed and count give the same events."""
    shop = _Shop(np.random.default_rng(seed))
    for index in range(invoices):
        at = FIRST_AT + SPAN * index // invoices
        yield from shop.events(at.replace(second=0, microsecond=0))


class _Shop:
    """Draws events one after the other; the order of the draws is part of the result."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._skus = [f"SKU-{index:05d}" for index in range(1, SKU_COUNT + 1)]
        self._sku_shares = _sku_shares()
        self._quantity_shares = np.array(QUANTITY_PERMILLE) / 1_000
        self._sold: deque[Invoice] = deque(maxlen=RETURN_FROM_LAST)
        self._number = FIRST_NUMBER

    def events(self, at: datetime) -> Iterator[OrderEvent]:
        invoice = self._invoice(at)
        self._sold.append(invoice)
        yield invoice
        if self._rng.random() < RETURNS_PER_INVOICE:
            yield self._return(at)
        if self._rng.random() < WRITE_OFFS_PER_INVOICE:
            line = self._correction(WRITE_OFF_MU, WRITE_OFF_SIGMA)
            yield WriteOff(self._next_number(), at, line, self._pick(WRITE_OFF_REASONS))
        if self._rng.random() < FOUND_PER_INVOICE:
            line = self._correction(FOUND_MU, FOUND_SIGMA)
            yield Found(self._next_number(), at, line, self._pick(FOUND_REASONS))

    def _invoice(self, at: datetime) -> Invoice:
        skus = self._some_skus(self._lognormal(LINES_MU, LINES_SIGMA, LINES_MAX))
        repeated = self._rng.random(len(skus)) < REPEAT_SHARE
        skus += [sku for sku, again in zip(skus, repeated.tolist(), strict=True) if again]
        quantities = self._rng.choice(QUANTITIES, size=len(skus), p=self._quantity_shares)
        lines = tuple(map(OrderLine, skus, quantities.tolist()))
        return Invoice(self._next_number(), at, lines)

    def _return(self, at: datetime) -> Return:
        """Some whole lines of a recent invoice."""
        sold = self._sold[int(self._rng.integers(len(self._sold)))].lines
        count = self._lognormal(RETURN_LINES_MU, RETURN_LINES_SIGMA, len(sold))
        chosen = self._rng.choice(len(sold), size=count, replace=False).tolist()
        return Return(RETURN_PREFIX + self._next_number(), at, tuple(sold[i] for i in chosen))

    def _correction(self, mu: float, sigma: float) -> OrderLine:
        return OrderLine(self._some_skus(1)[0], self._lognormal(mu, sigma, CORRECTION_MAX))

    def _some_skus(self, count: int) -> list[str]:
        chosen = self._rng.choice(SKU_COUNT, size=count, replace=False, p=self._sku_shares)
        return [self._skus[index] for index in chosen.tolist()]

    def _lognormal(self, mu: float, sigma: float, at_most: int) -> int:
        return min(max(round(self._rng.lognormal(mu, sigma)), 1), at_most)

    def _pick(self, texts: Sequence[str]) -> str:
        return texts[int(self._rng.integers(len(texts)))]

    def _next_number(self) -> str:
        self._number += 1
        return str(self._number - 1)


def _sku_shares() -> NDArray[np.float64]:
    """The chance of each SKU to be the one on a line, the most popular last."""
    normal = NormalDist(sigma=SKU_WEIGHT_SIGMA)
    ranks = ((index + 0.5) / SKU_COUNT for index in range(SKU_COUNT))
    weights = np.array([math.exp(normal.inv_cdf(rank)) for rank in ranks])
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares
