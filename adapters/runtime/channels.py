"""All channels of a process, put together: one view of the core's levels, and a publisher for each.

Rules of this file: it joins parts and reports figures; what things do is elsewhere.
"""

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from holdfast.edge.client import Client

from ..contract import Publish
from ..mapping import Tables
from ..publishing.board import Board
from ..publishing.items import Items
from ..publishing.outages import Claims
from ..publishing.publish_options import PublishOptions
from .controls import is_paused
from .flow_metrics import Figures
from .gate import Breaker
from .levels import Levels
from .partner import Partner
from .publisher import Publisher
from .read_back import Reader
from .settings import Configured
from .store import Store

#: Shares of ages that are reported.
SHARES = {"lag_p50_s": 0.5, "lag_p99_s": 0.99}


class Channels:
    """The channels of a process."""

    def __init__(
        self,
        configured: Sequence[Configured],
        *,
        store: Store,
        client: Client,
        partners: Mapping[str, Partner],
        figures: Figures,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        published = [each.settings.publish for each in configured if each.settings.publish]
        self.levels = Levels(
            {location for each in published for some in each.nodes.values() for location in some},
            store=store,
            client=client,
            clock=clock,
        )
        self.publishers: dict[str, Publisher] = {}
        self.readers: dict[str, Reader] = {}
        self._sellers: dict[str, list[str]] = {}
        for channel in configured:
            if (options := channel.settings.publish) is not None:
                for adapter in {channel.name, *options.orders}:
                    self._sellers.setdefault(adapter, []).append(channel.name)
        self._claims = Claims()
        self._partners = partners
        self._store = store
        self._figures = figures
        self._now = now
        self._clock = clock

    def add(
        self,
        configured: Configured,
        publish: Publish,
        options: PublishOptions,
        *,
        partner: Partner,
        tables: Tables,
    ) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        """What runs for a channel."""
        name = configured.name
        board = Board(name, options, Items(tables, self._now()), self.levels.known, self._claims)
        self.publishers[name] = publisher = Publisher(
            configured,
            publish,
            board,
            levels=self.levels,
            store=self._store,
            partner=partner,
            is_away=partial(self.is_away, {name, *options.orders}),
            figures=self._figures,
            now=self._now,
            clock=self._clock,
        )
        self.levels.boards.append(board)
        self.levels.changed.append(publisher.arrived)
        self._show(name, board)
        if publish.read_back is None:
            return [publisher.run]
        self.readers[name] = reader = Reader(
            publish.read_back,
            publisher,
            configured.options,
            store=self._store,
            partner=partner,
        )
        return [publisher.run, reader.run]

    def hear_sale(self, adapter: str, sold: datetime) -> None:
        """The core now has what an adapter's partner sold then."""
        for name in self._sellers.get(adapter, ()):
            self.publishers[name].hear_sale(sold)

    def is_away(self, adapters: Iterable[str]) -> bool:
        """Whether any of these adapters does not reach its partner, or is paused."""
        return any(map(self._is_cut_off, adapters))

    def _is_cut_off(self, adapter: str) -> bool:
        partner = self._partners.get(adapter)
        is_down = partner is not None and partner.gate.breaker is not Breaker.CLOSED
        return is_down or is_paused(self._store, adapter)

    def problem(self, name: str) -> str:
        """What is wrong with a channel; empty where nothing is."""
        reader = self.readers.get(name)
        unread = reader.last_error if reader else ""
        return (
            self.publishers[name].problem
            or self.levels.watch_error
            or (unread and f"it is not read back: {unread}")
        )

    def status(self, name: str, options: PublishOptions) -> dict[str, Any]:
        """How a channel is doing, for operators."""
        publisher = self.publishers[name]
        board = publisher.board
        lags = {key: board.lags.quantile(share) for key, share in SHARES.items()}
        return {
            "pairs": len(board),
            "dirty": board.dirty,
            "oldest_dirty_s": board.oldest_s(self._clock()),
            "rejected": board.rejected,
            "buffer_units": board.buffer_units,
            "exposed_units": board.exposed_units,
            "bound": options.max_oversell.model_dump() | {"age_s": board.age_s},
            "core_silent_s": self.levels.silent_s,
            **lags,
        }

    def _show(self, name: str, board: Board) -> None:
        """Let Prometheus read how a channel is doing."""
        gauge = self._figures.gauge
        gauge("pairs", "Items of channels at their nodes.", name, lambda: len(board))
        gauge(
            "pairs_dirty", "Those that do not show yet what they are to.", name, lambda: board.dirty
        )
        gauge(
            "pairs_oldest_seconds",
            "How long the longest of them has not.",
            name,
            lambda: board.oldest_s(self._clock()),
        )
        gauge("pairs_rejected", "Those that the channel rejects.", name, lambda: board.rejected)
        gauge("buffer_units", "Units kept back for the bound.", name, lambda: board.buffer_units)
        gauge(
            "exposed_units",
            "Units that a channel may show beyond what is there.",
            name,
            lambda: board.exposed_units,
        )
        for key, share in SHARES.items():
            gauge(
                f"publish_{key.removesuffix('_s')}_seconds",
                "Age of values when the channel has taken them, at this share.",
                name,
                partial(_lag_s, board, share),
            )


def _lag_s(board: Board, share: float) -> float:
    return board.lags.quantile(share)
