"""Counters and histograms of what happens to each of thousands of events a second, for
Prometheus when it asks. Its own take a lock and check a label each time: a third of an event.

Rules of this file: the event loop counts, so no lock is taken.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import inf
from typing import Final

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry


class Counts(Collector):
    """How often something happened, by labels."""

    def __init__(self, registry: CollectorRegistry, name: str, text: str, *labels: str) -> None:
        self._family = name, text, labels
        self._counts: defaultdict[tuple[str, ...], int] = defaultdict(int)
        registry.register(self)

    def add(self, *labels: str) -> None:
        """It happened."""
        self._counts[labels] += 1

    def collect(self) -> Iterator[CounterMetricFamily]:
        """What it has come to."""
        name, text, labels = self._family
        family = CounterMetricFamily(name, text, labels=labels)
        for values, count in self._counts.items():
            family.add_metric(values, count)
        yield family


class Durations(Collector):
    """How long something took, in seconds, by one label."""

    def __init__(
        self, registry: CollectorRegistry, name: str, text: str, label: str, ends_s: Sequence[float]
    ) -> None:
        """`ends_s` are the upper ends of the buckets, each of which counts what it takes."""
        self._family = name, text, (label,)
        self._ends_s: Final = (*map(float, ends_s), inf)
        self._counts: defaultdict[str, list[int]] = defaultdict(lambda: [0] * len(self._ends_s))
        self._sums: defaultdict[str, float] = defaultdict(float)
        registry.register(self)

    def add(self, label: str, seconds: float) -> None:
        """It took so long."""
        self._counts[label][bisect_left(self._ends_s, seconds)] += 1
        self._sums[label] += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What it has come to."""
        name, text, labels = self._family
        family = HistogramMetricFamily(name, text, labels=labels)
        for label, counts in self._counts.items():
            names = ("+Inf" if end == inf else str(end) for end in self._ends_s)
            buckets = list(zip(names, accumulate(counts), strict=True))
            family.add_metric((label,), buckets, self._sums[label])
        yield family
