"""Tasks, shape and hooks for Locust. `python -m bench.rehearsal` starts it.

Locust loads this file by its path, so it has no package to import from relatively.
"""

import json
from contextlib import suppress
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, ClassVar

import grpc
from locust import LoadTestShape, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from bench.rehearsal.books import Books
from bench.rehearsal.grpc_user import GrpcUser
from bench.rehearsal.profiles import Run
from bench.rehearsal.shopping import EVENTS_A_MESSAGE, EVENTS_A_VISIT, Feed, Shopping
from bench.rehearsal.tally import End, Tally
from bench.rehearsal.visits import Shop, Source

SPAWN_RATE_MAX = 100.0  # users a second; Locust warns of more


class Shopper(GrpcUser):
    """Visits the shop again and again, each time as somebody else."""

    shop: ClassVar[Shop]

    @task  # type: ignore[untyped-decorator]
    def visit(self) -> None:
        """One visit. A call that fails ends it, and is counted by the interceptor."""
        self.begin_visit()
        with suppress(grpc.RpcError):
            self.shop.visit(self.stubs)


class StockFeed(GrpcUser):
    """Reports facts about stock while the storm lasts."""

    sources: ClassVar[list[Source]]

    def on_start(self) -> None:
        """Become one of the sources."""
        self._source = self.sources.pop()
        super().on_start()

    @task  # type: ignore[untyped-decorator]
    def deliver(self) -> None:
        """One message."""
        if Shape.run.is_storm_at(perf_counter() - Shape.began):
            self.begin_visit()
            with suppress(grpc.RpcError):
                self._source.deliver(self.stubs)


class Shape(LoadTestShape):  # type: ignore[misc]  # checks run without locust
    """As many users as the profile has at each moment."""

    run: ClassVar[Run]
    began: ClassVar[float]
    cpu_before_s: ClassVar[float]
    """Processor time that this process had used before the run."""

    def tick(self) -> tuple[int, float] | None:
        """The number of users, and how many may start a second; None ends the run."""
        users = self.run.users_at(perf_counter() - self.began)
        return None if users is None else (users + self.run.profile.feeds, SPAWN_RATE_MAX)


def add_options(parser: LocustArgumentParser) -> None:
    """Options for the run and its record."""
    parser.add_argument("--run-file", type=Path, required=True, help="the run, as JSON")
    parser.add_argument("--record-file", type=Path, required=True, help="where to record it")


def begin(environment: Environment, **_: Any) -> None:
    """Set up what users share."""
    assert environment.parsed_options is not None
    run = Run(**json.loads(environment.parsed_options.run_file.read_text("utf-8")))
    books = Books(run.stock, run.hold_s)
    Shopper.interval_s = run.interval_s
    Shopper.shop = Shop(Shopping(run), books, perf_counter)
    feeds = run.profile.feeds
    StockFeed.fixed_count = feeds
    StockFeed.interval_s = feeds * EVENTS_A_MESSAGE / (run.rate * EVENTS_A_VISIT)
    StockFeed.sources = [Source(Feed(run, number), books, perf_counter) for number in range(feeds)]
    if not feeds:
        environment.user_classes.remove(StockFeed)
    _count_calls(environment)
    Shape.run, Shape.began, Shape.cpu_before_s = run, perf_counter(), process_time()


def _count_calls(environment: Environment) -> None:
    GrpcUser.tally = tally = Tally()

    def on_request(
        request_type: str, name: str, response_time: float, exception: object, **_: Any
    ) -> None:
        tally.call(name, End(request_type), response_time, exception)

    def on_user_error(exception: Exception, **_: Any) -> None:
        tally.wrong(exception)

    hooks: Any = environment.events
    hooks.request.add_listener(on_request)
    hooks.user_error.add_listener(on_user_error)


def end(environment: Environment, **_: Any) -> None:
    """Write the record."""
    assert environment.parsed_options is not None
    seconds = perf_counter() - Shape.began
    shopping = Shopper.shop.shopping
    record = {
        **GrpcUser.tally.to_json(),
        "books": Shopper.shop.books.to_json(),
        "seconds": seconds,
        "hot_calls_ratio": shopping.hot_calls / max(1, shopping.calls),
        "generator_cpu_ratio": (process_time() - Shape.cpu_before_s) / seconds,
    }
    environment.parsed_options.record_file.write_text(json.dumps(record), "utf-8")


_hooks: Any = events  # Locust does not type them
_hooks.init_command_line_parser.add_listener(add_options)
_hooks.init.add_listener(begin)
_hooks.quitting.add_listener(end)
