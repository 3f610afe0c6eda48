"""Commands that run adapters and report how they are doing."""

import asyncio
import gc
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from holdfast.edge.cli.console import EXIT_FAILED, Json, console, fail, print_json

from .shared import CONFIG_DEFAULT, Config, loaded, opened_store, plain, read_status, said

if TYPE_CHECKING:
    from ..runtime.host import Host

app = typer.Typer()

#: As the node's when its disk fails (EX_IOERR of sysexits.h).
EXIT_DISK: Final = 74

#: Objects of the youngest generation, and times that each is looked at before the next older one.
THRESHOLDS: Final = (700, 10, 1_000)

#: Findings that a terminal is asked to show.
SHOWN_MAX: Final = 50


@app.command()
def run(config: Config = CONFIG_DEFAULT, as_json: Json = False) -> None:
    """Run all adapters of adapters.toml until SIGTERM or Ctrl-C.

    Examples:

        holdfast adapters run -c adapters.toml
    """
    import uvloop

    from ..runtime.host import Host
    from ..runtime.settings import ConfigError
    from ..runtime.store import StoreFailed

    settings, configured = loaded(config)
    try:
        host = Host(settings, configured)
    except ConfigError as error:
        fail(str(error))
    except StoreFailed as error:
        fail(str(error), exit_code=EXIT_DISK)
    spare_the_loop()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(host, as_json))
    except StoreFailed as error:
        fail(f"the store failed: {error}", "Nothing that was answered is lost.", EXIT_DISK)
    except OSError as error:
        fail(error.strerror or str(error), "Choose another http_address, or end what has it.")


def spare_the_loop() -> None:
    """Keep the collector of cycles from pausing all threads for 60 ms, which is what looking at the
    40,000 events of one body took. Events make no cycles; what does is mostly found young.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


async def _run(host: "Host", as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def ready() -> None:
        names = list(host.inboxes)
        if as_json:
            print_json({"ready": {"http_port": host.http_port, "adapters": names}})
        else:
            typer.echo(f"Serving on port {host.http_port}: {', '.join(names) or 'no adapters'}")

    await host.run(stop, ready)


@app.command()
def status(config: Config = CONFIG_DEFAULT, as_json: Json = False) -> None:
    """Show each adapter: what waits, what failed, which partner is unavailable.

    Examples:

        holdfast adapters status
    """
    report = read_status(config)
    if as_json:
        print_json(report)
    else:
        _print_status(report)


def _print_status(report: dict[str, Any]) -> None:
    from rich.table import Table

    core = report["core"]
    away = f": {plain(core['last_error'])}" if core["last_error"] else ""
    console().print(f"Core {core['target']}: breaker {core['breaker']}{away}")
    table = Table(
        "adapter", "kind", "state", "inbox", "early", "outbox", "dead letters", "last event"
    )
    for each in report["adapters"]:
        table.add_row(
            each["name"],
            each["kind"],
            plain(_state(each)),
            f"{each['inbox']:,}",
            f"{each['early']:,}",
            f"{each['outbox']:,}" if "outbox" in each else "-",
            f"{each['dead_letters']:,}",
            each["last_event"] or "-",
        )
    console().print(table)
    for level in report["service_levels"]:
        share = level["within"] / level["of"] if level["of"] else 1.0
        verdict = "met" if share >= level["share"] else "MISSED"
        console().print(
            f"{level['flow']}: {share:.2%} within {level['seconds']:g} s "
            f"(objective {level['share']:.2%}): {verdict}"
        )
    for whose, count in report["stranded"].items():
        console().print(
            f"Nobody delivers {count:,} of {whose}: name the adapter again in the settings"
        )
    if report["open_cases"]:
        console().print(f"{report['open_cases']:,} open cases: holdfast adapters cases")


def _state(each: dict[str, Any]) -> str:
    if each["paused"]:
        return "paused"
    if each.get("partner", {}).get("breaker", "closed") != "closed":
        return f"partner away: {each['partner']['last_error']}"
    return each.get("problem") or "running"


@app.command("test-connection")
def ask_partners(
    names: Annotated[list[str] | None, typer.Argument(help="Adapters; all by default.")] = None,
    config: Config = CONFIG_DEFAULT,
) -> None:
    """Ask the core and each partner once, and change nothing.

    Examples:

        holdfast adapters test-connection erp
    """
    from ..runtime.checks import connection_problems

    settings, configured = loaded(config)
    wanted = [each for each in configured if not names or each.name in names]
    if names and (unknown := set(names) - {each.name for each in configured}):
        fail(f"no adapter is called {', '.join(sorted(unknown))}")
    results = asyncio.run(connection_problems(settings, wanted))
    for name, problem in results:
        mark, color = ("ok", "green") if not problem else (problem, "red")
        typer.secho(f"{name}: {mark}", fg=color)
    if any(problem for _, problem in results):
        raise typer.Exit(EXIT_FAILED)


@app.command()
def kinds() -> None:
    """List the kinds of adapters that come with Holdfast.

    Examples:

        holdfast adapters kinds
    """
    from rich.table import Table

    from ..runtime.settings import KINDS, find

    table = Table("kind", "reads", "a repeat is known by", "order")
    for kind in sorted(KINDS):
        adapter = find(kind)
        table.add_row(kind, adapter.reads, adapter.dedupe, adapter.order)
    console().print(table)


@app.command()
def pause(
    name: Annotated[str, typer.Argument(help="The adapter.")],
    reason: Annotated[str, typer.Option(help="Why, for others to see.", callback=said)],
    config: Config = CONFIG_DEFAULT,
) -> None:
    """Stop delivering what an adapter brings. It goes on taking messages in.

    Examples:

        holdfast adapters pause erp --reason "month end"
    """
    who = os.environ.get("USER", "")
    order = json.dumps({"reason": reason, "actor": who}).encode()
    _control(config, name, order)
    typer.echo(f"{name} is paused.")


@app.command()
def resume(
    name: Annotated[str, typer.Argument(help="The adapter.")], config: Config = CONFIG_DEFAULT
) -> None:
    """Deliver again what an adapter brings.

    Examples:

        holdfast adapters resume erp
    """
    _control(config, name, None)
    typer.echo(f"{name} runs.")


def _control(config: Path, name: str, order: bytes | None) -> None:
    _, configured = loaded(config)
    if name not in {each.name for each in configured}:
        fail(f"no adapter is called {name!r} in {config}")
    with opened_store(config) as store:
        if order is None:
            store.write_now(lambda tables: tables.controls.delete(name.encode()))
        else:
            store.write_now(lambda tables: tables.controls.put(name.encode(), order))


@app.command()
def conformance(
    kind: Annotated[str, typer.Argument(help="A kind, or module:NAME of your own adapter.")],
    samples: Annotated[Path, typer.Argument(help="A folder with what its partner sends.")],
    options: Annotated[str, typer.Option(help="Its options, as JSON.")] = "{}",
    seed: Annotated[int, typer.Option(help="Another seed damages the samples in other ways.")] = 0,
) -> None:
    """Try an adapter on samples: repeats, damage of all kinds, ids, times, the canonical form.

    A file in the folder is the body of a message; FILE.attributes.json has its headers.

    Examples:

        holdfast adapters conformance my_shop.adapter:ADAPTER samples/
    """
    from pydantic import ValidationError

    from ..conformance import findings, read_samples
    from ..runtime.settings import ConfigError, find
    from ..runtime.settings_problems import problems_of

    try:
        adapter = find(kind)
        chosen = adapter.options.model_validate(json.loads(options))
        found_samples = read_samples(samples)
    except ValidationError as error:
        fail("\n".join(problems_of("options.", error, adapter.options)))
    except json.JSONDecodeError as error:
        fail(f"--options is no JSON: {error}")
    except (ConfigError, OSError, ValueError) as error:
        fail(str(error))
    found = list(findings(adapter, found_samples, chosen, seed))
    for each in found[:SHOWN_MAX]:
        typer.secho(str(each), fg="red")
    if found:
        fail(f"{kind} does not conform: {len(found):,} findings (seed {seed})")
    typer.secho(f"{kind} conforms: {len(found_samples):,} samples (seed {seed})", fg="green")
