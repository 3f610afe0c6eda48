"""What the adapters do, as figures: for Prometheus, for `holdfast adapters status`, and against the
service levels that adapters.toml states.

Rules of this file: it takes in what happens, and changes none of it. The lag of an event is from
when it happened, or came in where that is not known, until it is durable in the core. A word that
is not ours makes a label as long as there are few of them: each is a series that is kept.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ..events import FINANCIAL, Event, Exceptional, OrderEvent
from .settings import Objective
from .tallies import Counts, Durations

#: Seconds. A till sale should be in within a fifth of one; a store that was offline, within a day.
LAGS_S: Final = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 300, 3_600, 21_600, 86_400)
#: Seconds. An agent's checkout waits for each answer.
ANSWERS_S: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5)

#: Words for one figure of an adapter. Those that come with Holdfast have some twenty; a partner
#: that makes up types of messages has any number.
WORDS_MAX: Final = 64
OTHER: Final = "other"

_CHARACTERS_MAX: Final = 64


class Figures:
    """The figures of one process."""

    def __init__(
        self,
        flows: Mapping[str, str],
        objectives: Mapping[str, Objective],
        now: Callable[[], datetime],
    ) -> None:
        """`flows` has the flow of each adapter."""
        self.registry = CollectorRegistry()
        self._flows = flows
        self._objectives = objectives
        self._now = now
        self._within: dict[str, list[int]] = {flow: [0, 0] for flow in objectives}

        self.arrivals = self._counter("messages", "Messages that came in.", "arrival")
        self.offers = self._counter("offers", "Offers to channels.", "verdict")
        self.walks = self._counter("walks", "Walks of offers to channels.", "path")
        self.heard = self._counter("heard", "What channels said that they show.", "heard")
        self.sent = self._counter("sent", "Changes sent to partners.", "outcome")
        self._ignored = self._counter("ignored", "Parts without meaning for stock.", "reason")
        self._buried = self._counter("dead_letters_made", "Dead letters.", "reason")
        self._events = self._counts("events", "Events of messages.", "kind")
        self._outcomes = self._counts("outcomes", "What the core did.", "outcome")
        self._lag = self._durations("lag", "From when an event happened until the core has it.")
        self._received = self._durations(
            "delivery", "From when a message came in until the core has its events."
        )
        self._agents = Histogram(
            "holdfast_agents_answer_seconds",
            "How long answers for shopping agents took.",
            ("operation", "status"),
            buckets=ANSWERS_S,
            registry=self.registry,
        )
        self._gauges: dict[str, Gauge] = {}
        self._last: dict[str, datetime] = {}
        self._words: dict[tuple[str, str], set[str]] = {}

    def _counter(self, name: str, text: str, label: str) -> Counter:
        labels = "adapter", label
        return Counter(f"holdfast_adapter_{name}", text, labels, registry=self.registry)

    def _counts(self, name: str, text: str, label: str) -> Counts:
        return Counts(self.registry, f"holdfast_adapter_{name}", text, "adapter", label)

    def _durations(self, name: str, text: str) -> Durations:
        whole = f"holdfast_adapter_{name}_seconds"
        return Durations(self.registry, whole, text, "adapter", LAGS_S)

    def gauge(self, name: str, text: str, adapter: str, read: Callable[[], float]) -> None:
        """A figure of an adapter that is read when it is asked for."""
        if name not in self._gauges:
            whole = f"holdfast_adapter_{name}"
            self._gauges[name] = Gauge(whole, text, ("adapter",), registry=self.registry)
        self._gauges[name].labels(adapter).set_function(read)

    def agent_answered(self, operation: str, status: int, seconds: float) -> None:
        """A request for a shopping agent was answered."""
        self._agents.labels(operation, str(status)).observe(seconds)

    def decoded(self, adapter: str, event: Event) -> None:
        """An event came out of a message."""
        self._events.add(adapter, _kind(event))

    def ignored(self, adapter: str, reason: str) -> None:
        """A message, or a part of one, does not concern stock."""
        self._ignored.labels(adapter, self._word("ignored", adapter, reason)).inc()

    def buried(self, adapter: str, reason: str) -> None:
        """A dead letter was made."""
        self._buried.labels(adapter, self._word("buried", adapter, reason)).inc()

    def settled(self, adapter: str, event: Event, outcome: str, received: datetime | None) -> None:
        """The core has an event."""
        now = self._now()
        self._outcomes.add(adapter, outcome)
        self._last[adapter] = now
        if received is not None:
            self._received.add(adapter, (now - received).total_seconds())
        since = event.time or received
        if since is not None:
            self._judge(adapter, self._flow(adapter, event), (now - since).total_seconds())

    def last(self, adapter: str) -> str:
        """When the core last took an event of an adapter; empty for not since the start."""
        found = self._last.get(adapter)
        return "" if found is None else found.isoformat(timespec="milliseconds")

    def service_levels(self) -> list[dict[str, Any]]:
        """How the flows that have an objective are doing, since the start."""
        return [
            {
                "flow": flow,
                "seconds": objective.seconds,
                "share": objective.share,
                "within": self._within[flow][0],
                "of": self._within[flow][1],
            }
            for flow, objective in self._objectives.items()
        ]

    def _word(self, figure: str, adapter: str, word: str) -> str:
        """A word as a label: itself while there are few, then OTHER."""
        known = self._words.setdefault((figure, adapter), set())
        is_fit = len(word) <= _CHARACTERS_MAX and word.isprintable()  # a lone surrogate is not
        if is_fit and len(known) < WORDS_MAX:
            known.add(word)
        return word if word in known else OTHER

    def _flow(self, adapter: str, event: Event) -> str:
        """That of the adapter; what is about money has one of its own, whoever reports it."""
        is_financial = isinstance(event, OrderEvent) and event.kind in FINANCIAL
        return "financial_posting" if is_financial else self._flows[adapter]

    def _judge(self, adapter: str, flow: str, lag_s: float) -> None:
        self._lag.add(adapter, lag_s)
        if (objective := self._objectives.get(flow)) is not None:
            self._within[flow][0] += lag_s <= objective.seconds
            self._within[flow][1] += 1


def _kind(event: Event) -> str:
    if isinstance(event, Exceptional):
        return "exception"
    return f"order_{event.kind}" if isinstance(event, OrderEvent) else str(event.kind)
